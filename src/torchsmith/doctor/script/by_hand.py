"""Counts the steps that a script makes by hand, without an optimizer."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from torchsmith.doctor.script.facts import Facts
from torchsmith.doctor.script.tensors import has_gradient, is_dense

_MOST_GRADIENTS = 50
_MOST_NODES = 10_000
_MOST_NUMBERS = 100_000


class ByHand:
    """Compares the weights of a loss with what they were at the gradient before.

    Args:
        facts: Where steps are counted.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._before: dict[int, Tensor] = {}
        self._num_gradients = 0

    def before_gradient(self, loss: Tensor) -> None:
        """Note whether weights were changed, and kept the gradients of that step.

        Args:
            loss: Of which a gradient is taken next.
        """
        self._num_gradients += 1
        if self._facts.steppings or self._num_gradients > _MOST_GRADIENTS:
            return
        weights = {id(w): w for w in _weights(loss)}
        moved = [
            w
            for w in weights.values()
            if id(w) in self._before and not w.detach().equal(self._before[id(w)])
        ]
        self._facts.num_by_hand += bool(moved)
        self._facts.num_added_by_hand += any(has_gradient(w) for w in moved)
        self._before = {key: w.detach().clone() for key, w in weights.items()}


def _weights(loss: Tensor) -> Iterator[Tensor]:
    """Give the tensors that a gradient of a loss is kept for."""
    todo: list[Any] = [loss.grad_fn]
    seen: set[Any] = set()
    while todo and len(seen) < _MOST_NODES:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        weight = getattr(node, "variable", None)
        if weight is not None and is_dense(weight) and weight.numel() <= _MOST_NUMBERS:
            yield weight
        todo += [above for above, _ in node.next_functions]
