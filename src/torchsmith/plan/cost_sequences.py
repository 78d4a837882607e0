"""What preparing sequences and training on them costs, estimated beforehand.

Fitted to five timings on one core with AVX2 (86 GFLOP/s in a matrix product), and not
compared with others: batches of 32 sequences of 80 steps take an Inception with 16 or
32 channels a branch, 3 or 6 modules, kernels of 9, 19 and 39, 28 to 167 ms; random
convolutions take 1.06 s for 9,996 features of 1,000 sequences of 128 steps.
"""

from torchsmith.data.competing_convolutions import dilations_for
from torchsmith.plan.cost import BACKWARD_FACTOR
from torchsmith.plan.machine import Machine
from torchsmith.plan.sequence_bodies import GRU, Inception

FEATURE_SECONDS = 0.8e-9
"""For each random convolution and step of a sequence."""

GROUP_SECONDS = 40e-9
"""For each group of eight kernels that compete and step of a sequence: 50 times what a
random convolution takes, as both were timed side by side on 120 and 250 sequences."""

CONVOLUTION_SHARE = 0.6
"""Of a matrix product's speed."""

NUMBER_SECONDS = 27e-9
"""For each number that a module gives, forward and backward, besides convolutions."""

MODULE_SECONDS = 1e-3
"""For each module in each step, whatever its size: Python and launching."""

MOVED_SECONDS = 1e-9
"""For each number that is taken from memory for a batch of features."""

GRU_SHARE = 0.3
STEP_OF_GRU_SECONDS = 1e-3
"""For each step in time: small matrix products, one after the other."""


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
    peak = machine.peak(1)
    return (
        flop / (CONVOLUTION_SHARE * peak)
        + NUMBER_SECONDS * numbers * batch_size
        + MODULE_SECONDS * body.depth
    )


def features_seconds(
    num_features: int, num_sequences: int, length: int, channels: int
) -> float:
    """Estimate how long random convolutions of sequences take, on one core."""
    steps = num_sequences * max(length, 9)
    return FEATURE_SECONDS * num_features * steps * (1 + 0.1 * (channels - 1))


def groups_seconds(num_groups: int, num_sequences: int, length: int) -> float:
    """Estimate how long groups of kernels take to compete, on one core.

    Args:
        num_groups: At each dilation.
        num_sequences: All there are.
        length: Steps of one.
    """
    steps = num_sequences * max(length, 9)
    return GROUP_SECONDS * num_groups * len(dilations_for(length)) * steps


def feature_step_seconds(
    num_features: int, num_outputs: int, batch_size: int, machine: Machine
) -> float:
    """Estimate a training step of a linear layer on features, on one core."""
    flop = 2 * BACKWARD_FACTOR * num_features * num_outputs * batch_size
    peak = machine.peak(1)
    moved = num_features * (batch_size + 8 * num_outputs)
    return flop / (CONVOLUTION_SHARE * peak) + moved * MOVED_SECONDS + MODULE_SECONDS


def gru_step_seconds(
    body: GRU, in_channels: int, length: int, batch_size: int, machine: Machine
) -> float:
    """Estimate a training step of a `GRU` in both directions, on one core."""
    inputs = in_channels + 2 * body.width * (body.depth - 1)
    macs = 2 * 3 * body.width * (inputs + body.depth * body.width) * length
    flop = 2 * BACKWARD_FACTOR * macs * batch_size
    peak = machine.peak(1)
    return flop / (GRU_SHARE * peak) + length * STEP_OF_GRU_SECONDS
