"""How long a step will be, beside what the learning rate says: P1, P2, P4 and C12.

All is known of the plan and of the gradient of the first batch.
"""

import math
from collections.abc import Iterator
from statistics import median
from typing import Any

import torch
from pydantic import JsonValue
from torch import Tensor, optim

from torchsmith.core.wording import percent
from torchsmith.doctor.remedies import scaled_rate
from torchsmith.doctor.rules_loss import MUCH_MOMENTUM, TARGET_PACE, USUAL_MOMENTUM
from torchsmith.doctor.rules_schedule import planned_rates
from torchsmith.doctor.subject import Subject, trial, without_trace
from torchsmith.inspect.inspection import Finding

TOO_LONG, USUAL_LENGTH = 0.7, 0.1
"""By how much of themselves SGD's steps change weights while a gradient lasts, momentum
counted in: from the first on a warning; what a lower rate is to reach. Healthy: 0.5 at
most, 0.1 in the middle."""

SWINGING = 0.1
"""Share of a swing that momentum may leave at the end of training."""

SHORTENED = 0.2
"""Share of the learning rate that an optimizer's `eps` leaves of its first step."""

SHORT = 1e-3
"""A step of Adam's usual length; where `eps` leaves more, steps are not too short."""

MOST_EPS = 1e-4
"""An `eps` up to which gradients of any usual size rule the step."""

CUT_OFF = 10.0
"""The first gradient's norm so many times the limit at which it is clipped."""

NOISY_BATCH = 8
"""Examples of which a gradient is mostly noise."""

NOISY = 5.0
"""How many times Adam's usual rate for a batch of such a size: 0.001 of 32 examples,
and in proportion to the root of their number (Malladi et al., On the SDEs and scaling
rules for adaptive gradient algorithms, 2022, https://arxiv.org/abs/2205.10287)."""

USUAL_BATCH = 32

STEADY = 0.5
"""Share of its peak above which a rate at the end of training has not fallen."""

_RATES = ("lr", "initial_lr", "max_lr")
"""Of a group of parameters: the rate now, before its schedule, and at its peak."""

_BY_SIZE = (
    optim.Adam,
    optim.AdamW,
    optim.NAdam,
    optim.RAdam,
    optim.RMSprop,
)
"""Those that divide by the root of the mean squared gradient, and add `eps` to it."""


def find_in_step(subject: Subject) -> Iterator[Finding]:
    """Find steps that are too long or too short whatever the rate is.

    Args:
        subject: At step 0; stays as it is.
    """
    optimizer = subject.state.optimizer
    if isinstance(optimizer, _BY_SIZE):
        yield from _ruled_by_eps(subject)
        yield from _noisy(subject)
    elif isinstance(optimizer, optim.SGD):
        yield from _length(subject)


def first_gradients(subject: Subject) -> list[tuple[Tensor, Tensor]]:
    """Return parameters with their gradients of the first batch.

    Args:
        subject: At step 0; stays as it is.

    Returns:
        None of a person's module that cannot be copied, or that breaks.
    """
    try:
        network = trial(subject).network.train()
        with without_trace(subject, "gradients"), torch.enable_grad():
            inputs, targets = subject.first_batch
            loss = subject.job.loss(network(inputs), targets)
            known = [p for p in network.parameters() if p.requires_grad]
            gradients = torch.autograd.grad(loss, known, allow_unused=True)
    except Exception:  # noqa: BLE001 -- a person's module; other probes tell of it
        return []
    return [
        (weight.detach(), grad)
        for weight, grad in zip(known, gradients, strict=True)
        if grad is not None
    ]


def rms(tensors: list[Tensor]) -> float:
    """Return the root mean square of all numbers of some tensors; 0 of none."""
    count = sum(tensor.numel() for tensor in tensors)
    return _norm(tensors) / math.sqrt(count) if count else 0.0


