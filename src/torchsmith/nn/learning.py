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
    match spec:
        case learning.CrossEntropyLoss():
            weight = None
            if spec.weight == "balanced" and class_counts is not None:
                counts = class_counts.clamp(min=1).float()
                weight = counts.sum() / (len(counts) * counts)
            return nn.CrossEntropyLoss(weight, label_smoothing=spec.label_smoothing)
        case learning.BCEWithLogitsLoss():
            return OneLogitLoss()
        case learning.MSELoss():
            return nn.MSELoss()
        case learning.L1Loss():
            return nn.L1Loss()
        case learning.SmoothL1Loss():
            return nn.SmoothL1Loss(beta=spec.beta)
        case learning.HuberLoss():
            return nn.HuberLoss(delta=spec.delta)
        case _:
            assert_never(spec)


def num_outputs(loss: Loss, num_classes: int) -> int:
    """Return how many outputs a network needs for this loss."""
    return num_classes if isinstance(loss, learning.CrossEntropyLoss) else 1


def build_optimizer(
    spec: Optimizer, parameters: Iterable[nn.Parameter]
) -> torch.optim.Optimizer:
    """Build an optimizer; `fused` where PyTorch has it, which is one call a step."""
    match spec:
        case learning.SGD():
            return torch.optim.SGD(
                parameters,
                lr=spec.lr,
                momentum=spec.momentum,
                dampening=spec.dampening,
                weight_decay=spec.weight_decay,
                nesterov=spec.nesterov,
                fused=True,
            )
        case learning.Adam():
            return torch.optim.Adam(
                parameters,
                lr=spec.lr,
                betas=spec.betas,
                eps=spec.eps,
                weight_decay=spec.weight_decay,
                amsgrad=spec.amsgrad,
                fused=True,
            )
        case learning.AdamW():
            return torch.optim.AdamW(
                parameters,
                lr=spec.lr,
                betas=spec.betas,
                eps=spec.eps,
                weight_decay=spec.weight_decay,
                amsgrad=spec.amsgrad,
                fused=True,
            )
        case learning.RMSprop():
            return torch.optim.RMSprop(
                parameters,
                lr=spec.lr,
                alpha=spec.alpha,
                eps=spec.eps,
                weight_decay=spec.weight_decay,
                momentum=spec.momentum,
                centered=spec.centered,
                foreach=True,
            )
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
    match spec:
        case None:
            return None
        case learning.StepLR():
            return lr_scheduler.StepLR(optimizer, spec.step_size, gamma=spec.gamma)
        case learning.MultiStepLR():
            milestones = list(spec.milestones)
            return lr_scheduler.MultiStepLR(optimizer, milestones, gamma=spec.gamma)
        case learning.ExponentialLR():
            return lr_scheduler.ExponentialLR(optimizer, spec.gamma)
        case learning.CosineAnnealingLR():
            return lr_scheduler.CosineAnnealingLR(
                optimizer, spec.T_max or epochs, eta_min=spec.eta_min
            )
        case learning.OneCycleLR():
            return lr_scheduler.OneCycleLR(
                optimizer,
                max_lr=spec.max_lr or optimizer.param_groups[0]["lr"],
                total_steps=epochs * steps_per_epoch,
                pct_start=spec.pct_start,
                anneal_strategy=spec.anneal_strategy,
                cycle_momentum=spec.cycle_momentum,
                base_momentum=spec.base_momentum,
                max_momentum=spec.max_momentum,
                div_factor=spec.div_factor,
                final_div_factor=spec.final_div_factor,
            )
        case learning.ReduceLROnPlateau():
            return lr_scheduler.ReduceLROnPlateau(
                optimizer,
                factor=spec.factor,
                patience=spec.patience,
                threshold=spec.threshold,
                threshold_mode=spec.threshold_mode,
                cooldown=spec.cooldown,
                min_lr=spec.min_lr,
                eps=spec.eps,
            )
        case _:
            assert_never(spec)
