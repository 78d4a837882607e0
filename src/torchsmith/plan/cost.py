"""What training a network costs, estimated before it is built.

The shares of a machine's peak were measured in float32: convolutional nets with batch
normalisation reach 0.3 of the matrix-product peak on 2 cores with AVX-512 (and 0.17 to
0.47 on one core with AVX2, the small ones less); those that pool before they normalise
reach 0.7 on one core with AVX2. Networks for tables were measured with
the engine `captured` on one core with AVX2: two layers of 384 and waves take 3.6 ms for
a batch of 64 and 10 ms for 256, which the estimate exceeds by 20 to 55 %; two of 128
take 0.63 ms for 32 and 0.85 ms for 64, which it meets to 10 %. Eight members of two
layers of 256, with bins of 16 numbers, take 44 ms of one such core for a batch of 256,
four 25 ms, sixteen of 128 8 ms for a batch of 32: the estimate is within 20 %. The
guard `training.seconds` catches what the estimate does not.
"""

from torchsmith.plan.machine import Machine
from torchsmith.plan.networks import ConvNet, TabularMLP, VolumeNet

CONV_SHARE = 0.3
POOL_FIRST_SHARE = 0.5
BFLOAT16_SPEED = 1.6
"""Of a convolutional net in bfloat16 instead of float32, where the processor multiplies
matrices of it; measured: 1.6 with 16 channels first, 1.8 with 24."""

TABLE_SHARE = 0.25
MEMBERS_SHARE = 0.4
STEP_SECONDS = 0.5e-3
"""Of each step, whatever the network: Python, launching, the optimizer."""

MEMBERS_STEP_SECONDS = 3e-3
"""Likewise, of members of a network for tables."""

FOLD_STEP_SECONDS = 1.5e-3
"""Likewise, of each network of folds, with its validation: 1.2 ms as measured."""

OTHER_THREADS = 0.7
"""What a further thread is taken to add to the first, which was not measured."""

LARGE_BATCH_MACS = 200_000_000
"""Below, handing work to a second thread costs more than it saves."""

BACKWARD_FACTOR = 3
"""Forward and backward cost three times the forward pass."""


def conv_macs(network: ConvNet, in_channels: int, height: int, width: int) -> int:
    """Return the multiply-adds of a `ConvNet` for one picture."""
    total = 0
    num = len(network.channels)
    depths = network.depth if isinstance(network.depth, tuple) else (network.depth,)
    for stage, out_channels in enumerate(network.channels):
        area = (height >> stage) * (width >> stage)
        for _ in range((depths * num)[stage]):
            total += area * 9 * in_channels * out_channels
            in_channels = out_channels
    return total


def volume_macs(
    network: VolumeNet, in_channels: int, shape: tuple[int, int, int]
) -> int:
    """Return the multiply-adds of a `VolumeNet` for one volume of D x H x W."""
    total = 0
    for out_channels in network.channels:
        depth, height, width = shape = _halved(shape)
        for _ in range(network.depth):
            total += depth * height * width * 27 * in_channels * out_channels
            in_channels = out_channels
    return total


def _halved(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    depth, height, width = shape
    return -(-depth // 2), -(-height // 2), -(-width // 2)


def table_macs(network: TabularMLP, num_numbers: int, num_categories: int) -> int:
    """Return the multiply-adds of a `TabularMLP` for one row."""
    width = network.number_embedding
    parts = network.bins or 2 * network.frequencies
    in_features = num_numbers * (1 + (width if parts else 0)) + 8 * num_categories
    hidden = 0
    for features in network.hidden:
        hidden += in_features * features
        in_features = features
    return num_numbers * parts * width + network.members * hidden


def threads_for(batch_macs: int, machine: Machine) -> int:
    """Choose one thread or all cores by the multiply-adds of a batch, forward."""
    return 1 if batch_macs < LARGE_BATCH_MACS else machine.cores


def conv_epoch_seconds(
    macs: int,
    num_train: int,
    batch_size: int,
    machine: Machine,
    share: float = CONV_SHARE,
) -> float:
    """Estimate an epoch of a convolutional net, on the threads that it gets."""
    flop = 2 * macs * BACKWARD_FACTOR * num_train
    steps = -(-num_train // batch_size)
    threads = threads_for(macs * batch_size, machine)
    return flop / (machine.peak(threads) * share) + steps * STEP_SECONDS


def table_epoch_seconds(
    macs: int,
    num_train: int,
    batch_size: int,
    machine: Machine,
    members: int = 1,
    folds: int = 0,
) -> float:
    """Estimate an epoch of a network for tables, on the threads that it gets."""
    flop = 2 * macs * BACKWARD_FACTOR * num_train
    steps = -(-num_train // batch_size)
    if folds:
        # Each example also validates, forward.
        each = flop * (1 + 1 / BACKWARD_FACTOR) / (machine.peak(1) * MEMBERS_SHARE)
        return folds * (each + steps * FOLD_STEP_SECONDS)
    threads = threads_for(macs * batch_size, machine)
    if members == 1:
        peak = machine.peak(threads)
        return flop / (peak * TABLE_SHARE) + steps * STEP_SECONDS
    peak = machine.peak(1)
    if machine.device == "cpu":
        peak *= 1 + (threads - 1) * OTHER_THREADS
    return flop / (peak * MEMBERS_SHARE) + steps * MEMBERS_STEP_SECONDS
