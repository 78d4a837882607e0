"""The CSV form of MNIST: a label and the pixels of one square picture on each line."""

import csv
import gzip
import itertools
import math
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.observer import Observer
from torchsmith.core.vocabulary import Kind
from torchsmith.data.data import Data
from torchsmith.data.pixel_arrays import ArrayPart, images_from_parts

_SMALLEST = 64
_SAMPLE = 200
_CHUNK = 8 * 2**20
_LONGEST_LINE = 4 * 2**20
_PIXEL_NAME = re.compile(r"(pixel|px|p|pix|x)?[_ .]?\d+([x_ .,-]\d+)?", re.IGNORECASE)
_ALLOWED = "pixels are whole numbers from 0 to 255"


@dataclass(frozen=True)
class PixelLayout:
    """How a pixel file is laid out.

    Attributes:
        delimiter: Between the cells of a line.
        header: The names in the first line, or empty.
        columns: Cells per line.
        label: Which column is the label, or None where there are only pixels.
    """

    delimiter: str
    header: tuple[str, ...]
    columns: int
    label: int | None

    @property
    def side(self) -> int:
        """Height and width of the pictures, in pixels."""
        return math.isqrt(self.columns - (self.label is not None))

    def name(self, column: int) -> str:
        """What to call a column in a message."""
        return f"'{self.header[column]}'" if self.header else str(column + 1)


def find_layout(
    path: Path, *, target: str | None = None, kind: Kind | None = None
) -> PixelLayout | None:
    """Tell from the first lines whether a file holds pixels, and how.

    Args:
        path: A text file, plain or compressed with gzip.
        target: The name of the label column; default `label`.
        kind: What the file is said to hold; by default it must call its pixels so, as
            answers of a survey can be small whole numbers, too.

    Returns:
        The layout, or None where the file is a table or no text at all.
    """
    if kind == "table":
        return None
    try:
        with _opened(path) as (file, _):
            lines = [file.readline(_LONGEST_LINE) for _ in range(_SAMPLE)]
        text = [line.decode("utf-8").strip() for line in lines if line.strip()]
        if not text:
            return None
        text[0] = text[0].removeprefix("\ufeff")
        delimiter = max(",;\t", key=text[0].count)
        rows = [next(csv.reader([line], delimiter=delimiter), []) for line in text]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error):
        return None
    first = [cell.strip() for cell in rows[0]]
    header = () if all(_is_pixel(cell) for cell in first) else tuple(first)
    label = _label_column(header, len(first), target, rows)
    if label == -1 or (kind != "images" and not _name_pixels(header, label)):
        return None
    layout = PixelLayout(delimiter, header, len(first), label)
    body = rows[1:] if header else rows
    pixels = layout.columns - (label is not None)
    if pixels < _SMALLEST or layout.side**2 != pixels or not body:
        return None
    whole = all(_is_pixel(cell.strip()) for row in body for cell in row)
    return layout if whole and any(len(row) == len(first) for row in body) else None


def read_pixels_csv(
    path: Path,
    layout: PixelLayout,
    *,
    target: str | None = None,
    observer: Observer | None = None,
) -> Data:
    """Read a file of pixels as pictures.

    Args:
        path: The file.
        layout: What `find_layout` returned for it.
        target: What to call the label; default its column's name, or `"label"`.
        observer: Is told how many bytes are read.

    Raises:
        DataError: A line has more or fewer cells, or a cell is no pixel; says where.
    """
    observer = observer or Observer()
    observer.stage(f"Reading {path.name}", path.stat().st_size)
    tables = []
    line = 1
    try:
        with _opened(path) as (file, disk):
            if layout.header:
                file.readline()
                line = 2
            for chunk in _whole_lines(file):
                tables.append(_parse(chunk, layout, path, line))
                line += chunk.count(b"\n")
                observer.advance(disk.tell())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: cannot be read ({error}); get the file again"
        ) from error
    cells = np.concatenate(tables)
    labels = None
    if layout.label is not None:
        labels = cells[:, layout.label]
        cells = np.delete(cells, layout.label, axis=1)
        if layout.header:
            target = target or layout.header[layout.label]
    pixels = cells.astype(np.uint8).reshape(-1, layout.side, layout.side)
    part = ArrayPart(None, str(path), pixels, labels)
    told = {"format": f"CSV of {layout.side} x {layout.side} pixels"}
    return images_from_parts(str(path), [part], target=target, reading=told)


