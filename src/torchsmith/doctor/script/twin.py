"""A healthy twin: the same first steps again, with inputs or targets scaled."""

import copy
import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from torchsmith.doctor.script.facts import Call, Facts, Pair, Stepping

STEPS = 80
"""Steps of each twin."""

_MOST_NUMBERS = 20_000_000
"""Weights times steps times rows, roughly, that a twin may take."""


class Lesson(NamedTuple):
    """One batch that the script trained on.

    Attributes:
        inputs: `(N, ...)`.
        targets: As the loss took them.
        pair: What the loss saw.
    """

    inputs: Tensor
    targets: Tensor
    pair: Pair


class Comparison(NamedTuple):
    """What two twins reached.

    Attributes:
        as_it_is: Mean loss of the last quarter of steps.
        scaled: The same of the twin whose numbers were scaled.
    """

    as_it_is: float
    scaled: float

    def helps(self, share: float) -> bool:
        """Whether the scaled twin's loss is below a share of the other's."""
        if not math.isfinite(self.as_it_is):
            return math.isfinite(self.scaled)
        return self.scaled < share * self.as_it_is


def scaling_helps(
    facts: Facts, module: nn.Module, *, targets: bool = False
) -> Comparison | None:
    """Train two copies of a network on the script's first batches: as they are, scaled.

    Args:
        facts: That were seen.
        module: Whose first batches; copied as it was at its first call.
        targets: Whether targets are scaled rather than inputs; losses are then in
            squared standard deviations of the targets.

    Returns:
        None where the script does something that cannot be done again so simply.
    """
    begun = facts.initial.get(id(module))
    lessons = _lessons(facts, module)
    stepping = stepping_of(facts, module)
    if begun is None or stepping is None or len(lessons) < 1:
        return None
    if _is_dear(module, lessons):
        return None
    try:
        if targets:
            spread = torch.cat([x.targets.double().flatten() for x in lessons])
            mean, deviation = float(spread.mean()), float(spread.std())
            first = _learn(begun, lessons, stepping) / deviation**2
            moved = [
                x._replace(targets=(x.targets - mean) / deviation) for x in lessons
            ]
            return Comparison(first, _learn(begun, moved, stepping))
        first = _learn(begun, lessons, stepping)
        return Comparison(first, _learn(begun, _scaled(lessons), stepping))
    except Exception:  # noqa: BLE001 -- a person's module may refuse in any way
        return None


def tried(
    facts: Facts, module: nn.Module, *, factor: float = 1.0, reduction: str = ""
) -> float | None:
    """Train a copy of a network on the script's first batches with another rate.

    Args:
        facts: That were seen.
        module: Whose first batches; copied as it was at its first call.
        factor: Of the highest rate that was seen.
        reduction: Of the loss, the script's own where not given.

    Returns:
        Mean loss of each target in the last quarter of steps; None where the script
        does something that cannot be done again so simply.
    """
    begun = facts.initial.get(id(module))
    lessons, stepping = _lessons(facts, module), stepping_of(facts, module)
    if begun is None or stepping is None or not lessons or not stepping.rates:
        return None
    if _is_dear(module, lessons):
        return None
    rate = factor * max(stepping.rates)
    try:
        return _learn(begun, lessons, stepping, rate, reduction)
    except Exception:  # noqa: BLE001 -- a person's module may refuse in any way
        return None


def _is_dear(module: nn.Module, lessons: list[Lesson]) -> bool:
    size = sum(p.numel() for p in module.parameters()) * len(lessons[0].inputs)
    return size * STEPS > 100 * _MOST_NUMBERS


def _lessons(facts: Facts, module: nn.Module) -> list[Lesson]:
    lessons = []
    for pair in facts.training_pairs[:200]:
        calls = [facts.call(n) for n in pair.answers.calls]
        own = [c for c in calls if c.module is module and c.inputs is not None]
        if len(calls) != 1 or not own or own[0].num_inputs != 1:
            continue
        if not hasattr(functional, pair.name) or pair.labels is None:
            continue
        inputs = own[0].inputs
        if inputs is not None and inputs.is_floating_point() and len(inputs):
            lessons.append(Lesson(inputs, pair.labels.reshape(pair.shapes[1]), pair))
    return lessons


def stepping_of(facts: Facts, module: nn.Module) -> Stepping | None:
    """Return the first optimizer that trains a network.

    Args:
        facts: That were seen.
        module: The network.
    """
    own = {id(p) for p in module.parameters()}
    for stepping in facts.steppings:
        if not stepping.takes_closure and own & {id(p) for p in stepping.parameters}:
            return stepping
    return None


def _scaled(lessons: list[Lesson]) -> list[Lesson]:
    shape = lessons[0].inputs.shape[1:]
    rows = torch.cat([x.inputs for x in lessons if x.inputs.shape[1:] == shape])
    dims = [0, *range(2, rows.dim())]  # of each column or channel
    mean, deviation = rows.mean(dims, keepdim=True), rows.std(dims, keepdim=True)
    deviation = torch.where(deviation > 0, deviation, torch.ones_like(deviation))
    return [x._replace(inputs=(x.inputs - mean) / deviation) for x in lessons]


def _learn(
    begun: nn.Module,
    lessons: list[Lesson],
    stepping: Stepping,
    rate: float | None = None,
    reduction: str = "",
) -> float:
    network = copy.deepcopy(begun).train().requires_grad_()
    known = {k: v for k, v in stepping.optimizer.defaults.items() if k != "lr"}
    if rate is None:
        rate = stepping.initial_lr[0] if stepping.initial_lr else 1e-3
    optimizer = type(stepping.optimizer)(network.parameters(), lr=rate, **known)  # type: ignore[call-arg]
    losses = []
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for step in range(STEPS):
            lesson = lessons[step % len(lessons)]
            outputs = network(lesson.inputs).reshape(lesson.pair.shapes[0])
            loss = getattr(functional, lesson.pair.name)(
                outputs, lesson.targets, reduction=reduction or lesson.pair.reduction
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            each = reduction or lesson.pair.reduction
            number = _number(lesson.targets, outputs) if each == "sum" else 1
            losses.append(float(loss.detach()) / number)
    late = losses[-max(STEPS // 4, 1) :]
    return sum(late) / len(late)


def _number(targets: Tensor, outputs: Tensor) -> int:
    """Return how many losses a sum holds."""
    return len(outputs) if targets.dim() < outputs.dim() else targets.numel()


def first_calls(facts: Facts) -> list[Call]:
    """Return the first call in training of each network."""
    seen: dict[int, Call] = {}
    for call in facts.trained_calls:
        if call.inputs is not None and call.num_rows:
            seen.setdefault(id(call.module), call)
    return list(seen.values())
