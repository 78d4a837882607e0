"""Inputs and targets as the network meets them: their scale, and their parts."""

import ast
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from torchsmith.doctor.script.facts import Call, Facts, Pair
from torchsmith.doctor.script.found import found
from torchsmith.doctor.script.places import Place
from torchsmith.doctor.script.reading import Reading, last_name, names_in, slices_in
from torchsmith.inspect.inspection import Finding

LARGE = 20.0
"""Mean or standard deviation of an input feature, above which it is not scaled."""

UNEQUAL = 100.0
"""Largest through smallest spread of the features, above which some are not heard."""

FAR = 10.0
"""Mean or standard deviation of a target of a regression, above which it is large."""

SHIFTED = 6.0
"""Standard errors between the targets of two parts, above which they differ."""

_NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.Embedding)


def find_in_inputs(facts: Facts, reading: Reading) -> Iterator[Finding]:
    """Find D3, D4, D6 and D14.

    Args:
        facts: That were seen.
        reading: Of the script.
    """
    yield from _not_scaled(facts)
    yield from _split_in_order(facts, reading)


def _not_scaled(facts: Facts) -> Iterator[Finding]:
    calls = [c for c in facts.trained_calls if c.inputs is not None and c.num_rows]
    seen: set[int] = set()
    for first in calls:
        if id(first.module) in seen or not _is_scaled_by_hand(facts, first):
            continue
        seen.add(id(first.module))
        inputs = [
            c.inputs for c in calls if c.module is first.module and c.inputs is not None
        ]
        shape = first.inputs.shape[1:] if first.inputs is not None else ()
        rows = [i.double() for i in inputs if i.shape[1:] == shape and i.dim() > 1]
        if not rows:
            continue
        features = torch.cat(rows)
        if features.dim() > 2:  # pictures and sequences: of each channel
            features = features.transpose(0, 1).flatten(1).T
        elif features.shape[1] > 64:  # flattened pictures: of all pixels
            features = features.flatten()[:, None]
        if len(features) < 8:
            continue
        spread, mean = features.std(0), features.mean(0).abs()
        largest = float(torch.maximum(spread, mean).max())
        used = spread[spread > 0]
        ratio = float(used.max() / used.min()) if len(used) else 1.0
        if largest <= LARGE:
            continue
        worst = int(torch.maximum(spread, mean).argmax())
        told = (
            "The inputs are not scaled.",
            f"Feature {worst} has mean {float(features[:, worst].mean()):.4g} and "
            f"standard deviation {float(spread[worst]):.4g}"
            + (f"; spreads differ {ratio:.0f}-fold." if ratio > UNEQUAL else "."),
            "Subtract each feature's mean and divide by its standard deviation, both "
            "of the training part; divide pixels by 255.",
        )
        yield found(facts, "D3", "error", _table_place(facts, first), told)


def _is_scaled_by_hand(facts: Facts, call: Call) -> bool:
    """Whether the script scales: the network begins with no layer that does."""
    del facts
    if call.inputs is None or not call.inputs.is_floating_point():
        return False
    if call.module is None:
        return True
    leaves = [part for part in call.module.modules() if not list(part.children())]
    with_weights = [p for p in leaves if list(p.parameters(recurse=False))]
    return bool(with_weights) and not isinstance(with_weights[0], _NORMS)


def _table_place(facts: Facts, call: Call) -> Place | None:
    """Return the line that makes the tensor from which an input's rows come."""
    if call.inputs is None or not len(call.inputs):
        return call.place
    row = call.inputs[0]
    for table, place in reversed(facts.tables):
        if table.shape[1:] != row.shape or len(table) <= len(call.inputs):
            continue
        same = table.to(row.dtype) == row
        if bool(same.flatten(1).all(1).any()):
            return place
    return call.place


def _split_in_order(facts: Facts, reading: Reading) -> Iterator[Finding]:
    """Parts that hold different targets, because the file is in an order."""
    trained = _targets([p for p in facts.training_pairs if not p.targets.calls])
    measured = [p for p in facts.pairs if not p.is_trained and p.labels is not None]
    tested = _targets([p for p in measured if p.name != "sub" and not p.targets.calls])
    if len(trained) < 20 or len(tested) < 8 or _is_over_time(facts):
        return
    place = _split_place(reading)
    whole = bool((trained == trained.round()).all()) and bool(
        (tested == tested.round()).all()
    )
    if whole and len(trained.unique()) <= 100:
        yield from _missing_classes(facts, trained, tested, place)
    elif place is not None:
        yield from _shifted(facts, trained, tested, place)


