"""Examples as a person wants to see them: rows, pictures, curves, texts, slices."""

import base64
import io
from itertools import pairwise
from typing import assert_never

import numpy as np

from torchsmith.core.record import Record
from torchsmith.data.data import Images, Inputs, Sequences, Table, Volumes
from torchsmith.data.picture_columns import file_of
from torchsmith.data.pictures import decode, thumbnail

MOST_SIDE = 96
"""Pictures, and slices of volumes, have at most so many pixels a side."""

MOST_POINTS = 160
"""A longer curve is drawn through the lowest and the highest value of each part."""

MOST_CHANNELS = 6
MOST_LETTERS = 400
DIM = 16
"""Bytes of at most so much would look black."""

BRIGHTEST = 220
"""Of a volume's voxels: white would not be seen on a white page."""

NEAR = 0.25
"""How bright the far end of a volume is, seen through, where the near end is 1."""


class Trace(Record):
    """A sequence as it is drawn.

    Attributes:
        channels: Names of those that are drawn, at most six.
        values: For each of them, at most 160 values that are evenly spread from the
            first step to the last; None where a value is missing.
        num_steps: That the sequence has.
        num_channels: That the sequence has.
    """

    channels: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    num_steps: int
    num_channels: int


class Shown(Record):
    """An example as a person sees it; what it has not is empty.

    Attributes:
        row: Of a table, column and value as texts.
        picture: A PNG in base64: an image, that of a table's row, or a volume's slices
            and views.
        text: Of a text, its beginning.
        trace: Of another sequence.
    """

    row: dict[str, str] = {}
    picture: str = ""
    text: str = ""
    trace: Trace | None = None


def show(
    inputs: Inputs | None, rows: np.ndarray, picture_column: str = ""
) -> list[Shown]:
    """Return what a person would see of some examples.

    Args:
        inputs: All examples; where they are not known, nothing is shown of any.
        rows: Which of them.
        picture_column: Of a table, names a picture file for each row.

    Raises:
        DataError: A picture cannot be read.
    """
    match inputs:
        case None:
            return [Shown() for _ in rows]
        case Table():
            columns = {n: column.texts(rows) for n, column in inputs.columns.items()}
            return [
                Shown(
                    row={name: texts[place] for name, texts in columns.items()},
                    picture=_of_file(inputs, columns[picture_column][place])
                    if picture_column
                    else "",
                )
                for place in range(len(rows))
            ]
        case Images():
            return [Shown(picture=_small(inputs, row)) for row in rows.tolist()]
        case Sequences() if inputs.symbols:
            return [Shown(text=spelled(inputs, row)) for row in rows.tolist()]
        case Sequences():
            return [
                Shown(trace=trace(inputs.at(row), inputs.channels))
                for row in rows.tolist()
            ]
        case Volumes():
            return [
                Shown(picture=encode_png(views(inputs.values[row])))
                for row in rows.tolist()
            ]
        case _:
            assert_never(inputs)


def trace(steps: np.ndarray, channels: tuple[str, ...]) -> Trace:
    """Return a sequence in as many numbers as a drawing needs.

    Args:
        steps: `(L, C)`; NaN where a value is missing.
        channels: C names; the first six are drawn.
    """
    drawn = steps[:, :MOST_CHANNELS]
    values = []
    for channel in drawn.T.astype(np.float64):
        thinned = _thinned(channel)
        values.append(
            tuple(float(f"{v:.4g}") if np.isfinite(v) else None for v in thinned)
        )
    return Trace(
        channels=channels[:MOST_CHANNELS],
        values=tuple(values),
        num_steps=len(steps),
        num_channels=len(channels),
    )


