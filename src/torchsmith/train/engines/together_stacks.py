"""The weights of many networks in one tensor each, and one optimizer for all of them.

Each network's own parameters, gradients and optimizer state are views of the stacks, so
that checkpoints, averages and clipping need to know nothing of them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from torchsmith.train.engines.together_layers import same_bits

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


class Stacks:
    """The weights and gradients of many networks of one shape.

    Args:
        networks: Their parameters become views.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self._places: dict[Tensor, int] = {}
        self.weights: list[Tensor] = []
        self.grads: list[Tensor] = []
        every = zip(*(network.parameters() for network in networks), strict=True)
        for own in every:
            self._places |= dict.fromkeys(own, len(self.weights))
            stack = torch.stack([each.detach() for each in own])
            grads = torch.zeros_like(stack)
            for each, weight, grad in zip(own, stack, grads, strict=True):
                each.data, each.grad = weight, grad
            self.weights.append(stack)
            self.grads.append(grads)

    def of(self, parameter: Tensor) -> tuple[Tensor, Tensor]:
        """Return the stack that a parameter is in, and that of its gradient."""
        place = self._places[parameter]
        return self.weights[place], self.grads[place]


class Updates:
    """The optimizer steps of many networks, in one call where their settings agree.

    The second step is taken both ways. Where one optimizer over the stacks gives other
    bits than one for each network, or settings part, each takes its own steps.

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
        alike = len({type(optimizer) for optimizer in optimizers}) == 1
        self._may_join = alike and isinstance(optimizers[0], ELEMENT_BY_ELEMENT)
        self._has_begun = False

    def step(self) -> None:
        """Change all weights by their gradients."""
        if self._may_join and not self._agree():
            self._part()
        if self._joint is not None:
            self._step_jointly(self._joint)
        elif self._may_join and self._has_begun:
            self._join()
        else:  # the first step makes what an optimizer keeps
            self._step_each()
            self._has_begun = True

    def _step_each(self) -> None:
        for optimizer in self._optimizers:
            optimizer.step()

    def _step_jointly(self, joint: torch.optim.Optimizer) -> None:
        groups = zip(joint.param_groups, self._optimizers[0].param_groups, strict=True)
        for group, first in groups:
            group.update(_settings(first))
        joint.step()

    def _agree(self) -> bool:
        first, *others = [
            [_settings(group) for group in optimizer.param_groups]
            for optimizer in self._optimizers
        ]
        return all(other == first for other in others)

    def _join(self) -> None:
        """Take a step both ways, and stay together where the bits are the same."""
        joint = self._joint_optimizer()
        if joint is None:
            self._may_join = False
            self._step_each()
            return
        kept = [*self._stacks.weights, *_stacks_of(joint)]
        before = [tensor.clone() for tensor in kept]
        self._step_each()
        wanted = [tensor.clone() for tensor in kept]
        _restore(kept, before)
        self._step_jointly(joint)
        if all(map(same_bits, kept, wanted)):
            self._joint = joint
            for own, shared in self._counts(joint):
                own |= shared
        else:
            self._may_join = False
            _restore(kept, wanted)

    def _part(self) -> None:
        """Let each network take its own steps from now on."""
        if self._joint is not None:
            for own, shared in self._counts(self._joint):
                own |= {key: count.clone() for key, count in shared.items()}
        self._joint, self._may_join = None, False

    def _counts(
        self, joint: torch.optim.Optimizer
    ) -> Iterator[tuple[dict[str, Any], dict[str, Tensor]]]:
        """Yield each network's own state of a parameter, and the joint counts of it."""
        for optimizer in self._optimizers:
            for own, stacked in _parameters(optimizer, joint):
                state = joint.state.get(stacked, {})
                counts = {k: v for k, v in state.items() if _is_count(v)}
                if counts:
                    yield optimizer.state[own], counts

    def _joint_optimizer(self) -> torch.optim.Optimizer | None:
        """Return one optimizer over the stacks, or None where their states differ."""
        first = self._optimizers[0]
        groups: list[dict[str, Any]] = []
        for group in first.param_groups:
            stacked = []
            for each in group["params"]:
                weights, grads = self._stacks.of(each)
                stacked.append(nn.Parameter(weights))
                stacked[-1].grad = grads
            groups.append({**_settings(group), "params": stacked})
        kind: Any = type(first)  # whose own constructor takes groups alone
        joint: torch.optim.Optimizer = kind(groups)
        all_pairs = zip(*(_parameters(o, joint) for o in self._optimizers), strict=True)
        for pairs in all_pairs:
            owners = zip(self._optimizers, pairs, strict=True)
            states = [o.state[own] for o, (own, _) in owners if own in o.state]
            if states:
                stack = _stacked(states)
                if stack is None:
                    return None
                joint.state[pairs[0][1]] = stack
        return joint


def _stacked(states: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Make what optimizers keep of a parameter views of stacks, and return these."""
    stacks: dict[str, Any] = {}
    for key, first in states[0].items():
        values = [state.get(key) for state in states]
        if not isinstance(first, Tensor) or _is_count(first):
            if any(value != first for value in values):
                return None
            stacks[key] = first.clone() if isinstance(first, Tensor) else first
            continue
        stacks[key] = torch.stack([v for v in values if isinstance(v, Tensor)])
        for state, view in zip(states, stacks[key], strict=True):
            state[key] = view
    return stacks


def _parameters(
    optimizer: torch.optim.Optimizer, joint: torch.optim.Optimizer
) -> Iterator[tuple[nn.Parameter, nn.Parameter]]:
    """Yield each parameter of a network with the stack that it is in."""
    for own, stacked in zip(optimizer.param_groups, joint.param_groups, strict=True):
        yield from zip(own["params"], stacked["params"], strict=True)


def _stacks_of(joint: torch.optim.Optimizer) -> list[Tensor]:
    return [
        value
        for state in joint.state.values()
        for value in state.values()
        if isinstance(value, Tensor) and not _is_count(value)
    ]


def _is_count(value: object) -> bool:
    """Whether an optimizer counts with it, the same for all networks in step."""
    return isinstance(value, Tensor) and value.ndim == 0


def _settings(group: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in group.items() if key != "params"}


def _restore(tensors: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)
