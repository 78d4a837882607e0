"""Backpropagation by hand: what each layer computes, forward and backward.

A layer is a function y = f(x, w). Backward it is given the gradient of the loss with
respect to y, and by the chain rule it finds that with respect to its parameters w,
which it writes to their slots, and that with respect to x, which it returns. What it
needs of x or y for this it keeps from the forward pass.

The operations are those of autograd's own formulas (`derivatives.yaml` in PyTorch), on
operands that lie in memory as autograd's do: that decides how sums are rounded, and the
results are the same to the last bit.
"""

from contextlib import nullcontext
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from torchsmith.nn.adapted import Embedding as CodesEmbedding
from torchsmith.train.engines.captured_gradients import Gradients
from torchsmith.train.engines.engine import Unsupported

aten = torch.ops.aten

AS_GIVEN = nullcontext()


class Layer(Protocol):
    """One step of the forward pass, and of the backward pass."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs; keep what `backward` needs."""

    def backward(self, gradient: Tensor) -> Tensor:
        """Write the gradients of the parameters.

        Args:
            gradient: Of the loss with respect to the outputs.

        Returns:
            That with respect to the inputs; anything where nobody wants it.
        """


class ByAutograd:
    """A layer whose derivative is left to autograd.

    Args:
        module: The layer.
        gradients: Where the gradients of its parameters go.
        inputs_want: Whether the gradient with respect to the inputs is wanted.

    Raises:
        Unsupported: In bfloat16 it shares a parameter.
    """

    def __init__(
        self, module: nn.Module, gradients: Gradients, *, inputs_want: bool
    ) -> None:
        self.module = module
        self.inputs_want = inputs_want
        self.bfloat16 = gradients.bfloat16
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        if self.bfloat16 and any(map(gradients.has_slot, self.parameters)):
            # Autograd would add up the gradients of one copy, before they are float32.
            name = type(module).__name__
            raise Unsupported(f"no case for {name} that shares a parameter in bfloat16")
        self.slots = [gradients.slot(p) for p in self.parameters]

    def forward(self, inputs: Tensor) -> Tensor:
        """Record the module's operations."""
        lowered = torch.autocast("cpu", torch.bfloat16) if self.bfloat16 else AS_GIVEN
        with torch.inference_mode(mode=False), torch.enable_grad(), lowered:
            # A clone, since autograd may not keep what was made in inference mode.
            self.inputs = inputs.clone().requires_grad_(self.inputs_want)
            outputs: Tensor = self.module(self.inputs)
        self.outputs = outputs
        return outputs.detach()

    def backward(self, gradient: Tensor) -> Tensor:
        """Go back through what was recorded."""
        wanted = [self.inputs] if self.inputs_want else []
        found = torch.autograd.grad(
            self.outputs, [*wanted, *self.parameters], gradient, materialize_grads=True
        )
        for slot, value in zip(self.slots, found[len(wanted) :], strict=True):
            if slot is not None:
                slot.copy_(value)
        del self.outputs
        return found[0] if wanted else gradient


