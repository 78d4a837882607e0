"""What an explanation shows, and its numbers."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from torchsmith.evaluate.shown import Trace
from torchsmith.explain.activations import Activation
from torchsmith.explain.attributions import Attribution
from torchsmith.explain.graph import Graph
from torchsmith.explain.layers import LayerGraph
from torchsmith.explain.weights import TensorFacts, Weights

MOST_NUMBERS = 64
"""Larger arrays are given as their shape, mean and ends."""


@dataclass(frozen=True)
class Example:
    """One example, seen from inside.

    Attributes:
        title: Which one it is.
        said: What is right and what the network said, a sentence.
        picture: A PNG in base64, for pictures and volumes; else empty.
        row: The values of a table's row, by column.
        text: Of a text, its beginning.
        trace: Of another sequence.
        answers: For classes, the probability of each.
        activations: What each layer gives.
        attribution: What mattered, where that was found out.
        towards: What the attribution is of, such as `"7"`.
        plain: What the example is compared with there, such as `"a usual row"`.
    """

    title: str
    said: str
    picture: str = ""
    row: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    trace: Trace | None = None
    answers: Mapping[str, float] = field(default_factory=dict)
    activations: tuple[Activation, ...] = ()
    attribution: Attribution | None = None
    towards: str = ""
    plain: str = ""


@dataclass(frozen=True)
class Explained:
    """All that an explanation shows; what is empty is left out.

    Attributes:
        title: What is explained.
        about: Short facts, for the line below the title.
        graph: Of an expression.
        layers: Of a network.
        rates: The learning rate at steps of training.
        num_steps: Of the whole training, as planned.
        weights: Before, during and after training.
        network_state: The network's `state_dict`.
        optimizer_state: The optimizer's.
        examples: Seen from inside.
        notes: What could not be shown, and why.
    """

    title: str
    about: tuple[str, ...] = ()
    graph: Graph | None = None
    layers: LayerGraph | None = None
    rates: tuple[float, ...] = ()
    num_steps: int = 0
    weights: tuple[Weights, ...] = ()
    network_state: tuple[TensorFacts, ...] = ()
    optimizer_state: tuple[TensorFacts, ...] = ()
    examples: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()

    def numbers(self) -> dict[str, Any]:
        """Return what is shown as plain values, as `explain --json` prints it."""
        shown = {
            name: _plain(value)
            for name, value in asdict(self).items()
            if name not in ("examples", "weights") and value not in ((), None, 0)
        }
        if self.examples:
            shown["examples"] = [_plain(_without_picture(e)) for e in self.examples]
        return shown


def _without_picture(example: Example) -> dict[str, Any]:
    values = asdict(example)
    del values["picture"], values["trace"]
    return values


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, np.ndarray):
        if value.size <= MOST_NUMBERS:
            return value.tolist()
        finite = {"mean": value.mean(), "low": value.min(), "high": value.max()}
        return {
            "shape": list(value.shape),
            **{name: float(number) for name, number in finite.items()},
        }
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
