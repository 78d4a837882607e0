"""How precisely numbers are added up on a device."""

import torch
from torch import Tensor

WITHOUT_FLOAT64 = frozenset({"mps"})
"""Devices whose hardware has float32 at most."""


def sum_dtype(device: torch.device) -> torch.dtype:
    """Return float64, or float32 where the device has no other."""
    return torch.float32 if device.type in WITHOUT_FLOAT64 else torch.float64


def empty_sum(device: torch.device) -> Tensor:
    """Return the 0 on a device that losses are added to."""
    return torch.zeros((), dtype=sum_dtype(device), device=device)
