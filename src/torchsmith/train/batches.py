"""Where batches come from: tensors on the device, or a person's `Dataset`."""

from collections.abc import Sequence, Sized
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from torchsmith.core.errors import DataError
from torchsmith.core.seeds import generator


class Batches(Protocol):
    """Examples that can be taken by number."""

    def __len__(self) -> int:
        """Return the number of examples."""

    def take(self, rows: Tensor) -> tuple[Any, Tensor]:
        """Return the inputs and targets of these rows, as the network takes them."""


class TensorBatches:
    """Examples that lie on the device as tensors; a batch is an index selection.

    Args:
        inputs: `(N, …)`; uint8 pixels stay uint8 until they are taken.
        targets: `(N,)` or `(N, 1)`.
        offset: Subtracted from images, one for each channel.
        factor: Then multiplied, one for each channel.
    """

    def __init__(
        self,
        inputs: Tensor,
        targets: Tensor,
        *,
        offset: Sequence[float] = (),
        factor: Sequence[float] = (),
    ) -> None:
        self._inputs = inputs
        self._targets = targets
        self._affine = (
            (_per_channel(offset, inputs), _per_channel(factor, inputs))
            if factor
            else None
        )

    def __len__(self) -> int:
        return len(self._inputs)

    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the inputs (float32) and targets of these rows."""
        rows = rows.to(self._inputs.device)
        return self.inputs(rows), self._targets[rows]

    def inputs(self, rows: Tensor) -> Tensor:
        """Return the inputs of these rows, scaled, as float32."""
        inputs = self._inputs[rows].float()
        if self._affine is not None:
            offset, factor = self._affine
            inputs = (inputs - offset) * factor
        if inputs.ndim == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        return inputs


class DatasetBatches:
    """Examples of a person's map-style `Dataset`, collated as `DataLoader` does.

    Args:
        dataset: With `len()` and items `(input, target)`.
        device: Where the batches go.

    Raises:
        DataError: The data set has no length, is empty, or its items are no pairs.
    """

    def __init__(self, dataset: Dataset[Any], device: torch.device) -> None:
        if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
            raise DataError(
                f"{type(dataset).__name__} has no len() or no items by number; give a "
                "map-style Dataset (https://docs.pytorch.org/docs/stable/data.html)"
            )
        self._length = len(cast("Sized", dataset))
        if self._length == 0:
            raise DataError(f"{type(dataset).__name__} is empty; it needs examples")
        item = dataset[0]
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise DataError(
                f"{type(dataset).__name__}[0] is a {type(item).__name__}, "
                "not a pair (input, target)"
            )
        self._dataset = dataset
        self._device = device

    def __len__(self) -> int:
        return self._length

    def take(self, rows: Tensor) -> tuple[Any, Tensor]:
        """Return the collated inputs and targets of these rows, on the device."""
        inputs, targets = default_collate([self._dataset[i] for i in rows.tolist()])
        return _to(inputs, self._device), _to(targets, self._device)


def epoch_order(num_examples: int, seed: int, epoch: int) -> Tensor:
    """Return the order of an epoch's examples: a function of (seed, epoch) alone."""
    order = generator(seed, "order", epoch).permutation(num_examples)
    return torch.from_numpy(order.astype(np.int64))


def batch_starts(num_examples: int, batch_size: int) -> list[int]:
    """Return where each batch begins.

    A last batch of one example joins the batch before it, unless all have one: batch
    normalisation cannot train on one example.

    >>> batch_starts(10, 4)
    [0, 4, 8]
    >>> batch_starts(9, 4)
    [0, 4]
    """
    starts = list(range(0, num_examples, batch_size))
    if batch_size > 1 and len(starts) > 1 and num_examples - starts[-1] == 1:
        starts.pop()
    return starts


def _per_channel(values: Sequence[float], inputs: Tensor) -> Tensor:
    shape = (1, len(values)) + (1,) * (inputs.ndim - 2)
    return torch.tensor(values, device=inputs.device).reshape(shape)


def _to(value: Any, device: torch.device) -> Any:  # noqa: ANN401 -- as collated
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: _to(item, device) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_to(item, device) for item in value)
    return value
