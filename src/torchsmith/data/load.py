"""Reading whatever a person names: a file, a folder, a known set, or arrays."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from torchsmith.core.errors import DataError, PlanError, nearest
from torchsmith.core.observer import Observer
from torchsmith.core.vocabulary import WORDS, ColumnRole, Kind
from torchsmith.data.arrays import (
    array_of,
    data_from_arrays,
    read_npy,
    read_npz,
    read_npz_folder,
)
from torchsmith.data.catalog import NAMES, Entry, entry_named, is_copy
from torchsmith.data.catalog_sets import read_set
from torchsmith.data.data import Data, Sequences, Series
from torchsmith.data.idx import is_idx_name, looks_like_idx, read_idx_source
from torchsmith.data.image_folder import read_image_folder
from torchsmith.data.nifti import holds_nifti, is_nifti, read_nifti
from torchsmith.data.no_data import refuse_file, refuse_run
from torchsmith.data.pictures import EXTENSIONS, sniff
from torchsmith.data.pixels_csv import find_layout, read_pixels_csv
from torchsmith.data.sequence_source import (
    read_sequence_file,
    read_sequence_folder,
    read_sequence_table,
    sequences_from_python,
    sequences_from_rows,
)
from torchsmith.data.sequence_texts import look_like_texts, not_texts
from torchsmith.data.tables import read_table, table_from_rows

TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".data", ".parquet", ".pq")


@dataclass(frozen=True)
class _Asked:
    """What `load` is asked for, besides the source."""

    target: str | None
    roles: Mapping[str, ColumnRole] | None
    drop: bool
    skip: bool | None
    labelled: bool
    kind: Kind | None
    series: Series | None
    observer: Observer


def load(  # noqa: PLR0913 -- each asks for something else
    source: object,
    *,
    target: str | None = None,
    roles: Mapping[str, ColumnRole] | None = None,
    drop_missing_target: bool = False,
    skip_damaged: bool | None = False,
    labelled: bool = True,
    kind: Kind | None = None,
    series: Series | None = None,
    observer: Observer | None = None,
) -> Data:
    """Read data from whatever holds it.

    Args:
        source: A path, the name of a known set such as `"mnist"`, `(X, y)` arrays, a
            data frame, or a mapping of columns. A path of the same name as a set wins.
        target: The column to predict; for images, what to call the label.
        roles: What columns of a table must be.
        drop_missing_target: Leave out rows of a table without a target.
        skip_damaged: Leave out damaged pictures and volumes. None refuses them as
            False does, where there is no plan in which to ask for it.
        labelled: Whether folders of pictures and volumes are parts and classes.
        kind: What the source holds, where it could mean several things; by default its
            content decides.
        series: How the rows of a table make sequences, where they do.
        observer: Is told what is being read.

    Raises:
        DataError: There is no such source, or it cannot be used; says where and why.
        PlanError: `series` is given for what is read without it, or `roles` name a
            column that is not there.

    >>> load("iris").target.levels
    ('setosa', 'versicolor', 'virginica')
    """
    if isinstance(source, Data):
        return _with_series(source, series)
    asked = _Asked(
        target=target,
        roles=roles,
        drop=drop_missing_target,
        skip=skip_damaged,
        labelled=labelled,
        kind=kind,
        series=series,
        observer=observer or Observer(),
    )
    if isinstance(source, str | os.PathLike):
        return _with_series(_from_name(source, asked), series)
    return _with_series(_from_python(source, asked), series)


def _with_series(data: Data, series: Series | None) -> Data:
    """Refuse settings of a table's rows where no such table was read."""
    used = isinstance(data.inputs, Sequences) and data.inputs.series is not None
    if series is None or used:
        return data
    given = [f"data.{name}" for name, value in series if value]
    verb, them = ("is", "it") if len(given) == 1 else ("are", "them")
    held = WORDS[data.kind]
    what = f"but {data.source} holds {held}"
    if data.kind == "table":  # every other table is read as they say
        what = f"but {data.source} is read as {held} of single rows"
    raise PlanError(
        f"{', '.join(given)}: {verb} for tables with a row for each step, {what}; "
        f"leave {them} out"
    )


