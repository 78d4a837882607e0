"""The items of a person's `Dataset`: what they draw depends on nothing but their place.

A data set may draw from `random`, from NumPy's global numbers and from PyTorch's. All
three are seeded for each item by (seed, part, epoch, index), so that an item is the
same whichever process reads it, in whichever batch, before or after a resume.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import (
    ConcatDataset,
    Dataset,
    Subset,
    TensorDataset,
    default_collate,
)

from torchsmith.core.errors import DataError, TorchsmithError
from torchsmith.core.randomness import own_turn
from torchsmith.core.seeds import derive_seed
from torchsmith.core.vocabulary import Part
from torchsmith.train.processor import flushed_denormals

MOST_PARTS = 4
"""Of an item, of which each is told in a message."""


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
            raise DataError(self._no_batch(rows, items, error)) from error

    def _no_batch(self, rows: list[int], items: list[Any], error: Exception) -> str:
        """Say which items make no batch: the few at fault where they are found."""
        odd, how = _odd(items)
        told = [rows[place] for place in odd] or rows
        which, does = f"item {told[0]}", "does"
        if len(told) > 1:
            more = ", …" if len(told) > 5 else ""
            which, does = f"the items {', '.join(map(str, told[:5]))}{more}", "do"
        why = str(error).splitlines()[0]
        return (
            f"{self.name}: {which} ({self.part} part) {does} not make one batch{how} "
            f"({why}); give all of them the same shapes and types"
        )

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
        with own_turn():
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


def _odd(items: list[Any]) -> tuple[list[int], str]:
    """Find the few items that do not go with the others, and say how they differ.

    Returns:
        Their places, and what they are; nothing where no most common form goes with
        itself, as where each item has a length of its own.
    """
    forms = [_form(item) for item in items]
    [(usual, count)] = Counter(forms).most_common(1)
    if 2 * count <= len(items):
        return [], ""
    like = items[forms.index(usual)]
    odd = [
        place
        for place, item in enumerate(items)
        if forms[place] != usual and not _go_together(like, item)
    ]
    if not odd:
        return [], ""
    return odd, f" with the others: {forms[odd[0]]}, where those are {usual}"


def _go_together(one: object, other: object) -> bool:
    try:
        default_collate([one, other])
        default_collate([other, one])
    except Exception:  # noqa: BLE001 -- a person's types may raise any
        return False
    return True


def _form(value: Any) -> str:  # noqa: ANN401 -- a person's
    """Say of what type and shape something is, such as `(float32 [4], int)`."""
    if isinstance(value, Tensor | np.ndarray):
        return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{k}: {_form(each)}' for k, each in value.items())}}}"
    if isinstance(value, list | tuple):
        forms = list(map(_form, value))
        if len(forms) > MOST_PARTS:
            return f"{len(forms)} of {', '.join(dict.fromkeys(forms))}"
        return f"({', '.join(forms)})"
    return type(value).__name__


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