def _label_column(
    header: tuple[str, ...], columns: int, target: str | None, rows: list[list[str]]
) -> int | None:
    """Return the label's column, None where there is none, -1 where it is a table."""
    if not header:
        names = [f"column_{number}" for number in range(1, columns + 1)]
        place = names.index(target) if target in names else 0
        small = all(row[place].strip() in "0123456789" for row in rows if row[place:])
        return place if math.isqrt(columns - 1) ** 2 == columns - 1 and small else -1
    lower = [name.lower() for name in header]
    wanted = (target or "label").lower()
    return lower.index(wanted) if wanted in lower else None


def _name_pixels(header: tuple[str, ...], label: int | None) -> bool:
    """Whether all columns but the label are called like pixels.

    Where there is no header, the label must stand first, as in the CSV form of MNIST.
    """
    if not header:
        return label == 0
    return all(
        _PIXEL_NAME.fullmatch(name) for i, name in enumerate(header) if i != label
    )


def _is_pixel(cell: str) -> bool:
    return cell.isascii() and cell.isdigit() and len(cell) <= 3 and int(cell) <= 255


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Give the content of a file, decompressed, and the file on the disk."""
    with path.open("rb") as disk:
        packed = disk.read(2) == b"\x1f\x8b"
        disk.seek(0)
        if packed:
            with gzip.GzipFile(fileobj=disk) as content:
                yield cast("IO[bytes]", content), disk
        else:
            yield disk, disk


def _whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while block := file.read(_CHUNK):
        end = block.rfind(b"\n") + 1
        if end:
            yield rest + block[:end]
            rest = block[end:]
        else:
            rest += block
    if rest.strip():
        yield rest + b"\n"


def _parse(chunk: bytes, layout: PixelLayout, path: Path, line: int) -> np.ndarray:
    """Return `(rows, columns)` int32, all at once if the chunk is as it should be."""
    text = np.frombuffer(chunk.replace(b"\r\n", b"\n"), np.uint8)
    ends = np.flatnonzero(text < ord("0"))
    new_line = text[ends] == ord("\n")
    lengths = np.diff(ends, prepend=-1) - 1
    plain = (
        bool(text.max() <= ord("9"))
        and len(ends) % layout.columns == 0
        and bool(new_line[layout.columns - 1 :: layout.columns].all())
        and int(new_line.sum()) * layout.columns == len(ends)
        and bool((text[ends[~new_line]] == ord(layout.delimiter)).all())
        and int(lengths.min()) >= 1
        and int(lengths.max()) <= 3
    )
    if not plain:
        return _parse_slowly(chunk, layout, path, line)
    digits = text.astype(np.int32) - ord("0")
    values = digits[ends - 1]
    for place, weight in ((2, 10), (3, 100)):
        longer = np.flatnonzero(lengths >= place)
        values[longer] += weight * digits[ends[longer] - place]
    table = values.reshape(-1, layout.columns)
    wrong = table > 255
    if layout.label is not None:
        wrong[:, layout.label] = False
    if wrong.any():
        return _parse_slowly(chunk, layout, path, line)
    return table


def _parse_slowly(
    chunk: bytes, layout: PixelLayout, path: Path, line: int
) -> np.ndarray:
    """Read line by line, and name the first cell that is no pixel."""
    rows = []
    lines = chunk.decode("utf-8", "replace").split("\n")[:-1]
    for number, text in zip(itertools.count(line), lines, strict=False):
        if not text.strip():
            continue
        cells = next(csv.reader([text.strip("\r\ufeff")], delimiter=layout.delimiter))
        if len(cells) != layout.columns:
            raise DataError(
                f"{path}, line {number}: {len(cells)} cells, but the first line has "
                f"{layout.columns}; correct or remove the line"
            )
        rows.append([_value(c, i, layout, path, number) for i, c in enumerate(cells)])
    return np.array(rows, np.int32).reshape(-1, layout.columns)


def _value(cell: str, column: int, layout: PixelLayout, path: Path, line: int) -> int:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    is_label = column == layout.label
    if number.is_integer() and (
        abs(number) < 2**31 if is_label else 0 <= number <= 255
    ):
        return int(number)
    allowed = "labels are whole numbers" if is_label else _ALLOWED
    raise DataError(
        f"{path}, line {line}, column {layout.name(column)}: '{cell.strip()[:40]}' is "
        f"no {'label' if is_label else 'pixel'}; {allowed}"
    )
