"""Charts as inline SVG: lines, histograms, points.

Positions along a chart are percentages and text is in pixels, so that a chart fills any
width with its letters at one size. Colours are classes that the style sheet defines.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from markupsafe import Markup

from torchsmith.report.scales import Axis, linear_axis, nice_ticks, value_axis
from torchsmith.report.text import clean, number, percent

_MAX_TARGETS = 150  # places per series that show their value under the pointer
_MAX_VISIBLE_POINTS = 40
_HEIGHT = 190  # of a plot, in pixels
_DASH = 14  # pixels of one line's turn


Colour = Literal["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10"]
"""Of one of several equal lines; neighbours differ in lightness or dashes, too."""

COLOURS: tuple[Colour, ...] = get_args(Colour)


@dataclass(frozen=True)
class Series:
    """One line of a chart.

    Attributes:
        name: What it is, for the legend.
        points: Pairs of x and y; where y is not finite the line is broken.
        style: `main` is drawn stronger than `second`; equal lines have a colour each.
        band: For some x, the lowest and the highest y, drawn as a pale band.
        turn: Its place among lines that lie on each other, and how many these are. They
            take turns, dash by dash, so that all of them are seen.
    """

    name: str
    points: Sequence[tuple[float, float]]
    style: Literal["main", "second"] | Colour = "main"
    band: Sequence[tuple[float, float, float]] = ()
    turn: tuple[int, int] = (0, 1)

    @property
    def key(self) -> str:
        """The classes of its line in a legend."""
        return f"{self.style} turn" if self.turn[1] > 1 else self.style


@dataclass(frozen=True)
class Drawing:
    """A chart's plot, to stand in a page or in a file of its own.

    Attributes:
        title: Stands above it.
        body: The inside of an `<svg>` of any width.
        height: Of the plot, in pixels.
        legend: Its lines.
    """

    title: str
    body: Markup
    height: int
    legend: Sequence[Series]


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_title: str,
    write: Callable[[float], str] = number,
    as_percent: bool = False,
    from_zero: bool = False,
    mark: tuple[float, str] | None = None,
    axes: tuple[Axis, Axis] | None = None,
) -> Markup:
    """Draw lines over whole numbers such as epochs.

    Args:
        series: At least one, drawn in this order.
        title: Stands above the chart.
        x_title: Stands below the axis.
        write: Writes a value for its tooltip.
        as_percent: The values are shares, between 0 and 1.
        from_zero: The axis is linear and begins at 0.
        mark: A position to mark, and what to write there.
        axes: Others than whole numbers and what follows from the values.
    """
    ys = heights(series)
    x_axis = None
    if axes is not None:
        x_axis, y_axis = axes
    elif from_zero:
        y_axis = linear_axis([0.0, *ys], bounds=(0.0, math.inf))
    else:
        y_axis = _y_axis(ys, as_percent=as_percent)
    labels = y_axis.labels(as_percent=as_percent)
    drawing = _lines(series, title, x_title, y_axis, labels, write, mark, x_axis)
    return in_page(drawing)


def line_drawing(
    series: Sequence[Series], *, title: str, x_title: str, as_percent: bool = False
) -> Drawing:
    """Draw lines as `line_chart` does, to stand in a page or in a file of its own.

    Args:
        series: At least one, drawn in this order.
        title: Stands above the chart.
        x_title: Stands below the axis.
        as_percent: The values are shares, between 0 and 1.
    """
    y_axis = _y_axis(heights(series), as_percent=as_percent)
    labels = y_axis.labels(as_percent=as_percent)
    write = percent if as_percent else number
    return _lines(series, title, x_title, y_axis, labels, write, None)


def in_page(drawing: Drawing) -> Markup:
    """Return a drawing as a figure of a page whose style sheet defines its colours."""
    return _figure(
        drawing.title, drawing.body, height=drawing.height, legend=drawing.legend
    )


def histogram(
    edges: Sequence[float], counts: Sequence[int], *, title: str, x_title: str
) -> Markup:
    """Draw how many values lie between each pair of neighbouring edges.

    Args:
        edges: One more than `counts`, ascending.
        counts: Of each bar.
        title: Stands above the chart.
        x_title: Stands below the axis.
    """
    height = _HEIGHT
    ticks = nice_ticks(edges[0], edges[-1], 6)
    axis = Axis(edges[0], edges[-1], ticks)
    top = max(max(counts, default=0), 1)
    y_axis = Axis(0.0, top * 1.05, nice_ticks(0.0, top * 1.05, 4, whole=True))
    body = _grid(y_axis, height, y_axis.labels()) + _x_ticks(axis, height, x_title)
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        bar = height * y_axis.at(count)
        body += Markup(
            '<rect class="bar" x="{}" width="{}" y="{:.1f}" height="{:.1f}">'
            "<title>{} to {}: {:,}</title></rect>"
        ).format(
            _pc(axis.at(low)),
            _pc(max(axis.at(high) - axis.at(low) - 0.003, 0.001)),
            height - bar,
            bar,
            number(low),
            number(high),
            count,
        )
    if edges[0] < 0 < edges[-1]:
        body += _mark(axis.at(0.0), "", height)
    return _figure(title, body, height=height)


def scatter(
    points: Sequence[tuple[float, float]],
    *,
    title: str,
    x_title: str,
    y_title: str,
    reach: float = 0.0,
) -> Markup:
    """Draw points over two axes of one scale, with the line on which both are equal.

    Args:
        points: Pairs of x and y; those that are not finite are left out.
        title: Stands above the chart.
        x_title: Stands below the horizontal axis.
        y_title: Stands above the vertical axis.
        reach: So far from that line is a line on both sides; 0 draws none.
    """
    shown = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    axis = linear_axis([v for point in shown for v in point], num_ticks=5, pad=0.04)
    body = Markup("")
    for tick, label in zip(axis.ticks, axis.labels(), strict=True):
        at, down = _pc(axis.at(tick)), _pc(1 - axis.at(tick))
        body += Markup(
            '<line class="grid" x1="0" x2="100%" y1="{1}" y2="{1}"/>'
            '<line class="grid" x1="{0}" x2="{0}" y1="0" y2="100%"/>'
            '<text class="tick end" x="-8" y="{1}" dy=".32em">{2}</text>'
            '<text class="tick mid" x="{0}" y="100%" dy="18">{2}</text>'
        ).format(at, down, label)
    body += Markup('<line class="equal" x1="0" y1="100%" x2="100%" y2="0"/>')
    if 0 < reach < axis.high - axis.low:
        near, far = _pc(axis.at(axis.low + reach)), _pc(axis.at(axis.high - reach))
        body += Markup(
            '<line class="reach" x1="0" y1="{1}" x2="{1}" y2="0"/>'
            '<line class="reach" x1="{0}" y1="100%" x2="100%" y2="{0}"/>'
        ).format(near, far)
    body += Markup("").join(
        Markup('<circle cx="{}" cy="{}" r="2.6"/>').format(
            _pc(axis.at(x)), _pc(1 - axis.at(y))
        )
        for x, y in shown
    )
    body += Markup(
        '<text class="axis end" x="100%" y="100%" dy="35">{}</text>'
        '<text class="axis" x="-46" y="-12">{}</text>'
    ).format(clean(x_title), clean(y_title))
    return _figure(title, body, height=None)


def _figure(
    title: str, body: Markup, *, height: int | None, legend: Sequence[Series] = ()
) -> Markup:
    names = Markup("").join(
        Markup('<span class="key {}">{}</span>').format(one.key, clean(one.name))
        for one in legend
        if len(legend) > 1
    )
    size = Markup('height="{}"').format(height) if height else Markup('class="square"')
    return Markup(
        '<figure class="chart"><figcaption><b>{0}</b>{1}</figcaption>'
        '<div class="plot"><svg role="img" aria-label="{0}" {2}>{3}</svg></div>'
        "</figure>"
    ).format(clean(title), names, size, body)


def heights(series: Sequence[Series]) -> list[float]:
    """Return all finite values that an axis must hold, those of bands too."""
    ys = [y for one in series for _, y in one.points]
    ys += [y for one in series for _, low, high in one.band for y in (low, high)]
    return [y for y in ys if math.isfinite(y)]


def _y_axis(ys: Sequence[float], *, as_percent: bool) -> Axis:
    if as_percent:
        return linear_axis(ys, bounds=(0.0, 1.0), pad=0.08)
    return value_axis(ys)


def _lines(
    series: Sequence[Series],
    title: str,
    x_title: str,
    y_axis: Axis,
    labels: Sequence[str],
    write: Callable[[float], str],
    mark: tuple[float, str] | None,
    x_axis: Axis | None = None,
) -> Drawing:
    height = _HEIGHT
    xs = [x for one in series for x, _ in one.points]
    x_axis = x_axis or linear_axis(xs, num_ticks=6, whole=True, pad=0.0)
    body = _grid(y_axis, height, labels) + _x_ticks(x_axis, height, x_title)
    paths = Markup("").join(_band(one, x_axis, y_axis, height) for one in series)
    paths += Markup("").join(_path(one, x_axis, y_axis, height) for one in series)
    body += Markup(
        '<svg viewBox="0 0 1000 {0}" height="{0}" preserveAspectRatio="none" '
        'class="paths">{1}</svg>'
    ).format(height, paths)
    if mark is not None:
        body += _mark(x_axis.at(mark[0]), mark[1], height)
    for one in series:
        body += _targets(one, x_axis, y_axis, height, x_title, write)
    note = " (log scale)" if y_axis.log else ""
    return Drawing(title + note, body, height, series)


def _band(series: Series, x_axis: Axis, y_axis: Axis, height: int) -> Markup:
    known = [
        (x, low, high)
        for x, low, high in series.band
        if math.isfinite(low) and math.isfinite(high)
    ]
    if not known:
        return Markup("")
    upper = [(x, high) for x, _, high in known]
    lower = [(x, low) for x, low, _ in reversed(known)]
    corners = " ".join(
        f"{1000 * x_axis.at(x):.1f},{height * (1 - y_axis.at(y)):.1f}"
        for x, y in [*upper, *lower]
    )
    return Markup('<polygon class="{}" points="{}"/>').format(series.style, corners)


def _grid(axis: Axis, height: int, labels: Sequence[str]) -> Markup:
    lines = Markup("")
    for tick, label in zip(axis.ticks, labels, strict=True):
        lines += Markup(
            '<line class="grid" x1="0" x2="100%" y1="{0:.1f}" y2="{0:.1f}"/>'
            '<text class="tick end" x="-8" y="{0:.1f}" dy=".32em">{1}</text>'
        ).format(height * (1 - axis.at(tick)), label)
    return lines


def _x_ticks(axis: Axis, height: int, title: str) -> Markup:
    ticks = Markup("").join(
        Markup('<text class="tick mid" x="{}" y="{}">{}</text>').format(
            _pc(axis.at(tick)), height + 18, label
        )
        for tick, label in zip(axis.ticks, axis.labels(), strict=True)
    )
    return ticks + Markup(
        '<line class="base" x1="0" x2="100%" y1="{0}" y2="{0}"/>'
        '<text class="axis end" x="100%" y="{1}">{2}</text>'
    ).format(height, height + 35, clean(title))


def _mark(at: float, label: str, height: int) -> Markup:
    side, shift = ("end", -6) if at > 0.5 else ("start", 6)
    return Markup(
        '<line class="mark" x1="{0}" x2="{0}" y1="0" y2="{1}"/>'
        '<text class="marked {2}" x="{0}" dx="{3}" y="16">{4}</text>'
    ).format(_pc(at), height, side, shift, clean(label))


def _path(series: Series, x_axis: Axis, y_axis: Axis, height: int) -> Markup:
    commands: list[str] = []
    pen_down = False
    for x, y in series.points:
        if math.isfinite(y):
            place = f"{1000 * x_axis.at(x):.1f} {height * (1 - y_axis.at(y)):.1f}"
            commands.append(f"{'L' if pen_down else 'M'}{place}")
        pen_down = math.isfinite(y)
    return Markup('<path class="{}" d="{}"{}/>').format(
        series.style, "".join(commands), _dashes(*series.turn)
    )


def _dashes(place: int, count: int) -> Markup:
    """Leave room between the dashes of a line for those of the others on it."""
    if count < 2:
        return Markup("")
    return Markup(
        ' style="stroke-linecap:butt;stroke-dasharray:{0} {1};stroke-dashoffset:-{2}"'
    ).format(_DASH, (count - 1) * _DASH, place * _DASH)


def _targets(
    series: Series,
    x_axis: Axis,
    y_axis: Axis,
    height: int,
    x_title: str,
    write: Callable[[float], str],
) -> Markup:
    finite = [(x, y) for x, y in series.points if math.isfinite(y)]
    stride = math.ceil(len(finite) / _MAX_TARGETS) or 1
    visible = "" if len(finite) <= _MAX_VISIBLE_POINTS else " unseen"
    return Markup("").join(
        Markup(
            '<circle class="point {}{}" cx="{}" cy="{:.1f}" r="3">'
            "<title>{} {}, {}: {}</title></circle>"
        ).format(
            series.style,
            visible,
            _pc(x_axis.at(x)),
            height * (1 - y_axis.at(y)),
            clean(x_title),
            x_axis.told(x),
            clean(series.name),
            write(y),
        )
        for x, y in finite[::stride]
    )


def _pc(fraction: float) -> str:
    return f"{100 * fraction:.2f}%"
