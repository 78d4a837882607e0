"""One way of drawing: two runs side by side on one scale, with their numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

WIDTH, HEIGHT = 640, 190
LEFT, TOP, PANEL, TALL = 48, 34, 270, 112
COLOURS = ("#b3372b", "#2c7a57")


@dataclass(frozen=True)
class Side:
    """What was measured of one run.

    Attributes:
        name: What it is, in a few words.
        values: In order; what is not finite ends a curve.
        labels: Of bars.
        note: The number to remember.
    """

    name: str
    values: Sequence[float]
    labels: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """Two runs.

    Attributes:
        what: The quantity, as it stands above.
        sick: The run with the fault.
        healthy: The same run without.
        kind: Curves over epochs or steps, or bars.
        along: What curves go along.
    """

    what: str
    sick: Side
    healthy: Side
    kind: Literal["curves", "bars"] = "curves"
    along: str = "epochs"


def svg(picture: Picture) -> str:
    """Return the picture as SVG, some 2 kB."""
    sides = (picture.sick, picture.healthy)
    finite = [v for side in sides for v in side.values if math.isfinite(v)]
    low, high = min(finite), max(finite)
    if picture.kind == "bars":
        low, high = min(low, 0.0), max(high, 0.0)
    high = high if high > low else low + 1.0
    what = escape(picture.what)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="11">',
        f"<title>{what}: {_told(sides[0])}; {_told(sides[1])}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="14" fill="#333">{what}</text>',
    ]
    for place, (side, colour) in enumerate(zip(sides, COLOURS, strict=True)):
        left = LEFT + place * (PANEL + 40)
        lines += _frame(left, low, high, with_scale=place == 0)
        draw = _bars if picture.kind == "bars" else _curve
        lines += draw(side, left, colour, low, high)
        below = TOP + TALL + (28 if picture.kind == "bars" else 16)
        if picture.kind == "curves":
            lines.append(
                f'<text x="{left + PANEL}" y="{below}" fill="#777" '
                f'text-anchor="end">{escape(picture.along)}</text>'
            )
        lines.append(
            f'<text x="{left}" y="{HEIGHT - 8}" fill="{colour}">'
            f"{escape(_told(side))}</text>"
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


def _told(side: Side) -> str:
    return f"{side.name}: {side.note}" if side.note else side.name


def _frame(left: int, low: float, high: float, *, with_scale: bool) -> list[str]:
    bottom = TOP + TALL
    lines = [
        f'<path d="M{left} {TOP}V{bottom}H{left + PANEL}" fill="none" stroke="#999"/>'
    ]
    if with_scale:
        for value, y in ((high, TOP + 8), (low, bottom)):
            lines.append(
                f'<text x="{left - 5}" y="{y}" fill="#777" text-anchor="end">'
                f"{number(value)}</text>"
            )
    return lines


def number(value: float) -> str:
    """Return a number as short as it can be read."""
    if value == 0 or 0.01 <= abs(value) < 1000:
        return f"{value:.3g}"
    return f"{value:.1e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")


def _curve(side: Side, left: int, colour: str, low: float, high: float) -> list[str]:
    step = PANEL / max(len(side.values) - 1, 1)
    points = []
    for place, value in enumerate(side.values):
        if not math.isfinite(value):
            x = points[-1].split(",")[0] if points else f"{left}"
            end = f'<text x="{x}" y="{TOP + 10}" fill="{colour}">not a number</text>'
            return [_line(points, colour), end]
        y = TOP + TALL * (1 - (value - low) / (high - low))
        points.append(f"{left + place * step:.1f},{y:.1f}")
    return [_line(points, colour)]


def _line(points: Sequence[str], colour: str) -> str:
    path = " ".join(points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _bars(side: Side, left: int, colour: str, low: float, high: float) -> list[str]:
    lines = []
    wide = PANEL / len(side.values)
    nought = TOP + TALL * (1 - (0 - low) / (high - low))
    for place, value in enumerate(side.values):
        tall = TALL * value / (high - low)
        x, y = left + place * wide, min(nought, nought - tall)
        lines.append(
            f'<rect x="{x + 0.12 * wide:.1f}" y="{y:.1f}" width="{0.76 * wide:.1f}" '
            f'height="{max(abs(tall), 0.5):.1f}" fill="{colour}"/>'
        )
        if place < len(side.labels):
            lines.append(
                f'<text x="{x + wide / 2:.1f}" y="{TOP + TALL + 13}" fill="#777" '
                f'text-anchor="middle">{escape(side.labels[place])}</text>'
            )
    return lines
