"""The weights of many networks in one tensor each, and one optimizer for all of them.

Each network's own parameters, gradients and optimizer state are views of the stacks, so
that checkpoints, averages and clipping need to know nothing of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from torchsmith.train.engines.together_layers import LINE_BYTES, WHOLE_VECTORS

ELEMENT_BY_ELEMENT = (
    torch.optim.SGD,
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.RMSprop,
    torch.optim.Adagrad,
    torch.optim.Adadelta,
    torch.optim.NAdam,
    torch.optim.RAdam,
)
"""Optimizers that change each weight by itself, so that stacks are as good as parts."""


LINE = LINE_BYTES // 4
"""Numbers of float32 in a line. Each network's part begins at one, as it does alone."""


@dataclass(frozen=True)
class Stack:
    """A tensor of each network, side by side.

    Attributes:
        whole: `(M, N)`, where N numbers end with a line; zeros fill it up.
        parts: The same memory as `(M, …)`.
    """

    whole: Tensor
    parts: Tensor

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> "Stack":
        """Copy the tensors of all networks into a new stack."""
        first = tensors[0]
        size = first.numel()
        whole = torch.zeros(len(tensors), -(-size // LINE) * LINE, dtype=first.dtype)
        parts = whole[:, :size].unflatten(1, first.shape)
        for part, tensor in zip(parts, tensors, strict=True):
            part.copy_(tensor.detach())
        return cls(whole, parts)


class Stacks:
    """The weights and gradients of many networks of one shape.

    Args:
        networks: Their parameters become views.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self._stacks: dict[Tensor, tuple[Stack, Stack]] = {}
        every = zip(*(network.parameters() for network in networks), strict=True)
        for own in every:
            weights = Stack.of(own)
            grads = Stack.of([torch.zeros_like(each) for each in own])
            for each, weight, grad in zip(own, weights.parts, grads.parts, strict=True):
                each.data, each.grad = weight, grad
            self._stacks |= dict.fromkeys(own, (weights, grads))

    def __getitem__(self, parameter: Tensor) -> tuple[Stack, Stack]:
        """Return the stack that a parameter is in, and that of its gradient."""
        return self._stacks[parameter]

    def parts(self, parameter: Tensor) -> tuple[Tensor, Tensor]:
        """Return all networks' own of a parameter `(M, …)`, and its gradients."""
        weights, grads = self._stacks[parameter]
        return weights.parts, grads.parts


class Updates:
    """The optimizer steps of many networks, in one call where their settings agree.

    Args:
        optimizers: Of the networks, which they change.
        stacks: Of their weights.
    """

    def __init__(
        self, optimizers: Sequence[torch.optim.Optimizer], stacks: Stacks
    ) -> None:
        self._optimizers = optimizers
        self._stacks = stacks
        self._joint: torch.optim.Optimizer | None = None
        alike = len({type(optimizer).__name__ for optimizer in optimizers}) == 1
        self._may_join = alike and isinstance(optimizers[0], ELEMENT_BY_ELEMENT)
        self._has_begun = False
        self._own_counts()  # those of a company before this one may be shared

    def step(self) -> None:
        """Change all weights by their gradients."""
        if self._may_join and not self._agree():
            self._part()
        if self._may_join and self._has_begun and self._joint is None:
            self._join()
        if self._joint is None:  # also the first step, which makes what is kept
            for optimizer in self._optimizers:
                optimizer.step()
            self._has_begun = True
            return
        for group, first in zip(
            self._joint.param_groups, self._optimizers[0].param_groups, strict=True
        ):
            group.update(_settings(first))
        self._joint.step()

    def _agree(self) -> bool:
        first, *others = [
            [_settings(group) for group in optimizer.param_groups]
            for optimizer in self._optimizers
        ]
        return all(other == first for other in others)

    def _part(self) -> None:
        """Let each network take its own steps from now on."""
        self._own_counts()
        self._joint, self._may_join = None, False

    def _own_counts(self) -> None:
        for optimizer in self._optimizers:
            for state in optimizer.state.values():
                state |= {k: v.clone() for k, v in state.items() if _is_count(v)}

    def _join(self) -> None:
        """Make one optimizer that takes the steps of all."""
        groups: list[dict[str, Any]] = []
        joint_state: dict[Tensor, dict[str, Any]] = {}
        for alike in zip(*(o.param_groups for o in self._optimizers), strict=True):
            joined: list[Tensor] = []
            for own in zip(*(group["params"] for group in alike), strict=True):
                pairs = zip(self._optimizers, own, strict=True)
                states = [optimizer.state.get(each, {}) for optimizer, each in pairs]
                state = self._stacked(own[0], states)
                if state is None:
                    joined += own
                    joint_state |= dict(zip(own, states, strict=True))
                    continue
                weights, grads = self._stacks[own[0]]
                joined.append(nn.Parameter(weights.whole))
                joined[-1].grad = grads.whole
                joint_state[joined[-1]] = state
            groups.append({**_settings(alike[0]), "params": joined})
        kind: Any = type(self._optimizers[0])  # whose own constructor takes groups
        self._joint = kind(groups)
        self._joint.state.update({k: v for k, v in joint_state.items() if v})

    def _stacked(
        self, parameter: Tensor, states: Sequence[dict[str, Any]]
    ) -> dict[str, Any] | None:
        """Make what optimizers keep of a parameter parts of stacks.

        Returns:
            The stacks, or None where the bits of parts would not be the same.
        """
        first = states[0]
        counts = [
            [v for v in state.values() if not _is_stackable(v)] for state in states
        ]
        has_rest = parameter.numel() % WHOLE_VECTORS or torch.get_num_threads() > 1
        if has_rest or any(count != counts[0] for count in counts):
            return None
        joint: dict[str, Any] = {}
        for key, value in first.items():
            if _is_stackable(value):
                stack = Stack.of([state[key] for state in states])
                joint[key] = stack.whole
                for state, part in zip(states, stack.parts, strict=True):
                    state[key] = part
            else:  # counts are the same for all in step, so they share one
                joint[key] = value
                for state in states:
                    state[key] = value
        return joint


def _is_count(value: object) -> bool:
    return isinstance(value, Tensor) and value.ndim == 0


def _is_stackable(value: object) -> bool:
    return isinstance(value, Tensor) and value.ndim > 0


def _settings(group: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in group.items() if key != "params"}
