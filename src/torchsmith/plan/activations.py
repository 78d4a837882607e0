"""Activations under their `torch.nn` names; all of them take any shape.

PyTorch's `inplace` is left out: it saves memory and changes no result.
Source: https://docs.pytorch.org/docs/stable/nn.html
"""

from typing import Annotated, Literal

from pydantic import Field

from torchsmith.core.spec import OneOf
from torchsmith.plan.layer_spec import LayerSpec


class ReLU(LayerSpec):
    """`torch.nn.ReLU`."""


class LeakyReLU(LayerSpec):
    """`torch.nn.LeakyReLU`."""

    main = "negative_slope"
    negative_slope: float = Field(default=0.01, ge=0)


class ELU(LayerSpec):
    """`torch.nn.ELU`."""

    main = "alpha"
    alpha: float = Field(default=1.0, gt=0)


class GELU(LayerSpec):
    """`torch.nn.GELU`."""

    main = "approximate"
    approximate: Literal["none", "tanh"] = "none"


class SELU(LayerSpec):
    """`torch.nn.SELU`."""


class SiLU(LayerSpec):
    """`torch.nn.SiLU`."""


class Mish(LayerSpec):
    """`torch.nn.Mish`."""


class Sigmoid(LayerSpec):
    """`torch.nn.Sigmoid`."""


class Tanh(LayerSpec):
    """`torch.nn.Tanh`."""


class Softmax(LayerSpec):
    """`torch.nn.Softmax` over `dim`."""

    main = "dim"
    dim: int = 1


class LogSoftmax(LayerSpec):
    """`torch.nn.LogSoftmax` over `dim`."""

    main = "dim"
    dim: int = 1


Activation = Annotated[
    ReLU | LeakyReLU | ELU | GELU | SELU | SiLU | Mish | Sigmoid | Tanh, OneOf()
]
