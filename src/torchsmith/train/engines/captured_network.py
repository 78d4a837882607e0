"""From a network to its layers, forward and backward."""

import torch
from torch import Tensor, nn

from torchsmith.nn.adapted import Bilinear, Residual
from torchsmith.nn.recurrent import Recurrent
from torchsmith.nn.tabular import PeriodicEmbedding, TabularMLP
from torchsmith.train.engines import captured_convolutions as convolutions
from torchsmith.train.engines import captured_layers as layers
from torchsmith.train.engines import captured_norms as norms
from torchsmith.train.engines.captured_activations import (
    OfOutputs,
    ReLU,
    build_activation,
)
from torchsmith.train.engines.captured_gradients import Gradients
from torchsmith.train.engines.captured_layers import Layer
from torchsmith.train.engines.captured_precision import InBfloat16
from torchsmith.train.engines.engine import Unsupported, refuse_hooks

_DRAWS = nn.Dropout | nn.RNNBase | nn.TransformerEncoder
_KEEPS_OUTPUTS = OfOutputs | ReLU | convolutions.MaxPool2dOfReLU | layers.ByAutograd
_PRODUCTS = layers.Linear | convolutions.Convolution


def build_network(network: nn.Module, gradients: Gradients) -> "Chain":
    """Return the layers of a network, to be called in `train()` mode.

    Args:
        network: Its tensors are used as they are, and its buffers changed in place.
        gradients: Where the gradients of its parameters go.

    Raises:
        Unsupported: Part of the network has no case; says which.
    """
    for module in network.modules():
        _refuse_changed(module)
    if not any(p.requires_grad for p in network.parameters()):
        raise Unsupported("there is no parameter to train")
    chain = Chain(gradients, inputs_want=False, inputs_kept=True)
    chain.append(network)
    return chain


def draws(network: nn.Module) -> bool:
    """Whether the forward pass of a network draws random numbers."""
    return any(isinstance(module, _DRAWS) for module in network.modules())


class Chain:
    """Layers one after the other; backward in the opposite order.

    Args:
        gradients: Where the gradients of parameters go.
        inputs_want: Whether the gradient with respect to the inputs is wanted.
        inputs_kept: Whether somebody else needs the inputs, too, so that no layer may
            put its outputs in their place.
    """

    def __init__(
        self, gradients: Gradients, *, inputs_want: bool, inputs_kept: bool
    ) -> None:
        self.gradients = gradients
        self.want = inputs_want
        self.kept = inputs_kept
        self._forward: list[Layer] = []
        self._backward: list[Layer] = []

    def append(self, module: nn.Module) -> None:
        """Add a module at the end.

        Raises:
            Unsupported: There is no case for it.
        """
        if isinstance(module, nn.Sequential):
            for child in module:
                self.append(child)
            return
        if isinstance(module, nn.Identity) or _does_nothing(module):
            return
        layer = self._build(module)
        if self.gradients.bfloat16 and isinstance(layer, _PRODUCTS):
            layer = InBfloat16(layer, inputs_want=self.want)
        learns = any(p.requires_grad for p in module.parameters())
        if isinstance(module, nn.MaxPool2d) and (relu := self._take_last_relu()):
            layer = convolutions.MaxPool2dOfReLU(module, relu)
        self._forward.append(layer)
        if self.want or learns:
            self._backward.insert(0, layer)
        self.want = self.want or learns
        if not isinstance(layer, layers.Reshape):  # it may give the very same memory
            self.kept = isinstance(layer, _KEEPS_OUTPUTS)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs of the last layer."""
        for layer in self._forward:
            inputs = layer.forward(inputs)
        return inputs

    def backward(self, gradient: Tensor) -> Tensor:
        """Return the gradient with respect to the inputs, where it is wanted."""
        for layer in self._backward:
            gradient = layer.backward(gradient)
        return gradient

    def _take_last_relu(self) -> ReLU | None:
        """Take a `ReLU` away from the end that can be one layer with `MaxPool2d`."""
        match self._forward:
            case [*_, convolutions.Convolution() | norms.BatchNorm(), ReLU() as relu]:
                pass
            case [*_, InBfloat16(layer=convolutions.Convolution()), ReLU() as relu]:
                pass
            case _:
                return None
        self._forward.remove(relu)
        if relu in self._backward:
            self._backward.remove(relu)
        return relu

    def _build(self, module: nn.Module) -> Layer:  # noqa: C901, PLR0912 -- a table
        gradients, want = self.gradients, self.want
        match module:
            case Residual():
                return ResidualLayers(module, gradients, inputs_want=want)
            case TabularMLP():
                return TabularLayers(module, gradients)
            case nn.Embedding() if want:
                raise Unsupported("no case for Embedding after layers that learn")
            case nn.Embedding() if module.sparse:
                raise Unsupported("no case for Embedding with sparse gradients")
            case nn.Embedding() if module.max_norm is None:
                return layers.Embedding(module, gradients)
            case nn.Flatten() | nn.Unflatten():
                return layers.Reshape(module)
            case nn.Dropout():
                return layers.Dropout(module)
            case nn.Linear():
                return layers.Linear(module, gradients, inputs_want=want)
            case nn.BatchNorm1d() | nn.BatchNorm2d() | nn.BatchNorm3d():
                return norms.BatchNorm(module, gradients, inputs_want=want)
            case nn.LayerNorm():
                return norms.LayerNorm(module, gradients, inputs_want=want)
            case nn.GroupNorm():
                return norms.GroupNorm(module, gradients, inputs_want=want)
            case nn.Conv1d() | nn.Conv2d() | nn.Conv3d() | nn.ConvTranspose2d() if (
                convolutions.padding_of(module) is not None
            ):
                return convolutions.Convolution(module, gradients, inputs_want=want)
            case nn.MaxPool2d() if not module.return_indices:
                return convolutions.MaxPool2d(module, overwrite=not self.kept)
            case nn.AvgPool2d():
                return convolutions.AvgPool2d(module)
            case nn.AdaptiveAvgPool2d():
                return convolutions.AdaptiveAvgPool2d(module)
            case (
                nn.Embedding()
                | nn.Conv1d()
                | nn.Conv2d()
                | nn.Conv3d()
                | nn.MaxPool1d()
                | nn.MaxPool3d()
                | nn.AvgPool1d()
                | nn.AvgPool3d()
                | nn.AdaptiveAvgPool1d()
                | nn.AdaptiveAvgPool3d()
                | nn.AdaptiveMaxPool2d()
                | nn.TransformerEncoder()
                | Bilinear()
                | Recurrent()
                | PeriodicEmbedding()
            ):
                return layers.ByAutograd(module, gradients, inputs_want=want)
            case _:
                return build_activation(module, overwrite=not self.kept)


class ResidualLayers:
    """y = layers(x) + shortcut(x): the gradient goes both ways, and is added up."""

    def __init__(
        self, module: Residual, gradients: Gradients, *, inputs_want: bool
    ) -> None:
        self.layers = Chain(gradients, inputs_want=inputs_want, inputs_kept=True)
        self.shortcut = Chain(gradients, inputs_want=inputs_want, inputs_kept=True)
        self.layers.append(module.layers)
        self.shortcut.append(module.shortcut)
        self.inputs_want = inputs_want

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the sum of both ways."""
        by_layers = self.layers.forward(inputs)
        by_shortcut = self.shortcut.forward(inputs)
        self.kinds = (by_layers.dtype, by_shortcut.dtype)
        return by_layers + by_shortcut

    def backward(self, gradient: Tensor) -> Tensor:
        """Return the sum of the gradients of both ways."""
        # Autograd goes back first through what was computed last.
        of_layers, of_shortcut = map(gradient.to, self.kinds)
        through_shortcut = self.shortcut.backward(of_shortcut)
        through_layers = self.layers.backward(of_layers)
        return through_shortcut + through_layers if self.inputs_want else gradient


