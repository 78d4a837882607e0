"""Lessons: plain programs, their settings, what they find."""

import ast
import math
import re
import subprocess
import sys

import pytest

from torchsmith.core.errors import PlanError
from torchsmith.recipes.catalogue import ENTRIES, recipe

LESSONS = [entry.name for entry in ENTRIES if entry.kind == "lesson"]
AUTOGRAD = recipe("autograd-basics")
SINE = recipe("sine-cubic")
LADDER = recipe("mnist-ladder")
FEW = {"points": 50, "steps": 20}
SMALL = {"examples": 640, "epochs": 1}


def found(lesson, given=None, folder=""):
    """What a lesson finds with some settings."""
    return lesson.run(lesson.choose(given or {}), [].append, folder)


@pytest.fixture
def mnist(shared_data):
    return str(shared_data / "mnist")


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
    ("lesson", "settings", "message"),
    [
        (SINE, {"step": 3}, "step: the lesson sine-cubic has no such setting; did"),
        (
            SINE,
            {"training.epochs": 3},
            "^epochs: the .*; it has points, steps, lr, seed",
        ),
        (SINE, {"folder": "x"}, "no such setting"),
        (SINE, {"steps": "many"}, "steps: must be a whole number, got 'many'"),
        (SINE, {"steps": "["}, r"steps: \[: not YAML"),
        (SINE, {"steps": 2.5}, "steps: must be a whole number, got 2.5"),
        (SINE, {"steps": True}, "steps: must be a whole number, got True"),
        (SINE, {"steps": 0}, "steps: must be at least 1, got 0"),
        (SINE, {"seed": -1}, "seed: must be at least 0, got -1"),
        (SINE, {"seed": 2**63}, "seed: must be at most 9223372036854775807, got 9"),
        (SINE, {"lr": 0}, "lr: must be above 0, got 0"),
        (SINE, {"lr": "fast"}, "lr: must be a number, got 'fast'"),
        (SINE, {"lr": math.inf}, "lr: must be finite, got inf"),
        (AUTOGRAD, {"h": -1e-6}, "h: must be above 0, got -1e-06"),
        (AUTOGRAD, {"x": math.nan}, "x: must be finite, got nan"),
        (AUTOGRAD, {"c": 1.0}, "c: the lesson autograd-basics has no .*; it has x, a,"),
        (LADDER, {"batch_size": 0}, "batch_size: must be at least 1, got 0"),
        (LADDER, {"example": 3}, "no such setting; did you mean 'examples'"),
    ],
)
def test_settings_that_cannot_be_are_refused(lesson, settings, message):
    with pytest.raises(PlanError, match=message):
        lesson.choose(settings)


def test_the_gradients_of_the_small_expressions_are_those_of_calculus():
    result = found(AUTOGRAD)
    assert result.numbers == {
        "dy/dx": 5.75,
        "dz/dx": 14.0,
        "dz/da": 64.0,
        "dz/db": 33.0,
        "dz/dx after backward twice": 28.0,
    }
    ways, between = result.tables.values()
    for row in ways:
        assert row["by the rules"] == row["autograd"]
        assert row["measured"] == pytest.approx(row["autograd"], rel=1e-6)
    assert [(row["tensor"], row["value"], row["gradient of z"]) for row in between] == [
        ("a", 2.0, 64.0),
        ("b", 1.0, 33.0),
        ("x", 7.0, 2.0),
        ("y", 23.0, 3.0),
        ("z", 83.0, 1.0),
    ]


@pytest.mark.parametrize("x", [-2.5, 0.0, 2.0, 1000.0])
def test_the_gradients_agree_at_other_places_too(x):
    numbers = found(AUTOGRAD, {"x": x, "a": x, "b": -x}).numbers
    assert numbers["dy/dx"] == pytest.approx(3 * x**2 - 12 * x + 11)
    assert numbers["dz/da"] == pytest.approx(4 + 30 * x)
    assert numbers["dz/db"] == pytest.approx(6 + 27 * x**2)


def test_a_step_that_is_no_small_one_is_named():
    with pytest.raises(AssertionError, match=r"dy/dx measured over h = 1 is 6\.75"):
        found(AUTOGRAD, {"h": 1.0})


def test_a_lesson_tells_where_the_parts_of_a_gradient_come_from():
    told = []
    AUTOGRAD.run(AUTOGRAD.choose({}), told.append)
    assert told[0] == "y = (x - 1)(x - 2)(x - 3) at x = 3.5: dy/dx = 5.75"
    assert "  dz/da = 4 through x + 60 through y = 64" in told


