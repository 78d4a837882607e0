"""Layers under their `torch.nn` names, with PyTorch's arguments and defaults.

Input sizes (`in_features`, `in_channels`, `num_features`, …) follow from the data.
Source: https://docs.pytorch.org/docs/stable/nn.html
"""

from typing import Annotated

from pydantic import Field

from torchsmith.core.spec import OneOf
from torchsmith.plan.activations import Activation, LogSoftmax, Softmax
from torchsmith.plan.convolutions import Convolution, Pooling
from torchsmith.plan.layer_spec import FEATURES, STEPS, LayerSpec, Share, Size
from torchsmith.plan.normalisation import Normalisation
from torchsmith.plan.sequences import Sequences


class Linear(LayerSpec):
    """`torch.nn.Linear`: `(*, in_features)` to `(*, out_features)`."""

    main = "out_features"
    takes = (FEATURES, STEPS)
    out_features: Size
    bias: bool = True


class Bilinear(LayerSpec):
    """`torch.nn.Bilinear` of the input with itself: products of all pairs of features.

    `(*, in_features)` to `(*, out_features)`; both of PyTorch's inputs are the same.
    """

    main = "out_features"
    takes = (FEATURES, STEPS)
    out_features: Size
    bias: bool = True


class Dropout(LayerSpec):
    """`torch.nn.Dropout`: zeroes with probability `p` while training."""

    main = "p"
    p: Share = 0.5


class Identity(LayerSpec):
    """`torch.nn.Identity`."""


class Flatten(LayerSpec):
    """`torch.nn.Flatten`: makes one of the dimensions `start_dim` to `end_dim`.

    They count from the batch, which is 0: by default `(N, …)` becomes `(N, features)`.
    """

    start_dim: int = 1
    end_dim: int = -1


class Unflatten(LayerSpec):
    """`torch.nn.Unflatten`: makes several of one dimension.

    Attributes:
        dim: Counts from the batch, which is 0.
        unflattened_size: What it becomes; one size may be -1 and follows from the rest.
    """

    dim: int
    unflattened_size: tuple[Annotated[int, Field(ge=-1)], ...] = Field(min_length=1)


class Residual(LayerSpec):
    """The layers' output plus the input, as in https://arxiv.org/abs/1512.03385.

    Attributes:
        layers: One after the other; their output has the shape of the input.
        shortcut: Layers for the input before it is added, where the shapes differ, such
            as one `Linear` or a `Conv2d` with `kernel_size: 1`; empty adds it as it is.
    """

    main = "layers"
    layers: "tuple[Layer, ...]" = Field(min_length=1)
    shortcut: "tuple[Layer, ...]" = ()


Layer = Annotated[
    Linear
    | Bilinear
    | Convolution
    | Pooling
    | Normalisation
    | Dropout
    | Sequences
    | Flatten
    | Unflatten
    | Residual
    | Activation
    | Softmax
    | LogSoftmax
    | Identity,
    OneOf(),
]

Residual.model_rebuild()  # resolves its fields, which messages about mistakes look at