def _missing_classes(
    facts: Facts, trained: Tensor, tested: Tensor, place: Place | None
) -> Iterator[Finding]:
    missing = sorted(set(tested.tolist()) - set(trained.tolist()))
    share = float(sum((tested == value).double().mean() for value in missing))
    if missing and share > 0.02:
        names = ", ".join(f"{value:g}" for value in missing[:5])
        told = (
            "The parts hold different classes.",
            f"{share:.0%} of the examples that are measured have a class that training "
            f"never saw ({names}).",
            "Shuffle before the split, inputs and targets by the same permutation, or "
            "split with stratify.",
        )
        yield found(facts, "D6", "error", place, told, "before")
    elif place is not None:
        yield from _other_shares(facts, trained, tested, place)


def _other_shares(
    facts: Facts, trained: Tensor, tested: Tensor, place: Place
) -> Iterator[Finding]:
    worst = (0.0, 0.0, 0.0, 0.0)
    for value in trained.unique().tolist():
        p, q = (
            float((trained == value).double().mean()),
            float((tested == value).double().mean()),
        )
        error = math.sqrt(max(p * (1 - p), 1e-4) * (1 / len(tested) + 1 / len(trained)))
        worst = max(worst, (abs(p - q) / error, value, p, q))
    z, value, p, q = worst
    if z > SHIFTED and abs(p - q) > 0.15:
        told = (
            "The parts hold different shares of the classes: the split follows the "
            "order of the file.",
            f"Class {value:g} is {p:.0%} of training and {q:.0%} of what is measured, "
            f"{z:.0f} standard errors apart.",
            "Shuffle before the split, or split with stratify.",
        )
        yield found(facts, "D14", "error", place, told, "before")


def _shifted(
    facts: Facts, trained: Tensor, tested: Tensor, place: Place
) -> Iterator[Finding]:
    error = float(trained.std()) * math.sqrt(1 / len(trained) + 1 / len(tested))
    gap = float(trained.mean() - tested.mean())
    z = abs(gap) / max(error, 1e-12)
    if z > SHIFTED and abs(gap) > 0.3 * float(trained.std()):
        told = (
            "The parts hold different targets: the split follows the order of the "
            "file.",
            f"Targets have mean {float(trained.mean()):.4g} in training and "
            f"{float(tested.mean()):.4g} in what is measured, {z:.0f} standard errors "
            "apart.",
            "Shuffle before the split, inputs and targets by the same permutation.",
        )
        yield found(facts, "D14", "error", place, told, "before")


def _targets(pairs: list[Pair]) -> Tensor:
    labels = [pair.labels.double() for pair in pairs if pair.labels is not None]
    return torch.cat(labels)[:200_000] if labels else torch.empty(0)


def _is_over_time(facts: Facts) -> bool:
    """Whether inputs are windows of a series: there, splitting in order is right."""
    for call in facts.trained_calls[:20]:
        module = call.module
        if module is not None and any(
            isinstance(m, nn.RNNBase) for m in module.modules()
        ):
            return True
    return False


def _split_place(reading: Reading) -> Place | None:
    """Return the line that takes `[:k]` of a table of which another takes `[k:]`."""
    heads: dict[tuple[str, str], ast.Subscript] = {}
    tails: set[tuple[str, str]] = set()
    for node, cut in slices_in(reading.tree):
        name = ast.unparse(node.value)
        if reading.loops(node.lineno) or cut.step is not None:
            continue
        if cut.lower is None and cut.upper is not None:
            heads.setdefault((name, ast.unparse(cut.upper)), node)
        elif cut.lower is not None and cut.upper is None:
            tails.add((name, ast.unparse(cut.lower)))
    for key, node in heads.items():
        if key in tails and not _is_shuffled(reading, key[0], node.lineno):
            return reading.place(node)
    for call in ast.walk(reading.tree):
        if isinstance(call, ast.Call) and _takes_in_order(call):
            return reading.place(call)
    return None


def _takes_in_order(call: ast.Call) -> bool:
    if last_name(call) == "train_test_split":
        return any(k.arg == "shuffle" and _is_false(k.value) for k in call.keywords)
    ranges = any("range" in names_in(argument) for argument in call.args[1:])
    return last_name(call) == "Subset" and ranges


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _is_shuffled(reading: Reading, name: str, line: int) -> bool:
    """Whether a table is a permutation, or is put into another order, above a line."""
    words = ("randperm", "permutation", "shuffle", "sample")
    for node in ast.walk(reading.tree):
        if not isinstance(node, ast.Call) or node.lineno > line:
            continue
        if last_name(node) in words:
            return True
    return any(word in name for word in ("perm", "shuffle"))
