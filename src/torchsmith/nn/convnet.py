"""A small convolutional net for images."""

from collections.abc import Callable, Sequence

from torch import nn


class ConvNet(nn.Sequential):
    """Blocks of 3x3 `Conv2d`, `BatchNorm2d`, activation; pooling between stages.

    Shapes: `(N, in_channels, H, W)` to `(N, out_features)`; H and W need at least
    `2 ** (len(channels) - 1)` pixels.

    Args:
        in_channels: 1 (grey) or 3 (colour).
        channels: Output channels of each stage.
        out_features: Width of the output.
        depth: Convolutions in each stage: one number for all, or one for each.
        activation: Makes a new activation for each block.
        pool: The last maps are averaged to `pool` x `pool`; 1 is global.
        pool_first: Pool before the normalisation that ends a stage, not after its
            activation. Both rise with their input (where the scale is positive), so
            that the same pixels are chosen; three quarters of the work are saved.
        hidden: Width of each `Linear`, `BatchNorm1d`, activation between the last maps
            and the output.
        dropout: Before the last layer.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        out_features: int,
        *,
        depth: int | Sequence[int] = 1,
        activation: Callable[[], nn.Module] = nn.ReLU,
        pool: int = 1,
        pool_first: bool = False,
        hidden: Sequence[int] = (),
        dropout: float = 0.0,
    ) -> None:
        layers: list[nn.Module] = []
        depths = [depth] * len(channels) if isinstance(depth, int) else depth
        for stage, (width, num) in enumerate(zip(channels, depths, strict=True)):
            if stage and not pool_first:
                layers.append(nn.MaxPool2d(2))
            for place in range(num):
                # The bias would be cancelled by the mean that BatchNorm2d subtracts.
                layers.append(nn.Conv2d(in_channels, width, 3, padding=1, bias=False))
                ends = place == num - 1 and stage < len(channels) - 1
                if pool_first and ends:
                    layers.append(nn.MaxPool2d(2))
                layers.append(nn.BatchNorm2d(width))
                layers.append(activation())
                in_channels = width
        layers += [nn.AdaptiveAvgPool2d(pool), nn.Flatten()]
        in_features = in_channels * pool**2
        for width in hidden:
            layers.append(nn.Linear(in_features, width, bias=False))
            layers += [nn.BatchNorm1d(width), activation()]
            in_features = width
        if dropout:
            layers.append(nn.Dropout(dropout))
        layers.append(nn.Linear(in_features, out_features))
        super().__init__(*layers)
