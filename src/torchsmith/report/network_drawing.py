"""A network as inline SVG: boxes of layers from the input down to the output."""

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from torchsmith.core.wording import amount
from torchsmith.explain.layers import KINDS, LayerGraph, LayerNode
from torchsmith.report.blocks import Block, blocks
from torchsmith.report.graph_drawing import canvas, text_width
from torchsmith.report.layered import Box, Point, layered
from torchsmith.report.text import clean

_ROW = 38.0
_PAD = 12.0
_NOTE = 20.0


def draw_network(graph: LayerGraph) -> Markup:
    """Draw a network from top to bottom.

    Each layer says how it is written in PyTorch, its name, the shape of its output
    without the batch dimension, and how many parameters it has.

    Args:
        graph: Of `torchsmith.explain.layers`.
    """
    found = blocks(graph)
    sizes = [_size(block) for block in found]
    edges = [(source, target) for target, b in enumerate(found) for source in b.inputs]
    layout = layered(
        [(height, width) for width, height in sizes],
        edges,
        between_columns=30,
        between_boxes=22,
    ).turned()
    lines = Markup("").join(_line(route) for route in layout.routes)
    boxes = Markup("").join(
        _box(box, block) for box, block in zip(layout.boxes, found, strict=True)
    )
    there = {layer.kind for layer in graph.layers} - {"input", "output"}
    legend = Markup("").join(
        Markup('<span class="kind-key {0}">{0}</span>').format(kind)
        for kind in KINDS
        if kind in there
    )
    return Markup(
        '<figure class="chart drawing"><figcaption>{}</figcaption>'
        '<div class="scroll">{}</div></figure>'
    ).format(legend, canvas(layout, lines + boxes, "network"))


def _details(layer: LayerNode) -> str:
    parts = [layer.name] if layer.name != layer.kind else []
    if layer.shape:
        parts.append(f"(N, {', '.join(map(str, layer.shape))})")
    if layer.num_parameters:
        parts.append(amount(layer.num_parameters, "parameter"))
    return " · ".join(parts)


def _notes(block: Block) -> list[str]:
    notes = []
    if block.more:
        total = amount(block.num_parameters, "parameter")
        notes.append(f"… and {block.more} more; in all {total}")
    if block.times > 1:
        total = amount(block.num_parameters, "parameter")
        notes.append(f"{block.times} times in a row; in all {total}")
    return notes


def _size(block: Block) -> tuple[float, float]:
    texts = [text for row in block.rows for text in (row.text, _details(row))]
    width = max(map(text_width, (*texts, *_notes(block))))
    height = len(block.rows) * _ROW + len(_notes(block)) * _NOTE
    return width + 2 * _PAD + 6, height + 10


def _box(box: Box, block: Block) -> Markup:
    style = "result" if block.rows[0].kind == "output" else "layer"
    body = Markup(
        '<rect class="node {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" '
        'rx="6"/>'
    ).format(style, box.x, box.y, box.width, box.height)
    y = box.y + 5
    for row in block.rows:
        body += Markup(
            '<rect class="kind {}" x="{:.1f}" y="{:.1f}" width="5" height="{:.1f}" '
            'rx="2"/><text class="head" x="{:.1f}" y="{:.1f}">{}</text>'
            '<text x="{:.1f}" y="{:.1f}">{}</text>'
        ).format(
            row.kind,
            box.x + 6,
            y + 4,
            _ROW - 8,
            box.x + _PAD + 6,
            y + 16,
            clean(row.text),
            box.x + _PAD + 6,
            y + 32,
            clean(_details(row)),
        )
        y += _ROW
    for note in _notes(block):
        body += Markup('<text x="{:.1f}" y="{:.1f}">{}</text>').format(
            box.x + _PAD + 6, y + 13, clean(note)
        )
        y += _NOTE
    return body


def _line(route: Sequence[Point]) -> Markup:
    (x, y), *_ = route
    path = f"M{x:.1f} {y:.1f}"
    for (x0, y0), (x1, y1) in pairwise(route):
        middle = (y0 + y1) / 2
        path += f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
    x, y = route[-1]
    return Markup(
        '<path class="edge" d="{}"/><path class="tip" d="M{:.1f} {:.1f}l-3.5 -7h7z"/>'
    ).format(path, x, y)
