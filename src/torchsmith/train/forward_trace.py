"""Which modules a network calls in a forward pass, and what feeds what."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

INPUT = "input"
OUTPUT = "output"


@dataclass(frozen=True)
class Call:
    """A call of a layer, or an end of the network.

    A layer is a module that calls no other, or that has parameters of its own.

    Attributes:
        name: The module's, such as `blocks.0.linear`; a second call ends in `_1`.
        type: Its class.
        details: Its arguments, as `print(network)` gives them.
        shapes: Of its outputs, the batch first.
        parents: Names of the calls whose outputs it is fed, straight or through
            functions.
        calls_others: Whether the calls of other modules are a part of this one; it
            stands after them.
    """

    name: str
    type: str
    details: str
    shapes: tuple[tuple[int, ...], ...]
    parents: tuple[str, ...]
    calls_others: bool = False


class ForwardTrace:
    """Follows the next forward pass of a network in training, then goes away.

    The pass itself is as without it: nothing is run twice, and no random numbers are
    drawn.

    Args:
        network: The network.
        done: Is given all calls, in their order, once the pass is done.
    """

    def __init__(
        self, network: nn.Module, done: Callable[[Sequence[Call]], None]
    ) -> None:
        self._done = done
        self._names = [name for name, _ in network.named_modules()]
        self._calls: list[Call] = []
        self._counts: Counter[str] = Counter()
        self._inner: list[bool] = []
        # Tensors are known by what autograd remembers of them, which functions such as
        # `a + b` pass on; those that need no gradient by themselves.
        self._makers: dict[object, str] = {}
        self._kept: list[Tensor] = []
        self._input = self._free(INPUT)
        self._handles = [
            handle
            for name, module in network.named_modules()
            if not isinstance(module, torch.jit.ScriptModule)  # takes no hooks
            for handle in (
                module.register_forward_pre_hook(self._enter),
                module.register_forward_hook(
                    partial(self._leave, name), with_kwargs=True
                ),
            )
        ]

    def remove(self) -> None:
        """Stop following; what was seen is forgotten."""
        for handle in self._handles:
            handle.remove()
        self._kept.clear()
        self._makers.clear()

    def _enter(self, module: nn.Module, inputs: Any) -> None:  # noqa: ANN401
        del module
        if not self._inner:
            for tensor in _tensors(inputs):
                self._makers[_identity(tensor)] = self._input
        self._inner.append(False)

    def _leave(
        self,
        name: str,
        module: nn.Module,
        args: Any,  # noqa: ANN401
        kwargs: Any,  # noqa: ANN401
        output: Any,  # noqa: ANN401
    ) -> None:
        calls_others = self._inner.pop()
        if self._inner:
            self._inner[-1] = True
        name = name or type(module).__name__
        if not calls_others:
            self._add(name, module, self._parents((args, kwargs)), output)
        elif next(module.parameters(recurse=False), None) is not None:
            parents = self._parents(output)
            self._add(name, module, parents, output, calls_others=True)
        if not self._inner:
            parents = self._parents(output)
            begin = Call(self._input, "Input", "", _shapes((args, kwargs)), ())
            end = Call(self._free(OUTPUT), "Output", "", _shapes(output), parents)
            self.remove()
            self._done([begin, *self._calls, end])

    def _add(
        self,
        name: str,
        module: nn.Module,
        parents: tuple[str, ...],
        output: Any,  # noqa: ANN401
        *,
        calls_others: bool = False,
    ) -> None:
        self._counts[name] += 1
        if self._counts[name] > 1:
            name = f"{name}_{self._counts[name] - 1}"
        call = Call(
            name=name,
            type=type(module).__name__,
            details=module.extra_repr(),
            shapes=_shapes(output),
            parents=parents,
            calls_others=calls_others,
        )
        self._calls.append(call)
        for tensor in _tensors(output):
            self._makers[_identity(tensor)] = name
            self._kept.append(tensor)

    def _parents(self, value: Any) -> tuple[str, ...]:  # noqa: ANN401
        found: set[str] = set()
        seen: set[object] = set()
        pending = [_identity(tensor) for tensor in _tensors(value)]
        while pending:
            source = pending.pop(0)
            if source in seen:
                continue
            seen.add(source)
            if source in self._makers:
                found.add(self._makers[source])
            else:
                pending += [
                    function
                    for function, _ in getattr(source, "next_functions", ())
                    if function is not None
                ]
        names = (self._input, *(call.name for call in self._calls))
        return tuple(name for name in names if name in found) or (self._input,)

    def _free(self, name: str) -> str:
        while name in self._names:
            name += "_"
        return name


def is_compiled(network: nn.Module) -> bool:
    """Whether `torch.compile` was used on it: to follow it would compile it again."""
    return any(
        hasattr(module, "_orig_mod")
        or getattr(module, "_compiled_call_impl", None) is not None
        for module in network.modules()
    )


def _identity(tensor: Tensor) -> object:
    return id(tensor) if tensor.grad_fn is None else tensor.grad_fn


def _shapes(value: Any) -> tuple[tuple[int, ...], ...]:  # noqa: ANN401
    return tuple(tuple(tensor.shape) for tensor in _tensors(value))


def _tensors(value: Any) -> Iterator[Tensor]:  # noqa: ANN401 -- whatever modules take
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)