def _thinned(channel: np.ndarray) -> np.ndarray:
    """Keep the lowest and the highest value of each part, in their order."""
    if len(channel) <= MOST_POINTS:
        return channel
    ends = np.linspace(0, len(channel), MOST_POINTS // 2 + 1).astype(int)
    found = []
    for start, end in pairwise(ends.tolist()):
        part = channel[start:end]
        known = part[np.isfinite(part)]
        if not len(known):
            found += [np.nan, np.nan]
            continue
        both = [int(np.nanargmin(part)), int(np.nanargmax(part))]
        found += [part[place] for place in sorted(both)]
    return np.array(found)


def spelled(sequences: Sequences, row: int) -> str:
    """Return the text of a sequence of characters, at most its first 400."""
    codes = sequences.at(row)[:MOST_LETTERS, 0].astype(int).tolist()
    more = "…" if sequences.lengths[row] > MOST_LETTERS else ""
    return "".join(sequences.symbols[code] for code in codes) + more


def views(voxels: np.ndarray) -> np.ndarray:
    """Return a volume as six pictures in two rows, black to pale.

    Above are the slices through the middle, across depth, height and width. Below is
    the volume seen through along the same axes: the brightest voxel on each line of
    sight, where what is farther away is darker.

    Args:
        voxels: `(C, D, H, W)`; of several channels, their mean is shown.

    Returns:
        `(H, W, 4)` bytes of red, green, blue and opacity.
    """
    volume = np.nan_to_num(voxels.astype(np.float32).mean(axis=0))
    low, high = float(volume.min()), float(volume.max())
    volume = (volume - low) / (high - low if high > low else 1.0)
    slices, through = [], []
    for axis, size in enumerate(volume.shape):
        slices.append(volume.take(size // 2, axis=axis))
        fade = np.linspace(1.0, NEAR, size, dtype=np.float32)
        shape = [size if place == axis else 1 for place in range(3)]
        through.append((volume * fade.reshape(shape)).max(axis=axis))
    tiles = [[_tile(plane) for plane in row] for row in (slices, through)]
    side = max(max(tile.shape[:2]) for row in tiles for tile in row)
    sheet = np.zeros((2 * side + 2, 3 * side + 4, 4), np.uint8)
    for down, row in enumerate(tiles):
        for across, tile in enumerate(row):
            height, width = tile.shape
            top = down * (side + 2) + (side - height) // 2
            left = across * (side + 2) + (side - width) // 2
            sheet[top : top + height, left : left + width, :3] = tile[..., None]
            sheet[top : top + height, left : left + width, 3] = 255
    return sheet


def _tile(plane: np.ndarray) -> np.ndarray:
    """Return `(H, W)` of 0 to 1 as bytes, of at most 96 a side."""
    step = -(-max(plane.shape) // MOST_SIDE)
    if step > 1:
        height, width = (max(size // step, 1) for size in plane.shape)
        tall, wide = min(step, plane.shape[0]), min(step, plane.shape[1])
        plane = plane[: height * tall, : width * wide]
        plane = plane.reshape(height, tall, width, wide).mean(axis=(1, 3))
    return np.round(BRIGHTEST * plane).astype(np.uint8)


def _small(images: Images, row: int) -> str:
    height, width = images.sizes[row].tolist()
    shrink = min(1.0, MOST_SIDE / max(height, width))
    size = max(1, round(height * shrink)), max(1, round(width * shrink))
    return encode_png(visible(decode(images, np.array([row]), *size)[0]))


def _of_file(table: Table, name: str) -> str:
    return encode_png(visible(thumbnail(file_of(table.folder, name), MOST_SIDE)))


def visible(pixels: np.ndarray) -> np.ndarray:
    """Return a picture as bytes that can be seen.

    Args:
        pixels: `(H, W, C)`, uint8; floats, and bytes of a small range as of the
            built-in digits, are stretched.
    """
    if pixels.dtype == np.uint8 and pixels.max() > DIM:
        return pixels
    low, high = float(pixels.min()), float(pixels.max())
    scaled = (pixels - low) / (high - low if high > low else 1.0)
    return np.round(255 * scaled).astype(np.uint8)


def encode_png(pixels: np.ndarray) -> str:
    """Return `(H, W, C)` bytes with 1, 3 or 4 channels as a PNG in base64."""
    from PIL import Image

    buffer = io.BytesIO()
    plane = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    Image.fromarray(plane).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
