"""The `.ts` files of the UEA archive: sequences of several channels and lengths.

Format: https://www.aeon-toolkit.org/en/stable/api_reference/file_specifications/ts.html
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from torchsmith.core.errors import DataError, nearest
from torchsmith.core.vocabulary import Part
from torchsmith.data.data import Data
from torchsmith.data.sequence_files import line_names, text_of
from torchsmith.data.sequence_parts import SequencePart, sequences_from_parts

_SWITCHES = ("timestamps", "missing", "univariate", "equallength", "targetlabel")
_COUNTS = ("dimensions", "dimension", "serieslength")
_KNOWN = ("problemname", "classlabel", "data", *_SWITCHES, *_COUNTS)


@dataclass
class _Header:
    """What the lines before the data say; None where they say nothing."""

    switches: dict[str, bool] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    labelled: bool = False

    @property
    def dimensions(self) -> int | None:
        found = self.counts.get("dimensions", self.counts.get("dimension"))
        return 1 if found is None and self.switches.get("univariate") else found


@dataclass(frozen=True)
class _Content:
    """A file's sequences, one after the other, and the lines (1 = first)."""

    values: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray | None
    lines: list[int]


def read_ts(
    parts: Sequence[tuple[Part | None, Path]],
    *,
    source: str,
    target: str | None,
) -> Data:
    """Read `.ts` files: channels between `:`, values between `,`, the label last.

    Args:
        parts: The files.
        source: What the person named.
        target: What to call the label; default `"label"`.

    Raises:
        DataError: A header that is unknown or contradicts the data, channels of one
            sequence that differ in length, a value that is no number, or a class that
            the header does not name; says the file and the line.
    """
    pieces, classes = [], []
    for part, path in parts:
        lines = text_of(path).splitlines()
        header, first = _header(path, lines)
        classes.append(header.classes)
        read = _read(path, lines, header, first)
        names = line_names(parts, path, read.lines)
        pieces.append(
            SequencePart(part, str(path), read.values, read.lengths, read.labels, names)
        )
    labelled = "labels of classes" if any(classes) else "quantities or no labels"
    reading = {"format": f".ts, {labelled}"}
    return sequences_from_parts(source, pieces, target=target, reading=reading)


def _header(path: Path, lines: Sequence[str]) -> tuple[_Header, int]:
    """Return what the header says, and the line at which the data begins."""
    header = _Header()
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if not text.startswith("@"):
            raise DataError(
                f"{path}, line {number}: {text[:40]!r} stands before @data; a .ts file "
                "begins with lines such as @problemName, @dimensions and @classLabel"
            )
        name, *words = text[1:].split()
        key = name.lower()
        if key == "data":
            _refuse_contradiction(header, path)
            return header, number
        _take(header, key, words, f"{path}, line {number}: @{name}")
    raise DataError(f"{path}: has no line @data, so it is no .ts file of sequences")


def _take(header: _Header, key: str, words: list[str], where: str) -> None:
    value = words[0].lower() if words else ""
    if key in _SWITCHES or key == "classlabel":
        if value not in ("true", "false"):
            raise DataError(f"{where} is {value!r}; it must be true or false")
        header.switches[key] = value == "true"
        header.labelled = header.labelled or (
            value == "true" and key in ("classlabel", "targetlabel")
        )
        if key == "classlabel":
            header.classes = tuple(words[1:])
            if value == "true" and not header.classes:
                raise DataError(f"{where} names no classes; write them after true")
    elif key in _COUNTS:
        if not value.isdecimal() or not int(value):
            raise DataError(f"{where} is {value!r}; it must be a number of 1 or more")
        header.counts[key] = int(value)
    elif key not in _KNOWN:
        raise DataError(f"{where} is not a header of .ts{nearest(key, _KNOWN)}")


