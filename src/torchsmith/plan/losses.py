"""Losses under their PyTorch names, arguments and defaults.

Source: https://docs.pytorch.org/docs/stable/nn.html#loss-functions
"""

from typing import Annotated, Literal

from pydantic import Field

from torchsmith.core.spec import OneOf, Spec
from torchsmith.plan.numbers import NotNegative, Positive


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
