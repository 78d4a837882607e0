"""Labels that come as arrays or folder names, as a target column."""

from collections.abc import Sequence

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.vocabulary import Part
from torchsmith.data.data import Column, ColumnFormat

PART_CODES: dict[Part, int] = {"train": 0, "val": 1, "test": 2}
"""How `Data.given` counts the parts, in the order in which sources are read."""


def label_column(
    name: str, labels: np.ndarray, *, source: str, classes: Sequence[str] = ()
) -> Column:
    """Return labels as the column to predict.

    Args:
        name: The column's name.
        labels: `(N,)` or `(N, 1)`: numbers, booleans, texts; or `(N, K)` with one 1 in
            each row and 0 elsewhere.
        source: What to call the source in messages.
        classes: Names of the labels 0, 1, …; empty where numbers stay numbers.

    Raises:
        DataError: The shape or the type is another, or a label has no name.
    """
    flat = _flat(labels, source)
    if classes:
        return text_column(name, _named(flat, classes, source))
    if flat.dtype.kind in "US":
        return text_column(name, texts_in(flat, source))
    if flat.dtype.kind == "b":
        return Column(ColumnFormat(name=name, kind="boolean"), flat.astype(np.float64))
    if flat.dtype.kind not in "iuf":
        raise DataError(
            f"{source}: labels are of type {flat.dtype}; "
            "numbers, booleans and texts are read: convert them before saving"
        )
    values = flat.astype(np.float64)
    if np.isinf(values).any():
        row = int(np.flatnonzero(np.isinf(values))[0])
        raise DataError(
            f"{source}: {int(np.isinf(values).sum())} of {len(values)} labels are "
            f"infinite (first: label {row}); correct or remove them"
        )
    return Column(ColumnFormat(name=name, kind="number"), values)


def text_column(name: str, texts: Sequence[str]) -> Column:
    """Return texts as a column; an empty text is a missing value."""
    codes: dict[str, int] = {"": -1}
    values = [codes.setdefault(text, len(codes) - 1) for text in texts]
    levels = tuple(codes)[1:]
    return Column(
        ColumnFormat(name=name, kind="text"), np.array(values, np.int32), levels
    )


def texts_in(values: np.ndarray, source: str) -> list[str]:
    """Return the elements of an array as texts; byte strings are UTF-8.

    Args:
        values: `(N,)` of any type.
        source: What to call the array in messages.

    Raises:
        DataError: Byte strings are not UTF-8.
    """
    if values.dtype.kind != "S":
        return list(values.astype(str).tolist())
    try:
        return [text.decode("utf-8") for text in values.tolist()]
    except UnicodeDecodeError as error:
        raise DataError(
            f"{source}: the byte string {error.object[:20]!r} is not UTF-8; save texts "
            "as str, not as bytes"
        ) from error


def _flat(labels: np.ndarray, source: str) -> np.ndarray:
    if labels.ndim == 1:
        return labels
    if labels.ndim == 2 and labels.shape[1] == 1:
        return labels[:, 0]
    if labels.ndim == 2 and labels.dtype.kind in "biuf":
        one_hot = ((labels == 0) | (labels == 1)).all() and (labels.sum(1) == 1).all()
        if one_hot:
            return np.asarray(labels.argmax(1))
    raise DataError(
        f"{source}: labels have shape {labels.shape}; allowed are (N,), (N, 1), or "
        "(N, K) with one 1 in each row and 0 elsewhere"
    )


def _named(labels: np.ndarray, classes: Sequence[str], source: str) -> list[str]:
    if labels.dtype.kind not in "biu":
        raise DataError(
            f"{source}: class names are given, but labels are of type {labels.dtype}; "
            "labels must be whole numbers that count the names from 0"
        )
    low, high = int(labels.min(initial=0)), int(labels.max(initial=0))
    if low < 0 or high >= len(classes):
        wrong = low if low < 0 else high
        raise DataError(
            f"{source}: label {wrong} has no name; {len(classes)} class names are "
            f"given, so labels must be 0 to {len(classes) - 1}"
        )
    return [classes[label] for label in labels.tolist()]
