"""Which changes of a volume keep its class, as its nearest neighbour sees it.

A sample of shrunk volumes is classified by the most similar other volume. Mirrored and
turned ones are compared with the others as they are: what is lost says whether a change
makes another class of them. Volumes are rarely shifted by themselves, so shifted copies
join the others instead: they mislead only where the place matters.
"""

import math

import numpy as np

from torchsmith.inspect.inspection import VolumeSymmetry
from torchsmith.inspect.symmetry import features, share_right, shifted, similarity

FEWEST = 20
MOST_VOLUMES = 1_200
SIDE = 10
"""Volumes are shrunk to about this many voxels a side."""


def find_volume_symmetry(
    values: np.ndarray, classes: np.ndarray
) -> VolumeSymmetry | None:
    """Find out which mirrors and quarter turns keep the class.

    Args:
        values: `(N, C, D, H, W)`.
        classes: `(N,)` codes.

    Returns:
        None where there are too few volumes, or fewer than two classes.
    """
    if len(classes) < FEWEST or len(np.unique(classes)) < 2:
        return None
    shrunk = _shrink(values)
    plain = features(shrunk)

    def similar(changed: np.ndarray) -> np.ndarray:
        return similarity(features(changed), plain)

    def accuracy(changed: np.ndarray) -> float:
        return share_right(similar(changed), classes)

    def with_shifted() -> float:
        best = similar(shrunk)
        for copy in shifted(shrunk, (2, 3, 4)):
            np.maximum(best, similar(copy).T, out=best)
        return share_right(best, classes)

    def turned(about: int) -> float | None:
        first, second = (axis for axis in (2, 3, 4) if axis != about)
        if values.shape[first] != values.shape[second]:
            return None
        quarter = np.rot90(shrunk, 1, (first, second))
        three = np.rot90(shrunk, 3, (first, second))
        return min(accuracy(quarter), accuracy(three))

    return VolumeSymmetry(
        num_volumes=len(classes),
        largest_class=round(float(np.bincount(classes).max() / len(classes)), 4),
        plain=accuracy(shrunk),
        shifted=with_shifted(),
        mirrored=(
            accuracy(np.flip(shrunk, 2)),
            accuracy(np.flip(shrunk, 3)),
            accuracy(np.flip(shrunk, 4)),
        ),
        turned=(turned(2), turned(3), turned(4)),
    )


def _shrink(values: np.ndarray) -> np.ndarray:
    """Return means of cubes of voxels, `(N, C, d, h, w)` float32."""
    num, channels, *sides = values.shape
    block = max(1, math.ceil(max(sides) / SIDE))
    block = min(block, *sides)
    depth, height, width = (side // block for side in sides)
    whole = values[:, :, : depth * block, : height * block, : width * block]
    cubes = whole.reshape(num, channels, depth, block, height, block, width, block)
    return np.asarray(cubes.mean(axis=(3, 5, 7), dtype=np.float32))
