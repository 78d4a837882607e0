"""What the course of the loss shows: T1, P1, P2, P3 and P7."""

import math
from collections.abc import Iterator

from pydantic import JsonValue

from torchsmith.core.wording import amount, percent, sentence
from torchsmith.doctor.facts import (
    BEHIND,
    NOISY,
    Facts,
    Quantity,
    dead,
    dropouts,
    pace_of,
    saturated,
)
from torchsmith.doctor.remedies import scaled_rate
from torchsmith.inspect.inspection import Finding
from torchsmith.plan.optimizers import AdamW

RISEN = 1.2
"""An epoch's loss so many times above where training began is worse than no training;
dropout and small batches alone bring it to 1.05."""

THROWN = 10.0
"""An epoch's loss so many times above it: single steps threw the network far off."""

FALLEN_BACK = 2.0
"""A loss so many times above its lowest is no swing any more."""

SWITCHED_OFF, BEFORE = 0.5, 0.3
"""Share of a layer's units that steps, not the first weights, have switched off: above
the first now, below the second before training. Wide healthy layers reach 0.48."""

SLOW, SLOW_AND_BEHIND, STILL = -2.8, -2.7, -3.7
"""Logarithms of update/weight, of the fastest sample: healthy runs are above -2.6."""

UNHURRIED = -2.2
"""The same where a simple rival is clearly better, and all steps together are short."""

FAR, FAST = 1.0, -2.0
"""By how much of themselves weights can have changed in all steps, at that pace; and
the pace of a fast healthy training, at which too few steps do not go so far either."""

HIDES = 0.1
"""Of chance's loss: noise in train mode that costs less at the end hides little."""

CLEARLY = 2.0
"""Standard errors by which a score is clearly below a rival's."""

STEADY, LATE = 0.02, 0.1
"""Share of the way that a loss that still falls goes, in so much of training, at its
end."""

VANISHED = -2.5
"""Logarithm of the first layer's gradient/weight over the last's: below it a slow pace
comes from the depth, not from the learning rate. Healthy networks are above -2.4."""

MOST_DECAY = 0.3
"""A `weight_decay` that is usual with AdamW, or less (Steiner et al., How to train your
ViT?, 2021): what it takes away too much is the learning rate's doing, and a warning."""

MUCH_MOMENTUM, USUAL_MOMENTUM = 0.95, 0.9
"""Momentum above the first is where a rate that is too high comes from; what to set."""

TARGET_PACE = {"SGD": -2.7}
"""Update/weight of the first step at a healthy learning rate, by optimizer."""

OTHERS_PACE = -1.5
"""The same of Adam and its kind, whose first step changes each weight by the rate."""


def find_in_losses(facts: Facts) -> Iterator[Finding]:
    """Find T1, P1, P2, P3 and P7.

    Args:
        facts: Of a course, so far or whole.
    """
    yield from _diverges(facts)
    yield from _too_high(facts)
    yield from _held_back(facts)
    yield from _too_low(facts)


def _diverges(facts: Facts) -> Iterator[Finding]:
    begin = _begin(facts)
    if facts.diverged:
        yield _lost(facts)
        return
    if begin is None or facts.chance is None or not facts.is_far:
        return
    lowest = min(facts.losses, default=math.inf)
    fell_back = facts.end > max(1.05 * facts.chance, FALLEN_BACK * lowest)
    thrown = max(facts.losses, default=0.0) > THROWN * begin
    if not (fell_back or (thrown and (facts.is_stuck or facts.is_behind))):
        return
    worst = max(range(len(facts.losses)), key=facts.losses.__getitem__)
    yield Finding(
        code="T1",
        severity="error",
        message="Training diverges: the loss is worse than that of a constant answer."
        if facts.end > facts.chance
        else "Training was thrown off course: the loss rose far above where it began.",
        where=f"epoch {worst + 1}",
        evidence=(
            f"Loss by epoch: lowest {lowest:.3g}, highest {facts.losses[worst]:.3g} "
            f"(epoch {worst + 1}), last {facts.end:.3g}; untrained {begin:.3g}, chance "
            f"{facts.chance:.3g}."
        ),
        remedy="Lower the learning rate, and clip gradients.",
        changes=_calmer(facts),
        moment="during",
    )


def _lost(facts: Facts) -> Finding:
    sample = facts.course.signals[-1]
    where, last = sample.not_finite[0] if sample.not_finite else "", facts.last
    evidence = f"At step {sample.step:,} the loss is no finite number"
    if where:
        names = sample.not_finite
        more = f" and {len(names) - 1} more modules" if len(names) > 1 else ""
        evidence += f", nor are the weights or outputs of {where}{more}"
    if last is not None and last.step < sample.step:
        evidence += f"; at step {last.step:,} it was {last.loss:.3g}"
    return Finding(
        code="T1",
        severity="error",
        message="Training diverges: the loss is no longer a finite number.",
        where=where,
        evidence=f"{evidence}.",
        remedy="Lower the learning rate, and clip gradients.",
        changes=_calmer(facts),
        moment="during",
    )


