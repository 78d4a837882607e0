"""From specs to losses, optimizers and schedules."""

from collections.abc import Callable, Iterable
from typing import assert_never

import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler

from torchsmith.plan import learning
from torchsmith.plan.learning import Loss, Optimizer, Schedule

LossFunction = Callable[[Tensor, Tensor], Tensor]
"""From raw outputs and targets to the mean loss, a scalar."""

AnyScheduler = lr_scheduler.LRScheduler


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
        case learning.CrossEntropyLoss():
            if spec.weight == "balanced" and class_counts is not None:
                counts = class_counts.clamp(min=1).float()
                arguments["weight"] = counts.sum() / (len(counts) * counts)
            return nn.CrossEntropyLoss(**arguments)
        case learning.BCEWithLogitsLoss():
            return OneLogitLoss()
        case learning.MSELoss():
            return nn.MSELoss()
        case learning.L1Loss():
            return nn.L1Loss()
        case learning.SmoothL1Loss():
            return nn.SmoothL1Loss(**arguments)
        case learning.HuberLoss():
            return nn.HuberLoss(**arguments)
        case _:
            assert_never(spec)


def num_outputs(loss: Loss, num_classes: int) -> int:
    """Return how many outputs a network needs for this loss."""
    return num_classes if isinstance(loss, learning.CrossEntropyLoss) else 1


def build_optimizer(
    spec: Optimizer, parameters: Iterable[nn.Parameter]
) -> torch.optim.Optimizer:
    """Build an optimizer; `fused` where PyTorch has it, which is one call a step.

    Args:
        spec: The plan's `optimizer` section; its fields are PyTorch's arguments.
        parameters: What it changes.
    """
    arguments = dict(spec)
    match spec:
        case learning.SGD():
            return torch.optim.SGD(parameters, **arguments, fused=True)
        case learning.Adam():
            return torch.optim.Adam(parameters, **arguments, fused=True)
        case learning.AdamW():
            return torch.optim.AdamW(parameters, **arguments, fused=True)
        case learning.RMSprop():
            return torch.optim.RMSprop(parameters, **arguments, foreach=True)
        case _:
            assert_never(spec)


def build_schedule(
    spec: Schedule | None,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    steps_per_epoch: int,
) -> AnyScheduler | None:
    """Build a schedule for a training of a known length.

    Args:
        spec: The plan's `schedule` section; None keeps the rate.
        optimizer: Whose rate is changed.
        epochs: Planned passes over the training part.
        steps_per_epoch: Optimizer steps in each.
    """
    arguments = {} if spec is None else dict(spec)
    match spec:
        case None:
            return None
        case learning.StepLR():
            return lr_scheduler.StepLR(optimizer, **arguments)
        case learning.MultiStepLR():
            return lr_scheduler.MultiStepLR(optimizer, **arguments)
        case learning.ExponentialLR():
            return lr_scheduler.ExponentialLR(optimizer, **arguments)
        case learning.CosineAnnealingLR():
            arguments["T_max"] = spec.T_max or epochs
            return lr_scheduler.CosineAnnealingLR(optimizer, **arguments)
        case learning.OneCycleLR():
            arguments["max_lr"] = spec.max_lr or optimizer.param_groups[0]["lr"]
            total = epochs * steps_per_epoch
            return lr_scheduler.OneCycleLR(optimizer, **arguments, total_steps=total)
        case learning.ReduceLROnPlateau():
            return lr_scheduler.ReduceLROnPlateau(optimizer, **arguments)
        case _:
            assert_never(spec)
