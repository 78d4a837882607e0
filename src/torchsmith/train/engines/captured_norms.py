"""Normalisation by hand: x̂ = (x - mean) / deviation, then a scale and a shift.

PyTorch computes the three derivatives, with respect to x, the scale and the shift, in
one operation, from the mean and 1 / deviation that the forward pass found.
"""

import torch
from torch import Tensor, nn

from torchsmith.train.engines.captured_gradients import Gradients
from torchsmith.train.engines.captured_layers import memory_format

aten = torch.ops.aten

BatchNorms = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


class _Affine:
    """The scale and the shift of a normalisation, and which gradients are wanted."""

    def __init__(
        self,
        module: BatchNorms | nn.LayerNorm | nn.GroupNorm,
        gradients: Gradients,
        *,
        inputs_want: bool,
    ) -> None:
        weight, bias = module.weight, module.bias
        self.weight = None if weight is None else weight.detach()
        self.bias = None if bias is None else bias.detach()
        self.slots = [gradients.slot(weight), gradients.slot(bias)]
        self.wanted = [inputs_want, *(slot is not None for slot in self.slots)]

    def write(self, found: tuple[Tensor, ...], gradient: Tensor) -> Tensor:
        """Write the gradients of scale and shift; return that of the inputs."""
        for slot, value in zip(self.slots, found[1:], strict=True):
            if slot is not None:
                slot.copy_(value)
        return found[0] if self.wanted[0] else gradient


class BatchNorm:
    """Mean and deviation of each channel over the batch; keeps running statistics."""

    def __init__(
        self, module: BatchNorms, gradients: Gradients, *, inputs_want: bool
    ) -> None:
        self.module = module
        self.affine = _Affine(module, gradients, inputs_want=inputs_want)

    def forward(self, inputs: Tensor) -> Tensor:
        """Normalise each channel."""
        module, affine = self.module, self.affine
        if inputs.numel() == inputs.shape[1]:
            module(inputs)  # refuses one value for each channel
        share = module.momentum or 0.0
        if module.track_running_stats and module.num_batches_tracked is not None:
            module.num_batches_tracked.add_(1)
            if module.momentum is None:
                share = 1.0 / float(module.num_batches_tracked)
        self.inputs = inputs
        outputs, self.mean, self.inverse = torch.native_batch_norm(
            inputs,
            affine.weight,
            affine.bias,
            module.running_mean,
            module.running_var,
            True,  # noqa: FBT003 -- with the statistics of the batch
            share,
            module.eps,
        )
        return outputs

    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to the inputs."""
        module, affine = self.module, self.affine
        found = aten.native_batch_norm_backward.default(
            gradient,
            self.inputs,
            affine.weight,
            module.running_mean,
            module.running_var,
            self.mean,
            self.inverse,
            True,  # noqa: FBT003 -- with the statistics of the batch
            module.eps,
            affine.wanted,
        )
        del self.inputs
        return affine.write(found, gradient)


class LayerNorm:
    """Mean and deviation of each example over its last dimensions."""

    def __init__(
        self, module: nn.LayerNorm, gradients: Gradients, *, inputs_want: bool
    ) -> None:
        self.shape = list(module.normalized_shape)
        self.eps = module.eps
        self.affine = _Affine(module, gradients, inputs_want=inputs_want)

    def forward(self, inputs: Tensor) -> Tensor:
        """Normalise each example."""
        affine = self.affine
        self.inputs = inputs
        outputs, self.mean, self.inverse = torch.native_layer_norm(
            inputs, self.shape, affine.weight, affine.bias, self.eps
        )
        return outputs

    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to the inputs."""
        affine = self.affine
        found = aten.native_layer_norm_backward.default(
            gradient,
            self.inputs,
            self.shape,
            self.mean,
            self.inverse,
            affine.weight,
            affine.bias,
            affine.wanted,
        )
        return affine.write(found, gradient)


class GroupNorm:
    """Mean and deviation of each example over groups of its channels."""

    def __init__(
        self, module: nn.GroupNorm, gradients: Gradients, *, inputs_want: bool
    ) -> None:
        self.num_groups = module.num_groups
        self.eps = module.eps
        self.affine = _Affine(module, gradients, inputs_want=inputs_want)
        # Without it, PyTorch 2.13 writes past its memory where channels lie last.
        self.affine.wanted[0] = True

    def forward(self, inputs: Tensor) -> Tensor:
        """Normalise each group of channels."""
        affine = self.affine
        num, channels = inputs.shape[:2]
        self.sizes = (num, channels, inputs.numel() // (num * channels))
        self.format = memory_format(inputs)
        self.inputs = inputs.contiguous(memory_format=self.format)
        outputs, self.mean, self.inverse = torch.native_group_norm(
            self.inputs,
            affine.weight,
            affine.bias,
            *self.sizes,
            self.num_groups,
            self.eps,
        )
        return outputs

    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to the inputs."""
        affine = self.affine
        found = aten.native_group_norm_backward.default(
            gradient.contiguous(memory_format=self.format),
            self.inputs,
            self.mean,
            self.inverse,
            affine.weight,
            *self.sizes,
            self.num_groups,
            affine.wanted,
        )
        return affine.write(found, gradient)
