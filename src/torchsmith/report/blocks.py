"""Layers as blocks: what stands in one box of a drawn network."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torchsmith.explain.layers import LayerGraph, LayerNode

MOST_ROWS = 4
"""Of layers side by side; the rest is counted."""

_FOLLOWERS = {"normalisation", "activation", "dropout", "pooling", "shape"}


@dataclass(frozen=True)
class Block:
    """Layers that are drawn in one box.

    Attributes:
        rows: The layers that are named.
        inputs: Places of the blocks that feed it.
        more: Layers like these that are not named, side by side.
        times: How often it stands there, one after the other.
        num_parameters: Of all of it.
    """

    rows: tuple[LayerNode, ...]
    inputs: tuple[int, ...]
    more: int = 0
    times: int = 1
    num_parameters: int = 0


def blocks(graph: LayerGraph) -> list[Block]:
    """Group layers so that a network of many layers can still be read.

    A layer and what follows it without weights of its own is one block; layers of one
    kind side by side are one block; equal blocks one after the other are one block.

    Args:
        graph: Of `torchsmith.explain.layers`.
    """
    return _without_repeats(_side_by_side(_chains(graph.layers)))


def _chains(layers: Sequence[LayerNode]) -> list[Block]:
    uses = [0] * len(layers)
    for layer in layers:
        for place in layer.inputs:
            uses[place] += 1
    owner: list[int] = []
    members: list[list[int]] = []
    for place, layer in enumerate(layers):
        before = layer.inputs[0] if len(layer.inputs) == 1 else -1
        follows = (
            layer.kind in _FOLLOWERS
            and before > 0
            and uses[before] == 1
            and members[owner[before]][-1] == before
        )
        if follows:
            members[owner[before]].append(place)
            owner.append(owner[before])
        else:
            owner.append(len(members))
            members.append([place])
    return [
        Block(
            rows=tuple(layers[place] for place in its),
            inputs=tuple(sorted({owner[place] for place in layers[its[0]].inputs})),
            num_parameters=sum(layers[place].num_parameters for place in its),
        )
        for its in members
    ]


def _side_by_side(found: Sequence[Block]) -> list[Block]:
    """Join single layers of one kind with the same inputs and the same users."""
    users = _users(found)
    groups: dict[object, list[int]] = {}
    for place, block in enumerate(found):
        key = (block.rows[0].kind, block.inputs, tuple(users[place]))
        alone = len(block.rows) > 1 or not block.inputs or not users[place]
        groups.setdefault(place if alone else key, []).append(place)
    into = {place: its[0] for its in groups.values() for place in its}
    joined = []
    for its in groups.values():
        rows = tuple(row for place in its for row in found[place].rows)
        shown = len(rows) if len(its) == 1 or len(rows) <= MOST_ROWS else MOST_ROWS - 1
        joined.append(
            replace(
                found[its[0]],
                rows=rows[:shown],
                more=len(rows) - shown,
                num_parameters=sum(found[place].num_parameters for place in its),
            )
        )
    return _renumbered(joined, [its[0] for its in groups.values()], into)


def _without_repeats(found: Sequence[Block]) -> list[Block]:
    """Count equal blocks one after the other instead of drawing each."""
    users = _users(found)
    kept: list[Block] = []
    firsts: list[int] = []
    into: dict[int, int] = {}
    for place, block in enumerate(found):
        same = (
            block.inputs == (place - 1,)
            and users[place - 1] == [place]
            and _looks(block) == _looks(found[place - 1])
        )
        if same:
            total = kept[-1].num_parameters + block.num_parameters
            times = kept[-1].times + 1
            kept[-1] = replace(kept[-1], times=times, num_parameters=total)
        else:
            kept.append(block)
            firsts.append(place)
        into[place] = firsts[-1]
    return _renumbered(kept, firsts, into)


def _looks(block: Block) -> list[tuple[str, tuple[int, ...]]]:
    return [(row.text, row.shape) for row in block.rows]


def _users(found: Sequence[Block]) -> list[list[int]]:
    users: list[list[int]] = [[] for _ in found]
    for place, block in enumerate(found):
        for source in block.inputs:
            users[source].append(place)
    return users


def _renumbered(
    kept: Sequence[Block], firsts: Sequence[int], into: dict[int, int]
) -> list[Block]:
    """Let inputs name places in the shorter list."""
    new = {first: number for number, first in enumerate(firsts)}
    return [
        replace(
            block, inputs=tuple(sorted({new[into[place]] for place in block.inputs}))
        )
        for block in kept
    ]