def _too_high(facts: Facts) -> Iterator[Finding]:
    begin = _begin(facts)
    if not facts.begins_well or begin is None or facts.is_shrunk or is_faded(facts):
        return
    blown = facts.diverged or max(facts.losses, default=0.0) > RISEN * begin
    harmed = facts.is_stuck or facts.is_behind
    lost = _switched_off(facts, dead, "are dead")
    # Saturated units still tell two kinds of examples apart, dead ones none.
    off = lost or (_switched_off(facts, saturated, "are saturated") if harmed else "")
    useless = facts.gained_nothing or facts.scores_below(0)
    if not (blown or off) or not (harmed or (lost and useless)):
        return
    signs = []
    if facts.diverged:
        signs.append("the loss of a network that began well is no finite number")
    elif blown:
        signs.append(
            f"an epoch's loss was {max(facts.losses):.3g}, more than before training "
            f"({begin:.3g})"
        )
    if off:
        signs.append(off)
    if harmed and not facts.diverged:
        signs.append(_standing(facts))
    changes = _lower(facts)
    yield Finding(
        code="P1",
        severity="error" if harmed else "warning",
        message="The learning rate is too high: steps undo what others learned.",
        where="optimizer.lr",
        evidence=_sentence(signs),
        remedy="Lower the momentum, which multiplies the rate, and the rate itself."
        if "optimizer.momentum" in changes
        else "Lower the learning rate, or warm it up.",
        changes=changes,
        moment="during",
    )


def _held_back(facts: Facts) -> Iterator[Finding]:
    harmed = facts.is_stuck or facts.is_behind
    yield from _dropped_out(facts)
    if not facts.is_shrunk or not (harmed or facts.gained_nothing):
        return
    plan = facts.course.plan
    decay = getattr(plan.optimizer, "weight_decay", 0.0) if plan is not None else 0.0
    # AdamW takes away the rate times the decay: of a usual decay the rate does it.
    by_rate = plan is not None and isinstance(plan.optimizer, AdamW)
    by_rate = by_rate and decay <= MOST_DECAY
    yield Finding(
        code="P7",
        severity="error" if harmed and not by_rate else "warning",
        message="Weight decay is stronger than what the data teaches.",
        where="optimizer.weight_decay",
        evidence=(
            f"The weights never grew, and are {facts.sizes[-1]:.2g} times as large as "
            f"before training; {_standing(facts)}."
        ),
        remedy="Lower the weight decay.",
        changes={"optimizer.weight_decay": min(decay / 20, 0.01)} if decay else {},
        moment="during",
    )


def _dropped_out(facts: Facts) -> Iterator[Finding]:
    """Find noise that still hides much at the end, of a network that is behind."""
    last, chance = facts.last, facts.chance
    if last is None or chance is None or not facts.is_over or facts.diverged:
        return
    ours, theirs = last.train_mode_loss, last.batch_loss
    if ours is None or theirs is None or ours < NOISY * theirs:
        return
    # Early in training noise costs every network much: only the last sample tells.
    if ours - theirs < HIDES * chance or not _is_below(facts, errors=1):
        return
    network = getattr(facts.course.plan, "network", None)
    if network and not any(dropouts(network)):
        return  # Members, which are averaged in eval mode alone, differ so, too.
    dropout = getattr(network, "dropout", 0.0)
    # As the rules before and after training name it: the same place is told once.
    path = "" if network is None else f"network.{network.spec_name()}.dropout"
    yield Finding(
        code="P7",
        severity="error" if _is_below(facts, errors=CLEARLY) else "warning",
        message="Noise in train mode, such as dropout, hides what there is to learn.",
        where=path if dropout else "dropout",
        evidence=(
            f"At step {last.step:,} the loss of one batch was {ours:.3g} in train "
            f"mode, {theirs:.3g} in eval mode; {_standing(facts)}."
        ),
        remedy="Lower the dropout, or use a wider network.",
        changes={path: 0.2} if dropout > 0.2 else {},
        moment="during",
    )


def _switched_off(facts: Facts, quantity: Quantity, what: str) -> str:
    found = None if facts.is_noisy else facts.growth(quantity)
    if found is None or found[1] <= SWITCHED_OFF or found[2] >= BEFORE:
        return ""
    layer, now, before = found
    return (
        f"{percent(now)} of the units of {layer.name} {what}, {percent(before)} before"
    )


