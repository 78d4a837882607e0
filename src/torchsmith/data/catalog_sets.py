"""Getting a set of the catalogue: built in, from a local folder, or by download."""

import csv
import io
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.files import write_atomic
from torchsmith.core.observer import Observer
from torchsmith.core.vocabulary import ColumnRole
from torchsmith.data import builtin, fingerprint
from torchsmith.data.catalog import (
    DATA_VARIABLE,
    Entry,
    cache_folder,
    data_folders,
    file_in,
    find_local,
)
from torchsmith.data.data import Change, Column, Data, Images, Table
from torchsmith.data.idx import read_idx_source
from torchsmith.data.labels import label_column
from torchsmith.data.lines import Lines
from torchsmith.data.retarget import (
    formats_of,
    join_columns,
    rename_levels,
    with_target,
)
from torchsmith.data.tables import read_table, read_with_formats

CALIFORNIA = (
    "MedInc,HouseAge,AveRooms,AveBedrms,Population,AveOccup,Latitude,Longitude,"
    "MedHouseVal"
)
CAR = "price,maint,doors,persons,lug_capacity,safety,output"
ADULT = (
    "age,workclass,fnlwgt,education,education-num,marital-status,occupation,"
    "relationship,race,sex,capital-gain,capital-loss,hours-per-week,native-country,"
    "income"
)


def read_set(
    entry: Entry,
    *,
    target: str | None = None,
    roles: Mapping[str, ColumnRole] | None = None,
    folder: Path | None = None,
    observer: Observer | None = None,
) -> Data:
    """Read a set of the catalogue.

    Args:
        entry: The set.
        target: Another column to predict; for images, what to call the label.
        roles: What columns must be, for sets that are read from table files.
        folder: Where its files lie; default: they are looked for, then downloaded.
        observer: Is told of downloading and reading.

    Raises:
        DataError: The set is not at hand and cannot be downloaded, or a local copy is
            not what it should be.
    """
    observer = observer or Observer()
    if entry.name == "digits":
        return builtin.read_digits(target)
    if read := builtin.TABLES.get(entry.name):
        return with_target(read(), target or entry.target)
    folder = folder or obtain(entry, observer)
    return _read_files(entry, folder, target, roles, observer)


def obtain(entry: Entry, observer: Observer) -> Path:
    """Return the folder that holds the files of a set, downloading them if needed.

    Raises:
        DataError: They are nowhere, and cannot be downloaded.
    """
    if folder := find_local(entry):
        return folder
    from torchsmith.data.download import fetch  # loads what speaks to a network

    folder = cache_folder() / entry.folder
    try:
        for file in entry.remote:
            if not (folder / file.name).is_file():
                fetch(
                    file.url,
                    folder / file.name,
                    sha256=file.sha256 or None,
                    md5=file.md5 or None,
                    observer=observer,
                )
        _unpack(entry, folder)
    except DataError as error:
        looked = ", ".join(str(root / entry.folder) for root in data_folders())
        raise DataError(
            f"{entry.name} is not at hand ({error}). To use a copy of your own, put "
            f"{' and '.join(entry.local)} into a folder '{entry.folder}', and set "
            f"{DATA_VARIABLE} to the folder that holds '{entry.folder}' "
            f"({'looked in ' + looked if looked else f'{DATA_VARIABLE} is not set'})"
        ) from error
    return folder


