"""Several networks in one, which share most of their weights."""

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn


def hidden_layers(
    in_features: int,
    widths: Sequence[int],
    activation: Callable[[], nn.Module],
    dropout: float,
    *,
    batch_norm: bool,
) -> Iterator[nn.Module]:
    """Yield the hidden layers of an MLP: `Linear`, norm, activation, dropout, …."""
    for width in widths:
        yield nn.Linear(in_features, width)
        if batch_norm:
            yield nn.BatchNorm1d(width)
        yield activation()
        if dropout:
            yield nn.Dropout(dropout)
        in_features = width


class MemberMLP(nn.Module):
    """An MLP of M members: each scales the inputs its own way, and has its own outputs.

    The members share the hidden layers. Each multiplies the inputs by its own factors,
    which are learned, so that the first layer is another one for each; and each has its
    own last layer. They cost M times the arithmetic, in products of matrices that are M
    times as tall, and are about as good as M networks of their own: the `mini` of
    [TabM, Gorishniy et al. 2024](https://arxiv.org/abs/2410.24210).

    Shapes: `(N, in_features)` to `(N, M, out_features)` in `train()` mode, for
    `MeanOverMembers`; to the mean `(N, out_features)` in `eval()` mode.

    Args:
        groups: Widths of the groups of inputs whose factors begin as one number, such
            as all of one column; their sum is `in_features`.
        hidden: Width of each hidden layer.
        out_features: Width of the output.
        members: M.
        activation: Makes a new activation for each hidden layer.
        dropout: After each activation.
        batch_norm: `BatchNorm1d` before each activation, of all members together.
    """

    def __init__(
        self,
        groups: Sequence[int],
        hidden: Sequence[int],
        out_features: int,
        *,
        members: int,
        activation: Callable[[], nn.Module] = nn.ReLU,
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        self.groups = tuple(groups)
        width = sum(groups)
        self.shared = nn.Sequential(
            *hidden_layers(width, hidden, activation, dropout, batch_norm=batch_norm)
        )
        width = hidden[-1] if hidden else width
        factors = torch.randn(members, len(groups))
        self.factors = nn.Parameter(
            factors.repeat_interleave(torch.tensor(groups), dim=1)
        )
        # As nn.Linear begins, for each member by itself.
        bound = 1 / math.sqrt(width)
        self.weight = nn.Parameter(
            torch.empty(members, width, out_features).uniform_(-bound, bound)
        )
        self.bias = nn.Parameter(
            torch.empty(members, out_features).uniform_(-bound, bound)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return raw outputs of each member, or their mean in `eval()` mode."""
        scaled = inputs.unsqueeze(1) * self.factors  # (N, M, in_features)
        hidden = self.shared(scaled.flatten(0, 1)).unflatten(0, scaled.shape[:2])
        outputs = torch.bmm(hidden.transpose(0, 1), self.weight).transpose(0, 1)
        outputs = outputs + self.bias  # (N, M, out_features)
        return outputs if self.training else outputs.mean(dim=1)

    def extra_repr(self) -> str:
        """Return what stands beside the name where the module is printed."""
        members, width, out_features = self.weight.shape
        return f"members={members}, in_features={width}, out_features={out_features}"
