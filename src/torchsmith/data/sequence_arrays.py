"""Sequences as NumPy arrays: NPZ files, and arrays or lists of arrays from Python."""

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.vocabulary import Part
from torchsmith.data.arrays import (
    CLASS_KEYS,
    INPUT_KEYS,
    LABEL_KEYS,
    PART_WORDS,
    pick,
    with_part,
)
from torchsmith.data.data import Change, Column, Data
from torchsmith.data.labels import label_column, texts_in
from torchsmith.data.npy_files import load_npz
from torchsmith.data.on_disk import in_memory
from torchsmith.data.sequence_parts import SequencePart, sequences_from_parts

SEQUENCE_KEYS = ("sequences",)
VALUE_KEYS = ("values", *SEQUENCE_KEYS, *INPUT_KEYS)
LENGTH_KEYS = ("lengths",)
CHANNEL_KEYS = ("channels", "channel_names")
NAME_KEYS = ("files", "names", "ids")
_EXPECTED = (
    "sequences of one length are an array (N, C, L) or (N, L) called sequences; of "
    "several lengths, values (T, C) with lengths (N,), whose sum is T"
)

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class PartNames:
    """What the arrays of one part are called.

    Attributes:
        part: Which part, or None where the source is one piece.
        words: By which names are known to belong to the part.
        values: The sequences.
        lengths: Their steps, or None where all have the same.
        labels: What is to be predicted, or None where that is not known.
    """

    part: Part | None
    words: tuple[str, ...]
    values: str
    lengths: str | None
    labels: str | None


def holds_sequences(path: Path) -> bool:
    """Whether an NPZ file has an array that is called `sequences` or `lengths`."""
    marks = {*SEQUENCE_KEYS, *LENGTH_KEYS}
    for words in PART_WORDS.values():
        marks |= {*with_part([*SEQUENCE_KEYS, *LENGTH_KEYS], words)}
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False  # what reads the arrays says what is wrong
    return any(name.removesuffix(".npy") in marks for name in names)


def read_npz_sequences(path: Path, *, target: str | None) -> Data:
    """Read sequences from an NPZ file.

    Ragged: `values` `(T, C)` and `lengths` `(N,)`; of one length: `sequences`, or where
    sequences are asked for `x`, `(N, C, L)` or `(N, L)`. Labels are called `labels` or
    `y`, parts `…_train`, `…_val`, `…_test`. `channels` names the channels. Every other
    array `(N,)` is something known of each sequence, such as the person.

    Args:
        path: The file.
        target: The array to predict, if it is in the file; otherwise what to call the
            labels.

    Raises:
        DataError: The file is damaged, its arrays are not understood, or lengths do not
            add up.
    """
    arrays = {name: in_memory(array) for name, array in load_npz(path).items()}
    used: set[str] = set()
    found = names_in(path, arrays, target)
    parts = [_part(path, arrays, names, used) for names in found]
    classes = pick(path, arrays, CLASS_KEYS)
    channels = pick(path, arrays, CHANNEL_KEYS)
    reading = {"format": "arrays"}
    known = used | {name for name in (classes, channels) if name}
    if left := ", ".join(name for name in arrays if name not in known):
        reading["not_used"] = left
    width = parts[0].values.shape[1]
    names = _texts(path, arrays, channels)
    if names and len(names) != width:
        raise DataError(
            f"{path}, array '{channels}': {len(names)} names for {width} channels; "
            "arrays are (N, C, L): channels before steps"
        )
    return sequences_from_parts(
        str(path),
        parts,
        channels=names,
        target=target,
        classes=_texts(path, arrays, classes),
        reading=reading,
        changes=[*_rounded(parts)],
    )


def _texts(path: Path, arrays: Arrays, key: str | None) -> list[str]:
    return texts_in(arrays[key], f"{path}, array '{key}'") if key else []


def sequences_from_arrays(
    inputs: object,
    labels: np.ndarray | None = None,
    *,
    target: str | None = None,
    source: str = "arrays",
) -> Data:
    """Take sequences from Python.

    Args:
        inputs: `(N, C, L)` or `(N, L)`, or a list of arrays `(C, L)` or `(L,)`, each of
            its own length.
        labels: `(N,)`: the labels, or None.
        target: What to call the label; default `"label"`.
        source: What to call the arrays: the file that they are of.

    Raises:
        DataError: Shapes, types or lengths do not fit.
    """
    if isinstance(inputs, np.ndarray) and inputs.dtype != object:
        values, lengths = _cut(inputs, None, source)
    else:
        values, lengths = _join(inputs)
    part = SequencePart(None, source, values, lengths, labels)
    reading = {"format": "arrays"}
    return sequences_from_parts(
        source, [part], target=target, reading=reading, changes=[*_rounded([part])]
    )


def names_in(path: Path, arrays: Arrays, target: str | None) -> list[PartNames]:
    """Find which arrays of an NPZ file are sequences, and what belongs to them.

    Raises:
        DataError: There are none, several could be meant, or none are to train on.
    """
    found: list[PartNames] = []
    for part, words in PART_WORDS.items():
        values = pick(path, arrays, with_part(VALUE_KEYS, words))
        if values is None:
            continue
        if not found and part != "train":
            raise DataError(f"{path}: has {part} sequences, but none to train on")
        lengths = pick(path, arrays, with_part(LENGTH_KEYS, words))
        labels = pick(path, arrays, with_part(LABEL_KEYS, words))
        found.append(PartNames(part, tuple(words), values, lengths, labels))
    if found:
        return found
    labels = target if target in arrays else pick(path, arrays, LABEL_KEYS)
    values = pick(path, arrays, [key for key in VALUE_KEYS if key != labels])
    if values is None:
        held = ", ".join(f"{key} {array.shape}" for key, array in arrays.items())
        raise DataError(f"{path}: no array of sequences among {held}; {_EXPECTED}")
    lengths = pick(path, arrays, LENGTH_KEYS)
    return [PartNames(None, (), values, lengths, labels)]


