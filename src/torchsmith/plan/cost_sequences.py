"""What preparing sequences and training on them costs, estimated beforehand.

Measured on one core with AVX2 (86 GFLOP/s in a matrix product): batches of 32 sequences
of 80 steps take an Inception with 16 or 32 channels a branch, 3 or 6 modules, kernels
of 9, 19 and 39, 28 to 167 ms, which the estimate meets to 10 %; random convolutions
take 1.06 s for 9,996 features of 1,000 sequences of 128 steps.
"""

from torchsmith.plan.machine import Machine
from torchsmith.plan.sequence_bodies import Inception

FEATURE_SECONDS = 0.8e-9
"""For each random convolution and step of a sequence."""

CONVOLUTION_SHARE = 0.6
"""Of a matrix product's speed."""

NUMBER_SECONDS = 27e-9
"""For each number that a module gives, forward and backward, besides convolutions."""

MODULE_SECONDS = 1e-3
"""For each module in each step, whatever its size: Python and launching."""

BACKWARD_FACTOR = 3
"""Forward and backward cost three times the forward pass."""


def inception_macs(body: Inception, in_channels: int, length: int) -> int:
    """Return the multiply-adds of an `Inception` for one sequence."""
    total = 0
    channels = in_channels
    for _ in range(body.depth):
        narrow = min(channels, body.width)
        total += channels * body.width * (1 + (channels > body.width))
        total += narrow * body.width * sum(body.kernel_sizes)
        channels = body.width * (len(body.kernel_sizes) + 1)
    return total * length


def inception_step_seconds(
    body: Inception, shape: tuple[int, int], batch_size: int, machine: Machine
) -> float:
    """Estimate a training step of an `Inception`, on one core.

    Args:
        body: What is trained.
        shape: Channels and steps of a sequence.
        batch_size: Sequences at once.
        machine: Where.
    """
    flop = 2 * BACKWARD_FACTOR * inception_macs(body, *shape) * batch_size
    numbers = body.width * (len(body.kernel_sizes) + 1) * body.depth * shape[1]
    peak = machine.gflops / machine.cores * 1e9
    return (
        flop / (CONVOLUTION_SHARE * peak)
        + NUMBER_SECONDS * numbers * batch_size
        + MODULE_SECONDS * body.depth
    )
