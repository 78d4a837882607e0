"""Writing tables that other programs read safely."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from torchsmith.core.files import write_atomic


def write_table(path: Path, columns: Mapping[str, Sequence[str | float | int]]) -> None:
    """Write a CSV file as a whole or not at all, as UTF-8.

    A text that a spreadsheet would run as a formula (it begins with = + - @, a tab or a
    carriage return) gets an apostrophe in front; numbers stay as they are.

    Args:
        path: The file; its folder must exist.
        columns: N values each.

    Raises:
        TrainError: The file cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_safe(name) for name in columns])
    for row in zip(*columns.values(), strict=True):
        writer.writerow([_safe(value) for value in row])
    write_atomic(path, text.getvalue())


def _safe(value: str | float) -> str | float:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value
