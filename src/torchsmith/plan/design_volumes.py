"""The default for volumes `(N, C, D, H, W)`."""

import math

from torchsmith.core.wording import percent, rough_duration
from torchsmith.data.steps import Standardize, StandardizeTarget, Step
from torchsmith.inspect.inspection import VolumeFacts, VolumeSymmetry
from torchsmith.plan.augment import (
    SIDES,
    Augmentation,
    RandomFlip3d,
    RandomQuarterTurn3d,
    RandomShift3d,
)
from torchsmith.plan.cost import conv_epoch_seconds, volume_macs
from torchsmith.plan.design import (
    ANNEALED,
    CENTRED_TARGET,
    HIGH_RATE,
    TRAINING_SHARE,
    Case,
    Design,
    choose_batch_size,
    choose_epochs,
    choose_threads,
)
from torchsmith.plan.networks import VolumeNet
from torchsmith.plan.optimizers import AdamW
from torchsmith.plan.schedules import OneCycleLR

FEWEST_EPOCHS = 12
"""A narrower net is chosen rather than fewer passes over the data."""

MOST_EPOCHS = 40
WIDTHS = (32, 24, 16, 8)
"""Channels of the first stage; each further stage has twice as many."""

MOST_STAGES = 5

SHIFT_SHARE = 1 / 15
"""Of the shortest side: so far are volumes shifted."""

KEPT = 0.02
"""Share of right classes that a change which keeps the class may cost, by chance."""


def design_volumes(case: Case, facts: VolumeFacts) -> Design:
    """Choose preparation, network and training for volumes."""
    prepare: list[Step] = []
    add = case.adder("prepare", prepare)
    add(Standardize(), "fitted on the training part only")
    if case.target.task == "regression":
        add(StandardizeTarget(), CENTRED_TARGET)
    batch_size = choose_batch_size(case, large=128)
    network, macs, seconds = _network(case, facts, batch_size)
    case.reasons["optimizer"] = HIGH_RATE
    case.reasons["schedule"] = ANNEALED
    return Design(
        prepare=tuple(prepare),
        augment=_augment(case, facts),
        network=network,
        optimizer=AdamW(lr=4e-3, weight_decay=0.02),
        schedule=OneCycleLR(),
        batch_size=batch_size,
        epochs=choose_epochs(case, batch_size, seconds, MOST_EPOCHS),
        threads=choose_threads(macs * batch_size, case),
    )


def _network(
    case: Case, facts: VolumeFacts, batch_size: int
) -> tuple[VolumeNet, int, float]:
    """Return the net, its multiply-adds for one volume, and the seconds of an epoch."""
    shape = (facts.depth, facts.height, facts.width)
    # The last stage sees 2 voxels a side, or a few more of large volumes.
    stages = max(1, min(MOST_STAGES, math.ceil(math.log2(min(shape))) - 1))
    network, macs, seconds = VolumeNet(), 0, 0.0
    for width in WIDTHS:
        channels = tuple(width * 2**stage for stage in range(stages))
        network = VolumeNet(channels=channels, dropout=0.2)
        macs = volume_macs(network, facts.channels, shape)
        seconds = conv_epoch_seconds(macs, case.num_train, batch_size, case.machine)
        if seconds * FEWEST_EPOCHS <= TRAINING_SHARE * case.budget:
            break
    case.reasons["network"] = (
        f"the widest that sees volumes of {'x'.join(map(str, shape))} {FEWEST_EPOCHS} "
        f"times within {case.budget:g} s here (about {rough_duration(seconds)} an "
        "epoch)"
    )
    return network, macs, seconds


def _augment(case: Case, facts: VolumeFacts) -> tuple[Augmentation, ...]:
    """Choose the changes that keep the class, as the neighbours in a sample see it."""
    chosen: list[Augmentation] = []
    add = case.adder("augment", chosen)

    symmetry = facts.symmetry
    voxels = max(1, round(SHIFT_SHARE * min(facts.depth, facts.height, facts.width)))
    if symmetry is None and case.target.task == "regression":
        return ()  # the place itself may be what is to be predicted
    if symmetry is None:
        add(
            RandomShift3d(voxels=voxels),
            "usual; too few volumes to see whether where a thing lies says what it is",
        )
        return tuple(chosen)
    least = _least(symmetry)
    if symmetry.shifted >= least:
        add(
            RandomShift3d(voxels=voxels),
            f"shifted neighbours tell {percent(symmetry.shifted, 1)} of a sample "
            f"right, others {percent(symmetry.plain, 1)}",
        )
    if symmetry.plain <= symmetry.largest_class + 2 * KEPT:
        return tuple(chosen)  # neighbours tell nothing, so neither do changed ones
    for side, right in zip(SIDES, symmetry.mirrored, strict=True):
        if right >= least:
            add(RandomFlip3d(along=side), _kept(right, symmetry.plain))
    for side, turned in zip(SIDES, symmetry.turned, strict=True):
        if turned is not None and turned >= least:
            add(RandomQuarterTurn3d(about=side), _kept(turned, symmetry.plain))
    return tuple(chosen)


def _least(symmetry: VolumeSymmetry) -> float:
    """Return the share of right classes below which a change alters classes."""
    plain = symmetry.plain
    error = math.sqrt(plain * (1 - plain) / symmetry.num_volumes)
    return plain - max(KEPT, 2 * error)


def _kept(right: float, plain: float) -> str:
    return (
        f"the class stays: {percent(right, 1)} of a sample right, "
        f"{percent(plain, 1)} unchanged"
    )
