"""How long an epoch of a training will take, measured before it begins."""

from time import perf_counter

import torch

from torchsmith.train.engines.choose import choose_engine
from torchsmith.train.engines.trial import try_steps
from torchsmith.train.gpu_memory import told_when_full
from torchsmith.train.loop import Job, autocast
from torchsmith.train.processor import flushed_denormals
from torchsmith.train.randomness import own_randomness
from torchsmith.train.session import Session
from torchsmith.train.state import TrainState

WARM_STEPS = 2
"""Are not timed: the first steps allocate memory and fill caches."""

FEWEST_STEPS = 2
"""Are timed in any case."""

OVERHEAD = 1.02
"""Of an epoch, for checkpoints, which may take so much, and records."""


def epoch_seconds(job: Job, state: TrainState, seconds: float) -> float | None:
    """Return what one epoch will take by the clock on the wall, with its validation.

    What other programs take away counts, as it will in the training. The program's own
    random numbers stay as they are.

    Args:
        job: What to train on, with the engine that is chosen.
        state: To be thrown away.
        seconds: That may be measured; at least four steps are done.

    Returns:
        None for a training of fewer than four steps.
    """
    if job.training.epochs * job.steps_per_epoch < WARM_STEPS + FEWEST_STEPS:
        return None
    meter = Meter(job, seconds)
    one_thread = job.device.type == "cpu" and torch.get_num_threads() == 1
    full = told_when_full("a step of training", job.needs_less_memory)
    with full, own_randomness(), flushed_denormals(flush=one_thread):
        try_steps(choose_engine(job, state), job, state, meter)
        training = job.steps_per_epoch * meter.step_seconds
        return OVERHEAD * (training + _validation_seconds(job, state))


class Meter(Session):
    """A session that saves nothing, tells nobody, and ends when its time is over.

    Args:
        job: What is trained on.
        seconds: When it ends, where at least four steps are done.
    """

    def __init__(self, job: Job, seconds: float) -> None:
        super().__init__(job)
        self._device = job.device
        self._num_steps = job.training.epochs * job.steps_per_epoch
        self._end = perf_counter() + seconds
        self._warm: tuple[int, float] | None = None
        self._last = (0, 0.0)

    def after_step(self, state: TrainState) -> None:
        """Note the time; an engine may tell of several steps at once."""
        _wait_for(self._device)
        self._last = (state.step, perf_counter())
        if self._warm is None and state.step >= WARM_STEPS:
            self._warm = self._last

    def out_of_time(self, state: TrainState) -> bool:
        """Whether enough steps were done."""
        del state
        if self._warm is None or self._last[0] < self._warm[0] + FEWEST_STEPS:
            return False
        # Many schedules end with their training.
        return self._last[0] >= self._num_steps or perf_counter() >= self._end

    @property
    def step_seconds(self) -> float:
        """The mean over the steps after the first two."""
        if self._warm is None:
            raise AssertionError(self._last)
        (first, begin), (last, end) = self._warm, self._last
        return (end - begin) / (last - first)


def _validation_seconds(job: Job, state: TrainState) -> float:
    """Return what validation takes after each epoch, judged by one batch of it."""
    if job.val is None:
        return 0.0
    rows = torch.arange(min(len(job.val), job.val_batch_size))
    inputs, targets = job.val.take(rows)
    network = state.network.eval()
    for _ in range(2):  # the first fills caches
        begin = perf_counter()
        with torch.inference_mode(), autocast(job):
            outputs = network(inputs)
            job.loss(outputs, targets)
        if job.score is not None:
            job.score(outputs.float(), targets)
        _wait_for(job.device)
        took = perf_counter() - begin
    return took * len(job.val) / len(rows)


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
