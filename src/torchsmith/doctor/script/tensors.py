"""Looks at tensors of a script, whatever kind they are."""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

_MOST_HASHED = 2_048
"""Rows of a tensor of which hashes are taken."""

_HASHED_NUMBERS = 4_096
"""Of a row, evenly spread; of fewer than twice as many all are taken."""


def tensors_in(values: object) -> Iterator[Tensor]:
    """Give each tensor of a value, of tuples and lists, and of what those hold."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, tuple | list) and len(values) <= 64:
        for value in values:
            yield from tensors_in(value)


_SYMBOLIC = (
    torch._C._TorchDispatchModeKey.FAKE,
    torch._C._TorchDispatchModeKey.PROXY,
)


def is_transforming() -> bool:
    """Whether PyTorch calls a function to transform it, as vmap, export and trace do.

    Its tensors stand for others then, and what looks at them would become a part of
    the result.
    """
    return (
        torch._C._functorch.peek_interpreter_stack() is not None
        or torch._C._is_tracing()
        or any(torch._C._get_dispatch_mode(key) is not None for key in _SYMBOLIC)
    )


def is_dense(tensor: Tensor) -> bool:
    """Whether a tensor holds its numbers one beside the other."""
    is_strided = tensor.layout is torch.strided and not tensor.is_nested
    return is_strided and not (tensor.is_meta or tensor.is_quantized)


def is_finite(tensor: Tensor) -> bool:
    """Whether no number of a tensor is NaN or infinite, as far as it can be read."""
    if not is_dense(tensor) or not tensor.is_floating_point():
        return True
    return bool(tensor.isfinite().all())


def hashes(rows: Tensor) -> tuple[int, ...]:
    """Return a hash of each of the first rows of `(N, ...)`.

    There are none where the tensor's kind gives no numbers.
    """
    if not is_dense(rows) or rows.dim() == 0 or rows.numel() == 0:
        return ()
    try:
        flat = rows.detach()[:_MOST_HASHED].reshape(min(len(rows), _MOST_HASHED), -1)
        stride = max(1, flat.shape[1] // _HASHED_NUMBERS)
        table = flat[:, ::stride].cpu().contiguous()
        if table.dtype == torch.bfloat16:
            table = table.float()
        return tuple(hash(row.tobytes()) for row in table.numpy(force=True))
    except (RuntimeError, TypeError):  # such as a type that NumPy does not know
        return ()


def shape_of(tensor: Tensor) -> tuple[int, ...]:
    """Return a shape; `()` of what has none, such as a parameter of a lazy layer."""
    try:
        return tuple(tensor.shape)
    except RuntimeError:
        return ()


def has_gradient(parameter: Tensor) -> bool:
    """Whether a parameter has a gradient that is not 0, as far as it can be read."""
    grad = parameter.grad
    if grad is None:
        return False
    try:
        if grad.layout is torch.sparse_coo:
            grad = grad.coalesce().values()
        return bool(grad.count_nonzero() > 0)
    except RuntimeError:  # such as one on the meta device, which has no numbers
        return True


def copied(module: nn.Module) -> nn.Module | None:
    """Return a copy of a network; None where it is large or refuses."""
    try:
        if sum(p.numel() for p in module.parameters()) > 5_000_000:
            return None
        return copy.deepcopy(module)
    except Exception:  # noqa: BLE001 -- a person's module may refuse in any way
        return None


def kept(value: Any) -> Any:
    """Return a value with copies of its tensors."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {name: kept(part) for name, part in value.items()}
    if type(value) in (tuple, list):
        return type(value)(kept(part) for part in value)
    return value
