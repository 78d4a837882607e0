"""Which examples have equal inputs."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

import numpy as np

from torchsmith.core.vocabulary import ColumnRole
from torchsmith.data.data import Column, Images, Inputs, Sequences, Table, Volumes
from torchsmith.data.on_disk import Stored, chunks
from torchsmith.data.pictures import decode

THUMBNAIL = 32
"""Side in pixels at which picture files are compared."""

PICTURES = 2048
"""Files that are decoded at once."""

_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


def input_keys(inputs: Inputs, roles: Mapping[str, ColumnRole]) -> np.ndarray:
    """Return `(N,)` uint64, equal for examples whose inputs are equal.

    Tables are compared by `compared_columns`, sequences and volumes by their values,
    pictures by their pixels, those of files by their thumbnails and sizes.

    Args:
        inputs: The examples.
        roles: Of a table's columns; one that is not there is an input.

    Raises:
        DataError: A file has vanished or was damaged since it was checked.
    """
    match inputs:
        case Table():
            return _column_keys(inputs, roles)
        case Images(pixels=pixels, files=files):
            # What was decoded once has the size of the network; another run of the
            # same files may decode them anew, and is to find the same copies.
            if files or pixels is None:
                return _file_keys(inputs)
            return array_keys(pixels)
        case Sequences():
            return np.array([key_of(inputs.at(i)) for i in range(len(inputs))], "u8")
        case Volumes():
            return array_keys(inputs.values)


def array_keys(values: Stored) -> np.ndarray:
    """Return `(N,)` uint64, equal for rows of an array that are equal."""
    return np.array([key_of(row) for _, chunk in chunks(values) for row in chunk], "u8")


def keys_of_rows(values: np.ndarray) -> np.ndarray:
    """Return `(N,)` uint64, equal for rows of an array that are equal.

    Takes eight bytes of all rows at once, which is faster than `array_keys`, by whose
    keys a split goes.

    Args:
        values: `(N, ...)` numbers.
    """
    if values.dtype.kind == "f":
        values = values + values.dtype.type(0)  # zero has two signs, which are equal
    flat = np.ascontiguousarray(values.reshape(len(values), -1)).view(np.uint8)
    if lacking := -flat.shape[1] % 8:
        flat = np.pad(flat, ((0, 0), (0, lacking)))
    words = np.ascontiguousarray(flat).view(np.uint64)
    places = mixed(np.arange(1, words.shape[1] + 1, dtype=np.uint64))
    # Mixing loses nothing, so rows that differ in one word have different sums.
    return np.asarray(mixed(mixed(words ^ places)).sum(axis=1, dtype=np.uint64))


def keys_of_pictures(pixels: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return `(N,)` uint64, equal for pictures that look and measure the same.

    Args:
        pixels: `(N, H, W, C)`: of files their thumbnails.
        sizes: `(N, 2)`: the heights and widths that they have.
    """
    return np.asarray(keys_of_rows(pixels) ^ keys_of_rows(sizes))


def mixed(words: np.ndarray) -> np.ndarray:
    """Return uint64 numbers, each mixed up so that none becomes equal to another."""
    found = words * _MIX
    found ^= found >> _SHIFT
    return found


def key_of(values: np.ndarray) -> int:
    """Return 64 bits that are equal for arrays of one shape with equal values."""
    if values.dtype.kind == "f":
        values = values + values.dtype.type(0)  # zero has two signs, which are equal
    content = np.ascontiguousarray(values).tobytes()
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little")


def _column_keys(table: Table, roles: Mapping[str, ColumnRole]) -> np.ndarray:
    keys = np.zeros(len(table), np.uint64)
    for name in compared_columns(table.columns, roles):
        keys = mixed(keys ^ _bits(table.columns[name]))
    return keys


def compared_columns(
    names: Iterable[str], roles: Mapping[str, ColumnRole]
) -> list[str]:
    """Return the columns by which rows are compared: the inputs, but no texts.

    Copies of a case seldom have the very same note, and a network sees words of it
    only. Where all inputs are texts, rows are compared by them.
    """
    used = [name for name in names if roles.get(name) != "ignore"]
    return [name for name in used if roles.get(name) != "text"] or used


def _bits(column: Column) -> np.ndarray:
    """Return `(N,)` uint64, equal for equal values and for missing ones."""
    values = column.values
    if values.dtype.kind != "f":
        return np.asarray(values.astype(np.int64).view(np.uint64))
    values = np.where(np.isnan(values), np.nan, values + 0.0)  # one NaN, one zero
    return np.asarray(values.astype(np.float64).view(np.uint64))


def _file_keys(images: Images) -> np.ndarray:
    keys = np.empty(len(images), np.uint64)
    for start in range(0, len(images), PICTURES):
        rows = np.arange(start, min(start + PICTURES, len(images)))
        thumbnails = decode(images, rows, THUMBNAIL, THUMBNAIL)
        keys[rows] = keys_of_pictures(thumbnails, images.sizes[rows])
    return keys
