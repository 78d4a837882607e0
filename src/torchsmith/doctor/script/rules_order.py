"""Which examples reach the network, and in which order."""

import ast
import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from torchsmith.core.wording import percent
from torchsmith.doctor.script.facts import Call, Facts, Pair
from torchsmith.doctor.script.found import found
from torchsmith.doctor.script.places import Place
from torchsmith.doctor.script.reading import (
    Function,
    Loop,
    Reading,
    Sources,
    last_name,
    names_in,
    slices_in,
)
from torchsmith.inspect.inspection import Finding

FEW = 4
"""Batches in a row, before a verdict on how they move."""

MOST = 0.8
"""Share of neighbouring batches that must show it."""

FEWER = 0.6
"""Classes in a batch through those in a batch of random order, below which few."""

SORTED = 8.0
"""Standard errors by which neighbours share their class more often than by chance."""


def find_in_order(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find C7 and P8.

    Args:
        facts: That were seen.
        sources: Of the script.
    """
    yield from _standing_still(facts, sources)
    yield from _empty(facts, sources)
    for reading in sources:
        yield from _shrinking(facts, reading)
    yield from _other_targets(facts)
    yield from _in_class_order(facts)


def _standing_still(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Batches that move by less than a batch, or not at all."""
    by_place: dict[tuple[Place | None, int], list[Call]] = {}
    for call in facts.trained_calls:
        if call.num_rows > 1 and len(call.rows) == call.num_rows:
            by_place.setdefault((call.place, id(call.module)), []).append(call)
    for (place, _), calls in by_place.items():
        neighbours = list(pairwise(calls[:400]))
        if len(neighbours) < FEW or place is None:
            continue
        sliding = sum(0 < _moved(a, b) <= a.num_rows // 2 for a, b in neighbours)
        same = sum(a.rows == b.rows and len(set(a.rows)) > 1 for a, b in neighbours)
        line = _batch_line(sources, place)
        is_sliding = sliding >= MOST * len(neighbours)
        if not is_sliding and (same < MOST * len(neighbours) or line is None):
            continue  # the same batch again may be meant: all examples, or one to learn
        reached = {row for call in calls[:400] for row in call.rows}
        taken = sum(call.num_rows for call in calls[:400])
        told = (
            "The batches do not move on through the data.",
            f"{len(calls[:400])} batches of {calls[0].num_rows} hold {len(reached)} "
            f"different examples, not {taken}: each holds nearly those of the one "
            "before.",
            "Let batch number i begin at i * batch_size.",
        )
        yield found(facts, "C7", "error", line or place, told)


def _moved(before: Call, after: Call) -> int:
    """Return by how many rows a batch lies behind the last; 0 where it does not."""
    first, second = before.rows, after.rows
    if first == second or len(set(first)) < len(first) or len(second) < 2:
        return 0
    if second[0] not in first:
        return 0
    by = first.index(second[0])
    return by if first[by:] == second[: len(first) - by] else 0


def _batch_line(sources: Sources, place: Place) -> Place | None:
    """Return the line that says where a batch begins, in the loop around a call."""
    reading = sources.at(place)
    if reading is None:
        return None
    loops = reading.loops(place.line)
    statement = reading.statement(place.line)
    if not loops or statement is None:
        return None
    wanted, scopes = names_in(statement), [*loops]
    for loop in loops:
        for name, value, assigned in reading.assignments(loop):
            if name not in wanted:
                continue
            inner = [f for f in reading.functions(last_name(value)) if _is_call(value)]
            for scope in (value, *inner):
                line = _begin_line(reading, scope, loop, inner)
                if line is not None:
                    return line
            wanted |= names_in(value)
            del assigned
    for node, _cut in slices_in(statement):
        line = _begin_line(reading, node, scopes[0], [])
        if line is not None:
            return line
    return None


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call)


def _begin_line(
    reading: Reading, scope: ast.AST, loop: Loop, inner: list[Function]
) -> Place | None:
    for node, cut in slices_in(scope):
        if cut.lower is None or cut.upper is None:
            continue
        if not names_in(cut.lower) and not names_in(cut.upper):
            continue
        bounds = [b for b in (cut.lower, cut.upper) if b is not None]
        names = set().union(*(names_in(bound) for bound in bounds))
        for name in _in_order(cut.lower, names):
            for around in (*inner, loop):
                for assigned, _, statement in reading.assignments(around):
                    if assigned == name:
                        return reading.place(statement)
        return reading.place(node)
    return None


def _in_order(lower: ast.expr | None, names: set[str]) -> list[str]:
    first = names_in(lower) if lower is not None else set()
    return [*sorted(first), *sorted(names - first)]


def _empty(facts: Facts, sources: Sources) -> Iterator[Finding]:
    calls = [call for call in facts.calls if call.is_trained or call.has_grad]
    empty = [call for call in calls if call.num_rows == 0 and call.num_inputs]
    if not empty or len(empty) < 0.2 * len(calls):
        return
    place = empty[0].place
    line = None if place is None else _batch_line(sources, place)
    told = (
        "Batches are empty.",
        f"{len(empty)} of {len(calls)} batches hold no example.",
        "Let batch number i be [i * batch_size : (i + 1) * batch_size].",
    )
    yield found(facts, "C7", "error", line or place, told)


def _shrinking(facts: Facts, reading: Reading) -> Iterator[Finding]:
    """`y = y[i:j]` in a loop: the next turn cuts what is left of the last one."""
    places = [*(p.place for p in facts.pairs), *(c.place for c in facts.calls)]
    places.append(facts.error_place)
    used = {p.line for p in places if p is not None and p.file == reading.file}
    for loop in ast.walk(reading.tree):
        if not isinstance(loop, ast.For):
            continue
        turning = names_in(loop.target)
        given: set[str] = set(turning)
        for name, value, statement in reading.assignments(loop):
            if reading.loops(statement.lineno)[:1] != [loop]:
                continue
            cuts = name not in given and _cuts_itself(name, value, turning | given)
            if cuts and _is_used(reading, loop, name, used):
                yield _overwritten(facts, reading, name, statement)
            given.add(name)


def _cuts_itself(name: str, value: ast.expr, moves: set[str]) -> bool:
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        value = value.func.value  # such as y[i:j].float()
    if not isinstance(value, ast.Subscript) or not isinstance(value.value, ast.Name):
        return False
    if value.value.id != name:
        return False
    index = value.slice
    first = index.elts[0] if isinstance(index, ast.Tuple) and index.elts else index
    if isinstance(first, ast.Slice):
        bounds = [b for b in (first.lower, first.upper) if b is not None]
        return len(bounds) == 2 and any(names_in(bound) & moves for bound in bounds)
    return isinstance(first, ast.Name) and first.id in moves


def _is_used(reading: Reading, loop: ast.For, name: str, lines: set[int]) -> bool:
    for line in lines:
        statement = reading.statement(line)
        inside = statement is not None and loop in reading.above(statement)
        if inside and statement is not None and name in names_in(statement):
            return True
    return False


def _overwritten(
    facts: Facts, reading: Reading, name: str, statement: ast.stmt
) -> Finding:
    told = (
        f"{name} is overwritten by a part of itself in each turn of the loop.",
        f"From the second turn on, `{ast.unparse(statement)}` cuts what the turn "
        "before left, no longer the data.",
        f"Give the part a name of its own, such as batch_{name}.",
    )
    return found(facts, "C7", "error", reading.place(statement), told)


def _other_targets(facts: Facts) -> Iterator[Finding]:
    """The same inputs with other targets from epoch to epoch."""
    known: dict[int, float] = {}
    again = changed = 0
    place = None
    for pair, call in _judged_calls(facts):
        if (
            pair.labels is None
            or len(pair.labels) != len(call.rows)
            or not pair.is_whole
            or pair.labels.tolist() == list(range(len(pair.labels)))
        ):
            continue  # numbers of places, as where pairs of a batch are told apart
        for row, label in zip(call.rows, pair.labels.tolist(), strict=True):
            if row in known:
                again += 1
                changed += known[row] != label
                place = place or (pair.place if known[row] != label else None)
            known[row] = label
    if again < 50 or changed < 0.5 * again or len(known) < 2:
        return
    told = (
        "The same inputs come with other targets each time.",
        f"Of {again} inputs that came again, {changed} had another target than before.",
        "Put inputs and targets into another order by the same permutation, and look "
        "for what changes targets in the data set.",
    )
    yield found(facts, "C7", "error", place, told)


def _judged_calls(facts: Facts) -> Iterator[tuple[Pair, Call]]:
    met = Counter(pair.answers.calls for pair in facts.training_pairs)
    for pair in facts.training_pairs:
        if len(pair.answers.calls) != 1 or pair.targets.calls:
            continue
        if met[pair.answers.calls] > 1:
            continue  # several tasks, or the targets of examples that were mixed
        call = facts.call(next(iter(pair.answers.calls)))
        if call.inputs is None or call.inputs.is_floating_point():
            yield pair, call


def _in_class_order(facts: Facts) -> Iterator[Finding]:
    """Neighbours among the training examples that share their class too often."""
    by_place: dict[Place | None, list[list[float]]] = {}
    for pair in facts.training_pairs:
        if pair.is_whole and pair.labels is not None and len(pair.shapes[1]) == 1:
            by_place.setdefault(pair.place, []).append(pair.labels.tolist())
    for place, batches in by_place.items():
        labels = [label for batch in batches for label in batch][:50_000]
        count = len(labels) - 1
        classes = set(labels)
        if count < 50 or not 1 < len(classes) <= count / 10 or len(batches) < FEW:
            continue
        if max(map(len, batches)) > 1 and not _holds_few(batches, labels):
            continue
        shares = [labels.count(value) / len(labels) for value in classes]
        expected = sum(share * share for share in shares)
        equal = sum(a == b for a, b in pairwise(labels)) / count
        error = math.sqrt(max(expected * (1 - expected), 1e-6) / count)
        z = (equal - expected) / error
        if z < SORTED or equal < 0.5 + 0.5 * expected:
            continue
        told = (
            "Training examples come in the order of their classes.",
            f"{percent(equal)} of neighbours share their class; in random order it "
            f"would be {percent(expected)}.",
            "Shuffle the training examples in each epoch: DataLoader(…, shuffle=True), "
            "or a new permutation.",
        )
        yield found(facts, "P8", "error", place, told)


def _holds_few(batches: list[list[float]], labels: list[float]) -> bool:
    """Whether batches hold far fewer classes than they would in random order."""
    shares = [labels.count(value) / len(labels) for value in set(labels)]
    held = sum(len(set(batch)) for batch in batches)
    expected = sum(1 - (1 - s) ** len(batch) for batch in batches for s in shares)
    return held < FEWER * expected
