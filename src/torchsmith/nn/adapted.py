"""PyTorch's layers with one tensor in and one out, so that they stand in `Sequential`.

`Residual` is our own: PyTorch has no module for it.
"""

import torch
from torch import Tensor, nn

from torchsmith.core.errors import TrainError


class Bilinear(nn.Bilinear):
    """`torch.nn.Bilinear` of the input with itself: `(*, in)` to `(*, out)`."""

    def forward(self, input1: Tensor, input2: Tensor | None = None) -> Tensor:
        """Return a weighted sum of the products of all pairs of features.

        PyTorch wants inputs of the weight's type, and autocast on CPUs sees to none.
        """
        input1 = input1.to(self.weight.dtype)
        return super().forward(input1, input1 if input2 is None else input2)


class Embedding(nn.Embedding):
    """`torch.nn.Embedding` of whole numbers that come as floats.

    Shapes: `(N, …)` to `(N, …, embedding_dim)`.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Look up the vector of each code.

        Raises:
            TrainError: A number is no code.
        """
        return super().forward(self.codes(input))

    def codes(self, numbers: Tensor) -> Tensor:
        """Return whole numbers as codes.

        Raises:
            TrainError: A number is no code.
        """
        codes = numbers.long()
        if not torch.compiler.is_compiling():
            self._refuse_other_numbers(numbers, codes)
        return codes

    def _refuse_other_numbers(self, numbers: Tensor, codes: Tensor) -> None:
        last = self.num_embeddings - 1
        wrong = (codes != numbers) | (codes < 0) | (codes > last)
        if wrong.any():
            raise TrainError(
                f"Embedding: {numbers[wrong][0].item():g} is no code; the codes are "
                f"the whole numbers from 0 to {last}; feed it category codes or whole "
                "numbers that are not scaled, or give a larger num_embeddings"
            )


class GroupNorm(nn.GroupNorm):
    """`torch.nn.GroupNorm` of images, also of those that come first in a network.

    Where nobody wants the gradient of its input and channels lie last, the backward
    pass of PyTorch 2.13 writes past its memory on CPUs. So it is always computed.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Normalise each group of channels."""
        if torch.is_grad_enabled() and not input.requires_grad:
            input = input.detach().requires_grad_()  # noqa: A001
        return super().forward(input)


class Residual(nn.Module):
    """The layers' output plus the input: `(N, …)` to the same shape.

    A network of such blocks begins close to the identity, and gradients reach its
    first layers undiminished ([He et al. 2015](https://arxiv.org/abs/1512.03385)).

    Args:
        layers: Their output is added to the input.
        shortcut: What the input passes before that; an empty one leaves it as it is.
    """

    def __init__(self, layers: nn.Sequential, shortcut: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers
        self.shortcut = shortcut

    def forward(self, inputs: Tensor) -> Tensor:
        """Return `layers(inputs) + shortcut(inputs)`."""
        outputs: Tensor = self.layers(inputs) + self.shortcut(inputs)
        return outputs
