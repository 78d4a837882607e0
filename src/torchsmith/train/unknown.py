"""What stands for categories and characters that training does not have: code 0.

Where no training example has that code, nothing moves its vector from where it was
drawn, and what the network says of an unknown category is chance. So it is given the
mean of the vectors of training, each as often as its code occurs there: that of an
example of which the category is not known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from torchsmith.data.pixels import Prepared
from torchsmith.data.prepare import Preparation
from torchsmith.nn.adapted import Embedding
from torchsmith.nn.folds import Folds
from torchsmith.nn.picture_table import PictureTableNet
from torchsmith.nn.precision import sum_dtype
from torchsmith.nn.sequences import SequenceNet
from torchsmith.nn.tabular import TabularMLP
from torchsmith.plan import networks
from torchsmith.plan.networks import Network
from torchsmith.plan.plan import Plan


@dataclass(frozen=True)
class UnknownCodes:
    """Gives code 0 a vector, in each embedding whose code 0 is not in training.

    Attributes:
        shares: For each embedding of codes the share of each code in training;
            None where code 0 is among them.
    """

    shares: Sequence[Tensor | None]

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> None:
        """Give code 0 the mean of the vectors of training, in place."""
        if not self.shares:
            return
        for table, shares in zip(embeddings_of(network), self.shares, strict=True):
            if shares is not None and table.padding_idx != 0:
                vectors = table.weight[: len(shares)].to(shares.dtype)
                table.weight[0] = shares @ vectors


def unknown_codes(
    plan: Plan, preparation: Preparation, inputs: Prepared, device: torch.device
) -> UnknownCodes:
    """Count the codes of the training part.

    Args:
        plan: Whose network it is.
        preparation: Fitted on the training part.
        inputs: Of the training part, prepared.
        device: Where the network is.
    """
    found = [_shares(codes) for codes in _codes(plan.network, preparation, inputs)]
    shares = [None if s is None else s.to(device, sum_dtype(device)) for s in found]
    return UnknownCodes(shares * max(plan.split.num_folds, 1))


def embeddings_of(network: nn.Module) -> list[nn.Embedding]:
    """Return the embeddings of category or character codes, in the order of columns."""
    match network:
        case TabularMLP():
            return [t for t in network.categories if isinstance(t, nn.Embedding)]
        case PictureTableNet():
            return embeddings_of(network.table)
        case Folds():
            return [t for part in network.networks for t in embeddings_of(part)]
        case SequenceNet() if network.symbols is not None:
            return [network.symbols]
        case nn.Sequential() if isinstance(network[0], Embedding):
            return [network[0]]
        case _:
            return []


def _codes(
    network: Network, preparation: Preparation, inputs: Prepared
) -> Iterable[np.ndarray]:
    """Return what each of `embeddings_of` is fed in training."""
    if not isinstance(inputs, np.ndarray):
        return []
    if num_columns := len(preparation.cardinalities):
        codes = inputs[:, -num_columns:]
        return [codes] if isinstance(network, networks.Sequential) else codes.T
    known = preparation.sequences
    if known is None or not known.symbols or not known.keep_steps:
        return []
    if not isinstance(network, networks.SequenceNet) or network.body is None:
        return []
    channels, length = known.sequence
    steps = inputs.reshape(len(inputs), -1)[:, : channels * length]
    steps = steps.reshape(-1, channels, length)
    return [steps[:, 0][steps[:, 1] > 0] if known.has_mask else steps[:, 0]]


def _shares(codes: np.ndarray) -> Tensor | None:
    if not codes.all():
        return None
    counts = np.bincount(codes.astype(np.int64).ravel())
    return torch.from_numpy(counts / codes.size)
