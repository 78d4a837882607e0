"""Networks for tables.

Both take one tensor `(N, C)`: first the numbers, then category codes as whole floats.
"""

import math
from collections.abc import Callable, Sequence
from typing import TypedDict

import torch
from torch import Tensor, nn

from torchsmith.data.steps import QUANTILE_BOUND
from torchsmith.nn.members import MemberMLP, hidden_layers


class _Arguments(TypedDict):
    activation: Callable[[], nn.Module]
    dropout: float
    batch_norm: bool


class MLP(nn.Sequential):
    """A multilayer perceptron: `(N, in_features)` to `(N, out_features)`.

    Args:
        in_features: Width of the input.
        hidden: Width of each hidden layer.
        out_features: Width of the output.
        activation: Makes a new activation for each hidden layer.
        dropout: After each activation.
        batch_norm: `BatchNorm1d` before each activation.
    """

    def __init__(
        self,
        in_features: int,
        hidden: Sequence[int],
        out_features: int,
        *,
        activation: Callable[[], nn.Module] = nn.ReLU,
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__(
            *hidden_layers(
                in_features, hidden, activation, dropout, batch_norm=batch_norm
            ),
            nn.Linear(hidden[-1] if hidden else in_features, out_features),
        )


class PeriodicEmbedding(nn.Module):
    """Learned sines and cosines of each number, then a linear layer of its own.

    A plain MLP is slow to learn functions that change quickly along one column; waves
    of learned frequencies make them easy. `PLR` of
    [Gorishniy et al. 2022](https://arxiv.org/abs/2203.05556).

    Shapes: `(N, C)` to `(N, C * features)`.

    Args:
        num_columns: C, the number of columns.
        frequencies: Number of waves of each column.
        scale: Deviation of the initial frequencies.
        features: Width of each column's embedding.
    """

    def __init__(
        self, num_columns: int, frequencies: int, scale: float, features: int
    ) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(num_columns, frequencies) * scale)
        bound = 1 / math.sqrt(2 * frequencies)
        self.weight = nn.Parameter(
            torch.empty(num_columns, 2 * frequencies, features).uniform_(-bound, bound)
        )
        self.bias = nn.Parameter(
            torch.empty(num_columns, features).uniform_(-bound, bound)
        )

    def forward(self, numbers: Tensor) -> Tensor:
        """Embed `(N, C)` as `(N, C * features)`."""
        angles = 2 * math.pi * self.frequencies * numbers.unsqueeze(2)  # (N, C, K)
        waves = torch.cat([angles.cos(), angles.sin()], dim=2)  # (N, C, 2K)
        embedded = torch.bmm(waves.transpose(0, 1), self.weight)  # (C, N, features)
        return torch.relu(embedded.transpose(0, 1) + self.bias).flatten(1)


class PiecewiseLinearEmbedding(nn.Module):
    """How much of each bin lies below a number, then a linear layer of its own.

    A bin that a number has passed is 1, one that it has not reached is 0, and the one
    that it is in is the part behind it. The linear layer makes of this any function
    that is straight within each bin: steep where trees would cut. The bins are even
    from -√3 to √3, the range of `QuantileScale`, after which each holds as many
    training rows. `PLE` of
    [Gorishniy et al. 2022](https://arxiv.org/abs/2203.05556), begun as the straight
    line of [TabM](https://arxiv.org/abs/2410.24210).

    Shapes: `(N, C)` to `(N, C * features)`.

    Args:
        num_columns: C, the number of columns.
        bins: Of each column.
        features: Width of each column's embedding.
    """

    lows: Tensor

    def __init__(self, num_columns: int, bins: int, features: int) -> None:
        super().__init__()
        edges = torch.linspace(-QUANTILE_BOUND, QUANTILE_BOUND, bins + 1)
        self.register_buffer("lows", edges[:-1], persistent=False)
        self.width = 2 * QUANTILE_BOUND / bins
        self.slope = nn.Parameter(torch.empty(num_columns, features).uniform_(-1, 1))
        self.bias = nn.Parameter(torch.empty(num_columns, features).uniform_(-1, 1))
        self.weight = nn.Parameter(torch.zeros(num_columns, bins, features))

    def forward(self, numbers: Tensor) -> Tensor:
        """Embed `(N, C)` as `(N, C * features)`."""
        numbers = numbers.unsqueeze(2)
        passed = ((numbers - self.lows) / self.width).clamp(0, 1)  # (N, C, bins)
        bent = torch.bmm(passed.transpose(0, 1), self.weight).transpose(0, 1)
        return (bent + numbers * self.slope + self.bias).flatten(1)


class TabularMLP(nn.Module):
    """An MLP over numbers and embedded categories.

    Shapes: `(N, num_numbers + len(cardinalities))` to `(N, out_features)`; with M
    members, `(N, M, out_features)` in `train()` mode.

    Args:
        num_numbers: Number columns; they come first.
        cardinalities: For each category column, how many codes there are, code 0
            (missing or unknown) included.
        out_features: Width of the output.
        hidden: Width of each hidden layer.
        activation: Makes a new activation for each hidden layer.
        dropout: After each activation.
        batch_norm: `BatchNorm1d` before each activation.
        embedding: Width of each category's embedding; 0 chooses
            `min(16, (cardinality + 1) // 2 + 1)`.
        frequencies: Waves of each number; 0 feeds the numbers as they are.
        frequency_scale: Deviation of the initial frequencies.
        bins: Of the piecewise linear embedding of each number, which replaces waves;
            0 has none.
        number_embedding: Width of each number's embedding.
        members: M networks in one; see `MemberMLP`.
    """

    def __init__(
        self,
        num_numbers: int,
        cardinalities: Sequence[int],
        out_features: int,
        *,
        hidden: Sequence[int] = (256, 256),
        activation: Callable[[], nn.Module] = nn.ReLU,
        dropout: float = 0.0,
        batch_norm: bool = False,
        embedding: int = 0,
        frequencies: int = 0,
        frequency_scale: float = 0.1,
        bins: int = 0,
        number_embedding: int = 8,
        members: int = 1,
    ) -> None:
        super().__init__()
        self.num_numbers = num_numbers
        widths = [embedding or min(16, (c + 1) // 2 + 1) for c in cardinalities]
        self.categories = nn.ModuleList(
            nn.Embedding(c, width)
            for c, width in zip(cardinalities, widths, strict=True)
        )
        groups = [1] * num_numbers
        self.numbers: PeriodicEmbedding | PiecewiseLinearEmbedding | None = None
        if (bins or frequencies) and num_numbers:
            self.numbers = (
                PiecewiseLinearEmbedding(num_numbers, bins, number_embedding)
                if bins
                else PeriodicEmbedding(
                    num_numbers, frequencies, frequency_scale, number_embedding
                )
            )
            groups += [number_embedding] * num_numbers
        groups += widths
        arguments: _Arguments = {
            "activation": activation,
            "dropout": dropout,
            "batch_norm": batch_norm,
        }
        self.mlp: MLP | MemberMLP = (
            MLP(sum(groups), hidden, out_features, **arguments)
            if members == 1
            else MemberMLP(groups, hidden, out_features, members=members, **arguments)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return raw outputs `(N, out_features)`, or those of each member."""
        numbers = inputs[:, : self.num_numbers]
        features = [numbers] if self.num_numbers else []
        if self.numbers is not None:
            features.append(self.numbers(numbers))
        codes = inputs[:, self.num_numbers :].long()
        features += [table(codes[:, i]) for i, table in enumerate(self.categories)]
        outputs: Tensor = self.mlp(torch.cat(features, dim=1))
        return outputs
