"""Values that are not finite in a person's data, told where they do harm."""

from math import isfinite

from torchsmith.train.batches import Batches
from torchsmith.train.finite import find_not_finite
from torchsmith.train.history import EpochRecord
from torchsmith.train.loop import Job
from torchsmith.train.watch import TrainingObserver


def harm_told(part: Batches | None, name: str, epoch: int) -> str:
    """Say which examples of a part are not finite, and what to do; empty without."""
    found = [] if part is None else find_not_finite(part, epoch)
    return found[0].told(name) if found else ""


class ValLossWatch(TrainingObserver):
    """Looks through the val part where its loss is not finite for the first time.

    Args:
        job: What is trained on.
        observer: Is told which examples make it so.
    """

    def __init__(self, job: Job, observer: TrainingObserver) -> None:
        self._job = job
        self._observer = observer
        self._looked = False

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Look, where the loss is not finite."""
        if self._looked or record.val_loss is None or isfinite(record.val_loss):
            return
        self._looked = True
        if told := harm_told(self._job.val, "val", record.epoch - 1):
            self._observer.note(f"val_loss is not finite: {told}")
