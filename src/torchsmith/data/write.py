"""Writing tables that other programs read safely."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from torchsmith.core.files import check_ending, write_atomic

CSV_ENDING = ".csv"

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def write_table(path: Path, columns: Mapping[str, Sequence[str | float | int]]) -> None:
    """Write a CSV file as a whole or not at all, as UTF-8.

    A text that a spreadsheet would run as a formula (it begins with = + - @, a tab or a
    carriage return) gets an apostrophe in front; numbers stay as they are, also those
    that are texts, such as the class `-1`.

    Args:
        path: The file; its folder must exist.
        columns: N values each.

    Raises:
        DataError: A device, a pipe or a folder has this name, or it is the name of a
            file of another format.
        TrainError: The file cannot be written.
    """
    check_ending(path, CSV_ENDING)
    rows = [tuple(columns), *zip(*columns.values(), strict=True)]
    lines = [",".join(map(_cell, row)) or '""' for row in rows]
    write_atomic(path, "".join(f"{line}\n" for line in lines))


def _cell(value: str | float) -> str:
    # csv.writer leaves a carriage return unquoted; readers take it for a line end
    if not isinstance(value, str):
        return str(value)
    formula = value.startswith(("=", "+", "-", "@", "\t", "\r"))
    if formula and not _NUMBER.fullmatch(value):
        value = "'" + value
    if any(letter in value for letter in ',"\r\n'):
        value = '"' + value.replace('"', '""') + '"'
    return value
