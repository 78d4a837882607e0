"""Where layers write the gradients of parameters."""

from collections.abc import Iterable

import torch
from torch import Tensor


class Gradients:
    """The gradients of a network's parameters, made once and written in every step.

    Each is laid out in memory as its parameter is, which is what autograd does with a
    gradient that it keeps.

    Args:
        accumulate: Whether a step may add up the gradients of several batches.
    """

    def __init__(self, *, accumulate: bool) -> None:
        self._accumulate = accumulate
        self._totals: dict[Tensor, Tensor] = {}
        self._apart: dict[Tensor, list[Tensor]] = {}

    def slot(self, parameter: Tensor | None) -> Tensor | None:
        """Return where a layer is to write a gradient; None where none is wanted.

        It is the parameter's `.grad` itself, but for layers that share a parameter and
        for steps of several batches: these are added up by `collect`.
        """
        if parameter is None or not parameter.requires_grad:
            return None
        total = self._totals.get(parameter)
        if total is None:
            total = self._totals[parameter] = torch.empty_like(parameter.detach())
            if not self._accumulate:
                return total
        apart = torch.empty_like(total)
        first = [] if self._accumulate else [total]
        self._apart.setdefault(parameter, first).append(apart)
        return apart

    def attach(self, parameters: Iterable[Tensor]) -> None:
        """Make these the `.grad` of the parameters; the others then have none.

        Args:
            parameters: All of the network and of the optimizer. One that was frozen
                since may still have the gradient of a training before this.
        """
        for parameter in parameters:
            parameter.grad = self._totals.get(parameter)

    def collect(self, *, first: bool) -> None:
        """Bring the totals up to date after the backward of a batch.

        Args:
            first: Whether it is the first batch of its step.
        """
        for parameter, slots in self._apart.items():
            # Backpropagation reaches the last of those that share a parameter first.
            for later, earlier in zip(slots[:0:-1], slots[-2::-1], strict=True):
                earlier.add_(later)
            total = self._totals[parameter]
            if not self._accumulate:
                continue
            if first:
                total.copy_(slots[0])
            else:
                total.add_(slots[0])
