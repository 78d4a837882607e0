"""Before training: data, plan, and a few probing steps on a copy."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

from torchsmith.core.observer import Observer
from torchsmith.doctor.diagnosis import UNKNOWN, Reference
from torchsmith.doctor.probes import find_by_probing
from torchsmith.doctor.probes.dataset import find_in_datasets
from torchsmith.doctor.reference import measure_reference
from torchsmith.doctor.rules_data import find_in_data
from torchsmith.doctor.rules_plan import find_in_plan
from torchsmith.doctor.subject import (
    Allowance,
    Subject,
    found_by,
    trial,
    tried,
    without_trace,
)
from torchsmith.inspect.inspection import Finding
from torchsmith.plan.settled import settled
from torchsmith.train.processor import kept_memory

THOROUGH = 10.0
"""Seconds that all probes may take together."""

QUICK = 0.3
"""Seconds, before a run that is short itself; cheap probes may take two more."""

SHARE = 0.05
"""Of the time that training will take, between these two."""

ENOUGH = 0.2
"""Seconds of one step after which it is not timed again."""


@dataclass
class Examination:
    """What was found before training.

    Attributes:
        findings: In the order of finding.
        reference: With what others compare.
        left_out: What was not looked at, and why.
        seconds: That it took.
    """

    findings: list[Finding] = field(default_factory=list)
    reference: Reference = UNKNOWN
    left_out: list[str] = field(default_factory=list)
    seconds: float = 0.0


@kept_memory()
def examine(
    subject: Subject, seconds: float | None = None, observer: Observer | None = None
) -> Examination:
    """Look at a training that has not begun; it is bit for bit as before afterwards.

    Args:
        subject: At step 0.
        seconds: That all probes may take together; where not given, a share of what
            training will take. Cheap probes may take two more.
        observer: Is told what is going on.
    """
    begin, made = perf_counter(), Examination()
    left_out = made.left_out
    if observer is not None:
        observer.stage("Examining")
    # First of all: what reading an item changes is changed when it is read again.
    with tried("the data sets", left_out):
        made.findings += find_in_datasets(subject, Allowance(QUICK), left_out)
    with tried("the pace of training", left_out):
        seconds = fitting_seconds(subject) if seconds is None else seconds
    allowance = Allowance(QUICK if seconds is None else seconds)
    made.findings += _inspected(subject)
    with tried("the plan", left_out):
        made.findings += find_in_plan(subject)
    with tried("simple rivals", left_out):
        made.reference = measure_reference(subject, allowance, left_out)
    for what, look in (("the data", find_in_data), ("probing steps", find_by_probing)):
        probe = partial(look, subject, made.reference, allowance, left_out)
        made.findings += found_by(what, probe, allowance, left_out)
    made.seconds = perf_counter() - begin
    return made


def _inspected(subject: Subject) -> Iterator[Finding]:
    case = subject.case
    if case is not None:
        yield from settled(case.inspection.findings, case.plan.split)


def fitting_seconds(subject: Subject) -> float:
    """Return how long an examination may take before this training, in seconds."""
    job, state = subject.job, trial(subject)
    inputs, targets = subject.first_batch
    network = state.network.train()
    each = []
    with without_trace(subject, "pace"):
        for _ in range(3):
            begin = perf_counter()
            job.loss(network(inputs), targets).backward()
            each.append(perf_counter() - begin)
            if each[-1] > ENOUGH:
                break
    num_steps = job.training.epochs * job.steps_per_epoch
    return min(max(SHARE * min(each) * num_steps, QUICK), THOROUGH)
