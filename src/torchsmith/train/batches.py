"""Where batches come from: tensors on the device, or a person's `Dataset`."""

import math
from collections.abc import Iterator, Mapping, Sequence, Sized
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

from torchsmith.core.errors import DataError
from torchsmith.core.seeds import generator
from torchsmith.core.vocabulary import Part
from torchsmith.data.pixels import PreparedPictures
from torchsmith.plan.plan import Training
from torchsmith.train.items import Items
from torchsmith.train.workers import Workers, map_leaves, read_ahead

CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
"""By the number of dimensions: the layout in which convolutions are fastest."""


MOST_NUMBERS = 2**22
"""Of the inputs of a batch that is only looked at: 1,024 pictures of 3 x 36 x 36."""


class Batches(Protocol):
    """Examples that can be taken by number."""

    @property
    def example_size(self) -> int:
        """Numbers in the input of one example."""

    def __len__(self) -> int:
        """Return the number of examples."""

    def take(self, rows: Tensor, epoch: int = 0) -> tuple[Any, Tensor]:
        """Return the inputs and targets of these rows, as the network takes them.

        Args:
            rows: `(B,)` numbers of examples.
            epoch: What a data set draws at random may depend on it.
        """

    def stream(
        self, batches: Sequence[Tensor], epoch: int = 0
    ) -> Iterator[tuple[Any, Tensor]]:
        """Return what `take` gives for each of these, perhaps prepared ahead of time.

        Args:
            batches: The rows of each batch, in the order of training.
            epoch: As for `take`.
        """

    def close(self) -> None:
        """End the processes that prepare batches; they start again when needed."""


class TensorBatches:
    """Examples that lie on the device as tensors; a batch is an index selection.

    Args:
        inputs: `(N, …)`, used as they are; with a factor they are pixels, which are
            scaled, as float32, when they are taken.
        targets: `(N, …)`, used as they are.
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
        self._affine = _affine(inputs, offset, factor)

    def __len__(self) -> int:
        return len(self._inputs)

    @property
    def example_size(self) -> int:
        """Numbers in the input of one example."""
        return math.prod(self._inputs.shape[1:])

    @property
    def tensors(self) -> tuple[Tensor, Tensor]:
        """Inputs and targets of all examples, as they lie there."""
        return self._inputs, self._targets

    @property
    def dtype(self) -> torch.dtype:
        """Of the inputs as the network takes them."""
        return self._inputs.dtype if self._affine is None else torch.float32

    def take(self, rows: Tensor, epoch: int = 0) -> tuple[Tensor, Tensor]:
        """Return the inputs and targets of these rows."""
        del epoch
        rows = rows.to(self._inputs.device)
        inputs = self._inputs[rows]
        if self._affine is not None:
            inputs = _scaled(inputs, self._affine)
        return inputs, self._targets[rows]

    def stream(
        self, batches: Sequence[Tensor], epoch: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Return what `take` gives for each of these."""
        del epoch
        return map(self.take, batches)

    def close(self) -> None:
        """Do nothing: no process is needed."""


