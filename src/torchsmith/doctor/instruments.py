"""What each layer of a network gives for some examples, seen in one forward pass."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.overrides import TorchFunctionMode

NOTHING = 1e-6
"""Outputs of an activation below it are as good as 0: GELU and SiLU never reach it."""

RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
EDGE = 0.025
"""Of its range, at each end: what is beyond 95 % of it."""

MOSTLY = 0.5
"""A unit is saturated when it is so for more than this share of the examples."""

CAN_BE_0 = ("relu", "relu_", "relu6", "gelu", "silu")
F = nn.functional
_FUNCTIONS: dict[object, str] = {
    **{getattr(torch, name): name for name in ("relu", "relu_", "sigmoid", "tanh")},
    **{getattr(Tensor, name): name for name in ("relu", "relu_", "sigmoid", "tanh")},
    **{getattr(F, name): name for name in (*CAN_BE_0, "sigmoid", "tanh")},
}
_ARRANGED_BY_CHANNEL = (_ConvNd, _NormBase, nn.GroupNorm)
_ARRANGED_BY_FEATURE = (nn.Linear, nn.LayerNorm, nn.RNNBase, nn.Embedding)


@dataclass
class Seen:
    """What one layer or activation gave.

    Attributes:
        name: As in `LayerSignals`, and so are the others.
        type: The class of the module, or the name of the function.
        output: While the pass goes on, to tell the network's end.
        numbers: By name: `mean` and `deviation`, `dead`, `saturated`.
    """

    name: str
    type: str
    output: Tensor
    numbers: dict[str, Tensor]


class Instruments(TorchFunctionMode):
    """Looks at the layers and activations of a network of the doctor's own.

    Activations are seen as modules and as functions that a module calls.

    Args:
        network: A copy: hooks are put on it, and stay.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.seen: list[Seen] = []
        self._looking = False
        self._stack: list[tuple[str, nn.Module]] = []
        self._by_channel = False
        self._names: Counter[str] = Counter()
        for name, module in network.named_modules():
            module.register_forward_pre_hook(self._enter(name))
            module.register_forward_hook(self._leave)

    @contextmanager
    def looking(self) -> Iterator[list[Seen]]:
        """Note what happens meanwhile; gives what is seen, in its order."""
        self.seen, self._names = [], Counter()
        self._stack.clear()
        self._looking = True
        try:
            with self:
                yield self.seen
        finally:
            self._looking = False

    def _enter(self, name: str) -> Callable[[nn.Module, Any], None]:
        def enter(module: nn.Module, inputs: Any) -> None:  # noqa: ANN401
            del inputs
            if self._looking:
                self._stack.append((name, module))

        return enter

    def _leave(self, module: nn.Module, inputs: Any, output: Any) -> None:  # noqa: ANN401
        del inputs
        if not self._looking:
            return
        name, _ = self._stack.pop()
        if isinstance(module, _ARRANGED_BY_CHANNEL):
            self._by_channel = True
        elif isinstance(module, _ARRANGED_BY_FEATURE):
            self._by_channel = False
        tensor = _first_tensor(output)
        if tensor is not None and next(weights_of(module), None) is not None:
            self._note(name, type(module).__name__, tensor, _spread_of(tensor))

    def __torch_function__(
        self,
        func: Any,  # noqa: ANN401 -- as PyTorch declares it
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Call a function of PyTorch, and note what an activation gave."""
        del types
        output = func(*args, **(kwargs or {}))
        kind = _FUNCTIONS.get(func, "")
        if kind and self._looking and isinstance(output, Tensor) and output.ndim > 1:
            units = by_unit(output, by_channel=self._by_channel)
            name, module = self._stack[-1] if self._stack else ("", None)
            is_module = type(module).__name__.lower() == kind
            name = name if is_module else f"{name}.{kind}".strip(".")
            of_type = type(module).__name__ if is_module else kind
            if kind in RANGES:
                numbers = {"saturated": _saturated(units, *RANGES[kind])}
            else:
                low, high = units.amin(dim=0), units.amax(dim=0)
                is_dead = (high < NOTHING) & (low > -NOTHING)
                numbers = {"dead": is_dead.float().mean()}
            self._note(name, of_type, output, numbers | _spread_of(output))
        return output

    def _note(
        self, name: str, kind: str, output: Tensor, numbers: dict[str, Tensor]
    ) -> None:
        count = self._names[name]
        self._names[name] += 1
        name = f"{name}_{count}" if count else name
        self.seen.append(Seen(name, kind, output, numbers))


def by_unit(output: Tensor, *, by_channel: bool) -> Tensor:
    """Return `(N, units)`: for each unit the values at all places of all examples.

    Args:
        output: `(N, C, …)` or `(N, …, C)` of an activation, `C` units.
        by_channel: Whether it is the former.
    """
    unit = 1 if by_channel or output.ndim == 2 else output.ndim - 1
    return output.movedim(unit, -1).flatten(0, -2)


def weights_of(module: nn.Module) -> Iterator[nn.Parameter]:
    """Return the weights that are a module's own and are trained, biases left out."""
    for parameter in module.parameters(recurse=False):
        if parameter.ndim > 1 and parameter.requires_grad:
            yield parameter


def _spread_of(output: Tensor) -> dict[str, Tensor]:
    values = output.float()
    mean = values.mean()
    # Two sweeps over the values as they lie: torch.std_mean takes much longer.
    square = torch.linalg.vector_norm(values).square() / values.numel()
    deviation = (square - mean.square()).clamp(min=0).sqrt()
    return {"mean": mean, "deviation": deviation}


def _saturated(units: Tensor, low: float, high: float) -> Tensor:
    edge = (high - low) * EDGE
    outside = (units < low + edge) | (units > high - edge)
    return (outside.float().mean(dim=0) > MOSTLY).float().mean()


def _first_tensor(value: Any) -> Tensor | None:  # noqa: ANN401 -- whatever modules give
    if isinstance(value, Tensor):
        return value if value.is_floating_point() and value.numel() else None
    if isinstance(value, (tuple, list)) and value:
        return _first_tensor(value[0])
    return None
