"""Recurrent networks that give one tensor, so that they stand in a `Sequential`."""

from typing import Literal

import torch
from torch import Tensor, nn


class Recurrent(nn.Module):
    """A `torch.nn.RNN`, `LSTM` or `GRU`, and which of its outputs goes on.

    Shapes: `(N, L, input_size)` to `(N, H)` or `(N, L, H)`, where H is the width of a
    step's output, both directions together.

    Args:
        rnn: Made with `batch_first=True`.
        output: `"last"` is what is known when all steps were read: the last step; for
            a bidirectional net the forward direction's last step beside the backward
            direction's first, which it reads last. `"all"` is every step.
    """

    def __init__(self, rnn: nn.RNNBase, output: Literal["last", "all"]) -> None:
        super().__init__()
        self.rnn = rnn
        self.output = output

    def forward(self, inputs: Tensor) -> Tensor:
        """Read the sequences from an initial state of zeros."""
        steps: Tensor = self.rnn(inputs)[0]  # (N, L, H)
        if self.output == "all":
            return steps
        if not self.rnn.bidirectional:
            return steps[:, -1]
        width = steps.shape[2] // 2
        return torch.cat([steps[:, -1, :width], steps[:, 0, width:]], dim=1)
