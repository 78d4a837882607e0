"""What more time would likely bring, judged by the curve of a training."""

import math
from collections.abc import Sequence
from pathlib import Path

from torchsmith.core.commands import command
from torchsmith.core.vocabulary import Ending, low_is_good
from torchsmith.core.wording import amount, percent, rough_duration
from torchsmith.plan.design import FIT_INTO
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import REASON
from torchsmith.train.history import EpochRecord

LAST_PART = 1 / 3
"""Of the epochs, in which a score must still have improved."""

SMALL_GAIN = 0.02
"""Of a loss, or of what a score lacks to 1; less is flat."""

FAR_FROM_USED = 0.75
"""Of the budget: a shorter run says why it was short."""

HELPS = "would likely help"

FEWEST_EPOCHS = 3
"""A curve of fewer points says nothing."""

FEW_EPOCHS = 10
"""What is told to train longer has at least so many."""

FEWEST_STEPS = 50
"""Optimizer steps; a curve of fewer may be flat by its falling rate alone."""


def outlook(
    plan: Plan, history: Sequence[EpochRecord], ending: Ending, seconds: float
) -> str:
    """Say what more time would likely bring, and why a budget was not used.

    The rate of most schedules falls to the end, and every falling rate brings a gain of
    its own, so that a gain in the last third is a hint and no proof.

    Args:
        plan: Of the run.
        history: One record for each epoch.
        ending: What ended training.
        seconds: That the whole run took.

    Returns:
        One or two sentences; empty where the curve is too short to judge.
    """
    curve = _curve(plan, history, ending)
    if ending == "seconds":  # it left the rest of the budget, and would do so again
        return curve
    rest = _unused(plan, seconds, helps=HELPS in curve)
    return " ".join(filter(None, [curve, rest]))


def longer(told: str, plan: Plan, file: Path, ending: Ending, seconds: float) -> str:
    """Return the command that trains twice as long, and is not stopped on its way.

    What the guard stopped goes on without it: how long all epochs take is not known. A
    plan that was cut to a budget has few epochs, which without it are still few.

    Args:
        told: The outlook.
        plan: Of the run.
        file: That holds the plan.
        ending: What ended training.
        seconds: That training took.

    Returns:
        Empty where the outlook does not say that it would help.
    """
    if HELPS not in told:
        return ""
    training, patience = plan.training, plan.stopping.patience
    words = ["train", str(file)]
    if ending == "seconds":
        if training.epochs < FEW_EPOCHS:
            words += ["--epochs", str(FEW_EPOCHS)]
        return command(*words, "--set", "training.seconds=0")
    words += ["--epochs", str(2 * training.epochs)]
    if ending == "patience":
        words += ["--set", f"stopping.patience={2 * patience}"]
    if 0 < training.seconds < 2 * seconds:
        words += ["--set", f"training.seconds={2 * training.seconds:g}"]
    return command(*words)


def _curve(plan: Plan, history: Sequence[EpochRecord], ending: Ending) -> str:
    if ending == "seconds":
        ways = (
            "more time, or fewer epochs," if plan.training.epochs > 1 else "more time"
        )
        return (
            "The guard stopped training before its learning rate had come down: "
            f"{ways} {HELPS}."
        )
    values = monitored_values(plan, history)
    known = [value for value in values if math.isfinite(value)]
    if len(known) < FEWEST_EPOCHS:
        return _cut(plan, len(values))
    name = plan.stopping.monitor if history[0].val_loss is not None else "train_loss"
    lower = low_is_good(name)
    best = (min if lower else max)(known)
    epoch, before = values.index(best) + 1, len(values) - round(LAST_PART * len(values))
    if epoch <= before:
        return (
            f"{name} was best in epoch {epoch} of {len(values)} and has not improved "
            "since: more epochs would hardly help."
        )
    early = [value for value in values[:before] if math.isfinite(value)]
    if not early:
        return ""
    gain = _gain((min if lower else max)(early), best, lower=lower)
    if gain < SMALL_GAIN:
        if history[-1].step < FEWEST_STEPS:
            return ""
        return (
            f"{name} has flattened (the last third of the epochs improved it by "
            f"{percent(gain, 1)}): more epochs would hardly help."
        )
    return (
        f"{name} still improved in the last third of the epochs, by {percent(gain)}: "
        f"twice the time {HELPS}, as far as that is not the falling rate."
    )


def _cut(plan: Plan, epochs: int) -> str:
    """Say that the budget was too short for a curve, where it was that."""
    by_budget = FIT_INTO in plan.reasons.get("training.epochs", "")
    if plan.sized_for is None or epochs < plan.training.epochs or not by_budget:
        return ""
    return (
        f"The budget of {rough_duration(plan.sized_for.budget)} was enough for "
        f"{amount(epochs, 'epoch')} only: more time {HELPS}."
    )


def monitored_values(plan: Plan, history: Sequence[EpochRecord]) -> list[float]:
    """Return what early stopping looked at, epoch by epoch.

    Args:
        plan: Names it.
        history: One record for each epoch; without a val part, the training loss.
    """
    metric = plan.stopping.monitor.removeprefix("val_")
    found = []
    for record in history:
        if record.val_loss is None:
            found.append(record.train_loss)
        else:
            found.append(record.metrics.get(metric, record.val_loss))
    return found


def _gain(before: float, best: float, *, lower: bool) -> float:
    """Return which share of a loss, or of what a score lacks to 1, went away."""
    left = before if lower else 1 - before
    return abs(best - before) / abs(left) if left else 0.0


def _unused(plan: Plan, seconds: float, *, helps: bool) -> str:
    own = plan.reasons.get("training.epochs") == REASON
    budget = 0.0 if plan.sized_for is None or own else plan.sized_for.budget
    if seconds >= FAR_FROM_USED * budget:
        return ""
    took = f"The run took {rough_duration(seconds)} of its budget of "
    if helps:
        epochs = 2 * plan.training.epochs
        return f"{took}{rough_duration(budget)}; training.epochs: {epochs} uses more."
    return (
        f"{took}{rough_duration(budget)}: on data of this size more epochs seldom pay."
    )
