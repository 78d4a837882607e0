"""What is known after each epoch, one line of `metrics.jsonl` each."""

from collections.abc import Sequence

from torchsmith.core.record import Record
from torchsmith.plan.plan import Plan


class EpochRecord(Record):
    """One finished epoch.

    Attributes:
        epoch: 1 is the first.
        step: Optimizer steps done since the start.
        train_loss: Mean per example over the epoch, as it went.
        val_loss: Mean per example after the epoch; None without a val part.
        metrics: On the val part, by name, such as `{"accuracy": 0.98}`.
        lr: Learning rate of the epoch's last step.
        seconds: That the epoch took, validation included.
        examples_per_second: Of training, validation not included.
        grad_norm: Of the epoch's last step, before clipping; None when not measured.
        best: Whether the monitored value was the best so far.
    """

    epoch: int
    step: int
    train_loss: float
    val_loss: float | None = None
    metrics: dict[str, float] = {}
    lr: float
    seconds: float
    examples_per_second: float
    grad_norm: float | None = None
    best: bool = False


def restored_epoch(
    plan: Plan | None, history: Sequence[EpochRecord]
) -> EpochRecord | None:
    """Return the epoch whose weights were given back when training ended.

    Args:
        plan: None for `fit`, which gives back the best.
        history: What is known after each epoch.

    Returns:
        None where the last weights were kept: by the plan, or since no epoch was best.
    """
    if plan is not None and not plan.stopping.restore_best:
        return None
    return next((record for record in reversed(history) if record.best), None)
