"""Answers and targets that do not fit each other, as the loss sees them."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from torchsmith.core.wording import percent
from torchsmith.doctor.script.facts import Facts, Operation, Pair
from torchsmith.doctor.script.found import found
from torchsmith.doctor.script.places import Place
from torchsmith.doctor.script.reading import Sources
from torchsmith.inspect.inspection import Finding

NEAR = 1e-3
"""How far a sum of probabilities may be from 1."""

FEW = 2
"""Losses that show the same, before a verdict; one is enough for shapes."""

_NUMBERS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "sub")
_RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softmax": (0.0, 1.0)}


def find_in_losses(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find C4, C5, C7, P5 and P6 in what the losses were given.

    Args:
        facts: That were seen.
        sources: Of the script.
    """
    del sources
    trained = facts.training_pairs
    yield from _broadcast(facts)
    by_place: dict[tuple[Place | None, str], list[Pair]] = {}
    for pair in trained:
        by_place.setdefault((pair.place, pair.name), []).append(pair)
    for pairs in by_place.values():
        yield from _head(facts, pairs)
        yield from _own_answers(facts, pairs)
        yield from _out_of_reach(facts, pairs)


def _broadcast(facts: Facts) -> Iterator[Finding]:
    """(N, 1) against (N,): every answer is compared with every target."""
    seen = set()
    for pair in facts.pairs:
        answers, targets = pair.shapes
        each = math.prod(answers)
        if pair.name not in (*_NUMBERS, "eq") or answers == targets or each < 2:
            continue
        known = bool(pair.answers.calls) or _by_hand(pair)
        if math.prod(targets) != each or pair.place in seen or not known:
            continue
        whole = torch.broadcast_shapes(answers, targets)
        if math.prod(targets) != each or math.prod(whole) != each * each:
            continue
        seen.add(pair.place)
        purpose = "comparison" if pair.name == "eq" else "loss"
        told = (
            f"The {purpose} compares every answer with every target.",
            f"Answers have shape {answers}, targets {targets}: PyTorch broadcasts them "
            f"to {tuple(whole)}, {each * each} numbers in place of {each}.",
            f"Give both one shape: targets.reshape({', '.join(map(str, answers))})"
            if len(answers) > 1
            else f"Give both one shape: targets.reshape({each})",
        )
        yield found(facts, "C4", "error", pair.place, told)


def _by_hand(pair: Pair) -> bool:
    return pair.name == "sub" and pair.is_trained


def _head(facts: Facts, pairs: list[Pair]) -> Iterator[Finding]:
    """What the loss wants of the last layer: logits, or log-probabilities."""
    name = pairs[0].name
    if name == "cross_entropy" and all(p.shapes[0][1:] == (1,) for p in pairs):
        told = (
            "CrossEntropyLoss gets one number for each example.",
            f"Answers have shape {pairs[0].shapes[0]}: softmax over one class is "
            "always 1, so that the loss is 0 whatever the network says.",
            "Use BCEWithLogitsLoss for two classes, or give the last layer one output "
            "for each class.",
        )
        yield found(facts, "P5", "error", pairs[0].place, told)
        return
    seen = [p.outputs for p in pairs if p.outputs is not None and p.outputs.dim() >= 2]
    seen = [outputs for outputs in seen if len(outputs) > 1 and outputs.shape[1] > 1]
    if name in ("nll_loss", "index", "gather") and len(seen) >= FEW:
        yield from _log_probabilities(facts, pairs, seen)
    elif name == "cross_entropy" and len(seen) >= FEW:
        if all(_sums_to_one(outputs, 1) for outputs in seen):
            told = (
                "CrossEntropyLoss takes logits, but gets probabilities.",
                "Rows of what it is given are between 0 and 1 and sum to 1: softmax is "
                "applied twice, which flattens the gradients.",
                "Return the last layer's output without softmax; CrossEntropyLoss has "
                "its own.",
            )
            yield found(facts, "P5", "error", _line(facts, pairs[0], "softmax"), told)
        elif all(runs_over_batch(outputs) for outputs in seen):
            yield _wrong_dimension(facts, pairs[0])
        elif all(bool((o >= 0).all()) for o in seen) and _last(pairs[0]) == "relu":
            told = (
                "The last layer's logits go through ReLU.",
                "No logit is below 0, so that no class can be ruled out.",
                "Return the last layer's output as it is.",
            )
            yield found(facts, "P6", "warning", _line(facts, pairs[0], "relu"), told)
    elif name == "binary_cross_entropy_with_logits":
        every = [p.outputs for p in pairs if p.outputs is not None]
        inside = all(bool(((o >= 0) & (o <= 1)).all()) for o in every)
        if len(every) >= FEW and inside and _last(pairs[0]) in ("sigmoid", "softmax"):
            told = (
                "BCEWithLogitsLoss takes logits, but gets probabilities.",
                "All that it is given is between 0 and 1: sigmoid is applied twice.",
                "Return the last layer's output without sigmoid, or use BCELoss.",
            )
            yield found(facts, "P5", "error", _line(facts, pairs[0], "sigmoid"), told)


