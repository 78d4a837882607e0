"""Opening, checking and resizing picture files, and pictures in memory.

Only five formats are opened, by their content; a picture above the pixel cap is refused
before it is decoded.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.data.data import Images

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")
MAX_PIXELS = 50_000_000
MAX_BYTES = 500_000_000
EXTENSIONS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
OTHER_EXTENSIONS = frozenset({".gif", ".heic", ".heif", ".avif", ".jp2", ".psd"})
"""Pictures that are not read; they are named rather than passed over."""

GREY_MODES = frozenset({"1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N"})
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
)
"""What Pillow raises for damaged files."""

_THREADS = 2
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)


@dataclass(frozen=True)
class Picture:
    """What the check of one picture file found.

    Attributes:
        format: The true format, such as `"JPEG"`.
        height: In pixels, after the turn that its EXIF data asks for.
        width: In pixels, after the same turn.
        grey: Whether it is stored as grey.
        low: Smallest pixel value, 0 to 255.
        high: Largest pixel value, 0 to 255.
        conversions: What had to be converted, such as `"alpha laid over white"`.
    """

    format: str
    height: int
    width: int
    grey: bool
    low: int
    high: int
    conversions: tuple[str, ...]


class Unreadable(Exception):  # noqa: N818 -- always caught in this package
    """One picture cannot be decoded; the text says why."""


def sniff(head: bytes) -> str:
    """Name the picture format of a file by its first 32 bytes, or return `""`."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith((b"II*\0", b"MM\0*")):
        return "TIFF"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        header = int.from_bytes(head[14:18], "little")
        return "BMP" if header in _BMP_HEADERS else ""
    return ""


def read_content(path: Path) -> bytes:
    """Read a picture file that is neither empty nor absurdly large.

    Raises:
        Unreadable: It is empty or above 500 MB.
    """
    size = path.stat().st_size
    if not size:
        raise Unreadable("the file is empty")
    if size > MAX_BYTES:
        raise Unreadable(f"{size:,} bytes, more than {MAX_BYTES:,}")
    return path.read_bytes()


def check(content: bytes) -> Picture:
    """Decode a picture file fully and say what it is.

    Call it within `strict_decoding`.

    Args:
        content: The bytes of the file.

    Raises:
        Unreadable: It is damaged, of another format, or too large.
    """
    try:
        image = _open(content)
        if image.format == "PNG":
            # Decoding alone passes over a wrong checksum in the pixel data.
            _open(content).verify()
        frames = getattr(image, "n_frames", 1)
        upright, conversions = _as_8_bit(image)
        low, high = _extremes(upright)
    except UNREADABLE as error:
        raise Unreadable(_reason(error)) from error
    if frames > 1:
        conversions = (*conversions, "only the first of several frames read")
    return Picture(
        format=str(image.format),
        height=upright.height,
        width=upright.width,
        grey=upright.mode == "L",
        low=low,
        high=high,
        conversions=conversions,
    )


def stores_grey(path: Path) -> bool:
    """Whether a picture file is stored as grey, by its head.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with strict_decoding():
            return _open(path.read_bytes()).mode in GREY_MODES
    except UNREADABLE as error:
        raise DataError(f"{path}: cannot be decoded ({_reason(error)})") from error


@contextmanager
def strict_decoding() -> Iterator[None]:
    """Turn Pillow's warnings about huge and cut-off pictures into errors."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.filterwarnings("error", message="Truncated File Read")
        yield


