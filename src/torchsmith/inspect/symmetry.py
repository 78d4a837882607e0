"""Which changes of a picture keep its class, as its nearest neighbour sees it.

A sample of shrunk pictures is classified by the most similar other picture. Mirrored
pictures are compared with the others as they are: what is lost says how many classes a
mirror changes. Pictures are rarely shifted, turned or scaled by themselves, so changed
copies join the others instead: they mislead only where place, direction or size matter.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from torchsmith.core.seeds import generator
from torchsmith.inspect.inspection import Symmetry

MOST_PICTURES = 1_500
FEWEST_PICTURES = 20
SIDE = 14
"""Pictures are shrunk to about this many pixels a side."""

DEGREES = 15.0
SCALE = 1.2


def sample_rows(rows: np.ndarray, most: int) -> np.ndarray:
    """Return which of these rows are compared, so many at most, in ascending order."""
    drawn = generator(0, "symmetry").permutation(rows)[:most]
    return np.sort(drawn)


def shrink(pixels: np.ndarray) -> np.ndarray:
    """Return pictures `(N, H, W, C)` as means of square blocks, float32."""
    num, height, width, channels = pixels.shape
    block = math.ceil(math.sqrt(height * width) / SIDE)
    block = max(1, min(block, height, width))
    rows, columns = height // block, width // block
    whole = pixels[:, : rows * block, : columns * block].astype(np.float32)
    blocks = whole.reshape(num, rows, block, columns, block, channels)
    return np.asarray(blocks.mean(axis=(2, 4)))


def find_symmetry(pictures: np.ndarray, classes: np.ndarray) -> Symmetry | None:
    """Find out which changes keep the class.

    Args:
        pictures: `(N, H, W, C)` float32, shrunk.
        classes: `(N,)` codes.

    Returns:
        None where there are too few pictures, or fewer than two classes.
    """
    num = len(classes)
    if num < FEWEST_PICTURES or len(np.unique(classes)) < 2:
        return None
    plain = features(pictures)

    def accuracy(similarities: np.ndarray) -> float:
        return share_right(similarities, classes)

    among_others = similarity(plain, plain)

    def with_copies(copies: Iterator[np.ndarray]) -> float:
        best = among_others.copy()
        for copy in copies:
            np.maximum(best, similarity(plain, features(copy)), out=best)
        return accuracy(best)

    return Symmetry(
        num_pictures=num,
        largest_class=round(float(np.bincount(classes).max() / num), 4),
        plain=accuracy(among_others),
        mirrored=accuracy(similarity(features(pictures[:, :, ::-1]), plain)),
        upside_down=accuracy(similarity(features(pictures[:, ::-1]), plain)),
        shifted=with_copies(shifted(pictures, (1, 2))),
        turned=with_copies(_turned(pictures)),
        scaled=with_copies(_scaled(pictures)),
    )


def features(examples: np.ndarray) -> np.ndarray:
    """Return rows of length 1 whose products are correlations of examples `(N, …)`."""
    flat = examples.reshape(len(examples), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.sqrt((flat * flat).sum(axis=1, keepdims=True))
    return np.asarray(flat / np.maximum(length, np.float32(1e-6)))


def similarity(of: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return the products of rows of `features`, each with all others but itself."""
    found: np.ndarray = of @ among.T
    np.fill_diagonal(found, -np.inf)  # an example is no neighbour of itself
    return found


def share_right(similarities: np.ndarray, classes: np.ndarray) -> float:
    """Return how often the most similar example has the right class."""
    right = classes[similarities.argmax(axis=1)] == classes
    return round(float(right.mean()), 4)


def shifted(examples: np.ndarray, axes: Sequence[int]) -> Iterator[np.ndarray]:
    """Shift by one place, both ways along each axis; the edge is repeated."""
    for axis in axes:
        places = np.arange(examples.shape[axis])
        for way in (-1, 1):
            yield examples.take((places + way).clip(0, places[-1]), axis)


def _turned(pictures: np.ndarray) -> Iterator[np.ndarray]:
    for angle in (math.radians(DEGREES), -math.radians(DEGREES)):
        cosine, sine = math.cos(angle), math.sin(angle)
        yield _warped(pictures, np.array([[cosine, -sine], [sine, cosine]]))


def _scaled(pictures: np.ndarray) -> Iterator[np.ndarray]:
    for scale in (SCALE, 1 / SCALE):
        yield _warped(pictures, np.eye(2) / scale)


def _warped(pictures: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Take each pixel from `matrix` times its place, seen from the middle.

    Between pixels it is interpolated; beyond an edge all is as at the edge. SciPy's
    `affine_transform` gives the same, and takes a third of a second to import.
    """
    sizes = np.array(pictures.shape[1:3])
    middle = (sizes - 1) / 2
    row, column = np.indices(pictures.shape[1:3]).reshape(2, -1, 1)
    places = (middle - matrix @ middle) + matrix[:, 0] * row + matrix[:, 1] * column
    places = places.clip(0, sizes - 1)
    first = np.floor(places).astype(np.int64)
    second = np.minimum(first + 1, sizes - 1)
    share = places - first
    ends = ((first, 1 - share), (second, share))
    num, channels = len(pictures), pictures.shape[3]
    found = np.zeros((num, len(places), channels))
    for rows, down in ends:
        for columns, right in ends:
            corner = pictures[:, rows[:, 0], columns[:, 1]].astype(np.float64)
            found += corner * down[:, :1] * right[:, 1:]
    return found.reshape(pictures.shape).astype(pictures.dtype)