def target_name(target: object) -> str | None:
    """Return the name of the target column; a whole number is the label that it is.

    Raises:
        DataError: It is no name, such as the values themselves.

    >>> target_name(2)
    '2'
    """
    if target is None or isinstance(target, str):
        return target
    if isinstance(target, int | np.integer) and not isinstance(target, bool):
        return str(target)  # as data frames without names call their columns
    what = type(target).__name__
    raise DataError(
        f"target: must be the name of a column, and is of type {what}; where it holds "
        "the values to predict, give them beside the inputs, as a pair: (X, y)"
    )


def _from_name(source: str | os.PathLike[str], asked: _Asked) -> Data:
    name = os.fspath(source)
    if not isinstance(name, str) or not name.strip():
        raise DataError(
            f"{source!r} names nothing; give a file, a folder, or one of "
            f"{', '.join(NAMES)}"
        )
    path = _path(name)
    entry = entry_named(name) if isinstance(source, str) else None
    if not path.exists():
        if entry is None:
            raise _nothing_there(name, path)
        return _set(entry, None, asked)
    if entry is not None and path.is_dir() and is_copy(entry, path):
        return _set(entry, path, asked)
    if path.is_dir():
        data = _from_folder(path, asked)
    elif path.is_file():
        data = _from_file(path, asked)
    else:
        raise DataError(f"{path}: is neither a file nor a folder")
    return replace(data, source=name, reading={**data.reading, **_shadow(entry, path)})


def _path(name: str) -> Path:
    """Return the path that a name means, there or not."""
    path = Path(name)
    with suppress(RuntimeError):  # "~data.csv" is a file where there is no such user
        path = path.expanduser()
    try:
        path.exists()
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror})") from error
    return path


def _set(entry: Entry, folder: Path | None, asked: _Asked) -> Data:
    return read_set(
        entry,
        target=asked.target,
        roles=asked.roles,
        folder=folder,
        observer=asked.observer,
    )


def _shadow(entry: Entry | None, path: Path) -> dict[str, str]:
    if entry is None:
        return {}
    told = f"'{path}' is here and was read; rename it to get the known set"
    return {"name": told}


def _from_folder(path: Path, asked: _Asked) -> Data:
    target, kind, observer = asked.target, asked.kind, asked.observer
    try:
        held = sorted(path.iterdir())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    refuse_run(path)
    files = [file.name for file in held if file.is_file()]
    folders = [f for f in held if f.is_dir() and not f.name.startswith(".")]
    if holds_nifti(path):
        return _examples(read_nifti, path, asked)
    if any(is_idx_name(name) for name in files):
        observer.stage(f"Reading {path.name}")
        return read_idx_source(path, target=target)
    if "train.npz" in files:
        observer.stage(f"Reading {path.name}")
        return read_npz_folder(path, target=target, kind=kind)
    # Texts are all that their folder holds; else a folder of classes may be meant.
    texts = kind == "sequences" or not folders
    sequences = read_sequence_folder(path, files, target, kind, texts=texts)
    if sequences is not None:
        return sequences
    found = [n for n in files if n.removesuffix(".gz").endswith(TABLE_ENDINGS)]
    found += [n for n in files if n.endswith((".npz", ".npy"))]
    pictures = any(Path(name).suffix.lower() in EXTENSIONS for name in files)
    if found and not folders and not pictures:
        what = (
            f"{len(found)} files ({', '.join(found[:10])}); give one of them, such as"
        )
        if len(found) == 1:
            what = "one file; give it:"
            # A folder of several such files would be read as texts.
            if found[0].endswith(".txt") and look_like_texts([path / found[0]]):
                what = (
                    "one text file, which makes one class, and classes need two files "
                    "or more; if it is a table, give it:"
                )
        hint = not_texts(files) if len(found) > 1 else ""
        raise DataError(f"{path}: is a folder of {what} {path / found[0]}{hint}")
    if not held:
        raise DataError(f"{path}: is an empty folder")
    return _examples(read_image_folder, path, asked)


