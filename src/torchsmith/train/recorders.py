"""What is written while training goes on: `metrics.jsonl` and TensorBoard events."""

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


class TensorBoardEvents(TrainingObserver):
    """Scalars for TensorBoard: `torchsmith` and `tensorboard --logdir runs`.

    Args:
        folder: Where the event files go.
        first_epoch: The first epoch that will be written; events from it on, of a
            session that was interrupted, are hidden by TensorBoard.
    """

    def __init__(self, folder: Path, first_epoch: int) -> None:
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=first_epoch)

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Write the epoch's scalars."""
        scalars = {"loss/train": record.train_loss, "learning_rate": record.lr}
        if record.val_loss is not None:
            scalars["loss/val"] = record.val_loss
        if record.grad_norm is not None:
            scalars["gradient_norm"] = record.grad_norm
        scalars["examples_per_second"] = record.examples_per_second
        scalars |= {f"{name}/val": value for name, value in record.metrics.items()}
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, record.epoch)
        self._writer.flush()

    def on_end(self, reason: str) -> None:
        """Close the event file."""
        del reason
        self._writer.close()
