"""What the course of the loss shows: T1, P1, P2, P7, D15."""

import math
from collections.abc import Iterator

from pydantic import JsonValue

from torchsmith.doctor.facts import STUCK, Facts, dead, pace_of, saturated
from torchsmith.doctor.remedies import scaled_rate
from torchsmith.inspect.inspection import Finding

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

FAR = 1.0
"""By how much of themselves weights can have changed in all steps, at that pace."""

VANISHED = -2.5
"""Logarithm of the first layer's gradient/weight over the last's: below it a slow pace
comes from the depth, not from the learning rate. Healthy networks are above -2.4."""

NO_SIGNAL = 3.0
"""Standard errors above chance that a rival must be for inputs to say something."""

LITTLE = 0.02
"""Share of what a constant answer leaves open; less is nothing learned."""

TARGET_PACE = {"SGD": -2.7}
"""Update/weight of the first step at a healthy learning rate, by optimizer."""

OTHERS_PACE = -1.5
"""The same of Adam and its kind, whose first step changes each weight by the rate."""


def find_in_losses(facts: Facts) -> Iterator[Finding]:
    """Find T1, P1, P2, P7 and D15.

    Args:
        facts: Of a course, so far or whole.
    """
    yield from _diverges(facts)
    yield from _too_high(facts)
    yield from _held_back(facts)
    yield from _too_low(facts)
    yield from _no_signal(facts)


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
    vanished = facts.depth_ratio is not None and facts.depth_ratio < VANISHED
    if not facts.begins_well or begin is None or facts.is_shrunk or vanished:
        return
    blown = facts.diverged or max(facts.losses, default=0.0) > RISEN * begin
    off = "" if facts.is_noisy else _switched_off(facts)
    harmed = facts.is_stuck or facts.is_behind
    if not (blown or off) or not (harmed or (off and facts.gained_nothing)):
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
    yield Finding(
        code="P1",
        severity="error" if harmed else "warning",
        message="The learning rate is too high: steps undo what others learned.",
        where="optimizer.lr",
        evidence=_sentence(signs),
        remedy="Lower the learning rate, or warm it up.",
        changes=_lower(facts),
        moment="during",
    )


def _held_back(facts: Facts) -> Iterator[Finding]:
    harmed = facts.is_stuck or facts.is_behind
    if facts.is_noisy and harmed and facts.is_over:
        yield _dropped_out(facts)
    if not facts.is_shrunk or not (harmed or facts.gained_nothing):
        return
    plan = facts.course.plan
    decay = getattr(plan.optimizer, "weight_decay", 0.0) if plan is not None else 0.0
    yield Finding(
        code="P7",
        severity="error" if harmed else "warning",
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


def _dropped_out(facts: Facts) -> Finding:
    known = [s for s in facts.samples if s.batch_loss and s.train_mode_loss]
    worst = max(known, key=lambda s: (s.train_mode_loss or 0) / (s.batch_loss or 1))
    network = getattr(facts.course.plan, "network", None)
    dropout = getattr(network, "dropout", 0.0)
    # As the rules before and after training name it: the same place is told once.
    path = "" if network is None else f"network.{network.spec_name()}.dropout"
    return Finding(
        code="P7",
        severity="error",
        message="Noise in train mode, such as dropout, hides what there is to learn.",
        where=path if dropout else "dropout",
        evidence=(
            f"At step {worst.step:,} the loss of one batch was "
            f"{worst.train_mode_loss:.3g} in train mode, {worst.batch_loss:.3g} in "
            f"eval mode; {_standing(facts)}."
        ),
        remedy="Lower the dropout, or use a wider network.",
        changes={path: 0.2} if dropout > 0.2 else {},
        moment="during",
    )


def _switched_off(facts: Facts) -> str:
    for quantity, what in ((dead, "are dead"), (saturated, "are saturated")):
        found = facts.growth(quantity)
        if found is not None and found[1] > SWITCHED_OFF and found[2] < BEFORE:
            layer, now, before = found
            return f"{now:.0%} of the units of {layer.name} {what}, {before:.0%} before"
    return ""


def _too_low(facts: Facts) -> Iterator[Finding]:
    vanished = facts.depth_ratio is not None and facts.depth_ratio < VANISHED
    if (
        not facts.is_over
        or not facts.begins_well
        or vanished
        or facts.diverged
        or facts.is_shrunk
    ):
        return
    lost = max((f[1] for q in (dead, saturated) if (f := facts.growth(q))), default=0)
    behind = facts.is_behind or facts.is_stuck
    slow = SLOW_AND_BEHIND if behind else SLOW
    if facts.pace > slow or facts.pace == -math.inf or lost > BEFORE:
        return
    if not behind and not (facts.gained_nothing and facts.travel < FAR):
        return
    yield Finding(
        code="P2",
        severity="error" if behind and facts.pace < STILL else "warning",
        message="The learning rate is too low: the weights have hardly moved.",
        where="optimizer.lr",
        evidence=(
            f"The fastest of {len(facts.samples)} sampled steps changes weights by "
            f"10^{facts.pace:.1f} of themselves (healthy: 10^-2 to 10^-2.6); "
            f"{_standing(facts)}."
        ),
        remedy="Raise the learning rate, or train for longer.",
        changes=_higher(facts),
        moment="during",
    )


def _no_signal(facts: Facts) -> Iterator[Finding]:
    reference, chance = facts.reference, facts.chance
    rival, constant = reference.probe_score, reference.chance_score
    if rival is None or constant is None or chance is None or not facts.is_far:
        return
    error = reference.probe_error or 0.0
    losses = [r.val_loss for r in facts.course.history if r.val_loss is not None]
    if rival > constant + NO_SIGNAL * error or not losses or facts.pace < SLOW:
        return
    best = facts.best_score
    learned = best is None or best > constant + LITTLE * (1 - constant)
    if facts.losses[0] < STUCK * chance or (learned and min(losses) < STUCK * chance):
        return
    yield Finding(
        code="D15",
        severity="error",
        message="Inputs say nothing about the target: nothing that is learned holds.",
        where="the pairing of inputs and targets",
        evidence=(
            f"A simple rival scores {rival:.3f} ± {error:.3f}, a constant answer "
            f"{constant:.3f}; the network's validation loss was {min(losses):.3g} at "
            f"best, a constant answer's is {chance:.3g}."
        ),
        remedy="Check that each input stands beside its own target.",
        moment="during",
    )


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
    text = "; ".join(signs)
    return f"{text[:1].upper()}{text[1:]}."


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
    factor = 0.2
    if first is not None and math.isfinite(pace := pace_of(first)):
        target = TARGET_PACE.get(type(plan.optimizer).__name__, OTHERS_PACE)
        planned = plan.optimizer.lr / first.lr if first.lr else 1.0
        factor = min(10 ** (target - pace) / planned, 1 / 3)
    return scaled_rate(plan, factor)


def _higher(facts: Facts) -> dict[str, JsonValue]:
    """Return a rate at which the fastest step would have had a healthy size."""
    plan = facts.course.plan
    if plan is None:
        return {}
    return scaled_rate(plan, min(max(10 ** (-2.2 - facts.pace), 3.0), 1e4))
