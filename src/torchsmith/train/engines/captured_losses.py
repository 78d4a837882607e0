"""Losses by hand: one number for a batch, and its gradient."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from torchsmith.nn.losses import ClassTargets, LossFunction
from torchsmith.train.engines.engine import Unsupported

aten = torch.ops.aten

_REDUCTIONS = {"mean": 1, "sum": 2}
"""As PyTorch's operations call them."""


class Loss(Protocol):
    """The end of the forward pass, and the beginning of the backward pass."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of a batch, a scalar; keep what `backward` needs."""

    def backward(self, weight: Tensor) -> Tensor:
        """Return the gradient with respect to the outputs.

        Args:
            weight: What the loss is multiplied with, a scalar: 1, or the share of the
                batch in its step.
        """


class ByAutograd:
    """A loss whose derivative is left to autograd."""

    def __init__(self, loss: LossFunction) -> None:
        self.loss = loss

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Record the loss."""
        with torch.inference_mode(mode=False), torch.enable_grad():
            # A clone, since autograd may not keep what was made in inference mode.
            self.outputs = outputs.clone().requires_grad_()
            self.value = self.loss(self.outputs, targets)
        return self.value.detach()

    def backward(self, weight: Tensor) -> Tensor:
        """Go back through what was recorded."""
        return torch.autograd.grad(self.value, self.outputs, weight)[0]


class CrossEntropy:
    """-log of the softmax at the class; the gradient is softmax - one-hot, averaged."""

    def __init__(self, loss: nn.CrossEntropyLoss) -> None:
        self.of_logs = NegativeLogLikelihood(loss)

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of logits `(N, K)` and classes `(N,)`."""
        self.logs = torch.log_softmax(outputs, 1)
        return self.of_logs.forward(self.logs, targets)

    def backward(self, weight: Tensor) -> Tensor:
        """Return the gradient `(N, K)`."""
        gradient = self.of_logs.backward(weight)
        result: Tensor = aten._log_softmax_backward_data.default(
            gradient, self.logs, 1, self.logs.dtype
        )
        return result


class NegativeLogLikelihood:
    """Minus the log-probability of the class; weighted by class, where asked for."""

    def __init__(self, loss: nn.CrossEntropyLoss | nn.NLLLoss) -> None:
        self.settings = (loss.weight, _REDUCTIONS[loss.reduction], loss.ignore_index)

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of log-probabilities `(N, K)` and classes `(N,)`."""
        self.outputs, self.targets = outputs, targets
        value, self.total_weight = aten.nll_loss_forward.default(
            outputs, targets, *self.settings
        )
        result: Tensor = value
        return result

    def backward(self, weight: Tensor) -> Tensor:
        """Return the gradient `(N, K)`."""
        result: Tensor = aten.nll_loss_backward.default(
            weight, self.outputs, self.targets, *self.settings, self.total_weight
        )
        return result


class Elementwise:
    """A loss between outputs and targets of one shape.

    Args:
        function: From outputs and targets to the loss.
        derivative: From a weight, outputs and targets to the gradient.
    """

    def __init__(
        self,
        function: Callable[[Tensor, Tensor], Tensor],
        derivative: Callable[[Tensor, Tensor, Tensor], Tensor],
    ) -> None:
        self.function = function
        self.derivative = derivative

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss."""
        self.outputs, self.targets = outputs, targets
        return self.function(outputs, targets)

    def backward(self, weight: Tensor) -> Tensor:
        """Return the gradient, in the shape of the outputs."""
        return self.derivative(weight, self.outputs, self.targets)


class WhereWritten:
    """A loss that is written out for some shapes, and left to autograd for others.

    Args:
        loss: The loss.
        written: The same, written out.
        takes: Whether that is for such outputs and targets.
    """

    def __init__(
        self, loss: LossFunction, written: Loss, takes: Callable[[Tensor, Tensor], bool]
    ) -> None:
        self.written = written
        self.by_autograd = ByAutograd(loss)
        self.takes = takes

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss."""
        takes = self.takes(outputs, targets)
        self.chosen = self.written if takes else self.by_autograd
        return self.chosen.forward(outputs, targets)

    def backward(self, weight: Tensor) -> Tensor:
        """Return the gradient, in the shape of the outputs."""
        return self.chosen.backward(weight)


class OfClasses:
    """A loss between numbers that is given classes.

    Args:
        loss: Between numbers.
    """

    def __init__(self, loss: Loss) -> None:
        self.loss = loss

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss."""
        return self.loss.forward(outputs, ClassTargets.as_numbers(outputs, targets))

    def backward(self, weight: Tensor) -> Tensor:
        """Return the gradient, in the shape of the outputs."""
        return self.loss.backward(weight)


