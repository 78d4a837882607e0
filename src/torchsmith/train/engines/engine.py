"""What an engine is."""

from dataclasses import dataclass

from torchsmith.core.vocabulary import EngineName
from torchsmith.train.loop import TrainEpoch


@dataclass(frozen=True)
class Engine:
    """A way to compute the steps of one training.

    It works on the very tensors that the state holds: after each step the network's
    parameters and buffers, their `.grad` and the optimizer's state are what `eager`
    would have left there, so that checkpoints, averages, clipping and resuming with
    another engine need to know nothing of it.

    Attributes:
        name: As in the plan.
        train_epoch: Its loop.
        reason: Why `auto` took it; empty where the plan names it.
    """

    name: EngineName
    train_epoch: TrainEpoch
    reason: str = ""


class Unsupported(Exception):  # noqa: N818 -- an answer, not a failure
    """An engine cannot do this training; says what of it, for the reason in a plan.

    The name of the engine is said by others: `Unsupported("no case for LSTM")`.
    """
