"""From specs to learning-rate schedules."""

import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Any, assert_never

import torch
from torch.optim import lr_scheduler

from torchsmith.core.errors import PlanError
from torchsmith.nn.optimizers import unmarked
from torchsmith.plan import schedules
from torchsmith.plan.schedules import (
    Schedule,
    interval_of,
    lr_factor,
    part_lengths,
    schedule_problems,
)


def build_schedule(
    spec: Schedule | None,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    steps_per_epoch: int,
) -> lr_scheduler.LRScheduler | None:
    """Build a schedule for a training of a known length.

    It is to be stepped as `interval_of(spec)` says.

    Args:
        spec: The plan's `schedule` section; None keeps the rate.
        optimizer: Whose rate is changed.
        epochs: Planned passes over the training part.
        steps_per_epoch: Optimizer steps in each.

    Raises:
        PlanError: The schedule cannot work, or gives no rate at some step.
    """
    total = epochs * steps_per_epoch
    length = epochs if interval_of(spec) == "epoch" else total
    for where, what in schedule_problems(spec, length):
        raise PlanError(f"{where}: {what}")
    return None if spec is None else _build(spec, optimizer, length)


def _build(
    spec: Schedule, optimizer: torch.optim.Optimizer, length: int
) -> lr_scheduler.LRScheduler:
    arguments = dict(spec)
    arguments.pop("interval", None)
    match spec:
        case schedules.LambdaLR():
            factor = lr_factor(spec.lr_lambda)
            # PyTorch asks once more after the last epoch, where nothing was checked.
            return lr_scheduler.LambdaLR(
                optimizer, lambda epoch: factor(min(epoch, max(length - 1, 0)))
            )
        case schedules.StepLR():
            return lr_scheduler.StepLR(optimizer, **arguments)
        case schedules.MultiStepLR():
            return lr_scheduler.MultiStepLR(optimizer, **arguments)
        case schedules.ConstantLR():
            return lr_scheduler.ConstantLR(optimizer, **arguments)
        case schedules.LinearLR():
            return lr_scheduler.LinearLR(optimizer, **arguments)
        case schedules.ExponentialLR():
            return lr_scheduler.ExponentialLR(optimizer, **arguments)
        case schedules.PolynomialLR():
            return lr_scheduler.PolynomialLR(optimizer, **arguments)
        case schedules.CosineAnnealingLR():
            arguments["T_max"] = spec.T_max or max(length, 1)
            return lr_scheduler.CosineAnnealingLR(optimizer, **arguments)
        case schedules.CosineAnnealingWarmRestarts():
            return lr_scheduler.CosineAnnealingWarmRestarts(optimizer, **arguments)
        case schedules.OneCycleLR():
            own = [group["lr"] for group in optimizer.param_groups]
            arguments["max_lr"] = spec.max_lr or own
            arguments["pct_start"] = schedules.rise_of(spec, length)
            arguments["cycle_momentum"] = _cycles_momentum(spec, optimizer)
            return lr_scheduler.OneCycleLR(optimizer, **arguments, total_steps=length)
        case schedules.ReduceLROnPlateau():
            return lr_scheduler.ReduceLROnPlateau(optimizer, **arguments)
        case schedules.SequentialLR():
            parts = part_lengths(spec, length)
            members = [
                _build(member, optimizer, part)
                for member, part in zip(spec.schedulers, parts, strict=True)
            ]
            milestones = list(spec.milestones)
            return lr_scheduler.SequentialLR(optimizer, members, milestones)
        case _:
            assert_never(spec)


def _cycles_momentum(
    spec: schedules.OneCycleLR, optimizer: torch.optim.Optimizer
) -> bool:
    defaults = optimizer.defaults
    if "betas" in defaults or defaults.get("momentum", 0) > 0:
        return spec.cycle_momentum
    if spec.cycle_momentum and "cycle_momentum" in spec.model_fields_set:
        raise PlanError(
            f"schedule: cycle_momentum: {type(optimizer).__name__} has no momentum "
            "here; leave it out, or give the optimizer a momentum"
        )
    return False


def schedule_state(schedule: lr_scheduler.LRScheduler) -> dict[str, Any]:
    """Return its `state_dict` as plain data.

    In PyTorch 2.9 that of `SWALR` has a function too, which a new one has anyway.
    """
    state = schedule.state_dict()
    return {key: value for key, value in state.items() if key != "anneal_func"}


def load_schedule(schedule: lr_scheduler.LRScheduler, state: Mapping[str, Any]) -> None:
    """Load a `state_dict` that was written as JSON, whose keys are all texts."""
    schedule.load_state_dict(dict(state))
    _count_again(schedule)


def _count_again(schedule: lr_scheduler.LRScheduler) -> None:
    if isinstance(schedule, lr_scheduler.MultiStepLR):
        found = {int(at): times for at, times in schedule.milestones.items()}
        schedule.milestones = Counter(found)
    elif isinstance(
        schedule, lr_scheduler.SequentialLR | lr_scheduler.ChainedScheduler
    ):
        for member in schedule._schedulers:
            _count_again(member)


def learning_rates(
    spec: Schedule | None,
    lr: float,
    epochs: int,
    steps_per_epoch: int,
    most: int = 1000,
) -> list[float]:
    """Return the rates of a training's optimizer steps, without training.

    `ReduceLROnPlateau` depends on how training goes; its rate is shown as constant.

    Args:
        spec: The plan's `schedule` section.
        lr: The optimizer's rate.
        epochs: Planned passes over the training part.
        steps_per_epoch: Optimizer steps in each.
        most: So many steps at most, evenly chosen, the first and the last among them.

    >>> from torchsmith.plan.schedules import StepLR
    >>> learning_rates(StepLR(step_size=1, gamma=0.5), 1.0, epochs=2, steps_per_epoch=2)
    [1.0, 1.0, 0.5, 0.5]
    """
    total = epochs * steps_per_epoch
    count = min(total, most)
    chosen = [round(i * (total - 1) / max(count - 1, 1)) for i in range(count)]
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = unmarked(torch.optim.SGD)([parameter], lr, momentum=0.9)
    schedule = build_schedule(spec, optimizer, epochs, steps_per_epoch)
    if schedule is None or isinstance(schedule, lr_scheduler.ReduceLROnPlateau):
        return [lr] * count
    each = steps_per_epoch if interval_of(spec) == "epoch" else 1
    optimizer.step()  # PyTorch warns where a schedule is stepped before its optimizer
    rates, done = [], 0
    with warnings.catch_warnings():
        # Some versions warn about what SequentialLR itself does.
        warnings.filterwarnings("ignore", message="The epoch parameter in `scheduler")
        for step in chosen:
            while done < step // each:
                schedule.step()
                done += 1
            rates.append(float(optimizer.param_groups[0]["lr"]))
    return rates
