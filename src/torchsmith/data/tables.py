"""Reading tables: files for training, files for prediction, and tables in memory."""

import gzip
import hashlib
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from torchsmith.core.errors import DataError, PlanError, nearest
from torchsmith.core.observer import QUIET, Observer
from torchsmith.core.vocabulary import ColumnRole
from torchsmith.data.cells import Cells, Sheet
from torchsmith.data.columns import decide_formats
from torchsmith.data.convert import convert_all
from torchsmith.data.data import MISSING_TARGET, Column, ColumnFormat, Data, Table
from torchsmith.data.delimited import read_delimited
from torchsmith.data.encoding import decode
from torchsmith.data.header import NAMELESS
from torchsmith.data.memory import sheet_from_rows
from torchsmith.data.no_data import refuse_content
from torchsmith.data.parquet import MAGIC, read_parquet
from torchsmith.data.retarget import nearest_target

_LARGEST = 4 << 30  # bytes of text; more does not fit into memory as a table


def read_table(
    path: Path,
    *,
    target: str | None = None,
    roles: Mapping[str, ColumnRole] | None = None,
    drop_missing_target: bool = False,
    observer: Observer = QUIET,
) -> Data:
    """Read a table for training, finding out what its columns are.

    Delimited text (CSV, TSV, `;`, `|`) in any common encoding, or Parquet, both told by
    content and not by the file's name; gzip or not.

    Args:
        path: The file.
        target: The column that becomes `Data.target`.
        roles: What columns must be; a value that does not fit is refused.
        drop_missing_target: Leave out rows without a target; otherwise refuse.
        observer: Is told what is being read.

    Raises:
        DataError: The file, a column, or the target cannot be used; says where.
        PlanError: `roles` name a column that is not there.
    """
    sheet = _read_sheet(path, (), observer)
    return _decide(sheet, target, roles or {}, drop_missing_target=drop_missing_target)


def read_with_formats(
    path: Path,
    formats: Sequence[ColumnFormat],
    *,
    target: ColumnFormat | None = None,
    columns: Collection[str] = (),
    observer: Observer = QUIET,
) -> Data:
    """Read a table for prediction, as the one was read that the network learned from.

    Columns may stand in any order; others are ignored, and `Data.reading["ignored"]`
    says so. Without a header they stand as in training; the target may be left out.

    Args:
        path: The file.
        formats: The columns that are needed.
        target: The column to predict; read if the file has it.
        columns: All columns of training but the target, by which those of a file
            without header are counted; default those that are needed.
        observer: Is told what is being read.

    Raises:
        DataError: A column is not there, or values do not fit its format.
    """
    known = [form.name for form in (*formats, *([target] if target else []))]
    return _apply(_read_sheet(path, known, observer), formats, target, columns)


def read_columns(
    source: object,
    formats: Sequence[ColumnFormat],
    *,
    target: ColumnFormat | None,
    columns: Collection[str],
    ragged: bool,
) -> Data:
    """Read a table for prediction that sequences are made of: its target is a column.

    Args:
        source: A file, or rows in memory as for `table_from_rows`.
        formats: As for `read_with_formats`.
        target: A column that is read if it is there, after the others.
        columns: As for `read_with_formats`.
        ragged: Whether the last columns may be absent, but for the first two.

    Raises:
        DataError: A column is not there, or values do not fit its format.
    """
    if isinstance(source, str | Path):
        known = [form.name for form in (*formats, *([target] if target else []))]
        sheet = _read_sheet(Path(source), known, QUIET)
    else:
        sheet = sheet_from_rows(source, "rows")
    return _known_columns(sheet, formats, target, columns, ragged=ragged)


def texts_of_columns(
    source: object, names: Sequence[str], called: str = "rows"
) -> dict[str, tuple[str, ...]]:
    """Read columns of a table as they stand there, whatever they hold.

    Args:
        source: A file, or rows in memory as for `table_from_rows`.
        names: The columns.
        called: What messages call rows in memory.

    Returns:
        N texts for each column; empty where there is no value.

    Raises:
        DataError: There is no such column.
    """
    if isinstance(source, str | Path):
        sheet = _read_sheet(Path(source), names, QUIET)
    else:
        sheet = sheet_from_rows(source, called)
    if lacking := [name for name in names if name not in sheet.columns]:
        raise _no_column(sheet, "column", lacking)
    return {name: _as_texts(sheet.columns[name]) for name in names}


