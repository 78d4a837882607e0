"""`fix` tries remedies beside the run's own plan, and keeps what wins."""

import signal
from dataclasses import replace

import pytest

import torchsmith
from torchsmith.api.planning import load_planned
from torchsmith.api.remedying import fix
from torchsmith.api.trying import Contest
from torchsmith.core.errors import Interrupted, TrainError
from torchsmith.doctor.diagnosis import Diagnosis
from torchsmith.inspect.inspection import Finding
from torchsmith.plan.file import read_plan, write_plan
from torchsmith.plan.settings import set_values
from torchsmith.train.watch import TrainingObserver

SMALL = {
    "prepare": ["Standardize"],
    "network": {"Sequential": [{"Linear": 16}, "ReLU", {"Linear": 3}]},
    "optimizer": {"SGD": {"lr": 0.1, "momentum": 0.9}},
    "schedule": None,
    "averaging": None,
    "calibration": None,
    "training.epochs": 6,
    "training.batch_size": 16,
    "training.clip_grad_norm": 0,
    "split.val": 0.4,
    "doctor.examine": False,
}


def trained(folder, **changed):
    settings = {**SMALL, **changed}
    run = torchsmith.train("iris", settings=settings, runs=folder, name="sick")
    return with_small_default(run)


def with_small_default(run):
    """Let a network that trains at once be what Torchsmith had chosen by itself."""
    names = (
        "prepare",
        "network",
        "averaging",
        "training.epochs",
        "training.batch_size",
    )
    plan = read_plan(run.folder.default_plan)
    small = set_values(plan, {name: SMALL[name] for name in names})
    write_plan(run.folder.default_plan, small)
    return run


def says(*findings):
    return Diagnosis(
        findings=tuple(
            Finding(code=code, severity="error", message=f"{code} is so.", changes=made)
            for code, made in findings
        )
    )


@pytest.fixture(scope="module")
def timid(tmp_path_factory):
    """A run whose learning rate is far too low."""
    return trained(tmp_path_factory.mktemp("runs"), **{"optimizer.lr": 1e-6})


class Log(TrainingObserver):
    def __init__(self):
        self.stages, self.left, self.notes = [], [], []

    def note(self, text):
        self.notes.append(text)

    def stage(self, title, total=None):
        self.stages.append((title, total))

    def advance(self, done, seconds_left=None):
        assert done
        self.left.append(seconds_left)


def test_a_rate_that_is_too_low_is_raised_until_it_helps_no_more(timid):
    log = Log()
    mended = fix(timid, log, diagnosis=says(("P2", {"optimizer.lr": 1e-5})))
    original, winner = mended.original, mended.winner
    assert original.score < 0.7 < 0.9 < winner.score
    assert winner.gain.low > 0
    assert winner.seeds == original.seeds == 3
    rates = [trial.changes.get("optimizer.lr") for trial in mended.trials]
    assert {1e-5, 1e-4, 1e-3, 1e-2, 1e-1} <= set(rates)
    assert ("Trying: as it is, seed 1", 6) in log.stages
    assert ("Trying: as it is", 6) not in log.stages  # the run itself was that
    assert log.left[-1] == 0
    assert min(log.left) >= 0


def test_the_mended_plan_can_be_trained_and_says_why(timid):
    mended = fix(timid, diagnosis=says(("P2", {"optimizer.lr": 0.05})), train=True)
    plan = read_plan(timid.folder.mended)
    assert mended.plan == str(timid.folder.mended)
    assert mended.changes == mended.winner.changes
    reasons = [text for text in plan.reasons.values() if "P2 is so" in text]
    assert "instead of" in reasons[0]
    made = torchsmith.load_run(mended.run)
    assert made.plan.optimizer == plan.optimizer
    assert mended.after.value > mended.before.value
    assert str(mended.after) in str(mended)
    assert timid.evaluation.scores["test"]["accuracy"] == mended.before


