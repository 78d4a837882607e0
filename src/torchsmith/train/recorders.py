"""What is written while training goes on: `metrics.jsonl`.

An epoch of a small network takes milliseconds. So what is known after it is held back
for a moment, and put into words and written together with that of others. Nothing is
held back across a checkpoint: what a killed process loses, the resumed one computes
again.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Generic, TypeVar

from torchsmith.core.files import append, sync_file, write_atomic, write_failed
from torchsmith.train.history import EpochRecord
from torchsmith.train.watch import TrainingObserver

SECONDS_BETWEEN_WRITES = 0.25

Item = TypeVar("Item")


class Log(Generic[Item]):
    """A file that is added to a few times a second at most.

    Args:
        path: The file; made where it is missing.
        encode: From items to how they stand in the file.
    """

    def __init__(self, path: Path, encode: Callable[[Sequence[Item]], bytes]) -> None:
        self._path = path
        self._encode = encode
        self._held: list[Item] = []
        self._next_write = 0.0

    def add(self, item: Item) -> None:
        """Add an item to the end, now or with one of the next.

        Raises:
            TrainError: The disk is full, read-only, or failed; says the free bytes.
        """
        self._held.append(item)
        if perf_counter() >= self._next_write:
            self.write_out()

    def write_out(self) -> None:
        """Write what is held back.

        Raises:
            TrainError: The disk is full, read-only, or failed; says the free bytes.
        """
        held, self._held = self._held, []
        if held:
            append(self._path, self._encode(held))
            self._next_write = perf_counter() + SECONDS_BETWEEN_WRITES

    def end(self) -> None:
        """Write what is held back, and make all of it outlive a power cut.

        Raises:
            TrainError: The disk is full, read-only, or failed; says the free bytes.
        """
        self.write_out()
        try:
            if self._path.exists():
                sync_file(self._path)
        except OSError as error:
            raise write_failed(self._path, error) from error


class MetricsFile(TrainingObserver):
    """One JSON line for each epoch.

    Args:
        path: The file; lines after the state that training goes on from are cut.
        history: The epochs that are done already.
    """

    def __init__(self, path: Path, history: Sequence[EpochRecord]) -> None:
        write_atomic(path, _lines(history))
        self._log = Log(path, _lines)

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Add a line."""
        self._log.add(record)

    def write_out(self) -> None:
        """Write the lines that are held back."""
        self._log.write_out()

    def on_end(self, reason: str) -> None:
        """Make the lines outlive a power cut: the run will be said to be done."""
        del reason
        self._log.end()


def _lines(records: Sequence[EpochRecord]) -> bytes:
    return "".join(f"{record.model_dump_json()}\n" for record in records).encode()
