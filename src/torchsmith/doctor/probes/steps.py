"""The first steps of training, tried on a copy: does the learning rate fit?"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import mean, median, pstdev
from time import thread_time
from typing import Any

import torch
from pydantic import JsonValue
from torch import nn

from torchsmith.core.wording import percent
from torchsmith.doctor.diagnosis import Reference
from torchsmith.doctor.remedies import scaled_rate
from torchsmith.doctor.rules_schedule import planned_rates
from torchsmith.doctor.rules_step import summed
from torchsmith.doctor.subject import Allowance, Subject, trial, without_trace
from torchsmith.inspect.inspection import Finding
from torchsmith.train.batches import epoch_order
from torchsmith.train.gradients import clear_gradients, clip_gradients
from torchsmith.train.loop import autocast, backward
from torchsmith.train.state import TrainState

MOST_STEPS = 100
"""Steps that are tried."""

LEAST_STEPS = 20
"""Fewer say nothing of a learning rate."""

FREE_SECONDS = 0.4
"""What a trial may take in any case."""

WARM = 3.0
"""The first step of all takes so many times as long as later ones, or less."""

LOWER, MOST_TRIED = 10.0, 4
"""By which a learning rate is divided, or multiplied, again and again."""

HALF = 0.5
"""Share of the chance loss below which the first steps go well enough."""

NO_BETTER = 0.95
"""Share of the chance loss above which nothing is learned (an error)."""

BETTER, LOST = 0.9, 0.3
"""Shares of the chance loss: that a lower rate stays below, and of what it gains
that the rate itself does not."""

SLOW, STILL = -3.2, -4.2
"""Logarithms to base 10 of update/weight, median over layers: below them a step hardly
changes anything (a warning, an error)."""

FAR = 0.3
"""By how much of themselves weights can change in all steps, at the pace of the trial;
below that, training ends before it has begun."""

LITTLE, MUCH = 0.2, 3.0
"""Share of the way to what simple models reach that a higher rate goes in the trial,
and how many times as far as the rate itself."""

NOISE = 2.0
"""Standard errors by which losses differ that are not the same."""


@dataclass
class Trace:
    """How a trial went.

    Attributes:
        num: Steps that were to be done; fewer were where the loss became no number.
        losses: Of each step's batch, before the step.
        ratios: By parameter with two dimensions or more: update over weight, of the
            last step that was measured, as it is at the schedule's highest rate.
        seconds: Of the fastest step.
    """

    num: int
    losses: list[float] = field(default_factory=list)
    seconds: float = math.inf
    ratios: dict[str, float] = field(default_factory=dict)

    @property
    def is_finite(self) -> bool:
        """Whether all losses are numbers."""
        return all(map(math.isfinite, self.losses))

    @property
    def late(self) -> float:
        """Mean loss of the last quarter; infinite where one is no number."""
        return mean(self._last) if self.is_finite else math.inf

    @property
    def error(self) -> float:
        """Standard error of that mean."""
        return pstdev(self._last) / len(self._last) ** 0.5 if self.is_finite else 0.0

    @property
    def pace(self) -> float:
        """Logarithm to base 10 of update/weight, median over layers."""
        known = [r for r in self.ratios.values() if r > 0 and math.isfinite(r)]
        return math.log10(median(known)) if known else -math.inf

    @property
    def _last(self) -> list[float]:
        return self.losses[-max(len(self.losses) // 4, 1) :]


def try_steps(
    subject: Subject, allowance: Allowance, left_out: list[str]
) -> Trace | None:
    """Train a copy for some steps; None where there is no time for them.

    Args:
        subject: At step 0; stays as it is.
        allowance: How long all trials may take.
        left_out: Is told what was not tried, and why.
    """
    job = subject.job
    num = min(MOST_STEPS, job.training.epochs * job.steps_per_epoch)
    if num < LEAST_STEPS:
        left_out.append(f"the learning rate: {num} steps in all are too few to try")
        return None
    seconds = max(allowance.left / 3, FREE_SECONDS)
    each = steps_of(subject, 1).seconds
    if each * LEAST_STEPS < WARM * seconds:
        each = steps_of(subject, 3).seconds
    num = min(num, int(seconds / max(each, 1e-6)))
    if num < LEAST_STEPS:
        left_out.append(
            f"the learning rate: {LEAST_STEPS} steps of {each:.2g} s take too long"
        )
        return None
    return steps_of(subject, num)


Others = Callable[[float], Iterator[float]]
"""From a factor to its powers, by which a learning rate is multiplied."""


def others_within(allowance: Allowance, left_out: list[str]) -> Others:
    """Return what gives other learning rates to try, while there is time.

    Args:
        allowance: How long all probes may take.
        left_out: Is told when it was over.
    """

    def powers(factor: float) -> Iterator[float]:
        for power in range(1, MOST_TRIED + 1):
            if allowance.is_overdrawn:
                left_out.append("other learning rates: no time was left")
                return
            yield factor**power

    return powers


def find_in_steps(
    subject: Subject, trace: Trace, reference: Reference, others: Others
) -> Iterator[Finding]:
    """Find P1 and P2: what the first steps would do.

    Args:
        subject: At step 0; stays as it is.
        trace: Of the first steps.
        reference: With what to compare.
        others: Gives other learning rates to try.
    """
    high = list(_too_high(subject, trace, reference, others))
    if high and subject.job.loss_is_sum:
        yield summed(subject, high[0])
    yield from high
    if not high:
        yield from _too_low(subject, trace, reference, others)


def steps_of(
    subject: Subject,
    num: int,
    factor: float = 1.0,
    change: Callable[[nn.Module], None] | None = None,
) -> Trace:
    """Train a copy for some steps, as training itself would begin.

    Args:
        subject: At step 0; stays as it is.
        num: Optimizer steps.
        factor: By which the learning rates are multiplied; 0 trains nothing.
        change: Is applied to the copy before.
    """
    state, made = trial(subject), Trace(num)
    state.network.train()
    if change is not None:
        change(state.network)
    pace = _factors(subject, num)
    top = max(pace)
    with without_trace(subject, "steps"):
        for step, batches in enumerate(_batches(subject, num)):
            before = _weights(state) if step >= num - 5 else {}
            begin = thread_time()
            made.losses.append(_step(subject, state, batches, factor * pace[step]))
            made.seconds = min(made.seconds, thread_time() - begin)
            for name, weight in before.items() if pace[step] else ():
                now = state.network.get_parameter(name)
                size = (now - weight).float().norm().item() * top / pace[step]
                made.ratios[name] = size / max(weight.norm().item(), 1e-12)
            if not math.isfinite(made.losses[-1]):
                break
    return made


def _weights(state: TrainState) -> dict[str, torch.Tensor]:
    return {
        name: parameter.detach().clone()
        for name, parameter in state.network.named_parameters()
        if parameter.ndim > 1 and parameter.requires_grad
    }


def _batches(subject: Subject, num: int) -> Iterator[tuple[torch.Tensor, ...]]:
    """Give the rows of the first steps of training, epoch after epoch."""
    job, epoch = subject.job, 0
    while num > 0:
        order = epoch_order(len(job.train), job.training.seed, epoch)
        steps = job.steps(order, num)
        yield from steps
        num -= len(steps)
        epoch += 1


def _factors(subject: Subject, num: int) -> list[float]:
    """Return the rates of a trial, over that of the optimizer without its schedule.

    A rate that rises for longer than half of the trial rises in half of it.
    """
    rates = planned_rates(subject)
    if not rates:
        return [1.0] * num
    top = rates.index(max(rates))
    half = num // 2
    if top > half:
        rates = [rates[step * top // half] for step in range(half)] + rates[top:]
    rates = rates[:num] + [rates[-1]] * (num - len(rates))
    own = _own_rate(subject.state.optimizer.param_groups[0])
    return [rate / own for rate in rates] if own else [1.0] * num


def _own_rate(group: dict[str, Any]) -> float:
    return float(group.get("initial_lr", group["lr"]))


def _step(
    subject: Subject,
    state: TrainState,
    batches: tuple[torch.Tensor, ...],
    factor: float,
) -> float:
    """Do one optimizer step as the loop does, and return the loss before it."""
    job, optimizer = subject.job, state.optimizer
    clear_gradients(state)
    num, total = sum(map(len, batches)), 0.0
    for rows in batches:
        inputs, targets = job.train.take(rows)
        with autocast(job), torch.set_grad_enabled(factor > 0):
            loss = job.loss(state.network(job.augment(inputs)), targets)
        share = 1.0 if job.loss_is_sum else len(rows) / num
        if factor:
            backward(loss * share)
        total += loss.item() / (num if job.loss_is_sum else 1) * share
    if not factor:
        return total
    clip_gradients(job.training, state, is_last=False)
    rates = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] = _own_rate(group) * factor
    optimizer.step()
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    return total


def _too_high(
    subject: Subject, trace: Trace, reference: Reference, others: Others
) -> Iterator[Finding]:
    """Compare the loss with chance, and with what lower rates reach by then."""
    num = trace.num
    if not math.isfinite(trace.losses[0]):
        return
    known = reference.chance_loss
    if known and trace.late < HALF * known:
        return
    untrained = steps_of(subject, num, 0.0).late
    chance = known or untrained
    if trace.late < HALF * chance:
        return
    for factor in others(1 / LOWER):
        lower = steps_of(subject, num, factor)
        lost = min(trace.late, 2 * chance) - lower.late
        noise = NOISE * min(math.hypot(trace.error, lower.error), LOST * chance)
        if lower.late < BETTER * chance and lost > LOST * (chance - lower.late) + noise:
            break
        if trace.late <= untrained:
            return  # a rate that is too high by far makes it worse than it was
    else:
        return
    certain = trace.late > NO_BETTER * chance
    after = f"after {num} steps"
    shown = f"is {trace.late:.3g} {after}" if trace.is_finite else "is soon no number"
    yield Finding(
        code="P1",
        severity="error" if certain else "warning",
        message="The learning rate is too high for the first steps.",
        where="optimizer.lr",
        evidence=(
            f"Tried on a copy, the loss {shown}; with 1/{1 / factor:g} of the learning "
            f"rate it is {lower.late:.3g}, untrained {untrained:.3g}, and the best "
            f"constant answer costs {chance:.3g}."
        ),
        remedy="Lower the learning rate, warm it up, or clip gradients.",
        changes=_rate(subject, factor),
    )


def _too_low(
    subject: Subject, trace: Trace, reference: Reference, others: Others
) -> Iterator[Finding]:
    """Compare the pace of weights with the length of training, and a higher rate's."""
    num = trace.num
    rates, pace = planned_rates(subject), trace.pace
    mean_rate = mean(rates) / max(rates) if rates else 1.0
    num_steps = subject.job.training.epochs * subject.job.steps_per_epoch
    travel = 10**pace * mean_rate * num_steps
    if not pace < SLOW or travel > FAR:
        return
    untrained = steps_of(subject, num, 0.0).late
    if reference.chance_loss and untrained < HALF * reference.chance_loss:
        return  # it has learned already, and may be meant to change little
    way = untrained - min(reference.probe_loss or 0.0, untrained / 2)
    to_come = (untrained - trace.late) * num_steps / num * mean_rate
    if to_come > way:
        return
    for factor in others(LOWER):
        higher = steps_of(subject, num, factor)
        if untrained - higher.late > LITTLE * way:
            break
    else:
        return
    if untrained - higher.late < MUCH * max(untrained - trace.late, 0.0):
        return
    yield Finding(
        code="P2",
        severity="error" if pace < STILL else "warning",
        message="The learning rate is too low for so few steps.",
        where="optimizer.lr",
        evidence=(
            f"A step changes weights by 10^{pace:.1f} of themselves (healthy: 10^-3), "
            f"all {num_steps:,} together by {percent(travel, 1)} at most. Tried on a "
            f"copy, in {num} steps the loss goes from {untrained:.3g} to "
            f"{trace.late:.3g}, with {factor:g} times the learning rate to "
            f"{higher.late:.3g}."
        ),
        remedy="Raise the learning rate.",
        changes=_rate(subject, factor),
    )


def _rate(subject: Subject, factor: float) -> dict[str, JsonValue]:
    return {} if subject.plan is None else scaled_rate(subject.plan, factor)
