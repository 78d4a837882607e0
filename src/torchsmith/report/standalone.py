"""A chart as a file of its own: an SVG that needs no page around it.

Colours and fonts stand in the file, on white, so that it looks the same in a browser
and as a picture in a Markdown page.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from torchsmith.report.charts import COLOURS, Drawing, Series
from torchsmith.report.text import clean

_WIDTH = 720
_LEFT, _RIGHT, _BOTTOM = 62, 18, 50
_TITLE, _LEGEND_ROW, _GAP = 40, 20, 14
_KEY, _LETTER = 46, 7.8  # pixels of a legend's line, and of a letter on average

_NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
_OF_GRAPHS = re.compile(r"(svg text|svg \.end|\.nodes|\.node|\.edge)\b")

_RULES = """
text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans",
  "Malgun Gothic", "Apple SD Gothic Neo", sans-serif; fill: var(--quiet); }
.title { font-size: 15px; font-weight: 600; fill: var(--ink); }
.end { text-anchor: end; } .mid { text-anchor: middle; } .start { text-anchor: start; }
.grid { stroke: var(--line); } .base { stroke: var(--rival); }
.mark { stroke: var(--quiet); stroke-dasharray: 2 3; }
.paths { overflow: visible; }
.paths path, .key { fill: none; stroke-width: 2.25; stroke-linejoin: round;
  stroke-linecap: round; vector-effect: non-scaling-stroke; }
.paths polygon { fill-opacity: .13; }
.point { stroke: transparent; stroke-width: 12; }
.main { stroke: var(--accent); } .point.main { fill: var(--accent); }
.second { stroke: var(--warm); stroke-dasharray: 5 4; }
.point.second { fill: var(--warm); }
"""
_OF_COLOUR = """
path.{0}, .key.{0} {{ stroke: var(--{0}); }} polygon.{0} {{ fill: var(--{0}); }}
.point.{0} {{ fill: var(--{0}); stroke: transparent; }}
"""
_DASHES = """
path.c2, path.c6, path.c10, .key.c2, .key.c6, .key.c10 { stroke-dasharray: 9 4; }
path.c4, path.c8, .key.c4, .key.c8 { stroke-dasharray: 3 4; }
.key.turn { stroke-dasharray: 8 5; stroke-linecap: butt; }
.point { stroke-dasharray: none; }
.point.main, .point.second { stroke: transparent; }
.point.unseen { fill: transparent; }
"""


def standalone(drawing: Drawing) -> str:
    """Return a drawing as the text of an SVG file.

    Args:
        drawing: Of `line_drawing`.
    """
    legend, rows = _legend(drawing.legend)
    top = _TITLE + rows * _LEGEND_ROW + _GAP
    height = top + drawing.height + _BOTTOM
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" '
        'viewBox="0 0 {0} {1}" role="img" aria-label="{2}">\n'
        "<style>{3}</style>\n"
        '<rect width="{0}" height="{1}" fill="#ffffff"/>\n'
        '<text class="title" x="{4}" y="26">{2}</text>\n{5}\n'
        '<svg x="{4}" y="{6}" width="{7}" height="{8}" overflow="visible">{9}</svg>\n'
        "</svg>\n"
    ).format(
        _WIDTH,
        height,
        clean(drawing.title),
        Markup(_style()),  # noqa: S704 -- our own style sheet
        _LEFT,
        legend,
        top,
        _WIDTH - _LEFT - _RIGHT,
        drawing.height,
        drawing.body,
    )


def standalone_graph(figure: Markup) -> str:
    """Return the drawing of a graph, a figure of a page, as the text of an SVG file."""
    start, end = figure.index("<svg"), figure.index("</svg>")
    rules = [line for line in _sheet().splitlines() if _OF_GRAPHS.match(line)]
    style = _coloured("\n".join(rules))
    opened = str(figure[start:end]).replace("<svg", f"<svg {_NAMESPACE}", 1)
    cut = opened.index(">") + 1
    ground = '<rect x="-2" y="-2" width="100%" height="100%" fill="#ffffff"/>'
    return (
        f"{opened[:cut]}\n<style>\n{style}\n</style>\n{ground}\n{opened[cut:]}</svg>\n"
    )


def _legend(series: Sequence[Series]) -> tuple[Markup, int]:
    """Place the names of lines in rows; return them and how many rows there are."""
    if len(series) < 2:
        return Markup(""), 0
    placed = Markup("")
    left, row = float(_LEFT), 0
    for one in series:
        name = clean(one.name)
        width = _KEY + _LETTER * sum(1 if ord(c) < 0x1100 else 1.7 for c in name)
        if left + width > _WIDTH - _RIGHT and left > _LEFT:
            left, row = float(_LEFT), row + 1
        y = _TITLE + row * _LEGEND_ROW + 4
        placed += Markup(
            '<line class="key {0}" x1="{1:.0f}" x2="{2:.0f}" y1="{3}" y2="{3}"/>'
            '<text x="{4:.0f}" y="{5}">{6}</text>'
        ).format(one.key, left, left + 22, y, left + 28, y + 4, name)
        left += width
    return placed, row + 1


@cache
def _style() -> str:
    """Return the rules with the colours of the light page in them."""
    return _coloured(_RULES + "".join(map(_OF_COLOUR.format, COLOURS)) + _DASHES)


def _coloured(rules: str) -> str:
    light = dict(reversed(re.findall(r"--([\w-]+): (#\w+);", _sheet())))
    return re.sub(r"var\(--([\w-]+)\)", lambda match: light[match[1]], rules)


@cache
def _sheet() -> str:
    folder = files("torchsmith.report").joinpath("templates")
    return folder.joinpath("style.css").read_text("utf-8")
