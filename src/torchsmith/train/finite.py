"""Examples that hold NaN or infinite values, which make a loss NaN."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torchsmith.core.wording import SHOWN, listed
from torchsmith.train.batches import Batches, TensorBatches, at_once
from torchsmith.train.workers import map_leaves

MOST_EXAMPLES = 1024
"""That are looked at together; fewer where they are large."""


@dataclass(frozen=True)
class NotFinite:
    """Examples of a part whose inputs or targets are no finite numbers.

    Attributes:
        what: Inputs or targets.
        rows: The numbers of the first ones.
        count: How many there are; None where it was not looked further.
    """

    what: str
    rows: list[int]
    count: int | None = None

    def told(self, part: str) -> str:
        """Say where they are, and what to do."""
        places = f"first seen: example {self.rows[0]}"
        if self.count is not None and self.count > 1:
            places = f"examples {listed(map(str, self.rows), count=self.count)}"
        return (
            f"the {self.what} of {part} hold NaN or infinite values ({places}); fill "
            "these in, or leave the examples out"
        )


def find_not_finite(part: Batches, epoch: int = 0) -> list[NotFinite]:
    """Find the examples of a part that are not finite.

    Args:
        part: All of it is looked at where it lies in memory; a data set is read up to
            the first batch that has one.
        epoch: What a data set draws at random may depend on it.
    """
    rows = torch.arange(len(part)).split(at_once(part.example_size, MOST_EXAMPLES))
    if isinstance(part, TensorBatches):
        found = []
        for what, values in zip(("inputs", "targets"), part.tensors, strict=True):
            wrong = torch.cat([r[_wrong(values[r[0] : r[-1] + 1])] for r in rows])
            if len(wrong):
                found.append(NotFinite(what, wrong[:SHOWN].tolist(), len(wrong)))
        return found
    for each in rows:
        batch = part.take(each, epoch)
        found = []
        for what, values in zip(("inputs", "targets"), batch, strict=True):
            wrong = torch.zeros(len(each), dtype=torch.bool)
            for tensor in _tensors(values):
                if len(tensor) == len(each):
                    wrong |= _wrong(tensor)
            if wrong.any():
                found.append(NotFinite(what, each[wrong][:SHOWN].tolist()))
        if found:
            return found
    return []


def _wrong(values: Tensor) -> Tensor:
    """Say of each example, on the CPU, whether one of its numbers is not finite."""
    if not (values.is_floating_point() or values.is_complex()):
        return torch.zeros(len(values), dtype=torch.bool)
    return ~values.detach().isfinite().reshape(len(values), -1).all(dim=1).cpu()


def _tensors(values: Any) -> list[Tensor]:  # noqa: ANN401 -- what a data set gives
    found: list[Tensor] = []
    map_leaves(values, Tensor, found.append)
    return [tensor for tensor in found if tensor.ndim]
