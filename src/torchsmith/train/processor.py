"""The processor's settings while a network trains, given back afterwards."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch

from torchsmith.plan.plan import Training

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of `mallopt(3)`."""

MEBIBYTE = 2**20
WHILE_TRAINING = 1024 * MEBIBYTE
AFTERWARDS = 4 * MEBIBYTE
"""What is larger is given back at once. The threshold of glibc grows to 32 MB by
itself; below that, what stays of one batch cuts up the memory that the next would take,
and predictions for a gigabyte of pictures took twice that."""


@contextmanager
def flushed_denormals(*, flush: bool) -> Iterator[None]:
    """Count numbers below about 1e-38 as zero: a processor is slow with them.

    Only of this thread. Threads that PyTorch starts later have it too, for ever, so
    where there are several, the result would depend on when they were started: flush
    only where one thread computes.
    https://docs.pytorch.org/docs/stable/generated/torch.set_flush_denormal.html
    """
    before = _is_flushing()
    if flush:
        torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keep freed memory for the next step rather than give it back to the system.

    Else the large tensors of a convolutional network are new memory in each step, which
    the system fills with zeros page by page: a fifth of the time.
    """
    glibc = _glibc()
    if glibc is None:
        yield
        return
    glibc.mallopt(M_MMAP_THRESHOLD, WHILE_TRAINING)
    glibc.mallopt(M_TRIM_THRESHOLD, WHILE_TRAINING)
    try:
        yield
    finally:
        glibc.mallopt(M_MMAP_THRESHOLD, AFTERWARDS)
        glibc.mallopt(M_TRIM_THRESHOLD, 2 * AFTERWARDS)
        glibc.malloc_trim(0)


def slow_precision(training: Training, device: torch.device) -> tuple[str, ...]:
    """Say, in a sentence or none, that this processor computes a precision slowly."""
    if training.precision != "bfloat16" or device.type != "cpu":
        return ()
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return ()
    return (
        "training.precision: this processor has no bfloat16 instructions, so float32 "
        "is several times faster here",
    )


def _is_flushing() -> bool:
    return (torch.tensor(1e-38) * 0.01).item() == 0.0


def _glibc() -> ctypes.CDLL | None:
    """Return the C library where it is GNU's; others have no such thresholds."""
    with suppress(OSError, TypeError):
        library = ctypes.CDLL(None)
        if hasattr(library, "mallopt") and hasattr(library, "malloc_trim"):
            return library
    return None
