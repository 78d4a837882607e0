"""Fitted preparation of tables: numbers, booleans, dates and categories to float32.

Statistics ignore missing values and are those of the training rows. A column keeps its
own scale in its record, so that one file holds all that prediction needs.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np

from torchsmith.core.errors import DataError, nearest
from torchsmith.core.memory import amount_of, do_not_fit, is_large
from torchsmith.core.record import Record
from torchsmith.data.data import Change, Column, ColumnFormat, Table
from torchsmith.data.lines import Lines
from torchsmith.data.neighbours import NeighbourTargets
from torchsmith.data.picture_columns import PictureColumn
from torchsmith.data.scaling import Scaling
from torchsmith.data.text_columns import TextColumn
from torchsmith.data.value_columns import ValueColumn

DAY = 86_400
FLOAT32_MAX = float(np.finfo(np.float32).max)
"""Networks compute with 32 bits: what is larger is infinite to them."""


class NumberColumn(Record):
    """What is known of a number, boolean or date column.

    Attributes:
        fill: Stands where a value is missing; dates in seconds since 1970.
        flag: Whether a further feature says where a value is missing.
        low, high: The range of the training part.
        clock: For dates, whether they have a time of day.
        scalings: One for each feature of the column.
    """

    name: str
    role: Literal["number", "boolean", "date"]
    fill: float
    flag: bool
    low: float
    high: float
    clock: bool = False
    scalings: tuple[Scaling, ...] = (Scaling(),)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the features of the column are called, without its flag."""
        if self.role != "date":
            return (self.name,)
        parts = ["days", "year", "month sin", "month cos", "weekday sin", "weekday cos"]
        parts += ["hour sin", "hour cos"] if self.clock else []
        return tuple(f"{self.name}: {part}" for part in parts)

    def filled(self, values: np.ndarray) -> np.ndarray:
        """Return `(N,)` values with the fill value where they are NaN."""
        return np.where(np.isnan(values), self.fill, values)

    def features(self, values: np.ndarray) -> list[np.ndarray]:
        """Return the scaled features of `(N,)` float64 values, NaN where missing."""
        filled = self.filled(values)
        columns = (
            date_features(filled, clock=self.clock) if self.role == "date" else [filled]
        )
        pairs = zip(self.scalings, columns, strict=True)
        return [scaling.apply(column) for scaling, column in pairs]


class RotatedPlace(Record):
    """What is known of a place's rotated coordinates.

    Attributes:
        angles: In degrees.
        scalings: One for each angle.
    """

    latitude: str
    longitude: str
    angles: tuple[float, ...]
    scalings: tuple[Scaling, ...]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the features are called."""
        both = f"{self.longitude} and {self.latitude}"
        return tuple(f"{both} at {angle:g}°" for angle in self.angles)

    def features(self, raw: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Return the scaled features of filled `(N,)` values by column."""
        rotated = rotate(raw[self.latitude], raw[self.longitude], self.angles)
        pairs = zip(self.scalings, rotated, strict=True)
        return [scaling.apply(values) for scaling, values in pairs]


class CategoryColumn(Record):
    """What is known of a category column.

    Attributes:
        levels: Level i has code i + 1; 0 is missing and unknown.
        one_hot: Whether each level is a 0/1 feature rather than a code.
        gaps: Whether a training row has none; older runs do not say.
        min_count: So many training rows at least have each level.
    """

    name: str
    levels: tuple[str, ...]
    one_hot: bool
    gaps: bool = True
    min_count: int = 1

    def codes(self, column: Column) -> np.ndarray:
        """Return `(N,)` int64 codes."""
        places, texts = distinct_texts(column)
        # Dates are written with their times where any of those at hand has one.
        end = "T00:00:00" if column.kind == "date" else ""
        index = {level.removesuffix(end): i for i, level in enumerate(self.levels, 1)}
        codes = [index.get(text.removesuffix(end), 0) for text in texts]
        # The last entry is what place -1, missing, finds.
        lookup = np.array([*codes, 0], np.int64)
        return np.asarray(lookup[places])


