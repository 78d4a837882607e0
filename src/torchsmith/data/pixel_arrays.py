"""Pictures that come as arrays: their shapes, their values, and their labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.vocabulary import Part
from torchsmith.core.wording import listed
from torchsmith.data import fingerprint
from torchsmith.data.data import Change, Column, Data, Images
from torchsmith.data.labels import PART_CODES, label_column
from torchsmith.data.lines import Names, Numbers
from torchsmith.data.on_disk import (
    OnDisk,
    Stored,
    chunks,
    extremes,
    one_after_the_other,
)

GREY_AXES = "(N, H, W)"
"""What `reading["axes"]` begins with for arrays that could be one colour picture."""

_EXACT_IN_FLOAT32 = 2**24

_NARROW = 4
"""Pictures so many times as wide as high, or the reverse, may be sequences."""


@dataclass(frozen=True)
class ArrayPart:
    """One part of a source as arrays.

    Attributes:
        part: Which part, or None where the source is one piece.
        name: What to call it in messages: a file, with the array's name.
        inputs: `(N, H, W)`, `(N, H, W, C)` or `(N, C, H, W)`.
        labels: `(N,)`, or None.
    """

    part: Part | None
    name: str
    inputs: Stored
    labels: np.ndarray | None


def images_from_parts(
    source: str,
    parts: Sequence[ArrayPart],
    *,
    target: str | None,
    classes: Sequence[str] = (),
    reading: Mapping[str, str],
) -> Data:
    """Put the parts of a source together as pictures in memory.

    Args:
        source: What the person named.
        parts: At least one part, in the order train, val, test.
        target: What to call the label; default `"label"`.
        classes: Names of the labels 0, 1, …; empty where numbers stay numbers.
        reading: What was found out about the source so far.

    Raises:
        DataError: Shapes, types or lengths do not fit, or values are not finite.
    """
    reading = dict(reading)
    changes: list[Change] = []
    pieces = [_pixels(part, reading, changes) for part in parts]
    shapes = sorted({piece.shape[1:] for piece in pieces})
    types = sorted({str(piece.dtype) for piece in pieces})
    if len(shapes) > 1 or len(types) > 1:
        told = "; ".join(
            f"{part.name}: {piece.shape} {piece.dtype}"
            for part, piece in zip(parts, pieces, strict=True)
        )
        raise DataError(f"{source}: the parts differ in picture size or type ({told})")
    pixels = one_after_the_other(pieces)
    counts = [len(piece) for piece in pieces]
    column = target_of_parts(target or "label", parts, counts, classes)
    given = given_parts(parts, counts)
    low, high = extremes(pixels)
    reading["pixel_range"] = f"{low:.9g}..{high:.9g}"
    reading["pixel_max"] = f"{high:.9g}"
    count, height, width, channels = pixels.shape
    return Data(
        source=source,
        inputs=Images(
            sizes=np.tile(np.array([height, width], np.int32), (count, 1)),
            channels=channels,
            pixels=pixels,
            names=names_by_part("image", counts, given),
        ),
        target=column,
        given=given,
        fingerprint=fingerprint_of(pixels, column, given),
        reading=reading,
        changes=tuple(changes),
    )


def target_of_parts(
    name: str,
    parts: Sequence[ArrayPart],
    counts: Sequence[int],
    classes: Sequence[str],
) -> Column | None:
    """Return the labels of all parts as one column, or None where no part has any.

    Raises:
        DataError: Only some parts have labels, there are more or fewer labels than
            inputs, or their types cannot be read.
    """
    labelled = [part.labels for part in parts if part.labels is not None]
    if not labelled:
        return None
    for part, count in zip(parts, counts, strict=True):
        if part.labels is None:
            raise DataError(
                f"{part.name}: has no labels, but another part has; "
                "add them, or remove the part"
            )
        if part.labels.ndim == 0 or len(part.labels) != count:
            raise DataError(
                f"{part.name}: {count} inputs, but labels of shape "
                f"{part.labels.shape}; each input needs one label"
            )
    shapes = {labels.shape[1:] for labels in labelled}
    kinds = {labels.dtype.kind in "US" for labels in labelled}
    if len(shapes) > 1 or len(kinds) > 1:
        told = ", ".join(f"{part.shape} {part.dtype}" for part in labelled)
        raise DataError(f"{parts[0].name}: the parts' labels differ: {told}")
    return label_column(
        name, np.concatenate(labelled), source=parts[0].name, classes=classes
    )


def given_parts(parts: Sequence[ArrayPart], counts: Sequence[int]) -> np.ndarray | None:
    """Return the part of each example, or None where the source is one piece."""
    if len(parts) == 1:
        return None
    codes = [PART_CODES[part.part or "train"] for part in parts]
    return np.repeat(np.array(codes, np.int8), counts)


def names_by_part(noun: str, counts: Sequence[int], given: np.ndarray | None) -> Names:
    """Call each example by its place in its own array; empty where there is one."""
    if given is None:
        return ()
    return Numbers(noun, np.concatenate([np.arange(n) for n in counts]), given)


def fingerprint_of(
    inputs: Stored, target: Column | None, given: np.ndarray | None
) -> str:
    """Return `"sha256:…"` of examples in memory."""
    if target is None:
        return fingerprint.of_arrays(inputs, None, given)
    return fingerprint.of_arrays(
        inputs, target.values, given, np.array(target.levels, "U")
    )


def _pixels(part: ArrayPart, reading: dict[str, str], changes: list[Change]) -> Stored:
    """Return `(N, H, W, C)` uint8 or float32."""
    array = part.inputs
    if not len(array) or 0 in array.shape:
        raise DataError(f"{part.name}: shape {array.shape} holds no pictures")
    if array.ndim == 3:
        height, width = array.shape[1:]
        if max(height, width) >= _NARROW * min(height, width):
            reading["axes"] = (
                f"{GREY_AXES}, pictures of {height} x {width}; if these are sequences "
                "(N, C, L), set data.kind: sequences"
            )
        elif len(array) in (1, 3) or width in (1, 3):
            reading["axes"] = f"{GREY_AXES}, grey pictures of {height} x {width}"
        array = array.with_channel() if isinstance(array, OnDisk) else array[..., None]
    elif array.ndim == 4 and array.shape[-1] not in (1, 3) and array.shape[1] in (1, 3):
        array = array.transpose(0, 2, 3, 1)
        reading["axes"] = "(N, C, H, W), read as (N, H, W, C)"
    if array.ndim != 4 or array.shape[-1] not in (1, 3):
        if array.ndim == 4:
            _refuse_channels(part)
        raise DataError(
            f"{part.name}: shape {part.inputs.shape} is not understood; pictures are "
            "(N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3 channels, "
            "tables are (N, C), volumes (N, D, H, W) or (N, C, D, H, W); if these are "
            "volumes, set data.kind: volumes"
        )
    dtype = stored_type(part.name, array, changes, "picture", "pixel")
    if isinstance(array, OnDisk):
        return replace(array, dtype=dtype)
    return np.ascontiguousarray(array, dtype)


def _refuse_channels(part: ArrayPart) -> None:
    """Refuse pictures of two or four channels, of which the last is mostly alpha.

    Raises:
        DataError: Says which colours to keep.
    """
    shape = part.inputs.shape
    last = shape[-1] in (2, 4)
    channels = shape[-1] if last else shape[1]
    if channels not in (2, 4):
        return
    kept = channels - 1
    place = f"x[..., :{kept}]" if last else f"x[:, :{kept}]"
    raise DataError(
        f"{part.name}: shape {shape} holds pictures of {channels} channels, or volumes;"
        " pictures are read with 1 (grey) or 3 (red, green, blue). If the last is "
        f"alpha, lay it over a colour, or leave it out: {place}; if these are volumes "
        "(N, D, H, W), set data.kind: volumes"
    )


def stored_type(
    name: str,
    array: Stored,
    changes: list[Change],
    noun: str,
    unit: str,
    *,
    names: Sequence[str] = (),
) -> np.dtype:
    """Return uint8 or float32: what holds the values of pixels or voxels.

    Args:
        name: What to call the array in messages.
        array: `(N, …)`.
        changes: Is told of values that are rounded.
        noun: What one example is called: `"picture"`.
        unit: What one value is called: `"pixel"`.
        names: What each example is called, such as its file; else they are counted.

    Raises:
        DataError: Values are no numbers, not finite, or too large for float32.
    """
    kind = array.dtype.kind
    if array.dtype == np.uint8 or kind == "b":
        return np.dtype(np.uint8)
    if kind in "iu":
        low, high = map(int, extremes(array))
        if low >= 0 and high <= 255:
            return np.dtype(np.uint8)
        if max(-low, high) > _EXACT_IN_FLOAT32:
            raise DataError(
                f"{name}: {unit} values from {low} to {high} are too large; at most "
                f"±{_EXACT_IN_FLOAT32:,} can be kept exactly: divide them first"
            )
        return np.dtype(np.float32)
    if kind != "f":
        raise DataError(
            f"{name}: {unit}s are of type {array.dtype}; whole numbers, floats and "
            "booleans are read: convert them before saving"
        )
    wrong, rounded, largest = [], 0, 0.0
    for first, chunk in chunks(array):
        finite = np.isfinite(chunk).reshape(len(chunk), -1).all(1)
        wrong += (first + np.flatnonzero(~finite)).tolist()
        if array.dtype.itemsize > 4:
            with np.errstate(over="ignore"):
                short = chunk.astype(np.float32)
            rounded += int(np.count_nonzero(short != chunk))
            largest = max(largest, float(np.abs(chunk).max()))
    if wrong:
        told = f"first: {noun} {wrong[0]}, 0 = first"
        if names:
            told = listed(names[row] for row in wrong)
        raise DataError(
            f"{name}: {len(wrong)} of {len(array)} {noun}s hold NaN or infinite "
            f"values ({told}); correct or remove them"
        )
    with np.errstate(over="ignore"):
        if not np.isfinite(np.float32(largest)):
            raise DataError(
                f"{name}: {unit} values up to {largest:.3g} are too large for float32; "
                "divide them first"
            )
    if rounded:
        what = f"{unit} values of {name} rounded from {array.dtype} to float32"
        changes.append(Change(column="", what=what, count=rounded))
    return np.dtype(np.float32)
