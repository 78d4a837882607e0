"""The examples that `fit` is given, as batches."""

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from torchsmith.core.errors import DataError
from torchsmith.core.vocabulary import Part
from torchsmith.plan.plan import Training
from torchsmith.train.batches import Batches, DatasetBatches, TensorBatches
from torchsmith.train.gpu_memory import moved

Examples = Dataset[Any] | tuple[Tensor, Tensor]
"""A map-style `Dataset` of pairs (input, target), or the pair of tensors itself."""


def batches_of(
    examples: Examples, device: torch.device, part: Part, training: Training
) -> Batches:
    """Return one part of the examples as batches.

    Raises:
        DataError: They are no pairs, or there are none.
    """
    if not isinstance(examples, tuple):
        seed, num_workers = training.seed, training.num_workers
        return DatasetBatches(
            examples, device, seed=seed, part=part, num_workers=num_workers
        )
    if len(examples) != 2 or not all(isinstance(e, Tensor) for e in examples):
        kinds = ", ".join(type(each).__name__ for each in examples)
        raise DataError(
            f"fit: examples are a pair of tensors, not ({kinds}); torch.from_numpy "
            "makes them of arrays, and a Dataset holds anything else"
        )
    inputs, targets = examples
    for what, values in (("inputs", inputs), ("targets", targets)):
        _require_rows(values, f"fit: the {what} of {part}")
    if len(inputs) != len(targets) or not len(inputs):
        raise DataError(
            f"fit: {len(inputs)} inputs and {len(targets)} targets; "
            "there must be as many of both, and at least one"
        )
    return TensorBatches(moved(inputs, device), moved(targets, device))


def _require_rows(values: Tensor, what: str) -> None:
    """Refuse a tensor of which no batch can be taken."""
    if not values.ndim:
        raise DataError(f"{what} are one number; give a tensor with a row per example")
    if values.layout != torch.strided:
        raise DataError(
            f"{what} are a sparse tensor, of which no batch can be taken; give "
            ".to_dense(), or a Dataset that makes rows of it"
        )
