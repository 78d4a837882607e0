"""How long an epoch takes is measured by a clock that the tests turn themselves."""

from dataclasses import replace

import pytest
import torch

from tests.train.jobs import make_job, make_state
from torchsmith.train.engines import timing
from torchsmith.train.engines.timing import OVERHEAD, epoch_seconds
from torchsmith.train.loop import Job

STEP, FIRST_STEPS = 0.25, 10.0


class Clock:
    """Stands still but where it is turned."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing, "perf_counter", clock)
    return clock


def timed_job(clock, **options) -> Job:
    """A job whose first two steps take 10 s each, as of a cold machine, others 0.25."""
    steps = []

    def augment(inputs):
        steps.append(1)
        clock.now += FIRST_STEPS if len(steps) <= 2 else STEP
        return inputs

    job = make_job(epochs=50, engine="eager", **options)
    return replace(job, augment=augment)


def test_an_epoch_takes_its_steps_without_the_first(clock):
    job = timed_job(clock, val=False)
    found = epoch_seconds(job, make_state(job), 3.0)
    assert found == pytest.approx(OVERHEAD * 9 * STEP)


def test_validation_is_a_part_of_an_epoch(clock):
    job = timed_job(clock)

    def score(outputs, targets):
        del targets
        clock.now += 0.01 * len(outputs)
        return {}

    job = replace(job, score=score)
    found = epoch_seconds(job, make_state(job), 3.0)
    assert found == pytest.approx(OVERHEAD * (9 * STEP + 0.01 * 20))


@pytest.mark.parametrize(("seconds", "steps"), [(0.0, 4), (25.0, 22), (1e9, 450)])
def test_it_measures_as_long_as_it_may_and_never_beyond_the_training(
    clock, seconds, steps
):
    job = timed_job(clock, val=False)
    state = make_state(job)
    epoch_seconds(job, state, seconds)
    assert state.step == steps


def test_a_training_of_three_steps_is_not_measured(clock):
    job = timed_job(clock, val=False)
    training = job.training.model_copy(update={"epochs": 1, "batch_size": 30})
    job = replace(job, training=training)
    assert epoch_seconds(job, make_state(job), 1.0) is None


def test_the_programs_own_random_numbers_stay(clock):
    job = timed_job(clock)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    epoch_seconds(job, make_state(job), 1.0)
    assert torch.equal(torch.get_rng_state(), before)
