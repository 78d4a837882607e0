"""What autograd remembers of how outputs and a loss were computed."""

from collections import deque

import torch
from torch import Tensor

from torchsmith.nn.losses import LossFunction

_SAME_VALUES = (
    "View",
    "UnsafeView",
    "ReshapeAlias",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Permute",
    "T",
    "Alias",
    "Clone",
    "ToCopy",
    "Slice",
    "Select",
    "Expand",
)
"""Operations that pass numbers on as they are."""

_MOST_NODES = 100_000


def last_operation(outputs: Tensor) -> str:
    """Return what made outputs, such as `Softmax`; empty where nothing is known.

    Args:
        outputs: With a graph.
    """
    node = outputs.grad_fn
    while node is not None:
        name = _name(node)
        if name not in _SAME_VALUES:
            return name
        node = node.next_functions[0][0] if node.next_functions else None
    return ""


def operations(outputs: Tensor) -> set[str]:
    """Return all operations that outputs were made with, such as `NativeDropout`."""
    seen: set[object] = set()
    found: set[str] = set()
    waiting = deque([outputs.grad_fn])
    while waiting and len(seen) < _MOST_NODES:
        node = waiting.popleft()
        if node is None or node in seen:
            continue
        seen.add(node)
        found.add(_name(node))
        waiting.extend(parent for parent, _ in node.next_functions)
    return found


def operations_of_loss(
    loss: LossFunction, outputs: Tensor, targets: Tensor
) -> set[str]:
    """Return the operations with which a loss is made of outputs.

    Args:
        loss: Any function.
        outputs: Of a batch.
        targets: Of the same.
    """
    with torch.enable_grad():
        leaf = outputs.detach().requires_grad_()
        return operations(loss(leaf, targets))


def _name(node: torch.autograd.graph.Node) -> str:
    return node.name().partition("Backward")[0].rpartition("::")[2]
