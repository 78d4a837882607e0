"""From specs to learning-rate schedules."""

from typing import assert_never

import torch
from torch.optim import lr_scheduler

from torchsmith.plan import schedules
from torchsmith.plan.schedules import Schedule


def build_schedule(
    spec: Schedule | None,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    steps_per_epoch: int,
) -> lr_scheduler.LRScheduler | None:
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
        case schedules.StepLR():
            return lr_scheduler.StepLR(optimizer, **arguments)
        case schedules.MultiStepLR():
            return lr_scheduler.MultiStepLR(optimizer, **arguments)
        case schedules.ExponentialLR():
            return lr_scheduler.ExponentialLR(optimizer, **arguments)
        case schedules.CosineAnnealingLR():
            arguments["T_max"] = spec.T_max or epochs
            return lr_scheduler.CosineAnnealingLR(optimizer, **arguments)
        case schedules.OneCycleLR():
            arguments["max_lr"] = spec.max_lr or optimizer.param_groups[0]["lr"]
            total = epochs * steps_per_epoch
            return lr_scheduler.OneCycleLR(optimizer, **arguments, total_steps=total)
        case schedules.ReduceLROnPlateau():
            return lr_scheduler.ReduceLROnPlateau(optimizer, **arguments)
        case _:
            assert_never(spec)
