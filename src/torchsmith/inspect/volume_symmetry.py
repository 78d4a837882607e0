"""Which changes of a volume keep its class, as its nearest neighbour sees it.

A sample of shrunk volumes is classified by the most similar other volume. Mirrored and
turned ones are compared with the others as they are: what is lost says whether a change
makes another class of them. Volumes are rarely shifted by themselves, so shifted copies
join the others instead: they mislead only where the place matters.
"""

import math
from collections.abc import Iterator

import numpy as np

from torchsmith.inspect.inspection import VolumeSymmetry

FEWEST = 20
MOST_VOLUMES = 1_200
_SHIFTS = ((0, 1, 1), (2, 1, 1), (1, 0, 1), (1, 2, 1), (1, 1, 0), (1, 1, 2))
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
    plain = _features(shrunk)

    def similar(changed: np.ndarray) -> np.ndarray:
        found: np.ndarray = _features(changed) @ plain.T
        np.fill_diagonal(found, -np.inf)  # a volume is no neighbour of itself
        return found

    def accuracy(changed: np.ndarray) -> float:
        return _share_right(similar(changed), classes)

    def with_shifted() -> float:
        best = similar(shrunk)
        for copy in _shifted(shrunk):
            np.maximum(best, similar(copy).T, out=best)
        return _share_right(best, classes)

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


def _share_right(similarity: np.ndarray, classes: np.ndarray) -> float:
    right = classes[similarity.argmax(axis=1)] == classes
    return round(float(right.mean()), 4)


def _shifted(volumes: np.ndarray) -> Iterator[np.ndarray]:
    """Shift by one shrunk voxel, both ways in each direction; the edge is repeated."""
    around = np.pad(volumes, ((0, 0), (0, 0), (1, 1), (1, 1), (1, 1)), mode="edge")
    depth, height, width = volumes.shape[2:]
    for back, down, right in _SHIFTS:
        yield around[
            :, :, back : back + depth, down : down + height, right : right + width
        ]


def _shrink(values: np.ndarray) -> np.ndarray:
    """Return means of cubes of voxels, `(N, C, d, h, w)` float32."""
    num, channels, *sides = values.shape
    block = max(1, math.ceil(max(sides) / SIDE))
    block = min(block, *sides)
    depth, height, width = (side // block for side in sides)
    whole = values[:, :, : depth * block, : height * block, : width * block]
    cubes = whole.reshape(num, channels, depth, block, height, block, width, block)
    return np.asarray(cubes.mean(axis=(3, 5, 7), dtype=np.float32))


def _features(volumes: np.ndarray) -> np.ndarray:
    """Return rows of length 1 whose products are correlations of volumes."""
    flat = volumes.reshape(len(volumes), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.sqrt((flat * flat).sum(axis=1, keepdims=True))
    return np.asarray(flat / np.maximum(length, np.float32(1e-6)))