def _log_probabilities(
    facts: Facts, pairs: list[Pair], seen: list[Tensor]
) -> Iterator[Finding]:
    if all(_sums_to_one(outputs.exp(), 1) for outputs in seen):
        return
    pair = pairs[0]
    if pair.name != "nll_loss" and not _meant_as_log(pair):
        return  # picking is not always a loss of log-probabilities
    if all(runs_over_batch(outputs) for outputs in seen):
        yield _wrong_dimension(facts, pair)
        return
    sums = torch.cat([outputs.exp().sum(1) for outputs in seen])
    told = (
        "The loss takes log-probabilities, but gets something else.",
        f"exp() of each row must sum to 1; it sums to {float(sums.min()):.3g} to "
        f"{float(sums.max()):.3g}.",
        "Use F.log_softmax(outputs, dim=1), or CrossEntropyLoss on the outputs as they "
        "are.",
    )
    yield found(facts, "P5", "error", _line(facts, pair, ""), told)


def _meant_as_log(pair: Pair) -> bool:
    names = pair.answers.names
    normal = any(name == "exp" or "softmax" in name for name in names)
    return normal and any("log" in name for name in names)


def _wrong_dimension(facts: Facts, pair: Pair) -> Finding:
    told = (
        "Softmax runs over the examples of the batch, not over the classes.",
        "Columns sum to 1, rows do not: each example's answer depends on the others in "
        "its batch.",
        "Use dim=1, or dim=-1.",
    )
    return found(facts, "C5", "error", _line(facts, pair, "softmax"), told)


def runs_over_batch(outputs: Tensor) -> bool:
    """Whether probabilities, or their logarithms, sum to 1 over the examples.

    Args:
        outputs: `(N, K)`, as the loss takes them.
    """
    return _sums_to_one(outputs, 0) or _sums_to_one(outputs.exp(), 0)


def _sums_to_one(values: Tensor, dim: int) -> bool:
    values = values.double()
    inside = bool(((values >= -NEAR) & (values <= 1 + NEAR)).all())
    return inside and bool(((values.sum(dim) - 1).abs() < NEAR).all())


def _last(pair: Pair) -> str:
    recent = [operation for operation in pair.answers.recent if _computes(operation)]
    return recent[-1].name.rstrip("_") if recent else ""


def _line(facts: Facts, pair: Pair, name: str) -> Place | None:
    """Return the line that made the answers: of the last operation of that name."""
    recent = [o for o in pair.answers.recent if o.place is not None and _computes(o)]
    named = [operation for operation in recent if name and name in operation.name]
    line = (named or recent)[-1].place if recent else pair.place
    calls = [facts.call(number) for number in pair.answers.calls]
    for call in calls:  # a layer such as nn.Softmax, where it is made
        if call.place == line and call.module is not None:
            parts = [p for p in call.module.modules() if not list(p.children())]
            own = [p for p in parts if name and name in _plain(type(p).__name__)]
            made = [facts.made_at.get(id(part)) for part in own]
            line = made[-1] if made and made[-1] is not None else line
    return line


def _plain(name: str) -> str:
    return name.lower().replace("logsoftmax", "log_softmax")


def _computes(operation: Operation) -> bool:
    """Whether an operation changes numbers, not only their arrangement."""
    idle = (
        "view",
        "reshape",
        "squeeze",
        "unsqueeze",
        "flatten",
        "float",
        "index",
        "to",
    )
    return operation.name not in idle


def _own_answers(facts: Facts, pairs: list[Pair]) -> Iterator[Finding]:
    """The targets of a loss come from the very answers that it judges."""
    own = [p for p in pairs if p.answers.calls and p.targets.calls >= p.answers.calls]
    if len(own) < max(FEW, 0.9 * len(pairs)):
        return
    if pairs[0].name in ("index", "gather"):
        return  # such as the log-probability of what was drawn
    if pairs[0].name == "sub" and own[0].targets != own[0].answers:
        return  # such as the distance of two answers
    made = [o for o in own[0].targets.recent if o.place is not None]
    told = (
        "The targets are overwritten by the network's own answers.",
        f"In {len(own)} of {len(pairs)} losses what the answers are compared with was "
        "computed from the same answers.",
        "Keep the answers in a variable of their own, and give the loss the targets of "
        "the data.",
    )
    yield found(facts, "C7", "error", _overwritten(facts, own[0], made), told)


def _overwritten(facts: Facts, pair: Pair, made: list[Operation]) -> Place | None:
    if pair.targets.recent == pair.answers.recent:  # one tensor: where it is called
        newest = max(pair.targets.calls)
        return facts.call(newest).place
    return made[-1].place if made else pair.place


def _out_of_reach(facts: Facts, pairs: list[Pair]) -> Iterator[Finding]:
    """A last layer whose range does not hold the targets."""
    name = _last(pairs[0])
    labels = [p.labels.double() for p in pairs[:50] if p.labels is not None]
    if pairs[0].name not in _NUMBERS or not labels:
        return
    low, high = _RANGES.get(name, (0.0, math.inf) if name == "relu" else (0.0, 0.0))
    if low == high or pairs[0].targets.calls:
        return
    values = torch.cat(labels)
    outside = float(((values < low - NEAR) | (values > high + NEAR)).double().mean())
    if outside < 0.05:
        return
    reach = f"between {low:g} and {high:g}" if high < math.inf else "0 and more"
    told = (
        "The network cannot give the answers that the targets want.",
        f"{name} ends the network: its answers are {reach}, while targets are from "
        f"{float(values.min()):.4g} to {float(values.max()):.4g}; {percent(outside)} "
        "of them are out of reach.",
        f"Return the last layer's output without {name}.",
    )
    yield found(facts, "P6", "error", _line(facts, pairs[0], name), told)
