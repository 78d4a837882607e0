"""Whether what is measured as unseen was kept apart from training."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import nn

from torchsmith.core.wording import percent
from torchsmith.doctor.script.facts import Call, Facts
from torchsmith.doctor.script.found import found
from torchsmith.doctor.script.places import Place
from torchsmith.doctor.script.reading import (
    Loop,
    Reading,
    Sources,
    last_name,
    names_in,
)
from torchsmith.doctor.script.rules_score import measuring
from torchsmith.inspect.inspection import Finding

SHARED = 0.02
"""Share of what is measured that was trained on, above which it is no accident."""

EQUAL = 5
"""Shared rows, below which they are equal by chance, as two flowers are."""

FEW = 20
"""Rows that are measured together, before a verdict."""

_UNSEEN = frozenset({"test", "val", "valid", "validation", "holdout", "eval", "dev"})
_SEEN = frozenset({"train", "training", "trn", "tr"})
_FOLDS = ("fold", "kf", "cv")
_KEEPS = ("save", "deepcopy", "state_dict")


def find_in_parts(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find D8 and Q2.

    Args:
        facts: That were seen.
        sources: Of the script.
    """
    passes = list(_passes(facts, sources))
    overlap = list(_trained_on(facts, sources, passes))
    yield from overlap or _kept_from_fold_to_fold(facts, sources, passes)
    for reading in sources:
        yield from _chosen_by_test(reading, facts)


@dataclass(eq=False)
class _Pass:
    """What the same lines measured between two steps.

    Attributes:
        first: Its first call.
        rows: That were measured.
        when: For each, the call that trained on it last before; 0 where none did.
        num_taught: How many rows the network was trained on before.
        newest: The last call that trained it before.
    """

    first: Call
    rows: list[int] = field(default_factory=list)
    when: list[int] = field(default_factory=list)
    num_taught: int = 0
    newest: int = 0


def _passes(facts: Facts, sources: Sources) -> Iterator[_Pass]:
    """Give what was measured, in order, with what was trained on before."""
    wanted = {call.number for call in measuring(facts, sources) if call.rows}
    taught: dict[int, dict[int, int]] = {}
    passes: dict[tuple[int, tuple[Place, ...], int], _Pass] = {}
    for call in facts.calls:
        own = taught.setdefault(id(call.module), {})
        if call.module is None:
            continue
        if call.is_trained:
            own.update(dict.fromkeys(call.rows, call.number))
        elif call.number in wanted:
            begun = facts.begun(call.module)
            one = passes.setdefault(
                (id(call.module), call.path, call.step), _Pass(call)
            )
            when = [own.get(row, 0) for row in call.rows]
            one.rows += call.rows
            one.when += [at if begun < at else 0 for at in when]
            one.num_taught = len(own)
            one.newest = max(own.values(), default=0)
    yield from passes.values()


def _trained_on(
    facts: Facts, sources: Sources, passes: list[_Pass]
) -> Iterator[Finding]:
    """Examples that are measured as unseen, though they were trained on."""
    worst: dict[Place | None, float] = {}
    for one in passes:
        again = {row for row, at in zip(one.rows, one.when, strict=True) if at}
        share = sum(row in again for row in one.rows) / len(one.rows)
        usual = 20 * (1 - len(set(one.rows)) / len(one.rows))  # that the data has
        if len(one.rows) < FEW or share <= SHARED + usual or len(again) < EQUAL:
            continue
        whole = share > 1 - SHARED or len(again) > 0.9 * one.num_taught
        mixed = share <= 1 - SHARED
        if whole and not _means_unseen(sources, one.first.path, mixed=mixed):
            continue  # all of training, or that and another part, by the same lines
        place = one.first.place
        worst[place] = max(worst.get(place, 0.0), share)
    for place, share in worst.items():
        told = (
            "The network is measured on examples that it was trained on.",
            f"{percent(share)} of what is measured here are rows that training took, "
            "too.",
            "Keep the parts apart: split before training, and give each loop its own.",
        )
        yield found(facts, "D8", "error", place, told, "after")


