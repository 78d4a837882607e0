"""The part of a script that reads pictures."""

from torchsmith.eject.code import Section
from torchsmith.eject.sources import Located
from torchsmith.eject.subject import Subject


def read_pictures_section(subject: Subject, located: Located) -> Section:
    """Write how pictures are read."""
    raise NotImplementedError(subject.name, located)
