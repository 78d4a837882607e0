"""Sequences as rows of numbers, the label first: `.tsv` files of the UCR archive."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.vocabulary import Part
from torchsmith.data.data import Change, Data
from torchsmith.data.lines import Lines
from torchsmith.data.sequence_files import line_names, text_of
from torchsmith.data.sequence_parts import SequencePart, sequences_from_parts

_MISSING = ("", "?", "NaN", "nan", "NA")


@dataclass(frozen=True)
class _Rows:
    """A file's rows: labels as text, values, and lines (1 = first).

    `cut` are the lines that end in NaN, `blank` those that hold nothing.
    """

    labels: list[str]
    values: list[list[float]]
    lines: list[int]
    cut: list[int]
    blank: list[int]


def looks_like_rows(path: Path) -> bool:
    """Whether the first line of a file is a label and two numbers or more."""
    with path.open("rb") as file:
        head = file.readline(2**20).decode("latin-1").strip("\r\n")
    cells = head.split(_separator(head))
    return len(cells) > 2 and all(_is_number(cell) for cell in cells[1:])


def read_rows(
    parts: Sequence[tuple[Part | None, Path]],
    *,
    source: str,
    target: str | None = None,
    length: int | None = None,
) -> Data:
    """Read one sequence per line: its label, then its values.

    Cells are separated by tabs, commas or spaces. NaN at the end of a row ends the
    sequence, as in the archive; elsewhere it is a missing value. Labels that are all
    whole numbers, or texts, are classes; other numbers are quantities.

    Args:
        parts: The files.
        source: What the person named.
        target: What to call the label; default `"label"`.
        length: For prediction, the steps that the network knows: rows of so many cells
            have no label.

    Raises:
        DataError: A cell is no number, rows of one file differ in their cells, or a
            sequence has no values; says the file and the line.
    """
    read = [_rows(path, length) for _, path in parts]
    labels = _labels([rows.labels for rows in read])
    pieces = [
        SequencePart(
            part,
            str(path),
            np.concatenate(rows.values)[:, None] if rows.values else np.empty((0, 1)),
            np.array([len(values) for values in rows.values], np.int64),
            label,
            line_names(parts, path, rows.lines),
        )
        for (part, path), rows, label in zip(parts, read, labels, strict=True)
    ]
    changes = [
        Change.at(Lines.of_text(lines), "", what, example)
        for (_, path), rows in zip(parts, read, strict=True)
        for what, lines, example in (
            (f"blank line left out ({path.name})", rows.blank, ""),
            (
                f"NaN at the end of a row of {path.name} read as the sequence's end",
                rows.cut,
                "NaN",
            ),
        )
        if lines
    ]
    reading = {"format": "one sequence per line, the label first"}
    if labels[0] is None:
        reading["format"] = "one sequence per line, without labels"
    return sequences_from_parts(
        source, pieces, target=target, reading=reading, changes=changes
    )


def _rows(path: Path, length: int | None) -> _Rows:
    rows = _Rows([], [], [], [], [])
    width = 0
    separator: str | None = None
    for number, line in enumerate(text_of(path).splitlines(), 1):
        if not line.strip():
            rows.blank.append(number)
            continue
        if not rows.lines:
            separator = _separator(line)
        cells = line.strip("\r\n").split(separator)
        if rows.lines and len(cells) != width:
            raise DataError(
                f"{path}, line {number}: {len(cells):,} cell{'s' * (len(cells) > 1)}, "
                f"but the lines before it have {width:,}; end shorter sequences with "
                "NaN, or use the .ts format"
            )
        width = len(cells)
        rows.lines.append(number)
        if width != length:
            rows.labels.append(cells.pop(0).strip())
        values = _numbers(cells, path, number)
        end = len(values)
        while end and math.isnan(values[end - 1]):
            end -= 1
        if 0 < end < len(values):
            rows.cut.append(number)
        rows.values.append(values[:end])
    return rows


def _separator(line: str) -> str | None:
    return next((mark for mark in "\t,;" if mark in line), None)


def _numbers(cells: Sequence[str], path: Path, line: int) -> list[float]:
    try:
        # Python reads 1_000 as a number, which no file means.
        values = [float(cell) for cell in cells if "_" not in cell]
    except ValueError:
        values = []
    if len(values) == len(cells):
        return values
    values = []
    for place, cell in enumerate(cells, 1):
        text = cell.strip()
        if not _is_number(text):
            raise DataError(
                f"{path}, line {line}: value {place} is {text!r}, no number; write a "
                "point as the decimal mark, and NaN for a missing value"
            )
        values.append(math.nan if text in _MISSING else float(text))
    return values


def _is_number(text: str) -> bool:
    if text.strip() in _MISSING:
        return True
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _labels(files: Sequence[list[str]]) -> list[np.ndarray | None]:
    """Return the labels of each file: classes as texts, quantities as numbers."""
    whole, numbers = True, True
    for text in {text for labels in files for text in labels}:
        try:
            whole = whole and float(text).is_integer()
        except ValueError:
            numbers = False
    if not numbers:
        return [np.array(labels, str) if labels else None for labels in files]
    return [
        None
        if not labels
        else np.array([str(int(float(text))) for text in labels])
        if whole
        else np.array(labels, np.float64)
        for labels in files
    ]