def _kept_from_fold_to_fold(
    facts: Facts, sources: Sources, passes: list[_Pass]
) -> Iterator[Finding]:
    """Rows that are left out now, but that the same network learned before."""
    last: dict[tuple[int, tuple[Place, ...]], _Pass] = {}
    for one in passes:
        key = id(one.first.module), one.first.path
        before = last.get(key)
        last[key] = one
        if before is None or len(one.rows) < FEW or set(before.rows) & set(one.rows):
            continue
        begin, known = before.first.number, sum(at > 0 for at in one.when)
        module = one.first.module
        made = None if module is None else _made_before(facts, sources, module, one)
        if known < (1 - SHARED) * len(one.rows) and made is None:
            continue
        if max(one.when) > begin or one.newest < begin:
            continue  # trained on just now, or nothing was trained in between
        told = (
            "The network of one fold goes on in the next: it has seen what is left "
            "out now.",
            "The rows that are measured here were left out of the last training, but "
            "trained on before it: the network is made once, before the folds.",
            "Make a new network and a new optimizer at the beginning of each fold.",
        )
        place = made or facts.made_at.get(id(module)) or one.first.place
        yield found(facts, "D8", "error", place, told, "after")
        return


def _made_before(
    facts: Facts, sources: Sources, module: nn.Module, one: _Pass
) -> Place | None:
    """Return the line before a loop over folds that makes what is measured in it."""
    made = facts.made_by.get(id(module), ())
    if facts.begun(module):
        return None
    for place in one.first.path:
        reading = sources.at(place)
        if reading is None:
            continue
        for loop in reading.loops(place.line):
            if not isinstance(loop, ast.For) or not _is_over_folds(loop.iter):
                continue
            lines = range(loop.lineno, (loop.end_lineno or loop.lineno) + 1)
            beside = [p for p in made if p.file == place.file]
            if not beside or any(p.line in lines for p in beside):
                return None
            scope = reading.function(loop.lineno)
            near = [p for p in beside if reading.function(p.line) is scope]
            return (near or beside)[0]
    return None


def _is_over_folds(node: ast.expr) -> bool:
    """Whether a loop runs over `kf.split(X)`, not over times, where folds go on."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            name = last_name(call.func.value).lower()
            if call.func.attr == "split" and any(w in name for w in _FOLDS):
                return True
    return False


def _means_unseen(sources: Sources, path: tuple[Place, ...], *, mixed: bool) -> bool:
    """Whether the script calls what it measures there a part that is not trained on.

    Args:
        sources: Of the script.
        path: The lines that lead to the measuring, the innermost first.
        mixed: Whether other rows are measured there, too; then no line may speak of
            training.
    """
    meant = False
    for depth, place in enumerate(path[:3]):
        reading = sources.at(place)
        statement = None if reading is None else reading.statement(place.line)
        if reading is None or statement is None:
            continue
        names = _names_of_values(statement)
        for loop in reading.loops(place.line)[: 1 if depth == 0 or mixed else 0]:
            if isinstance(loop, ast.For):
                names |= _names_of_values(loop.iter)
        words = {part for name in names for part in name.lower().split("_")}
        if words & _SEEN and (mixed or not words & _UNSEEN):
            return False
        meant |= bool(words & _UNSEEN) and not words & _SEEN
    return meant


def _names_of_values(node: ast.AST) -> set[str]:
    """Return names and attributes that are no functions which the node calls."""
    if isinstance(node, Loop):
        node = node.iter if isinstance(node, ast.For | ast.AsyncFor) else node.test
    called = {id(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}
    found_names = set()
    for inner in ast.walk(node):
        if id(inner) not in called and isinstance(inner, ast.Name | ast.Attribute):
            found_names.add(last_name(inner))
    return found_names


def _chosen_by_test(reading: Reading, facts: Facts) -> Iterator[Finding]:
    """`if test_acc > best:` in a loop over epochs, where something is kept."""
    for node in ast.walk(reading.tree):
        if not isinstance(node, ast.If) or not isinstance(node.test, ast.Compare):
            continue
        if not any(isinstance(above, Loop) for above in reading.above(node)):
            continue
        names = {name.lower() for name in names_in(node.test)}
        best = [name for name in names if "best" in name]
        test = [n for n in names if "test" in n.split("_") and "best" not in n]
        keeps = any(
            isinstance(inner, ast.Break)
            or (isinstance(inner, ast.Call) and last_name(inner) in _KEEPS)
            for part in node.body
            for inner in ast.walk(part)
        )
        if best and test and keeps:
            told = (
                "The network is chosen by the test data.",
                f"`{ast.unparse(node.test)}` keeps the epoch whose test score is best: "
                "that score is no longer one on unseen data.",
                "Split off a validation part and choose by it; look at the test data "
                "once, at the end.",
            )
            yield found(facts, "Q2", "warning", reading.place(node), told, "before")
