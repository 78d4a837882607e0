"""Layers on sequences of several lengths that stand in one tensor.

A mask `(N, 1, L)` is 1 where a sequence has a step and 0 after its end. What a layer
gives for a sequence is the same however far it is padded, and steps after an end count
in no statistic.
"""

from typing import cast

import torch
from torch import Tensor, nn


class MaskedBatchNorm(nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d` whose statistics are of the steps that there are.

    Source: Ioffe and Szegedy (2015), https://arxiv.org/abs/1502.03167

    Shapes: `(N, C, 1, L)`, with its mask or None, to `(N, C, 1, L)`, 0 after each end.
    """

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise each channel; without a mask as `BatchNorm2d` does."""
        if mask is None:
            return super().forward(inputs)
        mean, variance = self._running
        if self.training:
            count = mask.sum()
            mean = (inputs * mask).sum((0, 2, 3)) / count
            centred = (inputs - over_steps(mean)) * mask
            variance = centred.square().sum((0, 2, 3)) / count
            self._follow(mean.detach(), variance.detach(), count)
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        return (inputs * over_steps(scale) + over_steps(shift)) * mask

    @property
    def _running(self) -> tuple[Tensor, Tensor]:
        return cast(Tensor, self.running_mean), cast(Tensor, self.running_var)

    def _follow(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        """Move the running statistics towards those of a batch, as PyTorch does."""
        tracked = cast(Tensor, self.num_batches_tracked).add_(1)
        share = 1 / tracked.item() if self.momentum is None else self.momentum
        unbiased = variance * count / (count - 1).clamp(min=1)
        for running, found in zip(self._running, (mean, unbiased), strict=True):
            running.lerp_(found, share)


def over_steps(channels: Tensor) -> Tensor:
    """Return numbers `(C,)` as `(C, 1, 1)`, the same for each step."""
    return channels[:, None, None]


def keep(steps: Tensor, mask: Tensor | None) -> Tensor:
    """Set what comes after each end to 0."""
    return steps if mask is None else steps * mask


def max_pool(steps: Tensor, mask: Tensor | None) -> Tensor:
    """Return the largest of each step and its neighbours, `(N, C, 1, L)`."""
    if mask is not None:
        steps = steps.masked_fill(mask == 0, -torch.inf)
    pooled = nn.functional.max_pool2d(steps, (1, 3), stride=1, padding=(0, 1))
    return pooled if mask is None else pooled.masked_fill(mask == 0, 0.0)


def mean_over_steps(steps: Tensor, mask: Tensor | None) -> Tensor:
    """Return the mean of each channel over its steps, `(N, C)`."""
    if mask is None:
        return steps.mean(-1)
    return (steps * mask).sum(-1) / mask.sum(-1)


def max_over_steps(steps: Tensor, mask: Tensor | None) -> Tensor:
    """Return the maximum of each channel over its steps, `(N, C)`."""
    if mask is None:
        return steps.amax(-1)
    return steps.masked_fill(mask == 0, -torch.inf).amax(-1)
