"""Facts about pictures, and checks of them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from torchsmith.core.observer import Observer
from torchsmith.core.wording import amount, share
from torchsmith.data.data import Change, Images
from torchsmith.data.lines import Named
from torchsmith.data.on_disk import CHUNK_BYTES, extremes
from torchsmith.data.pictures import decode
from torchsmith.data.same import PICTURES, THUMBNAIL, keys_of_pictures
from torchsmith.data.steps import pixel_scale
from torchsmith.inspect.inspection import Finding, ImageFacts, Symmetry
from torchsmith.inspect.symmetry import shrink
from torchsmith.inspect.values import place_of
from torchsmith.inspect.wording import agree

ODD_BRIGHTNESS = 8.0
"""Robust standard deviations from the median brightness at which a picture is odd."""

FEW_ODD = 0.05
"""Of the pictures: more are a kind of their own, such as a class, and no mistake."""

SMALL = 8


@dataclass(frozen=True)
class Look:
    """What one pass over the pixels finds.

    Attributes:
        keys: `(N,)` uint64, equal for equal pictures.
        means: `(N,)` mean brightness of each picture, 0 to 1.
        blank: `(N,)` bool: whether all pixels of a picture have one colour.
        mean: Of all pixels, 0 to 1.
        deviation: Of all pixels, 0 to 1.
        sample: `(M, H, W, C)` float32: the pictures that were asked for, shrunk.
    """

    keys: np.ndarray
    means: np.ndarray
    blank: np.ndarray
    mean: float
    deviation: float
    sample: np.ndarray


def look_at(images: Images, sampled: np.ndarray, observer: Observer) -> Look:
    """Pass over all pixels once; files are decoded as thumbnails.

    Args:
        images: N pictures.
        sampled: `(M,)` ascending: which of them are kept, shrunk.
        observer: Told how many are done.
    """
    total = len(images)
    keys = np.empty(total, np.uint64)
    means, squares = np.empty(total), np.empty(total)
    blank = np.empty(total, bool)
    kept: list[np.ndarray] = []
    scale = 255.0
    if images.pixels is not None:
        scale = pixel_scale(max(float(extremes(images.pixels)[1]), 0.0))
    observer.stage("Looking at the pictures", total)
    step = PICTURES
    if images.pixels is not None:  # floats of a chunk take four times its bytes
        numbers = math.prod(images.pixels.shape[1:])
        step = max(1, min(PICTURES, CHUNK_BYTES // (4 * numbers)))
    for start in range(0, total, step):
        rows = np.arange(start, min(start + step, total))
        if images.pixels is not None:
            pixels = images.pixels[start : start + len(rows)]
        else:
            pixels = decode(images, rows, THUMBNAIL, THUMBNAIL)
        kept.append(shrink(pixels[np.isin(rows, sampled)]))
        flat = pixels.reshape(len(rows), -1)
        keys[rows] = keys_of_pictures(pixels, images.sizes[rows])
        values = flat.astype(np.float32)
        values /= np.float32(scale)
        means[rows] = values.mean(axis=1)
        values *= values
        squares[rows] = values.mean(axis=1)
        colours = flat.reshape(len(rows), -1, pixels.shape[-1])
        blank[rows] = (colours.min(axis=1) == colours.max(axis=1)).all(axis=1)
        observer.advance(int(rows[-1]) + 1)
    mean = float(means.mean())
    deviation = float(max(squares.mean() - mean**2, 0.0) ** 0.5)
    return Look(keys, means, blank, mean, deviation, np.concatenate(kept))


def describe_images(
    images: Images, look: Look, symmetry: Symmetry | None, formats: str
) -> ImageFacts:
    """Put together the facts about pictures.

    Args:
        images: N pictures.
        look: What the pass over their pixels found.
        symmetry: Which changes keep their classes, where that is known.
        formats: How many files of each format, as reading says: `"JPEG: 90, BMP: 6"`.
    """
    heights, widths = images.sizes[:, 0], images.sizes[:, 1]
    pairs = [part.split(": ") for part in formats.split(", ") if ": " in part]
    return ImageFacts(
        channels=images.channels,
        min_height=int(heights.min()),
        median_height=int(np.median(heights)),
        max_height=int(heights.max()),
        min_width=int(widths.min()),
        median_width=int(np.median(widths)),
        max_width=int(widths.max()),
        same_size=images.same_size,
        mean=round(look.mean, 6),
        deviation=round(look.deviation, 6),
        formats={name: int(count) for name, count in pairs},
        symmetry=symmetry,
    )


def find_in_images(
    images: Images, look: Look, facts: ImageFacts, where: Named
) -> Iterator[Finding]:
    """Check the pictures by themselves.

    Args:
        images: N pictures.
        look: What the pass over their pixels found.
        facts: Facts about them.
        where: What they are called in messages.
    """
    blank = np.flatnonzero(look.blank)
    if len(blank):
        yield Finding(
            code="D13",
            severity="warning",
            message=f"{amount(len(blank), 'picture')} of {len(images):,} "
            f"{agree(len(blank), 'shows', 'show')} one even area only.",
            where=where.places(blank),
            remedy="Remove them, or look for a fault where they were written.",
        )
    yield from _odd(images, look, where)
    if not facts.same_size:
        areas = images.sizes.astype(np.int64).prod(axis=1)
        yield Finding(
            code="D34",
            severity="note",
            message="The pictures have different sizes, from "
            f"{facts.min_height} x {facts.min_width} to "
            f"{facts.max_height} x {facts.max_width} pixels (least and most height and "
            "width).",
            evidence=f"typical: {facts.median_height} x {facts.median_width}; "
            f"smallest: {where.name(areas.argmin())}, "
            f"largest: {where.name(areas.argmax())}",
            remedy="Torchsmith resizes all of them to one size.",
        )
    small = np.flatnonzero(images.sizes.min(axis=1) < SMALL)
    if len(small):
        yield Finding(
            code="D34",
            severity="warning",
            message=f"{amount(len(small), 'picture')} "
            f"{agree(len(small), 'is', 'are')} smaller than {SMALL} pixels.",
            where=where.places(small),
            remedy="Check whether they show anything.",
        )


def _odd(images: Images, look: Look, where: Named) -> Iterator[Finding]:
    means = look.means[~look.blank]
    if len(means) < 50:
        return
    median = float(np.median(means))
    spread = 1.4826 * float(np.median(np.abs(means - median)))
    if spread == 0:
        return
    far = np.abs(look.means - median) / spread
    odd = np.flatnonzero((far > ODD_BRIGHTNESS) & ~look.blank)
    if 0 < len(odd) <= FEW_ODD * len(images):
        worst = odd[np.argsort(-far[odd], kind="stable")]
        yield Finding(
            code="D13",
            severity="note",
            message=f"{amount(len(odd), 'picture')} ({share(len(odd), len(images))}) "
            f"{agree(len(odd), 'is', 'are')} far brighter or darker than others.",
            where=where.places(worst),
            evidence=f"mean brightness {look.means[worst[0]]:.3f}, "
            f"typical {median:.3f}",
            remedy="Check whether they are inverted or damaged.",
        )


def is_wrong_name(what: str) -> bool:
    """Whether a change is about files whose names say another format."""
    return "although the file name" in what


def find_wrong_names(changes: Sequence[Change]) -> Iterator[Finding]:
    """Report picture files whose names say another format than their content."""
    for change in (c for c in changes if is_wrong_name(c.what)):
        more = f" and {change.count - 1:,} more" if change.count > 1 else ""
        places = (place_of(change), f"file {change.example}{more}")
        yield Finding(
            code="D33",
            severity="note",
            message=f"{amount(change.count, 'file')} "
            f"{agree(change.count, 'is', 'are')} {change.what}.",
            where=", ".join(filter(None, places)),
            remedy="Torchsmith goes by the content; other programs may not.",
        )
