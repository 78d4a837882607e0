"""Standard output and standard error, whoever reads them, or nobody."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from torchsmith.cli.stand_ins import with_stand_ins

STANDARD_OUTPUT = 1


class Unwritable(click.ClickException):
    """Standard output takes nothing: its disk is full, or it was closed."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the one line, as of any other error."""
        click.echo(f"error: {self.format_message()}", file=file, err=True)


class _Same(io.FileIO):
    """The file of a stream, which is open as long as this one is."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        super().__init__(stream.fileno(), "w", closefd=False)
        self._stream = stream


class _Heard(_Same):
    """A file whose reader may leave; any other failure is told once."""

    _has_failed = False

    def write(self, content: Any, /) -> Any:  # noqa: ANN401
        """Write; what nobody reads any more is lost."""
        try:
            return super().write(content)
        except BrokenPipeError:
            pass
        except OSError as error:
            if not self._has_failed:
                self._has_failed = True
                raise _unwritable(error) from error
        return memoryview(content).nbytes


class _Unheard(_Same):
    """A file whose reader may leave, and whose disk may be full."""

    def write(self, content: Any, /) -> Any:  # noqa: ANN401
        """Write what can be written; the rest is lost."""
        try:
            return super().write(content)
        except OSError:
            return memoryview(content).nbytes


def let_readers_leave() -> None:
    """Keep a reader of standard output who leaves, as `head` does, from being an error.

    What cannot be written for another reason becomes an `Unwritable`.
    """
    if sys.stdout is None:  # was closed: no other file shall get its number
        os.dup2(os.open(os.devnull, os.O_RDONLY), STANDARD_OUTPUT)
        sys.stdout = io.TextIOWrapper(io.FileIO(STANDARD_OUTPUT, "w"), "utf-8")
    told = sys.stdout
    if isinstance(told, io.TextIOWrapper):
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(_Heard(told)),
            told.encoding,
            with_stand_ins("replace"),
            line_buffering=told.line_buffering,
        )


def let_nobody_listen() -> None:
    """Keep what is told of the work from ending it, as where `head` reads a pipe.

    A training of hours goes on when its terminal is closed, and when the disk of its
    log is full.
    """
    told = sys.stderr
    if isinstance(told, io.TextIOWrapper):
        sys.stderr = io.TextIOWrapper(
            io.BufferedWriter(_Unheard(told)),
            told.encoding,
            with_stand_ins(told.errors or "replace"),
            line_buffering=True,
        )


@contextmanager
def naming(made: str | Path) -> Iterator[None]:
    """Name what was made where standard output does not take its name.

    Args:
        made: A path.

    Raises:
        Unwritable: Standard output takes nothing.
    """
    try:
        yield
    except Unwritable as error:
        raise Unwritable(f"{error.message}; all is done, and lies in {made}") from error


def _unwritable(error: OSError) -> Unwritable:
    closed = error.errno == errno.EBADF
    reason = "is closed" if closed else f"cannot be written ({error.strerror})"
    return Unwritable(f"standard output: {reason}; send it elsewhere")
