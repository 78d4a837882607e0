"""Tables that are already in memory: columns, rows, data frames, arrays."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.data.cells import Cells, Sheet, collect
from torchsmith.data.data import Change, Column, ColumnFormat
from torchsmith.data.dates import CUT_OFF, IN_UTC
from torchsmith.data.lines import Lines
from torchsmith.data.numerals import EXACT, number_text


def sheet_from_rows(rows: object, source: str, names: Sequence[str] = ()) -> Sheet:
    """Make a sheet of whatever holds a table in memory.

    Args:
        rows: A mapping of columns, a mapping of one row's values, a sequence of
            mappings (one a row), a pandas or polars data frame, or anything of two
            dimensions (N, C).
        source: What to call the table in messages.
        names: What to call the columns of `(N, C)` values; x0, x1, … where empty.

    Raises:
        DataError: It is none of these, or its parts do not fit together.
    """
    if isinstance(rows, Mapping):
        return sheet_from_columns(_as_columns(rows), source)
    if hasattr(rows, "columns") and hasattr(rows, "__getitem__"):
        labels = [*rows.columns]
        if len({*map(str, labels)}) < len(labels):
            raise DataError(f"{source}: the data frame has columns of one name")
        frame: Any = rows
        columns = {str(label): frame[label].to_numpy() for label in labels}
        return sheet_from_columns(columns, source)
    if isinstance(rows, Sequence) and rows and isinstance(rows[0], Mapping):
        return sheet_from_columns(_transposed(rows, source), source)
    try:
        array = np.asarray(rows)
    except ValueError:  # rows of several lengths
        array = np.empty(0)
    if array.ndim != 2:
        raise DataError(
            f"{source}: expected a mapping of columns, rows as mappings, a data frame "
            f"or an array (N, C); got {type(rows).__name__}"
            + (f" of shape {array.shape}" if array.size else "")
        )
    names = names or [f"x{i}" for i in range(array.shape[1])]
    if len(names) != array.shape[1]:
        raise DataError(
            f"{source}: has {array.shape[1]} columns; expected {len(names)}: "
            + ", ".join(names[:20])
        )
    return sheet_from_columns(dict(zip(names, array.T, strict=True)), source)


def sheet_from_columns(columns: Mapping[str, Any], source: str) -> Sheet:
    """Make a sheet of named columns of N values each.

    Args:
        columns: Sequences or arrays `(N,)`; None, NaN, NaT and masked are missing;
            strings are read like the text of a file, times with an offset as UTC.
        source: What to call the table in messages.

    Raises:
        DataError: Lengths differ, there are no rows, or a type is not understood.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if len({*lengths.values()}) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise DataError(f"{source}: columns differ in length: {listed}")
    if not any(lengths.values()):
        raise DataError(f"{source}: the table has no rows")
    changes: list[Change] = []
    raws = {name: _column(name, columns[name], source, changes) for name in columns}
    digest = hashlib.sha256()
    for name, raw in raws.items():
        digest.update(name.encode() + b"\0")
        values = raw.codes if isinstance(raw, Cells) else raw.values
        digest.update(np.ascontiguousarray(values).tobytes())
        if isinstance(raw, Cells):
            digest.update("\0".join(raw.texts).encode())
    return Sheet(
        source=source,
        columns=raws,
        lines=Lines.counted(next(iter(lengths.values()))),
        reading={},
        changes=tuple(changes),
        fingerprint=f"sha256:{digest.hexdigest()}",
    )


def _as_columns(rows: Mapping[str, Any]) -> dict[str, Any]:
    if any(isinstance(v, str) or not hasattr(v, "__len__") for v in rows.values()):
        return {str(name): [value] for name, value in rows.items()}
    return {str(name): values for name, values in rows.items()}


def _transposed(rows: Sequence[Mapping[str, Any]], source: str) -> dict[str, list[Any]]:
    rows = [{str(name): value for name, value in row.items()} for row in rows]
    names = dict.fromkeys(name for row in rows for name in row)
    for number, row in enumerate(rows, 1):
        if lacking := [name for name in names if name not in row]:
            raise DataError(
                f"{source}: row {number} has no '{lacking[0]}', which other rows have; "
                "write None where there is no value"
            )
    return {name: [row[name] for row in rows] for name in names}


def _column(
    name: str,
    values: Any,  # noqa: ANN401
    source: str,
    changes: list[Change],
) -> Cells | Column:
    if isinstance(values, np.ma.MaskedArray):
        gone, values = np.ma.getmaskarray(values), values.data
    else:
        gone = np.zeros(len(values), dtype=bool)
        if not isinstance(values, np.ndarray):
            values = _object_array(values)
    if values.ndim != 1:
        raise DataError(
            f"{source}: column '{name}' has values of {values.ndim - 1} dimensions; "
            "expected one value a row"
        )
    if values.dtype.kind == "O":
        gone = gone | np.array([_is_nothing(v) for v in values.tolist()], dtype=bool)
        values = _in_utc(name, values, gone, changes)
    if values.dtype.kind == "O":
        values = _typed(name, values, gone, source)
    if isinstance(values, list):
        texts = zip(values, gone.tolist(), strict=True)
        return collect(name, [None if missing else text for text, missing in texts])
    return _array_column(name, values, gone, source, changes)


