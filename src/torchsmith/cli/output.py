"""What a command prints, and where: results on stdout, progress on stderr."""

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from torchsmith.core.processes import is_silent

if TYPE_CHECKING:
    from rich.console import Console

    from torchsmith.train.watch import TrainingObserver

PIPE_WIDTH = 100
"""Columns of tables that do not go to a terminal."""

LEAST_WIDTH = 40
"""Columns in which tables can still be read; a narrower terminal breaks the lines."""


@dataclass(frozen=True)
class Output:
    """How the person wants to be answered.

    Attributes:
        as_json: One JSON object on standard output, and nothing else there.
        quiet: No progress; only the result.
    """

    as_json: bool = False
    quiet: bool = False

    @property
    def console(self) -> "Console":
        """Where results go, for people to read."""
        return make_console()

    @contextmanager
    def progress(self) -> Iterator["TrainingObserver"]:
        """Give an observer that shows on standard error what is going on."""
        from torchsmith.api.lines import Lines
        from torchsmith.cli.view import LiveView
        from torchsmith.train.watch import TrainingObserver

        console = make_console(stderr=True)
        if self.quiet or is_silent():
            yield TrainingObserver()
        elif is_live(console):
            with LiveView(console) as view:
                yield view
        else:
            # Not through the console, which takes longer than an epoch may take.
            yield Lines(lambda text: console.file.write(f"{text}\n"))

    def say(self, text: str) -> None:
        """Print a line of the result as it is, without markup, colour or wrapping."""
        click.echo(text)

    def json(self, value: Mapping[str, object]) -> None:
        """Print the one JSON object."""
        click.echo(json.dumps(_finite(value), ensure_ascii=False, allow_nan=False))


def make_console(*, stderr: bool = False) -> "Console":
    """Return a console on standard output or error.

    Args:
        stderr: Print on standard error.
    """
    from rich.console import Console

    environment = {k: v for k, v in os.environ.items() if not _is_unset_size(k, v)}
    console = Console(stderr=stderr, highlight=False, emoji=False, _environ=environment)
    if not console.is_terminal and "COLUMNS" not in environment:
        console.width = PIPE_WIDTH
    if console.width < LEAST_WIDTH:
        console.width = LEAST_WIDTH
    return console


def _is_unset_size(name: str, value: str) -> bool:
    """Whether it is the size of a terminal that is not known, which is written as 0."""
    is_number = value.isdecimal() and int(value) > 0
    return name in ("COLUMNS", "LINES") and not is_number


def is_live(console: "Console") -> bool:
    """Whether lines can be redrawn and block characters shown."""
    encoding = (console.encoding or "").lower().replace("-", "")
    return console.is_terminal and not console.is_dumb_terminal and encoding == "utf8"


def _finite(value: object) -> object:
    """Replace NaN and infinities, which JSON does not have, by null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(item) for item in value]
    return value
