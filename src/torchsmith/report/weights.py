"""Weights over time and activations, drawn as pictures, heat maps and histograms."""

from collections.abc import Iterable

import numpy as np
from markupsafe import Markup

from torchsmith.explain.activations import Activation
from torchsmith.explain.weights import Weights
from torchsmith.report.charts import histogram
from torchsmith.report.heat_pictures import (
    image,
    levels,
    limit_of,
    mosaic,
    pictures,
    scale,
)
from torchsmith.report.text import clean

MOST_PICTURES = 64
MOST_CELLS = 40_000
MOST_STATES = 6
MOST_MAPS = 32
_STRIP = 64  # values in a line of a strip
_BINS = 40


def draw_weights(weights: Weights) -> Markup:
    """Draw a parameter at each of its times, all in the same colours.

    Args:
        weights: Of `torchsmith.explain.weights`.
    """
    states = _few(weights)
    first = next(iter(states.values()))
    shape = " × ".join(map(str, weights.shape))
    title = f"{weights.name}, {shape}"
    if weights.picture is not None:
        shown = min(len(first), MOST_PICTURES)
        rows = {
            time: values[:shown].reshape(shown, *weights.picture)
            for time, values in states.items()
        }
        limit = limit_of(*rows.values())
        drawn = {
            time: image(mosaic(pictures(values, limit)), f"{weights.name} {time}")
            for time, values in rows.items()
        }
        title += f": the first {shown} rows" if shown < weights.shape[0] else ""
        title += ", each as the picture that it answers to"
        return _maps(title, drawn, limit)
    matrices = {
        time: values.reshape(len(values), -1) for time, values in states.items()
    }
    if first.size > MOST_CELLS:
        return _histograms(title, matrices)
    limit = limit_of(*matrices.values())
    drawn = {
        time: _heat_map(values, limit, f"{weights.name} {time}")
        for time, values in matrices.items()
    }
    way = "down" if _upright(first) else "across"
    part = "the" if len(first) == weights.shape[0] else "the first"
    return _maps(f"{title}: {part} {len(first)} {way}", drawn, limit)


def draw_activation(activation: Activation) -> Markup:
    """Draw what a layer gives: maps as pictures, vectors as strips.

    Args:
        activation: Of `torchsmith.explain.activations`.
    """
    values = activation.values
    shape = " × ".join(map(str, values.shape))
    title = f"{activation.name}: {activation.text}, {shape}"
    limit = limit_of(values)
    if values.ndim == 3 and values.shape[1] == 1 < values.shape[2]:
        values = values[:, 0]  # maps of sequences: a line for each channel
    if values.ndim == 3 and min(values.shape[1:]) > 1:
        shown = values[:MOST_MAPS]
        if len(shown) < len(values):
            title += f", the first {len(shown)}"
        tiles = mosaic(levels(shown, limit), min(len(shown), 8))
        picture = image(tiles, activation.name)
    elif values.ndim == 4 and min(values.shape[1:]) > 1:
        shown = values[:MOST_MAPS, values.shape[1] // 2]
        title += ", the slices through the middle"
        title += f" of the first {len(shown)}" if len(shown) < len(values) else ""
        picture = image(mosaic(levels(shown, limit), min(len(shown), 8)), title)
    elif values.ndim == 2:
        picture = _heat_map(values, limit, activation.name)
    else:
        picture = strip(values.ravel(), limit, activation.name)
    return Markup(
        '<figure class="chart layer-output {}"><figcaption><b>{}</b>{}</figcaption>{}'
        "</figure>"
    ).format(activation.kind, clean(title), scale(limit), picture)


def strip(values: np.ndarray, limit: float, alt: str) -> Markup:
    """Draw a vector as cells in lines of 64.

    Args:
        values: `(N,)`.
        limit: The size of a value that gets the strongest colour.
        alt: Read aloud in place of the picture.
    """
    columns = min(len(values), _STRIP)
    lines = -(-len(values) // columns)
    padded = np.full(lines * columns, np.nan)
    padded[: len(values)] = values
    cells = levels(padded.reshape(lines, columns), limit)
    return image(cells, alt, height=max(14, 10 * lines))


def _few(weights: Weights) -> dict[str, np.ndarray]:
    """Return at most six states: the first, the last, and some between."""
    items = list(weights.states.items())
    if len(items) > MOST_STATES:
        chosen = np.linspace(0, len(items) - 1, MOST_STATES).round().astype(int)
        items = [items[place] for place in chosen]
    return dict(items)


def _upright(values: np.ndarray) -> bool:
    return bool(len(values) <= values[0].size)


def _heat_map(values: np.ndarray, limit: float, alt: str) -> Markup:
    wide = values if _upright(values) else values.T
    return image(levels(wide, limit), alt, height=min(max(6 * len(wide), 40), 280))


def _maps(title: str, drawn: dict[str, Markup], limit: float) -> Markup:
    figures = Markup("").join(
        Markup("<figure>{}<figcaption>{}</figcaption></figure>").format(picture, time)
        for time, picture in drawn.items()
    )
    return Markup(
        '<figure class="chart weight-maps"><figcaption><b>{}</b>{}</figcaption>'
        '<div class="maps">{}</div></figure>'
    ).format(clean(title), scale(limit), figures)


def _histograms(title: str, states: dict[str, np.ndarray]) -> Markup:
    ends = _ends(states.values())
    edges = np.linspace(*ends, _BINS + 1)
    drawn = Markup("").join(
        histogram(
            edges.tolist(),
            np.histogram(values, edges)[0].tolist(),
            title=f"{title}, {time}",
            x_title="value of a weight",
        )
        for time, values in states.items()
    )
    return Markup('<div class="charts pair">{}</div>').format(drawn)


def _ends(states: Iterable[np.ndarray]) -> tuple[float, float]:
    arrays = list(states)
    low, high = min(a.min() for a in arrays), max(a.max() for a in arrays)
    return (
        (float(low), float(high)) if low < high else (float(low) - 1, float(high) + 1)
    )
