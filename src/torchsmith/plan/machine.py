"""How fast this machine multiplies matrices, so that a plan can keep to a budget."""

import os
from dataclasses import dataclass
from time import perf_counter


SECONDS = 0.2
"""Long enough for a processor to leave its idle clock."""


@dataclass(frozen=True)
class Machine:
    """What a plan must know about the machine.

    Attributes:
        cores: That this process may use.
        gflops: Billions of float32 operations per second in a matrix product, over all
            cores.
    """

    cores: int
    gflops: float


def measure() -> Machine:
    """Measure the machine, in a fifth of a second."""
    import numpy as np

    size = 512
    left = np.ones((size, size), np.float32)
    best = float("inf")
    begin = perf_counter()
    while perf_counter() - begin < SECONDS:
        start = perf_counter()
        left @ left
        best = min(best, perf_counter() - start)
    return Machine(cores=_cores(), gflops=float(f"{2 * size**3 / best / 1e9:.3g}"))


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1