def test_a_lesson_finds_the_same_numbers_again_bit_for_bit():
    first = found(SINE, FEW)
    assert found(SINE, FEW) == first
    assert found(SINE, FEW | {"seed": 1}) != first


def test_the_three_ways_to_the_cubic_agree_and_come_closer():
    result = found(SINE, FEW | {"lr": 1e-5})
    numbers = result.numbers
    assert numbers["largest difference between the ways"] < 1e-9
    assert numbers["error after the last step"] < numbers["error before the first step"]
    (rows,) = result.tables.values()
    ways = ["by hand", "autograd", "nn.Module", "best cubic"]
    assert [row["way"] for row in rows] == ways
    assert rows[-1]["error"] < rows[0]["error"]
    assert (rows[-1]["a"], rows[-1]["c"]) == (0, 0)


def test_descent_comes_to_the_best_cubic_when_it_goes_on():
    numbers = found(SINE, {"points": 20, "steps": 1500, "lr": 2e-4}).numbers
    best = numbers["error of the best cubic"]
    assert best < numbers["error after the last step"] < 1.01 * best


def test_each_way_takes_every_step_with_the_same_weights():
    torch = pytest.importorskip("torch")
    x = torch.linspace(-3, 3, 30, dtype=torch.float64)
    start = torch.tensor([0.3, -0.2, 0.1, 0.4], dtype=torch.float64)
    ways = SINE.function_named("WAYS")
    records = [fit(x, x.sin(), start, 7, 1e-5) for fit in ways.values()]
    assert all(record.shape == (7, 5) for record in records)
    for record in records[1:]:
        torch.testing.assert_close(record, records[0], rtol=1e-12, atol=1e-12)
    assert not torch.equal(records[0][0], records[0][1])


def test_the_six_rungs_have_the_same_loss_at_each_step(mnist):
    result = found(LADDER, SMALL, mnist)
    numbers = result.numbers
    assert numbers["largest difference between the rungs"] < 1e-12
    assert 2.2 < numbers["loss of the first batch"] < 2.5
    assert numbers["loss of the last batch after its step"] < 1
    (rows,) = result.tables.values()
    assert [row["rung"][0] for row in rows] == list("123456")
    (figure,) = result.figures.values()
    assert len({len(points) for points in figure.lines.values()}) == 1


def test_a_rung_that_steps_otherwise_is_found_out(mnist, monkeypatch):
    rungs = LADDER.function_named("RUNGS")
    optim = rungs["4 optim"]
    monkeypatch.setitem(
        rungs, "4 optim", lambda *given: optim(*given[:-1], 0.9 * given[-1])
    )
    with pytest.raises(AssertionError, match="4 optim: the losses are not those of"):
        found(LADDER, SMALL, mnist)


def test_a_rate_that_is_too_large_is_named(mnist):
    with pytest.raises(AssertionError, match="lr = 1 is too large: the error only gro"):
        found(SINE, FEW | {"steps": 200, "lr": 1.0})
    with pytest.raises(AssertionError, match="lr = 100 is too large: rung 1 overflows"):
        found(LADDER, SMALL | {"lr": 100.0}, mnist)


def test_more_pictures_than_there_are_is_refused(mnist):
    with pytest.raises(ValueError, match="examples: there are 60,000, not 60,001"):
        found(LADDER, {"examples": 60_001}, mnist)


def printed(lesson, given, tmp_path, folder=""):
    """The lines of a lesson's program, and what the lesson finds here."""
    settings = lesson.choose(given)
    script = tmp_path / "lesson.py"
    script.write_text(lesson.program(settings, folder), "utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "-X", "utf8", str(script)],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    told = []
    return done.stdout, told, lesson.run(settings, told.append, folder)


@pytest.mark.parametrize(
    ("lesson", "given"),
    [(AUTOGRAD, {"x": -1.5}), (SINE, FEW)],
    ids=["autograd", "sine"],
)
def test_the_program_runs_on_its_own_and_prints_what_the_run_found(
    lesson, given, tmp_path
):
    hold_program(*printed(lesson, given, tmp_path))


def test_the_program_of_the_ladder_reads_the_pictures_where_they_lie(mnist, tmp_path):
    hold_program(*printed(LADDER, SMALL, tmp_path, mnist))


def hold_program(out, told, result):
    assert out.startswith("\n".join(told))
    for name, value in result.numbers.items():
        assert f"\n{name}: {value:.6g}\n" in out
    for title, rows in result.tables.items():
        _, _, after = out.partition(f"\n\n{title}\n")
        head, *lines = after.split("\n\n")[0].splitlines()
        assert re.split(r"  +", head.strip()) == list(rows[0])
        assert len(lines) == len(rows)
        assert len({len(line) for line in (head, *lines)}) == 1
