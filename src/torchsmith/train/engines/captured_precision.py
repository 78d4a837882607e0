"""`training.precision: bfloat16`, as `torch.autocast` has it.

It computes products and convolutions in bfloat16, on copies of what they are given, and
losses in float32; every other layer computes in the type of its inputs. A gradient has
the type of the numbers that it is of.
"""

import torch
from torch import Tensor

from torchsmith.train.engines.captured_layers import Layer
from torchsmith.train.engines.captured_losses import Loss


class InBfloat16:
    """A layer on inputs in bfloat16.

    Args:
        layer: Computes with copies of its parameters in bfloat16.
        inputs_want: Whether the gradient with respect to the inputs is wanted.
    """

    def __init__(self, layer: Layer, *, inputs_want: bool) -> None:
        self.layer = layer
        self.inputs_want = inputs_want

    def forward(self, inputs: Tensor) -> Tensor:
        """Return outputs in bfloat16."""
        self.kind = inputs.dtype
        return self.layer.forward(inputs.to(torch.bfloat16))

    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradient in the type of the inputs."""
        found = self.layer.backward(gradient)
        return found.to(self.kind) if self.inputs_want else gradient


class InFloat32:
    """A loss of outputs in float32.

    Args:
        loss: The loss.
    """

    def __init__(self, loss: Loss) -> None:
        self.loss = loss

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss."""
        self.kind = outputs.dtype
        return self.loss.forward(outputs.float(), targets)

    def backward(self, weight: Tensor) -> Tensor:
        """Return the gradient in the type of the outputs."""
        return self.loss.backward(weight).to(self.kind)