class TabularLayers:
    """Numbers, waves of numbers and embedded codes side by side, then an MLP."""

    def __init__(self, module: TabularMLP, gradients: Gradients) -> None:
        self.num_numbers = module.num_numbers
        self.waves = (
            None
            if module.numbers is None
            else layers.ByAutograd(module.numbers, gradients, inputs_want=False)
        )
        self.tables = [
            layers.Embedding(table, gradients)
            for table in module.categories
            if isinstance(table, nn.Embedding)
        ]
        mlp = {id(p) for p in module.mlp.parameters()}
        want = any(p.requires_grad for p in module.parameters() if id(p) not in mlp)
        self.mlp = Chain(gradients, inputs_want=want, inputs_kept=False)
        self.mlp.append(module.mlp)
        self.inputs_want = want

    def forward(self, inputs: Tensor) -> Tensor:
        """Return raw outputs `(N, out_features)`."""
        numbers = inputs[:, : self.num_numbers]
        features = [numbers] if self.num_numbers else []
        if self.waves is not None:
            features.append(self.waves.forward(numbers))
        codes = inputs[:, self.num_numbers :].long()
        features += [t.forward(codes[:, i]) for i, t in enumerate(self.tables)]
        self.widths = [part.shape[1] for part in features]
        self.kinds = [part.dtype for part in features]
        return self.mlp.forward(torch.cat(features, dim=1))

    def backward(self, gradient: Tensor) -> Tensor:
        """Give each part of the features its part of the gradient."""
        gradient = self.mlp.backward(gradient)
        if self.inputs_want:
            split = gradient.split(self.widths, dim=1)
            parts = list(map(Tensor.to, split, self.kinds))
            for table in reversed(self.tables):
                table.backward(parts.pop())
            if self.waves is not None:
                self.waves.backward(parts.pop())
        return gradient


def _does_nothing(module: nn.Module) -> bool:
    return isinstance(module, nn.Dropout) and module.p == 0


def _refuse_changed(module: nn.Module) -> None:
    """Refuse what is not just what PyTorch, or we, made it."""
    name = type(module).__name__
    if not type(module).__module__.startswith(("torch.nn.modules.", "torchsmith.nn.")):
        raise Unsupported(f"no case for {name}")
    refuse_hooks(module)
    for parameter in module.parameters(recurse=False):
        if parameter.dtype != torch.float32:
            raise Unsupported(f"no case for {name} of {parameter.dtype}")