def _unpack(entry: Entry, folder: Path) -> None:
    """Turn what the publisher offers into the files that are read."""
    try:
        match entry.name:
            case "california_housing":
                with tarfile.open(folder / "cal_housing.tgz") as archive:
                    member = archive.extractfile("CaliforniaHousing/cal_housing.data")
                    raw = member.read() if member else b""
                write_atomic(folder / entry.local[0], derive_california(raw))
            case "car_evaluation":
                raw = (folder / "car.data").read_bytes()
                write_atomic(folder / entry.local[0], f"{CAR}\n{raw.decode()}")
            case "adult":
                for file, name in zip(entry.remote, entry.local, strict=True):
                    text = (folder / file.name).read_text(encoding="utf-8")
                    write_atomic(folder / name, tidy_adult(text))
    except (KeyError, ValueError, tarfile.TarError, OSError, EOFError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{folder}: cannot be unpacked ({error})") from error


def derive_california(raw: bytes) -> str:
    """Turn the census counts into the ratios per household that are learned from.

    Args:
        raw: Lines of longitude, latitude, house age, rooms, bedrooms, population,
            households, median income, median house value.

    Returns:
        CSV text with a header; the value in 100,000 dollars.
    """
    table = np.loadtxt(io.BytesIO(raw), delimiter=",", ndmin=2)
    lon, lat, age, rooms, bedrooms, people, households, income, value = table.T
    columns = (
        income,
        age,
        rooms / households,
        bedrooms / households,
        people,
        people / households,
        lat,
        lon,
        value / 100_000,
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return _csv_text(CALIFORNIA, rows)


def tidy_adult(text: str) -> str:
    """Give a file of the publisher a header and no blanks after its commas."""
    lines = [line for line in text.splitlines() if line and not line.startswith("|")]
    return _csv_text(ADULT, ([c.strip() for c in line.split(",")] for line in lines))


def _csv_text(header: str, rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    text.write(header + "\n")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _read_files(
    entry: Entry,
    folder: Path,
    target: str | None,
    roles: Mapping[str, ColumnRole] | None,
    observer: Observer,
) -> Data:
    files = [file_in(folder, name) or folder / name for name in entry.local]
    target = target or entry.target
    if entry.kind == "images":
        observer.stage(f"Reading {entry.name}")
        data = read_idx_source(folder, target=target)
        data = _with_names(data, entry.classes)
    elif len(files) == 2:
        data = with_target(_read_parts(files, entry.target, roles, observer), target)
    else:
        data = read_table(files[0], target=target, roles=roles, observer=observer)
    counts = [len(data)] if data.given is None else np.bincount(data.given).tolist()
    counts = [count for count in counts if count]
    if counts != list(entry.rows):
        raise DataError(
            f"{folder}: holds {counts} rows, but {entry.name} has {list(entry.rows)}; "
            f"remove this copy, or load it by its path instead of its name"
        )
    reading = {**data.reading, "found": str(folder)}
    return replace(data, source=entry.name, reading=reading)


def _with_names(data: Data, classes: Sequence[str]) -> Data:
    if not classes or data.target is None or not isinstance(data.inputs, Images):
        return data
    numbers = data.target.values.astype(np.int64)
    named = label_column(data.target.name, numbers, source=data.source, classes=classes)
    reading = {**data.reading, "classes": "named as the publisher does"}
    return replace(data, target=named, reading=reading)


def _read_parts(
    files: Sequence[Path],
    target: str,
    roles: Mapping[str, ColumnRole] | None,
    observer: Observer,
) -> Data:
    """Read a train and a test file alike, and put one after the other."""
    train = read_table(files[0], target=target, roles=roles, observer=observer)
    if not isinstance(train.inputs, Table) or train.target is None:
        raise DataError(f"{files[0]}: is not a table with a target '{target}'")
    test = read_with_formats(
        files[1],
        formats_of(train.inputs),
        target=train.target.format,
        observer=observer,
    )
    if not isinstance(test.inputs, Table) or test.target is None:
        raise DataError(f"{files[1]}: has no target column '{target}'")
    columns = {
        name: join_columns(column, test.inputs.columns[name])
        for name, column in train.inputs.columns.items()
    }
    lines = Lines.joined([train.inputs.lines, test.inputs.lines])
    joined = join_columns(train.target, test.target)
    label, dots = _without_dots(joined, lines, files[1])
    hashed = [array for c in (*columns.values(), label) for array in _content(c)]
    return replace(
        train,
        inputs=Table(columns, lines),
        target=label,
        given=np.repeat(np.array([0, 2], np.int8), [len(train), len(test)]),
        fingerprint=fingerprint.of_arrays(*hashed),
        changes=(*_told(train, files[0]), *_told(test, files[1]), *dots),
    )


def _told(data: Data, file: Path) -> list[Change]:
    """Say in which file each change was made, because lines are counted per file."""
    return [
        change.model_copy(update={"what": f"{change.what} in {file.name}"})
        for change in data.changes
    ]


def _content(column: Column) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(column.values), np.array((column.name, *column.levels))


def _without_dots(
    label: Column, lines: Lines, file: Path
) -> tuple[Column, list[Change]]:
    """Make `>50K.`, as the publisher's test file has it, the class `>50K`."""
    dotted = {level: level[:-1] for level in label.levels if level.endswith(".")}
    if not dotted:
        return label, []
    codes = [label.levels.index(level) for level in dotted]
    rows = np.flatnonzero(np.isin(label.values, codes))
    what = f"final '.' removed from labels of {file.name}"
    change = Change.at(lines.take(rows), label.name, what, next(iter(dotted)))
    return rename_levels(label, dotted), [change]
