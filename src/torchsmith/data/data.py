"""What every source becomes: `Data`, of a table, images, sequences or volumes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from torchsmith.core.record import Record
from torchsmith.core.vocabulary import ColumnKind, Kind
from torchsmith.data.lines import Lines, Named, Names, Unit, at, take_names
from torchsmith.data.on_disk import OnDisk, Stored

MISSING_TARGET = "row left out: its target is missing"
"""The `Change.what` of rows without a target."""

_LISTED = 10  # so many lines a change holds


class Change(Record):
    """A value that reading changed, counted and listed; nothing is changed silently.

    Attributes:
        column: The column's name; empty where the change is not about a column.
        what: What was done, such as `"'?' read as missing"`.
        count: How many values were changed.
        lines: The first lines or rows (1 = first) that were changed.
        example: One value as it stood in the file.
        unit: Which of the two.
    """

    column: str
    what: str
    count: int
    lines: tuple[int, ...] = ()
    example: str = ""
    unit: Unit = "line"

    @classmethod
    def at(cls, lines: Lines, column: str, what: str, example: str = "") -> "Change":
        """Record what was done at these lines, once at each; the first are listed."""
        return cls(
            column=column,
            what=what,
            count=len(lines),
            lines=tuple(lines.numbers[:_LISTED].tolist()),
            example=example,
            unit=lines.unit,
        )

    @property
    def place(self) -> str:
        """Where it was: `lines 3, 7 and 4 more`; empty where that is not known."""
        return at(self.unit, self.lines, self.count) if self.lines else ""


class ColumnFormat(Record):
    """How the text of a column becomes values, the same for training and prediction.

    Attributes:
        name: The column's name.
        kind: What the values are.
        missing: The texts that mean "no value here" in training; always with the
            empty text. Other rows may also have any other marker, unless it is a text.
        thousands: The separator that is removed from numbers, or empty.
        decimal: The decimal mark of numbers.
        prefix: Removed from the front of numbers, such as `"$"`.
        suffix: Removed from the end of numbers, such as `"%"`.
        brackets: Whether `(5)` is -5, as in accounts.
        date_format: The `strptime` format of dates.
        words: For booleans, the text of false and the text of true.
    """

    name: str
    kind: ColumnKind
    missing: tuple[str, ...] = ("",)
    thousands: str = ""
    decimal: str = "."
    prefix: str = ""
    suffix: str = ""
    brackets: bool = False
    date_format: str = ""
    words: tuple[str, str] | None = None


@dataclass(frozen=True)
class Column:
    """One column of a table, N values.

    Attributes:
        format: The name, the kind, and how text becomes values.
        values: `(N,)`; number: float64, NaN where missing; boolean: float64 0, 1 or
            NaN; date: `datetime64[s]`, NaT where missing; text: int32 index into
            `levels`, -1 where missing.
        levels: For text, the distinct texts in order of first appearance.
    """

    format: ColumnFormat
    values: np.ndarray
    levels: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The column's name."""
        return self.format.name

    @property
    def kind(self) -> ColumnKind:
        """What the values are."""
        return self.format.kind

    @property
    def missing(self) -> np.ndarray:
        """`(N,)` bool: where there is no value."""
        if self.kind == "text":
            missing = self.values < 0
        elif self.kind == "date":
            missing = np.isnat(self.values)
        else:
            missing = np.isnan(self.values)
        return np.asarray(missing)

    def take(self, rows: np.ndarray) -> "Column":
        """Return the column with only these rows, in this order."""
        return Column(self.format, self.values[rows], self.levels)

    def texts(self, rows: np.ndarray | slice = slice(None)) -> list[str]:
        """Return values as a person would write them; missing ones are empty.

        Dates have a time where any of the whole column has one.
        """
        values = self.values[rows]
        if self.kind == "text":
            return [self.levels[code] if code >= 0 else "" for code in values.tolist()]
        if self.kind == "date":
            days = self.values.astype("datetime64[D]")
            whole = ((days == self.values) | self.missing).all()
            shown = np.datetime_as_string(values, "D" if whole else "s").tolist()
            return ["" if text == "NaT" else text for text in shown]
        if self.kind == "boolean":
            words = self.format.words or ("false", "true")
            return ["" if np.isnan(v) else words[int(v)] for v in values.tolist()]
        return ["" if np.isnan(v) else _written(v) for v in values.tolist()]


def _written(value: float) -> str:
    """Write a number as a person would: whole ones in full while they are exact."""
    if 1e15 <= abs(value) <= 2**53 and value == int(value):
        return str(int(value))
    return f"{value:.15g}"


@dataclass(frozen=True)
class Table(Named):
    """Columns of N values each.

    Attributes:
        columns: The columns by name, in the order of the file.
        lines: Where the N rows stand in the source.
        folder: From which the names of files start that a column holds; None is the
            working folder.
    """

    kind = "table"

    columns: Mapping[str, Column]
    lines: Lines
    folder: Path | None = None

    def __len__(self) -> int:
        return len(self.lines)

    def name(self, index: int) -> str:
        """What to call one row in a message."""
        return self.lines.name(index)

    def places(self, rows: np.ndarray) -> str:
        """Name the first of some rows: `lines 7, 9 and 3 more`."""
        return str(self.lines.take(rows))

    def take(self, rows: np.ndarray) -> "Table":
        """Return the table with only these rows, in this order."""
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        return Table(columns, self.lines.take(rows), self.folder)


