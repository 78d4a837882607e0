"""The loss of many networks at once, and the gradient of their outputs."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from torchsmith.nn.losses import ClassTargets, LossFunction
from torchsmith.train.engines.together_layers import num_tries, same_bits

MEAN = 1
"""As `torch.nn.functional` tells the reduction to what computes it."""

StackedLoss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From outputs `(M, B, K)` and targets `(M, B, …)` to losses `(M,)` and gradients."""


def stacked_loss(loss: LossFunction, shape: torch.Size, targets: Tensor) -> StackedLoss:
    """Return what computes a loss of many networks, in few calls where bits allow.

    Args:
        loss: Of one network.
        shape: Of the outputs, `(M, B, K)`.
        targets: Of a batch of each network, `(M, B, …)`.
    """
    each = _each(loss)
    together = _together(loss, targets)
    if together is None:
        return each
    for _ in range(num_tries(shape.numel())):
        outputs = torch.randn(shape)
        found, wanted = together(outputs, targets), each(outputs, targets)
        if not all(map(same_bits, found, wanted)):
            return each
    return together


def _each(loss: LossFunction) -> StackedLoss:
    """Return the loss of each network for itself, differentiated by autograd."""

    def compute(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            own = [each.requires_grad_() for each in outputs.detach().unbind()]
            losses = [loss(o, t) for o, t in zip(own, targets.unbind(), strict=True)]
        grads = torch.autograd.grad(losses, own)
        return torch.stack([each.detach() for each in losses]), torch.stack(grads)

    return compute


def _together(loss: LossFunction, targets: Tensor) -> StackedLoss | None:
    """Return a loss whose gradient is known as a formula."""
    match loss.loss if isinstance(loss, ClassTargets) else loss:
        case nn.CrossEntropyLoss(weight=None, reduction="mean", label_smoothing=0.0):
            return _cross_entropy
        case nn.MSELoss(reduction="mean") if targets.is_floating_point():
            return _squared_error
        case _:
            return None


def _cross_entropy(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    _, num_examples, num_classes = outputs.shape
    logs = functional.log_softmax(outputs.view(-1, num_classes), dim=1)
    pairs = zip(logs.view_as(outputs).unbind(), targets.unbind(), strict=True)
    losses = torch.stack([functional.nll_loss(own, truth) for own, truth in pairs])
    aten = torch.ops.aten
    one, weights = torch.ones(()), torch.tensor(float(num_examples))
    rows = targets.reshape(-1)
    grad = aten.nll_loss_backward(one, logs, rows, None, MEAN, -100, weights)
    grad = aten._log_softmax_backward_data(grad, logs, 1, torch.float32)
    return losses, grad.view_as(outputs)


def _squared_error(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    pairs = zip(outputs.unbind(), targets.unbind(), strict=True)
    losses = torch.stack([functional.mse_loss(own, truth) for own, truth in pairs])
    return losses, (outputs - targets) * (2 / outputs[0].numel())
