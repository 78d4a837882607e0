"""NPZ and NPY files, and NumPy arrays from Python: pictures or tables of numbers."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.memory import amount_of, do_not_fit, is_large
from torchsmith.core.vocabulary import Kind, Part
from torchsmith.core.wording import listed
from torchsmith.data.data import Change, Column, ColumnFormat, Data, Table
from torchsmith.data.labels import texts_in
from torchsmith.data.lines import Lines
from torchsmith.data.npy_files import load_npy, load_npz
from torchsmith.data.numerals import ROUNDED
from torchsmith.data.on_disk import Stored, in_memory
from torchsmith.data.pixel_arrays import (
    ArrayPart,
    fingerprint_of,
    given_parts,
    images_from_parts,
    target_of_parts,
)
from torchsmith.data.volumes import holds_volumes, volumes_from_parts

INPUT_KEYS = ("x", "X", "images", "data", "inputs", "features", "arr_0")
LABEL_KEYS = ("y", "Y", "labels", "label", "targets", "target", "arr_1")
CLASS_KEYS = ("classes", "class_names", "label_names")
PART_WORDS: dict[Part, tuple[str, ...]] = {
    "train": ("train",),
    "val": ("val", "valid", "validation"),
    "test": ("test",),
}
_EXPECTED = (
    "inputs are called x, images or data, labels y, labels or targets, and parts "
    "x_train, y_train, x_test, y_test"
)

Arrays = Mapping[str, Stored]


def read_npz(
    path: Path, *, target: str | None = None, kind: Kind | None = None
) -> Data:
    """Read an NPZ file that holds inputs, and perhaps labels and parts.

    Args:
        path: The file.
        target: The array to predict, if it is in the file; otherwise what to call the
            labels.
        kind: What the inputs are; by default their shape decides.

    Raises:
        DataError: The file is damaged, too large, or its arrays are not understood.
    """
    arrays = load_npz(path)
    parts = parts_of(path, arrays, target)
    return _from_arrays(str(path), parts, arrays, target, kind)


def read_npz_folder(
    folder: Path, *, target: str | None = None, kind: Kind | None = None
) -> Data:
    """Read a folder with `train.npz`, and `val.npz` or `test.npz`, as given parts.

    Args:
        folder: The folder.
        target: What to call the labels, or which array to predict.
        kind: What the inputs are; by default their shape decides.

    Raises:
        DataError: As for `read_npz`, or the parts do not match.
    """
    parts = []
    first: Arrays = {}
    for part, words in PART_WORDS.items():
        for word in words:
            path = folder / f"{word}.npz"
            if path.is_file():
                arrays = load_npz(path)
                first = first or arrays
                parts.append(one_part(path, arrays, part, target))
    return _from_arrays(str(folder), parts, first, target, kind)


def read_npy(
    path: Path, *, target: str | None = None, kind: Kind | None = None
) -> Data:
    """Read an NPY file: inputs without labels.

    Args:
        path: The file.
        target: Not used; an NPY file has no labels.
        kind: What the inputs are; by default their shape decides.

    Raises:
        DataError: The file is damaged or too large, or a target was asked for.
    """
    if target is not None:
        raise DataError(
            f"{path}: an .npy file has no labels, so there is no target '{target}'; "
            "save inputs and labels in one .npz file, as x and y"
        )
    part = ArrayPart(None, str(path), load_npy(path), None)
    return _from_arrays(str(path), [part], {}, None, kind)


def array_of(values: Any, name: str) -> np.ndarray:  # noqa: ANN401
    """Return what a person gives as inputs or labels as an array of numbers or texts.

    Raises:
        DataError: Its examples differ in shape, or it holds something else.
    """
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name}: {_several_shapes(values)}") from error
    if array.dtype != object:
        return array
    if array.ndim == 1 and all(isinstance(one, np.ndarray) for one in array):
        return array_of(array.tolist(), name)
    kinds = {type(value).__name__ for value in array.reshape(-1).tolist()}
    if kinds == {"str"}:
        return array.astype(str)
    raise DataError(
        f"{name}: holds {', '.join(sorted(kinds)[:4])}; give numbers or texts, "
        "or a data frame for columns of several kinds"
    )


def _several_shapes(values: Sequence[Any]) -> str:
    """Say which examples have another shape than most of them."""
    try:
        shapes = [np.shape(one) for one in values]
    except ValueError:
        return "rows differ in length"
    most, _ = Counter(shapes).most_common(1)[0]
    odd = [f"{row} has {shape}" for row, shape in enumerate(shapes) if shape != most]
    return (
        f"the examples differ in shape: most have {most}, but {listed(odd)} "
        "(0 = first); give all one shape"
    )


def data_from_arrays(
    inputs: np.ndarray,
    labels: np.ndarray | None,
    *,
    target: str | None = None,
    kind: Kind | None = None,
) -> Data:
    """Take arrays from Python: a table, pictures or volumes.

    Args:
        inputs: The inputs.
        labels: `(N,)`: the labels, or None.
        target: What to call the label; default `"label"`, for tables `"y"`.
        kind: What the inputs are; by default their shape decides.

    Raises:
        DataError: Shapes, types or lengths do not fit.
    """
    part = ArrayPart(None, "arrays", inputs, labels)
    return _from_arrays("arrays", [part], {}, target, kind)


def parts_of(path: Path, arrays: Arrays, target: str | None) -> list[ArrayPart]:
    """Find `x_train`-like names among the arrays of a file, or else one part.

    Raises:
        DataError: No array of inputs, or several that could be meant.
    """
    parts = []
    for part, words in PART_WORDS.items():
        inputs = pick(path, arrays, with_part(INPUT_KEYS, words))
        labels = pick(path, arrays, with_part(LABEL_KEYS, words))
        if inputs:
            parts.append(
                ArrayPart(
                    part,
                    f"{path}, array '{inputs}'",
                    arrays[inputs],
                    in_memory(arrays[labels]) if labels else None,
                )
            )
    if parts and parts[0].part != "train":
        raise DataError(f"{path}: has {parts[0].part} arrays, but no x_train")
    return parts or [one_part(path, arrays, None, target)]


def one_part(
    path: Path, arrays: Arrays, part: Part | None, target: str | None
) -> ArrayPart:
    """Find the inputs and labels among the arrays of one part.

    Raises:
        DataError: No array of inputs, or several that could be meant.
    """
    if target in arrays:
        labels: str | None = target
    else:
        labels = pick(path, arrays, LABEL_KEYS)
    inputs = pick(path, arrays, [key for key in INPUT_KEYS if key != labels])
    if inputs is None:
        held = ", ".join(f"{key} {array.shape}" for key, array in arrays.items())
        raise DataError(f"{path}: no array of inputs among {held}; {_EXPECTED}")
    return ArrayPart(
        part,
        f"{path}, array '{inputs}'",
        arrays[inputs],
        in_memory(arrays[labels]) if labels else None,
    )


def pick(path: Path, arrays: Arrays, keys: Sequence[str]) -> str | None:
    """Return the one of these names that an array has, or None.

    Raises:
        DataError: Several arrays have one of these names.
    """
    present = [key for key in keys if key in arrays]
    if len(present) > 1:
        raise DataError(
            f"{path}: the arrays {' and '.join(present)} could both be meant; "
            "save only one of them"
        )
    return present[0] if present else None


def with_part(keys: Sequence[str], words: Sequence[str]) -> list[str]:
    """Return the names that arrays of one part can have.

    >>> with_part(["x"], ["val"])
    ['x_val', 'val_x']
    """
    return [
        name
        for word in words
        for key in keys
        for name in (f"{key}_{word}", f"{word}_{key}")
    ]


def _from_arrays(
    source: str,
    parts: Sequence[ArrayPart],
    arrays: Arrays,
    target: str | None,
    kind: Kind | None,
) -> Data:
    name = next((key for key in CLASS_KEYS if key in arrays), None)
    classes = (
        texts_in(in_memory(arrays[name]), f"{source}, array '{name}'") if name else []
    )
    used = {id(array) for part in parts for array in (part.inputs, part.labels)}
    unused = [key for key, array in arrays.items() if id(array) not in used]
    reading = {"format": "arrays"}
    if left := ", ".join(key for key in unused if key != name):
        reading["not_used"] = left
    for part in parts:
        if part.inputs.ndim < 2:
            raise DataError(
                f"{part.name}: shape {part.inputs.shape} is not understood; a table is "
                "(N, C), pictures are (N, H, W) or (N, H, W, C), volumes "
                "(N, D, H, W) or (N, C, D, H, W)"
            )
    shape = parts[0].inputs.shape
    if kind == "volumes" or (kind is None and holds_volumes(shape)):
        return volumes_from_parts(
            source, parts, target=target, classes=classes, reading=reading
        )
    if len(shape) > 2:
        return images_from_parts(
            source, parts, target=target, classes=classes, reading=reading
        )
    return _table(source, parts, target or "y", classes, reading)


def _table(
    source: str,
    parts: Sequence[ArrayPart],
    target: str,
    classes: Sequence[str],
    reading: Mapping[str, str],
) -> Data:
    counts = [len(part.inputs) for part in parts]
    shapes = {part.inputs.shape[1:] for part in parts}
    if len(shapes) > 1 or not sum(counts) or shapes == {(0,)}:
        told = ", ".join(str(part.inputs.shape) for part in parts)
        raise DataError(
            f"{source}: the shapes {told} do not make a table (N, C) of at least one "
            "row and column, the same columns in all parts"
        )
    for part in parts:
        if part.inputs.dtype.kind not in "biuf":
            raise DataError(
                f"{part.name}: inputs are of type {part.inputs.dtype}; numbers and "
                "booleans are read: convert them first, or save a CSV or Parquet file"
            )
    _refuse_large(source, sum(math.prod(part.inputs.shape) for part in parts), counts)
    values = np.concatenate(
        [in_memory(part.inputs).astype(np.float64) for part in parts]
    )
    if np.isinf(values).any():
        row, column = np.argwhere(np.isinf(values))[0].tolist()
        raise DataError(
            f"{source}: {int(np.isinf(values).sum())} values are infinite (first: row "
            f"{row}, column {column}, 0 = first); correct them, or use NaN for missing"
        )
    columns = {
        f"x{i}": Column(ColumnFormat(name=f"x{i}", kind="number"), values[:, i])
        for i in range(values.shape[1])
    }
    label = target_of_parts(target, parts, counts, classes)
    given = given_parts(parts, counts)
    lines = Lines.counted(len(values))
    return Data(
        source=source,
        inputs=Table(columns, lines),
        target=label,
        given=given,
        fingerprint=fingerprint_of(values, label, given),
        reading=dict(reading),
        changes=tuple(_rounded(parts, lines)),
    )


def _rounded(parts: Sequence[ArrayPart], lines: Lines) -> Iterator[Change]:
    """Tell of whole numbers beyond 2**53, such as ids, that lost their last digits."""
    lost = np.concatenate([_lost(in_memory(part.inputs)) for part in parts])
    for column in np.flatnonzero(lost.any(axis=0)).tolist():
        rows = np.flatnonzero(lost[:, column])
        yield Change.at(lines.take(rows), f"x{column}", ROUNDED)


def _lost(array: np.ndarray) -> np.ndarray:
    """Return `(N, C)` bool: where float64 does not hold a number."""
    if array.dtype.kind not in "iu" or array.dtype.itemsize < np.dtype(float).itemsize:
        return np.zeros(array.shape, bool)
    with np.errstate(invalid="ignore"):  # what is rounded up to 2**64 is too large
        return np.asarray(array.astype(np.float64).astype(array.dtype) != array)


def _refuse_large(source: str, cells: int, counts: Sequence[int]) -> None:
    size = cells * np.dtype(np.float64).itemsize
    if is_large(size):
        raise DataError(
            f"{source}: a table of {sum(counts):,} rows takes {amount_of(size)} in "
            f"memory, 8 bytes a cell, {do_not_fit()}; give fewer rows or columns. "
            "Only pictures, (N, H, W) or (N, H, W, C), may be larger"
        )
