"""Inputs and targets as the network meets them: their scale, and their parts."""

import ast
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from torchsmith.core.wording import percent
from torchsmith.doctor.script.facts import Call, Facts, Pair
from torchsmith.doctor.script.found import found
from torchsmith.doctor.script.places import Place
from torchsmith.doctor.script.reading import (
    Reading,
    Sources,
    last_name,
    names_in,
    slices_in,
)
from torchsmith.doctor.script.twin import (
    STEPS,
    Comparison,
    first_calls,
    scaling_helps,
)
from torchsmith.inspect.inspection import Finding, Severity

LARGE = 20.0
"""Mean or standard deviation of an input feature, above which it is not scaled."""

UNEQUAL = 100.0
"""Largest through smallest spread of the features, above which some are not heard."""

FAR = 10.0
"""Mean or standard deviation of a target of a regression, above which it is large."""

HARM = 0.8
"""Loss of the twin with scaled numbers through that of the script, above which their
scale does no harm."""

_TIMES = frozenset(
    {"series", "timeseries", "seq", "sequence", "sequences", "lag", "lags", "window"}
    | {"lookback", "forecast", "horizon", "date", "dates", "timestamps", "stock"}
)

SHIFTED = 6.0
"""Standard errors between the targets of two parts, above which they differ."""

_NUMBERS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
_NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.Embedding)


def find_in_inputs(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find D3, D4, D6 and D14.

    Args:
        facts: That were seen.
        sources: Of the script.
    """
    yield from _not_scaled(facts)
    yield from _target_not_scaled(facts)
    yield from _split_in_order(facts, sources)


def _not_scaled(facts: Facts) -> Iterator[Finding]:
    for call in first_calls(facts):
        features = _features(facts, call)
        if features is None:
            continue
        spread, mean = features.std(0), features.mean(0)
        used = spread[spread > 0]
        if not len(used):
            continue
        size = torch.maximum(spread, mean.abs())
        ratio = float(used.max() / used.min())
        if float(size.max()) <= LARGE:
            continue
        twins = call.module and scaling_helps(facts, call.module)
        if twins and not twins.helps(HARM):
            continue
        worst = int(size.argmax())
        numbers = (
            f"Feature {worst} has mean {float(mean[worst]):.4g} and standard deviation "
            f"{float(spread[worst]):.4g}"
        )
        if ratio > UNEQUAL:
            numbers += f"; spreads differ {ratio:.0f}-fold"
        told = (
            "The inputs are not scaled.",
            numbers + _compared(twins or None),
            "Subtract each feature's mean and divide by its standard deviation, both "
            "of the training part; divide pixels by 255.",
        )
        severity: Severity = "error" if twins else "warning"
        yield found(facts, "D3", severity, _table_place(facts, call), told, "before")


def _compared(twins: Comparison | None) -> str:
    if twins is None:
        return "."
    return (
        f". After {STEPS} steps on the same batches the loss is {twins.as_it_is:.4g}; "
        f"scaled, {twins.scaled:.4g}."
    )


def _features(facts: Facts, first: Call) -> Tensor | None:
    """Return what reaches the first layer with weights, a column for each feature."""
    if isinstance(first.first_layer, _NORMS):
        return None
    own = [c for c in facts.trained_calls if c.module is first.module]
    given = [c.entering if c.module is not None else c.inputs for c in own]
    every = [t for t in given if t is not None and t.is_floating_point()]
    if not every or every[0].dim() < 2:
        return None
    shape = every[0].shape[1:]
    features = torch.cat([t.double() for t in every if t.shape[1:] == shape])
    if features.dim() > 2:  # pictures and sequences: of each channel
        features = features.transpose(0, 1).flatten(1).T
    elif features.shape[1] > 64:  # flattened pictures: of all pixels
        features = features.flatten()[:, None]
    return features if len(features) >= 8 else None


def _target_not_scaled(facts: Facts) -> Iterator[Finding]:
    for call in first_calls(facts):
        pairs = [p for p in facts.training_pairs if call.number in p.answers.calls]
        if not pairs or pairs[0].name not in _NUMBERS or call.module is None:
            continue
        own = [p for p in facts.training_pairs if p.place == pairs[0].place][:200]
        values = _targets(own)
        if len(values) < 8 or pairs[0].targets.calls:
            continue
        mean, spread = float(values.mean()), float(values.std())
        if spread <= FAR and abs(mean) <= 3 * max(spread, 1e-12):
            continue
        twins = scaling_helps(facts, call.module, targets=True)
        if twins is None or not twins.helps(HARM):
            continue
        if twins.as_it_is < 0.5:
            continue  # it learns well enough as it is
        told = (
            "The target is not scaled.",
            f"Targets have mean {mean:.4g} and standard deviation {spread:.4g}. After "
            f"{STEPS} steps on the same batches {percent(twins.as_it_is)} of their "
            f"variance is not explained; with scaled targets, {percent(twins.scaled)}.",
            "Subtract the mean of the training targets and divide by their standard "
            "deviation; undo it for predictions.",
        )
        yield found(facts, "D4", "error", pairs[0].place, told, "before")


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


def _split_in_order(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Parts that hold different targets, because the file is in an order."""
    measured = [
        pair
        for pair in facts.pairs
        if not pair.is_trained and pair.labels is not None and pair.name != "sub"
        if not pair.targets.calls
    ]
    widths = {_width(pair) for pair in measured}
    learned = [pair for pair in facts.training_pairs if not pair.targets.calls]
    # Rows of 0 and 1 that stand for classes are no classes themselves.
    trained = _targets([pair for pair in learned if _width(pair) in widths])
    tested = _targets(measured)
    if len(trained) < 20 or len(tested) < 8 or _is_over_time(facts, sources):
        return
    places = [_split_place(reading) for reading in sources]
    place = next((one for one in places if one is not None), None)
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
            f"{percent(share)} of the examples that are measured have a class that "
            f"training never saw ({names}).",
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
            f"Class {value:g} is {percent(p)} of training and {percent(q)} of what is "
            f"measured, {z:.0f} standard errors apart.",
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


def _width(pair: Pair) -> int:
    """Return how many numbers the target of one example is."""
    return math.prod(pair.shapes[1][1:])


def _is_over_time(facts: Facts, sources: Sources) -> bool:
    """Whether examples follow each other in time: there, an order is kept."""
    for call in first_calls(facts):
        module = call.module
        if module is not None and any(
            isinstance(m, nn.RNNBase) for m in module.modules()
        ):
            return True
    if any(_are_windows(table) for table, _ in facts.tables):
        return True
    names = (name for reading in sources for name in names_in(reading.tree))
    words = {word for name in names for word in name.lower().split("_")}
    return bool(words & _TIMES)


def _are_windows(table: Tensor) -> bool:
    """Whether each row is the one before, moved on by one."""
    rows = table[:50].flatten(1)
    if rows.shape[1] < 3 or len(rows) < 10:
        return False
    same = rows[1:, :-1] == rows[:-1, 1:]
    return bool(same.double().mean() > 0.9) and bool(rows.double().std(1).min() > 0)


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
    for key, node in sorted(heads.items(), key=lambda item: item[1].lineno):
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
