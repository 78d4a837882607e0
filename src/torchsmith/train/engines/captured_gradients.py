"""What layers read of parameters, and where they write the gradients."""

from collections.abc import Iterable

import torch
from torch import Tensor

from torchsmith.train.engines.engine import Unsupported


class Gradients:
    """The gradients of a network's parameters, made once and written in every step.

    Each is laid out in memory as its parameter is, which is what autograd does with a
    gradient that it keeps.

    Args:
        accumulate: Whether a step may add up the gradients of several batches.
        bfloat16: Whether products and convolutions are computed in it: on a copy of
            each parameter, whose gradient is then in bfloat16, too.
    """

    def __init__(self, *, accumulate: bool, bfloat16: bool = False) -> None:
        self.bfloat16 = bfloat16
        self._accumulate = accumulate
        self._totals: dict[Tensor, Tensor] = {}
        self._apart: dict[Tensor, list[Tensor]] = {}
        self._copies: dict[Tensor, Tensor] = {}

    def factor(self, parameter: Tensor) -> Tensor:
        """Return what a product is computed with: the parameter, or a copy of it."""
        if not self.bfloat16:
            return parameter.detach()
        if parameter not in self._copies:
            # As autocast: one copy of each, whoever shares it.
            self._copies[parameter] = parameter.detach().to(torch.bfloat16)
        return self._copies[parameter]

    def factor_slot(self, parameter: Tensor | None) -> Tensor | None:
        """Return where the gradient of a `factor` is to be written; see `slot`."""
        kind = torch.bfloat16 if self.bfloat16 else torch.float32
        return self._slot(parameter, kind)

    def slot(self, parameter: Tensor | None) -> Tensor | None:
        """Return where a layer is to write a gradient; None where none is wanted.

        It is the parameter's `.grad` itself, but for layers that share a parameter, for
        steps of several batches and for copies: these are added up by `collect`.
        """
        return self._slot(parameter, torch.float32)

    def _slot(self, parameter: Tensor | None, kind: torch.dtype) -> Tensor | None:
        if parameter is None or not parameter.requires_grad:
            return None
        total = self._totals.get(parameter)
        if total is None:
            total = self._totals[parameter] = torch.empty_like(parameter.detach())
            if not self._accumulate and kind == total.dtype:
                return total
            self._apart[parameter] = []
        apart = torch.empty_like(total, dtype=kind)
        slots = self._apart.setdefault(parameter, [total])
        if slots and slots[0].dtype != kind:
            raise Unsupported("no case for a parameter shared between two precisions")
        slots.append(apart)
        return apart

    def has_slot(self, parameter: Tensor) -> bool:
        """Whether a layer writes the gradient of a parameter already."""
        return parameter in self._totals

    def attach(self, parameters: Iterable[Tensor]) -> None:
        """Make these the `.grad` of the parameters; the others then have none.

        Args:
            parameters: All of the network and of the optimizer. One that was frozen
                since may still have the gradient of a training before this.
        """
        for parameter in parameters:
            parameter.grad = self._totals.get(parameter)

    def copy_factors(self) -> None:
        """Bring the copies up to date, before the first batch of a step."""
        for parameter, copy in self._copies.items():
            copy.copy_(parameter)

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
            if slots[0] is total:
                continue
            if first:
                total.copy_(slots[0])
            else:
                total.add_(slots[0])