class PreparedBatches:
    """Examples that are larger than memory, prepared as they are taken, ahead of time.

    Args:
        inputs: Are made as they are taken; uint8 pixels are scaled after that.
        targets: `(N,)` or `(N, 1)`, on the device.
        offset: Subtracted from images, one for each channel.
        factor: Then multiplied, one for each channel.
        num_workers: Processes that prepare inputs; 0 is a thread of this one.
    """

    def __init__(
        self,
        inputs: PreparedPictures,
        targets: Tensor,
        *,
        offset: Sequence[float],
        factor: Sequence[float],
        num_workers: int = 0,
    ) -> None:
        self._inputs = inputs
        self._targets = targets
        self._offset = offset
        self._factor = factor
        self._workers: Workers | None = None
        if num_workers:
            self._workers = Workers(self._read, num_workers, inputs.images.name(0))

    def __len__(self) -> int:
        return len(self._inputs)

    @property
    def example_size(self) -> int:
        """Numbers in the input of one example."""
        return math.prod(self._inputs.shape[1:])

    def _read(self, rows: list[int], epoch: int) -> Tensor:
        del epoch
        return torch.from_numpy(self._inputs[np.array(rows)])

    def take(self, rows: Tensor, epoch: int = 0) -> tuple[Tensor, Tensor]:
        """Return the inputs (float32) and targets of these rows."""
        return self._on_device(rows, self._read(rows.tolist(), epoch))

    def stream(
        self, batches: Sequence[Tensor], epoch: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Return what `take` gives for each of these, read while training computes.

        Raises:
            DataError: The file was changed, or cannot be read any longer.
            TrainError: A worker died, or cannot be started.
        """
        if self._workers is None:
            read = read_ahead(self._read, batches, epoch)
        else:
            read = self._workers.stream(batches, epoch)
        return map(self._on_device, batches, read)

    def close(self) -> None:
        """End the workers; they start again when needed."""
        if self._workers is not None:
            self._workers.close()

    def _on_device(self, rows: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
        device = self._targets.device
        inputs = scaled(inputs.to(device), self._offset, self._factor)
        return inputs, self._targets[rows.to(device)]


class DatasetBatches:
    """Examples of a person's map-style `Dataset`, collated as `DataLoader` does.

    What the data set draws at random for an item is a function of (seed, part, epoch,
    index), so the number of workers makes no difference.

    Args:
        dataset: With `len()` and items `(input, target)`.
        device: Where the batches go.
        seed: Of the plan.
        part: Of the run; each part draws other numbers.
        num_workers: Processes that read items ahead of time; 0 reads them here.

    Raises:
        DataError: The data set has no length, is empty, or its items are no pairs.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        device: torch.device,
        *,
        seed: int = 0,
        part: Part = "train",
        num_workers: int = 0,
    ) -> None:
        _require_map_style(dataset)
        self._length = len(cast("Sized", dataset))
        if self._length == 0:
            raise DataError(
                f"the {part} part, a {type(dataset).__name__}, is empty; it needs "
                "examples"
            )
        self._items = Items(dataset, part, seed)
        self._device = device
        self._workers: Workers | None = None
        if num_workers:
            what = f"{self._items.name} ({part} part)"
            self._workers = Workers(self._items.read, num_workers, what)
        try:
            with self._items.without_trace():
                item = self._items.item(0, 0)
        except DataError:
            _refuse_columns(dataset)
            raise
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            _refuse_columns(dataset)
            raise DataError(
                f"{type(dataset).__name__}[0] is a {type(item).__name__}"
                f"{f' of {len(item)}' if isinstance(item, (tuple, list)) else ''}, not "
                "a pair (input, target); an input of several parts is a tuple or a "
                "dict of them"
            )
        self._example_size = _size(item[0])

    @property
    def example_size(self) -> int:
        """Numbers in the input of the first example."""
        return self._example_size

    def __len__(self) -> int:
        return self._length

    @property
    def items(self) -> Items:
        """What reads the data set, one item at a time."""
        return self._items

    def take(self, rows: Tensor, epoch: int = 0) -> tuple[Any, Tensor]:
        """Return the collated inputs and targets of these rows, on the device.

        Raises:
            DataError: An item cannot be read, or the items do not make one batch.
        """
        with self._items.without_trace():
            batch = self._items.read(rows.tolist(), epoch)
        return self._on_device(batch)

    def stream(
        self, batches: Sequence[Tensor], epoch: int = 0
    ) -> Iterator[tuple[Any, Tensor]]:
        """Return what `take` gives for each of these, read ahead by the workers.

        Raises:
            DataError: As for `take`, when the batch is due.
            TrainError: A worker died, or cannot be started.
        """
        if self._workers is None:
            return (self.take(rows, epoch) for rows in batches)
        return map(self._on_device, self._workers.stream(batches, epoch))

    def close(self) -> None:
        """End the workers; they start again when needed."""
        if self._workers is not None:
            self._workers.close()

    def _on_device(self, batch: Any) -> tuple[Any, Tensor]:  # noqa: ANN401 -- as collated
        inputs, targets = map_leaves(batch, Tensor, lambda t: t.to(self._device))
        return inputs, targets


