"""The outputs of several batches as those of one."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def joined(batches: list[Any]) -> Any:  # noqa: ANN401 -- what a person's code gives
    """Return tensors, or mappings and lists of them, one after the other."""
    first = batches[0]
    if isinstance(first, Tensor):
        return torch.cat(batches) if first.ndim else torch.stack(batches)
    if isinstance(first, Mapping):
        return {key: joined([batch[key] for batch in batches]) for key in first}
    if isinstance(first, (tuple, list)):
        return [joined([*each]) for each in zip(*batches, strict=True)]
    return batches
