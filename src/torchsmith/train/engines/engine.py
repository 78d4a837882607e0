"""What an engine is."""

from dataclasses import dataclass

from torch import nn
from torch.optim import Optimizer

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
    """

    name: EngineName
    train_epoch: TrainEpoch


class Unsupported(Exception):  # noqa: N818 -- an answer, not a failure
    """An engine cannot do this training; says what of it, for the reason in a plan.

    The name of the engine is said by others: `Unsupported("no case for LSTM")`.
    """


def refuse_hooks(module: nn.Module) -> None:
    """Refuse a module that calls a person's own code, which no engine but eager does.

    Raises:
        Unsupported: It, or one of its own parameters, has hooks, or another `forward`.
    """
    hooks: list[object] = [
        module._forward_hooks,
        module._forward_pre_hooks,
        module._backward_hooks,
        module._backward_pre_hooks,
    ]
    for parameter in module.parameters(recurse=False):
        hooks += [parameter._backward_hooks, parameter._post_accumulate_grad_hooks]
    if "forward" in vars(module) or any(hooks):
        raise Unsupported(f"no case for {type(module).__name__} with hooks")


def is_torchs_own(optimizer: Optimizer) -> bool:
    """Whether an optimizer is PyTorch's, not a person's with a `step` of its own."""
    return type(optimizer).__module__.startswith("torch.optim.")