def _part(path: Path, arrays: Arrays, names: PartNames, used: set[str]) -> SequencePart:
    value_key, length_key, label_key = names.values, names.lengths, names.labels
    used |= {name for name in (value_key, length_key, label_key) if name}
    name = f"{path}, array '{value_key}'"
    given = arrays[length_key] if length_key else None
    values, lengths = _cut(arrays[value_key], given, name)
    called: tuple[str, ...] = ()
    columns: dict[str, Column] = {}
    reserved = {*used, *CLASS_KEYS, *CHANNEL_KEYS}
    for key, array in arrays.items():
        bare = without_part(key, names.words)
        if bare is None or key in reserved or array.shape != (len(lengths),):
            continue
        used.add(key)
        texts = _texts(path, arrays, key)
        if bare in NAME_KEYS and len(set(texts)) == len(texts):
            called = tuple(texts)
        else:
            where = f"{path}, array '{key}'"
            columns[bare] = label_column(bare, array, source=where)
    labels = arrays[label_key] if label_key else None
    return SequencePart(names.part, name, values, lengths, labels, called, columns)


def without_part(key: str, words: Sequence[str]) -> str | None:
    """Return `subjects` of `subjects_train`; None where the key is of another part.

    Args:
        key: What an array is called.
        words: What the part is called; empty where there are no parts.
    """
    for word in words:
        if key.endswith(f"_{word}"):
            return key.removesuffix(f"_{word}")
        if key.startswith(f"{word}_"):
            return key.removeprefix(f"{word}_")
    return None if words else key


def _cut(
    array: np.ndarray, lengths: np.ndarray | None, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return `(T, C)` steps one after the other, and `(N,)` lengths."""
    if lengths is None:
        if array.ndim not in (2, 3):
            raise DataError(
                f"{name}: shape {array.shape} is not understood; {_EXPECTED}"
            )
        whole = array[:, None, :] if array.ndim == 2 else array
        count, width, length = whole.shape
        steps = whole.transpose(0, 2, 1).reshape(count * length, width)
        return steps, np.full(count, length, np.int64)
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        raise DataError(
            f"{name}: lengths have shape {lengths.shape} {lengths.dtype}; they must be "
            "whole numbers (N,), one for each sequence"
        )
    lengths = lengths.astype(np.int64)
    if (lengths < 0).any():
        row = int(np.flatnonzero(lengths < 0)[0])
        raise DataError(f"{name}: the length of sequence {row} is {lengths[row]}")
    if array.ndim == 3:
        return _unpad(array, lengths, name)
    steps = array[:, None] if array.ndim == 1 else array
    if steps.ndim != 2 or len(steps) != lengths.sum():
        raise DataError(
            f"{name}: shape {array.shape}, but the {len(lengths):,} lengths add up to "
            f"{lengths.sum():,} steps; {_EXPECTED}"
        )
    return steps, lengths


def _unpad(
    array: np.ndarray, lengths: np.ndarray, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Take the first steps of `(N, C, L)`, as many as each sequence has."""
    if len(array) != len(lengths) or (lengths > array.shape[2]).any():
        raise DataError(
            f"{name}: shape {array.shape}, but there are {len(lengths):,} lengths up "
            f"to {lengths.max(initial=0):,}; padded sequences are (N, C, L) with N "
            "lengths of at most L"
        )
    kept = np.arange(array.shape[2]) < lengths[:, None]
    return array.transpose(0, 2, 1)[kept], lengths


def _join(inputs: object) -> tuple[np.ndarray, np.ndarray]:
    """Put a list of arrays `(C, L)` or `(L,)` one after the other."""
    if not isinstance(inputs, Sequence | np.ndarray) or not len(inputs):
        raise DataError(
            f"X: this {type(inputs).__name__} holds no sequences; give an array "
            "(N, C, L) or (N, L), a list of arrays (C, L), or a list of texts"
        )
    pieces = []
    for place, item in enumerate(inputs):
        try:
            array = np.asarray(item)
        except ValueError as error:
            raise DataError(
                f"X, sequence {place}: its channels differ in length; each is an "
                "array (C, L)"
            ) from error
        if array.ndim not in (1, 2) or array.dtype.kind not in "biuf":
            raise DataError(
                f"X, sequence {place}: shape {array.shape} {array.dtype}; each is an "
                "array (C, L) or (L,) of numbers"
            )
        pieces.append(array[None] if array.ndim == 1 else array)
    widths = [len(piece) for piece in pieces]
    odd = next((i for i, width in enumerate(widths) if width != widths[0]), None)
    if odd is not None:
        raise DataError(
            f"X, sequence {odd}: shape {pieces[odd].shape}, but sequence 0 has "
            f"{widths[0]} channels; each is an array (C, L): channels before steps"
        )
    lengths = np.array([piece.shape[1] for piece in pieces], np.int64)
    return np.concatenate([piece.T for piece in pieces]), lengths


def _rounded(parts: Sequence[SequencePart]) -> Iterator[Change]:
    """Count whole numbers that float32 does not hold, such as times in milliseconds."""
    for part in parts:
        if part.values.dtype.kind in "iu" and part.values.dtype.itemsize > 2:
            rounded = part.values.astype(np.float32).astype(np.float64) != part.values
            if count := int(rounded.sum()):
                what = f"values of {part.name} rounded to float32"
                yield Change(column="", what=what, count=count)
