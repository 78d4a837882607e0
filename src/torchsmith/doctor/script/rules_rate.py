"""Learning rates, their schedules, and sums in their place, judged by trying others."""

import ast
import math
from collections.abc import Iterator

from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from torchsmith.core.wording import percent
from torchsmith.doctor.script.facts import Facts, Pair, Schedule, Stepping
from torchsmith.doctor.script.found import found
from torchsmith.doctor.script.places import Place
from torchsmith.doctor.script.reading import Sources, last_name, names_in
from torchsmith.doctor.script.twin import STEPS, first_calls, stepping_of, tried
from torchsmith.inspect.inspection import Finding, Severity

ASLEEP = 0.01
"""Share of the highest rate, below which a rate teaches nothing any more."""

AWAKE = 0.6
"""Share of the steps that a rate should not sleep from."""

FEW = 50
"""Steps before a verdict."""

APART = 5
"""Optimizer steps for each of the schedule's, from which it counts no batches."""

HARM = 0.7
"""Loss of the twin with another rate through that of the script's rate, above which
the rate does no harm."""

LOWER = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""Rates of the twins in rates of the script, where that may be too high; the first that
helps is told."""

HIGHER = (1e2, 1e3, 1e4, 1e5)
"""Rates of the twins, where it may be too low; the first that helps is told."""

STILL = 6e-5
"""Change of the weights in a step through their size, below which they stand still."""

LEARNED = 0.2
"""Share of the first loss that is gone at the end, from which something is learned."""


def find_in_rates(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find C12, P1, P2 and P13.

    Args:
        facts: That were seen.
        sources: Of the script.
    """
    scheduled = list(_scheduled(facts, sources))
    yield from scheduled
    if scheduled:
        return
    for call in first_calls(facts):
        if call.module is not None and facts.begun(call.module) < call.number:
            summed = list(_summed(facts, sources, call.module))
            yield from summed or _rate(facts, call.module)


def _scheduled(facts: Facts, sources: Sources) -> Iterator[Finding]:
    for schedule in facts.schedules:
        owner = schedule.scheduler.optimizer
        steppings = [s for s in facts.steppings if s.optimizer is owner]
        if not steppings or not schedule.at_steps or len(steppings[0].rates) < FEW:
            continue
        stepping = steppings[0]
        yield from (
            _asleep(facts, schedule, stepping)
            or _turning(facts, schedule, stepping)
            or _hardly_stepped(facts, schedule, stepping, sources)
        )


def _is_by_batch(schedule: Schedule, stepping: Stepping) -> bool:
    return len(schedule.at_steps) >= 0.8 * len(stepping.rates)


def _asleep(facts: Facts, schedule: Schedule, stepping: Stepping) -> list[Finding]:
    rates, kind = stepping.rates, type(schedule.scheduler).__name__
    peak = max(rates)
    awake = [step for step, rate in enumerate(rates) if rate >= ASLEEP * peak]
    last = awake[-1] + 1
    if peak <= 0 or last >= AWAKE * len(rates):
        return []
    by_batch = _is_by_batch(schedule, stepping)
    told = (
        "The learning rate is almost 0 long before the end.",
        f"{kind} took {len(schedule.at_steps)} steps in {len(rates)} of the "
        f"optimizer: the rate fell from {peak:.3g} to {rates[-1]:.3g}, and was below "
        f"{percent(ASLEEP)} of its peak from step {last + 1} on.",
        "Call scheduler.step() once for each epoch, after the loop over the batches, "
        "or give it numbers that count batches."
        if by_batch
        else "Give the schedule numbers that last until the training ends.",
    )
    place = schedule.step_place if by_batch else schedule.place
    return [found(facts, "P13", "error" if by_batch else "warning", place, told)]


