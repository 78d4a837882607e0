"""What the rivals see: numbers and category codes, or flattened pixels and voxels."""

import math
from dataclasses import dataclass

import numpy as np

from torchsmith.data.pixels import Prepared

MOST_SIDE = 32
"""Pictures are shrunk to at most so many pixels a side for the rivals."""

MOST_CUBE = 12
"""Volumes are shrunk to at most so many voxels a side."""

_MOST_NUMBERS = 2**28
_BLOCK = 1024
_ONE_HOT_LEVELS = 50
_TREE_LEVELS = 254
_TREE_SIDE = 16
_TREE_CUBE = 8
_OF_PICTURE = 3  # height, width, channels


@dataclass(frozen=True)
class Features:
    """Inputs of N examples, without missing values.

    Attributes:
        numbers: `(N, C)` float32.
        codes: `(N, J)` int: one column for each category column, 0 = unknown.
        picture: For pixels, their height, width and channels, for voxels their depth,
            too; they are not scaled one by one. Else None.
        series: `(N, D)` float32: what neighbours compare in place of the numbers.
        texts: N texts, whose n-grams the linear model sees in place of the numbers.
        last: For forecasts of numbers, `(N,)` the last known values of the target, in
            its own units, NaN where none is known.
    """

    numbers: np.ndarray
    codes: np.ndarray
    picture: tuple[int, ...] | None = None
    series: np.ndarray | None = None
    texts: tuple[str, ...] = ()
    last: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Refuse what no rival can be fitted on.

        Raises:
            ValueError: The numbers are not finite, or the rows do not match.
        """
        if len(self.numbers) != len(self.codes):
            raise ValueError(
                f"{len(self.numbers)} rows of numbers, {len(self.codes)} rows of codes"
            )
        if not np.isfinite(self.numbers).all():
            raise ValueError("numbers must be finite; fill missing values first")

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def noun(self) -> str:
        """What an example is called."""
        if self.series is not None or self.texts:
            return "sequence"
        if self.picture is None:
            return "row"
        return "picture" if len(self.picture) == _OF_PICTURE else "volume"

    def take(self, rows: np.ndarray) -> "Features":
        """Return only these rows, in this order."""
        return Features(
            self.numbers[rows],
            self.codes[rows],
            self.picture,
            None if self.series is None else self.series[rows],
            tuple(self.texts[row] for row in rows) if self.texts else (),
            None if self.last is None else self.last[rows],
        )


def picture_features(
    pictures: Prepared, scale: float = 255.0, side: int = MOST_SIDE
) -> Features:
    """Flatten pictures or volumes, shrunk to at most so many pixels a side.

    Args:
        pictures: `(N, C, H, W)` or `(N, C, D, H, W)`, in memory or made as they are
            taken.
        scale: Divides the pixels, so that they lie in [0, 1].
        side: See `side_for`.

    Returns:
        One number for each pixel and channel.
    """
    blocks = [
        _shrink(np.moveaxis(pictures[start : start + _BLOCK], 1, -1), side)
        for start in range(0, max(len(pictures), 1), _BLOCK)
    ]
    small = np.concatenate(blocks)
    flat = small.reshape(len(small), -1)
    flat /= np.float32(scale)
    codes = np.zeros((len(flat), 0), np.int64)
    return Features(flat, codes, small.shape[1:])


def side_for(rows: int, channels: int) -> int:
    """Return to how many pixels a side so many pictures are shrunk, at most 32.

    Fewer where they would take more than 1 GB; the rule looks at no machine, so that
    the same pictures give the same rivals anywhere.
    """
    return max(4, min(MOST_SIDE, math.isqrt(_MOST_NUMBERS // (rows * channels))))


def design(train: Features, other: Features) -> tuple[np.ndarray, np.ndarray]:
    """Return what linear models and neighbours use, fitted on the training rows.

    Numbers are standardised; each of the 50 most frequent codes of a column is a 0/1
    column, scaled so that two different codes are at distance 1.

    Returns:
        `(N, D)` float32 of the training rows, and of the others.
    """
    columns = [_scaled(train, other)]
    for column in range(train.codes.shape[1]):
        frequent = _frequent(train.codes[:, column], _ONE_HOT_LEVELS)
        columns.append(
            tuple(
                (part.codes[:, column, None] == frequent).astype(np.float32)
                / np.float32(np.sqrt(2))
                for part in (train, other)
            )
        )
    ours, theirs = zip(*columns, strict=True)
    return np.concatenate(ours, axis=1), np.concatenate(theirs, axis=1)


def tree_design(
    train: Features, other: Features
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return numbers and renumbered codes, and which columns are codes.

    Pictures are shrunk to at most 16 pixels a side, volumes to 8. The 254 most frequent
    codes of a column keep a level of their own; the others share one.

    Returns:
        `(N, C + J)` float32 twice, and `(C + J,)` bool.
    """
    if train.picture:
        tree_side = _TREE_SIDE if len(train.picture) == _OF_PICTURE else _TREE_CUBE
        pair = [
            _shrink(part.numbers.reshape(-1, *train.picture), tree_side)
            for part in (train, other)
        ]
        flat = [pixels.reshape(len(pixels), -1) for pixels in pair]
        return flat[0], flat[1], np.zeros(flat[0].shape[1], bool)
    ours, theirs = [train.numbers], [other.numbers]
    for column in range(train.codes.shape[1]):
        frequent = np.sort(_frequent(train.codes[:, column], _TREE_LEVELS))
        for part, columns in ((train, ours), (other, theirs)):
            codes = part.codes[:, column]
            place = np.clip(np.searchsorted(frequent, codes), 0, len(frequent) - 1)
            level = np.where(frequent[place] == codes, place, len(frequent))
            columns.append(level[:, None].astype(np.float32))
    is_code = np.arange(train.numbers.shape[1] + train.codes.shape[1])
    return (
        np.concatenate(ours, axis=1),
        np.concatenate(theirs, axis=1),
        is_code >= train.numbers.shape[1],
    )


def _shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """Average tiles of `(N, *space, C)`; what does not fill a tile is cut off."""
    rows, *space, channels = pixels.shape
    step = max(1, -(-max(space) // side))
    tile = [min(step, size) for size in space]
    counts = [size // part for size, part in zip(space, tile, strict=True)]
    cut = tuple(slice(n * part) for n, part in zip(counts, tile, strict=True))
    divided = [size for pair in zip(counts, tile, strict=True) for size in pair]
    inner = tuple(range(2, 2 + 2 * len(space), 2))
    small = np.empty((rows, *counts, channels), np.float32)
    for start in range(0, rows, _BLOCK):
        block = pixels[(slice(start, start + _BLOCK), *cut)]
        tiles = block.reshape(len(block), *divided, channels)
        small[start : start + _BLOCK] = tiles.mean(axis=inner, dtype=np.float32)
    return small


def _scaled(train: Features, other: Features) -> tuple[np.ndarray, ...]:
    if train.picture:
        return train.numbers, other.numbers
    mean = train.numbers.mean(axis=0, dtype=np.float64)
    deviation = train.numbers.std(axis=0, dtype=np.float64)
    deviation[deviation == 0] = 1
    return tuple(
        ((part.numbers - mean) / deviation).astype(np.float32)
        for part in (train, other)
    )


def _frequent(codes: np.ndarray, most: int) -> np.ndarray:
    levels, counts = np.unique(codes, return_counts=True)
    return levels[np.argsort(-counts, kind="stable")[:most]]
