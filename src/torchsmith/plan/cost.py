"""What training a network costs, estimated before it is built.

The shares of a machine's peak were measured on 2 cores with AVX-512 (float32): small
convolutional nets with batch normalisation reach 0.3 of the matrix-product peak, MLPs
with embeddings 0.2 of one core's. The guard `training.seconds` catches what the
estimate does not.
"""

from collections.abc import Sequence

from torchsmith.plan.machine import Machine
from torchsmith.plan.networks import TabularMLP

CONV_SHARE = 0.3
TABLE_SHARE = 0.2
STEP_SECONDS = 1e-3
"""Of each step, whatever the network: Python, launching, the optimizer."""

BACKWARD_FACTOR = 3
"""Forward and backward cost three times the forward pass."""


def conv_macs(
    channels: Sequence[int], depth: int, in_channels: int, height: int, width: int
) -> int:
    """Return the multiply-adds of a `ConvNet` for one picture."""
    total = 0
    for stage, out_channels in enumerate(channels):
        area = (height >> stage) * (width >> stage)
        for _ in range(depth):
            total += area * 9 * in_channels * out_channels
            in_channels = out_channels
    return total


def table_macs(network: TabularMLP, num_numbers: int, num_categories: int) -> int:
    """Return the multiply-adds of a `TabularMLP` for one row."""
    waves, width = network.frequencies, network.number_embedding
    total = num_numbers * 2 * waves * width
    in_features = num_numbers * (1 + (width if waves else 0)) + 8 * num_categories
    for hidden in network.hidden:
        total += in_features * hidden
        in_features = hidden
    return total


def conv_epoch_seconds(
    macs: int, num_train: int, batch_size: int, machine: Machine
) -> float:
    """Estimate an epoch of a convolutional net, on all cores."""
    flop = 2 * macs * BACKWARD_FACTOR * num_train
    steps = -(-num_train // batch_size)
    return flop / (machine.gflops * 1e9 * CONV_SHARE) + steps * STEP_SECONDS


def table_epoch_seconds(
    macs: int, num_train: int, batch_size: int, machine: Machine
) -> float:
    """Estimate an epoch of a network for tables, on one core."""
    flop = 2 * macs * BACKWARD_FACTOR * num_train
    steps = -(-num_train // batch_size)
    peak = machine.gflops / machine.cores * 1e9
    return flop / (peak * TABLE_SHARE) + steps * STEP_SECONDS
