"""The part of a script that fills the weights at the start."""

from torchsmith.eject.subject import Subject


def init_lines(subject: Subject) -> list[str]:
    """Return the statements that fill initial weights, as the plan's `init` says."""
    del subject
    return []
