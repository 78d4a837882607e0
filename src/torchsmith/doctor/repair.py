"""The network of a plan with its layers put right, as settings."""

import re
from collections.abc import Sequence

from pydantic import JsonValue

from torchsmith.core.spec import members
from torchsmith.plan.activations import Activation
from torchsmith.plan.plan import Plan
from torchsmith.plan.text import document

WIDER = 4
"""Times as many units."""

WIDEST = {"hidden": 512, "channels": 128}
"""No layer is made wider: who needs more knows it, and memory has an end."""

HALF, LITTLE = 0.5, 0.1
"""Shares of a layer that dropout takes away: more than half is not usual (Srivastava et
al., "Dropout", 2014), and where it was far too much a little is left."""

_WEIGHTS = re.compile(r"Linear|Conv[123]d")
_DROPOUT = re.compile(r"(Alpha)?Dropout[123]?d?")
_SIDES = re.compile(r"Conv([123])d")
_SATURATING = ("Sigmoid", "Tanh")
_ACTIVATIONS = frozenset(spec.spec_name() for spec in members(Activation))


def with_activations(plan: Plan) -> dict[str, JsonValue]:
    """Return settings that put a ReLU after each layer with weights but the last.

    Args:
        plan: Settings are empty where its network is no `Sequential`, or has them.
    """
    layers = _layers(plan)
    made: list[JsonValue] = []
    for place, layer in enumerate(layers):
        if _name(layer) == "Identity":
            continue
        made.append(layer)
        if _WEIGHTS.fullmatch(_name(layer)) and _has_weights(layers[place + 1 :]):
            names = [_name(each) for each in layers[place + 1 :]]
            until = next(i for i, name in enumerate(names) if _WEIGHTS.fullmatch(name))
            if not _ACTIVATIONS.intersection(names[:until]):
                made.append("ReLU")
    return _changed(layers, made)


def with_norms(plan: Plan) -> dict[str, JsonValue]:
    """Return settings that normalise between layers, and saturate nothing.

    Batch normalisation comes after each layer with weights but the last, and ReLU in
    place of Sigmoid and Tanh: signals and gradients then keep their size.

    Args:
        plan: Settings are empty where its network has no place for it.
    """
    network = plan.network
    fields = type(network).model_fields
    if {"batch_norm", "activation"} <= fields.keys():
        changes: dict[str, JsonValue] = {}
        if not getattr(network, "batch_norm", True):
            changes["network.batch_norm"] = True
            changes |= without_folds(plan)
        if _name_of(getattr(network, "activation", None)) in _SATURATING:
            changes["network.activation"] = "ReLU"
        return changes
    layers = _layers(plan)
    made: list[JsonValue] = []
    for place, layer in enumerate(layers):
        after = layers[place + 1 :]
        if not _has_weights(after):
            made.append(layer)
            continue
        made.append("ReLU" if _name(layer) in _SATURATING else layer)
        follows = _name(after[0]).startswith("BatchNorm")
        if _WEIGHTS.fullmatch(_name(layer)) and not follows:
            sides = _SIDES.fullmatch(_name(layer))
            made.append(f"BatchNorm{sides[1] if sides else 1}d")
    changes = _changed(layers, made)
    return changes | without_folds(plan) if changes else changes


def without_folds(plan: Plan) -> dict[str, JsonValue]:
    """Return settings that put a val part in the place of folds, where a plan has them.

    Args:
        plan: That is to get what folds do not go with.
    """
    return {"split.val": 0.15} if plan.split.num_folds else {}


def wider(plan: Plan) -> dict[str, JsonValue]:
    """Return settings that make each hidden layer `WIDER` times as wide.

    Args:
        plan: Settings are empty where its network has no hidden layers, or where all
            are as wide as `WIDEST` allows.
    """
    for name in ("hidden", "channels"):
        widths = getattr(plan.network, name, None)
        if isinstance(widths, tuple) and widths:
            wide: list[JsonValue] = [_wider(width, WIDEST[name]) for width in widths]
            return {} if wide == [*widths] else {f"network.{name}": wide}
    layers = _layers(plan)
    if any(_given(layer).get("groups", 1) != 1 for layer in layers):
        return {}
    made = [
        _widened(layer) if _has_weights(layers[place + 1 :]) else layer
        for place, layer in enumerate(layers)
    ]
    return _changed(layers, made)


def with_little_dropout(plan: Plan) -> dict[str, JsonValue]:
    """Return settings that take away `LITTLE` of a layer where it is more than half.

    Args:
        plan: Settings are empty where its network drops no more than half.
    """
    share = getattr(plan.network, "dropout", 0.0)
    if share > HALF:
        return {"network.dropout": LITTLE}
    layers = _layers(plan)
    made: list[JsonValue] = [
        {_name(layer): LITTLE} if _drops(layer) > HALF else layer for layer in layers
    ]
    return _changed(layers, made)


def _layers(plan: Plan) -> list[JsonValue]:
    network = document(plan)["network"]
    layers = network.get("Sequential") if isinstance(network, dict) else None
    return layers if isinstance(layers, list) else []


def _changed(
    before: Sequence[JsonValue], made: list[JsonValue]
) -> dict[str, JsonValue]:
    return {} if list(before) == made else {"network": {"Sequential": made}}


def _name(layer: JsonValue) -> str:
    return next(iter(layer)) if isinstance(layer, dict) else str(layer)


def _name_of(spec: object) -> str:
    return type(spec).__name__


def _has_weights(layers: Sequence[JsonValue]) -> bool:
    return any(_WEIGHTS.fullmatch(_name(layer)) for layer in layers)


def _given(layer: JsonValue) -> dict[str, JsonValue]:
    """Return what a layer is given by name; empty where it is one value, or none."""
    given = layer.get(_name(layer)) if isinstance(layer, dict) else None
    return given if isinstance(given, dict) else {}


def _widened(layer: JsonValue) -> JsonValue:
    """Return a layer with more outputs, where it is one that has weights."""
    name = _name(layer)
    if not isinstance(layer, dict) or not _WEIGHTS.fullmatch(name):
        return layer
    width = layer[name]
    most = WIDEST["hidden" if name == "Linear" else "channels"]
    if isinstance(width, int):
        return {name: _wider(width, most)}
    given = _given(layer)
    for key in ("out_features", "out_channels"):
        if isinstance(wide := given.get(key), int):
            return {name: {**given, key: _wider(wide, most)}}
    return layer


def _wider(width: int, most: int) -> int:
    return max(width, min(WIDER * width, most))


def _drops(layer: JsonValue) -> float:
    """Return the share that a layer of dropout takes away."""
    name = _name(layer)
    if not _DROPOUT.fullmatch(name):
        return 0.0
    share = layer[name] if isinstance(layer, dict) else HALF
    share = _given(layer).get("p", HALF) if isinstance(share, dict) else share
    return float(share) if isinstance(share, int | float) else 0.0
