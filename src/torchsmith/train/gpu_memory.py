"""What is said where the memory of a GPU is full."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from torchsmith.core.errors import TrainError
from torchsmith.core.memory import amount_of


@contextmanager
def told_when_full(what: str, remedy: str) -> Iterator[None]:
    """Turn PyTorch's error into one that says what to change.

    Args:
        what: Does not fit.
        remedy: What to do.

    Raises:
        TrainError: The memory is full.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        told = str(error).partition(" GPU ")[0].strip().rstrip(".")
        raise TrainError(
            f"{what} does not fit into the memory of the GPU ({told}); {remedy}"
        ) from error


def moved(examples: Tensor, device: torch.device) -> Tensor:
    """Return all examples of a part on the device.

    Raises:
        TrainError: They do not fit into its memory.
    """
    what = f"the prepared data, {amount_of(examples.nbytes)},"
    remedy = (
        "train on fewer examples, or on the CPU (training.device: cpu in a plan, "
        'device="cpu" in fit)'
    )
    with told_when_full(what, remedy):
        return examples.to(device)
