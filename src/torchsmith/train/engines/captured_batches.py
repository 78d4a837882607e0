"""The batches of an epoch, gathered several at a time."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from torchsmith.train.batches import Batches, TensorBatches

GATHERED_BYTES = 2**20
"""Batches are gathered so many bytes at a time: they stay in the processor's cache."""

ALIGNMENT = 64
"""PyTorch's own tensors begin at multiples of so many bytes.

A product of matrices may be rounded differently where they begin elsewhere.
"""


def stream(
    source: Batches, batches: Sequence[Tensor], epoch: int
) -> Iterator[tuple[Any, Tensor]]:
    """Return what `source.stream` gives, and where all lies in memory, in larger parts.

    Args:
        source: Where examples come from.
        batches: The rows of each batch, one after the other in one order.
        epoch: Is under way.
    """
    if not isinstance(source, TensorBatches) or len(batches) < 2:
        return source.stream(batches, epoch)
    inputs, targets = source.take(batches[0][:1])
    num_bytes = len(batches[0]) * (inputs.nbytes + targets.nbytes)
    num = max(1, GATHERED_BYTES // num_bytes)
    if num == 1:
        return source.stream(batches, epoch)
    parts = [batches[i : i + num] for i in range(0, len(batches), num)]
    return chain.from_iterable(_gathered(source, part) for part in parts)


def _gathered(
    source: TensorBatches, batches: Sequence[Tensor]
) -> Iterator[tuple[Tensor, Tensor]]:
    sizes = [len(rows) for rows in batches]
    inputs, targets = source.take(torch.cat(list(batches)))
    return zip(
        map(_aligned, inputs.split(sizes)),
        map(_aligned, targets.split(sizes)),
        strict=True,
    )


def _aligned(part: Tensor) -> Tensor:
    return part.clone() if part.data_ptr() % ALIGNMENT else part
