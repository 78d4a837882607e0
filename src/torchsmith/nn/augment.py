"""Random changes of whole batches of pictures, on the device where they lie.

Drawn from PyTorch's generator of the CPU, so that a seeded step changes its batch in
the same way on every device.
"""

from collections.abc import Sequence
from typing import assert_never

import torch
from torch import Tensor, nn

from torchsmith.core.errors import PlanError
from torchsmith.nn import volumes
from torchsmith.plan import augment
from torchsmith.plan.augment import (
    SIDES,
    Augmentation,
    RandomFlip3d,
    RandomQuarterTurn3d,
    RandomShift3d,
    VolumeChange,
)


class RandomCrop(nn.Module):
    """Cut a random window out of each picture, and resize it back.

    Shapes: `(N, C, H, W)` to the same. Resized with bilinear interpolation.

    Args:
        height: Of the window, in pixels.
        width: Of the window, in pixels.
        p: The probability that a picture is changed.
    """

    def __init__(self, height: int, width: int, p: float = 1.0) -> None:
        super().__init__()
        self.height = height
        self.width = width
        self.p = p

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the windows, each picture its own, in the size of the pictures."""
        num, _, height, width = pictures.shape
        tops = torch.randint(height - self.height + 1, (num, 1))
        lefts = torch.randint(width - self.width + 1, (num, 1))
        rows = (tops + torch.arange(self.height)).to(pictures.device)  # (N, height)
        columns = (lefts + torch.arange(self.width)).to(pictures.device)  # (N, width)
        numbers = torch.arange(num, device=pictures.device)
        # Indexing with lists around the `:` of the channels puts these last.
        windows = pictures[
            numbers[:, None, None], :, rows[:, :, None], columns[:, None, :]
        ].permute(0, 3, 1, 2)
        resized = nn.functional.interpolate(
            windows, size=(height, width), mode="bilinear", antialias=True
        )
        return _some(self.p, resized, pictures)


class RandomAffine(nn.Module):
    """Turn, scale and shift each picture around its middle.

    Shapes: `(N, C, H, W)` to the same. Bilinear interpolation; beyond the edge its
    pixels are repeated.

    Args:
        degrees: The least and the most it is turned, clockwise.
        translate: The most it is shifted, both ways: shares of width and of height.
        scale: The least and the most it is scaled.
        p: The probability that a picture is changed.
    """

    def __init__(
        self,
        degrees: tuple[float, float],
        translate: tuple[float, float] = (0.0, 0.0),
        scale: tuple[float, float] = (1.0, 1.0),
        p: float = 1.0,
    ) -> None:
        super().__init__()
        self.degrees = degrees
        self.translate = translate
        self.scale = scale
        self.p = p

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the pictures, each changed in its own way."""
        num, _, height, width = pictures.shape
        low, high = self.degrees
        angles = torch.deg2rad(low + (high - low) * torch.rand(num))
        low, high = self.scale
        scales = low + (high - low) * torch.rand(num)
        # Coordinates run from -1 to 1, so that a whole width is 2.
        shifts = 2 * (2 * torch.rand(num, 2) - 1) * torch.tensor(self.translate)
        # For each place of the result: where in the picture it comes from.
        cosine, sine = angles.cos() / scales, angles.sin() / scales
        across, down = sine * (height / width), sine * (width / height)
        right, below = shifts.unbind(1)
        rows = [
            torch.stack([cosine, across, -cosine * right - across * below], 1),
            torch.stack([-down, cosine, down * right - cosine * below], 1),
        ]
        places = nn.functional.affine_grid(
            torch.stack(rows, 1).to(pictures), list(pictures.shape), align_corners=False
        )
        found = nn.functional.grid_sample(
            pictures, places, padding_mode="border", align_corners=False
        )
        # Laid out as the pictures are, which decides how convolutions round.
        return _some(self.p, torch.empty_like(pictures).copy_(found), pictures)


class RandomFlip(nn.Module):
    """Mirror pictures.

    Shapes: `(N, C, H, W)` to the same.

    Args:
        dim: 3 mirrors left and right, 2 top and bottom.
        p: The probability that a picture is changed.
    """

    def __init__(self, dim: int, p: float = 0.5) -> None:
        super().__init__()
        self.dim = dim
        self.p = p

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the pictures, some of them mirrored."""
        return _some(self.p, pictures.flip(self.dim), pictures)


def _some(p: float, changed: Tensor, pictures: Tensor) -> Tensor:
    """Return each picture changed with a probability, else as it was."""
    if p == 1:
        return changed
    chosen = (torch.rand(len(pictures)) < p).to(pictures.device)
    return torch.where(chosen[:, None, None, None], changed, pictures)


def build_augmentation(
    specs: Sequence[Augmentation], shape: tuple[int, ...]
) -> nn.Sequential:
    """Build the changes of a plan's `augment` section, one after the other.

    Returns:
        A module from a batch to a batch of the same shape; without specs it changes
        nothing.

    Raises:
        PlanError: As for `build_change`.
    """
    return nn.Sequential(
        *(
            build_change(spec, shape, f"augment.{place}")
            for place, spec in enumerate(specs)
        )
    )


def build_change(spec: Augmentation, shape: tuple[int, ...], where: str) -> nn.Module:
    """Build one change of batches of examples.

    Args:
        spec: What to change.
        shape: Of one example.
        where: What the spec is called in an error.

    Raises:
        PlanError: The inputs are of another kind, or smaller than a window.
    """
    name = spec.spec_name()
    if isinstance(spec, VolumeChange):
        return _build_volume_change(spec, shape, where)
    if len(shape) != 3:
        raise PlanError(
            f"{where}: {name} is for images (C, H, W), but the inputs are {shape}"
        )
    match spec:
        case augment.RandomCrop():
            size = spec.size if isinstance(spec.size, tuple) else (spec.size,) * 2
            if size[0] > shape[1] or size[1] > shape[2]:
                raise PlanError(
                    f"{where}: a window of {size[0]} x {size[1]} pixels is larger than "
                    f"the images, {shape[1]} x {shape[2]}"
                )
            return RandomCrop(*size, spec.p)
        case augment.RandomAffine():
            most = spec.degrees
            degrees = most if isinstance(most, tuple) else (-most, most)
            return RandomAffine(degrees, spec.translate, spec.scale, spec.p)
        case augment.RandomHorizontalFlip():
            return RandomFlip(3, spec.p)
        case augment.RandomVerticalFlip():
            return RandomFlip(2, spec.p)
        case _:
            assert_never(spec)


def _build_volume_change(
    spec: VolumeChange, shape: tuple[int, ...], where: str
) -> nn.Module:
    if len(shape) != 4:
        raise PlanError(
            f"{where}: {spec.spec_name()} is for volumes (C, D, H, W), but the inputs "
            f"are {shape}"
        )
    match spec:
        case RandomShift3d():
            return volumes.RandomShift3d(spec.voxels, spec.p)
        case RandomFlip3d():
            return volumes.RandomFlip3d(2 + SIDES.index(spec.along), spec.p)
        case RandomQuarterTurn3d():
            place = SIDES.index(spec.about)
            sides = {size for i, size in enumerate(shape[1:]) if i != place}
            if len(sides) > 1:
                raise PlanError(
                    f"{where}: a quarter turn about the {spec.about} needs two equal "
                    f"sides, but the volumes are {shape[1:]}; bring them to one size, "
                    "or take RandomFlip3d"
                )
            return volumes.RandomQuarterTurn3d(2 + place)
        case _:
            assert_never(spec)
