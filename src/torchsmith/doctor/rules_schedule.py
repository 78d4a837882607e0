"""What the learning rate will do, known before the first step."""

import copy
import warnings
from collections.abc import Iterator
from functools import lru_cache

from pydantic import JsonValue
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau

from torchsmith.core.wording import percent
from torchsmith.doctor.subject import Subject
from torchsmith.inspect.inspection import Finding
from torchsmith.nn.optimizers import planned_rate
from torchsmith.nn.schedules import learning_rates
from torchsmith.plan import schedules
from torchsmith.plan.plan import Plan
from torchsmith.plan.schedules import Schedule, interval_of

ASLEEP = 0.01
"""A rate below this share of its peak teaches nothing any more."""

AWAKE = 0.6
"""Share of training that a rate should not sleep from; a warning."""

HARDLY_AWAKE, FEW_STEPS = 0.3, 500
"""Share of training, and steps at full rate, below both of which it is an error."""

RISE = 10.0
"""A schedule that raises the rate so many times above the optimizer's is a warning."""

LOW, VERY_LOW = 0.5, 0.05
"""A schedule that never reaches this share of the optimizer's rate: a warning, an
error."""

SPENT, FEW_FULL = 0.4, 100
"""Share of all steps, and their number, that they are worth at the peak: below both a
warning. Cosine and one cycle leave half."""

FEWEST_STEPS = 20
"""In fewer no schedule has room, and their number is what is wrong."""

MOST_STEPS = 20_000
"""Of a person's schedule that are tried out."""

MOST_CHANGES, MOST_RATES = 200_000, 2_000_000
"""Steps of a schedule, and of a training, beyond either of which its rates are not
computed: that would take longer than a second or so."""


def find_in_schedule(subject: Subject) -> Iterator[Finding]:
    """Find a schedule that ends learning early, or raises the rate far: P13.

    Args:
        subject: At step 0; stays as it is.
    """
    rates = planned_rates(subject)
    if len(rates) < FEWEST_STEPS:
        return
    peak, own = max(rates), _own_rate(subject)
    awake, full = share_awake(rates), sum(rates) / max(peak, 1e-300)
    if awake < AWAKE:
        certain = awake < HARDLY_AWAKE and full < FEW_STEPS
        yield Finding(
            code="P13",
            severity="error" if certain else "warning",
            message="The learning rate is below 1 % of its peak after "
            f"{percent(awake)} of training, and the rest teaches nothing.",
            where="schedule",
            evidence=f"from step {awake * len(rates):,.0f} of {len(rates):,} on; all "
            f"steps together are worth {full:,.0f} at the peak of {peak:g}",
            remedy="Give the schedule the length of training, in the unit in which it "
            "is stepped (epochs or optimizer steps).",
            changes=_mended(subject),
        )
    elif _is_spent(rates):
        yield Finding(
            code="P13",
            severity="warning",
            message=f"The learning rate falls so early that {len(rates):,} steps are "
            f"worth {full:,.0f} at its peak.",
            where="schedule",
            evidence=f"its mean is {percent(full / len(rates))} of the peak of "
            f"{peak:g}; a cosine or one cycle leaves half",
            remedy="Let it fall later, or more slowly.",
            changes=_mended(subject),
        )
    elif isinstance(subject.state.schedule, OneCycleLR):
        return  # its peak is its own
    elif peak < LOW * own:
        yield Finding(
            code="P13",
            severity="error" if peak < VERY_LOW * own else "warning",
            message=f"The schedule lets the learning rate rise to "
            f"{percent(peak / own, 2)} of the optimizer's only.",
            where="schedule",
            evidence=f"{peak:g} at most, and the optimizer has {own:g}",
            remedy="Let it warm up within the first twentieth of training.",
            changes=_lowering(subject),
        )
    elif peak > RISE * own:
        yield Finding(
            code="P13",
            severity="warning",
            message=f"The schedule raises the learning rate from {own:g} to {peak:g}, "
            f"{peak / own:,.0f} times as much.",
            where="schedule",
            evidence=f"highest at step {rates.index(peak) + 1:,} of {len(rates):,}",
            remedy="Use a schedule that lowers the rate.",
            changes=_lowering(subject),
        )


