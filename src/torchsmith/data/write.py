"""Writing tables that other programs read safely."""

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
    rows = [tuple(columns), *zip(*columns.values(), strict=True)]
    lines = [",".join(map(_cell, row)) or '""' for row in rows]
    write_atomic(path, "".join(f"{line}\n" for line in lines))


def _cell(value: str | float) -> str:
    # csv.writer leaves a carriage return unquoted; readers take it for a line end
    if not isinstance(value, str):
        return str(value)
    if value.startswith(("=", "+", "-", "@", "\t", "\r")):
        value = "'" + value
    if any(letter in value for letter in ',"\r\n'):
        value = '"' + value.replace('"', '""') + '"'
    return value
