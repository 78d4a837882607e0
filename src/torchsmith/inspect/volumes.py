"""Facts about volumes, and checks of them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from torchsmith.core.wording import amount, listed
from torchsmith.data.data import Volumes
from torchsmith.data.lines import Named
from torchsmith.data.on_disk import chunks
from torchsmith.data.same import keys_of_rows
from torchsmith.data.voxels import voxel_statistics
from torchsmith.inspect.inspection import Finding, VolumeFacts, VolumeSymmetry
from torchsmith.inspect.wording import agree, number


@dataclass(frozen=True)
class VolumeLook:
    """What a pass over the voxels finds.

    Attributes:
        keys: `(N,)` uint64, equal for equal volumes.
        low, high: `(N, C)`: the least and the largest voxel of each channel.
        binary: Whether all voxels are 0 or 1.
    """

    keys: np.ndarray
    low: np.ndarray
    high: np.ndarray
    binary: bool


def look_at_volumes(volumes: Volumes) -> VolumeLook:
    """Pass over all voxels.

    Args:
        volumes: N of them.
    """
    values = volumes.values
    low, high = np.empty(values.shape[:2]), np.empty(values.shape[:2])
    keys, binary = np.empty(len(values), np.uint64), True
    for first, chunk in chunks(values):
        rows = slice(first, first + len(chunk))
        low[rows], high[rows] = chunk.min(axis=(2, 3, 4)), chunk.max(axis=(2, 3, 4))
        binary = binary and bool(((chunk == 0) | (chunk == 1)).all())
        keys[rows] = keys_of_rows(chunk)
    return VolumeLook(keys, low, high, binary)


def describe_volumes(
    volumes: Volumes, look: VolumeLook, symmetry: VolumeSymmetry | None
) -> VolumeFacts:
    """Put together the facts about volumes.

    Args:
        volumes: N of them.
        look: What the pass over their voxels found.
        symmetry: Which changes keep their classes, where that is known.
    """
    _, channels, depth, height, width = volumes.values.shape
    means, deviations = voxel_statistics(volumes.values)
    mean = float(means.mean())
    square = float((deviations**2 + means**2).mean())
    return VolumeFacts(
        channels=channels,
        depth=depth,
        height=height,
        width=width,
        voxel_max=float(look.high.max()),
        mean=mean,
        deviation=math.sqrt(max(square - mean**2, 0.0)),
        binary=look.binary,
        symmetry=symmetry,
    )


def find_in_volumes(look: VolumeLook, where: Named) -> Iterator[Finding]:
    """Check the volumes by themselves.

    Args:
        look: What the pass over their voxels found.
        where: What they are called in messages.
    """
    total, channels = look.low.shape
    empty = np.flatnonzero((look.low == look.high).all(axis=1))
    if len(empty):
        same = np.unique(look.low[empty])
        value = f"value {number(float(same[0]))} everywhere" if len(same) == 1 else ""
        yield Finding(
            code="D13",
            severity="warning",
            message=f"{amount(len(empty), 'volume')} of {total:,} "
            f"{agree(len(empty), 'is', 'are')} empty: all voxels have one value.",
            where=where.places(empty),
            evidence=value,
            remedy="Remove them, or look for a fault where they were written.",
        )
    still = np.flatnonzero(look.low.min(axis=0) == look.high.max(axis=0))
    if len(still) and channels > 1:
        yield Finding(
            code="D2",
            severity="note",
            message=f"{amount(len(still), 'channel')} of {channels} "
            f"{agree(len(still), 'has', 'have')} one value in all volumes.",
            where=f"channel {listed(map(str, still.tolist()))} (0 = first)",
            remedy="It tells the volumes apart not at all; leave it out.",
        )
