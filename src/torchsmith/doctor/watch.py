"""The doctor's eye on a run: samples signals, and says when to stop."""

from pathlib import Path

from torchsmith.doctor.diagnosis import Reference
from torchsmith.doctor.signals import Signals
from torchsmith.doctor.subject import Subject
from torchsmith.inspect.inspection import Finding
from torchsmith.train.watch import TrainingObserver


class Watch(TrainingObserver):
    """Samples signals of a training, off the hot path; changes nothing of it.

    Args:
        subject: Whose state is trained.
        reference: With what findings compare.
        ignore: Codes for which it never stops the run.
        path: Of `signals.jsonl`; lines after the state that training goes on from are
            cut. None keeps the samples in memory.

    Attributes:
        signals: Sampled so far, earlier sessions included.
        findings: That were told while training went on.
        seconds: That all of it took.
    """

    def __init__(
        self,
        subject: Subject,
        reference: Reference,
        ignore: tuple[str, ...] = (),
        path: Path | None = None,
    ) -> None:
        self._subject = subject
        self._reference = reference
        self._ignore = ignore
        self._path = path
        self.signals: list[Signals] = []
        self.findings: list[Finding] = []
        self.seconds = 0.0
