"""The live view of a terminal."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from torchsmith.core.wording import clock, duration, four_digits, sentence, sparkline
from torchsmith.train.history import EpochRecord
from torchsmith.train.watch import Progress, TrainingObserver

MAX_EPOCH_ROWS = 10
MAX_CURVE = 40
QUICK = 0.05
"""Stages that took less seconds are not worth a line."""


class LiveView(TrainingObserver):
    """Stages with a spinner, then epochs with a bar, a table and a curve.

    Use it as a context manager: it gives the terminal back whatever happens.

    Args:
        console: A terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spinner = Spinner("dots")
        self._title = ""
        self._begun = 0.0
        self._total: int | None = None
        self._done = 0
        self._left: float | None = None
        self._training = False
        self._progress: Progress | None = None
        self._records: list[EpochRecord] = []
        self._num_epochs = 0
        self._trained_since = 0.0
        self._live = Live(
            console=console,
            get_renderable=self._render,
            refresh_per_second=4,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._finish_stage()
        elif self._training:
            self._console.print(self._epochs())
        self._title = ""
        self._training = False
        self._live.stop()

    def stage(self, title: str, total: int | None = None) -> None:
        """Tick off the stage before, and show this one."""
        self._finish_stage()
        self._title, self._total, self._done, self._left = title, total, 0, None
        self._begun = time.monotonic()

    def advance(self, done: int, seconds_left: float | None = None) -> None:
        """Show how far the stage is."""
        self._done, self._left = done, seconds_left

    def note(self, text: str) -> None:
        """Print the line above what is live."""
        self._console.print(Text.assemble(("! ", "yellow"), text))

    def line(self, text: str) -> None:
        """Print the line above what is live."""
        self._console.print(Text(text))

    def on_start(
        self, num_epochs: int, num_examples: int, num_parameters: int, device: str
    ) -> None:
        """Show training instead of a stage."""
        self._finish_stage()
        self._num_epochs = num_epochs
        self._training = True
        self._trained_since = time.monotonic()
        self._console.print(
            Text(
                f"▸ Training {num_parameters:,} parameters on {num_examples:,} "
                f"examples, {device}"
            )
        )

    def on_progress(self, progress: Progress) -> None:
        """Show where training is."""
        self._progress = progress

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Add a row."""
        self._records.append(record)

    def on_end(self, reason: str) -> None:
        """Leave the last epochs and the reason on the screen."""
        self._training = False
        self._console.print(self._epochs())
        self._tick(
            sentence(reason),
            duration(time.monotonic() - self._trained_since),
        )

    def _finish_stage(self) -> None:
        taken = time.monotonic() - self._begun
        if self._title and taken >= QUICK:
            self._tick(self._title, duration(taken))
        self._title = ""

    def _tick(self, text: str, aside: str) -> None:
        self._console.print(Text.assemble(("✓ ", "green"), text, (f"  {aside}", "dim")))

    def _render(self) -> RenderableType:
        if self._training:
            return Group(self._epochs(), self._bar(), self._now())
        if not self._title:
            return Text("")
        return self._stage_line()

    def _stage_line(self) -> RenderableType:
        line = Table.grid(padding=(0, 1))
        cells: list[RenderableType] = [self._spinner, Text(self._title)]
        if self._total:
            cells.append(ProgressBar(total=self._total, completed=self._done, width=24))
            cells.append(Text(f"{self._done:,} of {self._total:,}"))
        elif self._done:
            cells.append(Text(f"{self._done:,}"))
        cells.append(Text(duration(time.monotonic() - self._begun), style="dim"))
        if self._left is not None:
            cells.append(Text(f"{clock(self._left)} left"))
        line.add_row(*cells)
        return line

    def _bar(self) -> RenderableType:
        progress = self._progress
        if progress is None:
            return self._spinner
        line = Table.grid(padding=(0, 1), expand=True)
        line.add_column(no_wrap=True)
        line.add_column(ratio=1)
        line.add_column(no_wrap=True)
        line.add_row(
            Text(f"epoch {progress.epoch}/{progress.num_epochs}", style="bold"),
            ProgressBar(total=max(1, progress.num_steps), completed=progress.step),
            Text(f"{clock(progress.seconds)}, {clock(progress.seconds_left)} left"),
        )
        return line

    def _now(self) -> RenderableType:
        progress = self._progress
        if progress is None:
            return Text("")
        text = Text.assemble(
            ("loss ", "dim"),
            four_digits(progress.loss),
            ("   lr ", "dim"),
            f"{progress.lr:.2e}",
            ("   examples/s ", "dim"),
            f"{progress.examples_per_second:,.0f}",
        )
        records = self._records[-MAX_CURVE:]
        losses = [r.val_loss for r in records if r.val_loss is not None]
        if len(losses) > 1:
            room = self._console.width - len(text) - len("   val_loss ")
            text.append("   val_loss ", "dim")
            text.append(sparkline(losses, max(0, min(MAX_CURVE, room))), "cyan")
        text.no_wrap = True
        text.overflow = "crop"
        return text

    def _epochs(self) -> RenderableType:
        if not self._records:
            return Text("")
        rows = min(MAX_EPOCH_ROWS, max(1, self._console.height - 6))
        shown = self._records[-rows:]
        metric = next(iter(shown[-1].metrics), None)
        names = ("epoch", "loss", "val_loss", metric, "lr", "examples/s", "time")
        titles = [name for name in names if name is not None]
        lines = [titles, *(_cells(record, metric) for record in shown)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        # One text is laid out much faster than a table, and takes less from training.
        text = Text(no_wrap=True, overflow="crop")
        for line, record in zip(lines, [None, *shown], strict=True):
            best = record is not None and record.best
            row = "  ".join(map(str.rjust, line, widths))
            style = "green" if best else ("dim" if record is None else "")
            text.append(row + ("  best\n" if best else "\n"), style)
        text.right_crop(1)
        return text


def _cells(record: EpochRecord, metric: str | None) -> list[str]:
    cells = [
        str(record.epoch),
        four_digits(record.train_loss),
        four_digits(record.val_loss),
        f"{record.lr:.2e}",
        f"{record.examples_per_second:,.0f}",
        duration(record.seconds),
    ]
    if metric is not None:
        cells.insert(3, four_digits(record.metrics.get(metric)))
    return cells
