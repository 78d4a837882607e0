"""What chooses the best epoch of a script."""

from torchsmith.core.vocabulary import CALIBRATED
from torchsmith.eject.subject import Subject


def monitored_metric(subject: Subject) -> str:
    """Return the metric that chooses the best epoch, or an empty string for a loss."""
    stopping = subject.plan.stopping
    name = stopping.monitor.removeprefix("val_")
    needed = stopping.restore_best or has_patience(subject)
    return "" if name in ("loss", "train_loss") or not needed else name


def monitors_calibrated(subject: Subject) -> bool:
    """Whether that is the log loss that is left after a temperature."""
    return bool(monitored_metric(subject)) and (
        subject.plan.stopping.monitor == CALIBRATED
    )


def has_patience(subject: Subject) -> bool:
    """Whether training may stop before its last epoch."""
    return 0 < subject.plan.stopping.patience < subject.plan.training.epochs
