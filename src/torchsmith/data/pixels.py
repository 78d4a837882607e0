"""Fitted preparation of images: their size, and the scale of their pixels."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from torchsmith.core.errors import DataError, PlanError
from torchsmith.core.record import Record
from torchsmith.data.data import Change, Images
from torchsmith.data.on_disk import CHUNK_BYTES
from torchsmith.data.steps import Resize, Standardize, Step, ToFloat

CHUNK = 512
MAX_FITTED = 5_000
LOOKED_AT = 100
FAR = 1.2
"""Deviations of a pixel from the mean of training: so far is no usual brightness."""
MOST_NUMBERS = 2**23
"""Of which statistics are computed at once; as float64 they take 67 MB."""


class ImagePreparation(Record):
    """What is known of images.

    Attributes:
        height, width: Of the network's input, in pixels.
        channels: 1 grey, 3 colour.
        dtype: Of the stored pixels; others would have another scale.
        resize: Whether the plan resizes pictures.
        offset, factor: For each channel; the input is `(pixel - offset) * factor`.
    """

    height: int
    width: int
    channels: int
    dtype: Literal["uint8", "float32"]
    resize: bool
    offset: tuple[float, ...]
    factor: tuple[float, ...]

    def apply(self, images: Images) -> np.ndarray:
        """Return `(N, C, H, W)` stored pixels, uint8 or float32, not yet scaled.

        Raises:
            DataError: A picture cannot be read, or holds values that are not finite or
                not on the scale of training.
        """
        from torchsmith.data.pictures import decode

        images = replace(images, channels=self.channels)
        shape = (len(images), self.height, self.width, self.channels)
        out = np.empty(shape, self.dtype)
        step = self._rows_at_once(images)
        for first in range(0, len(images), step):
            rows = np.arange(first, min(first + step, len(images)))
            pixels = decode(images, rows, self.height, self.width)
            if pixels.dtype != self.dtype:
                raise DataError(
                    f"the pixels are {pixels.dtype}, in training they were "
                    f"{self.dtype}; bring them to the same scale and type"
                )
            out[rows[0] : rows[-1] + 1] = pixels
        _refuse_not_finite(images, out)
        # Of grey pictures this is a view, whose strides tell PyTorch to compute with
        # channels last, as with colour; another layout gives other bits.
        return np.ascontiguousarray(out.transpose(0, 3, 1, 2))

    def _exchanged(self, images: Images) -> bool:
        """Whether most pictures would be like training if light and dark changed place.

        Of 600 pictures of CIFAR-10, 2 % would be said to be so, and of 3,000 digits of
        MNIST none, but each one that is inverted.
        """
        if self.dtype != "uint8" or not any(self.offset) or not len(images):
            return False
        rows = np.unique(np.linspace(0, len(images) - 1, LOOKED_AT).astype(np.int64))
        pixels = self.apply(images.take(rows)).mean(axis=(2, 3))
        here = np.abs((pixels - self.offset) * self.factor).mean(axis=1)
        there = np.abs((255 - pixels - self.offset) * self.factor).mean(axis=1)
        return bool(((here > FAR) & (there < here)).mean() > 0.5)

    def _rows_at_once(self, images: Images) -> int:
        size = self.channels * self.height * self.width
        if images.pixels is not None:
            size = max(size, math.prod(images.pixels.shape[1:]))
        return max(1, CHUNK_BYTES // size)

    def lazily(self, images: Images) -> "PreparedPictures":
        """Return what `apply` gives, for pictures that do not all fit into memory."""
        return PreparedPictures(self, images)

    def unseen(self, images: Images) -> tuple[Change, ...]:
        """Count pictures that are changed though the plan does not say so.

        Pictures whose brightness speaks for exchanged light and dark, such as ink on
        paper for a network of MNIST, are told of, too.
        """
        found = []
        sizes = (images.sizes != (self.height, self.width)).any(axis=1)
        other = np.flatnonzero(sizes)
        if len(other) and not self.resize:
            what = f"resized to {self.height} x {self.width}, the size of training"
            found.append((what, len(other), images.name(int(other[0]))))
        if len(images) and images.channels != self.channels:
            words = {1: "grey", 3: "colour"}
            what = f"turned into {words[self.channels]}, as in training"
            found.append((what, len(images), images.name(0)))
        if self._exchanged(images):
            what = (
                "as bright as those of training with light and dark "
                "exchanged; if that is so, invert them"
            )
            found.append((what, len(images), images.name(0)))
        return tuple(
            Change(column="", what=what, count=count, example=example)
            for what, count, example in found
        )


@dataclass(frozen=True)
class PreparedPictures:
    """Prepared pictures of which each is made when it is taken; looks like an array.

    Attributes:
        preparation: How they are made.
        images: Of what.
    """

    preparation: ImagePreparation
    images: Images

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`(N, C, H, W)`."""
        how = self.preparation
        return (len(self), how.channels, how.height, how.width)

    @property
    def dtype(self) -> np.dtype:
        """uint8 or float32."""
        return np.dtype(self.preparation.dtype)

    def __getitem__(self, rows: np.ndarray | slice) -> np.ndarray:
        """Prepare rows."""
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        return self.preparation.apply(self.images.take(rows))


