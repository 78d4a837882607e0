"""Boxes in columns, so that every line between two of them leads to the right.

A small form of the method of Sugiyama, Tagawa and Toda (1981): columns by longest path,
order by barycentres, then places that follow the neighbours without overlap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

Size = tuple[float, float]
Point = tuple[float, float]

_SWEEPS = 8
_LINE = 6.0  # the room that a line takes which passes a column


@dataclass(frozen=True)
class Box:
    """Where something is drawn, in pixels; x and y are of its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """How far down its middle is."""
        return self.y + self.height / 2

    @property
    def right(self) -> float:
        """How far to the right it ends."""
        return self.x + self.width


@dataclass(frozen=True)
class Layout:
    """A finished drawing plan.

    Attributes:
        boxes: One for each size that was given.
        routes: For each edge, the points that its line passes: out of the right side of
            a box, through the columns between, into the left side of another.
        width: Of everything.
        height: Of everything.
    """

    boxes: tuple[Box, ...]
    routes: tuple[tuple[Point, ...], ...]
    width: float
    height: float

    def turned(self) -> "Layout":
        """Return the same with columns as rows, from top to bottom."""
        return Layout(
            tuple(Box(b.y, b.x, b.height, b.width) for b in self.boxes),
            tuple(tuple((y, x) for x, y in route) for route in self.routes),
            self.height,
            self.width,
        )


def layered(
    sizes: Sequence[Size],
    edges: Sequence[tuple[int, int]],
    *,
    between_columns: float = 60.0,
    between_boxes: float = 18.0,
) -> Layout:
    """Place boxes from left to right.

    Args:
        sizes: Width and height of each box.
        edges: Pairs of places in `sizes`; the first of a pair is the smaller number.
        between_columns: Free room for the lines.
        between_boxes: Free room between boxes of one column.
    """
    column = _columns(len(sizes), edges)
    heights = [height for _, height in sizes]
    chains: list[list[int]] = []
    for source, target in edges:
        between = range(column[source] + 1, column[target])
        points = list(range(len(heights), len(heights) + len(between)))
        heights += [_LINE] * len(points)
        column += between
        chains.append([source, *points, target])
    links = _neighbours(len(heights), chains)
    columns: list[list[int]] = [[] for _ in range(max(column, default=-1) + 1)]
    for place, its in enumerate(column):
        columns[its].append(place)
    _order(columns, links)
    middles = _middles(columns, heights, links, between_boxes)
    lefts, widths, right = [], [], 0.0
    for members in columns:
        widths.append(max((sizes[m][0] for m in members if m < len(sizes)), default=0))
        lefts.append(right)
        right += widths[-1] + between_columns
    top = min((middles[i] - heights[i] / 2 for i in range(len(heights))), default=0.0)
    bottom = max((middles[i] + heights[i] / 2 for i in range(len(heights))), default=0)
    boxes = tuple(
        Box(
            lefts[column[i]] + (widths[column[i]] - width) / 2,
            middles[i] - height / 2 - top,
            width,
            height,
        )
        for i, (width, height) in enumerate(sizes)
    )
    routes = []
    for chain in chains:
        first, last = boxes[chain[0]], boxes[chain[-1]]
        route = [(first.right, first.middle)]
        for point in chain[1:-1]:
            left, y = lefts[column[point]], middles[point] - top
            route += [(left, y), (left + widths[column[point]], y)]
        routes.append((*route, (last.x, last.middle)))
    width = max(right - between_columns, 0.0)
    return Layout(boxes, tuple(routes), width, bottom - top)


def _columns(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Return the column of each box: after all that leads to it."""
    column = [0] * count
    for source, target in sorted(edges, key=lambda edge: edge[1]):
        column[target] = max(column[target], column[source] + 1)
    # What nothing leads to moves right, next to where it is used first.
    entered = {target for _, target in edges}
    for box in range(count):
        used = [column[target] for source, target in edges if source == box]
        if box not in entered and used:
            column[box] = min(used) - 1
    return column


def _neighbours(count: int, chains: Sequence[Sequence[int]]) -> list[list[int]]:
    links: list[list[int]] = [[] for _ in range(count)]
    for chain in chains:
        for one, other in pairwise(chain):
            links[one].append(other)
            links[other].append(one)
    return links


def _order(columns: list[list[int]], links: Sequence[Sequence[int]]) -> None:
    """Sort each column by where the neighbours on one side are, to and fro."""
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        sequence = columns if forward else columns[::-1]
        for before, members in pairwise(sequence):
            rank = {place: number for number, place in enumerate(before)}
            now = {place: number for number, place in enumerate(members)}
            members.sort(key=partial(_mean_rank, rank=rank, now=now, links=links))


def _mean_rank(
    place: int,
    *,
    rank: Mapping[int, int],
    now: Mapping[int, int],
    links: Sequence[Sequence[int]],
) -> float:
    known = [rank[other] for other in links[place] if other in rank]
    return sum(known) / len(known) if known else float(now[place])


def _middles(
    columns: Sequence[Sequence[int]],
    heights: Sequence[float],
    links: Sequence[Sequence[int]],
    gap: float,
) -> list[float]:
    middles = [0.0] * len(heights)
    for sweep in range(2 * _SWEEPS):
        for members in columns if sweep % 2 == 0 else columns[::-1]:
            wanted = []
            for place in members:
                around = [middles[other] for other in links[place]] if sweep else []
                wanted.append(sum(around) / len(around) if around else middles[place])
            steps = [
                (heights[one] + heights[other]) / 2 + gap
                for one, other in pairwise(members)
            ]
            for place, middle in zip(members, spread(wanted, steps), strict=True):
                middles[place] = middle
    return middles


@dataclass(frozen=True)
class _Block:
    """Boxes that touch each other: they move together."""

    total: float
    count: int

    @property
    def mean(self) -> float:
        return self.total / self.count


def spread(wanted: Sequence[float], steps: Sequence[float]) -> list[float]:
    """Return the places nearest to those wanted, at least some steps apart.

    The sum of squared moves is the smallest possible (pool adjacent violators).

    Args:
        wanted: In the order that is to be kept.
        steps: The least distance between each two neighbours.

    >>> spread([0, 0], [10])
    [-5.0, 5.0]
    """
    offsets = [0.0]
    for step in steps:
        offsets.append(offsets[-1] + step)
    blocks: list[_Block] = []
    for place, offset in zip(wanted, offsets, strict=False):
        blocks.append(_Block(place - offset, 1))
        while len(blocks) > 1 and blocks[-2].mean >= blocks[-1].mean:
            last = blocks.pop()
            blocks[-1] = replace(
                blocks[-1],
                total=blocks[-1].total + last.total,
                count=blocks[-1].count + last.count,
            )
    means = [block.mean for block in blocks for _ in range(block.count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]
