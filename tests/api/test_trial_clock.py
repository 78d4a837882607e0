"""Trials of remedies keep to the time that was told."""

import numpy as np
import pytest

import torchsmith
from tests.api.test_remedying import SMALL, Log, says, with_small_default
from torchsmith.api import trial_clock
from torchsmith.api.remedying import fix
from torchsmith.api.trial_clock import TrialClock
from torchsmith.api.trying import Attempt, Contest


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on where somebody says so."""
    now = [1000.0]
    monkeypatch.setattr(trial_clock, "perf_counter", lambda: now[0])
    return now


@pytest.fixture
def short(tmp_path):
    """A run of two epochs, of a tenth of a second each."""
    settings = {**SMALL, "training.epochs": 2, "stopping.patience": 5}
    run = torchsmith.train("iris", settings=settings, runs=tmp_path, name="short")
    quick = [record.model_copy(update={"seconds": 0.1}) for record in run.history]
    run.__dict__["history"] = tuple(quick)
    return with_small_default(run)


def pretend(monkeypatch, clock, enough):
    """Let an epoch take a tenth of a second, and so many epochs know all answers."""
    begun = []

    def train(self, plan, *, seed, epochs, seconds, observer, origin=None):
        begun.append(epochs)
        clock[0] += min(0.1 * epochs, seconds)
        if 0.1 * epochs > seconds:
            return Attempt(None, epochs, seconds, f"takes longer than {seconds:.0f} s")
        right = np.arange(self.num_val) % enough < epochs
        outputs = np.full((self.num_val, 3), 0.2)
        told = np.where(right, self._targets, (self._targets + 1) % 3)
        outputs[np.arange(self.num_val), told] = 0.6
        return Attempt(outputs, epochs, 0.1 * epochs)

    monkeypatch.setattr(Contest, "train", train)
    return begun


LONGER = says(("P3", {"training.epochs": 16}))


@pytest.mark.parametrize("enough", [17, 128, 10**6])
def test_longer_training_stays_in_the_time(short, monkeypatch, clock, enough):
    begun, start = pretend(monkeypatch, clock, enough), clock[0]
    log = Log()
    mended = fix(short, log, diagnosis=LONGER)
    assert log.notes[0].startswith("Trying remedies takes 1 min at most")
    assert clock[0] - start <= 60
    assert max(begun) <= 128
    if enough == 17:  # two of 48 examples more are not worth eight times as many
        assert mended.changes == {"training.epochs": 16}


def test_a_dose_for_which_the_time_is_too_short_is_told(short, monkeypatch, clock):
    pretend(monkeypatch, clock, 48)
    mended = fix(short, diagnosis=LONGER)
    assert mended.changes == {"training.epochs": 128}
    told = [text for text in mended.left_out if "too long with" in text]
    assert len(told) == 1
    assert told[0].startswith("training.epochs 2 → 1024: takes about 1 min 42 s")


def test_after_a_dose_that_gained_nothing_no_stronger_one(short, monkeypatch, clock):
    begun = pretend(monkeypatch, clock, 17)
    mended = fix(short, diagnosis=LONGER, seconds=1e5)
    assert set(begun) <= {2, 16, 128, SMALL["training.epochs"]}
    assert mended.changes == {"training.epochs": 16}
    assert not any("1024" in text for text in mended.left_out)


def test_of_how_many_seeds_a_score_is_stands_where_they_differ(
    short, monkeypatch, clock
):
    pretend(monkeypatch, clock, 48)
    text = str(fix(short, diagnosis=LONGER))
    assert "better than as it is with the same seeds, with the 95" in text
    assert " of 3 seeds, +" in text
    assert " of 1 seed, " in text
    assert text.splitlines()[1].endswith(" of 3 seeds")
    monkeypatch.setattr("torchsmith.api.trials.SEEDS", 1)
    assert " seed" not in str(fix(short, diagnosis=LONGER)).partition(" wins")[0]


def test_a_trial_ends_with_the_time(short, clock):
    allowed = TrialClock(short.plan, [0.1], 60.0)
    clock[0] += 50
    assert allowed.limit(1000, 1 / 3, is_first=False) == 10
    assert allowed.limit(2, 1 / 3, is_first=False) == pytest.approx(10 / 3)
    assert allowed.lack(99) == ""
    assert allowed.lack(101)
    assert allowed.lack(150) == "takes about 15 s, too long with 10 s left"
    allowed.learn(Attempt(np.zeros(1), 100, 5.0))
    assert allowed.lack(199) == ""
    clock[0] += 11
    assert allowed.lack(1) == "the time was over"
    assert allowed.limit(2, 1 / 3, is_first=False) == trial_clock.LEAST_SECONDS


def test_time_is_kept_for_trials_in_full_where_there_is_as_much(short, clock):
    allowed = TrialClock(short.plan, [10.0], 60.0)
    allowed.keep(1)
    assert (allowed.kept, allowed.left) == (20.0, 40.0)
    allowed.keep(2)
    assert allowed.kept == 0
