"""Runs of plans that are resumed when something has changed since."""

import json
import re

import pytest

import torchsmith as ts
from torchsmith.core.errors import DataError, Interrupted, PlanError
from torchsmith.train.watch import TrainingObserver

SETTINGS = {"network": {"MLP": [4]}, "training.epochs": 2, "training.engine": "eager"}
TABLE = "a,b,y\n" + "".join(
    f"{i % 7},{i % 3 + i % 7},{('no', 'yes')[i % 7 > 3]}\n" for i in range(60)
)


class Notes(TrainingObserver):
    """Presses Ctrl-C when training begins, where it is to; keeps what it is told."""

    def __init__(self, *, stops=False):
        self.stops = stops
        self.told = []

    def note(self, text):
        self.told.append(text)

    def stage(self, title, total=None):  # noqa: ARG002
        if self.stops and title.startswith("Evaluating"):
            raise KeyboardInterrupt


def stopped(tmp_path, **settings):
    """Return source and run of a training that was stopped before its evaluation."""
    source = tmp_path / "a.csv"
    source.write_text(TABLE)
    runs = tmp_path / "runs"
    with pytest.raises(Interrupted):
        ts.train(
            str(source),
            target="y",
            settings=SETTINGS | settings,
            runs=runs,
            observer=Notes(stops=True),
        )
    [run] = runs.iterdir()
    return source, run


def test_a_run_whose_file_was_moved_goes_on_with_where_it_is_now(tmp_path):
    source, run = stopped(tmp_path)
    place = source.rename(tmp_path / "b.csv")
    with pytest.raises(DataError, match=r"a.csv.*train PLACE --resume ") as told:
        ts.train(resume=run)
    assert str(told.value).endswith(str(run))
    other = tmp_path / "other.csv"
    other.write_text(TABLE.replace("no", "not"))
    for wrong, why in ((other, "is not what"), (tmp_path / "c.csv", "no such file")):
        with pytest.raises(PlanError, match=f"was made of '.*a.csv'.*{why}"):
            ts.train(wrong, resume=run)
    done = ts.train(place, resume=run)
    assert done.path == run
    assert done.report_path.is_file()
    assert ts.train(place, resume=run).path == run


def test_a_run_that_does_not_know_its_data_takes_no_other_place(tmp_path):
    source, run = stopped(tmp_path)
    plan = (run / "plan.yaml").read_text("utf-8")
    (run / "plan.yaml").write_text(re.sub("fingerprint: .*", "fingerprint: ''", plan))
    place = source.rename(tmp_path / "b.csv")
    with pytest.raises(PlanError, match=r"was made of '.*a\.csv'; a run is resumed"):
        ts.train(place, resume=run)


@pytest.mark.parametrize("examined", [True, False])
def test_a_damaged_inspection_is_made_again(tmp_path, examined):
    _, run = stopped(tmp_path, **{"doctor.examine": examined})
    path = run / "inspection.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:20] + b"\xff" + whole[21:])
    notes = Notes()
    done = ts.train(resume=run, observer=notes)
    assert any(
        "inspection.json: is damaged; the data is" in each for each in notes.told
    )
    assert path.read_bytes() == whole
    assert done.report_path.is_file()


def test_a_run_whose_data_gives_other_examples_now_does_not_go_on(tmp_path):
    _, run = stopped(tmp_path)
    path = run / "inspection.json"
    known = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(known | {"num_examples": known["num_examples"] + 9}))
    with pytest.raises(ts.TrainError, match="as another version of Torchsmith reads"):
        ts.train(resume=run)


def test_a_run_whose_data_has_changed_is_told_nothing_that_does_not_help(tmp_path):
    source, run = stopped(tmp_path)
    source.write_text(TABLE[: TABLE.rindex("0,1,no")])
    with pytest.raises(ts.DataError, match=r"back the old data, or begin a new run$"):
        ts.train(resume=run)
    plan = (run / "plan.yaml").read_text("utf-8")
    (run / "plan.yaml").write_text(re.sub("fingerprint: .*", "fingerprint: ''", plan))
    words = r"began with \d+ examples, and the data gives \d+ now; bring back the old d"
    with pytest.raises(ts.TrainError, match=words):
        ts.train(resume=run)


def test_a_damaged_default_plan_does_not_keep_a_run_from_its_end(tmp_path):
    _, run = stopped(tmp_path, **{"optimizer.lr": 0.02})
    path = run / "default.yaml"
    path.write_text(path.read_text("utf-8").replace("epochs:", "epohcs:"), "utf-8")
    notes = Notes()
    done = ts.train(resume=run, observer=notes)
    assert any("default.yaml: is damaged and removed" in each for each in notes.told)
    assert done.report_path.is_file()


def test_a_damaged_inspection_that_is_asked_for_is_told(tmp_path):
    _, run = stopped(tmp_path)
    (run / "inspection.json").write_text("{")
    with pytest.raises(
        ts.TrainError, match=r"is damaged .*; restore it from a copy, or"
    ):
        _ = ts.load_run(run).inspection
