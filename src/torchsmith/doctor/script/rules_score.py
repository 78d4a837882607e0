"""How the script measures its network: its mode, and the share of right answers."""

import ast
import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from torchsmith.core.wording import listed, percent
from torchsmith.doctor.script.facts import Call, Facts
from torchsmith.doctor.script.found import found
from torchsmith.doctor.script.places import Place
from torchsmith.doctor.script.reading import (
    Reading,
    Sources,
    last_name,
    names_in,
)
from torchsmith.doctor.script.tensors import tensors_in
from torchsmith.inspect.inspection import Finding
from torchsmith.inspect.wording import agree

GAP = 1e-3
"""Relative difference of the answers in both modes, above which the mode matters."""

FEW = 3
"""Batches that show the same, before a note."""

_MODAL = (
    nn.modules.dropout._DropoutNd,
    nn.modules.batchnorm._BatchNorm,
)
_COUNTS = ("correct", "hits", "right", "acc", "matches", "num_correct", "n_correct")


def find_in_scores(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find C6 and C8.

    Args:
        facts: That were seen.
        sources: Of the script.
    """
    yield from _wrong_mode(facts, sources)
    yield from _with_gradients(facts)
    yield from _trained_in_eval(facts)
    yield from _wrong_divisor(facts, sources)


def _wrong_mode(facts: Facts, sources: Sources) -> Iterator[Finding]:
    seen: set[Place | None] = set()
    for call in measuring(facts, sources):
        if call.place in seen or call.module is None or not call.is_training:
            continue
        modal = [m for m in call.module.modules() if _depends_on_mode(m)]
        if not modal:
            continue
        seen.add(call.place)
        gap = _gap(call)
        if gap is not None and gap < GAP:
            continue
        kinds = sorted({type(m).__name__ for m in modal})
        differ = (
            ""
            if gap is None
            else f"; its answers differ by {percent(gap, 1)} from eval mode"
        )
        told = (
            "The network is measured in training mode.",
            f"{listed(kinds)} {agree(len(kinds), 'works', 'work')} otherwise there"
            f"{differ}.",
            "Call model.eval() before measuring, and model.train() before training "
            "goes on.",
        )
        yield found(facts, "C6", "error", call.place, told)


def measuring(facts: Facts, sources: Sources) -> Iterator[Call]:
    """Give calls whose answers meet targets, and that no gradient goes through.

    Args:
        facts: That were seen.
        sources: Of the script.
    """
    met = frozenset[int]().union(*(p.answers.calls for p in facts.pairs))
    for call in facts.calls:
        if not call.is_untrained or call.place is None:
            continue
        if call.number in met or _is_scored(call, sources):
            yield call


def _is_scored(call: Call, sources: Sources) -> bool:
    """Whether the lines around a call without gradients compute a score."""
    reading = sources.at(call.place)
    if call.has_grad or call.place is None or reading is None:
        return False
    around = reading.function(call.place.line)
    loops = reading.loops(call.place.line)
    scope: ast.AST = around or (loops[-1] if loops else reading.tree)
    words = ("accuracy_score", "f1_score", "r2_score", "mean_squared_error", "score")
    return any(
        isinstance(node, ast.Call) and last_name(node) in words
        for node in ast.walk(scope)
    )


def _depends_on_mode(module: nn.Module) -> bool:
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return module.training and module.p > 0
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        return module.training and module.track_running_stats
    return isinstance(module, nn.RNNBase) and module.training and module.dropout > 0


def _gap(call: Call) -> float | None:
    """Return how far answers in training mode are from those in eval mode."""
    if call.inputs is None or call.module is None or call.num_inputs != 1:
        return None
    twin = copy.deepcopy(call.module)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first = next(tensors_in(twin.train()(call.inputs)), None)
        second = next(tensors_in(twin.eval()(call.inputs)), None)
    if not isinstance(first, Tensor) or not isinstance(second, Tensor):
        return None
    size = float(second.double().abs().mean())
    return float((first.double() - second.double()).abs().mean()) / max(size, 1e-12)


def _with_gradients(facts: Facts) -> Iterator[Finding]:
    by_place: dict[Place | None, int] = {}
    trained = {call.place for call in facts.trained_calls}
    learning = {id(call.module) for call in facts.trained_calls}
    for call in facts.measured_calls:
        known = call.module is not None and id(call.module) in learning
        if call.has_grad and known and call.place not in trained:
            by_place[call.place] = by_place.get(call.place, 0) + 1
    for place, count in by_place.items():
        if count >= FEW:
            told = (
                "The network is measured with gradients being recorded.",
                f"{count} batches were, and no gradient was taken: the scores are "
                "right, but need more time and memory.",
                "Measure inside `with torch.no_grad():`.",
            )
            yield found(facts, "C6", "note", place, told)


def _trained_in_eval(facts: Facts) -> Iterator[Finding]:
    by_module: dict[int, list[Call]] = {}
    for call in facts.trained_calls:
        by_module.setdefault(id(call.module), []).append(call)
    for calls in by_module.values():
        module = calls[0].module
        # A label that the network gives itself, or a change of the input that harms it
        # most, is found in eval mode, before the step's own call in training mode.
        on = {call.step for call in calls if call.is_training}
        off = [call for call in calls if call.has_grad and call.step not in on]
        if module is None or len(off) < 2 or not calls[0].is_training:
            continue
        names = [type(m).__name__ for m in module.modules() if isinstance(m, _MODAL)]
        if not names or len(off) < 0.2 * len(calls):
            continue
        told = (
            "Training goes on in eval mode after the first measuring.",
            f"{len(off)} of {len(calls)} training batches ran with {names[0]} in eval "
            "mode; the first ones did not.",
            "Call model.train() at the beginning of each epoch.",
        )
        yield found(facts, "C6", "error", off[0].place, told)


def _wrong_divisor(facts: Facts, sources: Sources) -> Iterator[Finding]:
    right: set[Place | None] = set()
    wrong: dict[Place | None, tuple[float, float, int]] = {}
    for ratio in facts.ratios:
        if ratio.divisor == ratio.compared:
            right.add(ratio.place)
        else:
            numbers = (ratio.right, ratio.divisor, ratio.compared)
            wrong.setdefault(ratio.place, numbers)
    for place, (answers, divisor, compared) in wrong.items():
        if place in right:
            continue
        told = (
            "The share of right answers is divided by a wrong number.",
            f"{compared} answers were compared and {answers:.0f} of them were right, "
            f"but the line divides by {divisor:.0f}: {answers / divisor:.4f}, not "
            f"{answers / compared:.4f}.",
            "Divide by the number of answers that were compared.",
        )
        yield found(facts, "C8", "error", place, told, "after")
    known = right | set(wrong)
    plus_one = (found for reading in sources for found in _plus_one(reading))
    for line, text in plus_one:
        if line not in known:
            told = (
                "The share of right answers is divided by a wrong number.",
                f"{text} counts one example that there is not.",
                "Divide by the number of answers that were compared.",
            )
            yield found(facts, "C8", "error", line, told, "after")


def _plus_one(reading: Reading) -> Iterator[tuple[Place, str]]:
    """Divisions of a count of right answers by a total and one more."""
    counted = {
        node.target.id
        for node in ast.walk(reading.tree)
        if isinstance(node, ast.AugAssign)
        and isinstance(node.target, ast.Name)
        and not isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(reading.tree):
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Div):
            continue
        below = node.right
        if not isinstance(below, ast.BinOp) or not isinstance(below.op, ast.Add):
            continue
        one = [s for s in (below.left, below.right) if _is_one(s)]
        rest = [s for s in (below.left, below.right) if not _is_one(s)]
        if len(one) != 1 or not any(
            w in n for n in names_in(node.left) for w in _COUNTS
        ):
            continue
        is_length = isinstance(rest[0], ast.Call) and last_name(rest[0]) == "len"
        if is_length or last_name(rest[0]) in counted:
            yield reading.place(node), ast.unparse(below)


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in (1, 1.0)