def decode(images: Images, rows: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return pictures of one size, from files or from memory.

    Args:
        images: The pictures; their `channels` says whether they become grey or colour.
        rows: Which pictures, n row numbers.
        height: In pixels.
        width: In pixels.

    Returns:
        `(n, H, W, C)` uint8; float32 where the pixels in memory are.

    Raises:
        DataError: A file has vanished or was damaged since it was checked.
    """
    if images.pixels is not None and not (
        # What was decoded once has the size of the network; a picture that is to be
        # shown in another comes from its file.
        images.files and images.pixels.shape[1:3] != (height, width)
    ):
        pixels = _with_channels(images.pixels[rows], images.channels)
        return _resize_pixels(pixels, height, width)
    out = np.empty((len(rows), height, width, images.channels), np.uint8)

    def fill(place: int) -> None:
        row = int(rows[place])
        try:
            content = images.files[row].read_bytes()
            out[place] = _decode_one(content, images.channels, height, width)
        except UNREADABLE as error:
            raise DataError(
                f"{images.files[row]}: cannot be decoded ({_reason(error)}); it could "
                "when the data was checked: restore the file, or read the data again"
            ) from error

    with strict_decoding(), ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(fill, range(len(rows))):
            pass
    return out


def thumbnail(path: Path, side: int) -> np.ndarray:
    """Return a picture file upright, shrunk to fit into a square.

    Args:
        path: The file.
        side: Of the square, in pixels; smaller pictures keep their size.

    Returns:
        `(H, W, C)` uint8 with C = 1 where it is stored as grey, else 3.

    Raises:
        DataError: It cannot be read.
    """
    from PIL import Image

    try:
        with strict_decoding():
            image = _open(path.read_bytes())
            image.draft(None, (2 * side, 2 * side))
            upright, _ = _as_8_bit(image)
    except UNREADABLE as error:
        raise DataError(f"{path}: cannot be decoded ({_reason(error)})") from error
    upright.thumbnail((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.atleast_3d(np.asarray(upright))


def _decode_one(content: bytes, channels: int, height: int, width: int) -> np.ndarray:
    from PIL import Image

    image = _open(content)
    # A JPEG can be decoded at half, a quarter or an eighth of its size, which is much
    # faster; twice the wanted size is kept, as with `reducing_gap`. Either side may be
    # the height before the picture is turned upright.
    double = 2 * max(height, width)
    image.draft(None, (double, double))
    upright, _ = _as_8_bit(image)
    upright = upright.convert("L" if channels == 1 else "RGB")
    if upright.size != (width, height):
        upright = upright.resize(
            (width, height), Image.Resampling.BILINEAR, reducing_gap=2.0
        )
    return np.asarray(upright).reshape(height, width, channels)


def _open(content: bytes) -> "Image":
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"more than {MAX_PIXELS // 1_000_000} megapixels") from error
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(
            f"{image.width} x {image.height} pixels, "
            f"more than {MAX_PIXELS // 1_000_000} megapixels"
        )
    return image


def _as_8_bit(image: "Image") -> tuple["Image", tuple[str, ...]]:
    """Turn a picture upright and into mode L or RGB."""
    from PIL import Image, ImageOps

    done = []
    if image.getexif().get(0x0112, 1) != 1:
        done.append("turned upright as its EXIF data says")
        image = ImageOps.exif_transpose(image)
    transparent = image.mode in {"LA", "La", "PA", "RGBA", "RGBa"} or (
        "transparency" in image.info and image.mode in {"1", "L", "P", "RGB"}
    )
    grey = image.mode in GREY_MODES
    if transparent:
        done.append("alpha laid over white")
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    elif image.mode.startswith("I;16"):
        done.append("16-bit grey scaled to 8-bit")
        levels = np.asarray(image).astype(np.uint16) >> 8
        image = Image.fromarray(levels.astype(np.uint8))
    elif image.mode in {"I", "F"}:
        raise ValueError("32-bit pixels, where 8-bit or 16-bit are read")
    elif image.mode not in {"L", "RGB"}:
        names = {"P": "palette", "1": "black-and-white"}
        done.append(f"{names.get(image.mode, image.mode)} converted")
    return image.convert("L" if grey else "RGB"), tuple(done)


def _extremes(image: "Image") -> tuple[int, int]:
    extremes = np.asarray(image.getextrema()).reshape(-1, 2)
    return int(extremes[:, 0].min()), int(extremes[:, 1].max())


def _resize_pixels(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    from PIL import Image

    if pixels.shape[1:3] == (height, width):
        return pixels
    out = np.empty((len(pixels), height, width, pixels.shape[-1]), pixels.dtype)
    for place, channel in np.ndindex(len(pixels), pixels.shape[-1]):
        plane = Image.fromarray(np.ascontiguousarray(pixels[place, ..., channel]))
        resized = plane.resize(
            (width, height), Image.Resampling.BILINEAR, reducing_gap=2.0
        )
        out[place, ..., channel] = np.asarray(resized)
    return out


def _with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    if pixels.shape[-1] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=-1)
    # The weights of ITU-R BT.601, which Pillow uses for files.
    grey = pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    if pixels.dtype == np.uint8:
        grey = np.floor(grey + 0.5)
    return np.asarray(grey[..., None].astype(pixels.dtype))


def _reason(error: BaseException) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return f"not a picture of {', '.join(FORMATS)}"
    return str(error) or type(error).__name__