def _require_map_style(dataset: Dataset[Any]) -> None:
    """Refuse what has no items by number; says what to give instead."""
    what = type(dataset).__name__
    by_number = hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")
    if not by_number or isinstance(dataset, IterableDataset):
        if hasattr(dataset, "dataset"):
            raise DataError(
                f"a {what} makes batches itself; give its .dataset, and "
                "batch_size=… and num_workers=… beside it"
            )
        raise DataError(
            f"{what} has no len() or no items by number; give a map-style Dataset "
            "(https://docs.pytorch.org/docs/stable/data.html)"
        )


def _refuse_columns(dataset: object) -> None:
    """Say what to give instead of a data frame or of columns by name."""
    frame = hasattr(dataset, "columns") or isinstance(dataset, Mapping)
    if frame and not isinstance(dataset, Dataset):
        raise DataError(
            f"a {type(dataset).__name__} holds columns, not examples by number; give a "
            "pair of tensors, such as (torch.tensor(df[INPUTS].to_numpy(), "
            "dtype=torch.float32), torch.tensor(df[TARGET].to_numpy())); or let "
            "ts.train(df, target=TARGET) prepare the columns and choose a network"
        )


def epoch_order(num_examples: int, seed: int, epoch: int) -> Tensor:
    """Return the order of an epoch's examples: a function of (seed, epoch) alone."""
    order = generator(seed, "order", epoch).permutation(num_examples)
    return torch.from_numpy(order.astype(np.int64, copy=False))


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


def steps_in_epoch(num_examples: int, training: Training) -> int:
    """Return how many optimizer steps an epoch of so many examples has."""
    batches = len(batch_starts(num_examples, training.batch_size))
    return -(-batches // training.accumulate)


def scaled(inputs: Tensor, offset: Sequence[float], factor: Sequence[float]) -> Tensor:
    """Return raw inputs as the network takes them: float32, images scaled.

    Args:
        inputs: `(N, …)`, pixels as they are stored.
        offset: Subtracted from images, one for each channel; empty for tables.
        factor: Then multiplied.
    """
    return _scaled(inputs, _affine(inputs, offset, factor))


def _scaled(inputs: Tensor, affine: tuple[Tensor, Tensor] | None) -> Tensor:
    inputs = inputs.float()
    if affine is not None:
        offset, factor = affine
        inputs = (inputs - offset).mul_(factor)
    if inputs.ndim in CHANNELS_LAST:
        inputs = inputs.contiguous(memory_format=CHANNELS_LAST[inputs.ndim])
    return inputs


def _affine(
    inputs: Tensor, offset: Sequence[float], factor: Sequence[float]
) -> tuple[Tensor, Tensor] | None:
    if not factor:
        return None
    return _per_channel(offset, inputs), _per_channel(factor, inputs)


def _per_channel(values: Sequence[float], inputs: Tensor) -> Tensor:
    shape = (1, len(values)) + (1,) * (inputs.ndim - 2)
    return torch.tensor(values, device=inputs.device).reshape(shape)


def at_once(example_size: int, most: int) -> int:
    """Return how many examples are looked at together, without gradients.

    Args:
        example_size: Numbers in the input of one.
        most: Fewer are taken where they are large.
    """
    return max(1, min(most, MOST_NUMBERS // max(example_size, 1)))


def _size(inputs: Any) -> int:  # noqa: ANN401 -- what a person's data set gives
    if isinstance(inputs, Mapping):
        return sum(map(_size, inputs.values()))
    if isinstance(inputs, (tuple, list)):
        return sum(map(_size, inputs))
    return inputs.numel() if isinstance(inputs, Tensor) else int(np.size(inputs))
