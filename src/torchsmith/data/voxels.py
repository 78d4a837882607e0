"""Fitted preparation of volumes: the scale of their voxels."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.record import Record
from torchsmith.data.data import Change, Volumes
from torchsmith.data.steps import Standardize, Step


class VolumePreparation(Record):
    """What is known of volumes.

    Attributes:
        shape: `(C, D, H, W)`.
        dtype: Of the stored voxels; others would have another scale.
        offset, factor: For each channel; the input is `(voxel - offset) * factor`.
    """

    shape: tuple[int, int, int, int]
    dtype: Literal["uint8", "float32"]
    offset: tuple[float, ...]
    factor: tuple[float, ...]

    def apply(self, volumes: Volumes) -> np.ndarray:
        """Return `(N, C, D, H, W)` stored voxels, not yet scaled.

        Raises:
            DataError: They have another shape or type than in training.
        """
        found = volumes.values
        if found.shape[1:] != self.shape or found.dtype != self.dtype:
            raise DataError(
                f"the volumes are {found.shape[1:]} {found.dtype}, in training they "
                f"were {self.shape} {self.dtype}"
            )
        return found

    def unseen(self, volumes: Volumes) -> tuple[Change, ...]:
        """Count volumes that are changed though the plan does not say so: none are."""
        del volumes
        return ()


def fit_volumes(volumes: Volumes, steps: Sequence[Step]) -> VolumePreparation:
    """Fit the steps of a plan on training volumes."""
    values = volumes.values
    offset, factor = np.zeros(values.shape[1]), np.ones(values.shape[1])
    if any(isinstance(step, Standardize) for step in steps):
        offset = values.mean(axis=(0, 2, 3, 4), dtype=np.float64)
        deviation = values.std(axis=(0, 2, 3, 4), dtype=np.float64)
        factor = 1 / np.where(deviation > 0, deviation, 1.0)
    return VolumePreparation(
        shape=values.shape[1:],
        dtype="uint8" if values.dtype == np.uint8 else "float32",
        offset=tuple(offset.tolist()),
        factor=tuple(factor.tolist()),
    )