def _norm(tensors: list[Tensor]) -> float:
    return math.sqrt(
        sum(tensor.cpu().double().square().sum().item() for tensor in tensors)
    )


def _length(subject: Subject) -> Iterator[Finding]:
    """Compare SGD's first step with the weights, clipping and momentum counted in."""
    swinging = list(_swinging(subject))
    yield from swinging
    pairs = first_gradients(subject)
    layers = [(w, grad) for w, grad in pairs if w.ndim > 1 and rms([w]) > 0]
    norm = _norm([grad for _, grad in pairs])
    if not layers or not math.isfinite(norm) or norm == 0:
        return
    group = subject.state.optimizer.param_groups[0]
    limit = subject.job.training.clip_grad_norm or math.inf
    step = peak_rate(group) * min(limit / norm, 1.0)
    step *= median(rms([grad]) / rms([weight]) for weight, grad in layers)
    momentum = float(group.get("momentum", 0.0))
    if norm >= CUT_OFF * limit and step < 10 ** TARGET_PACE["SGD"]:
        yield _clipped(subject, norm, limit)
    elif not swinging and momentum < 1 and step >= TOO_LONG * (1 - momentum):
        found = _too_long(subject, step, momentum)
        yield summed(subject, found) if subject.job.loss_is_sum else found


def _swinging(subject: Subject) -> Iterator[Finding]:
    """Find P1: a momentum whose swings outlive training, whatever the learning rate.

    Of a swing of SGD with momentum m, m^(t/2) is left after t steps (heavy ball:
    Polyak, 1964).
    """
    momentum = max(
        float(group.get("momentum", 0.0))
        for group in subject.state.optimizer.param_groups
    )
    num_steps = subject.job.training.epochs * subject.job.steps_per_epoch
    left = momentum ** (num_steps / 2)
    if momentum <= MUCH_MOMENTUM or left <= SWINGING:
        return
    yield Finding(
        code="P1",
        severity="warning",
        message=f"With a momentum of {momentum:g} steps swing until training ends.",
        where="optimizer.momentum" if subject.plan else "optimizer",
        evidence=f"A step goes where the last {1 / (1 - momentum):,.0f} gradients "
        f"pointed, with {1 / (1 - momentum):,.0f} times the learning rate; of a swing "
        f"{percent(left)} is left after all {num_steps:,} steps"
        if momentum < 1
        else "A step never forgets a gradient",
        remedy=f"Set a momentum such as {USUAL_MOMENTUM:g}.",
        changes=in_plan(subject, {"optimizer.momentum": USUAL_MOMENTUM}),
    )


def _clipped(subject: Subject, norm: float, limit: float) -> Finding:
    return Finding(
        code="P2",
        severity="warning",
        message=f"Clipping leaves {percent(limit / norm, 1)} of the first gradient, "
        "and steps are too short.",
        where="training.clip_grad_norm",
        evidence=f"Its norm is {norm:.2g}, the limit {limit:g}: clipping, not the "
        "rate, says how far a step of SGD goes.",
        remedy="Clip at a norm that only rare gradients exceed, or not at all.",
        changes=in_plan(subject, {"training.clip_grad_norm": 0.0}),
    )


def _too_long(subject: Subject, step: float, momentum: float) -> Finding:
    plan, length = subject.plan, step / (1 - momentum)
    evidence = f"The first step changes weights by {percent(step, 1)} of themselves"
    if momentum:
        evidence += (
            f", and with a momentum of {momentum:g} by {1 / (1 - momentum):,.0f} times "
            "as much while the gradient lasts"
        )
    changes: dict[str, JsonValue] = {}
    if plan is not None:
        if momentum > MUCH_MOMENTUM:
            changes = {"optimizer.momentum": USUAL_MOMENTUM}
            length = step / (1 - USUAL_MOMENTUM)
        changes |= scaled_rate(plan, min(USUAL_LENGTH / length, 1.0))
    return Finding(
        code="P1",
        severity="warning",
        message="The learning rate is too high: steps are as long as the weights.",
        where="optimizer.lr",
        evidence=f"{evidence}.",
        remedy="Lower the learning rate, or the momentum, which multiplies it.",
        changes=changes,
    )


