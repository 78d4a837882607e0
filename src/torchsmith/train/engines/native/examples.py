"""The training inputs as the native code reads them."""

import ctypes
from dataclasses import dataclass

import torch
from torch import Tensor

from torchsmith.train.batches import Batches, TensorBatches
from torchsmith.train.engines.engine import Unsupported

DENSE_SHARE = 0.35
"""With so few inputs that are not zero, leaving zeros out is taken to be faster."""
MOST_SPARSE_FEATURES = 2**16
SAMPLE = 1000
"""Examples from which the share is told before all are read."""


@dataclass(frozen=True)
class Inputs:
    """Inputs of all examples; the tensors are kept alive.

    Attributes:
        features: Of one example.
        dense: `(N, features)` of float32 or uint8, or None where they are sparse.
        offset: `(features,)`: subtracted; or None.
        factor: `(features,)`: then multiplied; or None.
        row_starts: `(N + 1,)` sparse: where each example begins.
        columns: Sparse: the features that are not zero.
        values: Sparse: those, times the factor.
        base: `(features,)` sparse: what zero becomes; None where it stays zero.
    """

    features: int
    dense: Tensor | None
    offset: Tensor | None = None
    factor: Tensor | None = None
    row_starts: Tensor | None = None
    columns: Tensor | None = None
    values: Tensor | None = None
    base: Tensor | None = None


def whole_inputs(
    batches: Batches,
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Return inputs, targets, offset and factor of examples that lie in memory.

    Raises:
        Unsupported: They do not, or not on the CPU.
    """
    if type(batches) is not TensorBatches:
        raise Unsupported("its examples are read in batches, not all in memory")
    inputs, targets, affine = batches._inputs, batches._targets, batches._affine
    if not inputs.is_cpu:
        raise Unsupported(f"the examples are on {inputs.device.type}, not the CPU")
    if batches.dtype != torch.float32:
        raise Unsupported(f"it computes in float32, and the inputs are {batches.dtype}")
    offset, factor = (None, None) if affine is None else affine
    return inputs, targets, offset, factor


def read_inputs(
    library: ctypes.CDLL,
    inputs: Tensor,
    offset: Tensor | None,
    factor: Tensor | None,
    *,
    sparse: bool | None = None,
) -> Inputs:
    """Lay out the inputs; where most are zero, only what is not.

    Args:
        library: Of the native code.
        inputs: `(N, …)`.
        offset: `(1, C, …)` is subtracted, or None.
        factor: `(1, C, …)` is then multiplied, or None.
        sparse: Whether zeros are left out; None decides by how many there are.
    """
    if inputs.dtype != torch.uint8:
        inputs = inputs.float()
    shape = inputs.shape[1:]
    inputs = inputs.reshape(len(inputs), -1).contiguous()
    features = inputs.shape[1]
    if offset is not None and factor is not None:
        offset, factor = (
            t[0].expand(shape).reshape(-1).float().contiguous()
            for t in (offset, factor)
        )
    if sparse is None:
        sample = inputs[:: max(1, len(inputs) // SAMPLE)]
        sparse = bool(sample.count_nonzero() < DENSE_SHARE * sample.numel())
    if not sparse or features >= MOST_SPARSE_FEATURES:
        return Inputs(features, inputs, offset, factor)
    row_starts = torch.empty(len(inputs) + 1, dtype=torch.int64)
    common = (inputs.data_ptr(), inputs.dtype == torch.uint8, len(inputs), features)
    scale = address(factor)
    count = library.torchsmith_compress(
        *common, scale, row_starts.data_ptr(), None, None
    )
    columns = torch.empty(count, dtype=torch.uint16)
    values = torch.empty(count)
    library.torchsmith_compress(
        *common, scale, None, columns.data_ptr(), values.data_ptr()
    )
    base = None
    if offset is not None and factor is not None and bool((offset != 0).any()):
        base = -offset * factor
    return Inputs(features, None, None, None, row_starts, columns, values, base)


def address(tensor: Tensor | None) -> int | None:
    """Return where the numbers of a tensor begin; None is a null pointer."""
    return None if tensor is None else tensor.data_ptr()
