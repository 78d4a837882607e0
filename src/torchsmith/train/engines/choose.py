"""From `training.engine` to an engine."""

from collections.abc import Callable
from typing import assert_never

from torchsmith.core.errors import PlanError
from torchsmith.core.vocabulary import EngineName
from torchsmith.train.engines.captured import capture
from torchsmith.train.engines.compiled import compile_engine
from torchsmith.train.engines.engine import Engine, Unsupported
from torchsmith.train.loop import Job, eager_epoch
from torchsmith.train.state import TrainState


def choose_engine(
    job: Job, state: TrainState, tell: Callable[[str], None] | None = None
) -> Engine:
    """Return the engine that the plan names.

    For `auto` it is `captured` where that can do this training, else `eager`: they give
    the same bits. Where there is a run folder, `auto` was decided before it was made.

    Args:
        job: What to train on, and how.
        state: Is not changed by it.
        tell: Is given a line before something that takes seconds.

    Raises:
        PlanError: The engine that the plan names cannot do this training.
    """
    name = job.training.engine
    if name == "auto":
        try:
            return build_engine("captured", job, state)
        except Unsupported:
            return build_engine("eager", job, state)
    try:
        return build_engine(name, job, state, tell)
    except Unsupported as error:
        raise PlanError(
            f"training.engine: {name} cannot train this: {error}; "
            "use auto or eager, in a new run where this one has begun"
        ) from error


def build_engine(
    name: EngineName,
    job: Job,
    state: TrainState,
    tell: Callable[[str], None] | None = None,
) -> Engine:
    """Build an engine by its name.

    Args:
        name: Not `auto`.
        job: What to train on, and how.
        state: Is not changed by it.
        tell: Is given a line before something that takes seconds.

    Raises:
        Unsupported: It has no case for something of this training.
    """
    if name != "eager" and job.device.type != "cpu":
        raise Unsupported(f"not verified on {job.device.type}")
    match name:
        case "eager" | "auto":
            return Engine("eager", eager_epoch)
        case "captured":
            return capture(job, state)
        case "compiled":
            return compile_engine(job, state, tell)
        case _:
            assert_never(name)
