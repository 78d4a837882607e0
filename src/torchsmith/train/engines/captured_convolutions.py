"""Convolutions and pooling by hand."""

from typing import Any

import torch
from torch import Tensor, nn

from torchsmith.train.engines.captured_activations import ReLU
from torchsmith.train.engines.captured_gradients import Gradients
from torchsmith.train.engines.captured_layers import memory_format
from torchsmith.train.engines.native.kernels import LARGEST_WINDOW, kernels_for

aten = torch.ops.aten

MOST_WINDOWS, LEAST_SPREAD = 16, 2**16
"""Of an `AdaptiveAvgPool2d`, and of its inputs: else PyTorch is as fast."""

Convolutions = nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d


class Convolution:
    """y = w ∗ x + b.

    dL/dx is the transposed convolution of the gradient with w, and dL/dw that of x
    with the gradient; PyTorch computes both, and dL/db, in one operation.
    """

    def __init__(
        self, module: Convolutions, gradients: Gradients, *, inputs_want: bool
    ) -> None:
        self.weight = gradients.factor(module.weight)
        self.bias = None if module.bias is None else gradients.factor(module.bias)
        self.geometry: tuple[Any, ...] = (
            module.stride,
            padding_of(module),
            module.dilation,
            module.transposed,
            module.output_padding,
            module.groups,
        )
        # PyTorch lays the inputs out like the weight, both times: once is enough.
        lies_last = memory_format(self.weight) is torch.channels_last
        self.lies_last = lies_last and isinstance(module, nn.Conv2d)
        self.bias_sizes = None if self.bias is None else list(self.bias.shape)
        self.slots = [gradients.factor_slot(p) for p in (module.weight, module.bias)]
        self.wanted = [inputs_want, *(slot is not None for slot in self.slots)]

    def forward(self, inputs: Tensor) -> Tensor:
        """Convolve."""
        if self.lies_last:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        self.inputs = inputs
        return torch.convolution(inputs, self.weight, self.bias, *self.geometry)

    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to the inputs."""
        found = aten.convolution_backward.default(
            gradient,
            self.inputs,
            self.weight,
            self.bias_sizes,
            *self.geometry,
            self.wanted,
        )
        del self.inputs
        for slot, value in zip(self.slots, found[1:], strict=True):
            if slot is not None:
                slot.copy_(value)
        return found[0] if self.wanted[0] else gradient


def padding_of(module: Convolutions) -> tuple[int, ...] | None:
    """Return how many zeros are put around; None where it is done in another way."""
    if module.padding_mode != "zeros":
        return None
    if isinstance(module.padding, tuple):
        return module.padding
    if module.padding == "valid":
        return (0,) * len(module.kernel_size)
    around = [
        dilation * (size - 1)
        for size, dilation in zip(module.kernel_size, module.dilation, strict=True)
    ]
    if any(total % 2 for total in around):
        return None  # one zero more at the end
    return tuple(total // 2 for total in around)


class MaxPool2d:
    """The largest of each window: the gradient goes to where it was found.

    Args:
        module: The layer.
        overwrite: Whether the gradient may take the place of the inputs in memory.
    """

    rectify = False

    def __init__(self, module: nn.MaxPool2d, *, overwrite: bool) -> None:
        self.overwrite = overwrite
        self.has_kernel = _has_kernel(module)
        self.geometry: tuple[Any, ...] = (
            _pair(module.kernel_size),
            _pair(module.stride),
            _pair(module.padding),
            _pair(module.dilation),
            module.ceil_mode,
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the largest, and keep their places."""
        self.inputs = inputs
        lies_last = memory_format(inputs) is torch.channels_last
        self.kernels = kernels_for(inputs) if self.has_kernel and lies_last else None
        if self.kernels:
            (size, _), (stride, _), *_ = self.geometry
            self.pooled = self.kernels.pool(inputs, size, stride, rectify=self.rectify)
            return self.pooled.outputs
        outputs, self.places = aten.max_pool2d_with_indices.default(
            inputs, *self.geometry
        )
        result: Tensor = outputs
        return result

    def backward(self, gradient: Tensor) -> Tensor:
        """Return each gradient at its place."""
        # Laid out like the inputs first, it takes a quarter of the time.
        gradient = gradient.contiguous(memory_format=memory_format(self.inputs))
        # Of the inputs PyTorch asks the shape alone; other memory is in no cache.
        place = self.inputs if self.overwrite else torch.empty_like(self.inputs)
        if self.kernels:
            self.kernels.unpool(gradient, self.pooled, place)
            del self.pooled
        else:
            aten.max_pool2d_with_indices_backward.grad_input(
                gradient, self.inputs, *self.geometry, self.places, grad_input=place
            )
            del self.places
        del self.inputs
        return place


