"""A drawn graph says every value, and nothing covers anything else."""

import re

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from torchsmith.explain.graph import trace
from torchsmith.report.graph_drawing import draw_graph, text_width
from torchsmith.report.layered import Box, layered


def two_steps(a, b):
    x = 2 * a + 3 * b
    y = 5 * a**2 + 3 * b**3
    return {"x": x, "y": y, "z": 2 * x + 3 * y}


def rectangles(svg):
    pattern = r'<rect[^>]* x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"'
    return [tuple(map(float, found)) for found in re.findall(pattern, svg)]


def overlap(one, other):
    (x, y, w, h), (x2, y2, w2, h2) = one, other
    return x < x2 + w2 and x2 < x + w and y < y2 + h2 and y2 < y + h


def test_a_drawing_says_values_gradients_and_derivatives():
    svg = draw_graph(trace(two_steps, a=2.0, b=1.0), title="two steps")
    for words in ("z = 2 × x + 3 × y", "value 83", "gradient 64", "gradient 33"):
        assert f">{words}</text>" in svg
    assert svg.count('class="edge"') == svg.count('class="derivative mid"') == 14
    assert "two steps</figcaption>" in svg


def test_boxes_do_not_overlap():
    boxes = rectangles(draw_graph(trace(two_steps, a=2.0, b=1.0)))
    assert len(boxes) == 13
    for place, one in enumerate(boxes):
        assert not any(overlap(one, other) for other in boxes[place + 1 :])


def test_a_number_stands_where_no_other_line_passes():
    svg = draw_graph(trace(two_steps, a=2.0, b=1.0))
    numbers = [
        Box(float(x) - text_width(text) / 2, float(y) - 12, text_width(text), 15)
        for x, y, text in re.findall(
            r'class="derivative mid" x="([\d.]+)" y="([\d.]+)">([^<]+)<', svg
        )
    ]
    routes = [points_of(path) for path in re.findall(r'class="edge" d="([^"]+)"', svg)]
    assert len(numbers) == len(routes) == 14
    for place, box in enumerate(numbers):
        inside = [
            other
            for other, points in enumerate(routes)
            if any(
                box.x <= x <= box.right and box.y <= y <= box.y + box.height
                for x, y in points
            )
        ]
        assert inside == [place]


def points_of(path):
    """Points along a path of cubic curves."""
    numbers = [float(text) for text in re.findall(r"-?[\d.]+", path)]
    x, y, *rest = numbers
    found = []
    while rest:
        x1, y1, x2, y2, x3, y3, *rest = rest
        for t in (step / 20 for step in range(1, 20)):
            weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            found.append(
                tuple(
                    sum(w * p for w, p in zip(weights, axis, strict=True))
                    for axis in ((x, x1, x2, x3), (y, y1, y2, y3))
                )
            )
        x, y = x3, y3
    return found


def test_names_are_text_and_nothing_else():
    svg = draw_graph(trace(lambda a: {"<b>": a * 2}, a=torch.tensor(1.0)))
    assert "<b>" not in svg
    assert "&lt;b&gt; = 2 × a" in svg


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 14))
    size = st.floats(5, 90)
    sizes = [(draw(size), draw(size)) for _ in range(count)]
    pairs = [(i, j) for j in range(count) for i in range(j)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return sizes, chosen


@settings(deadline=None, max_examples=60)
@given(graphs())
def test_a_layout_leads_to_the_right_and_keeps_everything_apart(graph):
    sizes, edges = graph
    layout = layered(sizes, edges, between_columns=20, between_boxes=5)
    boxes = [(b.x, b.y, b.width, b.height) for b in layout.boxes]
    assert [(w, h) for _, _, w, h in boxes] == sizes
    for place, one in enumerate(boxes):
        assert not any(overlap(one, other) for other in boxes[place + 1 :])
    for (source, target), route in zip(edges, layout.routes, strict=True):
        assert layout.boxes[source].right + 20 <= layout.boxes[target].x + 0.01
        assert [x for x, _ in route] == sorted(x for x, _ in route)
        # Where a line passes a column it passes between the boxes.
        for left, right in zip(route[1:-1:2], route[2:-1:2], strict=True):
            for x, y, width, height in boxes:
                inside = left[0] <= x and x + width <= right[0] + 0.01
                assert not (inside and y < left[1] < y + height)
    assert all(x >= 0 and x + w <= layout.width + 0.01 for x, _, w, _ in boxes)
    assert all(y >= -0.01 and y + h <= layout.height + 0.01 for _, y, _, h in boxes)
