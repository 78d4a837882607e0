"""Layers under their `torch.nn` names, with PyTorch's arguments and defaults.

Input sizes (`in_features`, `in_channels`) follow from the data.
Source: https://docs.pytorch.org/docs/stable/nn.html
"""

from typing import Annotated, Literal

from pydantic import Field

from torchsmith.core.spec import OneOf, Spec

Size = Annotated[int, Field(ge=1)]
Pair = Size | tuple[Size, Size]
PadPair = Annotated[int, Field(ge=0)] | tuple[int, int]


class Linear(Spec):
    """`torch.nn.Linear`: `(*, in_features)` to `(*, out_features)`."""

    main = "out_features"
    out_features: Size
    bias: bool = True


class Conv2d(Spec):
    """`torch.nn.Conv2d`: `(N, in_channels, H, W)` to `(N, out_channels, H', W')`."""

    main = "out_channels"
    out_channels: Size
    kernel_size: Pair = 3
    stride: Pair = 1
    padding: PadPair | Literal["same", "valid"] = 0
    dilation: Pair = 1
    groups: Size = 1
    bias: bool = True


class MaxPool2d(Spec):
    """`torch.nn.MaxPool2d`: the largest of each window."""

    main = "kernel_size"
    kernel_size: Pair
    stride: Pair | None = None
    padding: PadPair = 0


class AvgPool2d(Spec):
    """`torch.nn.AvgPool2d`: the mean of each window."""

    main = "kernel_size"
    kernel_size: Pair
    stride: Pair | None = None
    padding: PadPair = 0


class AdaptiveAvgPool2d(Spec):
    """`torch.nn.AdaptiveAvgPool2d`: means to a fixed output size."""

    main = "output_size"
    output_size: Pair


class BatchNorm1d(Spec):
    """`torch.nn.BatchNorm1d` over `(N, C)`."""

    eps: float = Field(default=1e-5, gt=0)
    momentum: float = Field(default=0.1, ge=0, le=1)
    affine: bool = True


class BatchNorm2d(Spec):
    """`torch.nn.BatchNorm2d` over `(N, C, H, W)`."""

    eps: float = Field(default=1e-5, gt=0)
    momentum: float = Field(default=0.1, ge=0, le=1)
    affine: bool = True


class LayerNorm(Spec):
    """`torch.nn.LayerNorm` over the last dimension."""

    eps: float = Field(default=1e-5, gt=0)
    elementwise_affine: bool = True


class Dropout(Spec):
    """`torch.nn.Dropout`: zeroes with probability `p` while training."""

    main = "p"
    p: float = Field(default=0.5, ge=0, lt=1)


class Flatten(Spec):
    """`torch.nn.Flatten`: `(N, …)` to `(N, features)`."""


class ReLU(Spec):
    """`torch.nn.ReLU`."""


class LeakyReLU(Spec):
    """`torch.nn.LeakyReLU`."""

    main = "negative_slope"
    negative_slope: float = Field(default=0.01, ge=0)


class ELU(Spec):
    """`torch.nn.ELU`."""

    main = "alpha"
    alpha: float = Field(default=1.0, gt=0)


class GELU(Spec):
    """`torch.nn.GELU`."""

    main = "approximate"
    approximate: Literal["none", "tanh"] = "none"


class SELU(Spec):
    """`torch.nn.SELU`."""


class SiLU(Spec):
    """`torch.nn.SiLU`."""


class Mish(Spec):
    """`torch.nn.Mish`."""


class Sigmoid(Spec):
    """`torch.nn.Sigmoid`."""


class Tanh(Spec):
    """`torch.nn.Tanh`."""


class Softmax(Spec):
    """`torch.nn.Softmax` over `dim`."""

    main = "dim"
    dim: int = 1


class LogSoftmax(Spec):
    """`torch.nn.LogSoftmax` over `dim`."""

    main = "dim"
    dim: int = 1


class Identity(Spec):
    """`torch.nn.Identity`."""


Activation = Annotated[
    ReLU | LeakyReLU | ELU | GELU | SELU | SiLU | Mish | Sigmoid | Tanh, OneOf()
]

Layer = Annotated[
    Linear
    | Conv2d
    | MaxPool2d
    | AvgPool2d
    | AdaptiveAvgPool2d
    | BatchNorm1d
    | BatchNorm2d
    | LayerNorm
    | Dropout
    | Flatten
    | ReLU
    | LeakyReLU
    | ELU
    | GELU
    | SELU
    | SiLU
    | Mish
    | Sigmoid
    | Tanh
    | Softmax
    | LogSoftmax
    | Identity,
    OneOf(),
]