def test_what_does_not_help_is_not_written(tmp_path):
    healthy = trained(tmp_path, **{"training.epochs": 20})
    wrong = says(("T7", {"optimizer.lr": 1e-5}))
    mended = fix(healthy, diagnosis=wrong, train=True)
    assert mended.winner is None
    assert (mended.plan, mended.run) == (None, None)
    assert not healthy.folder.mended.exists()
    said = "No remedy is likely better than the plan as it is. 48 validation examples"
    assert mended.verdict.startswith(said)
    larger = f"torchsmith train {healthy.folder.plan} --set split.val=0.3"
    assert mended.verdict.endswith(larger)


def test_of_folds_no_larger_part_is_advised(tmp_path):
    folds = {"split.val": {"folds": 3}, "split.test": 0.4}
    run = trained(tmp_path, **folds, **{"training.epochs": 20})
    mended = fix(run, diagnosis=says(("T7", {"optimizer.lr": 1e-5})))
    assert mended.num_val == 90
    assert "large gains only: more data" in mended.verdict
    assert "split.val" not in mended.verdict


def test_a_run_that_diverged_is_mended_and_failures_are_told(tmp_path):
    with pytest.raises(TrainError):
        trained(tmp_path, **{"optimizer.lr": 1e30})
    run = with_small_default(torchsmith.load_run(runs=tmp_path))
    changes = {"optimizer.lr": 0.1}
    cannot = {"optimizer.groups": [{"params": "nowhere.*", "lr": 0.1}]}
    mended = fix(run, diagnosis=says(("T1", changes), ("P6", cannot)))
    assert mended.original.score is None
    assert mended.original.failure == "diverges in epoch 1"
    assert mended.winner.changes == changes
    assert "where the plan as it is fails" in mended.verdict
    failed = next(trial for trial in mended.trials if trial.codes == ("P6",))
    assert failed.score is None
    assert failed.failure


def test_two_faults_are_mended_together(tmp_path):
    faults = {"optimizer.lr": 1e-6, "training.clip_grad_norm": 1e-4}
    both = says(("P2", {"optimizer.lr": 0.1}), ("P7", {"training.clip_grad_norm": 0}))
    mended = fix(trained(tmp_path, **faults), diagnosis=both)
    rate, clip, both = (
        next(trial for trial in mended.trials if trial.codes == codes)
        for codes in (("P2",), ("P7",), ("P2", "P7"))
    )
    assert both.score > 0.9 > max(rate.score, clip.score)
    assert mended.winner.score > 0.9


def test_where_no_remedy_alone_is_enough_all_are_tried_together(tmp_path):
    faults = {
        "optimizer.lr": 1e-7,
        "training.clip_grad_norm": 1e-4,
        "init": ["zeros_"],
    }
    rate, clip, init = (
        {"optimizer.lr": 0.1},
        {"training.clip_grad_norm": 0},
        {"init": []},
    )
    each = says(("C1", rate), ("C7", clip), ("C11", init))
    mended = fix(trained(tmp_path, **faults), diagnosis=each)
    assert mended.winner.changes == {**rate, **clip, **init}
    assert mended.winner.score > 0.9


def test_what_changes_the_measure_is_done_without_a_contest(timid):
    mended = fix(timid, diagnosis=says(("D8", {"split.drop_shared": True})))
    assert mended.trials == ()
    assert mended.changes == {"split.drop_shared": True}
    assert mended.settled == ("D8: D8 is so: split.drop_shared false → true",)
    assert read_plan(timid.folder.mended).split.drop_shared


def test_a_good_column_is_not_taken_out_where_only_the_person_knows(tmp_path):
    run = trained(tmp_path)
    asking = says(("Q6", {"data.columns.petal width (cm)": "ignore"})).findings[0]
    asking = asking.model_copy(update={"only_if": "it is not known in time"})
    mended = fix(run, diagnosis=Diagnosis(findings=(asking,)))
    assert (mended.settled, mended.trials, mended.plan) == ((), (), None)
    [told] = mended.left_out
    assert told.startswith("Q6: only you know; if it is not known in time: --set ")


def test_the_same_trials_give_the_same_numbers(timid):
    again = [fix(timid, diagnosis=says(("P2", {"optimizer.lr": 0.1}))) for _ in "ab"]
    numbers = [[(t.score, t.gain) for t in one.trials] for one in again]
    assert numbers[0] == numbers[1]


