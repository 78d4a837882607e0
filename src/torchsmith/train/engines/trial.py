"""A few steps of an engine, timed, on a state that is then thrown away."""

import warnings
from statistics import fmean
from time import get_clock_info, perf_counter, process_time

import torch

from torchsmith.train.engines.engine import Engine
from torchsmith.train.loop import Job
from torchsmith.train.randomness import own_randomness
from torchsmith.train.session import Session
from torchsmith.train.state import TrainState

FEWEST_STEPS = 4
MOST_STEPS = 40

FINE = 1e-5
"""Seconds; a coarser clock cannot time a step."""

LONG_STEP = 0.05
"""Seconds; so long a step is arithmetic, which takes all engines as long."""


def step_seconds(engine: Engine, job: Job, state: TrainState, seconds: float) -> float:
    """Return how long one step of an engine takes.

    The state is trained on; the program's own random numbers stay as they are.

    Args:
        engine: Was built for this job and state.
        job: What to train on.
        state: To be thrown away.
        seconds: When they are over, the step that is under way is the last; 4 are done
            in any case, but only 3 where they are long.
    """
    watch = Stopwatch(job, seconds)
    with own_randomness(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try_steps(engine, job, state, watch)
    return watch.step_seconds


def try_steps(engine: Engine, job: Job, state: TrainState, watch: Session) -> None:
    """Train, through as many epochs as it takes, until a session's time is over."""
    while not watch.out_of_time(state):
        engine.train_epoch(job, state, watch)
        if state.step_in_epoch >= job.steps_per_epoch:
            state.epoch += 1
            state.clear_losses()


class Stopwatch(Session):
    """A session that saves nothing, tells nobody, and ends after a few steps.

    One thread is timed by what it computes, so that other programs do not count. Of
    several the clock on the wall is what matters, and the fastest step.

    Args:
        job: What is trained on.
        seconds: When it ends.
    """

    def __init__(self, job: Job, seconds: float) -> None:
        super().__init__(job)
        is_fine = get_clock_info("process_time").resolution < FINE
        self._by_cpu = torch.get_num_threads() == 1 and is_fine
        self._clock_of = process_time if self._by_cpu else perf_counter
        self._last = self._clock_of()
        self._end = perf_counter() + seconds
        self._step = 0
        self._each: list[float] = []

    def after_step(self, state: TrainState) -> None:
        """Note how long it took; an engine may tell of several at once."""
        now = self._clock_of()
        self._each.append((now - self._last) / max(state.step - self._step, 1))
        self._last, self._step = now, state.step

    def out_of_time(self, state: TrainState) -> bool:
        """Whether enough steps were done."""
        del state
        done = len(self._each)
        if done < FEWEST_STEPS:
            return done > 2 and min(self._each[1:]) > LONG_STEP
        return done >= MOST_STEPS or perf_counter() >= self._end

    @property
    def step_seconds(self) -> float:
        """What a step takes, without the first two, which warm up."""
        return (fmean if self._by_cpu else min)(self._each[2:])
