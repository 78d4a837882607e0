"""What is written while training goes on: `metrics.jsonl`."""

from collections.abc import Sequence
from pathlib import Path

from torchsmith.core.files import append_line, write_atomic
from torchsmith.train.history import EpochRecord
from torchsmith.train.watch import TrainingObserver


class MetricsFile(TrainingObserver):
    """One JSON line for each epoch.

    Args:
        path: The file; lines after the state that training goes on from are cut.
        history: The epochs that are done already.
    """

    def __init__(self, path: Path, history: Sequence[EpochRecord]) -> None:
        self._path = path
        write_atomic(path, "".join(f"{r.model_dump_json()}\n" for r in history))

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Append a line."""
        append_line(self._path, record.model_dump_json())
