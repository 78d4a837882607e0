"""Which line of a person's script something happens at."""

import sys
from functools import cache
from pathlib import Path
from types import FrameType
from typing import NamedTuple

_FOREIGN = ("site-packages", "dist-packages", "/lib/python", "\\lib\\")
_WATCH = Path(__file__).parent
_TORCHSMITH = _WATCH.parents[1]
_OF_SCRIPTS = (_WATCH, _TORCHSMITH / "nn")
"""Of torchsmith, what serves the script: the watch itself, and layers that it calls."""


class Place(NamedTuple):
    """A line.

    Attributes:
        file: Absolute.
        line: Counted from 1.
    """

    file: str
    line: int


class Places:
    """Knows which files are the person's own.

    Args:
        script: Absolute.

    Attributes:
        imported: Files of the person that the script imports, in their order.
    """

    def __init__(self, script: Path) -> None:
        self.script = script
        self.imported: list[str] = []
        self.folder = script.parent
        self._own = {str(script): True}

    def owns(self, file: str) -> bool:
        """Whether a file is the script or one beside or below it."""
        known = self._own.get(file)
        if known is None:
            path = Path(file)
            known = (
                path.is_absolute()
                and path.is_relative_to(self.folder)
                and not any(part in file for part in _FOREIGN)
            )
            self._own[file] = known
        return known

    def here(self) -> Place | None:
        """Return the line of the person's files that runs now; None where none does."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if self.owns(frame.f_code.co_filename):
                return Place(frame.f_code.co_filename, frame.f_lineno)
            frame = frame.f_back
        return None

    def path(self) -> tuple[Place, ...]:
        """Return the lines of the person's files that run now, the innermost first."""
        frame: FrameType | None = sys._getframe(1)
        found: list[Place] = []
        while frame is not None and len(found) < 10:
            if self.owns(frame.f_code.co_filename):
                found.append(Place(frame.f_code.co_filename, frame.f_lineno))
            frame = frame.f_back
        return tuple(found)

    def within_torchsmith(self) -> bool:
        """Whether torchsmith computes now, as in `ts.fit`: no step of the script's."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if _is_torchsmith(frame.f_code.co_filename):
                return True
            frame = frame.f_back
        return False

    def told(self, place: Place | None) -> str:
        """Return a line as a person reads it, such as `train.py:12`."""
        if place is None:
            return self.script.name
        path = Path(place.file)
        return f"{path.relative_to(self.folder).as_posix()}:{place.line}"


@cache
def _is_torchsmith(file: str) -> bool:
    path = Path(file)
    served = any(path.is_relative_to(folder) for folder in _OF_SCRIPTS)
    return path.is_relative_to(_TORCHSMITH) and not served
