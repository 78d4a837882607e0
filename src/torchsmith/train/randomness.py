"""Random numbers that are functions of the position in a training."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from torchsmith.core.randomness import own_turn
from torchsmith.core.seeds import derive_seed

if TYPE_CHECKING:
    from torchsmith.train.loop import Job


def seed_step(job: "Job", purpose: str, position: int) -> None:
    """Make dropout a function of the position, whoever draws its numbers."""
    value = seed_torch(job, purpose, position)
    if job.own_code:
        random.seed(value)
        np.random.seed(value % 2**32)  # noqa: NPY002 -- what a person's module may use


def seed_torch(job: "Job", purpose: str, position: int) -> int:
    """Seed PyTorch's numbers alone, for known layers; return the seed."""
    value = derive_seed(job.training.seed, purpose, position)
    if job.device.type == "cpu":
        # torch.manual_seed also notes each call for the devices that nobody uses, with
        # a traceback: longer than the step of a small network, and never forgotten.
        torch.default_generator.manual_seed(value)
    else:
        torch.manual_seed(value)
    return value


@contextmanager
def own_randomness() -> Iterator[None]:
    """Give the program its own random numbers back afterwards; wait for one's turn."""
    # PyTorch would warn of several GPUs, and ask each, also where none is used.
    gpus = [*range(torch.cuda.device_count())] if torch.cuda.is_initialized() else []
    devices = None if torch.backends.mps.is_available() else gpus
    with own_turn():
        python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
        try:
            with torch.random.fork_rng(devices):
                yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
