"""The epochs of a new plan, sized again when it is known how fast the run will be."""

from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from torchsmith.api.budget import RIVAL_SECONDS, RIVAL_SHARE
from torchsmith.api.planning import Planned, decide_with
from torchsmith.core.observer import QUIET, Observer
from torchsmith.core.processes import place
from torchsmith.core.wording import amount, rough_duration
from torchsmith.data.steps import RandomConvolutions
from torchsmith.plan.cost_sequences import features_seconds, groups_seconds
from torchsmith.plan.design import Pace
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import take_choices

if TYPE_CHECKING:
    from torchsmith.train.setup import Setup

FIRST_LOOK = 0.1
"""Seconds of steps; enough where the budget is far away."""

LONG_LOOK, LONG_SHARE = 2.0, 0.02
"""Seconds of steps where the budget decides, and the most of it that they take."""

NEAR = 0.7
"""Of the seconds for training: from here on the budget may decide."""

AFTER_SHARE, AFTER_SECONDS = 0.1, 4.0
"""Of the budget goes to the test part, the importance of columns and the report, and no
more than so many seconds."""

AIM = 0.97
"""Of the budget is aimed at, so that what nobody foresaw does not break it."""

LEAST_SHARE = 0.1
"""Of the budget is for training in any case, however long reading took."""

SAME = 0.05
"""A number of epochs that is off by no more is kept."""


def size_to_budget(
    planned: Planned, setup: "Setup", begin: float, observer: Observer = QUIET
) -> tuple[Planned, "Setup"]:
    """Time some steps, and choose the epochs anew so that the run keeps its budget.

    A plan that was made for this run is sized by a rough prediction. Here its first
    steps are measured on a state that is thrown away, and `decide` chooses the epochs
    again, which the plan of the run then holds: trained again, it gives the same
    weights. A plan that was given, and epochs that the person set, stay as they are;
    where the guard `training.seconds` would cut them off, that is told.

    Args:
        planned: The plan, with its engine and threads chosen.
        setup: Made of it; at step 0.
        begin: When the whole run began, by `perf_counter`.
        observer: Is told what was chosen, or what will be cut off.
    """
    from torchsmith.train.batches import TensorBatches

    budget = planned.plan.sized_for
    if (
        budget is None
        or place() is not None
        or not isinstance(setup.job.train, TensorBatches)
    ):
        return planned, setup
    if planned.anew is None or "training.epochs" in planned.anew.settings:
        _warn_of_guard(planned.plan, setup, observer)
        return planned, setup

    resized = planned
    for look in (FIRST_LOOK, min(LONG_LOOK, LONG_SHARE * budget.budget)):
        each = _epoch_seconds(planned.plan, setup, look)
        if each is None:
            return planned, setup
        left = _left(planned, setup, budget.budget, begin)
        resized = _decided(planned, Pace(each, left))
        if resized.plan.training.epochs * each <= NEAR * left:
            break
    now, then = resized.plan.training.epochs, planned.plan.training.epochs
    fits = resized.plan.training.seconds == planned.plan.training.seconds
    if fits and abs(now - then) <= SAME * then:
        return planned, setup
    observer.line(f"epochs: {now}, {resized.plan.reasons['training.epochs']}")
    return resized, _set_up(resized.plan, setup)


def _left(planned: Planned, setup: "Setup", budget: float, begin: float) -> float:
    """Return the seconds for training: without what was, and what comes after."""
    after = min(RIVAL_SECONDS, RIVAL_SHARE * budget)
    after += min(AFTER_SECONDS, AFTER_SHARE * budget)
    after += _test_features_seconds(planned, len(setup.parts.test))
    left = AIM * budget - (perf_counter() - begin) - after
    left = max(left, LEAST_SHARE * budget)
    return min(left, planned.plan.training.seconds or left)


def _test_features_seconds(planned: Planned, num_test: int) -> float:
    """Estimate how long features of the test part take, which are made at the end."""
    facts = planned.inspection.sequences
    if facts is None:
        return 0.0
    length, channels = facts.median_length, len(facts.channels)
    return sum(
        features_seconds(step.num_features, num_test, length, channels)
        + groups_seconds(step.groups, num_test, length)
        for step in planned.plan.prepare
        if isinstance(step, RandomConvolutions)
    )


def _epoch_seconds(plan: Plan, setup: "Setup", seconds: float) -> float | None:
    from torchsmith.api.carrying import torch_threads
    from torchsmith.train.engines.timing import epoch_seconds
    from torchsmith.train.setup import initial_state

    with torch_threads(plan.training.threads):
        state = initial_state(plan, setup.preparation, setup.job)
        return epoch_seconds(setup.job, state, seconds)


def _decided(planned: Planned, pace: Pace) -> Planned:
    """Return the same with the epochs that `decide` chooses at a measured pace."""
    anew, sized = planned.anew, planned.plan.sized_for
    if anew is None or sized is None:
        raise AssertionError(planned.plan)
    default, plan = decide_with(
        anew.settings, planned.inspection, anew.machine, sized.budget, pace
    )
    return replace(
        planned,
        plan=take_choices(plan, planned.plan),
        default=take_choices(default, planned.plan),
    )


def _set_up(plan: Plan, setup: "Setup") -> "Setup":
    """Build what depends on the number of epochs: schedule, average, patience."""
    from torchsmith.api.carrying import torch_threads
    from torchsmith.train.setup import initial_state

    job = replace(setup.job, training=plan.training, stopping=plan.stopping)
    with torch_threads(plan.training.threads):
        state = initial_state(plan, setup.preparation, job)
    return replace(setup, job=job, state=state)


def _warn_of_guard(plan: Plan, setup: "Setup", observer: Observer) -> None:
    """Tell where training would be stopped before its schedule has ended."""
    training = plan.training
    if not training.seconds or plan.schedule is None:
        return
    each = _epoch_seconds(plan, setup, FIRST_LOOK)
    if each is None or each * training.epochs <= training.seconds:
        return
    fitting = int(AIM * training.seconds / each)
    fewer = f"training.epochs to {fitting}, or " if fitting else ""
    observer.note(
        f"{amount(training.epochs, 'epoch')} will take about "
        f"{rough_duration(each * training.epochs)} here, and training.seconds: "
        f"{training.seconds:g} stops training before the learning rate has come down; "
        f"set {fewer}training.seconds higher"
    )
