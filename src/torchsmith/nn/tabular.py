"""Networks for tables.

Both take one tensor `(N, C)`: first the numbers, then category codes as whole floats.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


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
        layers: list[nn.Module] = []
        for width in hidden:
            layers.append(nn.Linear(in_features, width))
            if batch_norm:
                layers.append(nn.BatchNorm1d(width))
            layers.append(activation())
            if dropout:
                layers.append(nn.Dropout(dropout))
            in_features = width
        layers.append(nn.Linear(in_features, out_features))
        super().__init__(*layers)


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


class TabularMLP(nn.Module):
    """An MLP over numbers and embedded categories.

    Shapes: `(N, num_numbers + len(cardinalities))` to `(N, out_features)`.

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
        number_embedding: Width of each number's embedding.
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
        number_embedding: int = 8,
    ) -> None:
        super().__init__()
        self.num_numbers = num_numbers
        widths = [embedding or min(16, (c + 1) // 2 + 1) for c in cardinalities]
        self.categories = nn.ModuleList(
            nn.Embedding(c, width)
            for c, width in zip(cardinalities, widths, strict=True)
        )
        in_features = num_numbers + sum(widths)
        self.numbers: PeriodicEmbedding | None = None
        if frequencies and num_numbers:
            self.numbers = PeriodicEmbedding(
                num_numbers, frequencies, frequency_scale, number_embedding
            )
            in_features += num_numbers * number_embedding
        self.mlp = MLP(
            in_features,
            hidden,
            out_features,
            activation=activation,
            dropout=dropout,
            batch_norm=batch_norm,
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return raw outputs `(N, out_features)`."""
        numbers = inputs[:, : self.num_numbers]
        features = [numbers] if self.num_numbers else []
        if self.numbers is not None:
            features.append(self.numbers(numbers))
        codes = inputs[:, self.num_numbers :].long()
        features += [table(codes[:, i]) for i, table in enumerate(self.categories)]
        outputs: Tensor = self.mlp(torch.cat(features, dim=1))
        return outputs