def _refuse_contradiction(header: _Header, path: Path) -> None:
    if header.switches.get("timestamps"):
        raise DataError(
            f"{path}: @timeStamps true is not read; save the values at even steps, "
            "with @timeStamps false"
        )
    many = header.counts.get("dimensions", header.counts.get("dimension", 1)) > 1
    if header.switches.get("univariate") and many:
        raise DataError(
            f"{path}: @univariate true, but @dimensions {header.dimensions}; correct "
            "one of them"
        )
    if header.switches.get("classlabel") and header.switches.get("targetlabel"):
        raise DataError(
            f"{path}: @classLabel true and @targetLabel true; the last field of a line "
            "is a class or a quantity, not both"
        )


def _read(path: Path, content: Sequence[str], header: _Header, first: int) -> _Content:
    values: list[np.ndarray] = []
    labels: list[str] = []
    lines: list[int] = []
    for number, line in enumerate(content[first:], first + 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        where = f"{path}, line {number}"
        fields = text.split(":")
        if header.labelled:
            labels.append(fields.pop().strip())
            _check_label(labels[-1], header, where)
        steps = _channels(fields, header, where)
        _check_shape(steps, values, header, where)
        values.append(steps)
        lines.append(number)
    return _Content(
        np.concatenate(values) if values else np.empty((0, 1)),
        np.array([len(steps) for steps in values], np.int64),
        _label_array(labels, header),
        lines,
    )


def _check_shape(
    steps: np.ndarray, before: Sequence[np.ndarray], header: _Header, where: str
) -> None:
    dimensions = header.dimensions or (before[0] if before else steps).shape[1]
    if steps.shape[1] != dimensions:
        said = "@dimensions says" if header.dimensions else "the first line has"
        raise DataError(
            f"{where}: {steps.shape[1]} channels, but {said} {dimensions}; channels "
            "stand between ':'"
            + (", and the label after the last" if header.labelled else "")
        )
    said, length = "@seriesLength", header.counts.get("serieslength")
    if length is None and header.switches.get("equallength"):
        said, length = "@equalLength", len(before[0] if before else steps)
    if length is not None and len(steps) != length:
        raise DataError(
            f"{where}: {len(steps):,} steps, but by {said} all have {length:,}; "
            "correct the line, or write @equalLength false and no @seriesLength"
        )


def _check_label(label: str, header: _Header, where: str) -> None:
    if header.classes and label not in header.classes:
        raise DataError(
            f"{where}: the class {label[:40]!r} is not among those that @classLabel "
            f"names{nearest(label, header.classes) or ';'} they are "
            f"{', '.join(header.classes[:20])}"
        )
    if not header.classes and not _is_quantity(label):
        raise DataError(
            f"{where}: the label {label[:40]!r} is no number, as @targetLabel says"
        )


def _is_quantity(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _label_array(labels: list[str], header: _Header) -> np.ndarray | None:
    if not header.labelled:
        return None
    return np.array(labels, str if header.classes else np.float64)


def _channels(fields: Sequence[str], header: _Header, where: str) -> np.ndarray:
    """Return `(L, C)` float64 of one line."""
    channels = [
        _numbers(text, place, header, where) for place, text in enumerate(fields)
    ]
    lengths = [len(channel) for channel in channels]
    if len(set(lengths)) > 1:
        odd = next(i for i, length in enumerate(lengths) if length != lengths[0])
        raise DataError(
            f"{where}: channel {odd} has {lengths[odd]:,} steps, channel 0 has "
            f"{lengths[0]:,}; all channels of a sequence need the same (fill up with ?)"
        )
    if not channels:
        raise DataError(f"{where}: holds a label only, no channel before ':'")
    return np.array(channels, np.float64).T


def _numbers(text: str, place: int, header: _Header, where: str) -> list[float]:
    cells = text.split(",") if text.strip() else []
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        pass
    values = []
    for step, cell in enumerate(cells):
        word = cell.strip()
        if word == "?":
            if header.switches.get("missing") is False:
                raise DataError(
                    f"{where}: step {step} of channel {place} is missing (?), but the "
                    "header says @missing false; write @missing true"
                )
            values.append(math.nan)
            continue
        try:
            values.append(float(word))
        except ValueError:
            raise DataError(
                f"{where}: step {step} of channel {place} is {word[:40]!r}, no number; "
                "write ? for a missing value"
            ) from None
    return values
