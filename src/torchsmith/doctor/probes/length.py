"""Whether there are steps enough to learn anything, known before the first: P4, P3."""

import math
from collections.abc import Iterator

from torchsmith.core.wording import amount
from torchsmith.doctor.diagnosis import Reference
from torchsmith.doctor.facts import BEHIND
from torchsmith.doctor.probes.steps import (
    HALF,
    LEAST_STEPS,
    MOST_STEPS,
    NO_BETTER,
    NOISE,
    Trace,
)
from torchsmith.doctor.rules_plan import FEW_STEPS, few_steps
from torchsmith.doctor.subject import Subject
from torchsmith.inspect.inspection import Finding, Severity


def find_in_length(
    subject: Subject, trace: Trace | None, reference: Reference
) -> Iterator[Finding]:
    """Find P4 and P3: a training that ends before it has begun.

    Smaller batches give more steps for nothing: where a batch is a large share of the
    examples, the number of steps is enough to tell. More epochs cost time: there the
    trial tells, which of so few steps is the whole training.

    Args:
        subject: At step 0; stays as it is.
        trace: Of the first steps; None where they were not tried.
        reference: With what to compare.
    """
    num_steps = subject.job.training.epochs * subject.job.steps_per_epoch
    chance, begun = reference.chance_loss, reference.initial_loss
    if chance is None or begun is None or begun < HALF * chance:
        return  # it knows something already
    if num_steps >= MOST_STEPS:
        return
    found = few_steps(subject, "warning")
    if found is not None:
        yield found
    elif num_steps < LEAST_STEPS:
        shown = f"no network learns in {num_steps} steps what it does not know"
        yield _too_short(subject, "warning", shown)
    elif trace is not None and trace.num == num_steps:
        yield from _behind(subject, trace, reference, chance)


def _behind(
    subject: Subject, trace: Trace, reference: Reference, chance: float
) -> Iterator[Finding]:
    """Compare the end of the trial with what a simple rival reaches."""
    rival = reference.probe_loss
    if rival is None or trace.late <= BEHIND * rival + NOISE * trace.error:
        return
    yield _too_short(
        subject,
        "error" if trace.late > NO_BETTER * chance else "warning",
        f"tried on a copy, the loss is {trace.late:.3g} at the end, that of a simple "
        f"rival {rival:.3g}, and of the best constant answer {chance:.3g}",
    )


def _too_short(subject: Subject, severity: Severity, shown: str) -> Finding:
    job = subject.job
    steps = job.training.epochs * job.steps_per_epoch
    epochs = max(2 * job.training.epochs, math.ceil(FEW_STEPS / job.steps_per_epoch))
    return Finding(
        code="P3",
        severity=severity,
        message=f"Training is to end after {amount(steps, 'optimizer step')}, which is "
        "too few.",
        where="training.epochs",
        evidence=f"{job.steps_per_epoch} in each epoch, of {job.training.batch_size} "
        f"examples; {shown}",
        remedy="Train for more epochs.",
        changes={} if subject.plan is None else {"training.epochs": epochs},
    )
