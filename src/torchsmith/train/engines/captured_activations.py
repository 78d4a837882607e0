"""Activations by hand: functions of each number, and their derivatives."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from torchsmith.train.engines.captured_layers import Layer, memory_format
from torchsmith.train.engines.engine import Unsupported
from torchsmith.train.engines.native.kernels import kernels_for

aten = torch.ops.aten

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def build_activation(  # noqa: C901, PLR0912 -- a table
    module: nn.Module, *, overwrite: bool
) -> Layer:
    """Return the layer of an activation.

    Args:
        module: The activation.
        overwrite: Whether the outputs may take the place of the inputs in memory.

    Raises:
        Unsupported: There is no case for it.
    """
    if getattr(module, "inplace", False) and not overwrite:
        raise Unsupported(f"no case for {type(module).__name__}(inplace=True) here")
    match module:
        case nn.ReLU():
            return ReLU(overwrite=overwrite)
        case nn.Sigmoid():
            return OfOutputs(torch.sigmoid, aten.sigmoid_backward.default)
        case nn.Tanh():
            return OfOutputs(torch.tanh, aten.tanh_backward.default)
        case nn.SiLU():
            return OfInputs(functional.silu, aten.silu_backward.default)
        case nn.Mish():
            return OfInputs(functional.mish, aten.mish_backward.default)
        case nn.GELU():
            return _gelu(module.approximate)
        case nn.LeakyReLU():
            return _leaky_relu(module.negative_slope)
        case nn.ELU():
            return _elu(module.alpha, 1.0)
        case nn.SELU():
            return _elu(SELU_ALPHA, SELU_SCALE)
        case nn.Softmax() if module.dim is not None:
            return _softmax(
                torch.softmax, aten._softmax_backward_data.default, module.dim
            )
        case nn.LogSoftmax() if module.dim is not None:
            return _softmax(
                torch.log_softmax, aten._log_softmax_backward_data.default, module.dim
            )
        case _:
            raise Unsupported(f"no case for {type(module).__name__}")


class ReLU:
    """y = max(x, 0): the gradient passes where y > 0.

    Args:
        overwrite: Whether the outputs may take the place of the inputs in memory.
    """

    def __init__(self, *, overwrite: bool) -> None:
        self.overwrite = overwrite

    def forward(self, inputs: Tensor) -> Tensor:
        """Return what is positive, and 0 else."""
        self.kernels = kernels_for(inputs)
        # They take numbers as they lie in memory; small layers need not be asked.
        kept = memory_format(inputs) if self.kernels else None
        if kept and not inputs.is_contiguous(memory_format=kept):
            self.kernels = None
        if self.kernels:
            place = inputs if self.overwrite else torch.empty_like(inputs)
            self.outputs = self.kernels.relu(inputs, place)
            return self.outputs
        # In bfloat16 it takes three times as long to overwrite what no cache holds.
        in_place = self.overwrite and inputs.dtype != torch.bfloat16
        self.outputs = torch.relu_(inputs) if in_place else torch.relu(inputs)
        return self.outputs

    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradient where the outputs are positive."""
        outputs = self.outputs
        if gradient.stride() != outputs.stride():
            # Laid out like the outputs first, it takes a quarter of the time.
            gradient = torch.empty_like(outputs).copy_(gradient)
        # Whoever took the outputs has been gone back through: nobody needs them now.
        if self.kernels:
            del self.outputs
            return self.kernels.relu_back(gradient, outputs)
        in_place = outputs.dtype != torch.bfloat16
        place = outputs if in_place else torch.empty_like(outputs)
        result: Tensor = aten.threshold_backward.grad_input(
            gradient, outputs, 0, grad_input=place
        )
        del self.outputs
        return result


class _Function:
    """A function y of x without parameters.

    Args:
        function: From x to y.
        derivative: From the gradient with respect to y, and what is kept, to that with
            respect to x.
    """

    def __init__(
        self,
        function: Callable[[Tensor], Tensor],
        derivative: Callable[[Tensor, Tensor], Tensor],
    ) -> None:
        self.function = function
        self.derivative = derivative


class OfInputs(_Function):
    """A function whose derivative is computed from its inputs, which are kept."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Apply the function."""
        self.inputs = inputs
        return self.function(inputs)

    def backward(self, gradient: Tensor) -> Tensor:
        """Apply the derivative."""
        return self.derivative(gradient, self.inputs)


class OfOutputs(_Function):
    """A function whose derivative is computed from its outputs, which are kept."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Apply the function."""
        self.outputs = self.function(inputs)
        return self.outputs

    def backward(self, gradient: Tensor) -> Tensor:
        """Apply the derivative."""
        return self.derivative(gradient, self.outputs)


def _gelu(kind: str) -> Layer:
    return OfInputs(
        lambda x: functional.gelu(x, approximate=kind),
        lambda g, x: aten.gelu_backward.default(g, x, approximate=kind),
    )


def _leaky_relu(slope: float) -> Layer:
    # The last argument says that x is what was given, not the result.
    return OfInputs(
        lambda x: functional.leaky_relu(x, slope),
        lambda g, x: aten.leaky_relu_backward.default(g, x, slope, False),  # noqa: FBT003
    )


def _elu(alpha: float, scale: float) -> Layer:
    return OfInputs(
        lambda x: aten.elu.default(x, alpha, scale),
        lambda g, x: aten.elu_backward.default(g, alpha, scale, 1, False, x),  # noqa: FBT003
    )


def _softmax(
    function: Callable[[Tensor, int], Tensor],
    derivative: Callable[[Tensor, Tensor, int, torch.dtype], Tensor],
    dim: int,
) -> Layer:
    return OfOutputs(
        lambda x: function(x, dim), lambda g, y: derivative(g, y, dim, y.dtype)
    )
