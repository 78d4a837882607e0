"""Numbers as small pictures: below 0 blue, 0 pale, above 0 orange."""

import math

import numpy as np
from markupsafe import Markup

from torchsmith.evaluate.mistakes import encode_png
from torchsmith.report.text import clean, number

_ZERO = np.array([246, 246, 243])
_ABOVE = np.array([200, 76, 9])
_BELOW = np.array([29, 82, 190])
_SEEN = 0.995
"""So much of all values lies within the colours; the rest has the last colour."""


def limit_of(*arrays: np.ndarray) -> float:
    """Return the size of a value that gets the strongest colour."""
    sizes = np.abs(np.concatenate([array.ravel() for array in arrays]))
    sizes = sizes[np.isfinite(sizes)]
    return float(np.quantile(sizes, _SEEN)) or float(sizes.max()) or 1.0


def colours(values: np.ndarray, limit: float) -> np.ndarray:
    """Return `(…, 4)` bytes: red, green, blue, and opaque.

    Args:
        values: Of any shape; what is not finite is transparent.
        limit: The size of a value that gets the strongest colour.
    """
    share = np.clip(np.nan_to_num(values) / limit, -1, 1)[..., None]
    end = np.where(share > 0, _ABOVE, _BELOW)
    mixed = np.round(_ZERO + np.abs(share) * (end - _ZERO))
    opaque = np.where(np.isfinite(values)[..., None], 255, 0)
    return np.concatenate([mixed, opaque], axis=-1).astype(np.uint8)


def pictures(rows: np.ndarray, limit: float) -> np.ndarray:
    """Return each row as a picture; of three channels, as a colour picture.

    Args:
        rows: `(N, C, H, W)`.
        limit: The size of a value that gets the strongest colour.

    Returns:
        `(N, H, W, 4)` bytes.
    """
    if rows.shape[1] != 3:
        return colours(rows.mean(axis=1), limit)
    mixed = np.clip((rows / limit + 1) * 127.5, 0, 255).transpose(0, 2, 3, 1)
    opaque = np.full((*mixed.shape[:-1], 1), 255.0)
    return np.concatenate([mixed, opaque], axis=-1).round().astype(np.uint8)


def mosaic(tiles: np.ndarray, columns: int = 0) -> np.ndarray:
    """Put pictures side by side with a transparent line between.

    Args:
        tiles: `(N, H, W, 4)` bytes.
        columns: Pictures in a row; as many as make about a square where not given.
    """
    count, height, width, _ = tiles.shape
    columns = columns or min(
        count, max(1, math.ceil(math.sqrt(count * height / width)))
    )
    lines = math.ceil(count / columns)
    sheet = np.zeros((lines * (height + 1) - 1, columns * (width + 1) - 1, 4), np.uint8)
    for place, tile in enumerate(tiles):
        y, x = divmod(place, columns)
        y, x = y * (height + 1), x * (width + 1)
        sheet[y : y + height, x : x + width] = tile
    return sheet


def image(pixels: np.ndarray, alt: str, *, height: int = 0) -> Markup:
    """Return bytes `(H, W, C)` as an `img` whose pixels stay sharp.

    Args:
        pixels: 1, 3 or 4 channels.
        alt: Read aloud in place of the picture.
        height: In CSS pixels, where the picture may be stretched.
    """
    style = Markup(' style="height:{}px"').format(height) if height else Markup("")
    return Markup('<img{} src="data:image/png;base64,{}" alt="{}">').format(
        style, encode_png(pixels), clean(alt)
    )


def scale(limit: float) -> Markup:
    """Draw what the colours mean."""
    bar = colours(np.linspace(-1, 1, 65)[None], 1.0)
    return Markup(
        '<p class="colour-scale"><span>{}</span>{}<span>{}</span></p>'
    ).format(
        number(-limit, 2), image(bar, "from below zero to above"), number(limit, 2)
    )
