"""A convolutional net for volumes, and random changes of batches of them."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


class VolumeNet(nn.Sequential):
    """Blocks of 3x3x3 `Conv3d`, `BatchNorm3d`, activation; each stage halves the sides.

    The first convolution of a stage has stride 2: most of the work of a net for volumes
    is where they are largest, and the first stage sees an eighth of the voxels. VoxNet
    (Maturana and Scherer 2015, https://doi.org/10.1109/IROS.2015.7353481) does so, too;
    normalisation, the smaller kernels and the global average are of later nets.

    Shapes: `(N, in_channels, D, H, W)` to `(N, out_features)`, of any D, H and W.

    Args:
        in_channels: Of the volumes.
        channels: Output channels of each stage.
        out_features: Width of the output.
        depth: Convolutions in each stage.
        activation: Makes a new activation for each block.
        dropout: Before the last layer.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        out_features: int,
        *,
        depth: int = 1,
        activation: Callable[[], nn.Module] = nn.ReLU,
        dropout: float = 0.0,
    ) -> None:
        layers: list[nn.Module] = []
        for width in channels:
            for place in range(depth):
                stride = 1 if place else 2
                # The bias would be cancelled by the mean that BatchNorm3d subtracts.
                layers += [
                    nn.Conv3d(
                        in_channels, width, 3, stride=stride, padding=1, bias=False
                    ),
                    nn.BatchNorm3d(width),
                    activation(),
                ]
                in_channels = width
        layers += [nn.AdaptiveAvgPool3d(1), nn.Flatten()]
        if dropout:
            layers.append(nn.Dropout(dropout))
        layers.append(nn.Linear(in_channels, out_features))
        super().__init__(*layers)


class RandomShift3d(nn.Module):
    """Shift each volume by whole voxels; beyond the edge its voxels are repeated.

    Shapes: `(N, C, D, H, W)` to the same.

    Args:
        voxels: The most in each of the three directions, both ways.
        p: The probability that a volume is changed.
    """

    def __init__(self, voxels: int, p: float = 1.0) -> None:
        super().__init__()
        self.voxels = voxels
        self.p = p

    def forward(self, volumes: Tensor) -> Tensor:
        """Return the volumes, each shifted in its own way."""
        num = len(volumes)
        shifts = torch.randint(-self.voxels, self.voxels + 1, (3, num, 1))
        if self.p < 1:
            shifts *= torch.rand(num, 1) < self.p
        deep, down, right = (
            (torch.arange(size) + shift).clamp(0, size - 1).to(volumes.device)
            for size, shift in zip(volumes.shape[2:], shifts, strict=True)
        )
        numbers = torch.arange(num, device=volumes.device)[:, None, None, None]
        # Indexing with lists around the `:` of the channels puts these last.
        return volumes[
            numbers,
            :,
            deep[:, :, None, None],
            down[:, None, :, None],
            right[:, None, None, :],
        ].permute(0, 4, 1, 2, 3)


class RandomFlip3d(nn.Module):
    """Mirror volumes along one of their directions.

    Shapes: `(N, C, D, H, W)` to the same.

    Args:
        dim: 2 mirrors the depth, 3 the height, 4 the width.
        p: The probability that a volume is changed.
    """

    def __init__(self, dim: int, p: float = 0.5) -> None:
        super().__init__()
        self.dim = dim
        self.p = p

    def forward(self, volumes: Tensor) -> Tensor:
        """Return the volumes, some of them mirrored."""
        chosen = (torch.rand(len(volumes)) < self.p).to(volumes.device)
        return torch.where(_of_each(chosen), volumes.flip(self.dim), volumes)


class RandomQuarterTurn3d(nn.Module):
    """Turn each volume by 0, 90, 180 or 270 degrees about one of its directions.

    Shapes: `(N, C, D, H, W)` to the same; the two other sides must be equal.

    Args:
        dim: The direction that stays: 2 is the depth, 3 the height, 4 the width.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, volumes: Tensor) -> Tensor:
        """Return the volumes, each turned in its own way."""
        first, second = (dim for dim in (2, 3, 4) if dim != self.dim)
        turns = _of_each(torch.randint(4, (len(volumes),)).to(volumes.device))
        found = volumes
        for turn in (1, 2, 3):
            turned = torch.rot90(volumes, turn, (first, second))
            found = torch.where(turns == turn, turned, found)
        return found


def _of_each(values: Tensor) -> Tensor:
    """Return `(N,)` values as `(N, 1, 1, 1, 1)`."""
    return values[:, None, None, None, None]
