"""Of remedies that were trained with the same seeds the better one wins."""

import numpy as np
import pytest

import torchsmith
from torchsmith.api.contender import Contender, exceeds, gain, winner_of
from torchsmith.api.trying import Attempt, Contest
from torchsmith.doctor.remedies import Remedy
from torchsmith.metrics.resamples import Resamples
from torchsmith.plan.settings import set_values

NUM = 80
TARGETS = np.random.default_rng(0).normal(size=NUM)


class Compared(Contest):
    """Compares outputs that nobody trained."""

    def __init__(self, plan):
        self._plan, self._targets = plan, TARGETS
        self._resamples = Resamples(NUM, 0)
        self._constant = np.zeros(NUM)


@pytest.fixture(scope="module")
def plan():
    return torchsmith.plan("diabetes", settings={"training.epochs": 2})


@pytest.fixture(scope="module")
def contest(plan):
    return Compared(plan)


def tried(contest, plan, changes, errors, original=None, *, is_whole=False):
    """Return what errs by so much with each seed."""
    noise = np.random.default_rng(1)
    changed = set_values(plan, changes)
    remedy = Remedy(("P3",), changes, changed, "P3", is_whole=is_whole)
    made = Contender(changed, None if original is None else remedy)
    for seed, error in enumerate(errors):
        outputs = TARGETS + error * (1 + 0.1 * noise.normal(size=NUM))
        made.attempts[seed] = Attempt(outputs, changed.training.epochs, 1.0)
    if original is not None:
        made.original = original
        made.gain = gain(contest, made, original)
    return made


def test_what_is_far_better_than_a_likely_winner_wins(contest, plan):
    scattered = tried(contest, plan, {}, (3, 4, 28))
    likely = tried(contest, plan, {"optimizer.lr": 0.01}, (2.8, 3.2, 2.9), scattered)
    usual = {"optimizer.lr": 0.004, "training.epochs": 100}
    whole = tried(contest, plan, usual, (0.4, 0.4, 0.4), scattered, is_whole=True)
    assert likely.may_help
    assert not likely.helps  # the original's seeds tell it too little
    assert not whole.helps
    assert winner_of([likely, whole], plan, contest) is whole
    assert winner_of([likely], plan, contest) is likely
    assert (
        winner_of([whole], plan, contest) is whole
    )  # its worst seed is the better one
    one_good = tried(contest, plan, usual, (0.4, 0.4, 3.5), scattered, is_whole=True)
    assert one_good.may_help
    assert winner_of([one_good], plan, contest) is None


def test_a_small_sure_gain_does_not_win_over_a_far_larger_likely_one(contest, plan):
    scattered = tried(contest, plan, {}, (3, 4, 28))
    sure = tried(contest, plan, {"optimizer.lr": 0.01}, (2.5, 3.5, 27.5), scattered)
    likely = tried(contest, plan, {"optimizer.lr": 0.004}, (0.4, 0.4, 0.4), scattered)
    assert sure.helps
    assert likely.may_help
    assert not likely.helps
    assert winner_of([sure, likely], plan, contest) is likely


def test_a_dose_that_takes_many_times_as_long_for_nothing_does_not_win(contest, plan):
    original = tried(contest, plan, {}, (3,))
    weak = tried(contest, plan, {"training.epochs": 16}, (1,), original)
    strong = tried(contest, plan, {"training.epochs": 128}, (0.9,), original)
    assert exceeds(contest, strong, weak)
    assert winner_of([weak, strong], plan, contest) is strong
    chance = np.where(np.arange(NUM) % 2, 0.3, 1.3)
    strong.attempts[0] = Attempt(TARGETS + chance, 128, 1.0)
    strong.gain = gain(contest, strong, original)
    assert strong.value > 1.01 * weak.value
    assert not exceeds(contest, strong, weak)
    assert winner_of([weak, strong], plan, contest) is weak