class Linear:
    """y = x Wᵀ + b, so dL/dW = gᵀ x, dL/db = Σ g over the batch, dL/dx = g W.

    With more dimensions, `(*, in_features)`, all but the last are the batch.
    """

    def __init__(
        self, module: nn.Linear, gradients: Gradients, *, inputs_want: bool
    ) -> None:
        self.weight = gradients.factor(module.weight)
        self.transposed = self.weight.t()
        self.bias = None if module.bias is None else gradients.factor(module.bias)
        self.weight_slot = gradients.factor_slot(module.weight)
        self.bias_slot = gradients.factor_slot(module.bias)
        self.inputs_want = inputs_want

    def forward(self, inputs: Tensor) -> Tensor:
        """Return `(*, out_features)` of `(*, in_features)`."""
        self.shape = inputs.shape
        self.inputs = inputs if inputs.ndim == 2 else inputs.reshape(-1, self.shape[-1])
        # What lies apart in memory PyTorch multiplies first, and then adds the bias.
        self.in_two = inputs.ndim > 2 and not inputs.is_contiguous()
        if self.bias is None or self.in_two:
            outputs = torch.mm(self.inputs, self.transposed)
        else:
            outputs = torch.addmm(self.bias, self.inputs, self.transposed)
        if inputs.ndim > 2:
            outputs = outputs.view(*self.shape[:-1], -1)
        return outputs + self.bias if self.bias is not None and self.in_two else outputs

    def backward(self, gradient: Tensor) -> Tensor:
        """Return `(*, in_features)` of `(*, out_features)`."""
        rows = gradient if gradient.ndim == 2 else gradient.flatten(0, -2)
        if self.weight_slot is not None:
            torch.mm(rows.t(), self.inputs, out=self.weight_slot)
        if self.bias_slot is not None:
            summed = gradient if self.in_two else rows
            torch.sum(summed, list(range(summed.ndim - 1)), out=self.bias_slot)
        if not self.inputs_want:
            return gradient
        found = gradient_of_inputs(rows, self.weight, self.inputs)
        return found if gradient.ndim == 2 else found.view(self.shape)


def gradient_of_inputs(gradient: Tensor, weight: Tensor, inputs: Tensor) -> Tensor:
    """Return g W as autograd does, to the last bit.

    Where the inputs lie in memory column by column, as a single number does, it
    multiplies the other way round, which rounds otherwise.
    """
    if inputs.stride() == (1, len(inputs)):
        return torch.mm(weight.t(), gradient.t()).t()
    return torch.mm(gradient, weight)


class Reshape:
    """Other dimensions, the same numbers: the gradient is shaped back."""

    def __init__(self, module: nn.Flatten | nn.Unflatten) -> None:
        self.module = module

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the numbers in their new shape."""
        self.shape = inputs.shape
        outputs: Tensor = self.module(inputs)
        return outputs

    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradient in the shape of the inputs."""
        return gradient.reshape(self.shape)


class Dropout:
    """y = x m, where m is 0 with probability p, and 1 / (1 - p) else."""

    def __init__(self, module: nn.Dropout) -> None:
        self.keep = 1 - module.p

    def forward(self, inputs: Tensor) -> Tensor:
        """Draw a mask, and apply it; where all is dropped, PyTorch draws none."""
        if self.keep:
            self.mask = torch.empty_like(inputs).bernoulli_(self.keep).div_(self.keep)
        else:
            self.mask = torch.zeros(())
        return inputs * self.mask

    def backward(self, gradient: Tensor) -> Tensor:
        """Apply the mask to the gradient."""
        return gradient * self.mask


class Embedding:
    """y = W[code], so dL/dW is, in each code's row, the sum of g where it was met."""

    def __init__(self, module: nn.Embedding, gradients: Gradients) -> None:
        self.module = module
        self.weight = module.weight.detach()
        # Autograd's way to say that no code is left out.
        self.padding = -1 if module.padding_idx is None else module.padding_idx
        self.slot = gradients.slot(module.weight)

    def forward(self, inputs: Tensor) -> Tensor:
        """Look up the vector of each code."""
        self.codes = inputs
        if isinstance(self.module, CodesEmbedding):
            self.codes = self.module.codes(inputs)
        return functional.embedding(self.codes, self.weight)

    def backward(self, gradient: Tensor) -> Tensor:
        """Add up the gradients of each code; codes themselves have none."""
        if self.slot is not None:
            self.slot.copy_(
                aten.embedding_dense_backward.default(
                    gradient,
                    self.codes,
                    self.module.num_embeddings,
                    self.padding,
                    self.module.scale_grad_by_freq,
                )
            )
        return gradient


def memory_format(tensor: Tensor) -> torch.memory_format:
    """Return how a tensor lies in memory, as PyTorch's kernels ask."""
    if tensor.is_contiguous():
        return torch.contiguous_format
    for dimensions, kept in ((4, torch.channels_last), (5, torch.channels_last_3d)):
        if tensor.ndim == dimensions and tensor.is_contiguous(memory_format=kept):
            return kept
    return torch.contiguous_format
