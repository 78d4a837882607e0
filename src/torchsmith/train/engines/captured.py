"""The same arithmetic as `eager`, without what surrounds it."""

from torchsmith.train.engines.engine import Engine, Unsupported
from torchsmith.train.loop import Job
from torchsmith.train.state import TrainState


def capture(job: Job, state: TrainState) -> Engine:
    """Prepare the steps of a training.

    Raises:
        Unsupported: Something of it has no case here; says what.
    """
    del job
    raise Unsupported(f"captured has no case for {type(state.network).__name__}")
