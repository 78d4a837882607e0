"""Progress as plain lines, for logs, pipes, scripts and notebooks."""

import time
from collections.abc import Callable

from torchsmith.core.errors import PlanError
from torchsmith.core.wording import clock, duration, four_digits, sentence
from torchsmith.train.history import EpochRecord
from torchsmith.train.watch import Progress, TrainingObserver

SECONDS_BETWEEN_LINES = 10.0

Watching = TrainingObserver | Callable[[str], object] | None
"""Who is told how training goes: an observer, a function such as `print`, or nobody."""


class Lines(TrainingObserver):
    """One line a stage and an epoch; within long ones, a line every ten seconds.

    Args:
        say: Is given each line, such as `print`.
        now: A clock in seconds.
    """

    def __init__(
        self, say: Callable[[str], object], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._print = say
        self._now = now
        self._last_line = now()
        self._title = ""
        self._total: int | None = None
        self._num_epochs = 0

    def stage(self, title: str, total: int | None = None) -> None:
        """Print the stage's title."""
        self._title, self._total = title, total
        self._say(title)

    def advance(self, done: int, seconds_left: float | None = None) -> None:
        """Print how far the stage is, now and then."""
        if self._due():
            of = f" of {self._total:,}" if self._total else ""
            left = "" if seconds_left is None else f", {clock(seconds_left)} left"
            self._say(f"{self._title}: {done:,}{of}{left}")

    def note(self, text: str) -> None:
        """Print the line."""
        self._say(f"note: {text}")

    def finding(self, text: str) -> None:
        """Print the line: it says itself whether it is an error or a warning."""
        self._say(text)

    def line(self, text: str) -> None:
        """Print the line as it is."""
        self._say(text)

    def on_start(
        self, num_epochs: int, num_examples: int, num_parameters: int, device: str
    ) -> None:
        """Print what is trained."""
        self._num_epochs = num_epochs
        self._say(
            f"Training {num_parameters:,} parameters on {num_examples:,} examples, "
            f"at most {num_epochs} {'epoch' if num_epochs == 1 else 'epochs'}, {device}"
        )

    def on_progress(self, progress: Progress) -> None:
        """Print a line within a long epoch, now and then."""
        if self._due():
            self._say(
                f"epoch {progress.epoch}/{progress.num_epochs}  "
                f"step {progress.step:,}/{progress.num_steps:,}  "
                f"loss {four_digits(progress.loss)}  lr {progress.lr:.2e}  "
                f"{progress.examples_per_second:,.0f} examples/s  "
                f"{clock(progress.seconds_left)} left"
            )

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Print the epoch's line."""
        parts = [
            f"epoch {record.epoch}/{self._num_epochs}",
            f"loss {four_digits(record.train_loss)}",
        ]
        if record.val_loss is not None:
            parts.append(f"val_loss {four_digits(record.val_loss)}")
        parts += [
            f"{name} {four_digits(value)}" for name, value in record.metrics.items()
        ]
        parts += [
            f"lr {record.lr:.2e}",
            f"{record.examples_per_second:,.0f} examples/s",
            duration(record.seconds),
        ]
        self._say("  ".join(parts) + ("  best" if record.best else ""))

    def on_end(self, reason: str) -> None:
        """Print why training ended."""
        self._say(sentence(reason))

    def _due(self) -> bool:
        return self._now() - self._last_line >= SECONDS_BETWEEN_LINES

    def _say(self, text: str) -> None:
        self._last_line = self._now()
        self._print(text)


def watching(observer: Watching) -> TrainingObserver:
    """Return what is told how training goes; a function is given lines of text.

    Raises:
        PlanError: It is neither an observer nor a function.
    """
    if observer is None:
        return TrainingObserver()
    if isinstance(observer, TrainingObserver):
        return observer
    if not callable(observer) or isinstance(observer, type):
        raise PlanError(
            f"observer: {observer!r} cannot be told anything; give a function that "
            "takes a line of text, such as print"
        )
    return Lines(observer)
