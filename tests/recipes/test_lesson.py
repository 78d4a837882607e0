"""Lessons: plain programs, their settings, what they find."""

import ast
import subprocess
import sys

import pytest

from torchsmith.core.errors import PlanError
from torchsmith.recipes.catalogue import ENTRIES, recipe

LESSONS = [entry.name for entry in ENTRIES if entry.kind == "lesson"]
SINE = recipe("sine-cubic")
FEW = {"points": 50, "steps": 20}


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_needs_nothing_of_torchsmith(name):
    allowed = {*sys.stdlib_module_names, "torch", "numpy"}
    imported = set()
    for node in ast.walk(ast.parse(recipe(name).source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported - allowed == set()


def test_settings_are_read_without_running_the_program():
    code = """
import sys
from torchsmith.recipes.catalogue import recipe
assert recipe("sine-cubic").settings["lr"] == 1e-6
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_settings_are_chosen_and_texts_are_read():
    chosen = SINE.choose({"steps": "20", "lr": 1, "training.seed": 3})
    assert chosen == {"points": 1000, "steps": 20, "lr": 1.0, "seed": 3}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"step": 3}, "step: sine-cubic has no such setting; did you mean 'steps'"),
        ({"training.epochs": 3}, "no such setting; it has points, steps, lr, seed"),
        ({"folder": "x"}, "no such setting"),
        ({"steps": "many"}, "steps: must be a whole number, got 'many'"),
        ({"steps": 2.5}, "steps: must be a whole number, got 2.5"),
        ({"steps": True}, "steps: must be a whole number, got True"),
        ({"steps": 0}, "steps: must be at least 1, got 0"),
        ({"seed": -1}, "seed: must be at least 0, got -1"),
        ({"lr": 0}, "lr: must be above 0, got 0"),
        ({"lr": "fast"}, "lr: must be a number, got 'fast'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(PlanError, match=message):
        SINE.choose(settings)


def test_a_lesson_finds_the_same_numbers_again_bit_for_bit():
    told = []
    first = SINE.run(SINE.choose(FEW), told.append)
    assert SINE.run(SINE.choose(FEW), told.append) == first
    assert SINE.run(SINE.choose(FEW | {"seed": 1}), told.append) != first
    assert told[0] == "20 steps, gradients by hand"


def test_the_three_ways_to_the_cubic_agree_and_come_closer():
    result = SINE.run(SINE.choose(FEW | {"lr": 1e-5}), [].append)
    assert result.numbers["largest difference between the ways"] < 1e-9
    numbers = result.numbers
    assert (
        numbers["error before the last step"] < numbers["error before the first step"]
    )
    (rows,) = result.tables.values()
    assert [row["way"] for row in rows] == ["by hand", "autograd", "nn.Module"]


def test_the_program_runs_on_its_own_with_the_settings_of_the_run(tmp_path):
    script = tmp_path / "lesson.py"
    script.write_text(SINE.program(SINE.choose(FEW)))
    done = subprocess.run(
        [sys.executable, "-I", str(script)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("20 steps, gradients by hand\n")
