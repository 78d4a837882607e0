"""What the first batch shows before anything is learned: outputs that do not fit."""

from typing import Any

import torch
from torch import Tensor, nn

from torchsmith.core.errors import TrainError
from torchsmith.nn.losses import (
    ClassTargets,
    LossFunction,
    MeanOverMembers,
    refuse_no_probabilities,
)

ELEMENT_BY_ELEMENT = (
    nn.MSELoss,
    nn.L1Loss,
    nn.SmoothL1Loss,
    nn.HuberLoss,
    nn.BCELoss,
    nn.BCEWithLogitsLoss,
)


def check_first_batch(
    network: nn.Module,
    loss: LossFunction,
    outputs: Any,  # noqa: ANN401 -- a person's module may give anything
    targets: Any,  # noqa: ANN401 -- and so may a person's data
) -> None:
    """Refuse a loss that would be computed, and would mean nothing.

    Raises:
        TrainError: Shapes would broadcast, or the loss wants other outputs: raw ones,
            probabilities or log-probabilities.
    """
    if not isinstance(outputs, Tensor) or not isinstance(targets, Tensor):
        return  # a loss of one's own may know what to do with them
    if outputs.is_complex():
        return  # no loss of PyTorch takes them
    if isinstance(loss, MeanOverMembers):
        loss, outputs = loss.loss, outputs.flatten(0, -2)[: len(targets)]
    inner = loss.loss if isinstance(loss, ClassTargets) else loss
    if targets.is_floating_point() or inner is loss:
        _check_shapes(inner, outputs, targets)
    _check_kind(network, inner, outputs.detach().float())


def _check_shapes(loss: LossFunction, outputs: Tensor, targets: Tensor) -> None:
    """Refuse outputs that would broadcast against the targets, `(N, 1)` to `(N, N)`."""
    if outputs.shape == targets.shape:
        return
    same_number = outputs.numel() == targets.numel()
    if isinstance(loss, ELEMENT_BY_ELEMENT) or (
        targets.is_floating_point() and same_number
    ):
        fix = ", for example targets.unsqueeze(1)" if same_number else ""
        raise TrainError(
            f"the outputs have shape {tuple(outputs.shape)} and the targets "
            f"{tuple(targets.shape)}: the loss would compare every output with every "
            f"target; give both the same shape{fix}"
        )


def _check_kind(network: nn.Module, loss: LossFunction, outputs: Tensor) -> None:
    last = _last_layer(network)
    squashes = isinstance(last, nn.Sigmoid | nn.Softmax | nn.LogSoftmax)
    match loss:
        case nn.BCELoss():
            refuse_no_probabilities(outputs)
        case nn.BCEWithLogitsLoss() if squashes:
            raise TrainError(
                "BCEWithLogitsLoss takes raw outputs, and the network ends in "
                f"{type(last).__name__}; remove that layer, or use BCELoss on "
                "probabilities"
            )
        case nn.CrossEntropyLoss() if isinstance(last, nn.Sigmoid):
            raise TrainError(
                "CrossEntropyLoss takes raw outputs, and the network ends in Sigmoid; "
                "remove that layer"
            )
        case nn.CrossEntropyLoss() if outputs.ndim > 1 and outputs.shape[1] == 1:
            raise TrainError(
                "CrossEntropyLoss takes one output for each class, and there is one: "
                "its loss is always 0; give the network as many outputs as classes, or "
                "use BCEWithLogitsLoss for two classes"
            )
        case nn.CrossEntropyLoss() if _sums_are_1(outputs, tolerance=1e-5):
            raise TrainError(
                "CrossEntropyLoss takes raw outputs, and these are probabilities (from "
                "0 to 1, each row sums to 1); remove the Softmax at the end"
            )
        case nn.NLLLoss() if not _sums_are_1(outputs.exp(), tolerance=1e-2):
            raise TrainError(
                "NLLLoss takes log-probabilities, and these are none (the exponentials "
                "of a row do not sum to 1); end the network with LogSoftmax, or use "
                "CrossEntropyLoss on raw outputs"
            )


def _sums_are_1(values: Tensor, tolerance: float) -> bool:
    """Whether `(N, K, …)` are shares of K classes."""
    if values.ndim < 2 or not ((values >= 0) & (values <= 1 + tolerance)).all():
        return False
    sums = values.sum(dim=1)
    return torch.allclose(sums, torch.ones_like(sums), rtol=0, atol=tolerance)


def _last_layer(network: nn.Module) -> nn.Module:
    while isinstance(network, nn.Sequential) and len(network):
        network = network[-1]
    return network
