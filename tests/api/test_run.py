"""From a plan to a run and what it can do, from Python, on tiny data."""

import json
import re
import shutil
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from PIL import Image

import torchsmith as ts
from torchsmith import api
from torchsmith.core.environment import changes_since
from torchsmith.core.errors import DataError, PlanError, TrainError
from torchsmith.core.observer import Observer
from torchsmith.plan.file import write_plan
from torchsmith.plan.settings import set_values

COLOURS = ("red", "blue")


def columns(num_rows=60):
    places = np.arange(num_rows) % 3
    noise = np.arange(num_rows) * 37 % 101 / 100
    return {
        "length": (2 * places + noise).tolist(),
        "width": (5 - places + noise / 3).tolist(),
        "colour": [COLOURS[row // 2 % 2] for row in range(num_rows)],
        "kind": [f"k{place}" for place in places],
    }


class Series:
    """As much of a column of a data frame as is needed."""

    def __init__(self, values):
        self._values = np.asarray(values)

    def __len__(self):
        return len(self._values)

    def to_numpy(self):
        return self._values


class Frame:
    """As much of a data frame as is needed."""

    def __init__(self, held):
        self._held = {name: Series(values) for name, values in held.items()}
        self.columns = list(held)

    def __getitem__(self, name):
        return self._held[name]

    def __len__(self):
        return len(next(iter(self._held.values())))


def write_table(path, num_rows=60):
    held = columns(num_rows)
    lines = [
        ",".join(held),
        *(",".join(map(str, row)) for row in zip(*held.values(), strict=True)),
    ]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    write_table(folder / "flowers.csv")
    plan = ts.plan(
        folder / "flowers.csv", target="kind", settings={"training.epochs": 3}
    )
    return ts.train(plan, runs=folder / "runs")


@pytest.fixture(scope="module")
def photo_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for place, label in enumerate(("cat", "dog")):
        (folder / "photos" / label).mkdir(parents=True)
        for number in range(12):
            pixels = np.random.default_rng(number).integers(0, 99, (8, 8), np.uint8)
            pixels[:, 4 * place : 4 * place + 4] += 150
            Image.fromarray(pixels).save(folder / "photos" / label / f"{number}.png")
    return ts.train(
        folder / "photos", runs=folder / "runs", settings={"training.epochs": 2}
    )


def test_a_table_without_header_is_predicted_though_its_target_is_absent(tmp_path):
    rows = [
        f"{'ab'[i % 2]},{i * 0.37 % 5:.3f},5,{100 + i * 0.11 % 7:.3f}"
        for i in range(60)
    ]
    (tmp_path / "train.csv").write_text("\n".join(rows))
    run = ts.train(
        tmp_path / "train.csv",
        target="column_1",
        settings={"training.epochs": 2},
        runs=tmp_path / "runs",
    )
    assert run.plan.data.columns["column_3"] == "ignore"  # always 5
    (tmp_path / "new.csv").write_text("\n".join(row[2:] for row in rows))
    found = run.predict(tmp_path / "new.csv")
    expected = run.predict(tmp_path / "train.csv")
    assert np.array_equal(found.probabilities, expected.probabilities)


def test_a_plan_is_carried_out_and_kept(run):
    assert run.plan.training.epochs == 3
    assert run.plan.problem.classes == ("k0", "k1", "k2")
    assert len(run.history) == 3
    assert run.inspection.target.name == "kind"
    assert run.report_path.is_file()
    assert set(run.seconds) == {"total", "train"}
    assert not run.network.training


def test_a_run_is_evaluated_beside_rivals(run):
    score = run.evaluation.scores["test"]["accuracy"]
    assert score.low <= score.value <= score.high
    assert {rival.name for rival in run.evaluation.rivals} >= {"constant", "linear"}
    assert run.evaluation.verdict


def test_the_summary_is_plain_json(run):
    found = json.loads(json.dumps(run.summary()))
    assert found["run"] == str(run.path)
    assert found["metrics"]["test"]["accuracy"]["value"] <= 1
    assert len(found["seconds"]["epochs"]) == 3
    assert found["ending"] == "epochs"


def test_what_ended_a_run_of_an_older_version_is_told_by_its_sentence(run, tmp_path):
    path = shutil.copytree(run.path, tmp_path / "old")
    old = json.loads((path / "outcome.json").read_text())
    del old["ending"]
    (path / "outcome.json").write_text(json.dumps(old))
    assert api.load_run(path).outcome == run.outcome
    (path / "outcome.json").write_text("[]")
    with pytest.raises(TrainError, match="is damaged"):
        _ = api.load_run(path).outcome


def test_rows_are_predicted_whatever_holds_them(run):
    held = columns(4)
    del held["kind"]
    rows = [
        dict(zip(held, row, strict=True)) for row in zip(*held.values(), strict=True)
    ]
    expected = run.predict(held).probabilities
    assert expected.shape == (4, 3)
    np.testing.assert_allclose(expected.sum(axis=1), 1, rtol=1e-6)
    backwards = dict(reversed(held.items()))
    for source in (rows, Frame(held), backwards, {**held, "extra": [1, 2, 3, 4]}):
        np.testing.assert_array_equal(run.predict(source).probabilities, expected)
    one = run.predict(rows[1])
    np.testing.assert_allclose(one.probabilities, expected[1:2], rtol=1e-6)


def test_predictions_name_what_is_missing_or_unseen(run):
    with pytest.raises(DataError, match="no column 'width'"):
        run.predict({"length": [1.0], "colour": ["red"]})
    found = run.predict({"length": [1.0], "width": [4.0], "colour": ["green"]})
    assert len(found) == 1
    [note] = [note for note in found.notes if "colour" in note]
    assert note.startswith("column 'colour': 1 value: category that")
    found = run.predict({"length": [1.0], "width": [4.0], "colour": [""]})
    [note] = [note for note in found.notes if "colour" in note]
    assert note.startswith("column 'colour': 1 value: missing, taken as a category")
    with pytest.raises(DataError, match="1 of 1 values are not numbers"):
        run.predict({"length": ["long"], "width": [4.0], "colour": ["red"]})


def test_predictions_are_written_as_a_table(run, tmp_path):
    held = columns(3)
    run.predict(held).write(tmp_path / "out.csv")
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == (
        "example,kind,probability of k0,probability of k1,probability of k2"
    )
    assert len(lines) == 4


def test_other_data_is_scored_without_rivals(run, tmp_path):
    write_table(tmp_path / "newer.csv", 30)
    found = run.evaluate(tmp_path / "newer.csv")
    assert found.rivals == ()
    assert found.num_examples["test"] == 30
    held = columns(5)
    del held["kind"]
    with pytest.raises(DataError, match="has no target 'kind' to score against"):
        run.evaluate(held)
    held["kind"] = ["k0", "k1", "k2", "k9", "k0"]
    with pytest.raises(DataError, match="does not know: 'k9'"):
        run.evaluate(held)


def test_a_report_is_written_again_and_elsewhere(run, tmp_path):
    assert run.report() == run.report_path
    path = run.report(tmp_path / "copy.html")
    assert path.read_text("utf-8").startswith("<!doctype html>")


def test_runs_are_found_by_path_name_and_last(run):
    runs = run.path.parent
    for name in (run.path, run.path.name, "last"):
        found = ts.load_run(name, runs=runs)
        assert found.path.resolve() == run.path.resolve()
        assert found.evaluation == run.evaluation
    with pytest.raises(DataError, match="no run at nothing"):
        ts.load_run("nothing", runs=runs)
    with pytest.raises(DataError, match="which is a file, and a run is a folder"):
        ts.load_run(run.folder.plan, runs=runs)
    for wrong in (None, 3):
        with pytest.raises(DataError, match=f"{wrong} is no run; give its path"):
            ts.load_run(wrong, runs=runs)
    [row] = api.runs(runs)
    assert row["name"] == run.path.name
    assert row["state"] == "done"
    assert row["score"] == run.evaluation.scores["test"]["accuracy"].value
    same = row | {"plan": {}}
    assert ts.compare([run.path, "last"], folder=runs) == [same, same]
    assert ts.compare(run) == ts.compare(run.path) == [same]
    assert ts.compare([run, ts.load_run(run)]) == [same, same]
    assert api.runs(runs / "none") == []


def test_a_score_that_is_not_defined_hides_no_run(run, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(run.path, other)
    scores = json.loads((other / "evaluation.json").read_text("utf-8"))
    del scores["scores"]["test"]["accuracy"]
    (other / "evaluation.json").write_text(json.dumps(scores), "utf-8")
    [row] = api.runs(tmp_path)
    assert (row["state"], row["score"], row["low"]) == ("done", None, None)
    assert row["seconds"] == run.seconds["total"]
    assert ts.compare([other]) == [row | {"plan": {}}]


def test_a_run_in_place_of_data_is_told_as_such_with_what_to_do(run, tmp_path):
    with pytest.raises(DataError) as error:
        ts.train(run.path, runs=tmp_path)
    assert str(error.value) == (
        f"{run.path}: is a run, not data; go on with it: torchsmith train --resume "
        f"{run.path}; train its plan anew: torchsmith train {run.path}/plan.yaml"
    )
    with pytest.raises(DataError, match="is a run, not data"):
        run.predict(run.path)


class Notes(Observer):
    def __init__(self):
        self.told = []

    def note(self, text):
        self.told.append(text)


def test_what_cannot_be_compared_is_left_out_among_several_and_told(run, tmp_path):
    for name, file in (("lesson", "lesson.json"), ("damaged", "plan.yaml")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("version: [")
    (tmp_path / "notes.txt").touch()
    named, notes = sorted(tmp_path.iterdir()), Notes()
    [row] = ts.compare([*named, run.path], observer=notes)
    assert row["name"] == run.path.name
    damaged, lesson, file = notes.told
    assert damaged.startswith(f"left out: {tmp_path}/damaged/plan.yaml:1")
    assert lesson.startswith(f"left out: {tmp_path}/lesson: is a lesson")
    assert file.startswith(f"left out: no run at {tmp_path}/notes.txt")
    with pytest.raises(PlanError, match=r"damaged.plan\.yaml"):
        ts.compare(named)
    with pytest.raises(DataError, match="no run at nothing"):
        ts.compare([run.path, "nothing"])


def test_runs_are_compared_by_what_their_plans_say_differently(run, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(run.path, other)
    changed = set_values(run.plan, {"training.epochs": 77, "optimizer": "SGD"})
    write_plan(other / "plan.yaml", changed)
    first, second = (row["plan"] for row in ts.compare([run.path, other]))
    assert (
        first.keys()
        == second.keys()
        == {
            "optimizer",
            "stopping.patience",  # follows the epochs
            "training.epochs",
        }
    )
    assert second["training.epochs"] == "77"
    assert "SGD" in second["optimizer"]
    assert "SGD" not in first["optimizer"]


def test_a_moved_run_predicts_the_same(run, tmp_path):
    held = columns(4)
    before = run.predict(held).probabilities
    moved = tmp_path / "elsewhere"
    run.path.rename(moved)
    try:
        after = ts.load_run(moved).predict(held).probabilities
    finally:
        moved.rename(run.path)
    np.testing.assert_array_equal(before, after)


def test_pictures_are_predicted_from_files_and_arrays(photo_run, tmp_path):
    files = photo_run.path.parents[1] / "photos" / "cat"
    found = photo_run.predict(files)
    assert len(found) == 12
    assert found.where[0] == "0.png"
    one = photo_run.predict(files / "3.png")
    assert one.where == ("3.png",)
    pixels = np.stack([np.asarray(Image.open(files / name)) for name in found.where])
    arrays = photo_run.predict(pixels)
    np.testing.assert_allclose(arrays.probabilities, found.probabilities, atol=1e-6)
    assert photo_run.evaluate(files.parent).num_examples["test"] == 24


def test_a_colour_picture_by_itself_is_no_pile_of_grey_ones(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 99, (24, 9, 8, 3), np.uint8)
    pixels[::2, ..., 0] += 150
    labels = np.arange(24) % 2
    run = ts.train((pixels, labels), runs=tmp_path, settings={"training.epochs": 1})
    np.save(tmp_path / "one.npy", pixels[0])
    for source, shape in (
        (pixels[0], "(1, 9, 8, 3)"),
        (tmp_path / "one.npy", "(1, 9, 8, 3)"),
        (pixels[0].transpose(2, 0, 1), "(1, 3, 9, 8)"),
        (pixels[0, ..., :1], "(1, 9, 8, 1)"),
    ):
        with pytest.raises(DataError, match=re.escape(f"give one picture as {shape}")):
            run.predict(source)
    assert len(run.predict(pixels[:1])) == 1
    assert len(run.predict(pixels[:3, ..., :1])) == 3
    assert len(run.predict(pixels[:5, ..., 0])) == 5


def test_numbers_are_predicted_in_their_own_units(tmp_path):
    held = columns()
    held["price"] = [100 + 7 * value for value in held["length"]]
    run = ts.train(
        Frame(held), target="price", runs=tmp_path, settings={"training.epochs": 2}
    )
    found = run.predict(held)
    assert found.probabilities is None
    assert 60 < found.values.mean() < 180
    assert found.columns()["price"] == pytest.approx(found.values.tolist(), rel=1e-6)


def test_an_unfinished_run_says_how_to_go_on(run, tmp_path):
    (tmp_path / "cut").mkdir()
    for name in ("plan.yaml", "inspection.json", "environment.json"):
        (tmp_path / "cut" / name).write_bytes((run.path / name).read_bytes())
    cut = ts.load_run(tmp_path / "cut")
    for ask in (
        lambda: cut.evaluation,
        cut.report,
        cut.summary,
        lambda: cut.predict(columns()),
    ):
        with pytest.raises(TrainError, match="go on with: torchsmith train --resume"):
            ask()
    assert not cut.report_path.exists()
    [row] = ts.compare([tmp_path / "cut"])
    assert (row["state"], row["score"]) == ("unfinished", None)


def test_a_plan_names_its_target_and_length_itself(run):
    for wrong in ({"target": "kind"}, {"budget": 5.0}):
        with pytest.raises(PlanError, match="a plan names its target"):
            ts.train(run.plan, runs=run.path.parent, **wrong)


def test_resuming_a_complete_run_changes_nothing(run):
    before = run.report_path.stat().st_mtime_ns
    again = ts.train(resume=run.path)
    assert again.path == run.path
    assert run.report_path.stat().st_mtime_ns == before
    longer = run.plan.model_copy(
        update={"training": run.plan.training.model_copy(update={"epochs": 9})}
    )
    with pytest.raises(
        PlanError, match=r"another plan \(not the same: training.epochs\)"
    ):
        ts.train(longer, resume=run.path)
    with pytest.raises(PlanError, match="keeps its own plan"):
        ts.train(resume=run.path, settings={"training.epochs": 9})


SURROUNDINGS = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "another device": lambda: torch.device("meta"),
}


@contextmanager
def in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    assert torch.get_default_dtype() == torch.float64
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", [*SURROUNDINGS, "float64"])
def test_a_plan_is_carried_out_whatever_the_caller_has_set_of_pytorch(
    run, tmp_path, name
):
    table = columns()
    with SURROUNDINGS.get(name, in_float64)():
        again = ts.train(run.plan, runs=tmp_path)
        assert again.predict(table).texts == run.predict(table).texts
        read = ts.load_run(again.path)
        ts.explain(read, example=0)
    expected = run.network.state_dict()
    for found in (again.network.state_dict(), read.network.state_dict()):
        assert all(torch.equal(found[key], expected[key]) for key in expected)


def test_data_in_memory_is_planned_and_trained_by_itself(tmp_path):
    held = columns()
    with pytest.raises(DataError, match="made of rows in memory, which it does not"):
        ts.train(ts.plan(held, target="kind"), runs=tmp_path)
    data = ts.load(held, target="kind")
    with pytest.raises(DataError, match="loaded with the target 'kind', not 'colour'"):
        ts.plan(data, target="colour")
    assert ts.plan(data, target="kind").problem.target == "kind"


@pytest.mark.parametrize("name", ["rows", "arrays"])
def test_a_path_may_be_called_as_data_in_memory_is(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / name)
    plan = ts.plan(name, target="kind", settings={"training.epochs": 1})
    run = ts.train(plan, runs=tmp_path / "runs")
    assert run.eject("script.py").path.is_file()
    left_out = " ".join(ts.doctor(run).left_out)
    assert "in memory" not in left_out
    (tmp_path / name).unlink()
    told = f"made of {name} in memory.*no file or folder is called so"
    with pytest.raises(DataError, match=told):
        ts.train(plan, runs=tmp_path / "runs")


@pytest.mark.parametrize("budget", [0, -1, float("nan"), float("inf"), True, "2"])
def test_a_budget_is_a_number_of_seconds(budget):
    with pytest.raises(PlanError, match="no number of seconds above 0"):
        ts.plan(columns(), target="kind", budget=budget)


def test_what_cannot_be_planned_leaves_nothing(tmp_path):
    held = columns()
    with pytest.raises(PlanError, match="did you mean 'epochs'"):
        ts.train(held, target="kind", runs=tmp_path, settings={"training.epoch": 3})
    with pytest.raises(DataError, match="did you mean 'kind'"):
        ts.train(held, target="kid", runs=tmp_path)
    with pytest.raises(DataError, match="nothing to train on"):
        ts.train(runs=tmp_path)
    assert list(tmp_path.iterdir()) == []


def weights_of(run):
    return (run.folder.model / "network.safetensors").read_bytes()


@pytest.mark.parametrize("kind", ["run", "photo_run"])
def test_the_same_plan_gives_the_same_weights_and_scores(kind, request, tmp_path):
    first = request.getfixturevalue(kind)
    again = ts.train(first.path / "plan.yaml", runs=tmp_path)
    assert weights_of(again) == weights_of(first)
    assert again.evaluation.scores == first.evaluation.scores
    assert again.evaluation.verdict == first.evaluation.verdict


def test_another_seed_gives_other_weights(run, tmp_path):
    other = ts.train(
        run.path / "plan.yaml", settings={"training.seed": 1}, runs=tmp_path
    )
    assert weights_of(other) != weights_of(run)


def test_a_damaged_run_hides_no_other(run, tmp_path):
    for name in ("2026-01-01-0000-whole", "2026-01-02-0000-torn"):
        shutil.copytree(run.path, tmp_path / name)
    (tmp_path / "2026-01-02-0000-torn" / "plan.yaml").write_text("problem: [")
    rows = {row["name"]: row for row in api.runs(tmp_path)}
    assert rows["2026-01-01-0000-whole"]["state"] == "done"
    torn = rows["2026-01-02-0000-torn"]
    assert (torn["state"], torn["score"]) == ("damaged", None)
    assert torn.keys() == rows["2026-01-01-0000-whole"].keys()
    (tmp_path / "2026-01-01-0000-whole" / "metrics.jsonl").write_bytes(b"\xff")
    for name, file in (("study", "study.yaml"), ("plan", "plan.yaml")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_bytes(b"\xff")
    rows = {row["name"]: row for row in api.runs(tmp_path)}
    whole = rows.pop("2026-01-01-0000-whole")
    assert (whole["state"], whole["epochs"]) == ("done", 0)
    assert {row["state"] for row in rows.values()} == {"damaged"}


def test_how_many_runs_are_read_is_told(run):
    class Stages(Observer):
        told = ()

        def stage(self, title, total=None):
            self.told = title, total

        def advance(self, done, seconds_left=None):
            self.told += done, seconds_left

    listing, comparing = Stages(), Stages()
    api.runs(run.path.parent, observer=listing)
    api.compare([run.path], observer=comparing)
    assert listing.told == comparing.told == ("Reading the runs", 1, 1, None)


@pytest.mark.parametrize("content", [None, "null", "[]", "{"])
def test_a_run_that_does_not_know_its_environment_is_reported(run, tmp_path, content):
    path = shutil.copytree(run.path, tmp_path / "run")
    file = path / "environment.json"
    file.unlink() if content is None else file.write_text(content)
    copy = api.load_run(path)
    assert copy.environment == {}
    assert copy.report().is_file()
    [line] = changes_since(file)
    assert line.endswith("environment.json cannot be read")


def test_a_damaged_default_plan_that_is_asked_for_is_told(run, tmp_path):
    path = shutil.copytree(run.path, tmp_path / "run")
    (path / "default.yaml").write_text("problem: [")
    with pytest.raises(TrainError, match=r"default\.yaml: is damaged; remove it"):
        api.load_run(path).report()