def _array_column(
    name: str,
    values: np.ndarray,
    gone: np.ndarray,
    source: str,
    changes: list[Change],
) -> Cells | Column:
    kind = values.dtype.kind
    if kind in "iu" and len(values) and _beyond_float(values[~gone]):
        texts = zip(values.tolist(), gone.tolist(), strict=True)
        return collect(name, [None if missing else str(n) for n, missing in texts])
    if kind in "iufb":
        form = ColumnFormat(name=name, kind="number")
        if kind == "b":
            words = ("false", "true")
            form = ColumnFormat(name=name, kind="boolean", words=words)
        return Column(form, np.where(gone, np.nan, values.astype(np.float64)))
    if kind == "M":
        moments = np.where(gone, np.datetime64("NaT"), values.astype("datetime64[s]"))
        _tell(changes, name, CUT_OFF, values, ~np.isnat(moments) & (moments != values))
        whole = (moments == moments.astype("datetime64[D]")) | np.isnat(moments)
        date_format = "%Y-%m-%d" if whole.all() else "%Y-%m-%d %H:%M:%S"
        form = ColumnFormat(name=name, kind="date", date_format=date_format)
        return Column(form, moments)
    if kind in "UT":
        texts = zip(values.tolist(), gone.tolist(), strict=True)
        return collect(name, [None if missing else str(t) for t, missing in texts])
    raise DataError(
        f"{source}: column '{name}' holds {values.dtype}; expected numbers, booleans, "
        "dates or text; make columns of these, or leave the column out"
    )


def _typed(
    name: str, values: np.ndarray, gone: np.ndarray, source: str
) -> np.ndarray | list[str]:
    """Give objects the type that all of them have, else write them as texts."""
    known = [v for v, missing in zip(values.tolist(), gone, strict=True) if not missing]
    # NumPy takes a span of time for a whole number, and then cannot write it.
    spans = any(isinstance(value, np.timedelta64) for value in known)
    for types, dtype in (
        ((bool, np.bool_), "bool"),
        ((int, float, Decimal, np.number), "float64"),
        ((date, np.datetime64), "datetime64[us]"),
    ):
        fits = not spans and all(isinstance(value, types) for value in known)
        if dtype == "float64":
            fits = fits and not any(isinstance(v, bool) or _is_large(v) for v in known)
        if dtype.startswith("datetime"):
            fits = fits and not any(getattr(value, "tzinfo", None) for value in known)
        if known and fits:
            filled = np.zeros(len(values), dtype=dtype)
            filled[~gone] = np.array(known, dtype=dtype)
            return filled
    for row, (value, missing) in enumerate(zip(values.tolist(), gone, strict=True), 1):
        plain = isinstance(value, str | int | float | Decimal | date | np.generic)
        if not (missing or (plain and not isinstance(value, np.timedelta64))):
            raise DataError(
                f"{source}: column '{name}', row {row} holds a {type(value).__name__}; "
                "expected numbers, booleans, dates or text; make columns of these, or "
                "leave the column out"
            )
    return [
        "" if missing else _text(v) for v, missing in zip(values, gone, strict=True)
    ]


def _in_utc(
    name: str, values: np.ndarray, gone: np.ndarray, changes: list[Change]
) -> np.ndarray:
    """Return times in UTC where all of them have an offset; else what there is."""
    known = values[~gone].tolist()
    if not all(isinstance(value, datetime) for value in known):
        return values
    offsets = [value.utcoffset() for value in known]
    if not offsets or None in offsets:
        return values
    elsewhere = np.zeros(len(values), bool)
    elsewhere[~gone] = [bool(offset) for offset in offsets]
    _tell(changes, name, IN_UTC, values, elsewhere)
    # In NumPy's numbers there is a time before the year 1, and after 9999.
    local = np.array([value.replace(tzinfo=None) for value in known], "datetime64[us]")
    moments = np.zeros(len(values), "datetime64[us]")
    moments[~gone] = local - np.array(offsets, "timedelta64[us]")
    return moments


def _tell(
    changes: list[Change],
    name: str,
    what: str,
    values: np.ndarray,
    where: np.ndarray,
) -> None:
    if len(rows := np.flatnonzero(where)):
        lines = Lines.counted(len(values)).take(rows)
        changes.append(Change.at(lines, name, what, str(values[rows[0]])))


def _text(value: object) -> str:
    if isinstance(value, float | np.floating):
        return number_text(float(value))
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return str(value)


def _object_array(values: Sequence[Any]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        array[row] = value
    return array


def _is_nothing(value: object) -> bool:
    """Tell None, NaN and NaT, which are unequal to themselves, and pandas' NA."""
    if value is None or type(value).__name__ == "NAType":
        return True
    return isinstance(value, float | date | np.generic | Decimal) and bool(
        value != value
    )


def _is_large(value: object) -> bool:
    return isinstance(value, int | np.integer) and abs(int(value)) > EXACT


def _beyond_float(values: np.ndarray) -> bool:
    return bool(len(values)) and (
        int(values.max()) > EXACT or int(values.min()) < -EXACT
    )
