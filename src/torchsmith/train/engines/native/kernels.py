"""ReLU, and the largest of windows, each in one pass over memory.

PyTorch takes several, and 8 bytes for each place of a largest number. Nothing is added
up or rounded, so the bits are the same, which is tried when the library is loaded.
"""

import ctypes
from ctypes import POINTER, Structure, c_int64, c_void_p
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from torchsmith.train.engines.engine import Unsupported
from torchsmith.train.engines.native.library import Source, load_library

aten = torch.ops.aten

WORTH_IT = 2**16
"""Numbers; for fewer a call of PyTorch's is as fast."""
LARGEST_WINDOW = 11
"""The place in a window is kept in a byte."""

_KINDS = {torch.float32: "float32", torch.bfloat16: "bfloat16"}


class Maps(Structure):
    """The sizes of what is pooled, and how; the same fields as in kernels.cpp."""

    _fields_ = [
        ("images", c_int64),
        ("height", c_int64),
        ("width", c_int64),
        ("channels", c_int64),
        ("size", c_int64),
        ("stride", c_int64),
        ("rectify", c_int64),
        ("threads", c_int64),
    ]


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    takes = {
        "pool": [POINTER(Maps), *[c_void_p] * 3],
        "unpool": [POINTER(Maps), *[c_void_p] * 4],
        "relu": [c_void_p, c_void_p, c_int64, c_int64],
        "relu_back": [c_void_p, c_void_p, c_int64, c_int64],
    }
    for kind in _KINDS.values():
        for name, arguments in takes.items():
            function = getattr(library, f"torchsmith_{name}_{kind}")
            function.argtypes, function.restype = arguments, None
    return library


SOURCE = Source(("kernels.cpp",), ("-O2",), _declare)


@dataclass(frozen=True)
class Pooled:
    """What `unpool` needs of `pool`.

    Attributes:
        maps: Sizes.
        outputs: The largest of each window, `(N, C, rows, columns)`, channels last.
        places: Of each in its window, row by row; laid out like `outputs`.
    """

    maps: Maps
    outputs: Tensor
    places: Tensor


class Kernels:
    """The functions of the library, on tensors of the types that it has.

    Args:
        library: Compiled from `SOURCE`.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library

    def pool(self, inputs: Tensor, size: int, stride: int, *, rectify: bool) -> Pooled:
        """Find the largest number of each window.

        Args:
            inputs: `(N, C, H, W)`, channels last.
            size: Of a window, in both directions; at most `LARGEST_WINDOW`.
            stride: From one window to the next, at least the size.
            rectify: Whether negative numbers count as 0.
        """
        images, channels, height, width = inputs.shape
        threads = torch.get_num_threads()
        maps = Maps(images, height, width, channels, size, stride, rectify, threads)
        rows, columns = ((side - size) // stride + 1 for side in (height, width))
        outputs = torch.empty(
            (images, channels, rows, columns),
            dtype=inputs.dtype,
            memory_format=torch.channels_last,
        )
        places = torch.empty_like(outputs, dtype=torch.uint8)
        self._call("pool", inputs.dtype, maps, inputs, outputs, places)
        return Pooled(maps, outputs, places)

    def unpool(self, gradient: Tensor, pooled: Pooled, into: Tensor) -> Tensor:
        """Write each gradient to where the largest was found, and 0 elsewhere.

        With `rectify`, only where the largest is positive.

        Args:
            gradient: With respect to the outputs, and laid out like them.
            pooled: By `pool`.
            into: Is overwritten, and returned; laid out like the inputs.
        """
        outputs, places = pooled.outputs, pooled.places
        kind = gradient.dtype
        self._call("unpool", kind, pooled.maps, gradient, outputs, places, into)
        return into

    def relu(self, inputs: Tensor, into: Tensor) -> Tensor:
        """Write max(x, 0), and return it; `into` may be the inputs themselves."""
        count, threads = inputs.numel(), torch.get_num_threads()
        self._call("relu", inputs.dtype, inputs, into, count, threads)
        return into

    def relu_back(self, gradient: Tensor, outputs: Tensor) -> Tensor:
        """Write the gradient over the outputs, 0 where they are not positive."""
        count, threads = gradient.numel(), torch.get_num_threads()
        self._call("relu_back", gradient.dtype, gradient, outputs, count, threads)
        return outputs

    def _call(self, name: str, kind: torch.dtype, *given: Maps | Tensor | int) -> None:
        function = getattr(self._library, f"torchsmith_{name}_{_KINDS[kind]}")
        function(*(g.data_ptr() if isinstance(g, Tensor) else g for g in given))


@cache
def load_kernels() -> Kernels | None:
    """Return the kernels; None where PyTorch is to compute instead.

    That is where there is no C++ compiler, where PyTorch has no threads that they could
    take, and where one bit is not PyTorch's.
    """
    try:
        kernels = Kernels(load_library(source=SOURCE))
    except Unsupported:
        return None
    return kernels if all(_agrees(kernels, kind) for kind in _KINDS) else None


def kernels_for(tensor: Tensor) -> Kernels | None:
    """Return the kernels where a tensor is worth it, and of a type that they know."""
    is_worth_it = tensor.numel() >= WORTH_IT and tensor.dtype in _KINDS
    return load_kernels() if is_worth_it else None


def _agrees(kernels: Kernels, kind: torch.dtype) -> bool:
    """Whether all bits are PyTorch's, in all windows of numbers that are special."""
    unsigned = torch.tensor([torch.nan, torch.inf, 1.0, 1e-40, 0.0])
    special = torch.cat([unsigned, -unsigned[1:]]).to(kind)
    windows = torch.cartesian_prod(*[special] * 4)  # (6561, 4)
    inputs = windows.view(1, -1, 2, 2).contiguous(memory_format=torch.channels_last)
    gradient = special.repeat(len(windows) // len(special)).view(1, -1, 1, 1)
    positive = torch.relu(inputs)
    # What lies beside each other is what is special, so NaN meets each other, too.
    masked = kernels.relu_back(inputs, positive.clone())
    pairs = [
        (kernels.relu(inputs, torch.empty_like(inputs)), positive),
        (masked, aten.threshold_backward.default(inputs, positive, 0)),
    ]
    geometry = ((2, 2), (2, 2), (0, 0), (1, 1), False)
    for rectify, pooled in ((False, inputs), (True, positive)):
        ours = kernels.pool(inputs, 2, 2, rectify=rectify)
        outputs, places = aten.max_pool2d_with_indices.default(pooled, *geometry)
        found = aten.max_pool2d_with_indices_backward.default(
            gradient, pooled, *geometry, places
        )
        if rectify:
            found = aten.threshold_backward.default(found, positive, 0)
        back = kernels.unpool(gradient, ours, torch.empty_like(inputs))
        pairs += [(ours.outputs, outputs), (back, found)]
    return all(_same(*pair) for pair in pairs)


def _same(ours: Tensor, theirs: Tensor) -> bool:
    """Whether all bits are equal, but for those that tell one NaN from another."""
    bits = torch.int32 if ours.dtype == torch.float32 else torch.int16
    where = ours.isnan()
    return torch.equal(where, theirs.isnan()) and torch.equal(
        *(t.masked_fill(where, 0).view(bits) for t in (ours, theirs))
    )
