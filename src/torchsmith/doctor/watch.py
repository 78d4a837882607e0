"""The doctor's eye on a run: samples signals, and says when to stop."""

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from torchsmith.core.files import write_atomic
from torchsmith.doctor.course import Course, find_in_course, pointless
from torchsmith.doctor.diagnosis import UNKNOWN, Reference
from torchsmith.doctor.sampling import Sampler, reason_against
from torchsmith.doctor.signals import Signals, lines_of, read_signals
from torchsmith.doctor.subject import Subject
from torchsmith.inspect.inspection import Finding
from torchsmith.train.history import EpochRecord
from torchsmith.train.recorders import Log
from torchsmith.train.watch import TrainingObserver

FEWEST_STEPS = 50
"""Before so many steps there is little to see that was not there at first."""


class Watch(TrainingObserver):
    """Samples signals of a training, off the hot path; changes nothing of it.

    Samples are taken before training, after epochs 1, 2, 4, 8, … once 50 steps are
    done, and after the last, so they follow from the training alone, and so does what
    they make it say.

    It is made before anything else hooks into the network: it copies it.

    Args:
        subject: Whose state is trained.
        reference: With what findings compare.
        ignore: Codes for which it never stops the run, and that it does not tell.
        path: Of `signals.jsonl`; lines after the state that training goes on from are
            cut. None keeps the samples in memory.
        tell: Is given each error that shows while training goes on, once.

    Attributes:
        signals: Sampled so far, earlier sessions included.
        findings: That were told while training went on.
        left_out: Why there are no samples, or no more of them.
        seconds: That all of it took.
    """

    def __init__(
        self,
        subject: Subject,
        reference: Reference = UNKNOWN,
        ignore: tuple[str, ...] = (),
        path: Path | None = None,
        tell: Callable[[Finding], None] = lambda finding: None,  # noqa: ARG005
    ) -> None:
        begin = perf_counter()
        self._subject = subject
        self._reference = reference
        self._ignore = ignore
        self._tell = tell
        self._log: Log[Signals] | None = None
        self._sampler: Sampler | None = None
        self.signals: list[Signals] = []
        self.findings: list[Finding] = []
        self.left_out: list[str] = []
        if path is not None:
            self.signals = read_signals(path, subject.state.step)
            write_atomic(path, lines_of(self.signals))
            self._log = Log(path, _lines)
        if subject.state.step == 0:
            self.sample()
        self.seconds = perf_counter() - begin

    @property
    def course(self) -> Course:
        """Training as it went so far, or to its end."""
        subject, job = self._subject, self._subject.job
        return Course(
            num_epochs=job.training.epochs,
            history=subject.state.history,
            signals=self.signals,
            reference=self._reference,
            plan=subject.plan,
            ending=subject.state.ending,
            num_val=0 if job.val is None else len(job.val),
        )

    def reason_to_stop(self, record: EpochRecord) -> str:
        """Say why going on is pointless; empty where it is not."""
        self._look(record)
        found = pointless(self.course)
        if found is None or found.code in self._ignore:
            return ""
        return f"stopped by the doctor ({found.code}): {found.message}"

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Take a sample where it is time, or training is done."""
        self._look(record)

    def write_out(self) -> None:
        """Write the samples that are held back.

        It is also told so when training ends in an error. Where that is a loss that is
        no finite number, a last sample shows which modules are lost.
        """
        state = self._subject.state
        is_lost = not bool(state.loss_sum.isfinite()) and not state.ending
        if is_lost and not (self.signals and self.signals[-1].step == state.step):
            self.sample()
        if self._log is not None:
            self._log.write_out()

    def on_end(self, reason: str) -> None:
        """Make the samples outlive a power cut."""
        del reason
        if self._log is not None:
            self._log.end()

    def _look(self, record: EpochRecord) -> None:
        begin = perf_counter()
        known = bool(self.signals) and self.signals[-1].epoch >= record.epoch
        is_last = bool(self._subject.state.ending)
        steps = self._subject.job.steps_per_epoch
        is_last = is_last or record.epoch >= self._subject.job.training.epochs
        if not known and (is_last or is_sampled(record.epoch, steps)):
            self.sample()
            self._tell_errors()
        self.seconds += perf_counter() - begin

    def sample(self) -> None:
        """Take a sample now; what cannot be probed once is left out from now on."""
        if self.left_out:
            return
        reason = reason_against(self._subject)
        if reason:
            if self._subject.state.step:
                self.left_out.append(f"samples while training went on: {reason}")
            return
        try:
            if self._sampler is None:
                self._sampler = Sampler(self._subject)
            sample = self._sampler.take()
        except Exception as error:  # noqa: BLE001 -- a person's own code may raise any
            reason = str(error).partition("\n")[0] or type(error).__name__
            self.left_out.append(f"samples while training went on: {reason}")
            self._sampler = None
            return
        self.signals.append(sample)
        if self._log is not None:
            self._log.add(sample)

    def _tell_errors(self) -> None:
        told = {finding.code for finding in self.findings} | set(self._ignore)
        for finding in find_in_course(self.course):
            if finding.severity == "error" and finding.code not in told:
                told.add(finding.code)
                self.findings.append(finding)
                self._tell(finding)


def is_sampled(epoch: int, steps: int) -> bool:
    """Whether a sample is taken after an epoch that is not the last.

    Args:
        epoch: Finished epochs.
        steps: Optimizer steps in each.

    >>> [epoch for epoch in range(20) if is_sampled(epoch, steps=30)]
    [2, 4, 8, 16]
    """
    return epoch & (epoch - 1) == 0 and epoch * steps >= FEWEST_STEPS


def _lines(samples: Sequence[Signals]) -> bytes:
    return lines_of(samples).encode()