Prepared = np.ndarray | PreparedPictures
"""Inputs for the network `(N, …)`: in memory, or made as they are taken."""


def fit_images(images: Images, steps: Sequence[Step]) -> ImagePreparation:
    """Fit the steps of a plan on training images.

    Where pictures are in files, the statistics of the pixels are those of at most 5,000
    of them, evenly spaced.

    Args:
        images: The training images, nothing else.
        steps: Checked by `step_problems`.

    Raises:
        DataError: A picture cannot be read, or holds values that are not finite.
        PlanError: The images have several sizes and there is no `Resize`.
    """
    height, width = size_of(images, steps)
    scale = next((s.scale for s in steps if isinstance(s, ToFloat)), 1.0)
    plain = ImagePreparation(
        height=height,
        width=width,
        channels=images.channels,
        dtype="float32" if _holds_floats(images) else "uint8",
        resize=any(isinstance(step, Resize) for step in steps),
        offset=(0.0,) * images.channels,
        factor=(1.0 / scale,) * images.channels,
    )
    if not any(isinstance(step, Standardize) for step in steps):
        return plain
    mean, deviation = _statistics(plain, images)
    # A channel that is the same everywhere is centred and keeps the scale of ToFloat.
    varies = deviation > 1e-7 * np.abs(mean)
    factor = np.divide(1.0, deviation, out=np.full_like(mean, 1 / scale), where=varies)
    return plain.model_copy(
        update={"offset": tuple(mean.tolist()), "factor": tuple(factor.tolist())}
    )


def _holds_floats(images: Images) -> bool:
    return images.pixels is not None and images.pixels.dtype != np.uint8


def size_of(images: Images, steps: Sequence[Step]) -> tuple[int, int]:
    """Return height and width that a plan's steps give to pictures.

    Raises:
        PlanError: The images have several sizes and there is no `Resize`.
    """
    for step in steps:
        if isinstance(step, Resize):
            return step.height, step.width
    if not images.same_size:
        low, high = images.sizes.min(axis=0), images.sizes.max(axis=0)
        raise PlanError(
            f"prepare: the images are {low[0]} to {high[0]} pixels high and {low[1]} "
            f"to {high[1]} wide; add a Resize step"
        )
    height, width = images.sizes[0].tolist()
    return height, width


def _statistics(
    plain: ImagePreparation, images: Images
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation of each channel's pixels, in one pass.

    Chunks are merged by the parallel form of Welford's method (Chan, Golub, LeVeque
    1979), which does not cancel as a difference of squares does.
    """
    count = 0
    mean = np.zeros(plain.channels)
    squares = np.zeros(plain.channels)
    for pixels in _chunks(plain, images):
        size = pixels.size // plain.channels
        chunk_mean = pixels.mean(axis=(0, 2, 3), dtype=np.float64)
        chunk_squares = pixels.var(axis=(0, 2, 3), dtype=np.float64) * size
        shift = chunk_mean - mean
        mean += shift * (size / (count + size))
        squares += chunk_squares + shift**2 * (count * size / (count + size))
        count += size
    return mean, np.sqrt(squares / count)


def _chunks(plain: ImagePreparation, images: Images) -> Iterator[np.ndarray]:
    rows = np.arange(len(images))
    if images.files and len(rows) > MAX_FITTED:
        rows = np.linspace(0, len(rows) - 1, MAX_FITTED).astype(np.int64)
    numbers = plain.channels * plain.height * plain.width
    step = max(1, min(CHUNK, MOST_NUMBERS // numbers))
    for start in range(0, len(rows), step):
        yield plain.apply(images.take(rows[start : start + step]))


def _refuse_not_finite(images: Images, pixels: np.ndarray) -> None:
    if pixels.dtype == np.uint8:
        return
    broken = ~np.isfinite(pixels).all(axis=(1, 2, 3))
    if broken.any():
        first = images.name(int(np.flatnonzero(broken)[0]))
        raise DataError(
            f"{broken.sum()} of {len(images)} images hold values that are not finite "
            f"(first: {first}); correct or remove them"
        )
