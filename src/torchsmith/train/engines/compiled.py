"""A training in native code, with arithmetic of its own."""

from torchsmith.train.engines.engine import Engine, Unsupported
from torchsmith.train.loop import Job
from torchsmith.train.state import TrainState


def compile_engine(job: Job, state: TrainState) -> Engine:
    """Prepare the steps of a training.

    Raises:
        Unsupported: Something of it has no case here, or there is no compiler.
    """
    del job
    raise Unsupported(f"compiled has no case for {type(state.network).__name__}")
