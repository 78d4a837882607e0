"""A new plan keeps its budget: its epochs are chosen again at the measured pace."""

import numpy as np
import pytest

import torchsmith as ts
from torchsmith.api import sizing
from torchsmith.api.planning import make_plan
from torchsmith.data.steps import RandomConvolutions
from torchsmith.plan.file import read_plan
from torchsmith.plan.settings import differences
from torchsmith.train.watch import TrainingObserver


class Told(TrainingObserver):
    """Keeps what a person would read."""

    def __init__(self):
        self.lines, self.notes = [], []

    def line(self, text):
        self.lines.append(text)

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def pace(monkeypatch):
    """Let an epoch take as long as the test says, and nothing else take any time."""
    measured = {"seconds": 1.0, "looks": []}

    def epoch_seconds(plan, setup, seconds):
        del plan, setup
        measured["looks"].append(seconds)
        return measured["seconds"]

    monkeypatch.setattr(sizing, "_epoch_seconds", epoch_seconds)
    monkeypatch.setattr(sizing, "perf_counter", lambda: 0.0)
    return measured


NET = {"network": "{MLP: [4]}", "training.engine": "eager", "training.threads": 1}


def planned(budget=100, **settings):
    return make_plan("iris", budget=budget, settings=NET | settings)


def sized(planned, observer=None):
    from torchsmith.api.carrying import make_ready

    setup = make_ready(planned.plan, planned.data, TrainingObserver())
    return sizing.size_to_budget(planned, setup, 0.0, observer or Told())


def left(budget=100):
    return 0.97 * budget - 0.1 * budget - 4


def test_a_slower_machine_than_predicted_gets_as_many_epochs_as_it_has_time_for(pace):
    made, told = planned(), Told()
    pace["seconds"] = left() / 7.5
    found, setup = sized(made, told)
    assert made.plan.training.epochs > 7
    assert found.plan.training.epochs == 7
    assert found.default.training.epochs == 7, "which is no change of the person's"
    assert "as measured: as many as fit into 100 s" in told.lines[0]
    assert found.plan.reasons["training.epochs"] in told.lines[0]
    assert setup.job.training.epochs == 7
    schedule = setup.state.schedule
    assert schedule.total_steps == 7 * setup.job.steps_per_epoch, "the rate comes down"


def test_only_what_follows_from_the_epochs_changes(pace):
    made = planned()
    pace["seconds"] = left() / 7.5
    found, setup = sized(made)
    changed = {path.partition(".")[0] for path in differences(found.plan, made.plan)}
    assert changed <= {"training", "stopping", "schedule", "averaging"}
    assert found.plan.network == made.plan.network
    assert setup.job.stopping == found.plan.stopping


def test_a_faster_machine_gets_no_more_than_pays(pace):
    made = planned()
    pace["seconds"] = 1e-6
    found, _ = sized(made)
    assert found.plan.training.epochs == made.plan.training.epochs
    assert len(pace["looks"]) == 1, "a budget that is far away needs no second look"


def test_where_the_budget_decides_it_is_measured_for_longer(pace):
    pace["seconds"] = left() / 10
    sized(planned())
    assert pace["looks"] == [0.1, 2.0]


def test_a_prediction_that_was_nearly_right_is_kept(pace):
    made = planned()
    epochs = made.plan.training.epochs
    pace["seconds"] = left() / (0.97 * epochs)
    found, _ = sized(made)
    assert found.plan is made.plan


def test_where_not_one_epoch_fits_the_guard_is_what_is_left(pace):
    made = planned()
    pace["seconds"] = 400.0
    found, setup = sized(made)
    assert found.plan.training.epochs == 1
    assert found.plan.training.seconds == setup.job.training.seconds == left()
    assert found.default.training.seconds == left(), (
        "which is no change of the person's"
    )
    assert "takes the rest of the 100 s" in found.plan.reasons["training.seconds"]
    own, _ = sized(planned(**{"training.seconds": 70}))
    assert own.plan.training.seconds == 70


def test_the_features_of_test_sequences_are_counted_before_they_are_made(tmp_path):
    source = tmp_path / "waves_TRAIN.tsv"
    steps = np.sin(np.arange(300)[:, None] + np.arange(4_000) / 9)
    rows = np.column_stack([np.arange(300) % 2, steps])
    np.savetxt(source, rows, "%.3f", "\t")
    made = make_plan(source, budget=30, settings={"training.threads": 1})
    step = next(s for s in made.plan.prepare if isinstance(s, RandomConvolutions))
    none, many = (sizing._test_features_seconds(made, n) for n in (0, 1_000_000))
    assert none == 0
    assert many > 1e-4 * step.num_features


def test_epochs_that_the_person_set_stay_and_a_guard_that_will_strike_is_told(pace):
    pace["seconds"] = 30.0
    told = Told()
    found, _ = sized(planned(**{"training.epochs": 12}), told)
    assert found.plan.training.epochs == 12
    assert told.lines == []
    assert told.notes == [
        "12 epochs will take about 6 min here, and training.seconds: 100 stops "
        "training before the learning rate has come down; set training.epochs to 3, or "
        "training.seconds higher"
    ]


def test_one_epoch_that_is_too_long_cannot_be_fewer(pace):
    pace["seconds"] = 200.0
    told = Told()
    sized(planned(**{"training.epochs": 1}), told)
    assert told.notes == [
        "1 epoch will take about 3.3 min here, and training.seconds: 100 stops "
        "training before the learning rate has come down; set training.seconds higher"
    ]


def test_the_guard_of_the_person_counts_too(pace):
    pace["seconds"] = 1.0
    found, _ = sized(planned(**{"training.seconds": 5}))
    assert found.plan.training.epochs == 5


def test_however_long_reading_took_a_part_of_the_budget_is_for_training(
    pace, monkeypatch
):
    monkeypatch.setattr(sizing, "perf_counter", lambda: 500.0)
    pace["seconds"] = 1.0
    found, _ = sized(planned())
    assert found.plan.training.epochs == 10


def test_each_of_several_seeds_has_the_epochs_that_one_has_alone(pace, tmp_path):
    pace["seconds"] = left(60) / 3
    given = {"budget": 60, "settings": NET, "runs": tmp_path}
    alone = ts.train("iris", **given)
    study = ts.train("iris", seeds=2, **given)
    assert [run.plan.training.epochs for run in study.members] == [3, 3]
    assert study.members[0].plan.schedule == alone.plan.schedule
    weights = [
        (run.folder.model / "network.safetensors").read_bytes()
        for run in (alone, study.members[0])
    ]
    assert weights[0] == weights[1]
    looks = len(pace["looks"])
    ts.train(alone.folder.plan, seeds=2, runs=tmp_path)
    assert len(pace["looks"]) == looks + 1, "it is told only what the guard cuts off"


def test_the_plan_of_a_run_holds_the_epochs_and_repeats_them(pace, tmp_path):
    pace["seconds"] = left(60) / 3
    run = ts.train("iris", budget=60, settings=NET, runs=tmp_path)
    assert len(run.history) == run.plan.training.epochs == 3
    assert run.history[-1].lr < 0.01 * max(record.lr for record in run.history)
    text = run.folder.plan.read_text("utf-8")
    assert "as measured: as many as fit into 60 s" in text
    default = read_plan(run.folder.default_plan)
    assert "training.epochs" not in differences(run.plan, default)
    pace["seconds"] = 1000.0
    again = ts.train(run.folder.plan, runs=tmp_path)
    weights = [
        (one.path / "model" / "network.safetensors").read_bytes()
        for one in (run, again)
    ]
    assert weights[0] == weights[1], "a plan that is given is never sized again"
