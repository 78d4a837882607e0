"""A number is predicted with an interval, wherever it is asked for."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

import torchsmith as ts
from torchsmith.cli.main import cli
from torchsmith.core.errors import DataError, PlanError
from torchsmith.train.model import Model

NET = {
    "network": "{MLP: [8]}",
    "training.epochs": 3,
    "training.engine": "eager",
    "training.threads": 1,
}


def table(rows=400, seed=0):
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(rows, 3)).astype(np.float32)
    return numbers, 100 + 20 * numbers[:, 0] + 5 * random.normal(size=rows)


def write(path, rows=400, seed=0):
    numbers, targets = table(rows, seed)
    lines = ["a,b,c,price"]
    lines += [
        ",".join(f"{value:.4f}" for value in (*row, target))
        for row, target in zip(numbers, targets, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("intervals")


@pytest.fixture(scope="module")
def run(folder):
    source = write(folder / "prices.csv")
    return ts.train(str(source), target="price", settings=NET, runs=folder / "runs")


def test_the_plan_for_numbers_has_intervals_and_says_why(run):
    assert run.plan.calibration.spec_name() == "SplitConformal"
    assert run.plan.calibration.coverage == 0.9
    assert "90 in 100 targets" in run.plan.reasons["calibration"]


def test_the_width_is_of_the_val_part_and_lies_in_the_model(run):
    file = json.loads((run.folder.model / "model.json").read_text())
    found = run.evaluation.coverage
    assert file["interval"] == {"coverage": 0.9, "half_width": found.half_width}
    assert found.note == "as wide as the errors of 48 val rows ask for"
    assert found.promised == 0.9
    assert found.found.low < found.found.value < found.found.high
    assert run.summary()["coverage"]["half_width"] == found.half_width


def test_predictions_have_lower_and_upper_ends(run, folder):
    source = write(folder / "new.csv", rows=50, seed=1)
    found = run.predict(source)
    width = run.evaluation.coverage.half_width
    target = run.model.preparation.target
    assert found.interval.coverage == 0.9
    assert (
        found.interval.lower.tolist() == target.clamped(found.values - width).tolist()
    )
    assert (
        found.interval.upper.tolist() == target.clamped(found.values + width).tolist()
    )
    with found.write(folder / "p.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["example", "price", "lower end of price", "upper end of price"]
    assert [float(cell) for cell in rows[1][1:]] == [
        found.values[0],
        found.interval.lower[0],
        found.interval.upper[0],
    ]
    told = found.to_dict()
    assert told["coverage"] == 0.9
    assert told["upper"] == found.interval.upper.tolist()
    with pytest.raises(DataError, match="'lower end of price' is what a column of"):
        run.predict(source, keep=["lower end of price"])


def test_the_terminal_shows_the_interval_beside_the_number(run, folder):
    source = write(folder / "few.csv", rows=3, seed=1)
    done = CliRunner().invoke(cli, ["predict", str(run.path), str(source), "-q"])
    assert done.exit_code == 0, done.output
    first = run.predict(source)
    assert f"2\t{first.texts[0]}\t{first.interval_texts[0]}" in done.stdout
    assert " to " in first.interval_texts[0]
    shown = CliRunner().invoke(cli, ["evaluate", str(run.path)])
    assert "90 % were promised" in " ".join(shown.stdout.split())


def test_other_data_is_held_against_the_promise(run, folder):
    source = write(folder / "other.csv", rows=200, seed=2)
    predicted = run.predict(source).interval
    targets = ts.load(str(source), target="price").target.values
    inside = np.mean((predicted.lower <= targets) & (targets <= predicted.upper))
    found = run.evaluate(source).coverage
    assert found.found.value == pytest.approx(inside)
    assert (found.promised, found.half_width) == (
        0.9,
        run.evaluation.coverage.half_width,
    )


def test_the_report_says_what_was_promised_and_what_was_found(run):
    page = run.report_path.read_text("utf-8")
    assert "How far an answer may be off" in page
    assert run.evaluation.coverage.note in page
    assert 'class="reach"' in page


def test_the_script_finds_the_same_width_and_share(run, folder):
    ejected = run.eject(folder / "train.py", verify=True)
    assert ejected.verification.same, ejected.verification.text
    code = (folder / "train.py").read_text("utf-8")
    assert "COVERAGE = 0.9" in code
    assert 'test_scores["half_width"] = half_width' in code


def test_without_it_a_run_is_what_it_was(run, folder):
    plain = ts.train(
        str(folder / "prices.csv"),
        target="price",
        settings=NET | {"calibration": "null"},
        runs=folder / "runs",
    )
    same = [
        (one.folder.model / "network.safetensors").read_bytes() for one in (run, plain)
    ]
    assert same[0] == same[1]
    assert plain.evaluation.coverage is None
    assert not any("no intervals" in note for note in plain.evaluation.notes)
    assert "interval" not in json.loads((plain.folder.model / "model.json").read_text())
    assert "coverage" not in json.loads(plain.folder.evaluation.read_text())
    source = write(folder / "new.csv", rows=50, seed=1)
    ours, found = run.predict(source), plain.predict(source)
    assert found.values.tolist() == ours.values.tolist()
    assert list(found.columns()) == ["example", "price"]
    assert "lower" not in found.to_dict()
    # What the file lacks, older models lack too.
    assert Model.load(plain.folder.model).file.interval is None


def test_another_share_gives_another_width(run, folder):
    half = ts.train(
        str(folder / "prices.csv"),
        target="price",
        settings=NET | {"calibration": "{SplitConformal: 0.5}"},
        runs=folder / "runs",
    )
    assert half.evaluation.coverage.promised == 0.5
    assert half.evaluation.coverage.half_width < run.evaluation.coverage.half_width


def test_too_few_val_rows_give_no_intervals_and_the_run_says_so(folder):
    source = write(folder / "small.csv", rows=60)
    small = ts.train(
        str(source),
        target="price",
        settings=NET | {"split.val": 0.1},
        runs=folder / "runs",
    )
    assert small.evaluation.coverage is None
    note = (
        "The predictions have no intervals: 5 val rows are too few for intervals of "
        "90 % (9 are needed)."
    )
    assert note in small.evaluation.notes
    assert small.predict(source).interval is None


def test_classes_have_no_intervals():
    numbers, targets = table(100)
    labels = np.where(targets > 100, "high", "low")
    with pytest.raises(PlanError, match="SplitConformal is for numbers; Temperature"):
        ts.plan((numbers, labels), settings={"calibration": "SplitConformal"})
