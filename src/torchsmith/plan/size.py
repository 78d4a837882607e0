"""How large a network, and how long to train it, for this data, machine and budget."""

from dataclasses import dataclass

from torchsmith.core.errors import DataError
from torchsmith.data.steps import Resize, RotatePlace, Step
from torchsmith.inspect.inspection import ImageFacts, Inspection
from torchsmith.plan.cost import (
    LARGE_BATCH_MACS,
    conv_epoch_seconds,
    conv_macs,
    table_epoch_seconds,
    table_macs,
    threads_for,
)
from torchsmith.plan.machine import Machine
from torchsmith.plan.networks import ConvNet, Network, TabularMLP

TRAINING_SHARE = 0.7
"""Of the budget; the rest is for reading, rivals, evaluation and the report."""

FEWEST_EPOCHS = 4
"""A smaller convolutional net is chosen rather than fewer passes over the data."""

CONV_CHANNELS = ((32, 64, 128), (24, 48, 96), (16, 32, 64), (8, 16, 32))

MOST_IMAGE_EPOCHS = 40
MOST_TABLE_EPOCHS = 100

Reasons = dict[str, str]


@dataclass(frozen=True)
class Size:
    """What was chosen.

    Attributes:
        network: Its family and widths.
        batch_size: Examples per step.
        epochs: Passes over the training part.
        threads: Of the CPU within one operation.
    """

    network: Network
    batch_size: int
    epochs: int
    threads: int


def choose_size(
    inspection: Inspection,
    prepare: tuple[Step, ...],
    num_train: int,
    machine: Machine,
    budget: float,
    reasons: Reasons,
) -> Size:
    """Choose the network, the batch size, the epochs and the threads.

    Args:
        inspection: What is known about the data.
        prepare: The steps of preparation, which may resize pictures.
        num_train: Examples in the training part.
        machine: What it will run on.
        budget: Seconds for the whole run.
        reasons: Are added to, by dotted path.

    Raises:
        DataError: No column is left to learn from.
    """
    batch_size = _batch_size(inspection, num_train, reasons)
    if inspection.images is not None:
        most = MOST_IMAGE_EPOCHS
        network, macs, seconds = _image_network(
            inspection.images, prepare, num_train, batch_size, machine, budget, reasons
        )
    else:
        most = MOST_TABLE_EPOCHS
        network, macs, seconds = _table_network(
            inspection, prepare, num_train, batch_size, machine, reasons
        )
    return Size(
        network=network,
        batch_size=batch_size,
        epochs=_epochs(num_train, batch_size, seconds, budget, most, reasons),
        threads=_threads(macs * batch_size, machine, reasons),
    )


def _batch_size(inspection: Inspection, num_train: int, reasons: Reasons) -> int:
    images = inspection.kind == "images"
    large = 128 if images else 256
    sizes = ((10_000, large), (5_000, 128), (1_000, 64), (0, 32))
    size = next(size for rows, size in sizes if num_train >= rows)
    reasons["training.batch_size"] = f"for {num_train:,} training examples"
    return size


def _table_network(
    inspection: Inspection,
    prepare: tuple[Step, ...],
    num_train: int,
    batch_size: int,
    machine: Machine,
    reasons: Reasons,
) -> tuple[Network, int, float]:
    used = [c for c in inspection.columns if c.role != "ignore"]
    if not used:
        raise DataError(
            f"{inspection.source}: no column is left to learn from (all are set "
            "aside); give columns a role in the plan's data.columns"
        )
    num_categories = sum(c.role == "category" for c in used)
    num_numbers = len(used) - num_categories
    small = num_train < 2_000
    waves = 0 if small or num_numbers > 100 else 48
    network = TabularMLP(
        hidden=(128, 128) if small else (384, 384),
        dropout=0.1 if small else 0.2,
        frequencies=waves,
        frequency_scale=0.05,
        number_embedding=16 if waves else 8,
    )
    reasons["network"] = (
        f"{num_numbers} numbers and {num_categories} categories, "
        f"{num_train:,} training rows"
        + ("; waves of each number (frequencies) catch steep changes" if waves else "")
    )
    features = num_numbers + sum(
        len(step.angles) for step in prepare if isinstance(step, RotatePlace)
    )
    macs = table_macs(network, features, num_categories)
    seconds = table_epoch_seconds(macs, num_train, batch_size, machine)
    return network, macs, seconds


def _image_network(
    facts: ImageFacts,
    prepare: tuple[Step, ...],
    num_train: int,
    batch_size: int,
    machine: Machine,
    budget: float,
    reasons: Reasons,
) -> tuple[Network, int, float]:
    height, width = facts.median_height, facts.median_width
    for step in prepare:
        if isinstance(step, Resize):
            height, width = step.height, step.width
    stages = 4 if min(height, width) >= 48 else 3 if min(height, width) >= 8 else 1
    pool = min(4, min(height, width) >> (stages - 1))
    network, macs, seconds = ConvNet(), 0, 0.0
    for base in CONV_CHANNELS:
        channels = (*base, 2 * base[-1])[:stages]
        network = ConvNet(channels=channels, pool=pool, dropout=0.1)
        macs = conv_macs(channels, 1, facts.channels, height, width)
        seconds = conv_epoch_seconds(macs, num_train, batch_size, machine)
        if seconds * FEWEST_EPOCHS <= TRAINING_SHARE * budget:
            break
    reasons["network"] = (
        f"the largest that sees {height}x{width} pictures {FEWEST_EPOCHS} times within "
        f"{budget:g} s here (about {seconds:.2g} s an epoch)"
    )
    return network, macs, seconds


def _threads(macs: int, machine: Machine, reasons: Reasons) -> int:
    """Choose by the multiply-adds of one forward pass of a batch."""
    threads = threads_for(macs, machine)
    reasons["training.threads"] = (
        "one thread is faster for small layers"
        if macs < LARGE_BATCH_MACS
        else "all cores: large convolutions use them well"
    )
    return threads


def _epochs(
    num_train: int,
    batch_size: int,
    epoch_seconds: float,
    budget: float,
    most: int,
    reasons: Reasons,
) -> int:
    steps = -(-num_train // batch_size)
    wanted = min(most, max(20, round(6_000 / steps)))
    affordable = int(TRAINING_SHARE * budget / epoch_seconds)
    epochs = max(1, min(wanted, affordable))
    seconds = epochs * epoch_seconds
    reasons["training.epochs"] = f"{epochs * steps:,} steps, " + (
        f"about {seconds:.2g} s here"
        if epochs == wanted
        else f"as many as fit into {budget:g} s here; more would likely help"
    )
    return epochs
