"""What chooses the best epoch of a script."""

from torchsmith.eject.subject import Subject


def monitored_metric(subject: Subject) -> str:
    """Return the metric that chooses the best epoch, or an empty string for a loss."""
    stopping = subject.plan.stopping
    name = stopping.monitor.removeprefix("val_")
    needed = stopping.restore_best or has_patience(subject)
    return "" if stopping.monitor.endswith("_loss") or not needed else name


def has_patience(subject: Subject) -> bool:
    """Whether training may stop before its last epoch."""
    return 0 < subject.plan.stopping.patience < subject.plan.training.epochs
