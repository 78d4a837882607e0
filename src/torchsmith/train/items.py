"""The items of a person's `Dataset`: what they draw depends on nothing but their place.

A data set may draw from `random`, from NumPy's global numbers and from PyTorch's. All
three are seeded for each item by (seed, part, epoch, index), so that an item is the
same whichever process reads it, in whichever batch, before or after a resume.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.utils.data import (
    ConcatDataset,
    Dataset,
    Subset,
    TensorDataset,
    default_collate,
)

from torchsmith.core.errors import DataError, TorchsmithError
from torchsmith.core.seeds import derive_seed
from torchsmith.core.vocabulary import Part
from torchsmith.train.processor import flushed_denormals


@dataclass(frozen=True)
class Items:
    """Reads items and collates them as `DataLoader` does.

    Attributes:
        dataset: Map-style, with items (input, target).
        part: Of the run; the val part draws other numbers than the training part.
        seed: Of the plan.
    """

    dataset: Dataset[Any]
    part: Part
    seed: int

    @cached_property
    def _draws(self) -> bool:
        return not _draws_nothing(self.dataset)

    @property
    def name(self) -> str:
        """What to call the data set in messages."""
        return type(self.dataset).__name__

    def read(self, rows: list[int], epoch: int) -> Any:  # noqa: ANN401 -- as collated
        """Return the batch of these rows as it is in an epoch, on the CPU.

        Raises:
            DataError: An item cannot be read, or the items do not make one batch.
        """
        items = [self.item(row, epoch) for row in rows]
        try:
            return default_collate(items)
        except (RuntimeError, TypeError, ValueError, KeyError, AttributeError) as error:
            shown = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
            raise DataError(
                f"{self.name}: the items {shown} ({self.part} part) do not make one "
                f"batch ({str(error).splitlines()[0]}); give all of them the same "
                "shapes and types"
            ) from error

    def item(self, row: int, epoch: int) -> Any:  # noqa: ANN401 -- a person's
        """Return one item as it is in an epoch.

        Raises:
            DataError: The data set raised something; says what, and where.
        """
        if self._draws:
            _seed_all(derive_seed(self.seed, f"item {self.part}", epoch, row))
        try:
            return self.dataset[row]
        except TorchsmithError:
            raise
        except Exception as error:  # a person's code may raise any
            raise DataError(
                f"{self.name}[{row}] ({self.part} part) raised "
                f"{type(error).__name__}: {error}; correct that example, or leave it "
                "out with torch.utils.data.Subset"
            ) from error

    @contextmanager
    def without_trace(self) -> Iterator[None]:
        """Read in this process as a worker does, and leave its random numbers alone.

        Meanwhile PyTorch computes in one thread, as workers do, since their number
        decides how sums over large tensors are rounded; and denormal numbers stay.
        """
        if not self._draws:
            yield
            return
        python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
        pytorch, threads = torch.get_rng_state(), torch.get_num_threads()
        try:
            with flushed_denormals(flush=False):
                compute_as_a_worker()
                yield
        finally:
            torch.set_num_threads(threads)
            torch.set_rng_state(pytorch)
            np.random.set_state(numpy)  # noqa: NPY002
            random.setstate(python)


def compute_as_a_worker() -> None:
    """Set what decides how PyTorch and NumPy round."""
    # The parent's threads do not exist in a fork: OpenMP would wait for them forever.
    torch.set_num_threads(1)
    torch.set_flush_denormal(False)


def _seed_all(value: int) -> None:
    random.seed(value)
    np.random.seed(value % 2**32)  # noqa: NPY002 -- what a person's Dataset may use
    # torch.manual_seed also notes each call for devices, with a traceback.
    torch.default_generator.manual_seed(value)


def _draws_nothing(dataset: Dataset[Any]) -> bool:
    """Whether a data set is one of PyTorch's own, which only look things up."""
    if type(dataset) is Subset:
        return _draws_nothing(dataset.dataset)
    if type(dataset) is ConcatDataset:
        return all(_draws_nothing(part) for part in dataset.datasets)
    return type(dataset) is TensorDataset
