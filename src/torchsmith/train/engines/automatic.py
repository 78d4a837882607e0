"""What a run chooses as it begins: the engine for `auto`, the threads for 0."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import torch

from torchsmith.core.vocabulary import EngineName
from torchsmith.train.batches import TensorBatches
from torchsmith.train.engines.choose import build_engine, choose_engine
from torchsmith.train.engines.compiled import compile_engine
from torchsmith.train.engines.engine import Engine, Unsupported
from torchsmith.train.engines.rule import (
    COMPILED_SAVES_SECONDS,
    may_pay,
    pick_engine,
    pick_threads,
    reason_of,
    seconds_text,
)
from torchsmith.train.engines.trial import LONG_STEP, step_seconds
from torchsmith.train.loop import Job
from torchsmith.train.processor import flushed_denormals
from torchsmith.train.state import TrainState

FEWEST_STEPS = 300
"""Of a run that is worth a measurement, which takes some 20 steps."""

TRIAL_SECONDS = 0.3
TRIAL_SHARE = 0.02
"""Of the predicted time; the measurement takes about the lesser of the two."""

MOST_TRIALS = 6

COMPILING_SECONDS = 5.0
"""Taken for a compilation that is not done yet; 3.5 to 5.5 were measured."""

NewState = Callable[[], TrainState]


@dataclass(frozen=True)
class Choice:
    """What a run trains with.

    Attributes:
        engine: As a plan names it; never `auto`.
        threads: Of the CPU within one operation; never 0.
        engine_reason: Why, where the plan says `auto`.
        threads_reason: Why, where the plan says 0.
        is_measured: Whether the clock decided, so that it could decide otherwise.
    """

    engine: EngineName
    threads: int
    engine_reason: str = ""
    threads_reason: str = ""
    is_measured: bool = False


def choose(
    job: Job, new_state: NewState, tell: Callable[[str], None] | None = None
) -> Choice:
    """Choose what the plan leaves open, by the rule in docs/engines.md.

    Nothing of it is left behind: steps are tried on states that are thrown away.

    Args:
        job: What to train on, and how.
        new_state: Builds a state at step 0, as the one that will be trained.
        tell: Is given a line before something that takes seconds.

    Raises:
        PlanError: The engine that the plan names cannot do this training.
        TrainError: The first batch shows that the loss would mean nothing.
    """
    state = new_state()
    engine = choose_engine(job, state, tell)
    trials = _Trials(job, state)
    threads, usual = job.training.threads, torch.get_num_threads()
    is_open = job.training.engine == "auto"
    if threads and not is_open:
        return Choice(engine.name, threads)
    why = _why_not(job)
    measures = not why
    if measures and (first := trials.first_seconds(engine, threads or 1)) > LONG_STEP:
        why = f"a step takes {seconds_text(first)}, nearly all of it arithmetic"
    if why:
        return Choice(
            engine.name,
            threads or usual,
            f"{why}; {_why_exact(engine, job, state)}" if is_open else "",
            "" if threads else f"{why}; as many as PyTorch takes here",
            is_measured=measures,
        )
    chosen, why_threads = threads, ""
    if not threads:
        chosen, why_threads = trials.threads(engine, usual)
    name, why_engine = engine.name, ""
    if is_open:
        name, why_engine = trials.engine(chosen, new_state, tell)
    return Choice(name, chosen, why_engine, why_threads, is_measured=True)


def _why_not(job: Job) -> str:
    """Say why nothing is measured; an empty text where it is."""
    steps = job.training.epochs * job.steps_per_epoch
    if job.device.type != "cpu":
        return f"on {job.device.type} there is eager alone"
    if steps < FEWEST_STEPS:
        return f"{steps:,} steps are too few to measure"
    return "" if isinstance(job.train, TensorBatches) else "the data set sets the pace"


def _why_exact(engine: Engine, job: Job, state: TrainState) -> str:
    """Say what else there is to say of an engine that was not measured."""
    try:
        build_engine("captured", job, state)
    except Unsupported as error:
        return f"captured: {error}"
    return f"{engine.name} has less around it, and gives the bits of eager"


class _Trials:
    """Times engines on states that are thrown away.

    Args:
        job: What to train on, and how.
        state: To be thrown away.
    """

    def __init__(self, job: Job, state: TrainState) -> None:
        self._job = job
        self._state = state
        self._steps = job.training.epochs * job.steps_per_epoch
        self._slice = 0.0

    def first_seconds(self, engine: Engine, threads: int) -> float:
        """Return roughly what a step takes, and divide the time for more trials."""
        seconds = self._time(engine, threads)
        whole = min(TRIAL_SECONDS, TRIAL_SHARE * self._steps * seconds)
        self._slice = whole / MOST_TRIALS
        return seconds

    def threads(self, engine: Engine, usual: int) -> tuple[int, str]:
        """Choose between one thread and as many as PyTorch takes."""
        if usual == 1:
            return 1, "the only one that PyTorch takes here"
        seconds = {n: self._time(engine, n) for n in (1, usual)}
        if pick_threads(seconds) > 1:  # twice, so that no other program decides it
            seconds[1] = min(seconds[1], self._time(engine, 1))
            seconds[usual] = max(seconds[usual], self._time(engine, usual))
        one, many = (seconds_text(seconds[n]) for n in (1, usual))
        reason = f"a step takes {one} on one thread, {many} on {usual} threads"
        return pick_threads(seconds), reason

    def engine(
        self, threads: int, new_state: NewState, tell: Callable[[str], None] | None
    ) -> tuple[EngineName, str]:
        """Choose between the engines that can do this training."""
        seconds: dict[EngineName, float] = {}
        why_not: dict[EngineName, str] = {}
        exact: tuple[EngineName, ...] = ("eager", "captured")
        for name in exact:
            try:
                engine = build_engine(name, self._job, self._state)
            except Unsupported as error:
                why_not[name] = str(error)
            else:
                seconds[name] = self._time(engine, threads)
        whole = self._steps * min(seconds.values())
        compiling = 0.0
        try:
            begin = perf_counter()
            engine = self._compiled(whole, new_state, tell)
            compiling = perf_counter() - begin
            seconds["compiled"] = self._time(engine, threads)
        except Unsupported as error:
            why_not["compiled"] = str(error)
        chosen = pick_engine(self._steps, seconds, compiling)
        return chosen, reason_of(chosen, self._steps, seconds, why_not)

    def _compiled(
        self,
        whole: float,
        new_state: NewState,
        tell: Callable[[str], None] | None,
    ) -> Engine:
        """Build `compiled`, where that may pay; a long compilation counts, too.

        Raises:
            Unsupported: It cannot train this, or cannot save enough.
        """
        if not may_pay(whole, 0.0):
            raise Unsupported(f"could not save {COMPILED_SAVES_SECONDS:g} s")
        self._state = new_state()
        try:
            return compile_engine(self._job, self._state, _refuse_to_wait)
        except _MustCompileError:
            if may_pay(whole, COMPILING_SECONDS):
                return compile_engine(self._job, self._state, tell)
        raise Unsupported(f"compiling takes about {seconds_text(COMPILING_SECONDS)}")

    def _time(self, engine: Engine, threads: int) -> float:
        with _threads(threads):
            return step_seconds(engine, self._job, self._state, self._slice)


class _MustCompileError(Exception):
    """The result of an earlier compilation is not in the cache."""


def _refuse_to_wait(text: str) -> None:
    raise _MustCompileError(text)


@contextmanager
def _threads(threads: int) -> Iterator[None]:
    """Compute as training with so many threads would."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with flushed_denormals(flush=threads == 1):
            yield
    finally:
        torch.set_num_threads(before)
