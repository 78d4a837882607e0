"""A training as it went, and what its course shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torchsmith.doctor.diagnosis import UNKNOWN, Reference
from torchsmith.doctor.signals import Signals
from torchsmith.inspect.inspection import Finding
from torchsmith.plan.plan import Plan
from torchsmith.train.history import EpochRecord


@dataclass(frozen=True)
class Course:
    """A training as it went, so far or to its end.

    Attributes:
        num_epochs: As planned.
        steps_per_epoch: Optimizer steps.
        history: One record for each finished epoch.
        signals: Sampled on the way.
        reference: With what to compare.
        plan: None for `fit`.
        stopped: Why training ended; empty while it goes on.
    """

    num_epochs: int
    steps_per_epoch: int
    history: Sequence[EpochRecord]
    signals: Sequence[Signals] = ()
    reference: Reference = UNKNOWN
    plan: Plan | None = None
    stopped: str = ""


def find_in_course(course: Course) -> Iterator[Finding]:
    """Find what went wrong during training: T1 to T5, P1, P2.

    Args:
        course: So far, or whole.
    """
    del course
    yield from ()


def pointless(course: Course) -> Finding | None:
    """Return what makes it pointless to train on, if anything does.

    Args:
        course: So far; the last sample is of its last epoch.
    """
    del course
    return None
