"""From specs to losses."""

from collections.abc import Callable
from typing import assert_never

from torch import Tensor, nn

from torchsmith.plan import losses
from torchsmith.plan.losses import Loss

LossFunction = Callable[[Tensor, Tensor], Tensor]
"""From raw outputs and targets to the mean loss, a scalar."""


class OneLogitLoss(nn.Module):
    """`BCEWithLogitsLoss` on one logit `(N, 1)` and class indices `(N,)`, 0 or 1."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss."""
        return nn.functional.binary_cross_entropy_with_logits(
            outputs.squeeze(1), targets.to(outputs.dtype)
        )


def build_loss(spec: Loss, class_counts: Tensor | None = None) -> nn.Module:
    """Build a loss, the mean per example.

    Args:
        spec: The plan's `loss` section.
        class_counts: `(K,)` training rows of each class, for `weight: balanced`.
    """
    arguments = dict(spec)
    match spec:
        case losses.CrossEntropyLoss():
            if spec.weight == "balanced" and class_counts is not None:
                counts = class_counts.clamp(min=1).float()
                arguments["weight"] = counts.sum() / (len(counts) * counts)
            return nn.CrossEntropyLoss(**arguments)
        case losses.BCEWithLogitsLoss():
            return OneLogitLoss()
        case losses.MSELoss():
            return nn.MSELoss()
        case losses.L1Loss():
            return nn.L1Loss()
        case losses.SmoothL1Loss():
            return nn.SmoothL1Loss(**arguments)
        case losses.HuberLoss():
            return nn.HuberLoss(**arguments)
        case _:
            assert_never(spec)


def num_outputs(loss: Loss, num_classes: int) -> int:
    """Return how many outputs a network needs for this loss."""
    return num_classes if isinstance(loss, losses.CrossEntropyLoss) else 1