def summed(subject: Subject, found: Finding) -> Finding:
    """Return C12: the loss is a sum, where steps have turned out to be too large.

    Args:
        subject: Whose loss is a sum.
        found: What says so of its steps.
    """
    batch, plan = subject.job.training.batch_size, subject.plan
    changes: dict[str, JsonValue] = {}
    if plan is not None:
        changes = {f"loss.{plan.loss.spec_name()}.reduction": "mean"}
    return Finding(
        code="C12",
        severity=found.severity,
        message="The loss is a sum over the batch, and its steps are too large.",
        where="loss",
        evidence=f"Batches of {batch} give gradients {batch} times those of the mean. "
        + found.evidence,
        remedy='Use reduction="mean".',
        changes=changes,
    )


def _ruled_by_eps(subject: Subject) -> Iterator[Finding]:
    group = subject.state.optimizer.param_groups[0]
    eps, rate = float(group.get("eps", 0.0)), peak_rate(group)
    if eps <= MOST_EPS:
        return
    sizes = [grad.abs() for weight, grad in first_gradients(subject) if weight.ndim > 1]
    # Units that are dead, and words that are not there, have no gradient.
    shares = [size[size > 0] / (size[size > 0] + eps) for size in sizes]
    share = rms(shares)
    if not 0 < share < SHORTENED or share * rate >= SHORT:
        return
    usual = 1e-8
    yield Finding(
        code="P2",
        severity="warning",
        message=f"An eps of {eps:g} leaves {percent(share, 1)} of the learning rate.",
        where="optimizer.eps" if subject.plan else "optimizer",
        evidence="Gradients are divided by their own size plus eps. The first has a "
        f"root mean square of {rms(sizes):.1g}, and its step {share * rate:.1g} where "
        f"the rate says {rate:g}.",
        remedy=f"Set an eps such as {usual:g}, which only keeps from dividing by 0.",
        changes=in_plan(subject, {"optimizer.eps": usual}),
    )


def _noisy(subject: Subject) -> Iterator[Finding]:
    """Find steps of few examples at a high rate that never falls, nor is averaged."""
    job, optimizer = subject.job, subject.state.optimizer
    size = min(job.training.batch_size, len(job.train))
    rate = peak_rate(optimizer.param_groups[0])
    usual = SHORT * math.sqrt(size / USUAL_BATCH)
    if size > NOISY_BATCH or rate < NOISY * usual or _is_calmed(subject):
        return
    yield Finding(
        code="P4",
        severity="warning",
        message=f"Steps of {size} examples at a high rate stay mostly noise.",
        where="training.batch_size" if subject.plan else "",
        evidence=f"The learning rate of {rate:g} never falls, and is "
        f"{rate / usual:.0f} times what is usual for so few; the noise of a step goes "
        "with the rate and with 1 / sqrt(examples).",
        remedy="Let the learning rate fall to the end, or take larger batches.",
        changes=in_plan(subject, {"schedule": {"CosineAnnealingLR": {}}}),
    )


def _is_calmed(subject: Subject) -> bool:
    """Whether the rate falls, or weights are averaged, so that noise goes."""
    if subject.plan is not None and subject.plan.averaging is not None:
        return True
    rates = planned_rates(subject)
    if rates:
        return rates[-1] < STEADY * max(rates)
    planned = None if subject.plan is None else subject.plan.schedule
    return (subject.state.schedule or planned) is not None


def peak_rate(group: dict[str, Any]) -> float:
    """Return the highest learning rate that a group of parameters will have."""
    return max(float(group.get(key, 0.0)) for key in _RATES)


def in_plan(subject: Subject, changes: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return changes of a plan; nothing where there is none to change."""
    return changes if subject.plan is not None else {}
