"""A network for tables of which some columns are pictures."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from torchsmith.nn.convnet import ConvNet
from torchsmith.nn.tabular import TabularMLP


class PictureTableNet(nn.Module):
    """A `ConvNet` reads each picture; a `TabularMLP` what it gives, beside the columns.

    Shapes: `(N, num_numbers + pixels + len(cardinalities))` to `(N, out_features)`: the
    numbers come first, then the pixels of each picture, then the category codes.

    Args:
        num_numbers: Number columns, without pixels.
        pictures: `(C, H, W)` of each picture column.
        cardinalities: For each category column, how many codes there are.
        out_features: Width of the output.
        channels: Output channels of each stage of a `ConvNet`.
        depth: Convolutions in each stage.
        features: How many numbers are read from each picture.
        hidden: Width of each hidden layer of the `TabularMLP`.
        activation: Makes a new activation.
        dropout: After each activation of the `TabularMLP`.
    """

    def __init__(
        self,
        num_numbers: int,
        pictures: Sequence[tuple[int, int, int]],
        cardinalities: Sequence[int],
        out_features: int,
        *,
        channels: Sequence[int] = (16, 32, 64),
        depth: int = 1,
        features: int = 32,
        hidden: Sequence[int] = (256, 256),
        activation: Callable[[], nn.Module] = nn.ReLU,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.num_numbers = num_numbers
        self.shapes = tuple(pictures)
        self.pictures = nn.ModuleList(
            nn.Sequential(
                ConvNet(
                    shape[0], channels, features, depth=depth, activation=activation
                ),
                activation(),
            )
            for shape in pictures
        )
        self.table = TabularMLP(
            num_numbers + features * len(self.shapes),
            cardinalities,
            out_features,
            hidden=hidden,
            activation=activation,
            dropout=dropout,
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return raw outputs `(N, out_features)`."""
        place = self.num_numbers
        read = [inputs[:, :place]]
        for shape, picture in zip(self.shapes, self.pictures, strict=True):
            size = math.prod(shape)
            pixels = inputs[:, place : place + size].unflatten(1, shape)
            layout = pixels.contiguous(memory_format=torch.channels_last)
            read.append(picture(layout))
            place += size
        outputs: Tensor = self.table(torch.cat([*read, inputs[:, place:]], dim=1))
        return outputs