def test_nothing_found_is_nothing_to_try(timid):
    mended = fix(timid, diagnosis=says(("C7", {})))
    assert mended.verdict == "There is nothing to try."
    assert mended.left_out == ("C7: no setting of a plan changes this",)


def test_what_came_out_before_it_was_stopped_is_kept(timid):
    class Impatient(TrainingObserver):
        def stage(self, title, total=None):
            self.is_second = title.endswith("momentum 0.9 → 0.8") and total

        def advance(self, done, seconds_left=None):
            if self.is_second:
                raise Interrupted(f"stopped after {done}, {seconds_left} s left")

    rate, other = {"optimizer.lr": 0.1}, {"optimizer.momentum": 0.8}
    found = says(("P2", rate), ("T7", other))
    mended = fix(timid, Impatient(), diagnosis=found, train=True)
    assert mended.was_stopped
    assert mended.changes == rate
    assert read_plan(timid.folder.mended).optimizer.lr == 0.1
    assert mended.run is None
    assert mended.verdict.startswith("Stopped; what came out so far: optimizer.SGD.lr")


def test_how_long_it_takes_at_most_is_told_before(timid):
    log = Log()
    fix(timid, log, diagnosis=says(("P2", {"optimizer.lr": 0.1})))
    assert log.notes[0].startswith("Trying remedies takes 1 min at most, about; ")


def test_all_is_done_as_by_itself_where_nothing_was_found_and_that_is_better(tmp_path):
    timid = trained(tmp_path, **{"optimizer.lr": 1e-6})
    write_plan(timid.folder.default_plan, set_values(timid.plan, {"optimizer.lr": 0.1}))
    mended = fix(timid, diagnosis=says())
    assert mended.changes == {"optimizer": {"SGD": {"lr": 0.1, "momentum": 0.9}}}
    assert mended.winner.title.startswith("all as Torchsmith would by itself: ")
    assert "The doctor found nothing to mend" in mended.verdict


def test_one_setting_is_changed_rather_than_all_where_that_is_as_good(tmp_path):
    run = trained(tmp_path, **{"optimizer.lr": 1e-6, "training.clip_grad_norm": 2})
    rate = {"optimizer.lr": 0.1}
    write_plan(run.folder.default_plan, set_values(run.plan, SMALL))
    mended = fix(run, diagnosis=says(("P13", rate)))
    assert mended.changes == rate
    assert any("all as Torchsmith" in trial.title for trial in mended.trials)


def test_an_error_is_believed_where_trials_show_nothing(tmp_path):
    run = trained(tmp_path, **{"training.epochs": 20})
    decay = {"optimizer.weight_decay": 1e-7}  # no example of val is told otherwise
    mended = fix(run, diagnosis=says(("P13", decay)))
    assert mended.changes == decay
    assert "found by other means" in mended.verdict
    warning = (
        says(("P13", decay)).findings[0].model_copy(update={"severity": "warning"})
    )
    assert fix(run, diagnosis=Diagnosis(findings=(warning,))).changes == {}


def test_where_both_are_right_as_often_better_probabilities_win(tmp_path):
    timid = {"loss": {"CrossEntropyLoss": {"label_smoothing": 0.6}}}
    run = trained(tmp_path, **timid, **{"training.epochs": 20})
    plain = {"loss": "CrossEntropyLoss"}
    [error] = says(("P5", plain)).findings
    warning = error.model_copy(update={"severity": "warning"})
    mended = fix(run, diagnosis=Diagnosis(findings=(warning,)))
    assert mended.changes == plain
    assert mended.winner.gain.low <= 0 < mended.winner.log_loss_gain.low
    assert "the right answers get more probability" in mended.verdict


def test_what_ended_in_time_with_one_seed_has_time_with_the_others(timid, monkeypatch):
    train, limits = Contest.train, {}

    def slowly(self, plan, **asked):
        limits[asked["seed"]] = asked["seconds"]
        return replace(train(self, plan, **asked), seconds=19.0)

    monkeypatch.setattr(Contest, "train", slowly)
    fix(timid, diagnosis=says(("P13", {"optimizer.lr": 0.1})))
    assert limits[1] >= limits[2] >= 2 * 19.0


