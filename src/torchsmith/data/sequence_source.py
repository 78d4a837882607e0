"""Which files and objects are sequences, and what reads them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from torchsmith.core.errors import DataError, PlanError
from torchsmith.core.observer import Observer
from torchsmith.core.vocabulary import ColumnRole, Kind
from torchsmith.data.data import MISSING_TARGET, Change, Data, Sequences, Series
from torchsmith.data.forecasting import windows_of_table
from torchsmith.data.sequence_arrays import (
    holds_sequences,
    read_npz_sequences,
    sequences_from_arrays,
)
from torchsmith.data.sequence_files import (
    is_archive_name,
    parts_beside,
    parts_in_folder,
)
from torchsmith.data.sequence_rows import looks_like_rows, read_rows
from torchsmith.data.sequence_tables import no_column, sequences_of_long_table, table_of
from torchsmith.data.sequence_texts import (
    look_like_texts,
    read_text_folder,
    sequences_from_texts,
)
from torchsmith.data.sequence_ts import read_ts
from torchsmith.data.sequence_wide import sequences_of_wide_table
from torchsmith.data.tables import read_table, table_from_rows

ROW_ENDINGS = (".tsv", ".txt", ".csv", ".data")

_NAMELESS = re.compile(r"column_\d+")
"""What the columns of a table without header are called."""


def read_sequence_file(
    path: Path, target: str | None, kind: Kind | None
) -> Data | None:
    """Read a file that holds sequences, or return None where it holds something else.

    A `.ts` file holds sequences, and an NPZ file with an array called `sequences` or
    `lengths`, and `NAME_TRAIN.tsv` of rows of numbers. Others do where `kind` says so.

    Args:
        path: The file.
        target: The array to predict, or what to call the label.
        kind: What was asked for.

    Raises:
        DataError: It holds sequences that cannot be read; says where.
    """
    asked = kind == "sequences"
    ending = path.suffix.lower()
    if not asked and kind is not None:
        return None
    if ending == ".ts":
        return read_ts(parts_beside(path), source=str(path), target=target)
    if ending == ".npz" and (asked or holds_sequences(path)):
        return read_npz_sequences(path, target=target)
    rows = is_archive_name(path.name) or (asked and ending in ROW_ENDINGS)
    if rows and not _NAMELESS.fullmatch(target or "") and looks_like_rows(path):
        return read_rows(parts_beside(path), source=str(path), target=target)
    return None


def read_sequence_folder(
    folder: Path,
    names: Sequence[str],
    target: str | None,
    kind: Kind | None,
    *,
    texts: bool = True,
) -> Data | None:
    """Read a folder that holds sequences, or return None where it holds others.

    `NAME_TRAIN.tsv` and `NAME_TEST.tsv`, or `.ts`, are the parts of one source; a
    folder of `.txt` files is one of texts, a file for each class.

    Args:
        folder: The folder.
        names: Of the files in it.
        target: What to call the label.
        kind: What was asked for.
        texts: Whether it may be a folder of texts.

    Raises:
        DataError: It holds sequences that cannot be read; says where.
    """
    if kind not in (None, "sequences"):
        return None
    parts = parts_in_folder(folder, names)
    if parts and (parts[0][1].suffix == ".ts" or looks_like_rows(parts[0][1])):
        ts = parts[0][1].suffix == ".ts"
        data = (read_ts if ts else read_rows)(parts, source=str(folder), target=target)
        used = {path.name for _, path in parts}
        left = [name for name in sorted(names) if name not in used]
        reading = (
            {**data.reading, "not_used": ", ".join(left)} if left else data.reading
        )
        return replace(data, reading=reading)
    files = [folder / name for name in names if not name.startswith(".")]
    texts &= len(files) > 1 and all(f.suffix.lower() == ".txt" for f in files)
    if texts and (kind == "sequences" or look_like_texts(files)):
        return read_text_folder(folder, files, target=target)
    return None


def read_sequence_table(
    path: Path,
    series: Series | None,
    *,
    target: str | None,
    roles: Mapping[str, ColumnRole] | None,
    drop_missing_target: bool,
    observer: Observer,
) -> Data:
    """Read a table of sequences: a row for each step, or a row for each sequence.

    Args:
        path: The file.
        series: Names the columns that tell which row is which step; None where each
            row is a sequence.
        target: The column to predict.
        roles: What columns must be.
        drop_missing_target: Leave out examples without a target.
        observer: Is told what is being read.

    Raises:
        DataError: The table cannot be read, or makes no sequences; says the lines.
        PlanError: A column does not exist, or settings are missing.
    """
    data = read_table(path, roles=roles, observer=observer)
    return _of_table(data, series, target, drop=drop_missing_target)


def sequences_from_rows(
    source: object,
    series: Series,
    *,
    target: str | None,
    roles: Mapping[str, ColumnRole] | None,
    drop_missing_target: bool,
) -> Data:
    """Take a table of sequences in memory; see `read_sequence_table`."""
    data = table_from_rows(source, roles=roles)
    return _of_table(data, series, target, drop=drop_missing_target)


def _of_table(
    data: Data, series: Series | None, target: str | None, *, drop: bool
) -> Data:
    table = table_of(data)
    if target is not None and target not in table.columns:
        raise no_column(data, table, "target", target)
    if series is None:
        return _labelled(sequences_of_wide_table(data, target=target), drop=drop)
    if series.window:
        return windows_of_table(data, series, target=target, drop_missing_target=drop)
    if series.id is None:
        raise PlanError(
            "data.time: needs data.id, the column that tells the sequences apart, or "
            "data.window, to predict the next value"
        )
    whole = sequences_of_long_table(data, series, target=target)
    return _labelled(whole, drop=drop)


def _labelled(data: Data, *, drop: bool) -> Data:
    """Leave out sequences without a target, or refuse them."""
    if data.target is None or not isinstance(data.inputs, Sequences):
        return data
    gone = np.flatnonzero(data.target.missing)
    if not len(gone):
        return data
    if drop and len(gone) < len(data):
        change = Change(
            column=data.target.name,
            what=MISSING_TARGET,
            count=len(gone),
            example=data.inputs.name(int(gone[0])),
        )
        kept = data.take(np.flatnonzero(~data.target.missing))
        return replace(kept, changes=(*data.changes, change))
    raise DataError(
        f"{data.source}: target '{data.target.name}' is missing in {len(gone):,} of "
        f"{len(data):,} sequences ({data.inputs.places(gone)}); "
        "fill them in, or set data.drop_missing_target: true to leave these out"
    )


def sequences_from_python(source: object, target: str | None) -> Data:
    """Take sequences in memory: inputs alone, or `(X, y)`.

    Args:
        source: An array `(N, C, L)` or `(N, L)`, a list of arrays `(C, L)` or `(L,)`,
            or a list of texts; with labels as a tuple.
        target: What to call the label.

    Raises:
        DataError: Shapes, types or lengths do not fit.
    """
    inputs, labels = source, None
    if isinstance(source, tuple) and len(source) == 2:
        inputs, labels = source[0], np.asarray(source[1])
    if isinstance(inputs, list) and all(isinstance(text, str) for text in inputs):
        return sequences_from_texts(inputs, labels, target=target)
    return sequences_from_arrays(inputs, labels, target=target)
