"""Networks that are trained side by side, each on all folds of the rows but one."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Folds(nn.Module):
    """F networks, each of which learns from all folds of the rows but one.

    So every row is learned from, and for every row there is a network that has not
    seen it. The last column of the input says in which fold a row is, as a whole
    number; rows that are in none come without it, and all networks answer.

    Shapes: `(N, in_features + 1)` or `(N, in_features)`. In `train()` mode to what
    learns from the row, `(N, F - 1, out_features)`, or with networks of M members
    `(N, (F - 1) * M, out_features)`, for `MeanOverMembers`; without folds all F. In
    `eval()` mode to `(N, out_features)`: what the network says that has not learned
    from the row, or without folds the mean of all.

    Args:
        networks: One for each fold; `(N, in_features)` each.
        in_features: Columns without that of the fold.
    """

    def __init__(self, networks: Iterable[nn.Module], in_features: int) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.in_features = in_features

    def forward(self, inputs: Tensor) -> Tensor:
        """Return raw outputs.

        Raises:
            ValueError: The columns are neither the features, nor those and the fold.
        """
        if inputs.shape[1] - self.in_features not in (0, 1):
            raise ValueError(
                f"Folds takes {self.in_features} columns, or one more that says the "
                f"fold of each row, not {inputs.shape[1]}"
            )
        features = inputs[:, : self.in_features]
        outputs = torch.stack([network(features) for network in self.networks], dim=1)
        if inputs.shape[1] > self.in_features:
            left_out = inputs[:, self.in_features :].long()  # (N, 1)
            rows = torch.arange(len(inputs), device=inputs.device).unsqueeze(1)
            if not self.training:
                return outputs[rows, left_out].squeeze(1)
            others = torch.arange(1, len(self.networks), device=inputs.device)
            outputs = outputs[rows, (left_out + others) % len(self.networks)]
        elif not self.training:
            return outputs.mean(dim=1)
        return outputs.flatten(1, 2) if outputs.ndim > 3 else outputs

    def extra_repr(self) -> str:
        """Return what stands beside the name where the module is printed."""
        return f"in_features={self.in_features}"


def first_network(network: nn.Module) -> tuple[str, nn.Module]:
    """Return the first of the networks side by side, which are all alike, and its name.

    Args:
        network: With folds or without; without it is the first, and its name is empty.
    """
    if isinstance(network, Folds):
        return "networks.0", network.networks[0]
    return "", network
