"""Learning-rate schedules under their PyTorch names, arguments and defaults.

Source: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from math import isfinite
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from torchsmith.core.errors import PlanError
from torchsmith.core.spec import OneOf, Spec
from torchsmith.plan.expression import parse_expression
from torchsmith.plan.numbers import Count, Momentum, NotNegative, Positive

Interval = Literal["epoch", "step"]
"""A schedule is stepped once an epoch, or after every optimizer step."""

MOST_CHECKED = 100_000
"""So many values of an expression are looked at before training."""


def _expression(text: str) -> str:
    parse_expression(text)
    return text


class LambdaLR(Spec):
    """`torch.optim.lr_scheduler.LambdaLR`: the rate is `lr` times an expression.

    Attributes:
        lr_lambda: Arithmetic of `epoch`, which counts from 0; epochs or, with
            `interval: step`, optimizer steps.
    """

    main = "lr_lambda"
    lr_lambda: Annotated[str, AfterValidator(_expression)]
    interval: Interval = "epoch"


class StepLR(Spec):
    """`torch.optim.lr_scheduler.StepLR`."""

    main = "step_size"
    step_size: Count
    gamma: Positive = 0.1
    interval: Interval = "epoch"


class MultiStepLR(Spec):
    """`torch.optim.lr_scheduler.MultiStepLR`."""

    main = "milestones"
    milestones: tuple[Count, ...] = Field(min_length=1)
    gamma: Positive = 0.1
    interval: Interval = "epoch"


class ConstantLR(Spec):
    """`torch.optim.lr_scheduler.ConstantLR`: `factor` times `lr` at first."""

    factor: float = Field(default=1 / 3, ge=0, le=1)
    total_iters: Count = 5
    interval: Interval = "epoch"


class LinearLR(Spec):
    """`torch.optim.lr_scheduler.LinearLR`: from one factor of `lr` to another."""

    start_factor: float = Field(default=1 / 3, gt=0, le=1)
    end_factor: float = Field(default=1.0, ge=0, le=1)
    total_iters: Count = 5
    interval: Interval = "epoch"


class ExponentialLR(Spec):
    """`torch.optim.lr_scheduler.ExponentialLR`."""

    main = "gamma"
    gamma: Positive
    interval: Interval = "epoch"


class PolynomialLR(Spec):
    """`torch.optim.lr_scheduler.PolynomialLR`: down to 0 in `total_iters`."""

    total_iters: Count = 5
    power: Positive = 1.0
    interval: Interval = "epoch"


class CosineAnnealingLR(Spec):
    """`torch.optim.lr_scheduler.CosineAnnealingLR`.

    Attributes:
        T_max: Half a period; the length of training where not given.
        eta_min: The lowest rate.
    """

    T_max: Count | None = None
    eta_min: NotNegative = 0.0
    interval: Interval = "epoch"


class CosineAnnealingWarmRestarts(Spec):
    """`torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`.

    Attributes:
        T_0: The length of the first period.
        T_mult: Each period is so many times as long as the one before.
        eta_min: The lowest rate.
    """

    main = "T_0"
    T_0: Count
    T_mult: Count = 1
    eta_min: NotNegative = 0.0
    interval: Interval = "epoch"


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
    three_phase: bool = False


class ReduceLROnPlateau(Spec):
    """`torch.optim.lr_scheduler.ReduceLROnPlateau` on the validation loss."""

    factor: float = Field(default=0.1, gt=0, lt=1)
    patience: int = Field(default=10, ge=0)
    threshold: NotNegative = 1e-4
    threshold_mode: Literal["rel", "abs"] = "rel"
    cooldown: int = Field(default=0, ge=0)
    min_lr: NotNegative = 0.0
    eps: NotNegative = 1e-8


_Single = (
    LambdaLR
    | StepLR
    | MultiStepLR
    | ConstantLR
    | LinearLR
    | ExponentialLR
    | PolynomialLR
    | CosineAnnealingLR
    | CosineAnnealingWarmRestarts
    | OneCycleLR
    | ReduceLROnPlateau
)
Member = Annotated[_Single, OneOf()]


class SequentialLR(Spec):
    """`torch.optim.lr_scheduler.SequentialLR`: one schedule after another.

    Attributes:
        schedulers: In their order; each counts from 0 when its turn comes.
        milestones: When each schedule but the first begins.
        interval: Of all members.
    """

    schedulers: tuple[Member, ...] = Field(min_length=1)
    milestones: tuple[Count, ...]
    interval: Interval = "epoch"


Schedule = Annotated[_Single | SequentialLR, OneOf()]


def rise_of(schedule: OneCycleLR, steps: int) -> float:
    """Return `pct_start` as PyTorch can take it in a training of so many steps.

    Where the rise has exactly one step, PyTorch divides by the zero steps before it; a
    billionth more gives that step the lowest rate, which is what the rise begins with.

    >>> [rise_of(OneCycleLR(pct_start=0.25), steps) for steps in (4, 40)]
    [0.25000000025, 0.25]
    """
    share = schedule.pct_start
    return share * (1 + 1e-9) if share * steps == 1 else share


def interval_of(schedule: Schedule | None) -> Interval:
    """Return when a schedule is stepped."""
    if isinstance(schedule, OneCycleLR):
        return "step"
    if schedule is None or isinstance(schedule, ReduceLROnPlateau):
        return "epoch"
    return schedule.interval


def lr_factor(lr_lambda: str) -> Callable[[int], float]:
    """Return the factor of the learning rate at an epoch (or step), from 0.

    The function raises a `PlanError` where the factor is negative or not finite.
    """
    function = parse_expression(lr_lambda)

    def factor(epoch: int) -> float:
        try:
            value = function(epoch)
        except (ArithmeticError, ValueError) as error:
            raise PlanError(
                f"has no value at epoch = {epoch} ({error.args[-1]})"
            ) from error
        if not (isfinite(value) and value >= 0):
            raise PlanError(
                f"is {value:g} at epoch = {epoch}; a factor of the learning rate is "
                "finite and at least 0"
            )
        return value

    return factor


def schedule_problems(
    schedule: Schedule | None, length: int
) -> Iterator[tuple[str, str]]:
    """Yield dotted path (below the plan) and text of what cannot work.

    Args:
        schedule: The plan's section.
        length: Of training, in the schedule's interval; 0 where it is not known.
    """
    if isinstance(schedule, LambdaLR):
        yield from _lambda_problems("schedule.LambdaLR", schedule, length)
    if isinstance(schedule, MultiStepLR) and any(
        after < before for before, after in pairwise(schedule.milestones)
    ):
        yield "schedule.milestones", "must be in their order, the earliest first"
    if not isinstance(schedule, SequentialLR):
        return
    members, milestones = schedule.schedulers, schedule.milestones
    if len(milestones) != len(members) - 1:
        yield (
            "schedule.milestones",
            f"{len(members)} schedules take {len(members) - 1} milestones, "
            f"not {len(milestones)}",
        )
        return
    if any(after <= before for before, after in pairwise(milestones)):
        yield "schedule.milestones", "each must be greater than the one before"
        return
    parts = zip(members, part_lengths(schedule, length), strict=True)
    for place, (member, part) in enumerate(parts):
        where = f"schedule.schedulers.{place}"
        if isinstance(member, OneCycleLR):
            yield where, "OneCycleLR is a whole training of its own; give it alone"
        elif isinstance(member, ReduceLROnPlateau):
            yield where, "ReduceLROnPlateau needs the validation loss; give it alone"
        elif "interval" in member.model_fields_set:
            yield where, "interval stands once, at SequentialLR; move it there"
        elif isinstance(member, LambdaLR):
            yield from _lambda_problems(f"{where}.LambdaLR", member, part)


def part_lengths(schedule: SequentialLR, length: int) -> tuple[int, ...]:
    """Return how long each member lasts in a training of a length."""
    edges = (0, *schedule.milestones, max(length, *schedule.milestones, 0))
    return tuple(end - begin for begin, end in pairwise(edges))


def _lambda_problems(
    where: str, schedule: LambdaLR, length: int
) -> Iterator[tuple[str, str]]:
    factor = lr_factor(schedule.lr_lambda)
    try:
        for epoch in range(min(length, MOST_CHECKED)):
            factor(epoch)
    except PlanError as error:
        yield f"{where}.lr_lambda", str(error)