class MaxPool2dOfReLU(MaxPool2d):
    """ReLU and then the largest of each window, the other way round: less to do.

    The largest of a window, made positive, is the largest of what is positive; a
    gradient goes where that is, or nowhere. Only after layers that add up: a sum is not
    -0, which could come out with another sign.
    """

    rectify = True

    def __init__(self, module: nn.MaxPool2d, relu: ReLU) -> None:
        super().__init__(module, overwrite=relu.overwrite)
        self.relu = ReLU(overwrite=True)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the largest that are positive, and 0 else."""
        outputs = super().forward(inputs)
        return outputs if self.kernels else self.relu.forward(outputs)

    def backward(self, gradient: Tensor) -> Tensor:
        """Return each gradient at its place."""
        return super().backward(
            gradient if self.kernels else self.relu.backward(gradient)
        )


def _has_kernel(module: nn.MaxPool2d) -> bool:
    """Whether windows are square, do not overlap, and lie inside."""
    (height, width), (down, right) = map(_pair, (module.kernel_size, module.stride))
    around = {*_pair(module.padding), *(d - 1 for d in _pair(module.dilation))}
    is_square = height == width <= LARGEST_WINDOW and down == right >= height
    return is_square and around == {0} and not module.ceil_mode


class AvgPool2d:
    """The mean of each window: the gradient is spread evenly over it."""

    def __init__(self, module: nn.AvgPool2d) -> None:
        self.geometry: tuple[Any, ...] = (
            _pair(module.kernel_size),
            _pair(module.stride),
            _pair(module.padding),
            module.ceil_mode,
            module.count_include_pad,
            module.divisor_override,
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the means."""
        self.inputs = inputs
        result: Tensor = aten.avg_pool2d.default(inputs, *self.geometry)
        return result

    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradients of the means, spread."""
        result: Tensor = aten.avg_pool2d_backward.default(
            gradient, self.inputs, *self.geometry
        )
        return result


class AdaptiveAvgPool2d:
    """Means to a fixed output size; `(1, 1)` is the mean of each whole map."""

    def __init__(self, module: nn.AdaptiveAvgPool2d) -> None:
        self.module = module

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the means."""
        self.inputs = inputs
        outputs: Tensor = self.module(inputs)
        self.whole = outputs.shape[2:] == (1, 1)
        return outputs

    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradients of the means, spread."""
        inputs = self.inputs
        if self.whole:
            return gradient.expand(inputs.shape).div(inputs.shape[2] * inputs.shape[3])
        if self._is_large_and_mixed(gradient):
            return self._spread(gradient)
        result: Tensor = aten._adaptive_avg_pool2d_backward.default(gradient, inputs)
        return result

    def _is_large_and_mixed(self, gradient: Tensor) -> bool:
        """Whether few maps lie channel by channel, and many inputs channels last.

        So it is before `Flatten`. PyTorch then adds number by number.
        """
        return (
            gradient.shape[2] * gradient.shape[3] <= MOST_WINDOWS
            and self.inputs.numel() >= LEAST_SPREAD
            and memory_format(gradient) is torch.contiguous_format
            and memory_format(self.inputs) is torch.channels_last
        )

    def _spread(self, gradient: Tensor) -> Tensor:
        """Add window by window, in PyTorch's order: the same bits."""
        found = torch.zeros_like(self.inputs)
        rows, columns = map(_windows, found.shape[2:], gradient.shape[2:])
        for i, (top, bottom) in enumerate(rows):
            for j, (left, right) in enumerate(columns):
                share = gradient[..., i : i + 1, j : j + 1] / (bottom - top)
                found[..., top:bottom, left:right] += share / (right - left)
        return found


def _windows(size: int, count: int) -> list[tuple[int, int]]:
    """Return where each window begins and ends; they may overlap by one."""
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else value