def test_what_did_best_in_a_few_epochs_is_tried_in_full(tmp_path):
    run = trained(tmp_path, **{"optimizer.lr": 1e-6, "training.epochs": 40})
    slow = [record.model_copy(update={"seconds": 10.0}) for record in run.history]
    run.__dict__["history"] = tuple(slow)
    log, rate = Log(), {"optimizer.lr": 0.1}
    mended = fix(run, log, diagnosis=says(("P13", rate)))
    assert log.notes[0].startswith("Trying remedies takes 20 min")
    title = "Trying: optimizer.SGD.lr 1e-06 → 0.1"
    totals = [total for name, total in log.stages if name == title]
    assert len(totals) == 2
    assert totals[0] < totals[1] == 40
    assert not mended.winner.is_short


def test_stopping_says_that_the_run_is_as_it_was(timid):
    class Impatient(TrainingObserver):
        def advance(self, done, seconds_left=None):
            raise Interrupted(f"stopped after {done}, {seconds_left} s left")

    with pytest.raises(Interrupted, match="stays as it was"):
        fix(timid, Impatient(), diagnosis=says(("P2", {"optimizer.lr": 0.1})))


def test_little_time_shortens_the_trials(timid):
    log = Log()
    fix(timid, log, diagnosis=says(("P2", {"optimizer.lr": 0.1})), seconds=1e-3)
    assert {total for _, total in log.stages if total} == {1}


def interrupted(folder, **changed):
    """A run that was stopped after its second epoch of ten."""

    class Stopping(TrainingObserver):
        def on_epoch_end(self, record):
            if record.epoch == 2:
                signal.raise_signal(signal.SIGINT)

    settings = {**SMALL, "training.epochs": 10, **changed}
    with pytest.raises(Interrupted):
        torchsmith.train("iris", settings=settings, runs=folder, observer=Stopping())
    return with_small_default(torchsmith.load_run(runs=folder))


@pytest.mark.parametrize("schedule", [None, "OneCycleLR", {"StepLR": 2}])
def test_what_goes_on_from_a_checkpoint_ends_as_the_resumed_run(tmp_path, schedule):
    metric = {"problem.metric": "log_loss", "stopping.restore_best": False}
    run = interrupted(tmp_path, schedule=schedule, **metric)
    contest = Contest(run.plan, load_planned(run.plan), run)
    assert contest.origin.epoch == 2
    both = [
        contest.train(
            run.plan,
            seed=0,
            epochs=8,
            seconds=60,
            observer=TrainingObserver(),
            origin=contest.origin,
        )
        for _ in range(2)
    ]
    resumed = torchsmith.train(resume=run.path)
    expected = resumed.evaluation.scores["val"]["log_loss"].value
    assert [contest.score(attempt) for attempt in both] == pytest.approx([expected] * 2)
    assert Contest(run.plan, load_planned(run.plan), resumed).origin is None


def test_of_a_long_run_that_was_stopped_trials_begin_where_it_was(tmp_path):
    run = interrupted(tmp_path, **{"optimizer.lr": 1e-6})
    rate, init = {"optimizer.lr": 0.1}, {"init": ["xavier_uniform_"]}
    contest = Contest(run.plan, load_planned(run.plan), run)
    assert contest.origin.allows(set_values(run.plan, rate))
    assert not contest.origin.allows(set_values(run.plan, init))
    mended = fix(run, diagnosis=says(("P2", rate)), seconds=1e-3)
    trial = mended.trials[0]
    assert (trial.codes, trial.start, trial.epochs) == (("P2",), 2, 1)
    assert mended.original.start == 2
    assert mended.left_out[0].endswith("the time was over")


def test_a_checkpoint_that_is_sick_itself_is_no_place_to_begin_at(tmp_path):
    run = interrupted(tmp_path, **{"optimizer.lr": 30.0})
    assert run.history[-1].train_loss > 2 * min(r.train_loss for r in run.history)
    assert Contest(run.plan, load_planned(run.plan), run).origin is None
