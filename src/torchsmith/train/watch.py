"""Who is told how training goes."""

from dataclasses import dataclass

from torchsmith.core.observer import Observer
from torchsmith.train.history import EpochRecord


@dataclass(frozen=True)
class Progress:
    """Where training is.

    Attributes:
        epoch: 1 is the first.
        num_epochs: As planned.
        step: Optimizer steps done since the start.
        num_steps: As planned.
        loss: Mean per example since the epoch began.
        lr: Of the last step.
        examples_per_second: Since the epoch began.
        seconds: Since training began, earlier sessions of a resumed run included.
        seconds_left: An estimate for all planned epochs.
    """

    epoch: int
    num_epochs: int
    step: int
    num_steps: int
    loss: float
    lr: float
    examples_per_second: float
    seconds: float
    seconds_left: float


class TrainingObserver(Observer):
    """Is told how training goes, and does nothing; views override what they show."""

    def on_start(
        self, num_epochs: int, num_examples: int, num_parameters: int, device: str
    ) -> None:
        """Training begins, or goes on."""

    def on_progress(self, progress: Progress) -> None:
        """Called at most ten times a second, off the hot path."""

    def reason_to_stop(self, record: EpochRecord) -> str:
        """Say why training shall end after this epoch; an empty text lets it go on.

        Asked after each epoch that is not the last anyway, before `on_epoch_end`. What
        it says must follow from the training alone, so that a resumed run ends alike.
        """
        del record
        return ""

    def on_epoch_end(self, record: EpochRecord) -> None:
        """An epoch and its validation are done."""

    def write_out(self) -> None:
        """Write what is held back: before each checkpoint, and when training ends."""

    def on_end(self, reason: str) -> None:
        """Training is done; `reason` is a sentence such as "stopped early: …"."""
