"""Optimizers under their PyTorch names, arguments and defaults.

Source: https://docs.pytorch.org/docs/stable/optim.html
"""

from typing import Annotated

from torchsmith.core.spec import OneOf, Spec
from torchsmith.plan.numbers import Momentum, NotNegative, Positive


class SGD(Spec):
    """`torch.optim.SGD`."""

    lr: Positive = 1e-3
    momentum: Momentum = 0.0
    dampening: NotNegative = 0.0
    weight_decay: NotNegative = 0.0
    nesterov: bool = False


class Adam(Spec):
    """`torch.optim.Adam`."""

    lr: Positive = 1e-3
    betas: tuple[Momentum, Momentum] = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0
    amsgrad: bool = False


class AdamW(Spec):
    """`torch.optim.AdamW`."""

    lr: Positive = 1e-3
    betas: tuple[Momentum, Momentum] = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NotNegative = 1e-2
    amsgrad: bool = False


class RMSprop(Spec):
    """`torch.optim.RMSprop`."""

    lr: Positive = 1e-2
    alpha: Momentum = 0.99
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0
    momentum: Momentum = 0.0
    centered: bool = False


Optimizer = Annotated[SGD | Adam | AdamW | RMSprop, OneOf()]