def _turning(facts: Facts, schedule: Schedule, stepping: Stepping) -> list[Finding]:
    """A cosine that was meant for epochs goes up and down with the batches."""
    scheduler = schedule.scheduler
    if not isinstance(scheduler, CosineAnnealingLR):
        return []
    turns = len(schedule.at_steps) / scheduler.T_max
    if turns < 4 or not _is_by_batch(schedule, stepping):
        return []
    told = (
        "The learning rate goes up and down: the schedule is over after "
        f"{scheduler.T_max} steps.",
        f"CosineAnnealingLR has T_max={scheduler.T_max} and took "
        f"{len(schedule.at_steps)} steps, one for each batch; after T_max the rate "
        "rises again.",
        "Call scheduler.step() once for each epoch, or let T_max be epochs * "
        "len(loader).",
    )
    return [found(facts, "P13", "warning", schedule.step_place, told)]


def _hardly_stepped(
    facts: Facts, schedule: Schedule, stepping: Stepping, sources: Sources
) -> list[Finding]:
    """A schedule that is made for batches, but told of epochs."""
    scheduler = schedule.scheduler
    total = getattr(scheduler, "total_steps", getattr(scheduler, "T_max", None))
    taken, steps = len(schedule.at_steps), len(stepping.rates)
    between = schedule.at_steps[0] if taken else steps
    if not isinstance(total, int) or steps < APART * taken or between < APART:
        return []
    if total < 2 * taken or not _counts_batches(sources, schedule.place):
        return []
    kind = type(scheduler).__name__
    told = (
        "The schedule counts batches, but is stepped once for each epoch.",
        f"{kind} is made for {total} steps and took {taken} in {steps} steps of the "
        f"optimizer: the rate was {min(stepping.rates):.3g} to "
        f"{max(stepping.rates):.3g}.",
        "Call scheduler.step() after each optimizer.step(), within the loop over the "
        "batches.",
    )
    severity: Severity = "error" if kind == "OneCycleLR" else "warning"
    return [found(facts, "P13", severity, schedule.step_place, told)]


def _counts_batches(sources: Sources, place: Place | None) -> bool:
    reading = sources.at(place)
    statement = (
        None if reading is None or place is None else reading.statement(place.line)
    )
    if statement is None:
        return False
    for call in ast.walk(statement):
        if not isinstance(call, ast.Call) or not last_name(call).endswith("LR"):
            continue
        if any(k.arg == "steps_per_epoch" for k in call.keywords):
            return True
        given = [*call.args[1:], *(k.value for k in call.keywords)]
        names = {name.lower() for value in given for name in names_in(value)}
        if "len" in names or any("steps" in n or "batches" in n for n in names):
            return True
    return False


def _pairs(facts: Facts, module: nn.Module) -> list[Pair]:
    """Return the losses of a network's training whose only part it is."""
    chosen = []
    for pair in facts.training_pairs:
        calls = [facts.call(number) for number in pair.answers.calls]
        if len(calls) == 1 and calls[0].module is module and pair.value is not None:
            chosen.append(pair)
    return [pair for pair in chosen if pair.place == chosen[0].place]


def _summed(facts: Facts, sources: Sources, module: nn.Module) -> Iterator[Finding]:
    """A sum of which the gradient is taken, where the mean learns better."""
    pairs = [pair for pair in _pairs(facts, module) if pair.reduction == "sum"]
    if not pairs or not _is_whole_loss(facts, pairs[0]):
        return
    number = max(pairs[0].shapes[1][0] if pairs[0].shapes[1] else 1, 1)
    summed, mean = tried(facts, module), tried(facts, module, reduction="mean")
    if mean is None or number < 2 or not math.isfinite(mean):
        return
    if not _is_less(mean, summed):
        return
    told = (
        "The loss is a sum over the batch: the steps are too large.",
        f"With reduction='sum' the gradient is that of {math.prod(pairs[0].shapes[1])} "
        f"numbers together. After {STEPS} steps on the same batches the loss of each "
        f"is {_number(summed)}; with reduction='mean', {mean:.4g}.",
        "Leave out reduction='sum', or divide the learning rate by the batch size.",
    )
    place = _sum_place(sources) or pairs[0].place
    yield found(facts, "C12", "error", place, told)


