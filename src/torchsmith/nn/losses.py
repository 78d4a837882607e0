"""From specs to losses, and from what a network gives under them to probabilities."""

from collections.abc import Callable
from typing import Literal, assert_never

import torch
from torch import Tensor, nn

from torchsmith.core.errors import PlanError, TrainError
from torchsmith.nn.precision import sum_dtype
from torchsmith.plan import losses
from torchsmith.plan.losses import Loss

LossFunction = Callable[[Tensor, Tensor], Tensor]
"""From raw outputs and targets to the loss of a batch, a scalar."""


class ClassTargets(nn.Module):
    """A loss between numbers, such as `MSELoss`, that takes class indices too.

    Class indices `(N,)` are compared as 0 and 1 with one output `(N, 1)`, and as
    one-hot rows with more outputs `(N, K)`. Targets that are numbers stay as they are.

    Args:
        loss: Compares outputs with targets of the same shape.
    """

    def __init__(self, loss: nn.MSELoss | nn.BCELoss | nn.BCEWithLogitsLoss) -> None:
        super().__init__()
        self.loss = loss

    @property
    def reduction(self) -> str:
        """How the losses of a batch become one number."""
        return self.loss.reduction

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of a batch.

        Raises:
            TrainError: `BCELoss` is given something other than probabilities.
        """
        targets = self.as_numbers(outputs, targets)
        if isinstance(self.loss, nn.BCELoss) and outputs.is_cpu:
            if not outputs.isfinite().all():
                return outputs.mean()  # The loop tells of a loss that is not finite.
            refuse_no_probabilities(outputs)
        loss: Tensor = self.loss(outputs, targets)
        return loss

    @staticmethod
    def as_numbers(outputs: Tensor, targets: Tensor) -> Tensor:
        """Return targets that are classes as numbers in the shape of the outputs."""
        return targets if targets.is_floating_point() else _like(outputs, targets)


class MeanOverMembers(nn.Module):
    """A loss of several networks in one: the mean of the losses of its members.

    Each member is trained to be right by itself; that their mean is right would be less
    to ask ([TabM](https://arxiv.org/abs/2410.24210)).

    Args:
        loss: Of one member.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    @property
    def reduction(self) -> str:
        """How the losses of a batch become one number."""
        return str(getattr(self.loss, "reduction", "mean"))

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of a batch.

        Args:
            outputs: `(N, M, K)` of M members, as in training; or `(N, K)`.
            targets: `(N,)` or `(N, 1)`.
        """
        members = 1
        if outputs.ndim == 3:
            members = outputs.shape[1]
            targets = targets.repeat_interleave(members, dim=0)
            outputs = outputs.flatten(0, 1)
        loss: Tensor = self.loss(outputs, targets)
        return loss / members if self.reduction == "sum" else loss


def _like(outputs: Tensor, classes: Tensor) -> Tensor:
    if classes.ndim == outputs.ndim - 1:
        if outputs.shape[1] == 1:
            classes = classes.unsqueeze(1)
        else:
            classes = nn.functional.one_hot(classes.long(), outputs.shape[1])
    return classes.to(outputs.dtype)


def refuse_no_probabilities(outputs: Tensor) -> None:
    """Refuse what `BCELoss` cannot take, numbers outside [0, 1].

    Raises:
        TrainError: Says which, and what to do.
    """
    low, high = outputs.min().item(), outputs.max().item()
    if low < 0 or high > 1:
        outside = low if low < 0 else high
        raise TrainError(
            "BCELoss takes probabilities from 0 to 1, and an output is "
            f"{outside:.4g}; end the network with Sigmoid, or use BCEWithLogitsLoss"
        )


def build_loss(spec: Loss, class_counts: Tensor | None = None) -> nn.Module:
    """Build a loss, the mean per example or, with `reduction: sum`, their sum.

    Args:
        spec: The plan's `loss` section.
        class_counts: `(K,)` training rows of each class, for `balanced`.

    Raises:
        PlanError: The classes are to be balanced, and there are no counts of them.
    """
    arguments = dict(spec)
    match spec:
        case losses.CrossEntropyLoss():
            arguments["weight"] = _weight(spec.weight, class_counts)
            return nn.CrossEntropyLoss(**arguments)
        case losses.NLLLoss():
            arguments["weight"] = _weight(spec.weight, class_counts)
            return nn.NLLLoss(**arguments)
        case losses.BCELoss():
            return ClassTargets(nn.BCELoss(**arguments))
        case losses.BCEWithLogitsLoss():
            arguments["pos_weight"] = _pos_weight(spec.pos_weight, class_counts)
            return ClassTargets(nn.BCEWithLogitsLoss(**arguments))
        case losses.MSELoss():
            return ClassTargets(nn.MSELoss(**arguments))
        case losses.L1Loss():
            return nn.L1Loss(**arguments)
        case losses.SmoothL1Loss():
            return nn.SmoothL1Loss(**arguments)
        case losses.HuberLoss():
            return nn.HuberLoss(**arguments)
        case _:
            assert_never(spec)


def _weight(
    weight: losses.Balance | tuple[float, ...] | None, counts: Tensor | None
) -> Tensor | None:
    if weight is None:
        return None
    if isinstance(weight, tuple):
        return torch.tensor(weight)
    counts = _counted(counts, f"weight: {weight}").float()
    balanced = counts.sum() / (len(counts) * counts)
    return balanced if weight == "balanced" else balanced.sqrt()


def _pos_weight(
    weight: Literal["balanced"] | float | None, counts: Tensor | None
) -> Tensor | None:
    if weight is None:
        return None
    if weight != "balanced":
        return torch.tensor([weight])
    counts = _counted(counts, "pos_weight: balanced").float()
    balanced = (counts.sum() - counts) / counts
    return balanced[1:] if len(counts) == 2 else balanced


def _counted(counts: Tensor | None, asked: str) -> Tensor:
    if counts is None:
        raise PlanError(
            f"loss: {asked} needs the classes of a plan, whose examples "
            "are counted; give numbers"
        )
    return counts.clamp(min=1)


def example_weights(loss: LossFunction, targets: Tensor) -> Tensor | None:
    """Return what each example weighs in the mean that a loss gives of a batch.

    Means of several batches make the mean of all only if each counts as much as its
    examples weigh: `CrossEntropyLoss` and `NLLLoss` divide by the sum of the weights of
    the classes that are there, and leave out targets that are `ignore_index`.

    Args:
        loss: Of the training.
        targets: `(N, …)` of the batch.

    Returns:
        `(N,)`, as precise as the device is; None where all examples weigh the same.
    """
    found = weighing(loss, targets)
    if found is None:
        return None
    known = targets != found.ignore_index
    precise = sum_dtype(targets.device)
    weights = known.to(precise)
    if found.weight is not None:
        weights = found.weight.to(precise)[targets * known] * known
    return weights.reshape(*targets.shape[:1], -1).mean(-1)


def weighing(
    loss: LossFunction, targets: Tensor
) -> nn.CrossEntropyLoss | nn.NLLLoss | None:
    """Return the loss of PyTorch in which these examples may weigh differently.

    Args:
        loss: Of the training.
        targets: `(N, …)`.

    Returns:
        None where all weigh the same.
    """
    loss = loss.loss if isinstance(loss, MeanOverMembers) else loss
    if not isinstance(loss, nn.CrossEntropyLoss | nn.NLLLoss):
        return None
    if type(loss).forward not in (nn.CrossEntropyLoss.forward, nn.NLLLoss.forward):
        return None  # a person's own loss that is made of PyTorch's
    if loss.reduction == "sum" or targets.is_floating_point():
        return None  # of targets that are probabilities PyTorch divides by N
    if loss.weight is None and not (targets == loss.ignore_index).any():
        return None
    return loss


def num_outputs(loss: Loss, num_classes: int) -> int:
    """Return how many outputs a network needs for this loss.

    Args:
        loss: The plan's `loss` section.
        num_classes: Of the problem; 0 for regression.
    """
    match loss:
        case losses.CrossEntropyLoss() | losses.NLLLoss():
            return num_classes
        case losses.BCELoss() | losses.BCEWithLogitsLoss():
            return num_classes if num_classes > 2 else 1
        case losses.MSELoss():
            return max(1, num_classes)
        case losses.L1Loss() | losses.SmoothL1Loss() | losses.HuberLoss():
            return 1
        case _:
            assert_never(loss)


def probabilities(loss: Loss, outputs: Tensor, temperature: float = 1.0) -> Tensor:
    """Turn what a network gives under a loss into probabilities; rows sum to 1.

    The order of a row's classes stays: the largest output is the likeliest class.

    Args:
        loss: What the network was trained with.
        outputs: `(N, K)`, or `(N, 1)` for two classes.
        temperature: Above 1 the probabilities become more equal, below 1 less: each is
            raised to the power of 1 / temperature, and divided by the sum of all. For
            logits that is the same as dividing them by the temperature; outputs that
            are no logits are tempered as the probabilities that they stand for.

    Returns:
        `(N, K)`: for `CrossEntropyLoss` the softmax; for `NLLLoss` the exponential; for
        `BCEWithLogitsLoss` the sigmoid of each output, and for `BCELoss` the outputs
        themselves, divided by their sum where there is more than one; for `MSELoss` the
        outputs, all raised by as much as the lowest is below 0, divided by their sum
        (the same for each class where that is 0).
    """
    match loss:
        case losses.CrossEntropyLoss() | losses.NLLLoss():
            # The softmax of log-probabilities is their exponential.
            return torch.softmax(outputs / temperature, dim=1)
        case losses.BCEWithLogitsLoss():
            if outputs.shape[1] == 1:
                return _both(torch.sigmoid(outputs / temperature))
            # Sigmoids over their sum, also where all are too small to divide by.
            logs = nn.functional.logsigmoid(outputs)
            return torch.softmax(logs / temperature, dim=1)
        case losses.BCELoss():
            one = outputs.shape[1] == 1
            return _tempered(_both(outputs) if one else _shares(outputs), temperature)
        case losses.MSELoss():
            raised = outputs - outputs.amin(dim=1, keepdim=True).clamp(max=0)
            return _tempered(_shares(raised), temperature)
        case losses.L1Loss() | losses.SmoothL1Loss() | losses.HuberLoss():
            raise AssertionError(loss)
        case _:
            assert_never(loss)


def _both(positive: Tensor) -> Tensor:
    return torch.cat([1 - positive, positive], dim=1)


def _tempered(shares: Tensor, temperature: float) -> Tensor:
    """Raise probabilities to a power, so that rows sum to 1; none at all stays none."""
    if temperature == 1:
        return shares
    return torch.softmax(shares.log() / temperature, dim=1)


def _shares(values: Tensor) -> Tensor:
    """Divide rows by their sums; a row of zeros knows nothing, and becomes uniform."""
    values = values.masked_fill(values.amax(dim=1, keepdim=True) <= 0, 1.0)
    return values / values.sum(dim=1, keepdim=True)
