"""How fast this machine multiplies matrices, so that a plan can keep to a budget."""

from dataclasses import dataclass
from time import perf_counter

from torchsmith.core.environment import usable_cores

SIZE = 384

SECONDS = 0.1
"""Long enough for a processor to leave its idle clock."""


@dataclass(frozen=True)
class Machine:
    """What a plan must know about the machine.

    Attributes:
        cores: That this process may use.
        gflops: Billions of float32 operations per second in a matrix product: of one
            core, times the cores.
    """

    cores: int
    gflops: float


def measure() -> Machine:
    """Measure the machine, in a tenth of a second."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    left = np.ones((SIZE, SIZE), np.float32)
    best = float("inf")
    # The best of many on one core: a busy machine slows two threads far more than one.
    with threadpool_limits(1):
        begin = perf_counter()
        while perf_counter() - begin < SECONDS:
            start = perf_counter()
            left @ left
            best = min(best, perf_counter() - start)
    gflops = 2 * SIZE**3 / best / 1e9 * usable_cores()
    return Machine(cores=usable_cores(), gflops=float(f"{gflops:.3g}"))
