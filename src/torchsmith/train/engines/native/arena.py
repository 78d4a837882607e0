"""Parameters and what belongs to them, laid out as the native code takes them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

LINE = 16
"""Floats in a cache line; a parameter begins at a whole one."""


@dataclass(frozen=True)
class Place:
    """Where a parameter lies in an arena.

    Attributes:
        parameter: Of the network.
        begin: Counts floats.
        strides: From row to row, and from column to column.
    """

    parameter: Tensor
    begin: int
    strides: tuple[int, ...]

    def view(self, arena: Tensor) -> Tensor:
        """Return the part of an arena that is this parameter's."""
        return arena.as_strided(self.parameter.shape, self.strides, self.begin)


class Arena:
    """One block of memory each for parameters, gradients, and the optimizer's state.

    Args:
        linears: The layers, in order; the weight of the first lies transposed.
        keys: What the optimizer keeps for each parameter, such as `exp_avg`.
        lanes: To so many floats rows are padded.

    Attributes:
        places: Where each parameter lies, by `id`.
        size: Floats in each block.
        values: The parameters.
        gradients: Their gradients.
        kept: What the optimizer keeps, in the order of `keys`.
    """

    def __init__(
        self, linears: Sequence[nn.Linear], keys: Sequence[str], lanes: int
    ) -> None:
        self._keys = tuple(keys)
        self.places: dict[int, Place] = {}
        size = 0

        def reserve(parameter: Tensor, rows: int, *strides: int) -> None:
            nonlocal size
            self.places[id(parameter)] = Place(parameter, size, strides)
            size += -(-rows * max(strides) // LINE) * LINE

        for number, linear in enumerate(linears):
            inputs, outputs = (
                -(-n // lanes) * lanes
                for n in (linear.in_features, linear.out_features)
            )
            if number == 0:
                reserve(linear.weight, linear.in_features, 1, outputs)
            else:
                reserve(linear.weight, linear.out_features, inputs, 1)
            if linear.bias is not None:
                reserve(linear.bias, outputs, 1)
        self.size = size
        blocks = [torch.zeros(size) for _ in range(2 + len(self._keys))]
        self.values, self.gradients, *self.kept = blocks
        self._views = {
            place: [place.view(block) for block in blocks]
            for place in self.places.values()
        }

    @property
    def parameters(self) -> list[Tensor]:
        """Return the parameters, in order."""
        return [place.parameter for place in self.places.values()]

    @contextmanager
    def holding(self, optimizer: torch.optim.Optimizer) -> Iterator[None]:
        """Let parameters, gradients and the optimizer's state be parts of the arena.

        Afterwards they are the tensors that they were, with what they have become.
        """
        homes: list[tuple[Tensor, Tensor]] = []

        def move(home: Tensor, view: Tensor) -> Tensor:
            view.copy_(home)
            homes.append((home, view))
            return view

        before = {}
        for place, (values, gradients, *kept) in self._views.items():
            parameter, state = place.parameter, optimizer.state[place.parameter]
            home = parameter.data
            slope = torch.zeros_like(home) if parameter.grad is None else parameter.grad
            tensors = {key: state[key] for key in self._keys}
            before[parameter] = home, slope, tensors
            parameter.grad = None
            parameter.data = move(home, values)
            parameter.grad = move(slope, gradients)
            for key, view in zip(self._keys, kept, strict=True):
                state[key] = move(tensors[key], view)
        try:
            yield
        finally:
            for home, view in homes:
                home.copy_(view)
            for parameter, (home, slope, tensors) in before.items():
                parameter.grad = None
                parameter.data = home
                parameter.grad = slope
                optimizer.state[parameter].update(tensors)
