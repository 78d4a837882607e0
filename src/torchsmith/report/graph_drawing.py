"""An autograd graph as inline SVG: boxes with value and gradient, lines between."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from torchsmith.explain.graph import Graph, Node
from torchsmith.report.layered import Box, Layout, Point, layered
from torchsmith.report.text import clean, number

_LETTER = 7.3  # width of a letter of 12 pixels of any monospaced face
_LINE = 17.0
_PAD = 10.0
_MOST_NUMBERS = 4
_BETWEEN_COLUMNS = 56.0
_SAMPLES = 16  # points of a curve that are looked at
_SMALLEST = 0.85  # of its own size, in a narrow page
_ALONG = (0.5, 0.66, 0.34, 0.72, 0.28, 0.8, 0.2)  # where on a line its number may stand


def draw_graph(graph: Graph, *, title: str = "") -> Markup:
    """Draw what a result is made of, from left to right.

    Each box has the expression, its value and its gradient: how much the result grows
    when this grows by one. Numbers on the lines are the derivatives of one operation
    alone; a gradient is the sum over the lines to the right of gradient times number.

    Args:
        graph: Of `torchsmith.explain.graph`.
        title: Stands above, where given.
    """
    texts = [node_lines(node) for node in graph.nodes]
    sizes = [_size(lines) for lines in texts]
    pairs = [(edge.source, edge.target) for edge in graph.edges]
    layout = layered(sizes, pairs, between_columns=_BETWEEN_COLUMNS)
    taken = list(layout.boxes)
    lines = Markup("")
    numbers = Markup("")
    for route, edge in zip(layout.routes, graph.edges, strict=True):
        lines += _line(route)
        if edge.derivative is not None:
            others = [other for other in layout.routes if other is not route]
            numbers += _derivative(route, edge.derivative, taken, others)
    last = len(graph.nodes) - 1
    boxes = Markup("").join(
        _box(box, text, _style(node, result=place == last))
        for place, (box, text, node) in enumerate(
            zip(layout.boxes, texts, graph.nodes, strict=True)
        )
    )
    caption = (
        Markup("<figcaption>{}</figcaption>").format(clean(title)) if title else ""
    )
    return Markup(
        '<figure class="chart drawing">{}<div class="scroll">{}</div></figure>'
    ).format(
        caption, canvas(layout, lines + boxes + numbers, title or "autograd graph")
    )


def canvas(layout: Layout, body: Markup, title: str) -> Markup:
    """Return an SVG of the layout's own size, with a margin.

    In a narrow page it shrinks as far as its letters can still be read.
    """
    width, height = layout.width + 4, layout.height + 4
    return Markup(
        '<svg class="nodes" width="{0:.0f}" height="{1:.0f}" '
        'style="min-width:{4:.0f}px" '
        'viewBox="-2 -2 {0:.0f} {1:.0f}" role="img" aria-label="{2}">{3}</svg>'
    ).format(width, height, clean(title), body, _SMALLEST * width)


def curve(route: Sequence[Point]) -> str:
    """Return the path of a smooth line that leaves and enters horizontally."""
    (x, y), *_ = route
    parts = [f"M{x:.1f} {y:.1f}"]
    for (x0, y0), (x1, y1) in pairwise(route):
        middle = (x0 + x1) / 2
        parts.append(f"C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}")
    return "".join(parts)


def node_lines(node: Node) -> tuple[str, ...]:
    """Return what a node's box says: what it is, its value, its gradient."""
    named = node.kind == "operation" and node.name
    head = f"{node.name} = {node.expression}" if named else node.expression
    lines = [head]
    if node.value is not None:
        lines.append(f"value {_numbers(node.value)}")
    elif node.shape:
        lines.append(f"shape {' × '.join(map(str, node.shape))}")
    if node.gradient is not None:
        lines.append(f"gradient {_numbers(node.gradient)}")
    return tuple(lines)


def _numbers(values: np.ndarray) -> str:
    if values.size <= _MOST_NUMBERS:
        texts = [number(float(value)) for value in values.ravel()]
        return texts[0] if values.size == 1 else f"[{', '.join(texts)}]"
    shape = "×".join(map(str, values.shape))
    return f"{shape}, mean {number(float(values.mean()), 3)}"


def _size(lines: Sequence[str]) -> tuple[float, float]:
    longest = max(text_width(line) for line in lines)
    return longest + 2 * _PAD, len(lines) * _LINE + 1.2 * _PAD


def text_width(text: str) -> float:
    """Return about how wide a text of 12 pixels is; East Asian letters count twice."""
    return sum(_LETTER * (2 if ord(letter) >= 0x1100 else 1) for letter in text)


def _style(node: Node, *, result: bool) -> str:
    return "result" if result else node.kind


def _box(box: Box, lines: Sequence[str], style: str) -> Markup:
    body = Markup(
        '<rect class="node {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" '
        'rx="6"/>'
    ).format(style, box.x, box.y, box.width, box.height)
    for place, line in enumerate(lines):
        style = "head" if not place else line.partition(" ")[0]
        body += Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(
            style,
            box.x + _PAD,
            box.y + 0.6 * _PAD + (place + 0.74) * _LINE,
            clean(line),
        )
    return body


def _line(route: Sequence[Point]) -> Markup:
    x, y = route[-1]
    return Markup(
        '<path class="edge" d="{}"/><path class="tip" d="M{:.1f} {:.1f}l-7 -3.5v7z"/>'
    ).format(curve(route), x, y)


def _derivative(
    route: Sequence[Point],
    value: float,
    taken: list[Box],
    others: Sequence[Sequence[Point]],
) -> Markup:
    """Write the number of a line where nothing stands yet, and take that place.

    A place that no other line passes is better, as the number then is of one line.
    """
    text = number(value, 3)
    width = text_width(text)
    start, end = route[-2:]
    places = [
        Box(x - width / 2, y - 12, width, 15)
        for x, y in (_on_curve(start, end, t) for t in _ALONG)
    ]
    free = [box for box in places if not any(_overlap(box, other) for other in taken)]
    alone = (box for box in free if not any(_passes(line, box) for line in others))
    box = next(alone, (free or places)[0])
    taken.append(box)
    return Markup(
        '<text class="derivative mid" x="{:.1f}" y="{:.1f}">{}</text>'
    ).format(box.x + width / 2, box.y + 12, text)


def _on_curve(start: Point, end: Point, t: float) -> Point:
    """Return a point of the cubic whose inner points lie halfway between its ends."""
    (x0, y0), (x1, y1) = start, end
    x = x0 + (x1 - x0) * (1.5 * t * (1 - t) + t**3)
    return x, y0 + (y1 - y0) * t * t * (3 - 2 * t)


def _passes(route: Sequence[Point], box: Box) -> bool:
    """Whether a line is seen inside a box."""
    points = (
        _on_curve(start, end, step / _SAMPLES)
        for start, end in pairwise(route)
        for step in range(1, _SAMPLES)
    )
    return any(
        box.x <= x <= box.right and box.y <= y <= box.y + box.height for x, y in points
    )


def _overlap(one: Box, other: Box) -> bool:
    across = one.x < other.right and other.x < one.right
    return across and abs(one.middle - other.middle) < (one.height + other.height) / 2
