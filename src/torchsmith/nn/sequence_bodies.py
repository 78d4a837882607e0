"""Bodies of networks for sequences: from steps `(N, C, L)` to features `(N, F)`.

Each takes a mask `(N, 1, L)` too, or None where all sequences have one length.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from torchsmith.nn.masked import (
    MaskedBatchNorm,
    keep,
    max_over_steps,
    max_pool,
    mean_over_steps,
)

SHORTCUT_EVERY = 3
"""Modules of Inception under one shortcut, as in the paper."""


class InceptionModule(nn.Module):
    """Convolutions of several lengths side by side, and a max-pooled look at the input.

    Shapes: `(N, in_channels, 1, L)` to `(N, width * (len(kernel_sizes) + 1), 1, L)`.

    Args:
        in_channels: Of the input.
        width: Channels of each branch.
        kernel_sizes: One branch for each; odd.
        activation: Makes the activation.
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        kernel_sizes: Sequence[int],
        activation: Callable[[], nn.Module],
    ) -> None:
        super().__init__()
        self.kernel_sizes = tuple(kernel_sizes)
        self.narrow: nn.Module = nn.Identity()
        narrow_channels = in_channels
        if in_channels > width:
            self.narrow = nn.Conv2d(in_channels, width, 1, bias=False)
            narrow_channels = width
        self.branches = nn.ModuleList(
            nn.Conv2d(
                narrow_channels, width, (1, size), padding=(0, size // 2), bias=False
            )
            for size in kernel_sizes
        )
        self.pooled = nn.Conv2d(in_channels, width, 1, bias=False)
        self.norm = MaskedBatchNorm(width * (len(kernel_sizes) + 1))
        self.activation = activation()

    def forward(self, steps: Tensor, mask: Tensor | None) -> Tensor:
        """Return the branches, normalised together."""
        narrow = self.narrow(steps)
        found = [branch(narrow) for branch in self.branches]
        found.append(self.pooled(max_pool(steps, mask)))
        joined = channels_last(torch.cat(found, dim=1))
        outputs: Tensor = self.activation(self.norm(joined, mask))
        return keep(outputs, mask)


class Inception(nn.Module):
    """A residual net of Inception modules, averaged over the steps.

    Source: Ismail Fawaz et al. (2020), https://arxiv.org/abs/1909.04939

    A sequence is a picture of one row, `(N, C, 1, L)`: in two dimensions PyTorch can be
    told to lay channels last.

    Args:
        in_channels: C.
        width: Channels of each branch.
        depth: Modules.
        kernel_sizes: Of the branches; odd.
        activation: Makes the activations.
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        depth: int,
        kernel_sizes: Sequence[int],
        activation: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        self.out_features = width * (len(kernel_sizes) + 1)
        modules, shortcuts = [], []
        channels = in_channels
        for place in range(depth):
            modules.append(InceptionModule(channels, width, kernel_sizes, activation))
            channels = self.out_features
            if (place + 1) % SHORTCUT_EVERY == 0:
                shortcuts.append(Shortcut(in_channels, channels))
                in_channels = channels
        self.inception = nn.ModuleList(modules)
        self.shortcuts = nn.ModuleList(shortcuts)
        self.activation = activation()

    def forward(self, steps: Tensor, mask: Tensor | None) -> Tensor:
        """Return the mean of the last module's channels."""
        short = steps = channels_last(steps.unsqueeze(2))
        mask = None if mask is None else mask.unsqueeze(2)
        for place, module in enumerate(self.inception):
            steps = module(steps, mask)
            if (place + 1) % SHORTCUT_EVERY == 0:
                added = steps + self.shortcuts[place // SHORTCUT_EVERY](short, mask)
                short = steps = keep(self.activation(added), mask)
        return mean_over_steps(steps, mask).flatten(1)


def channels_last(steps: Tensor) -> Tensor:
    """Lay `(N, C, 1, L)` out step by step, which the CPU convolves faster."""
    return steps.contiguous(memory_format=torch.channels_last)


class Shortcut(nn.Module):
    """What passes by three modules: a 1x1 convolution, normalised."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.norm = MaskedBatchNorm(out_channels)

    def forward(self, steps: Tensor, mask: Tensor | None) -> Tensor:
        """Return `(N, out_channels, 1, L)`."""
        passed: Tensor = self.norm(self.conv(steps), mask)
        return passed


class GRU(nn.Module):
    """`torch.nn.GRU` in both directions; its mean and its maximum over the steps.

    Args:
        in_channels: C.
        width: Units of each direction.
        depth: Layers.
        dropout: Between the layers.
    """

    def __init__(
        self, in_channels: int, width: int, depth: int, dropout: float
    ) -> None:
        super().__init__()
        self.gru = nn.GRU(
            in_channels,
            width,
            depth,
            batch_first=True,
            dropout=dropout if depth > 1 else 0.0,
            bidirectional=True,
        )
        self.out_features = 4 * width

    def forward(self, steps: Tensor, mask: Tensor | None) -> Tensor:
        """Return mean and maximum, `(N, 4 * width)`."""
        by_step = steps.transpose(1, 2)
        if mask is None:
            states = self.gru(by_step)[0]
        else:
            # Shapes are found with zeros, of which the mask says that there is no step.
            lengths = mask.sum((1, 2)).long().clamp(min=1).cpu()
            packed = nn.utils.rnn.pack_padded_sequence(
                by_step, lengths, batch_first=True, enforce_sorted=False
            )
            states, _ = nn.utils.rnn.pad_packed_sequence(
                self.gru(packed)[0], batch_first=True, total_length=mask.shape[2]
            )
        states = states.transpose(1, 2)
        return torch.cat(
            [mean_over_steps(states, mask), max_over_steps(states, mask)], dim=1
        )


class Transformer(nn.Module):
    """`torch.nn.TransformerEncoder` over the steps; their mean.

    Source: Vaswani et al. (2017), https://arxiv.org/abs/1706.03762, with the
    normalisation before each sublayer.

    Args:
        in_channels: C.
        width: Of the model; even.
        depth: Layers.
        num_heads: Of the attention; they divide the width.
        dropout: In the layers.
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        depth: int,
        num_heads: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.enter = nn.Linear(in_channels, width)
        layer = nn.TransformerEncoderLayer(
            width,
            num_heads,
            dim_feedforward=2 * width,
            dropout=dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.encoder = nn.TransformerEncoder(
            layer, depth, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.out_features = width

    def forward(self, steps: Tensor, mask: Tensor | None) -> Tensor:
        """Return the mean of the encoded steps."""
        entered = self.enter(steps.transpose(1, 2))
        entered = entered + wave_positions(entered)
        beyond = None if mask is None else mask[:, 0] == 0
        encoded = self.encoder(entered, src_key_padding_mask=beyond)
        return mean_over_steps(encoded.transpose(1, 2), mask)


def wave_positions(steps: Tensor) -> Tensor:
    """Return the paper's sines and cosines of each position, `(L, features)`."""
    length, features = steps.shape[1:]
    position = torch.arange(length, device=steps.device, dtype=steps.dtype)[:, None]
    even = torch.arange(0, features, 2, device=steps.device, dtype=steps.dtype)
    angles = position * torch.exp(even * (-math.log(10_000.0) / features))
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