def _too_low(facts: Facts) -> Iterator[Finding]:
    if (
        not facts.is_over
        or not facts.begins_well
        or is_faded(facts)
        or facts.diverged
        or facts.is_shrunk
        or facts.is_clipped  # told once training is over, with what to do about it
    ):
        return
    lost = max((f[1] for q in (dead, saturated) if (f := facts.growth(q))), default=0)
    pace, travel = facts.stride
    clearly = _is_below(facts, errors=CLEARLY)
    slow = SLOW_AND_BEHIND if _is_below(facts, errors=1) else SLOW
    if clearly and travel < FAR:
        slow = UNHURRIED
    if pace > slow or pace == -math.inf or lost > BEFORE:
        return
    hardly = travel < FAR and _is_below(facts, errors=0)
    if not hardly and not (clearly and _still_falls(facts)):
        return
    if pace >= STILL and 10**FAST * facts.course.num_steps < FAR:
        yield _too_few(facts, clearly=clearly)
        return
    yield Finding(
        code="P2",
        severity="error" if clearly and pace < STILL else "warning",
        message="The learning rate is too low: the weights have hardly moved."
        if hardly
        else "The learning rate is too low: the loss still falls at the end.",
        where="optimizer.lr",
        evidence=(
            f"The fastest of {len(facts.samples)} sampled steps, at the highest "
            f"rate, changes weights by 10^{pace:.1f} of themselves (healthy: 10^-2 to "
            f"10^-2.6); {_standing(facts)}."
        ),
        remedy="Raise the learning rate, or train for longer.",
        changes=_higher(facts, pace),
        moment="during",
    )


def _too_few(facts: Facts, *, clearly: bool) -> Finding:
    """Return that no healthy rate would have gone far in so few steps."""
    course = facts.course
    changes = course.longer(4 * course.num_epochs)
    return Finding(
        code="P3",
        severity="error" if clearly else "warning",
        message=f"Training ended after {amount(course.num_steps, 'optimizer step')}, "
        "which is too few.",
        where=next(iter(changes), "training.epochs"),
        evidence=f"Weights have hardly moved, and would not have gone far at a healthy "
        f"learning rate; {_standing(facts)}.",
        remedy="Train for more epochs, or with smaller batches.",
        changes=changes,
        moment="during",
    )


def is_faded(facts: Facts) -> bool:
    """Whether gradients fade on their way, so that a slow pace comes from the depth."""
    return facts.depth_ratio is not None and facts.depth_ratio < VANISHED


def _is_below(facts: Facts, errors: float) -> bool:
    """Whether training ended no better than chance, or below a simple rival.

    In loss and, by so many standard errors, in score; where there is no score, the
    loss alone says no more than that of one standard error.
    """
    if facts.is_stuck:
        return True
    if facts.probe is None or facts.end <= BEHIND * facts.probe:
        return False
    below = facts.scores_below(errors)
    return errors <= 1 if below is None else below


def _still_falls(facts: Facts) -> bool:
    """Whether the loss went a share of its way in the last part of training."""
    losses, begin = facts.losses, _begin(facts)
    late = max(round(LATE * len(losses)), 1)
    if begin is None or len(losses) <= late:
        return False
    return losses[-1 - late] - losses[-1] > STEADY * (begin - losses[-1])


def _begin(facts: Facts) -> float | None:
    if facts.initial is None or facts.chance is None:
        return None
    return max(facts.initial, facts.chance)


def _standing(facts: Facts) -> str:
    """Say where training ended, beside rivals."""
    rivals = f"chance {facts.chance:.3g}" if facts.chance is not None else ""
    if facts.probe is not None:
        rivals += f", a simple rival {facts.probe:.3g}"
    return f"the training loss is {facts.end:.3g} ({rivals.strip(', ')})"


def _sentence(signs: list[str]) -> str:
    return sentence("; ".join(signs)) + "."


def _calmer(facts: Facts) -> dict[str, JsonValue]:
    """Return a lower learning rate where that is the cause, and clipping."""
    if facts.course.plan is None:
        return {}
    changes = _lower(facts) if facts.begins_well else {}
    return {**changes, "training.clip_grad_norm": 1.0}


def _lower(facts: Facts) -> dict[str, JsonValue]:
    """Return a rate at which the first step would have had a healthy size, or a fifth.

    That is a third at most.
    """
    plan, first = facts.course.plan, facts.first
    if plan is None:
        return {}
    factor, most = 0.2, 1 / 3
    changes: dict[str, JsonValue] = {}
    if (getattr(plan.optimizer, "momentum", None) or 0.0) > MUCH_MOMENTUM:
        changes, most = {"optimizer.momentum": USUAL_MOMENTUM}, 1.0
    if first is not None and math.isfinite(pace := pace_of(first)):
        target = TARGET_PACE.get(type(plan.optimizer).__name__, OTHERS_PACE)
        planned = plan.optimizer.lr / first.lr if first.lr else 1.0
        factor = min(10 ** (target - pace) / planned, most)
    return changes | (scaled_rate(plan, factor) if factor < 1 else {})


def _higher(facts: Facts, pace: float) -> dict[str, JsonValue]:
    """Return a rate at which the fastest step would have had a healthy size."""
    plan = facts.course.plan
    if plan is None:
        return {}
    return scaled_rate(plan, min(max(10 ** (-2.2 - pace), 3.0), 1e4))
