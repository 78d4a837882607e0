"""A residual net for images."""

from collections.abc import Callable, Sequence

from torch import nn

from torchsmith.nn.adapted import Residual


class ResNet(nn.Sequential):
    """Residual blocks of two 3x3 convolutions, after He et al. (2015), section 4.2.

    https://arxiv.org/abs/1512.03385. The first block of a stage after the first halves
    height and width; its shortcut then averages 2x2 pixels before its 1x1 convolution,
    so that none is passed over (https://arxiv.org/abs/1812.01187, ResNet-D). With
    channels (64, 128, 256, 512) and depth 2 it is their ResNet-18, but for the first
    layers, which are those for small pictures.

    Shapes: `(N, in_channels, H, W)` to `(N, out_features)`, for any H and W.

    Args:
        in_channels: 1 (grey) or 3 (colour).
        channels: Output channels of each stage.
        out_features: Width of the output.
        depth: Residual blocks in each stage.
        stride: Of the first convolution, which sees `2 * stride + 1` pixels a side.
        activation: Makes a new activation for each place.
        dropout: Before the last layer.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        out_features: int,
        *,
        depth: int = 2,
        stride: int = 1,
        activation: Callable[[], nn.Module] = nn.ReLU,
        dropout: float = 0.0,
    ) -> None:
        width = channels[0]
        size = 2 * stride + 1
        first = nn.Conv2d(
            in_channels, width, size, stride=stride, padding=stride, bias=False
        )
        layers: list[nn.Module] = [first, nn.BatchNorm2d(width), activation()]
        for stage, out_channels in enumerate(channels):
            for block in range(depth):
                halves = stage > 0 and block == 0
                layers.append(_block(width, out_channels, activation, halves=halves))
                layers.append(activation())
                width = out_channels
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        if dropout:
            layers.append(nn.Dropout(dropout))
        layers.append(nn.Linear(width, out_features))
        super().__init__(*layers)


def _block(
    in_channels: int,
    out_channels: int,
    activation: Callable[[], nn.Module],
    *,
    halves: bool,
) -> Residual:
    stride = 2 if halves else 1
    layers = nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        activation(),
        nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
    )
    shortcut = nn.Sequential()
    if halves:
        # An odd side is halved upwards, as by the convolution with stride 2.
        shortcut.append(nn.AvgPool2d(2, ceil_mode=True))
    if in_channels != out_channels or halves:
        shortcut.append(nn.Conv2d(in_channels, out_channels, 1, bias=False))
        shortcut.append(nn.BatchNorm2d(out_channels))
    return Residual(layers, shortcut)
