"""`torchsmith recipes` and `train --recipe`."""

import json
import re
import subprocess
import sys

import pytest

from torchsmith.recipes.catalogue import NAMES, recipe_text


def test_recipes_are_listed_in_the_order_in_which_they_teach(run_cli):
    assert run_cli("recipes", "--quiet").stdout.split() == list(NAMES)
    table = run_cli("recipes").stdout
    assert table.index("sine-cubic") < table.index("optimizers")
    rows = json.loads(run_cli("recipes", "--json").stdout)["recipes"]
    assert set(rows[0]) == {"name", "kind", "what", "time"}


def test_a_recipe_is_shown_as_the_file_that_can_be_run(run_cli):
    shown = run_cli("recipes", "show", "optimizers").stdout
    assert shown.rstrip() == recipe_text("optimizers").rstrip()


def test_a_lesson_is_shown_with_its_settings_as_a_program(run_cli):
    shown = run_cli("recipes", "show", "sine-cubic").stdout
    assert "#   --set steps=2000\n" in shown
    compile(shown, "lesson.py", "exec")


def test_an_unknown_recipe_is_one_line_with_a_near_name(run_cli):
    for arguments in (["recipes", "show"], ["train", "--recipe"]):
        result = run_cli(*arguments, "mnist-mlp")
        assert result.exit_code == 2
        assert result.stderr.splitlines()[-1].startswith("error: no recipe 'mnist-mlp'")
        assert "did you mean 'mnist-mlp-" in result.stderr


def test_listing_recipes_imports_no_torch():
    code = """
import sys
from torchsmith.cli.main import cli
cli(["recipes"], standalone_mode=False)
cli(["recipes", "show", "optimizers"], standalone_mode=False)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_lesson_prints_what_it_found_and_where_its_files_are(run_cli, tmp_path):
    result = run_cli(
        *("train", "--recipe", "sine-cubic", "--set", "steps=20"),
        *("--set", "points=50", "--seed", "1"),
    )
    assert result.exit_code == 0
    assert "autograd: 20 steps, error " in result.stderr
    assert "error after the last step" in result.stdout
    (folder,) = (tmp_path / "runs").iterdir()
    assert f"Program: runs/{folder.name}/lesson.py" in result.stdout
    assert json.loads((folder / "lesson.json").read_text())["settings"]["seed"] == 1


def test_a_study_prints_its_table_its_progress_and_its_json(run_cli):
    asked = (
        *("train", "--recipe", "optimizers", "--epochs", "1", "--seed", "0"),
        *("--set", "training.batch_size=512", "--name", "quick"),
    )
    result = run_cli(*asked)
    assert result.exit_code == 0, result.output
    assert "9 of 9 together: 9 variants, seed 0" in result.stderr
    assert "momentum" in result.stdout
    assert re.search(r"momentum .* 1 +\d+\.\d *$", result.stdout, re.MULTILINE)
    assert "One seed, so no intervals" in result.stdout
    assert "-quick/report.html" in result.stdout
    again = run_cli("train", "--resume", "--json")
    assert "nothing to resume" in again.stderr
    row = json.loads(again.stdout)["table"][1]
    assert row["variant"] == "momentum"
    assert row["score"]["low"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digits", "--recipe", "optimizers"], "cannot go together"),
        (["--recipe", "optimizers", "--budget", "9"], "a budget cannot go together"),
        (["--recipe", "sine-cubic", "--epochs", "3"], "has no such setting; it has"),
        (["--recipe", "sine-cubic", "--set", "lr=fast"], "lr: must be a number"),
    ],
)
def test_wrong_use_of_a_recipe_is_one_clear_line(run_cli, arguments, message):
    result = run_cli("train", *arguments)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("error: ")
    assert message in result.stderr


def test_seeds_from_the_command_line_print_mean_spread_and_members(run_cli, tmp_path):
    network = ("--set", "network={MLP: [16]}")
    network = (*network, "--set", "split.val=0.15")
    asked = ("train", "iris", "--epochs", "1", *network, "--seeds")
    result = run_cli(*asked, "0,2")
    assert result.exit_code == 0, result.output
    assert "2 of 2 together: as planned, seeds 0, 2" in result.stderr
    assert "Means over 2 seeds" in result.stdout
    assert "lowest" in result.stdout
    table = result.stdout.replace("\N{NO-BREAK SPACE}", " ")
    assert re.search(r"as planned +\d+(\.\d)? % \(\S+ – \S+ %\)", table), table
    assert re.search(r"standard deviation [\d.]+ points", table), table
    assert "difference" not in result.stdout
    (folder,) = (tmp_path / "runs").iterdir()
    names = sorted(path.name for path in (folder / "runs").iterdir())
    assert names == ["as-planned-seed0", "as-planned-seed2"]
    for wrong in ("a", "0", "1,1"):
        result = run_cli(*asked, wrong)
        assert result.exit_code == 2
        assert "seeds" in result.stderr.splitlines()[-1]