def table_from_rows(
    rows: object,
    *,
    formats: Sequence[ColumnFormat] | None = None,
    target: str | ColumnFormat | None = None,
    roles: Mapping[str, ColumnRole] | None = None,
    drop_missing_target: bool = False,
    source: str = "rows",
) -> Data:
    """Make `Data` of a table in memory.

    Args:
        rows: A mapping of columns, one row as a mapping, a sequence of mappings, a
            pandas or polars data frame, or values `(N, C)`. The columns of these are
            called as in `formats`, in their order, or x0, x1, ….
        formats: The columns that are needed, for prediction; without it, what columns
            are is found out as for a file.
        target: The column to predict: its name, or with `formats` its format.
        roles: Without `formats`: what columns must be.
        drop_missing_target: Without `formats`: leave out rows without a target.
        source: What to call the table in messages.

    Raises:
        DataError: A column, or the target, cannot be used.
    """
    names = [form.name for form in formats] if formats else []
    sheet = sheet_from_rows(rows, source, names)
    if formats is None:
        name = target.name if isinstance(target, ColumnFormat) else target
        drop = drop_missing_target
        return _decide(sheet, name, roles or {}, drop_missing_target=drop)
    return _apply(sheet, formats, target if isinstance(target, ColumnFormat) else None)


def _read_sheet(path: Path, known: Collection[str], observer: Observer) -> Sheet:
    observer.stage(f"Reading {path.name}")
    raw = _content(path)
    fingerprint = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    if raw.startswith(MAGIC):
        return read_parquet(path, fingerprint)
    if path.suffix.lower() in (".parquet", ".pq"):
        raise DataError(
            f"{path}: is not a Parquet file (it does not begin with PAR1); write it "
            "again, or rename it if it is text"
        )
    decoded = decode(raw, str(path))
    sheet = read_delimited(decoded.text, str(path), known)
    reading = {"encoding": decoded.encoding, **sheet.reading}
    if decoded.note:
        reading["encoding note"] = decoded.note
    return replace(sheet, reading=reading, fingerprint=fingerprint)


