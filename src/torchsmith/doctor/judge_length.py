"""Training that ended too soon, and what ended it: P3."""

import math
from typing import Any

from pydantic import JsonValue

from torchsmith.core.vocabulary import CALIBRATED
from torchsmith.core.wording import amount
from torchsmith.doctor.course import Course
from torchsmith.evaluate.outlook import monitored_values

LAST_PART = 0.2
"""Of the epochs, in which a score must have improved for training to be too short."""

FEW = 3
"""Epochs of which no curve can be told: being behind is then enough."""

STILL_LEARNING = 0.01
"""What the training loss and the val loss lost in that part, as a share of all that
they lost: more means that training was too short, less that it stood still. Where a
schedule lowers the rate to 0, the training loss alone falls to the end."""

STEEP, STEEPER = 0.05, 0.1
"""What the val loss lost in that part, as a share of what it lost since the start, from
chance: more is too short whatever rivals reach; the second where most of what was wrong
on new examples was right on those that were learned from."""

PATIENT, IMPATIENT = 10, 3
"""Epochs without improvement after which stopping is usual; fewer than the second are
bad by chance."""

_LOSSES = ("val_loss", CALIBRATED)


def too_short(course: Course) -> dict[str, Any]:
    """Return P3 where the epochs, or the clock, ended training."""
    done, epochs = len(course.history), course.num_epochs
    when = f"after {done} of {epochs} epochs"
    if course.ending == "seconds":
        when = f"in epoch {done} of {epochs}, at step {course.num_steps:,},"
    changes = course.longer(max(2 * epochs, 5))
    losses = [record.train_loss for record in course.history]
    rose = len(losses) > 1 and losses[-1] > losses[0]
    return {
        "code": "P3",
        "message": f"Training ended {when} before it could show whether the network "
        "learns."
        if rose
        else f"Training ended {when} while the network still learned.",
        "where": next(iter(changes), "training.epochs"),
        "remedy": "Train longer."
        if rose
        else "Train longer, or raise the learning rate.",
        "changes": changes,
    }


def too_early(course: Course) -> dict[str, Any]:
    """Return P3 where early stopping ended training; only of a plan."""
    assert course.plan is not None  # noqa: S101 -- of a person's own module not known
    stopping, done = course.plan.stopping, len(course.history)
    changes: dict[str, JsonValue] = {
        "stopping.patience": max(PATIENT, 2 * stopping.patience)
    }
    if stopping.min_delta:
        changes["stopping.min_delta"] = 0.0
    return {
        "code": "P3",
        "message": f"Early stopping ended training after {done} of "
        f"{course.num_epochs} epochs while the network still learned.",
        "where": "stopping.min_delta" if stopping.min_delta else "stopping.patience",
        "remedy": "Be more patient, and count small improvements, too.",
        "changes": changes,
    }


def _held_out(course: Course) -> list[float]:
    """Return by epoch the loss on the val part that chose the best, if one did.

    What is no number counts as infinite, which no other loss is above.
    """
    losses = [r.val_loss for r in course.history if r.val_loss is not None]
    if losses and course.plan is not None and course.plan.stopping.monitor in _LOSSES:
        losses = monitored_values(course.plan, course.history)
    return [math.inf if math.isnan(loss) else loss for loss in losses]


def _start(losses: list[float], chance: float) -> float:
    """Return where the losses began, at chance or above it."""
    return losses[0] if chance < losses[0] < math.inf else chance


def is_steep(course: Course, least: float = STEEP) -> bool:
    """Whether the val loss still fell much in the last part, and is best at the end."""
    losses = _held_out(course)
    if len(losses) < 2 or min(losses) != losses[-1]:
        return False
    chance = course.reference.chance_loss
    if chance is None:
        return False
    # Of the epochs before, one may be high by chance: at a high rate losses swing.
    late = min(losses[: -_late(course)]) - losses[-1]
    return late > least * (_start(losses, chance) - losses[-1])


def is_learning(course: Course) -> bool:
    """Whether the training loss still fell at the end, or nobody can know."""
    losses = [record.train_loss for record in course.history]
    if len(losses) < FEW or course.ending == "seconds":
        return True
    chance = course.reference.chance_loss
    first = max(losses[0], 0.0 if chance is None else chance)
    gained = first - min(losses)
    late = losses[-1 - _late(course)] - losses[-1]
    if late <= STILL_LEARNING * max(gained, 1e-12):
        return False
    held_out = _held_out(course)
    if len(held_out) < len(losses):
        return True
    best = min(held_out[: -_late(course)])
    gained = _start(held_out, 0.0 if chance is None else chance) - best
    return best - min(held_out) > STILL_LEARNING * max(gained, 1e-12)


def is_stopped_for_little(course: Course) -> bool:
    """Whether early stopping ended a val loss that fell, but by less than it counts."""
    plan, chance = course.plan, course.reference.chance_loss
    early = course.ending == "patience"
    if not early or plan is None or chance is None or not plan.stopping.min_delta:
        return False
    losses = _held_out(course)
    if plan.stopping.monitor not in _LOSSES or len(losses) <= plan.stopping.patience:
        return False
    late = losses[-1 - plan.stopping.patience] - losses[-1]
    gained = _start(losses, chance) - losses[-1]
    return losses[-1] == min(losses) and late > STILL_LEARNING * gained


def is_stopped_by_chance(course: Course) -> bool:
    """Whether an epoch or two ended training of which the one before gained much."""
    losses = _held_out(course)
    chance = course.reference.chance_loss
    if chance is None or not losses or not is_impatient(course, IMPATIENT):
        return False
    best = losses.index(min(losses))
    if not best:
        return False
    gained = _start(losses, chance) - losses[best]
    return min(losses[:best]) - losses[best] > STEEP * gained


def is_impatient(course: Course, patience: int) -> bool:
    """Whether early stopping by the val loss ended a training loss that still fell."""
    plan, losses = course.plan, [record.train_loss for record in course.history]
    if plan is None or course.ending != "patience":
        return False
    if plan.stopping.monitor not in _LOSSES or plan.stopping.patience >= patience:
        return False
    fallen = losses[-1 - _late(course)] - losses[-1]
    return fallen > STILL_LEARNING * max(losses[0] - losses[-1], 1e-12)


def pace_text(course: Course) -> str:
    """Say what the training loss did at the end, in numbers."""
    losses = [record.train_loss for record in course.history]
    if len(losses) < 2:
        return amount(course.num_steps, "optimizer step")
    before = losses[-1 - _late(course)]
    return (
        f"the training loss went from {losses[0]:.3g} to {losses[-1]:.3g}, in the "
        f"last {_late(course)} of {len(losses)} epochs from {before:.3g}"
    )


def _late(course: Course) -> int:
    return max(1, round(LAST_PART * len(course.history)))
