"""A mode in which every operation on tensors is noted with its inputs and its result.

Source: https://docs.pytorch.org/docs/stable/torch.overrides.html
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from torchsmith.core.errors import DataError
from torchsmith.core.randomness import seeded


@dataclass(frozen=True)
class Call:
    """A call of an operation: `func(*args, **kwargs)`."""

    func: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """A tensor, and how it was made.

    Attributes:
        tensor: It.
        name: Of a leaf; else empty.
        call: What made it; None for what was there before.
        inputs: For the place of each input, the derivative with respect to it alone;
            None where one of both is no number.
    """

    tensor: Tensor
    name: str = ""
    call: Call | None = None
    inputs: Mapping[int, float | None] = field(default_factory=dict)


class Recorder(TorchFunctionMode):
    """Notes what is computed from some leaves.

    Attributes:
        steps: In the order in which they were made; this keeps the tensors alive.
        places: For the `id` of a tensor, its place in `steps`.

    Args:
        leaves: Tensors by name.
    """

    def __init__(self, leaves: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.places: dict[int, int] = {}
        for name, tensor in leaves.items():
            self._add(Step(tensor, name))

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 -- whatever the operation returns
        """Run an operation and note what it makes."""
        del types
        kwargs = dict(kwargs or {})
        inputs = list({id(t): t for t in _tensors((args, kwargs))}.values())
        tracked = torch.is_grad_enabled() and any(t.requires_grad for t in inputs)
        if not tracked:
            return func(*args, **kwargs)
        call = Call(func, args, kwargs)
        derivatives = _derivatives(call, inputs)
        places = {self._place(tensor): tensor for tensor in inputs}
        versions = [tensor._version for tensor in inputs]
        try:
            found = func(*args, **kwargs)
        except RuntimeError as error:
            # Autograd itself refuses to change a leaf, or a view of one.
            if "in-place" in str(error):
                raise _changes_in_place(func) from error
            raise
        if versions != [tensor._version for tensor in inputs]:
            raise _changes_in_place(func)
        before = {id(tensor) for tensor in inputs}
        for made in _tensors(found):
            if made.requires_grad and id(made) not in before:
                edges = {p: derivatives.get(tensor) for p, tensor in places.items()}
                self._add(Step(made, call=call, inputs=edges))
        return found

    def _place(self, tensor: Tensor) -> int:
        if id(tensor) not in self.places:
            self._add(Step(tensor))
        return self.places[id(tensor)]

    def _add(self, step: Step) -> None:
        self.places[id(step.tensor)] = len(self.steps)
        self.steps.append(step)


def _changes_in_place(func: Callable[..., Any]) -> DataError:
    return DataError(
        f"{getattr(func, '__name__', 'an operation')}: changes a tensor in place, so "
        "its earlier value cannot be shown; make a new one: x = x + 1"
    )


def _derivatives(call: Call, inputs: Sequence[Tensor]) -> dict[Tensor, float]:
    """Differentiate one operation alone, with respect to inputs that are numbers.

    The operation runs on copies that share no history, because the gradient with
    respect to an input of the real one also counts ways through its other inputs.
    """
    wanted = [t for t in inputs if t.requires_grad and t.numel() == 1]
    if not wanted:
        return {}
    leaves = {id(t): t.detach().clone().requires_grad_(t.requires_grad) for t in inputs}
    # A copy of the leaf, for operations that change their input.
    copies = {key: leaf.clone() for key, leaf in leaves.items()}
    with seeded():
        args = _replaced(tuple(call.args), copies)
        found = call.func(*args, **_replaced(dict(call.kwargs), copies))
    if not isinstance(found, Tensor) or found.numel() != 1 or not found.requires_grad:
        return {}
    gradients = torch.autograd.grad(
        found, [leaves[id(t)] for t in wanted], allow_unused=True
    )
    return {
        tensor: 0.0 if gradient is None else float(gradient)
        for tensor, gradient in zip(wanted, gradients, strict=True)
    }


def _replaced(value: Any, copies: Mapping[int, Tensor]) -> Any:  # noqa: ANN401
    if isinstance(value, Tensor):
        return copies[id(value)]
    if isinstance(value, list | tuple):
        items = [_replaced(item, copies) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, dict):
        return {key: _replaced(item, copies) for key, item in value.items()}
    return value


def _tensors(value: Any) -> Iterator[Tensor]:  # noqa: ANN401
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