def _content(path: Path) -> bytes:
    """Return the bytes of a file, decompressed if it is gzip."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        folder = path.parent
        names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
        raise DataError(f"no such file: {path}{nearest(path.name, names)}") from error
    except IsADirectoryError as error:
        raise DataError(f"{path} is a folder; expected a table file") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if raw.startswith(b"\x1f\x8b"):
        raw = _gunzip(path)
    refuse_content(path, raw)
    return raw


def _gunzip(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            raw = file.read(_LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: the gzip file is damaged or cut off ({error}); copy it again"
        ) from error
    if len(raw) > _LARGEST:
        raise DataError(f"{path}: holds over {_LARGEST >> 30} GiB of text; split it")
    return raw


def _decide(
    sheet: Sheet,
    target: str | None,
    roles: Mapping[str, ColumnRole],
    *,
    drop_missing_target: bool,
) -> Data:
    if target is not None and target not in sheet.columns:
        raise _no_column(sheet, "target column", [target])
    for name in roles:
        if name not in sheet.columns:
            error = _no_column(sheet, "column", [name])
            raise PlanError(f"data.columns.{name}: {error}")
    decided = decide_formats(sheet, roles)
    remedy = "correct them, or give the column the role category or ignore"
    formats = decided.formats
    data = _convert_sheet(sheet, [f for n, f in formats.items() if n != target], remedy)
    reading = dict(data.reading)
    if decided.notes:
        reading["date note"] = "; ".join(decided.notes)
    data = replace(data, reading=reading, changes=data.changes + decided.changes)
    if target is None:
        return data
    answer = convert_all(sheet.columns[target], formats[target], sheet, remedy)
    data = replace(data, target=answer.column, changes=data.changes + answer.changes)
    return _without_missing(data, answer.column, sheet, drop=drop_missing_target)


def _without_missing(data: Data, target: Column, sheet: Sheet, *, drop: bool) -> Data:
    rows = np.flatnonzero(target.missing)
    if not len(rows):
        return data
    if drop and len(rows) < len(data):
        change = sheet.change(target.name, MISSING_TARGET, rows, "")
        data = replace(data, changes=(*data.changes, change))
        return data.take(np.flatnonzero(~target.missing))
    if len(rows) == len(data):
        raise DataError(
            f"{sheet.source}: target '{target.name}' is missing in every row, so there "
            "is nothing to learn; fill it in, or choose another target"
        )
    raise DataError(
        f"{sheet.source}: target '{target.name}' is missing in {len(rows):,} of "
        f"{len(data):,} rows ({sheet.lines.take(rows)}); fill them in, or set "
        "data.drop_missing_target: true to leave these rows out"
    )


def _apply(
    sheet: Sheet,
    formats: Sequence[ColumnFormat],
    target: ColumnFormat | None,
    columns: Collection[str] = (),
) -> Data:
    data = _known_columns(sheet, formats, target, columns)
    if target is None or not isinstance(data.inputs, Table):
        return data
    inputs = dict(data.inputs.columns)
    answer = inputs.pop(target.name, None)
    return replace(data, inputs=replace(data.inputs, columns=inputs), target=answer)


def _known_columns(
    sheet: Sheet,
    formats: Sequence[ColumnFormat],
    target: ColumnFormat | None,
    columns: Collection[str],
    *,
    ragged: bool = False,
) -> Data:
    """Read these columns by their formats, then the target if it is there."""
    sheet = _with_known_names(sheet, columns or [f.name for f in formats], target)
    if ragged:
        num_held = sum(form.name in sheet.columns for form in formats)
        formats = formats[: max(num_held, 2)]
    if lacking := [form.name for form in formats if form.name not in sheet.columns]:
        raise _no_column(sheet, "column", lacking)
    if target is not None and target.name in sheet.columns:
        formats = [*formats, target]
    data = _convert_sheet(sheet, formats, "in training all were, so correct these")
    used = {form.name for form in formats}
    if ignored := [name for name in sheet.columns if name not in used]:
        told = f"column{'s' * (len(ignored) > 1)} " + ", ".join(ignored)
        reading = {**data.reading, "ignored": told}
        data = replace(data, reading=reading)
    return data


def _as_texts(column: Cells | Column) -> tuple[str, ...]:
    return tuple(column.texts() if isinstance(column, Column) else column.as_texts())


def _with_known_names(
    sheet: Sheet, columns: Collection[str], target: ColumnFormat | None
) -> Sheet:
    """Name the columns of a file without header, which may lack its target.

    Raises:
        DataError: It has more or fewer columns, so nobody knows which is which.
    """
    count, needed = len(sheet.columns), len(columns)
    headless = sheet.reading.get("header", "").startswith("none")
    if not headless or (target is not None and count == needed + 1):
        return sheet
    if count != needed:
        also = f" and the target '{target.name}', which may be absent" if target else ""
        raise DataError(
            f"{sheet.source}: has no header and {count} columns; training had {needed}"
            f"{also}. Give the same columns in the same order, or a header with their "
            "names"
        )
    # The order of training, whatever order a plan names them in: column_2, column_10.
    names = sorted(columns, key=lambda name: (len(name), name))
    renamed = {
        name: replace(raw, name=name) if isinstance(raw, Cells) else raw
        for name, raw in zip(names, sheet.columns.values(), strict=True)
    }
    return replace(sheet, columns=renamed)


def _convert_sheet(sheet: Sheet, formats: Sequence[ColumnFormat], remedy: str) -> Data:
    columns, changes = {}, [*sheet.changes]
    for form in formats:
        converted = convert_all(sheet.columns[form.name], form, sheet, remedy)
        columns[form.name] = converted.column
        changes += converted.changes
    return Data(
        source=sheet.source,
        inputs=Table(columns, sheet.lines, _folder(sheet.source)),
        fingerprint=sheet.fingerprint,
        reading=sheet.reading,
        changes=tuple(changes),
    )


def _folder(source: str) -> Path | None:
    """Return the folder of a table that is a file."""
    path = Path(source)
    return path.parent if path.is_file() else None


def _no_column(sheet: Sheet, what: str, names: Sequence[str]) -> DataError:
    listed = ", ".join(f"'{name}'" for name in names[:20])
    columns = [*sheet.columns]
    more = f", … ({len(columns)} in all)" if len(columns) > 20 else ""
    near = nearest_target if what.startswith("target") else nearest
    hint = near(names[0], columns) if len(names) == 1 else ""
    hint += "" if hint.endswith("?") else ";"
    headless = sheet.reading.get("header", "").startswith("none")
    called = "the file has no header, so its columns are called"
    told = called if headless else "the columns are:"
    if len(columns) == 1 and names[0] in columns[0].split():
        more = ", one alone: put a comma, semicolon, tab or | between columns, no space"
    nameless = sum(NAMELESS in change.what for change in sheet.changes)
    if nameless and nameless >= len(columns) - 1:
        more += "; if the first row is a title, or empty, delete it"
    return DataError(
        f"{sheet.source}: no {what}{'s' * (len(names) > 1)} {listed}{hint} "
        f"{told} {', '.join(columns[:20])}{more}"
    )
