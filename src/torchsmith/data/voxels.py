"""Fitted preparation of volumes: the scale of their voxels."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.record import Record
from torchsmith.data.data import Change, Volumes
from torchsmith.data.on_disk import chunks
from torchsmith.data.steps import Standardize, Step, ToFloat


class VolumePreparation(Record):
    """What is known of volumes.

    Attributes:
        shape: `(C, D, H, W)`.
        dtype: Of the stored voxels.
        offset, factor: For each channel; the input is `(voxel - offset) * factor`.
    """

    shape: tuple[int, int, int, int]
    dtype: Literal["uint8", "float32"]
    offset: tuple[float, ...]
    factor: tuple[float, ...]

    def apply(self, volumes: Volumes) -> np.ndarray:
        """Return `(N, C, D, H, W)` stored voxels, not yet scaled.

        Raises:
            DataError: They have another shape than in training, or fractions where
                training had bytes, which most likely means another scale.
        """
        found = volumes.values
        if found.shape[1:] != self.shape:
            raise DataError(
                f"the volumes are {found.shape[1:]} (C, D, H, W), in training they "
                f"were {self.shape}; bring them to that shape"
            )
        if self.dtype == "uint8" and found.dtype != np.uint8:
            wrong = _first_no_bytes(found)
            if wrong is not None:
                raise DataError(
                    f"{volumes.name(wrong)}: holds voxels that are no whole numbers "
                    "from 0 to 255, as they were in training; give them in the same "
                    "scale"
                )
        return found.astype(self.dtype, copy=False)

    def unseen(self, volumes: Volumes) -> tuple[Change, ...]:
        """Count volumes that are changed though the plan does not say so: none are."""
        del volumes
        return ()


def fit_volumes(volumes: Volumes, steps: Sequence[Step]) -> VolumePreparation:
    """Fit the steps of a plan on training volumes.

    Args:
        volumes: The training volumes, nothing else.
        steps: Checked by `step_problems`.
    """
    values = volumes.values
    channels = values.shape[1]
    scale = next((s.scale for s in steps if isinstance(s, ToFloat)), 1.0)
    offset, factor = np.zeros(channels), np.full(channels, 1 / scale)
    if any(isinstance(step, Standardize) for step in steps):
        offset, deviation = voxel_statistics(values)
        # A channel that is the same everywhere is centred and keeps its scale.
        varies = deviation > 1e-7 * np.abs(offset)
        np.divide(1.0, deviation, out=factor, where=varies)
    return VolumePreparation(
        shape=values.shape[1:],
        dtype="uint8" if values.dtype == np.uint8 else "float32",
        offset=tuple(offset.tolist()),
        factor=tuple(factor.tolist()),
    )


def voxel_statistics(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation of each channel's voxels, `(C,)` each, float64.

    Chunks are merged by the parallel form of Welford's method (Chan, Golub, LeVeque
    1979), so that no copy of all voxels is made.

    Args:
        values: `(N, C, D, H, W)`.
    """
    count = 0
    mean, squares = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for _, chunk in chunks(values):
        size = chunk.size // values.shape[1]
        shift = chunk.mean(axis=(0, 2, 3, 4), dtype=np.float64) - mean
        squares += chunk.var(axis=(0, 2, 3, 4), dtype=np.float64) * size
        squares += shift**2 * (count * size / (count + size))
        mean += shift * (size / (count + size))
        count += size
    return mean, np.sqrt(squares / count)


def _first_no_bytes(values: np.ndarray) -> int | None:
    """Return the first volume that bytes cannot hold exactly, or None."""
    for first, chunk in chunks(values):
        fits = (chunk >= 0) & (chunk <= 255) & (chunk == np.floor(chunk))
        wrong = np.flatnonzero(~fits.reshape(len(chunk), -1).all(axis=1))
        if len(wrong):
            return int(first + wrong[0])
    return None
