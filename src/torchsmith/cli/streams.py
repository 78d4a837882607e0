"""Standard error that ends nothing."""

import io
import sys
from typing import Any


class _Unheard(io.FileIO):
    """A file whose reader may leave, and whose disk may be full."""

    def write(self, content: Any, /) -> Any:  # noqa: ANN401
        """Write what can be written; the rest is lost."""
        try:
            return super().write(content)
        except OSError:
            return memoryview(content).nbytes


def let_nobody_listen() -> None:
    """Keep what is told of the work from ending it, as where `head` reads a pipe.

    A training of hours goes on when its terminal is closed, and when the disk of its
    log is full.
    """
    told = sys.stderr
    if not isinstance(told, io.TextIOWrapper):
        return
    raw = _Unheard(told.fileno(), "w", closefd=False)
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(raw), told.encoding, told.errors, line_buffering=True
    )
