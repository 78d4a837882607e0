"""The floor: only the matrix products, or only the convolutions, of every step.

It trains nothing. Whoever computes them with this library cannot be faster.
"""

from itertools import pairwise

import torch
from benchmarks.peers.torch_network import tensors
from benchmarks.peers.work import Work
from torch import Tensor


def train(work: Work, *, channels_last: bool = False, bf16: bool = False) -> None:
    """Multiply."""
    inputs, _ = tensors(work)
    steps = -(-len(inputs) // work.job.batch)
    if work.job.is_images:
        layout = torch.channels_last if channels_last else torch.contiguous_format
        step = convolutions(work.job.batch, layout, torch.bfloat16 if bf16 else None)
    else:
        step = products(work)
    with torch.inference_mode():
        for _ in work.epochs():
            for _ in range(steps):
                step()


def products(work: Work):
    """Return a step's products: forward, to the weights, to the layer before."""
    batch, sizes = work.job.batch, work.job.sizes
    layers = []
    for place, (before, size) in enumerate(pairwise(sizes)):
        x, w = torch.randn(batch, before), torch.randn(size, before)
        y = torch.empty(batch, size)
        layers.append((x, w, y, torch.empty_like(w), torch.empty_like(x), place > 0))

    def step() -> None:
        for x, w, y, to_weights, to_inputs, has_before in layers:
            torch.mm(x, w.t(), out=y)
            torch.mm(y.t(), x, out=to_weights)
            if has_before:
                torch.mm(y, w, out=to_inputs)

    return step


def convolutions(batch: int, layout: torch.memory_format, dtype: torch.dtype | None):
    """Return a step's convolutions: forward and backward, of the first no inputs."""

    def laid_out(*shape: int) -> Tensor:
        return torch.randn(shape).to(dtype).contiguous(memory_format=layout)

    layers = [
        (
            laid_out(batch, 1, 28, 28),
            laid_out(32, 1, 3, 3),
            laid_out(batch, 32, 26, 26),
        ),
        (
            laid_out(batch, 32, 26, 26),
            laid_out(64, 32, 3, 3),
            laid_out(batch, 64, 24, 24),
        ),
    ]

    def step() -> None:
        for place, (x, w, y) in enumerate(layers):
            torch.nn.functional.conv2d(x, w)
            wanted = [place > 0, True, False]
            torch.ops.aten.convolution_backward(
                y, x, w, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, wanted
            )

    return step
