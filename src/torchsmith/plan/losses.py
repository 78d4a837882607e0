"""Losses under their PyTorch names, arguments and defaults.

For classes, a loss is given class indices or one-hot rows, as it wants them.

Source: https://docs.pytorch.org/docs/stable/nn.html#loss-functions
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from torchsmith.core.spec import OneOf, Spec
from torchsmith.plan.numbers import NotNegative, Positive


def _one_number(value: Any) -> Any:  # noqa: ANN401
    if value == "none":
        raise ValueError(
            "must be mean or sum; none gives one loss for each example, and training "
            "needs one number to lower"
        )
    return value


Reduction = Annotated[Literal["mean", "sum"], BeforeValidator(_one_number)]
"""How the losses of a batch become one number."""

Balance = Literal["balanced", "sqrt_balanced"]
"""Weights by 1 / the share of a class in the training part, or by the root of that."""

ClassWeights = Annotated[tuple[Positive, ...], Field(min_length=2)]
"""One number for each class, in the order of `problem.classes`."""


class CrossEntropyLoss(Spec):
    """`torch.nn.CrossEntropyLoss` on logits `(N, K)` and class indices `(N,)`.

    Attributes:
        weight: `balanced` weighs each class by 1 / its share of the training part,
            `sqrt_balanced` by the root of that.
        reduction: How the losses of a batch become one number.
        label_smoothing: Share of the target that is spread over all classes.
    """

    weight: Balance | ClassWeights | None = None
    reduction: Reduction = "mean"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)


class NLLLoss(Spec):
    """`torch.nn.NLLLoss` on log-probabilities `(N, K)` and class indices `(N,)`.

    Attributes:
        weight: `balanced` weighs each class by 1 / its share of the training part,
            `sqrt_balanced` by the root of that.
        reduction: How the losses of a batch become one number.
    """

    weight: Balance | ClassWeights | None = None
    reduction: Reduction = "mean"


class BCELoss(Spec):
    """`torch.nn.BCELoss` on probabilities.

    Two classes have one output `(N, 1)`, more have one-hot targets `(N, K)`.
    """

    reduction: Reduction = "mean"


class BCEWithLogitsLoss(Spec):
    """`torch.nn.BCEWithLogitsLoss` on logits.

    Two classes have one output `(N, 1)`, more have one-hot targets `(N, K)`.

    Attributes:
        reduction: How the losses of a batch become one number.
        pos_weight: Weighs the positive examples of each output; `balanced` is their
            negatives over their positives in the training part.
    """

    reduction: Reduction = "mean"
    pos_weight: Literal["balanced"] | Positive | None = None


class MSELoss(Spec):
    """`torch.nn.MSELoss` on `(N, 1)`, or on one-hot targets `(N, K)` of classes."""

    reduction: Reduction = "mean"


class L1Loss(Spec):
    """`torch.nn.L1Loss` on `(N, 1)`."""

    reduction: Reduction = "mean"


class SmoothL1Loss(Spec):
    """`torch.nn.SmoothL1Loss` on `(N, 1)`."""

    main = "beta"
    reduction: Reduction = "mean"
    beta: NotNegative = 1.0


class HuberLoss(Spec):
    """`torch.nn.HuberLoss` on `(N, 1)`."""

    main = "delta"
    reduction: Reduction = "mean"
    delta: Positive = 1.0


Loss = Annotated[
    CrossEntropyLoss
    | NLLLoss
    | BCELoss
    | BCEWithLogitsLoss
    | MSELoss
    | L1Loss
    | SmoothL1Loss
    | HuberLoss,
    OneOf(),
]