class TablePreparation(Record):
    """What is known of a table's columns.

    Attributes:
        formats: How the columns that are used are read from a new file.
        numbers: Number, boolean and date columns, in the order of the table.
        categories: Category columns, in the order of the table.
        place: Rotated coordinates, where the plan asks for them.
        neighbours: Targets of the nearest training rows, likewise.
        texts: Columns of free text, in the order of the table.
        pictures: Columns that name picture files, in the order of the table.
        values: Number columns of which values have codes, as the plan names them.
    """

    formats: tuple[ColumnFormat, ...]
    numbers: tuple[NumberColumn, ...] = ()
    categories: tuple[CategoryColumn, ...] = ()
    place: RotatedPlace | None = None
    neighbours: NeighbourTargets | None = None
    texts: tuple[TextColumn, ...] = ()
    pictures: tuple[PictureColumn, ...] = ()
    values: tuple[ValueColumn, ...] = ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the number features.

        Values, place, neighbours, flags, 0/1 columns, words, then pixels.
        """
        return (
            *(name for column in self.numbers for name in column.feature_names),
            *(self.place.feature_names if self.place else ()),
            *(self.neighbours.feature_names if self.neighbours else ()),
            *(f"{column.name} is missing" for column in self.numbers if column.flag),
            *(
                f"{column.name} = {level}"
                for column in self.categories
                if column.one_hot
                for level in column.levels
            ),
            *(name for column in self.texts for name in column.feature_names),
            *(name for column in self.pictures for name in column.feature_names),
        )

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """For each column of codes, the number of codes, code 0 included."""
        return (
            *(len(c.levels) + 1 for c in self.categories if not c.one_hot),
            *(len(c.values) + 1 for c in self.values),
        )

    @property
    def coded(self) -> tuple[str, ...]:
        """For each column of codes, what it is called."""
        return (
            *(c.name for c in self.categories if not c.one_hot),
            *(c.name for c in self.values),
        )

    def apply(self, table: Table) -> np.ndarray:
        """Return `(N, C)` float32: number features, then codes as whole floats.

        Raises:
            DataError: A column is not there, holds another kind or infinite values, a
                value is too large for float32, a picture cannot be read, or the
                result would not fit into memory.
        """
        width = len(self.feature_names) + len(self.cardinalities)
        self._refuse_large(len(table), width)
        out = np.empty((len(table), width), np.float32)
        place = 0
        for feature in self._features(table):
            wide = feature[:, None] if feature.ndim == 1 else feature
            out[:, place : place + wide.shape[1]] = wide
            place += wide.shape[1]
        return out

    def _features(self, table: Table) -> Iterator[np.ndarray]:
        """Yield what `apply` puts side by side, `(N,)` or `(N, C)` each."""
        columns, lines = self.columns(table), table.lines
        raw = {c.name: finite_values(columns[c.name], lines) for c in self.numbers}
        for column in self.numbers:
            for feature in column.features(raw[column.name]):
                _refuse_too_large(column.name, feature, lines)
                yield feature
        filled = {c.name: c.filled(raw[c.name]) for c in self.numbers}
        if self.place:
            yield from self.place.features(filled)
        if self.neighbours:
            yield from self.neighbours.features(filled)
        yield from (np.isnan(raw[c.name]) for c in self.numbers if c.flag)
        codes = {c.name: c.codes(columns[c.name]) for c in self.categories}
        for category in self.categories:
            if category.one_hot:
                for code in range(1, len(category.levels) + 1):
                    yield codes[category.name] == code
        for text in self.texts:
            yield text.features(columns[text.name])
        for picture in self.pictures:
            yield picture.features(table)
        yield from (codes[c.name] for c in self.categories if not c.one_hot)
        yield from (c.codes(columns[c.name]) for c in self.values)

    def _refuse_large(self, rows: int, width: int) -> None:
        size = rows * width * np.dtype(np.float32).itemsize
        if not is_large(size):
            return
        coding = "set encoding: codes or a larger min_count in EncodeCategories"
        wide = [(len(c.levels), c.name, coding) for c in self.categories if c.one_hot]
        wide += [
            (len(t.feature_names), t.name, "set a smaller most in BagOfWords")
            for t in self.texts
        ]
        wide += [
            (math.prod(p.shape), p.name, "set a smaller Resize") for p in self.pictures
        ]
        remedy = "give fewer rows"
        if wide:
            most, name, change = max(wide)
            remedy = f"column '{name}' makes {most:,} of them: {change}, or {remedy}"
        raise DataError(
            f"the prepared table, {rows:,} rows of {width:,} numbers, takes "
            f"{amount_of(size)}, {do_not_fit()}; {remedy}"
        )

    def columns(self, table: Table) -> dict[str, Column]:
        """Return the columns that training had, by name.

        Raises:
            DataError: One is not there, or does not hold what it held in training.
        """
        found = {}
        for form in self.formats:
            name, column = form.name, table.columns.get(form.name)
            if column is None:
                raise DataError(
                    f"column '{name}' is not there{nearest(name, table.columns)}; the "
                    f"columns are {', '.join(table.columns)}"
                )
            if column.kind != form.kind:
                raise DataError(
                    f"column '{name}' holds {column.kind}, in training it held "
                    f"{form.kind}"
                )
            found[name] = column
        return found

    def unseen(self, table: Table) -> tuple[Change, ...]:
        """Count what training did not have: categories, gaps, values out of range."""
        found: list[Change] = []
        columns = self.columns(table)
        for category in self.categories:
            column = columns[category.name]
            unknown = (category.codes(column) == 0) & ~column.missing
            what = "category that the training part does not have, taken as unknown"
            if (least := category.min_count) > 1:
                what = f"category of fewer than {least} training rows, taken as unknown"
            found += _changes(column, what, unknown, table.lines)
            if not category.gaps:
                what = "missing, taken as a category that is unknown"
                found += _changes(column, what, column.missing, table.lines)
        for value in self.values:
            if not value.others:
                column = columns[value.name]
                unknown = (value.codes(column) == 0) & ~column.missing
                what = "number that the training part does not have, taken as any other"
                found += _changes(column, what, unknown, table.lines)
        for number in self.numbers:
            column = columns[number.name]
            values = raw_values(column)
            if not number.flag:
                what = f"missing, filled with {number.fill:.6g}"
                if column.kind == "date":
                    what = "missing, filled with the median of the training part"
                found += _changes(column, what, column.missing, table.lines)
            what = "outside of the range of the training part"
            outside = (values < number.low) | (values > number.high)
            found += _changes(column, what, outside, table.lines)
        for text in self.texts:
            column = columns[text.name]
            if not text.flag:
                what = "missing, taken as a text without any known word"
                found += _changes(column, what, column.missing, table.lines)
        return tuple(found)


def rotate(
    latitude: np.ndarray, longitude: np.ndarray, angles: Sequence[float]
) -> list[np.ndarray]:
    """Return `longitude cos a + latitude sin a` for each angle a in degrees."""
    radians = np.deg2rad(np.asarray(angles))
    return [np.cos(a) * longitude + np.sin(a) * latitude for a in radians]


def raw_values(column: Column) -> np.ndarray:
    """Return `(N,)` float64, NaN where missing; dates in seconds since 1970."""
    if column.kind != "date":
        return column.values
    seconds = column.values.astype("datetime64[s]").astype(np.int64).astype(np.float64)
    seconds[column.missing] = np.nan
    return np.asarray(seconds)


def finite_values(column: Column, lines: Lines) -> np.ndarray:
    """Return `raw_values` of a column without infinite values.

    Raises:
        DataError: Names the lines of infinite values.
    """
    values = raw_values(column)
    infinite = np.isinf(values)
    if infinite.any():
        raise DataError(
            f"column '{column.name}': {infinite.sum()} of {len(values)} values are "
            f"infinite ({lines.take(infinite)}); correct them, or leave them "
            "empty"
        )
    return values


def distinct_texts(column: Column) -> tuple[np.ndarray, list[str]]:
    """Return `(N,)` places in a list of texts, -1 where missing, and the list.

    The list may hold texts that no row has.
    """
    if column.kind == "text":
        return column.values, list(column.levels)
    there = ~column.missing
    places = np.full(len(column.values), -1)
    distinct, places[there] = np.unique(column.values[there], return_inverse=True)
    return places, Column(column.format, distinct).texts()


def date_features(seconds: np.ndarray, *, clock: bool) -> list[np.ndarray]:
    """Expand `(N,)` seconds since 1970 into days, year, and points on circles."""
    dates = seconds.astype(np.int64).astype("datetime64[s]")
    months = dates.astype("datetime64[M]").astype(np.int64)
    weekday = (seconds // DAY + 3) % 7  # 1970 began on a Thursday; Monday is 0
    turns = [months % 12 / 12, weekday / 7]
    if clock:
        turns.append(seconds % DAY / DAY)
    circles = [wave(2 * np.pi * turn) for turn in turns for wave in (np.sin, np.cos)]
    return [seconds / DAY, months // 12 + 1970.0, *circles]


def _refuse_too_large(name: str, feature: np.ndarray, lines: Lines) -> None:
    large = np.abs(feature) > FLOAT32_MAX
    if large.any():
        raise DataError(
            f"column '{name}': {large.sum()} of {len(feature)} values are too large "
            f"for float32 ({lines.take(large)}); correct them, or use "
            "RobustScale"
        )


def _changes(
    column: Column, what: str, where: np.ndarray, lines: Lines
) -> list[Change]:
    rows = np.flatnonzero(where)
    if not len(rows):
        return []
    (example,) = column.texts(rows[:1])
    return [Change.at(lines.take(rows), column.name, what, example)]
