"""Learning-rate schedules under their PyTorch names, arguments and defaults.

Source: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
"""

from typing import Annotated, Literal

from pydantic import Field

from torchsmith.core.spec import OneOf, Spec
from torchsmith.plan.numbers import Count, Momentum, NotNegative, Positive


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