def build_loss(loss: LossFunction) -> Loss:
    """Return what computes a loss and its gradient.

    Raises:
        Unsupported: The loss is not PyTorch's own, or not one number.
    """
    if type(loss).__module__ not in (nn.MSELoss.__module__, ClassTargets.__module__):
        name = getattr(loss, "__name__", type(loss).__name__)
        raise Unsupported(f"no case for the loss {name}")
    reduction = getattr(loss, "reduction", "")
    if reduction not in _REDUCTIONS:
        raise Unsupported(
            f"no case for {type(loss).__name__} with reduction {reduction!r}"
        )
    match loss:
        case ClassTargets(loss=nn.BCELoss()):  # it looks at the outputs first
            return ByAutograd(loss)
        case ClassTargets():
            return OfClasses(build_loss(loss.loss))
        case nn.CrossEntropyLoss() if loss.label_smoothing == 0:
            return WhereWritten(loss, CrossEntropy(loss), _are_classes)
        case nn.NLLLoss():
            return WhereWritten(loss, NegativeLogLikelihood(loss), _are_classes)
        case nn.MSELoss():
            return _elementwise(loss, torch._C._nn.mse_loss, aten.mse_loss_backward)
        case nn.SmoothL1Loss() if loss.beta > 0:
            return _elementwise(
                loss,
                torch._C._nn.smooth_l1_loss,
                aten.smooth_l1_loss_backward,
                loss.beta,
            )
        case nn.HuberLoss():
            return _elementwise(
                loss, torch._C._nn.huber_loss, aten.huber_loss_backward, loss.delta
            )
        case nn.CrossEntropyLoss() | nn.L1Loss() | nn.SmoothL1Loss() | nn.BCELoss():
            return ByAutograd(loss)
        case nn.BCEWithLogitsLoss() if loss.weight is None:
            return _with_logits(loss)
        case _:
            raise Unsupported(f"no case for {type(loss).__name__}")


def _elementwise(
    loss: nn.MSELoss | nn.SmoothL1Loss | nn.HuberLoss,
    function: Callable[..., Tensor],
    derivative: torch._ops.OpOverloadPacket,
    *arguments: float,
) -> Loss:
    """Return a loss for which PyTorch has one operation, and one for its gradient."""
    differentiate = derivative.default
    settings = (_REDUCTIONS[loss.reduction], *arguments)
    written = Elementwise(
        lambda outputs, targets: function(outputs, targets, *settings),
        lambda weight, outputs, targets: differentiate(
            weight, outputs, targets, *settings
        ),
    )
    return WhereWritten(loss, written, _are_alike)


def _with_logits(loss: nn.BCEWithLogitsLoss) -> Loss:
    """Return the loss whose gradient is sigmoid(x) - t."""
    positive = loss.pos_weight
    reduction = _REDUCTIONS[loss.reduction]

    def compute(outputs: Tensor, targets: Tensor) -> Tensor:
        return torch.binary_cross_entropy_with_logits(
            outputs, targets, None, positive, reduction
        )

    def differentiate(weight: Tensor, outputs: Tensor, targets: Tensor) -> Tensor:
        if positive is None:
            gradient = outputs.sigmoid() - targets
        else:
            weighted = positive * targets
            gradient = (weighted + 1 - targets) * outputs.sigmoid() - weighted
        gradient = gradient * weight
        return gradient.div_(gradient.numel()) if reduction == 1 else gradient

    return WhereWritten(loss, Elementwise(compute, differentiate), _are_alike)


def _are_classes(outputs: Tensor, targets: Tensor) -> bool:
    """Whether there are `(N, K)` outputs and a class for each row."""
    return outputs.ndim == 2 and targets.ndim == 1 and not targets.is_floating_point()


def _are_alike(outputs: Tensor, targets: Tensor) -> bool:
    return outputs.shape == targets.shape and outputs.dtype is targets.dtype
