"""Reading new sequences for a network in the way in which it learned."""

from dataclasses import replace
from pathlib import Path

from torchsmith.core.errors import DataError, nearest
from torchsmith.core.observer import Observer
from torchsmith.data.data import Data, Sequences, Series
from torchsmith.data.forecasting import windows_of_table
from torchsmith.data.npy_files import load_npy
from torchsmith.data.on_disk import in_memory
from torchsmith.data.sequence_arrays import read_npz_sequences, sequences_from_arrays
from torchsmith.data.sequence_fit import SequencePreparation
from torchsmith.data.sequence_rows import looks_like_rows, read_rows
from torchsmith.data.sequence_source import (
    read_sequence_folder,
    sequences_from_python,
)
from torchsmith.data.sequence_tables import sequences_of_long_table, table_of
from torchsmith.data.sequence_texts import read_text_file, read_text_folder
from torchsmith.data.sequence_ts import read_ts
from torchsmith.data.sequence_wide import sequences_of_wide_table
from torchsmith.data.tables import read_columns, read_table, table_from_rows


def read_new_sequences(
    known: SequencePreparation,
    source: object,
    *,
    target: str,
    scored: bool,
    observer: Observer,
) -> Data:
    """Read sequences to predict, or to score a network on.

    A file stands for itself: `NAME_TEST.tsv` is not read with `NAME_TRAIN.tsv`. A row
    of numbers as long as the sequences of training has no label; otherwise, and where
    the lengths of training differ, the label comes first.

    Args:
        known: What is known of the sequences of training.
        source: A file or folder in a format of training, an array `(N, C, L)` or
            `(N, L)`, a list of arrays `(C, L)` or `(L,)`, a list of texts, rows of a
            table, or one of these with labels as a tuple.
        target: The column, or the array, of what is predicted.
        scored: Whether targets are needed.
        observer: Is told what is being read.

    Raises:
        DataError: It cannot be read, or is not like the sequences of training.
    """
    if isinstance(source, str | Path):
        data = _read(known, Path(source).expanduser(), target, observer, scored=scored)
    elif known.series is not None:
        rows = _known_table(known, source, target, scored=scored)
        data = _of_table(known, rows, known.series, target, scored=scored)
    else:
        data = sequences_from_python(source, target)
    _refuse_other(known, data)
    return data


def _read(
    known: SequencePreparation,
    path: Path,
    target: str,
    observer: Observer,
    *,
    scored: bool,
) -> Data:
    observer.stage(f"Reading {path.name}")
    if path.is_dir():
        return _read_folder(known, path, target)
    if not path.exists():
        beside = path.parent.iterdir() if path.parent.is_dir() else ()
        hint = nearest(path.name, [file.name for file in beside])
        raise DataError(f"no such file or folder: {path}{hint}")
    if known.series is not None:
        rows = _known_table(known, path, target, scored=scored)
        return _of_table(known, rows, known.series, target, scored=scored)
    match path.suffix.lower():
        case ".ts":
            return read_ts([(None, path)], source=str(path), target=target)
        case ".npz":
            return read_npz_sequences(path, target=target)
        case ".npy":
            return sequences_from_arrays(in_memory(load_npy(path)), source=str(path))
    if known.formats:
        rows = _known_table(known, path, target, scored=scored)
        return sequences_of_wide_table(rows, target=target)
    if known.symbols:
        if scored:
            raise DataError(
                f"{path}: a file of texts has no labels; give a folder with a file for "
                "each class"
            )
        return read_text_file(path)
    if not path.is_file():  # its first line is looked at, and a pipe gives it once
        raise DataError(
            f"{path}: is no file; save what it gives as one, and give that; only texts "
            "and tables with a header are read from a pipe"
        )
    if looks_like_rows(path):
        length = None if scored or known.has_mask else known.length
        return read_rows([(None, path)], source=str(path), target=target, length=length)
    return sequences_of_wide_table(read_table(path, observer=observer), target=target)


def _read_folder(known: SequencePreparation, folder: Path, target: str) -> Data:
    names = sorted(file.name for file in folder.iterdir() if file.is_file())
    data = read_sequence_folder(folder, names, target, "sequences")
    if data is not None:
        return data
    # To train on, one file is too few; new texts may all be of one class.
    texts = [folder / name for name in names if not name.startswith(".")]
    if known.symbols and len(texts) == 1 and texts[0].suffix.lower() == ".txt":
        return read_text_folder(folder, texts, target=target)
    raise DataError(f"{folder}: is no folder of sequences; give a file")


def _known_table(
    known: SequencePreparation, source: object, target: str, *, scored: bool
) -> Data:
    """Read the columns that sequences are made of as they were read in training.

    A target that is no channel is left out where nothing is scored.
    """
    if not known.formats:
        return _guessed_table(known, source)
    series, formats = known.series, known.formats
    if series is None:
        needed = [f for f in formats if f.kind == "number" and f.name != target]
    else:
        names = {series.id, series.time, *known.channels}
        # New ids may be of another kind; they only tell sequences apart.
        needed = [
            f.model_copy(update={"kind": "text"}) if f.name == series.id else f
            for f in formats
            if f.name in names
        ]
    held = {form.name for form in needed}
    others = (form for form in formats if form.name not in held)
    answer = next((form for form in others if form.name == target), None)
    columns = [form.name for form in formats if form is not answer]
    ignored = answer is not None and not scored and not (series and series.window)
    if answer is not None and ignored:  # as text, anything may stand there
        answer = answer.model_copy(update={"kind": "text"})
    data = read_columns(
        source, needed, target=answer, columns=columns, ragged=series is None
    )
    if not ignored:
        return data
    table = table_of(data)
    kept = {name: column for name, column in table.columns.items() if name != target}
    return replace(data, inputs=replace(table, columns=kept))


def _guessed_table(known: SequencePreparation, source: object) -> Data:
    """Find out again what columns are: older runs do not say."""
    if not isinstance(source, Path):
        return table_from_rows(source)
    data = read_table(source)
    columns = table_of(data).columns
    odd = [
        name
        for name in known.channels
        if name in columns and columns[name].kind not in ("number", "boolean")
    ]
    # What says which line is not a number.
    return read_table(source, roles=dict.fromkeys(odd, "number")) if odd else data


def _of_table(
    known: SequencePreparation,
    data: Data,
    series: Series,
    target: str,
    *,
    scored: bool,
) -> Data:
    if not series.window:
        return sequences_of_long_table(
            data, series, target=target, channels=known.channels
        )
    return windows_of_table(
        data,
        series,
        target=target,
        drop_missing_target=True,
        channels=known.channels,
        ahead=not scored,
        complete=not known.fill,
    )


def _refuse_other(known: SequencePreparation, data: Data) -> None:
    sequences = data.inputs
    if not isinstance(sequences, Sequences):
        raise TypeError(data.kind)
    if bool(known.symbols) != bool(sequences.symbols):
        words = ("numbers", "texts")
        held, needed = words[bool(sequences.symbols)], words[bool(known.symbols)]
        raise DataError(f"{data.source}: holds {held}; the network needs {needed}")
    width, needs = len(sequences.channels), len(known.channels)
    if width != needs:
        raise DataError(
            f"{data.source}: has {width} channels; the network needs {needs}: "
            f"{', '.join(known.channels)}. Arrays are (N, C, L): channels before steps"
        )
