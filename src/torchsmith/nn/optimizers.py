"""From specs to optimizers."""

from collections.abc import Iterable
from typing import assert_never

import torch
from torch import nn

from torchsmith.plan import optimizers
from torchsmith.plan.optimizers import Optimizer


def build_optimizer(
    spec: Optimizer, parameters: Iterable[nn.Parameter]
) -> torch.optim.Optimizer:
    """Build an optimizer; `fused` where PyTorch has it, which is one call a step.

    Args:
        spec: The plan's `optimizer` section; its fields are PyTorch's arguments.
        parameters: What it changes.
    """
    arguments = dict(spec)
    match spec:
        case optimizers.SGD():
            return torch.optim.SGD(parameters, **arguments, fused=True)
        case optimizers.Adam():
            return torch.optim.Adam(parameters, **arguments, fused=True)
        case optimizers.AdamW():
            return torch.optim.AdamW(parameters, **arguments, fused=True)
        case optimizers.RMSprop():
            return torch.optim.RMSprop(parameters, **arguments, foreach=True)
        case _:
            assert_never(spec)
