"""What is written while training goes on: `metrics.jsonl` and TensorBoard events."""

import struct
from collections.abc import Sequence
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

from torchsmith.core.files import append, append_line, write_atomic, write_failed
from torchsmith.train.history import EpochRecord
from torchsmith.train.watch import TrainingObserver

if TYPE_CHECKING:
    from tensorboardX.proto.event_pb2 import Event


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


class TensorBoardEvents(TrainingObserver):
    """Scalars for TensorBoard: `tensorboard --logdir runs`.

    They are written at once and by this process, so that a full disk is told like any
    other; the writers that libraries offer do so in threads of their own.

    Args:
        folder: Where the event files go, one for each session.
        first_epoch: The first epoch that will be written; events from it on, of a
            session that was interrupted, are hidden by TensorBoard.
    """

    def __init__(self, folder: Path, first_epoch: int) -> None:
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise write_failed(folder, error) from error
        self._path = folder / f"events.out.tfevents.{time():.6f}"
        begin = SessionLog(status=SessionLog.START)
        self._write(Event(wall_time=time(), file_version="brain.Event:2"))
        self._write(Event(wall_time=time(), step=first_epoch, session_log=begin))

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Write the epoch's scalars."""
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import scalar

        scalars = {"loss/train": record.train_loss, "learning_rate": record.lr}
        if record.val_loss is not None:
            scalars["loss/val"] = record.val_loss
        if record.grad_norm is not None:
            scalars["gradient_norm"] = record.grad_norm
        scalars["examples_per_second"] = record.examples_per_second
        scalars |= {f"{name}/val": value for name, value in record.metrics.items()}
        events = [
            Event(wall_time=time(), step=record.epoch, summary=scalar(name, value))
            for name, value in scalars.items()
        ]
        self._write(*events)

    def _write(self, *events: "Event") -> None:
        append(self._path, b"".join(_framed(e.SerializeToString()) for e in events))


def _framed(content: bytes) -> bytes:
    """Return a record of an event file: length, content, and a checksum of each."""
    from tensorboardX.record_writer import masked_crc32c

    length = struct.pack("<Q", len(content))
    sums = [struct.pack("<I", masked_crc32c(part)) for part in (length, content)]
    return length + sums[0] + content + sums[1]
