"""What a finished tensor still knows of how it was made.

Autograd keeps operations and, for some, the tensors that their gradients need
(`grad_fn._saved_…`); other values between are gone. The gradients of all are found by
going backward once, without touching anybody's `.grad`.

Source: https://docs.pytorch.org/docs/stable/notes/autograd.html#saved-tensors
"""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from torchsmith.core.errors import DataError
from torchsmith.explain.graph import MOST_NODES, Edge, Graph, Node, to_array

GONE = "values between are gone: autograd keeps operations, not results"
FREED = (
    "gradients between are not known: the graph was freed by backward(); call "
    "backward(retain_graph=True), or explain the tensor before"
)


def graph_of(result: Tensor, names: Mapping[str, Tensor] | None = None) -> Graph:
    """Return the graph behind a tensor of one number.

    Args:
        result: With a history.
        names: What to call tensors of it; their values are then known, too.

    Raises:
        DataError: There is no history, or it is too long to draw.

    >>> a = torch.tensor(2.0, requires_grad=True)
    >>> graph_of(3 * a**2, {"a": a}).node("a").gradient.item()
    12.0
    """
    if result.numel() != 1:
        raise DataError(
            f"a tensor of shape {tuple(result.shape)} has no gradient; take its .sum() "
            "or .mean()"
        )
    if result.grad_fn is None:
        raise DataError(
            "the tensor has no history; compute it from tensors with "
            "requires_grad=True, outside of torch.no_grad()"
        )
    functions = _in_order(result.grad_fn)
    gradients, notes = _gradients(result, functions)
    values = _values(functions)
    called: dict[Any, str] = {}
    for name, tensor in (names or {}).items():
        function = _function_of(tensor)
        called[function] = name
        values[function] = tensor
    values[result.grad_fn] = result
    places = {function: place for place, function in enumerate(functions)}
    nodes = [
        _node(function, called.get(function, ""), values, gradients)
        for function in functions
    ]
    edges = {
        (places[source], place): Edge(places[source], place)
        for place, function in enumerate(functions)
        for source, _ in function.next_functions
        if source is not None
    }
    if any(node.value is None for node in nodes):
        notes.append(f"{GONE}; name them, or trace the expression")
    return Graph(tuple(nodes), tuple(edges.values()), tuple(notes))


def _in_order(last: Any) -> list[Any]:  # noqa: ANN401 -- torch.autograd.graph.Node
    """Return all functions behind one, each after what it is made of."""
    order: dict[Any, None] = {}
    waiting = [(last, False)]
    while waiting:
        function, done = waiting.pop()
        if function in order:
            continue
        if done:
            order[function] = None
            continue
        waiting.append((function, True))
        waiting += [(f, False) for f, _ in function.next_functions if f is not None]
        if len(order) + len(waiting) > 10 * MOST_NODES or len(order) > MOST_NODES:
            raise DataError(
                f"the tensor is made by more than the {MOST_NODES} operations that can "
                "be drawn; explain a part of it"
            )
    return list(order)


def _gradients(
    result: Tensor, functions: list[Any]
) -> tuple[dict[Any, Tensor], list[str]]:
    found: dict[Any, Tensor] = {}

    def noting(function: Any) -> Any:  # noqa: ANN401
        def note(gradients: tuple[Tensor | None, ...]) -> None:
            if gradients[0] is not None:
                found[function] = gradients[0].detach().clone()

        return note

    leaves = [f.variable for f in functions if hasattr(f, "variable")]
    handles = [f.register_prehook(noting(f)) for f in functions if f.next_functions]
    try:
        gradients = torch.autograd.grad(
            result, leaves, retain_graph=True, allow_unused=True
        )
    except RuntimeError as error:
        if "second time" not in str(error):
            raise
        known = {_function_of(t): t.grad for t in leaves if t.grad is not None}
        return known, [FREED]
    finally:
        for handle in handles:
            handle.remove()
    for leaf, gradient in zip(leaves, gradients, strict=True):
        if gradient is not None:
            found[_function_of(leaf)] = gradient
    return found, []


def _values(functions: list[Any]) -> dict[Any, Tensor]:
    """Return what operations saved: their results, or the inputs of others."""
    values = {f: f.variable for f in functions if hasattr(f, "variable")}
    for function in functions:
        inputs = [source for source, _ in function.next_functions]
        own = _saved(function, "result")
        if own is not None:
            values.setdefault(function, own)
        for source, name in zip(inputs, ("self", "other"), strict=False):
            saved = _saved(function, name)
            if source is not None and saved is not None:
                values.setdefault(source, saved)
    return values


def _saved(function: Any, name: str) -> Tensor | None:  # noqa: ANN401
    try:
        saved = getattr(function, f"_saved_{name}", None)
    except RuntimeError:  # freed by backward
        return None
    return saved if isinstance(saved, Tensor) else None


def _function_of(tensor: Tensor) -> Any:  # noqa: ANN401
    """Return the function of a tensor; for a leaf, the one that gathers its `.grad`."""
    if not tensor.requires_grad:
        return tensor
    return torch.autograd.graph.get_gradient_edge(tensor).node


def _node(
    function: Any,  # noqa: ANN401
    name: str,
    values: Mapping[Any, Tensor],
    gradients: Mapping[Any, Tensor],
) -> Node:
    value, gradient = values.get(function), gradients.get(function)
    leaf = hasattr(function, "variable")
    operation = "" if leaf else re.sub(r"Backward\d*$", "", function.name()).lower()
    known: Any = value if value is not None else gradient
    return Node(
        kind="leaf" if leaf else "operation",
        name=name,
        operation=operation,
        expression=operation or name or "leaf",
        shape=() if known is None else tuple(known.shape),
        value=to_array(value),
        gradient=to_array(gradient),
    )