def planned_rates(subject: Subject) -> list[float]:
    """Return the rate of each optimizer step; empty where nothing sets it beforehand.

    Empty too where training is too long to compute them all.

    Args:
        subject: At step 0; stays as it is.
    """
    job, state, plan = subject.job, subject.state, subject.plan
    epochs, each = job.training.epochs, job.steps_per_epoch
    if plan is not None:
        if plan.schedule is None or isinstance(
            plan.schedule, schedules.ReduceLROnPlateau
        ):
            return []
        changes = epochs if interval_of(plan.schedule) == "epoch" else epochs * each
        if changes > MOST_CHANGES or epochs * each > MOST_RATES:
            return []
        return _rates(plan.schedule, _planned_rate(subject, plan), epochs, each)
    schedule = state.schedule
    if schedule is None or isinstance(schedule, ReduceLROnPlateau):
        return []
    by_step = state.interval == "step"
    if not by_step and (epochs > MOST_CHANGES or epochs * each > MOST_RATES):
        return []
    return _tried(state.optimizer, schedule, epochs, each, by_step=by_step)


@lru_cache(maxsize=4)
def _rates(spec: Schedule, lr: float, epochs: int, each: int) -> list[float]:
    return learning_rates(spec, lr, epochs, each, most=epochs * each)


def _tried(
    optimizer: Optimizer,
    schedule: LRScheduler,
    epochs: int,
    each: int,
    *,
    by_step: bool,
) -> list[float]:
    """Step a copy of a person's schedule as training will."""
    try:
        optimizer, schedule = copy.deepcopy((optimizer, schedule))
        rates = []
        with warnings.catch_warnings():
            # PyTorch cannot know that the copy's optimizer is not meant to step.
            warnings.simplefilter("ignore")
            for _ in range(min(epochs * each, MOST_STEPS) if by_step else epochs):
                rates.append(float(optimizer.param_groups[0]["lr"]))
                schedule.step()
    except Exception:  # noqa: BLE001 -- a schedule of a person's own; training tells
        return []
    return rates if by_step else [rate for rate in rates for _ in range(each)]


def share_awake(rates: list[float]) -> float:
    """Return after which share of training the rate stays below 1 % of its peak."""
    least = ASLEEP * max(rates)
    awake = [step for step, rate in enumerate(rates, start=1) if rate >= least]
    return awake[-1] / len(rates)


def _is_spent(rates: list[float]) -> bool:
    """Whether a rate falls so early that all are worth few steps at its peak."""
    return sum(rates) < min(SPENT * len(rates), FEW_FULL) * max(rates)


def _own_rate(subject: Subject) -> float:
    """Return the optimizer's rate, as it was before its schedule."""
    group = subject.state.optimizer.param_groups[0]
    return float(group.get("initial_lr", group["lr"]))


def _planned_rate(subject: Subject, plan: Plan) -> float:
    return planned_rate(plan.optimizer, subject.state.network.named_parameters())


def _mended(subject: Subject) -> dict[str, JsonValue]:
    """Return what a plan can do: step once an epoch, or last as long as training."""
    plan = subject.plan
    if plan is None or plan.schedule is None:
        return {}
    if getattr(plan.schedule, "interval", "epoch") == "step":
        epochs, each = plan.training.epochs, subject.job.steps_per_epoch
        by_epoch = plan.schedule.model_copy(update={"interval": "epoch"})
        rates = _rates(by_epoch, _planned_rate(subject, plan), epochs, each)
        if share_awake(rates) >= AWAKE and not _is_spent(rates):
            return {"schedule.interval": "epoch"}
    return _lowering(subject)


def _lowering(subject: Subject) -> dict[str, JsonValue]:
    return {} if subject.plan is None else {"schedule": "CosineAnnealingLR"}
