"""Buffers of modules: those that `state_dict` leaves out, and how to keep them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy


def hidden_buffers(module: nn.Module) -> dict[str, Tensor]:
    """Return the buffers that `state_dict` leaves out, made with `persistent=False`."""
    shown = module.state_dict().keys()
    return {k: v for k, v in module.named_buffers() if k not in shown}


def set_buffers(module: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Give a module's buffers other values, in their own memory where that fits.

    Raises:
        AttributeError: The module has no such buffer.
    """
    for name, value in values.items():
        path, _, leaf = name.rpartition(".")
        owner = module.get_submodule(path)
        buffer = owner.get_buffer(leaf)
        if is_lazy(buffer) or buffer.shape != value.shape:
            setattr(owner, leaf, value.to(buffer.device))
        else:
            buffer.copy_(value)


def remember_buffers(*modules: object) -> Callable[[], None]:
    """Return what gives modules their buffers back, such as running statistics.

    Args:
        modules: What is no `nn.Module`, such as a loss that is a function, has none.
    """
    before = [
        (owner, name, buffer, buffer.clone())
        for module in modules
        if isinstance(module, nn.Module)
        for owner in module.modules()
        for name, buffer in owner.named_buffers(recurse=False)
        if not is_lazy(buffer)
    ]

    @torch.no_grad()
    def go_back() -> None:
        for owner, name, buffer, value in before:
            buffer.copy_(value)
            setattr(owner, name, buffer)  # forward may have put another there

    return go_back


@contextmanager
def kept_buffers(*modules: object) -> Iterator[None]:
    """Give modules their buffers back at the end, as `remember_buffers` does."""
    go_back = remember_buffers(*modules)
    try:
        yield
    finally:
        go_back()
