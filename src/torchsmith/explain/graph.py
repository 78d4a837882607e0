"""The autograd graph of an expression, with the value and the gradient of each node.

Autograd keeps the operations of a tensor (`grad_fn.next_functions`), not their results.
`trace` therefore runs the expression itself and notes each result as it is made;
`graph_of` reads what a finished tensor still knows.

Source: https://docs.pytorch.org/docs/stable/notes/autograd.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from torchsmith.core.errors import DataError
from torchsmith.explain.recorder import Recorder, Step
from torchsmith.explain.wording import call_text

NodeKind = Literal["leaf", "operation", "constant"]

MOST_NODES = 200
"""A larger graph cannot be read."""


@dataclass(frozen=True)
class Node:
    """One tensor of an expression.

    Attributes:
        kind: A leaf has a gradient and no history; a constant has neither.
        name: What the person calls it, or empty.
        operation: PyTorch's name of what made it, such as `"mul"`; empty for leaves.
        expression: It, written out, such as `"2 × a + 3 × b"`.
        shape: `()` for a number.
        value: Of that shape, or None where it is not known any more.
        gradient: Of the result with respect to this node, of the same shape; None where
            it has none or it is not known.
    """

    kind: NodeKind
    name: str
    operation: str
    expression: str
    shape: tuple[int, ...]
    value: np.ndarray | None = None
    gradient: np.ndarray | None = None


@dataclass(frozen=True)
class Edge:
    """One tensor goes into another.

    Attributes:
        source: Place of the input in `Graph.nodes`.
        target: Place of what is made of it.
        derivative: Of the target with respect to this input alone, for numbers; None
            where it is not known.
    """

    source: int
    target: int
    derivative: float | None = None


@dataclass(frozen=True)
class Graph:
    """An expression as a graph.

    Attributes:
        nodes: Each after what it is made of; the last is the result.
        edges: From input to result, at most one for a pair.
        notes: What could not be found out, and why.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    notes: tuple[str, ...] = ()

    @property
    def result(self) -> Node:
        """What the gradients are of."""
        return self.nodes[-1]

    def node(self, name: str) -> Node:
        """Return the node of a name.

        Raises:
            DataError: There is none.
        """
        named = {node.name: node for node in self.nodes if node.name}
        if name not in named:
            raise DataError(
                f"the graph has no node {name!r}; named are: {', '.join(sorted(named))}"
            )
        return named[name]


def trace(
    function: Callable[..., Tensor | Mapping[str, Tensor]],
    **values: float | Tensor,
) -> Graph:
    """Run an expression, differentiate it, and note every value and gradient.

    Args:
        function: Takes the leaves by name and returns a tensor of one number; or, to
            name what lies between, a mapping of names to tensors of which the last is
            the result.
        values: Of each leaf: a number (float64) or a tensor, which is copied.

    Raises:
        DataError: The result is not one number, does not depend on a leaf, or there are
            too many operations to draw.

    >>> trace(lambda x: 2 * x**2 + 3, x=1.5).node("x").gradient.item()
    6.0
    """
    leaves = {name: _leaf(name, value) for name, value in values.items()}
    _check_arguments(function, leaves)
    recorder = Recorder(leaves)
    with torch.enable_grad(), recorder:
        made = function(**leaves)
    results = made if isinstance(made, Mapping) else {"": made}
    names = {id(tensor): name for name, tensor in results.items() if name}
    result = list(results.values())[-1] if results else None
    result = _scalar(result, "the function returns")
    if id(result) not in recorder.places:
        raise DataError(
            "what the function returns was not computed by the function from its "
            "arguments; let it compute something"
        )
    kept = _above(recorder.steps, recorder.places[id(result)])
    for place in kept:
        if recorder.steps[place].tensor.requires_grad:
            recorder.steps[place].tensor.retain_grad()
    result.backward()
    return _finished(recorder.steps, kept, names)


def _check_arguments(function: Callable[..., Any], given: Mapping[str, Tensor]) -> None:
    try:
        expected = signature(function)
    except ValueError:  # of what is written in C, such as torch.sin
        return
    try:
        expected.bind(**given)
    except TypeError as error:
        raise DataError(
            f"the expression takes ({', '.join(expected.parameters)}), and is given "
            f"({', '.join(given)}); give each of its arguments a value by name"
        ) from error


def _leaf(name: str, value: float | Tensor) -> Tensor:
    if isinstance(value, Tensor):
        if not value.is_floating_point():
            raise DataError(
                f"{name}: a tensor of {value.dtype} has no gradient; use .float()"
            )
        return value.detach().clone().requires_grad_()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(
            f"{name}: must be a number or a tensor, got {type(value).__name__}"
        )
    return torch.tensor(float(value), dtype=torch.float64, requires_grad=True)


def _scalar(result: object, what: str) -> Tensor:
    if not isinstance(result, Tensor):
        raise DataError(
            f"{what} something of type {type(result).__name__}; it must be a tensor of "
            "one number"
        )
    if result.numel() != 1:
        raise DataError(
            f"{what} a tensor of shape {tuple(result.shape)}; only one number has a "
            "gradient: take its .sum() or .mean()"
        )
    if not result.requires_grad:
        raise DataError(
            f"{what} a tensor that depends on nothing with requires_grad=True; a "
            "comparison and a whole number have no gradient"
        )
    return result


def _above(steps: list[Step], result: int) -> list[int]:
    """Return the places of what the result is made of, in order."""
    needed, waiting = {result}, [result]
    while waiting:
        for source in steps[waiting.pop()].inputs:
            if source not in needed:
                needed.add(source)
                waiting.append(source)
    if len(needed) > MOST_NODES:
        raise DataError(
            f"the expression has {len(needed)} nodes, more than the {MOST_NODES} that "
            "can be drawn; explain a part of it"
        )
    return sorted(needed)


def _finished(steps: list[Step], kept: list[int], names: dict[int, str]) -> Graph:
    new = {place: number for number, place in enumerate(kept)}
    nodes, edges = [], []
    texts: dict[int, str] = {}
    for place in kept:
        step = steps[place]
        node = _node(step, names.get(id(step.tensor), step.name), texts)
        texts[id(step.tensor)] = node.name or node.expression
        nodes.append(node)
        edges += [
            Edge(new[source], new[place], derivative)
            for source, derivative in step.inputs.items()
        ]
    return Graph(tuple(nodes), tuple(edges))


def _node(step: Step, name: str, texts: dict[int, str]) -> Node:
    tensor = step.tensor
    kind: NodeKind = "leaf" if tensor.requires_grad else "constant"
    operation = ""
    expression: str = name or kind
    if step.call is not None:
        kind, call = "operation", step.call
        operation, expression = call_text(call.func, call.args, call.kwargs, texts)
    elif not name and tensor.numel() == 1:
        expression = f"{tensor.item():.6g}"
    return Node(
        kind=kind,
        name=name,
        operation=operation,
        expression=expression,
        shape=tuple(tensor.shape),
        value=to_array(tensor),
        gradient=to_array(tensor.grad) if tensor.requires_grad else None,
    )


def to_array(tensor: Tensor | None) -> np.ndarray | None:
    """Return a tensor's values as float64, or None."""
    if tensor is None:
        return None
    return np.asarray(tensor.detach().cpu().double().numpy())