@dataclass(frozen=True)
class Images(Named):
    """N pictures, in memory or as files.

    Attributes:
        sizes: `(N, 2)` int32: height and width of each picture, in pixels.
        channels: 1 (grey) or 3 (colour): what the pictures become when read.
        pixels: `(N, H, W, C)` uint8 or float32 when they are an array, which may be
            larger than memory, else None.
        files: The N files when they are pictures, else empty.
        names: What to call each picture in messages; file names relative to the source,
            empty for one whole array (then pictures are called by number, 0 = first).
    """

    kind = "images"

    sizes: np.ndarray
    channels: int
    pixels: Stored | None = None
    files: tuple[Path, ...] = ()
    names: Names = ()

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def same_size(self) -> bool:
        """Whether all pictures have one height and width."""
        return bool(len(self.sizes) and (self.sizes == self.sizes[0]).all())

    def name(self, index: int) -> str:
        """What to call one picture in a message."""
        return self.names[index] if self.names else f"image {index}"

    def take(self, rows: np.ndarray) -> "Images":
        """Return only these pictures, in this order."""
        return Images(
            sizes=self.sizes[rows],
            channels=self.channels,
            pixels=self.pixels.at(rows)
            if isinstance(self.pixels, OnDisk)
            else None
            if self.pixels is None
            else self.pixels[rows],
            files=tuple(self.files[i] for i in rows) if self.files else (),
            names=take_names(self.names, rows, "image"),
        )


class Series(Record):
    """How the rows of a table make sequences.

    Attributes:
        id: The column whose equal values, one after the other, make one sequence.
        time: The column that orders the steps of a sequence.
        window: For forecasting, how many rows make the sequence from which the target
            of the next row is predicted; 0 does not forecast.
        step: The usual step in time, as it was read, where steps are even; else 0.
    """

    id: str | None = None
    time: str | None = None
    window: int = 0
    step: float = 0.0


@dataclass(frozen=True)
class Sequences(Named):
    """N sequences of C channels, each of its own length.

    Attributes:
        values: `(T, C)` float32: the steps of all sequences, one sequence after the
            other, NaN where a value is missing; of texts `(T, 1)`, places in `symbols`.
        starts: `(N + 1,)` int64: sequence i is `values[starts[i] : starts[i + 1]]`.
        channels: What the C channels are called.
        symbols: Of texts, the characters that occur, sorted; otherwise empty.
        columns: What is known of each sequence besides, such as the person, by name;
            no inputs, but a split may go by them.
        names: What to call each sequence in messages; empty calls them by number, 0 =
            first.
        series: How they stood in a table, where they did.
        formats: How its columns were read, all of them.
    """

    kind = "sequences"

    values: np.ndarray
    starts: np.ndarray
    channels: tuple[str, ...]
    symbols: tuple[str, ...] = ()
    columns: Mapping[str, Column] = field(default_factory=dict)
    names: Names = ()
    series: Series | None = None
    formats: tuple[ColumnFormat, ...] = ()

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> np.ndarray:
        """`(N,)` int64: the steps of each sequence."""
        return np.asarray(np.diff(self.starts))

    @property
    def same_length(self) -> bool:
        """Whether all sequences have one length."""
        return len({*self.lengths.tolist()}) < 2

    def name(self, index: int) -> str:
        """What to call one sequence in a message."""
        return self.names[index] if self.names else f"sequence {index}"

    def at(self, index: int) -> np.ndarray:
        """Return the values of one sequence, `(L, C)`."""
        return self.values[self.starts[index] : self.starts[index + 1]]

    def take(self, rows: np.ndarray) -> "Sequences":
        """Return only these sequences, in this order."""
        rows = np.asarray(rows, np.int64)
        lengths = self.lengths[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        steps = np.arange(starts[-1]) + np.repeat(
            self.starts[:-1][rows] - starts[:-1], lengths
        )
        return Sequences(
            values=self.values[steps],
            starts=starts,
            channels=self.channels,
            symbols=self.symbols,
            columns={name: column.take(rows) for name, column in self.columns.items()},
            names=take_names(self.names, rows, "sequence"),
            series=self.series,
            formats=self.formats,
        )


@dataclass(frozen=True)
class Volumes(Named):
    """N volumes of one shape.

    Attributes:
        values: `(N, C, D, H, W)` uint8 or float32.
        names: What to call each volume in messages; empty calls them by number, 0 =
            first.
    """

    kind = "volumes"

    values: np.ndarray
    names: Names = ()

    def __len__(self) -> int:
        return len(self.values)

    def name(self, index: int) -> str:
        """What to call one volume in a message."""
        return self.names[index] if self.names else f"volume {index}"

    def take(self, rows: np.ndarray) -> "Volumes":
        """Return only these volumes, in this order."""
        return Volumes(self.values[rows], take_names(self.names, rows, "volume"))


Inputs = Table | Images | Sequences | Volumes


@dataclass(frozen=True)
class Data:
    """N examples: inputs, and targets where they are known.

    Attributes:
        source: What the person named: a path or the name of a set.
        inputs: The table without its target column, or the images, …
        target: The column to predict, or None when it is not known or not named.
        given: `(N,)` int8: 0 train, 1 val, 2 test where the source comes in parts
            (-1 where a row belongs to none), or None.
        fingerprint: `"sha256:…"` of the content, in order.
        reading: What was found out about the source, such as encoding and delimiter.
        changes: Every kind of change that reading made, with counts and lines.
    """

    source: str
    inputs: Inputs
    target: Column | None = None
    given: np.ndarray | None = None
    fingerprint: str = ""
    reading: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def kind(self) -> Kind:
        """What the inputs are."""
        return self.inputs.kind

    def take(self, rows: np.ndarray) -> "Data":
        """Return only these rows, in this order."""
        return Data(
            source=self.source,
            inputs=self.inputs.take(rows),
            target=None if self.target is None else self.target.take(rows),
            given=None if self.given is None else self.given[rows],
            fingerprint=self.fingerprint,
            reading=self.reading,
            changes=self.changes,
        )