def _is_whole_loss(facts: Facts, pair: Pair) -> bool:
    """Whether a gradient was taken of this number, not of a part or share of it."""
    if pair.value is None:
        return False
    size = max(abs(pair.value), 1e-12)
    return any(abs(loss.value - pair.value) < 1e-4 * size for loss in facts.losses[:50])


def _sum_place(sources: Sources) -> Place | None:
    for reading in sources:
        for node in ast.walk(reading.tree):
            if isinstance(node, ast.Call) and any(
                k.arg == "reduction"
                and isinstance(k.value, ast.Constant)
                and k.value.value == "sum"
                for k in node.keywords
            ):
                return reading.place(node)
    return None


def _rate(facts: Facts, module: nn.Module) -> Iterator[Finding]:
    pairs, stepping = _pairs(facts, module), stepping_of(facts, module)
    values = [pair.value for pair in pairs if pair.value is not None]
    if stepping is None or len(values) < FEW or not stepping.rates:
        return
    late = values[len(values) // 2 :]
    level = sum(late) / len(late)
    if not level <= values[0]:
        yield from _too_high(facts, module, stepping, values[0], level)
    elif facts.ended == "ended" and level > (1 - LEARNED) * values[0]:
        yield from _too_low(facts, module, stepping, values[0], level)


def _too_high(
    facts: Facts, module: nn.Module, stepping: Stepping, first: float, level: float
) -> Iterator[Finding]:
    here, rate = tried(facts, module), max(stepping.rates)
    for factor in LOWER:
        lower = tried(facts, module, factor=factor)
        if lower is None:
            return
        if _is_less(lower, here) and _is_less(lower, first):
            break
    else:
        return
    told = (
        "The learning rate is too high: the loss does not fall below where it began.",
        f"It was {first:.4g} at first, and is {_number(level)} in the mean of the "
        f"second half. After {STEPS} steps on the same batches it is {_number(here)} "
        f"with the rate {rate:g}; with {factor * rate:g}, {lower:.4g}.",
        f"Try {factor * rate:g}, and from there upwards.",
    )
    yield found(facts, "P1", "error", stepping.place, told)


def _too_low(
    facts: Facts, module: nn.Module, stepping: Stepping, first: float, level: float
) -> Iterator[Finding]:
    moved = _moved(facts, module)
    rate = max(stepping.rates)
    if moved is None or moved > STILL or id(module) in facts.loaded or rate <= 0:
        return
    here = tried(facts, module)
    for factor in () if here is None else HIGHER:
        higher = tried(facts, module, factor=factor)
        if higher is not None and _is_less(higher, here):
            break
    else:
        return
    told = (
        "The learning rate is too low: the network hardly changes.",
        f"A step changes the weights by {moved:.1g} of their size, and the loss went "
        f"from {first:.4g} to {level:.4g}. After {STEPS} steps on the same batches it "
        f"is {here:.4g} with the rate {rate:g}; with {factor * rate:g}, {higher:.4g}.",
        f"Try {factor * rate:g}.",
    )
    yield found(facts, "P2", "warning", stepping.place, told)


def _is_less(low: float, high: float | None) -> bool:
    """Whether a loss is below another by so much that it is no accident."""
    if not math.isfinite(low):
        return False
    return high is None or not math.isfinite(high) or low < HARM * high


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "no finite number"
    return f"{value:.4g}"


def _moved(facts: Facts, module: nn.Module) -> float | None:
    """Return how far weights went in a step, through their size; of the fastest."""
    begun = facts.initial.get(id(module))
    stepping = stepping_of(facts, module)
    if begun is None or stepping is None:
        return None
    far = [
        float((now - then).detach().norm() / then.detach().norm())
        for now, then in zip(module.parameters(), begun.parameters(), strict=True)
        if now.requires_grad and now.dim() > 1 and float(then.detach().norm()) > 0
    ]
    return max(far) / max(len(stepping.rates), 1) if far else None
