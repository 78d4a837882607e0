"""Which files and objects are sequences, and what reads them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from torchsmith.core.vocabulary import Kind
from torchsmith.data.data import Data
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
from torchsmith.data.sequence_texts import (
    look_like_texts,
    read_text_folder,
    sequences_from_texts,
)
from torchsmith.data.sequence_ts import read_ts

ROW_ENDINGS = (".tsv", ".txt")


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
        return read_ts(parts_beside(path, alone=False), source=str(path), target=target)
    if ending == ".npz" and (asked or holds_sequences(path)):
        return read_npz_sequences(path, target=target)
    rows = ending in ROW_ENDINGS and looks_like_rows(path)
    if rows and (asked or is_archive_name(path.name)):
        return read_rows(
            parts_beside(path, alone=False), source=str(path), target=target
        )
    return None


def read_sequence_folder(
    folder: Path, names: Sequence[str], target: str | None, kind: Kind | None
) -> Data | None:
    """Read a folder that holds sequences, or return None where it holds others.

    `NAME_TRAIN.tsv` and `NAME_TEST.tsv`, or `.ts`, are the parts of one source; a
    folder of `.txt` files is one of texts, a file for each class.

    Args:
        folder: The folder.
        names: Of the files in it.
        target: What to call the label.
        kind: What was asked for.

    Raises:
        DataError: It holds sequences that cannot be read; says where.
    """
    if kind not in (None, "sequences"):
        return None
    parts = parts_in_folder(folder, names)
    if parts and parts[0][1].suffix == ".ts":
        return read_ts(parts, source=str(folder), target=target)
    if parts and looks_like_rows(parts[0][1]):
        return read_rows(parts, source=str(folder), target=target)
    files = [folder / name for name in names if not name.startswith(".")]
    texts = len(files) > 1 and all(file.suffix.lower() == ".txt" for file in files)
    if texts and (kind == "sequences" or look_like_texts(files)):
        return read_text_folder(folder, files, target=target)
    return None


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
