"""Convolutions and pooling under their `torch.nn` names.

Source: https://docs.pytorch.org/docs/stable/nn.html#convolution-layers
"""

from typing import Literal

from torchsmith.plan.layer_spec import (
    IMAGE,
    SEQUENCE,
    VOLUME,
    LayerSpec,
    Pad,
    PadPair,
    PadTriple,
    Pair,
    Size,
    Triple,
)

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
PaddingName = Literal["same", "valid"]


class Conv1d(LayerSpec):
    """`torch.nn.Conv1d`: `(N, in_channels, L)` to `(N, out_channels, L')`."""

    main = "out_channels"
    takes = (SEQUENCE,)
    out_channels: Size
    kernel_size: Size = 3
    stride: Size = 1
    padding: Pad | PaddingName = 0
    dilation: Size = 1
    groups: Size = 1
    bias: bool = True
    padding_mode: PaddingMode = "zeros"


class Conv2d(LayerSpec):
    """`torch.nn.Conv2d`: `(N, in_channels, H, W)` to `(N, out_channels, H', W')`."""

    main = "out_channels"
    takes = (IMAGE,)
    out_channels: Size
    kernel_size: Pair = 3
    stride: Pair = 1
    padding: PadPair | PaddingName = 0
    dilation: Pair = 1
    groups: Size = 1
    bias: bool = True
    padding_mode: PaddingMode = "zeros"


class Conv3d(LayerSpec):
    """`torch.nn.Conv3d`: `(N, in_channels, D, H, W)` to `(N, out_channels, …)`."""

    main = "out_channels"
    takes = (VOLUME,)
    out_channels: Size
    kernel_size: Triple = 3
    stride: Triple = 1
    padding: PadTriple | PaddingName = 0
    dilation: Triple = 1
    groups: Size = 1
    bias: bool = True
    padding_mode: PaddingMode = "zeros"


class ConvTranspose2d(LayerSpec):
    """`torch.nn.ConvTranspose2d`: a convolution that enlarges the maps.

    PyTorch's `padding_mode` can only be `zeros` here.
    """

    main = "out_channels"
    takes = (IMAGE,)
    out_channels: Size
    kernel_size: Pair = 3
    stride: Pair = 1
    padding: PadPair = 0
    output_padding: PadPair = 0
    groups: Size = 1
    bias: bool = True
    dilation: Pair = 1


class MaxPool1d(LayerSpec):
    """`torch.nn.MaxPool1d`: the largest of each window; `stride` is its size."""

    main = "kernel_size"
    takes = (SEQUENCE,)
    kernel_size: Size
    stride: Size | None = None
    padding: Pad = 0
    dilation: Size = 1
    ceil_mode: bool = False


class MaxPool2d(LayerSpec):
    """`torch.nn.MaxPool2d`: the largest of each window; `stride` is its size."""

    main = "kernel_size"
    takes = (IMAGE,)
    kernel_size: Pair
    stride: Pair | None = None
    padding: PadPair = 0
    dilation: Pair = 1
    ceil_mode: bool = False


class MaxPool3d(LayerSpec):
    """`torch.nn.MaxPool3d`: the largest of each window; `stride` is its size."""

    main = "kernel_size"
    takes = (VOLUME,)
    kernel_size: Triple
    stride: Triple | None = None
    padding: PadTriple = 0
    dilation: Triple = 1
    ceil_mode: bool = False


class AvgPool1d(LayerSpec):
    """`torch.nn.AvgPool1d`: the mean of each window; `stride` is its size."""

    main = "kernel_size"
    takes = (SEQUENCE,)
    kernel_size: Size
    stride: Size | None = None
    padding: Pad = 0
    ceil_mode: bool = False
    count_include_pad: bool = True


class AvgPool2d(LayerSpec):
    """`torch.nn.AvgPool2d`: the mean of each window; `stride` is its size."""

    main = "kernel_size"
    takes = (IMAGE,)
    kernel_size: Pair
    stride: Pair | None = None
    padding: PadPair = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: Size | None = None


class AvgPool3d(LayerSpec):
    """`torch.nn.AvgPool3d`: the mean of each window; `stride` is its size."""

    main = "kernel_size"
    takes = (VOLUME,)
    kernel_size: Triple
    stride: Triple | None = None
    padding: PadTriple = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: Size | None = None


class AdaptiveAvgPool1d(LayerSpec):
    """`torch.nn.AdaptiveAvgPool1d`: means to a fixed output size."""

    main = "output_size"
    takes = (SEQUENCE,)
    output_size: Size


class AdaptiveAvgPool2d(LayerSpec):
    """`torch.nn.AdaptiveAvgPool2d`: means to a fixed output size; null keeps one."""

    main = "output_size"
    takes = (IMAGE,)
    output_size: Size | tuple[Size | None, Size | None]


class AdaptiveAvgPool3d(LayerSpec):
    """`torch.nn.AdaptiveAvgPool3d`: means to a fixed output size; null keeps one."""

    main = "output_size"
    takes = (VOLUME,)
    output_size: Size | tuple[Size | None, Size | None, Size | None]


class AdaptiveMaxPool2d(LayerSpec):
    """`torch.nn.AdaptiveMaxPool2d`: maxima to a fixed output size; null keeps one."""

    main = "output_size"
    takes = (IMAGE,)
    output_size: Size | tuple[Size | None, Size | None]


Convolution = Conv1d | Conv2d | Conv3d | ConvTranspose2d
Pooling = (
    MaxPool1d
    | MaxPool2d
    | MaxPool3d
    | AvgPool1d
    | AvgPool2d
    | AvgPool3d
    | AdaptiveAvgPool1d
    | AdaptiveAvgPool2d
    | AdaptiveAvgPool3d
    | AdaptiveMaxPool2d
)
