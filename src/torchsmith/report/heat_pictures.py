"""Numbers as small pictures: below 0 blue, 0 pale, above 0 orange."""

import base64
import io
import math

import numpy as np
from markupsafe import Markup

from torchsmith.report.text import clean, number

_BELOW, _ZERO, _ABOVE = (29, 82, 190), (246, 246, 243), (200, 76, 9)
_NONE = 0  # the level that is transparent
_MIDDLE, _MOST = 128, 255
_SEEN = 0.995
"""So much of all values lies within the colours; the rest has the last colour."""


def limit_of(*arrays: np.ndarray) -> float:
    """Return the size of a value that gets the strongest colour."""
    sizes = np.abs(np.concatenate([array.ravel() for array in arrays]))
    sizes = sizes[np.isfinite(sizes)]
    if not sizes.size:
        return 1.0
    return float(np.quantile(sizes, _SEEN)) or float(sizes.max()) or 1.0


def levels(values: np.ndarray, limit: float) -> np.ndarray:
    """Return the place of each value in the colours, 1 to 255, as bytes.

    Args:
        values: Of any shape; what is not finite becomes 0, which is transparent.
        limit: The size of a value that gets the strongest colour.
    """
    share = np.clip(np.nan_to_num(values) / limit, -1, 1)
    found = np.round(_MIDDLE + share * (_MOST - _MIDDLE))
    return np.where(np.isfinite(values), found, _NONE).astype(np.uint8)


def pictures(rows: np.ndarray, limit: float) -> np.ndarray:
    """Return each row as a picture; of three channels, as a colour picture.

    Args:
        rows: `(N, C, H, W)`.
        limit: The size of a value that gets the strongest colour.

    Returns:
        `(N, H, W)` levels, or `(N, H, W, 4)` bytes of red, green, blue and opacity.
    """
    if rows.shape[1] != 3:
        return levels(rows.mean(axis=1), limit)
    mixed = np.clip((rows / limit + 1) * 127.5, 0, 255).transpose(0, 2, 3, 1)
    opaque = np.full((*mixed.shape[:-1], 1), 255.0)
    return np.concatenate([mixed, opaque], axis=-1).round().astype(np.uint8)


def mosaic(tiles: np.ndarray, columns: int = 0) -> np.ndarray:
    """Put pictures side by side with a transparent line between.

    Args:
        tiles: `(N, H, W)` levels or `(N, H, W, 4)` bytes.
        columns: Pictures in a row; as many as make about a square where not given.
    """
    count, height, width = tiles.shape[:3]
    columns = min(count, columns or math.ceil(math.sqrt(count * height / width)))
    lines = math.ceil(count / columns)
    size = (lines * (height + 1) - 1, columns * (width + 1) - 1)
    sheet = np.full((*size, *tiles.shape[3:]), _NONE, np.uint8)
    for place, tile in enumerate(tiles):
        y, x = divmod(place, columns)
        y, x = y * (height + 1), x * (width + 1)
        sheet[y : y + height, x : x + width] = tile
    return sheet


def image(pixels: np.ndarray, alt: str, *, height: int = 0) -> Markup:
    """Return a picture as an `img` whose pixels stay sharp.

    Args:
        pixels: `(H, W)` levels or `(H, W, 4)` bytes.
        alt: Read aloud in place of the picture.
        height: In CSS pixels, where the picture may be stretched.
    """
    style = Markup(' style="height:{}px"').format(height) if height else Markup("")
    return Markup('<img{} src="data:image/png;base64,{}" alt="{}">').format(
        style, _png(pixels), clean(alt)
    )


def scale(limit: float) -> Markup:
    """Draw what the colours mean."""
    bar = image(levels(np.linspace(-1, 1, 65)[None], 1.0), "from below zero to above")
    return Markup(
        '<p class="colour-scale"><span>{}</span>{}<span>{}</span></p>'
    ).format(number(-limit, 2), bar, number(limit, 2))


def _png(pixels: np.ndarray) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    if pixels.ndim == 2:
        # A palette needs a quarter of the room of four channels.
        picture = Image.fromarray(pixels, "L")
        picture.putpalette(_palette())
        picture.save(buffer, "PNG", optimize=True, transparency=_NONE)
    else:
        Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _palette() -> list[int]:
    places = [1, _MIDDLE, _MOST]
    channels = [
        np.interp(range(_MOST + 1), places, ends)
        for ends in zip(_BELOW, _ZERO, _ABOVE, strict=True)
    ]
    return [int(value) for value in np.stack(channels, axis=1).round().ravel()]
