"""Losses, optimizers and schedules under their PyTorch names, arguments and defaults.

Sources: https://docs.pytorch.org/docs/stable/nn.html#loss-functions,
https://docs.pytorch.org/docs/stable/optim.html
"""

from typing import Annotated, Literal

from pydantic import Field

from torchsmith.core.spec import OneOf, Spec

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class CrossEntropyLoss(Spec):
    """`torch.nn.CrossEntropyLoss` on logits `(N, classes)`.

    Attributes:
        weight: `balanced` weighs each class by 1 / its share of the training part.
        label_smoothing: Share of the target that is spread over all classes.
    """

    weight: Literal["balanced"] | None = None
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)


class BCEWithLogitsLoss(Spec):
    """`torch.nn.BCEWithLogitsLoss` on one logit `(N, 1)`, for two classes."""


class MSELoss(Spec):
    """`torch.nn.MSELoss` on `(N, 1)`."""


class L1Loss(Spec):
    """`torch.nn.L1Loss` on `(N, 1)`."""


class SmoothL1Loss(Spec):
    """`torch.nn.SmoothL1Loss` on `(N, 1)`."""

    main = "beta"
    beta: NotNegative = 1.0


class HuberLoss(Spec):
    """`torch.nn.HuberLoss` on `(N, 1)`."""

    main = "delta"
    delta: Positive = 1.0


Loss = Annotated[
    CrossEntropyLoss | BCEWithLogitsLoss | MSELoss | L1Loss | SmoothL1Loss | HuberLoss,
    OneOf(),
]


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


class StepLR(Spec):
    """`torch.optim.lr_scheduler.StepLR`, stepped once an epoch."""

    main = "step_size"
    step_size: Count
    gamma: Positive = 0.1


class MultiStepLR(Spec):
    """`torch.optim.lr_scheduler.MultiStepLR`, stepped once an epoch."""

    main = "milestones"
    milestones: tuple[Count, ...] = Field(min_length=1)
    gamma: Positive = 0.1


class ExponentialLR(Spec):
    """`torch.optim.lr_scheduler.ExponentialLR`, stepped once an epoch."""

    main = "gamma"
    gamma: Positive


class CosineAnnealingLR(Spec):
    """`torch.optim.lr_scheduler.CosineAnnealingLR`, stepped once an epoch.

    Attributes:
        T_max: Half a period, in epochs; the epochs of training where not given.
        eta_min: The lowest rate.
    """

    T_max: Count | None = None
    eta_min: NotNegative = 0.0


class OneCycleLR(Spec):
    """`torch.optim.lr_scheduler.OneCycleLR`, stepped after every optimizer step.

    The cycle lasts the whole training.

    Attributes:
        max_lr: The highest rate; the optimizer's `lr` where not given.
    """

    max_lr: Positive | None = None
    pct_start: float = Field(default=0.3, gt=0, lt=1)
    anneal_strategy: Literal["cos", "linear"] = "cos"
    cycle_momentum: bool = True
    base_momentum: Momentum = 0.85
    max_momentum: Momentum = 0.95
    div_factor: Positive = 25.0
    final_div_factor: Positive = 1e4


class ReduceLROnPlateau(Spec):
    """`torch.optim.lr_scheduler.ReduceLROnPlateau` on the validation loss."""

    factor: float = Field(default=0.1, gt=0, lt=1)
    patience: int = Field(default=10, ge=0)
    threshold: NotNegative = 1e-4
    threshold_mode: Literal["rel", "abs"] = "rel"
    cooldown: int = Field(default=0, ge=0)
    min_lr: NotNegative = 0.0
    eps: NotNegative = 1e-8


Schedule = Annotated[
    StepLR
    | MultiStepLR
    | ExponentialLR
    | CosineAnnealingLR
    | OneCycleLR
    | ReduceLROnPlateau,
    OneOf(),
]
