"""Normalisation under its `torch.nn` names.

Source: https://docs.pytorch.org/docs/stable/nn.html#normalization-layers
"""

from typing import Annotated

from pydantic import Field

from torchsmith.plan.layer_spec import (
    FEATURES,
    IMAGE,
    SEQUENCE,
    VOLUME,
    Eps,
    LayerSpec,
    Size,
)

Momentum = Annotated[float, Field(ge=0, le=1)] | None


class BatchNorm(LayerSpec):
    """What `BatchNorm1d`, `BatchNorm2d` and `BatchNorm3d` share."""

    eps: Eps = 1e-5
    momentum: Momentum = 0.1
    affine: bool = True
    track_running_stats: bool = True


class BatchNorm1d(BatchNorm):
    """`torch.nn.BatchNorm1d` over `(N, features)` or `(N, C, L)`.

    Attributes:
        eps: Added to the variance.
        momentum: The share of each batch in the running statistics; null averages all.
        affine: Learn a scale and a shift.
        track_running_stats: Keep running statistics, which evaluation uses.
    """

    takes = (FEATURES, SEQUENCE)


class BatchNorm2d(BatchNorm):
    """`torch.nn.BatchNorm2d` over `(N, C, H, W)`; arguments as for `BatchNorm1d`."""

    takes = (IMAGE,)


class BatchNorm3d(BatchNorm):
    """`torch.nn.BatchNorm3d` over `(N, C, D, H, W)`; arguments as for `BatchNorm1d`."""

    takes = (VOLUME,)


class LayerNorm(LayerSpec):
    """`torch.nn.LayerNorm` over the last dimensions of each example.

    Attributes:
        normalized_shape: Sizes of the dimensions that are normalised together; null is
            the last dimension, whatever its size.
        eps: Added to the variance.
        elementwise_affine: Learn a scale and a shift.
        bias: Learn the shift, too.
    """

    main = "normalized_shape"
    normalized_shape: Size | tuple[Size, ...] | None = None
    eps: Eps = 1e-5
    elementwise_affine: bool = True
    bias: bool = True


class GroupNorm(LayerSpec):
    """`torch.nn.GroupNorm`: the first dimension, in `num_groups` groups of channels."""

    main = "num_groups"
    num_groups: Size
    eps: Eps = 1e-5
    affine: bool = True


Normalisation = BatchNorm1d | BatchNorm2d | BatchNorm3d | LayerNorm | GroupNorm
