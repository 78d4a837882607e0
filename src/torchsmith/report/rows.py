"""Charts of named rows: dots with intervals, and bars.

Names and values are HTML beside the drawing, so that a long name in any script is cut
by the browser, which knows its width, and a narrow page puts it above its row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from torchsmith.report.scales import Axis, linear_axis
from torchsmith.report.text import clean

_TRACK = 26
_MINI = 24  # pixels that a histogram in a table is high


@dataclass(frozen=True)
class Row:
    """One row of a chart.

    Attributes:
        name: Stands at the left.
        value: Where the dot is, or the bar ends.
        text: The value as a reader wants it; stands at the right.
        low: Start of the interval, or None without one.
        high: End of the interval, or None without one.
        note: A smaller line below the text.
        main: Whether the row is drawn in the strong colour.
    """

    name: str
    value: float
    text: str
    low: float | None = None
    high: float | None = None
    note: str = ""
    main: bool = False

    @property
    def ends(self) -> tuple[float, float, float]:
        """The value and the ends of its interval."""
        if self.low is None or self.high is None:
            return self.value, self.value, self.value
        return self.value, self.low, self.high


def dot_chart(
    rows: Sequence[Row],
    *,
    title: str,
    as_percent: bool = False,
    bounds: tuple[float, float],
) -> Markup:
    """Draw values with their intervals on one axis; a dotted line marks the main row.

    A row far away from all others does not set the scale: an arrow at the edge stands
    for it, and its text gives the value.

    Args:
        rows: From top to bottom.
        title: Stands above the chart.
        as_percent: The values are shares, between 0 and 1.
        bounds: The axis never reaches beyond these.
    """
    near = _near(rows)
    axis = linear_axis(
        [v for row in near for v in row.ends], num_ticks=4, bounds=bounds
    )
    guide = next((axis.at(row.value) for row in rows if row.main), None)
    tracks = [
        _gridlines(axis) + _guide(guide) + _dot(row, axis, beyond=row not in near)
        for row in rows
    ]
    scale = _axis_row(axis, as_percent=as_percent)
    return _chart(rows, tracks, title, scale, style="dots")


def bar_chart(rows: Sequence[Row], *, title: str, columns: bool = False) -> Markup:
    """Draw bars from zero, with whiskers where rows have intervals.

    Args:
        rows: From top to bottom.
        title: Stands above the chart.
        columns: A wide page may set the rows in two columns.
    """
    ends = [end for row in rows for end in row.ends]
    axis = Axis(min([0.0, *ends]), max([0.0, *ends]) or 1.0, ())
    tracks = [_bar(row, axis) for row in rows]
    style = "bars columns" if columns else "bars"
    return _chart(rows, tracks, title, Markup(""), style=style)


def mini_histogram(bins: Sequence[tuple[str, int]], *, title: str) -> Markup:
    """Draw a histogram that fits into a line of a table.

    Args:
        bins: The label and the count of each bar.
        title: Read aloud in place of the picture.
    """
    top = max((count for _, count in bins), default=0)
    if top <= 0:
        return Markup("")
    width = 100 / len(bins)
    bars = Markup("").join(
        Markup(
            '<rect x="{:.2f}" width="{:.2f}" y="{:.1f}" height="{:.1f}">'
            "<title>{}: {:,}</title></rect>"
        ).format(
            i * width,
            max(width - 1, 0.8 * width),
            _MINI - _height(count, top),
            _height(count, top),
            clean(label),
            count,
        )
        for i, (label, count) in enumerate(bins)
    )
    return Markup(
        '<svg class="mini" width="100" height="{}" role="img" aria-label="{}">{}</svg>'
    ).format(_MINI, clean(title), bars)


def _near(rows: Sequence[Row]) -> list[Row]:
    """Leave out the one row that would squeeze all others."""
    if len(rows) < 3:
        return list(rows)
    ordered = sorted(rows, key=lambda row: row.value)
    for far, rest in ((ordered[0], ordered[1:]), (ordered[-1], ordered[:-1])):
        ends = [end for row in rest for end in row.ends]
        gap = min(abs(far.value - end) for end in ends)
        if not far.main and gap > 2.5 * max(max(ends) - min(ends), 1e-12):
            return [row for row in rows if row is not far]
    return list(rows)


def _chart(
    rows: Sequence[Row],
    tracks: Sequence[Markup],
    title: str,
    axis: Markup,
    *,
    style: str,
) -> Markup:
    body = Markup("").join(
        Markup(
            '<div class="row{0}"><span class="name" title="{1}"><bdi>{1}</bdi></span>'
            '<svg height="{2}" aria-hidden="true"><title>{1}: {3}</title>{4}</svg>'
            '<span class="value"><span>{3}</span>{5}</span></div>'
        ).format(
            " main" if row.main else "",
            clean(row.name),
            _TRACK,
            clean(row.text),
            track,
            Markup("<small>{}</small>").format(clean(row.note)) if row.note else "",
        )
        for row, track in zip(rows, tracks, strict=True)
    )
    return Markup(
        '<figure class="chart"><figcaption><b>{0}</b></figcaption>'
        '<div class="rows {1}" role="group" aria-label="{0}">{2}{3}</div></figure>'
    ).format(clean(title), style, body, axis)


def _axis_row(axis: Axis, *, as_percent: bool) -> Markup:
    labels = Markup("").join(
        Markup('<text class="tick mid" x="{}" y="14">{}</text>').format(
            _pc(axis.at(tick)), label
        )
        for tick, label in zip(
            axis.ticks, axis.labels(as_percent=as_percent), strict=True
        )
    )
    return Markup(
        '<div class="row scale" aria-hidden="true"><span class="name"></span>'
        '<svg height="20">{}</svg><span class="value"></span></div>'
    ).format(labels)


def _gridlines(axis: Axis) -> Markup:
    return Markup("").join(
        Markup('<line class="grid" x1="{0}" x2="{0}" y1="0" y2="100%"/>').format(
            _pc(axis.at(tick))
        )
        for tick in axis.ticks
    )


def _guide(at: float | None) -> Markup:
    if at is None:
        return Markup("")
    return Markup('<line class="guide" x1="{0}" x2="{0}" y1="0" y2="100%"/>').format(
        _pc(at)
    )


def _dot(row: Row, axis: Axis, *, beyond: bool) -> Markup:
    if beyond:
        left = row.value < axis.low
        return Markup(
            '<svg x="{}" y="50%" class="over"><path class="dot" d="{}"/></svg>'
        ).format("0" if left else "100%", "M1 0l9-5v10z" if left else "M-1 0l-9-5v10z")
    value, low, high = (axis.at(end) for end in row.ends)
    return Markup(
        '<line class="interval" x1="{}" x2="{}" y1="50%" y2="50%"/>'
        '<circle class="dot" cx="{}" cy="50%" r="5"/>'
    ).format(_pc(low), _pc(high), _pc(value))


def _bar(row: Row, axis: Axis) -> Markup:
    zero, value = axis.at(0.0), axis.at(row.value)
    bar = Markup(
        '<rect class="bar" x="{}" width="{}" y="6" height="14" rx="2"/>'
    ).format(
        _pc(min(zero, value)), _pc(max(abs(value - zero), 0.002 if row.value else 0.0))
    )
    if row.low is None or row.high is None:
        return bar
    return bar + Markup(
        '<line class="whisker" x1="{}" x2="{}" y1="50%" y2="50%"/>'
    ).format(_pc(axis.at(row.low)), _pc(axis.at(row.high)))


def _height(count: int, top: int) -> float:
    return max(_MINI * count / top, 0.8) if count else 0.0


def _pc(fraction: float) -> str:
    return f"{100 * fraction:.2f}%"