def _from_file(path: Path, asked: _Asked) -> Data:
    target, kind, observer = asked.target, asked.kind, asked.observer
    head = _head(path)
    ending = path.suffix.lower()
    if sniff(head) or ending in EXTENSIONS:
        return _examples(read_image_folder, path, asked)
    if is_nifti(path):
        return _examples(read_nifti, path, asked)
    sequences = read_sequence_file(path, target, kind)
    if sequences is not None:
        return sequences
    if head.startswith(b"\x93NUMPY"):
        return read_npy(path, target=target, kind=kind)
    if ending == ".npz":
        return read_npz(path, target=target, kind=kind)
    if path.name.lower().endswith(".tar.gz"):
        ending = ".tar"
    refuse_file(path, ending)
    if looks_like_idx(head) or (is_idx_name(path.name) and head[:2] == b"\x1f\x8b"):
        return read_idx_source(path, target=target)
    if kind == "sequences" or asked.series is not None:
        return read_sequence_table(
            path,
            asked.series,
            target=target,
            roles=asked.roles,
            drop_missing_target=asked.drop,
            observer=observer,
        )
    is_text = not head.startswith(b"PAR1")
    if is_text and (layout := find_layout(path, target=target, kind=kind)):
        return read_pixels_csv(path, layout, target=target, observer=observer)
    return read_table(
        path,
        target=target,
        roles=asked.roles,
        drop_missing_target=asked.drop,
        observer=observer,
    )


def _examples(read: Callable[..., Data], path: Path, asked: _Asked) -> Data:
    """Read a file for each example."""
    return read(
        path,
        target=asked.target,
        skip_damaged=asked.skip,
        labelled=asked.labelled,
        observer=asked.observer,
    )


def _head(path: Path) -> bytes:
    """Return the first bytes of a file, by which formats are told."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if not head:
        raise DataError(f"{path}: is empty (0 bytes)")
    return head


def _from_python(source: object, asked: _Asked) -> Data:
    target, roles, kind = asked.target, asked.roles, asked.kind
    if asked.series is not None:
        return sequences_from_rows(
            source,
            asked.series,
            target=target,
            roles=roles,
            drop_missing_target=asked.drop,
        )
    if kind == "sequences":
        return sequences_from_python(source, target)
    if isinstance(source, np.ndarray):
        return data_from_arrays(source, None, target=target, kind=kind)
    if isinstance(source, tuple) and len(source) == 2:
        inputs, labels = source
        if hasattr(inputs, "columns"):
            return _frame_and_labels(inputs, labels, asked)
        return data_from_arrays(
            array_of(inputs, "X"), array_of(labels, "y"), target=target, kind=kind
        )
    if isinstance(source, Mapping | list) or hasattr(source, "columns"):
        return table_from_rows(
            source, target=target, roles=roles, drop_missing_target=asked.drop
        )
    raise DataError(
        f"a {type(source).__name__} is no source; give a path, the name of a set, "
        "(X, y) arrays, a data frame, or a mapping of columns"
    )


def _frame_and_labels(inputs: Any, labels: object, asked: _Asked) -> Data:  # noqa: ANN401
    """Put a data frame and its labels into one table."""
    name = asked.target or str(getattr(labels, "name", None) or "y")
    if name in [str(column) for column in inputs.columns]:
        raise DataError(
            f"the data frame X already has a column '{name}'; remove it, or give y "
            "another name with target="
        )
    columns = {str(c): np.asarray(inputs[c]) for c in inputs.columns}
    return table_from_rows(
        {**columns, name: array_of(labels, "y")},
        target=name,
        roles=asked.roles,
        drop_missing_target=asked.drop,
    )


def _nothing_there(name: str, path: Path) -> DataError:
    if "://" in name:
        return DataError(f"{name}: is an address; download the file first, and give it")
    if name == "-":
        return DataError(
            "-: names no file; save what a pipe gives as a file, and give that; only "
            "for predictions and scores of a table /dev/stdin will do"
        )
    folder = path.parent
    beside: list[str] = []
    if folder.is_dir():
        try:
            beside = [entry.name for entry in os.scandir(folder)]
        except PermissionError:
            beside = []
    hint = nearest(path.name, [*beside, *NAMES])
    where = "" if folder.is_dir() else f" (there is no folder {folder})"
    bare = "." not in path.name and len(path.parts) == 1
    known = f"; the known sets are {', '.join(NAMES)}" if bare and not hint else ""
    return DataError(f"no such file, folder or set: {name}{where}{hint}{known}")
