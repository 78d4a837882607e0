"""A training as it went, and what its course shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from torchsmith.core.vocabulary import Ending
from torchsmith.doctor.diagnosis import UNKNOWN, Reference
from torchsmith.doctor.facts import STUCK, Facts
from torchsmith.doctor.rules_layers import find_in_layers, lost_units
from torchsmith.doctor.rules_loss import find_in_losses
from torchsmith.doctor.rules_unlearned import find_no_signal
from torchsmith.doctor.signals import Signals
from torchsmith.inspect.inspection import Finding
from torchsmith.plan.plan import Plan
from torchsmith.train.history import EpochRecord


@dataclass(frozen=True)
class Course:
    """A training as it went, so far or to its end.

    Attributes:
        num_epochs: As planned.
        history: One record for each epoch; the guard may have cut the last one off.
        signals: Sampled on the way.
        reference: With what to compare.
        plan: None for `fit`.
        ending: What ended training; empty while it goes on.
        num_val: Examples of the val part; 0 where that is not known.
    """

    num_epochs: int
    history: Sequence[EpochRecord]
    signals: Sequence[Signals] = ()
    reference: Reference = UNKNOWN
    plan: Plan | None = None
    ending: Ending = ""
    num_val: int = 0

    @property
    def num_steps(self) -> int:
        """Optimizer steps that were done."""
        return self.history[-1].step if self.history else 0

    def longer(self, num_epochs: int) -> dict[str, JsonValue]:
        """Return settings that train for longer: a later guard where that ended it.

        Args:
            num_epochs: Where something else ended it.
        """
        if self.plan is None:
            return {}
        if self.ending == "seconds":
            return {"training.seconds": 4 * self.plan.training.seconds}
        return {"training.epochs": num_epochs}


def find_in_course(course: Course) -> Iterator[Finding]:
    """Find what went wrong during training: T1 to T5, P1 to P3, C6, C9, D15.

    While training goes on, only what later epochs will not mend is found.

    Args:
        course: So far, or whole.
    """
    facts = Facts(course)
    yield from find_in_losses(facts)
    yield from find_no_signal(facts)
    yield from find_in_layers(facts)


def pointless(course: Course) -> Finding | None:
    """Return what makes it pointless to train on, if anything does.

    That is a network of which no weight gets a gradient any more, after a whole epoch
    that was no better than chance. It follows from the newest epoch and sample alone.

    Args:
        course: So far; the last sample is of its last epoch.
    """
    if len(course.history) < 2 or not course.signals:
        return None
    sample, chance = course.signals[-1], course.reference.chance_loss
    if sample.epoch != course.history[-1].epoch or chance is None or sample.spread:
        return None
    slopes = [layer.grad_rms for layer in sample.layers if layer.grad_rms is not None]
    if any(slopes) or not slopes or course.history[-1].train_loss < STUCK * chance:
        return None
    return lost_units(Facts(course))
