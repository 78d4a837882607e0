"""Volumes that come as arrays: their shapes, their values, and their labels."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.memory import amount_of, do_not_fit, is_large
from torchsmith.data.data import Change, Data, Volumes
from torchsmith.data.on_disk import extremes, in_memory
from torchsmith.data.pixel_arrays import (
    ArrayPart,
    fingerprint_of,
    given_parts,
    names_by_part,
    stored_type,
    target_of_parts,
)

MOST_CHANNELS = 4
"""A dimension that is not larger may hold channels: of pictures where an array has
four dimensions, of volumes where it has five."""


def holds_volumes(shape: Sequence[int]) -> bool:
    """Whether inputs of a shape are taken as volumes where nobody says what they are.

    Four dimensions are pictures `(N, H, W, C)` or `(N, C, H, W)` where there can be
    channels, at most 4, and volumes `(N, D, H, W)` otherwise; five are volumes.

    >>> holds_volumes((9, 30, 30, 30)), holds_volumes((9, 32, 32, 3))
    (True, False)
    """
    if len(shape) == 4:
        return min(shape[1], shape[-1]) > MOST_CHANNELS
    return len(shape) == 5


def volumes_from_parts(
    source: str,
    parts: Sequence[ArrayPart],
    *,
    target: str | None,
    classes: Sequence[str],
    reading: Mapping[str, str],
) -> Data:
    """Put the parts of a source together as volumes in memory.

    Args:
        source: What the person named.
        parts: At least one part, in the order train, val, test, of `(N, D, H, W)`,
            `(N, C, D, H, W)` or `(N, D, H, W, C)`.
        target: What to call the label; default `"label"`.
        classes: Names of the labels 0, 1, …; empty where numbers stay numbers.
        reading: What was found out about the source so far.

    Raises:
        DataError: Shapes, types or lengths do not fit, values are not finite, or the
            volumes do not fit into memory.
    """
    reading = dict(reading)
    changes: list[Change] = []
    _refuse_large(source, parts)
    pieces = [_voxels(part, reading, changes) for part in parts]
    if len({(piece.shape[1:], piece.dtype) for piece in pieces}) > 1:
        told = "; ".join(
            f"{part.name}: {part.inputs.shape} {piece.dtype}"
            for part, piece in zip(parts, pieces, strict=True)
        )
        raise DataError(
            f"{source}: the parts differ in the volumes' shape or type ({told}); bring "
            "all volumes to one shape (D, H, W) and one type"
        )
    values = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    counts = [len(piece) for piece in pieces]
    column = target_of_parts(target or "label", parts, counts, classes)
    given = given_parts(parts, counts)
    low, high = extremes(values)
    reading["voxel_range"] = f"{low:.9g}..{high:.9g}"
    return Data(
        source=source,
        inputs=Volumes(values, names_by_part("volume", counts, given)),
        target=column,
        given=given,
        fingerprint=fingerprint_of(values, column, given),
        reading=reading,
        changes=tuple(changes),
    )


def refuse_large(source: str, shape: Sequence[int], itemsize: int) -> None:
    """Refuse volumes of which three copies do not fit into memory.

    Args:
        source: What to call them.
        shape: `(N, …)`, all dimensions.
        itemsize: Bytes that a voxel takes in memory.

    Raises:
        DataError: Says how much they take, and how much there is.
    """
    size = math.prod(shape) * itemsize
    if is_large(size):
        raise DataError(
            f"{source}: {shape[0]:,} volumes take {amount_of(size)} in memory, "
            f"{do_not_fit()}; give fewer or coarser volumes. Only pictures may be "
            "larger than memory"
        )


def _refuse_large(source: str, parts: Sequence[ArrayPart]) -> None:
    total = sum(len(part.inputs) for part in parts)
    first = parts[0].inputs
    itemsize = 1 if first.dtype.kind == "b" or first.dtype == np.uint8 else 4
    refuse_large(source, (total, *first.shape[1:]), itemsize)


def _voxels(
    part: ArrayPart, reading: dict[str, str], changes: list[Change]
) -> np.ndarray:
    """Return `(N, C, D, H, W)` uint8 or float32."""
    shape = part.inputs.shape
    if not len(part.inputs) or 0 in shape:
        raise DataError(f"{part.name}: shape {shape} holds no volumes")
    if len(shape) not in (4, 5):
        raise DataError(
            f"{part.name}: shape {shape} is not understood as volumes, which are "
            "(N, D, H, W), (N, C, D, H, W) or (N, D, H, W, C); give arrays of such a "
            "shape"
        )
    array = in_memory(part.inputs)
    if len(shape) == 4:
        reading["axes"] = "(N, D, H, W), read as volumes of one channel"
        array = array[:, None]
    elif shape[-1] <= MOST_CHANNELS < shape[1]:
        reading["axes"] = "(N, D, H, W, C), read as volumes (N, C, D, H, W)"
        array = array.transpose(0, 4, 1, 2, 3)
    else:
        reading["axes"] = "(N, C, D, H, W), read as volumes"
    dtype = stored_type(part.name, array, changes, "volume", "voxel")
    return np.ascontiguousarray(array, dtype)
