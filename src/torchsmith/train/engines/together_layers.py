"""Layers of many networks at once: stacked inputs, stacked weights, no autograd.

Shapes: M networks, B examples in a batch of each, F features.

A number may round in another way where it is computed beside others: in products of
small matrices, or of such as do not begin at a line of the processor's cache. So each
product is tried both ways on numbers drawn at random, and takes one call for all
networks only where this machine gives the very bits of one call for each.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from torchsmith.nn.tabular import TabularMLP
from torchsmith.train.engines.captured_layers import gradient_of_inputs
from torchsmith.train.engines.engine import Unsupported

POINTWISE = (
    nn.ReLU,
    nn.LeakyReLU,
    nn.ELU,
    nn.GELU,
    nn.SELU,
    nn.SiLU,
    nn.Mish,
    nn.Sigmoid,
    nn.Tanh,
    nn.Softmax,
    nn.LogSoftmax,
)
"""Layers without weights that keep the shape and treat each example for itself."""

LINE_BYTES = 64
"""Of the processor's cache; tensors begin at one."""

TRIED_NUMBERS = 4096
"""So many numbers must come out the same, if not more in two tries."""

WHOLE_VECTORS = 64
"""A processor takes 4 to 32 numbers at once, and those left at the end of a tensor one
by one, which may round in another way: `exp` does. There are none of them where every
network has a multiple of so many numbers, and there is one thread."""

Stacks = Callable[[Tensor], tuple[Tensor, Tensor]]
"""From a parameter of one network to those of all `(M, …)`, and their gradients."""

Product = Callable[[Tensor, Tensor, Tensor], None]
"""Writes into its last argument."""


class Layer(Protocol):
    """One layer of all networks."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs `(M, B, …)`, and keep what `backward` needs."""

    def backward(self, grad: Tensor) -> Tensor:
        """Write the gradients of the weights, and return that of the inputs."""


def layers_of(network: nn.Module) -> list[nn.Module]:
    """Return the layers that a network applies one after the other.

    Raises:
        Unsupported: It does something else, or a layer has no case here.
    """
    match network:
        case nn.Sequential():
            return [layer for child in network for layer in layers_of(child)]
        case TabularMLP() if not len(network.categories) and network.numbers is None:
            return layers_of(network.mlp)
        case nn.Flatten() if (network.start_dim, network.end_dim) == (1, -1):
            return [network]
        case nn.Linear() | nn.Dropout() | nn.Identity() | nn.BatchNorm1d():
            return [network]
        case _ if type(network) in POINTWISE:
            return [network]
        case _:
            raise Unsupported(f"{type(network).__name__} has no case")


class StackedLayers:
    """The layers of many networks of one shape, for batches of one size.

    Args:
        networks: Their weights are views of the stacks.
        shape: Of the inputs, `(M, B, …)`.
        stacks: Of their weights, and of the gradients.

    Attributes:
        shape: Of the outputs, `(M, B, K)`.

    Raises:
        Unsupported: A layer gets what it has no case for.
    """

    def __init__(
        self, networks: Sequence[nn.Module], shape: torch.Size, stacks: Stacks
    ) -> None:
        self._layers: list[Layer] = []
        self._dropouts: list[Dropout] = []
        has_weights = False
        for modules in zip(*map(layers_of, networks), strict=True):
            first = modules[0]
            if len(shape) != 3 and not isinstance(first, nn.Flatten | nn.Identity):
                raise Unsupported(f"{type(first).__name__} before Flatten has no case")
            match first:
                case nn.Identity():
                    continue
                case nn.Flatten():
                    self._layers.append(Flatten())
                    shape = torch.Size([*shape[:2], shape[2:].numel()])
                case nn.Linear():
                    layer = Linear(first, shape, stacks, is_first=not has_weights)
                    self._layers.append(layer)
                    shape = torch.Size([*shape[:2], first.out_features])
                    has_weights = True
                case nn.Dropout():
                    self._dropouts.append(Dropout(first.p, shape))
                    self._layers.append(self._dropouts[-1])
                case nn.BatchNorm1d():
                    self._layers.append(Alone(modules))
                    has_weights = True
                case nn.ReLU():
                    self._layers.append(ReLU())
                case _:
                    self._layers.append(Pointwise(first, shape))
        self.shape = shape

    @property
    def draws(self) -> bool:
        """Whether anything is drawn at random in a step."""
        return bool(self._dropouts)

    def draw(self, place: int, generator: torch.Generator) -> None:
        """Draw what one network drops in this step, in the order of its layers."""
        for dropout in self._dropouts:
            dropout.draw(place, generator)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs `(M, B, K)` for inputs `(M, B, …)`."""
        for layer in self._layers:
            inputs = layer.forward(inputs)
        return inputs

    def backward(self, grad: Tensor) -> None:
        """Write the gradients of all weights, given that of the outputs."""
        for layer in reversed(self._layers):
            grad = layer.backward(grad)


class Flatten:
    """`nn.Flatten`."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return `(M, B, F)`."""
        return inputs.flatten(2)

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient as it is: nothing before it has weights."""
        return grad


class Linear:
    """`nn.Linear`: each product in one call, or in one call for each network.

    Args:
        module: Of the first network.
        shape: Of the inputs, `(M, B, F)`.
        stacks: Of the weights, and of the gradients.
        is_first: Whether nothing before it has weights.
    """

    def __init__(
        self, module: nn.Linear, shape: torch.Size, stacks: Stacks, *, is_first: bool
    ) -> None:
        self._weight, self._weight_grad = stacks(module.weight)
        self._bias: Tensor | None = None
        if module.bias is not None:
            self._bias, self._bias_grad = stacks(module.bias)
        self._is_first = is_first
        outputs = torch.Size([*shape[:2], module.out_features])
        tries = range(num_tries(min(shape.numel(), outputs.numel())))
        inputs = [torch.randn(shape) for _ in tries]
        grads = [torch.randn(outputs) for _ in tries]
        together, each = self._forward_together, self._forward_each
        same = _same(together, each, [(x,) for x in inputs])
        self._forward = together if same else each
        pairs = list(zip(grads, inputs, strict=True))
        same = _same_written(_weight_grads, _each_weight_grad, pairs, self._weight_grad)
        self._weight_product = _weight_grads if same else _each_weight_grad
        pairs = [(grad, self._weight) for grad in grads]
        same = _same_written(_input_grads, _each_input_grad, pairs, torch.empty(shape))
        self._input_product = _input_grads if same else _each_input_grad
        same = _same(_sums, _each_sum, [(grad,) for grad in grads])
        self._sum = _sums if same else _each_sum

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs, and keep the inputs."""
        self._inputs = inputs
        return self._forward(inputs)

    def backward(self, grad: Tensor) -> Tensor:
        """Write the gradients of weight and bias; the first layer needs no other."""
        self._weight_product(grad, self._inputs, self._weight_grad)
        if self._bias is not None:
            self._bias_grad.copy_(self._sum(grad))
        if self._is_first:
            return grad
        found = torch.empty_like(self._inputs)
        self._input_product(grad, self._weight, found)
        return found

    def _forward_together(self, inputs: Tensor) -> Tensor:
        if self._bias is None:
            return torch.bmm(inputs, self._weight.transpose(1, 2))
        bias = self._bias.unsqueeze(1)
        return torch.baddbmm(bias, inputs, self._weight.transpose(1, 2))

    def _forward_each(self, inputs: Tensor) -> Tensor:
        outputs = []
        for place, (each, weight) in enumerate(zip(inputs, self._weight, strict=True)):
            bias = None if self._bias is None else self._bias[place]
            outputs.append(functional.linear(_as_alone(each), weight, bias))
        return torch.stack(outputs)


class Dropout:
    """`nn.Dropout`, with what each network drops drawn before the step.

    Args:
        p: The share that is dropped.
        shape: Of the inputs, `(M, B, F)`.
    """

    def __init__(self, p: float, shape: torch.Size) -> None:
        self._kept = 1 - p
        self._noise = torch.empty(shape)

    def draw(self, place: int, generator: torch.Generator) -> None:
        """Draw what one network drops in this step."""
        if self._kept < 1:
            noise = self._noise[place].bernoulli_(self._kept, generator=generator)
            noise.div_(self._kept)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the inputs that are kept, divided by their share."""
        return inputs * self._noise if self._kept < 1 else inputs

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient of the inputs."""
        return grad * self._noise if self._kept < 1 else grad


class ReLU:
    """`nn.ReLU`; rounds nothing, so all networks are one call."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs, and keep them."""
        self._outputs = torch.relu(inputs)
        return self._outputs

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient of the inputs."""
        found: Tensor = torch.ops.aten.threshold_backward(grad, self._outputs, 0)
        return found


class Pointwise:
    """A layer without weights, differentiated by autograd.

    Args:
        module: Of the first network.
        shape: Of the inputs, `(M, B, F)`.
    """

    def __init__(self, module: nn.Module, shape: torch.Size) -> None:
        self._module = module
        as_one = shape[1:].numel() % WHOLE_VECTORS == 0 and torch.get_num_threads() == 1
        self._parts = 1 if as_one else shape[0]

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs, and keep how they were made."""
        with torch.enable_grad():
            self._inputs = [
                _as_alone(part.flatten(0, 1)).requires_grad_()
                for part in inputs.detach().chunk(self._parts)
            ]
            self._outputs = [self._module(part) for part in self._inputs]
        found = [part.detach() for part in self._outputs]
        return (found[0] if self._parts == 1 else torch.cat(found)).view_as(inputs)

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient of the inputs."""
        parts = [_as_alone(part.flatten(0, 1)) for part in grad.chunk(self._parts)]
        found = torch.autograd.grad(self._outputs, self._inputs, parts)
        return (found[0] if self._parts == 1 else torch.cat(found)).view_as(grad)


class Alone:
    """A layer of which each network computes its own, by autograd.

    Args:
        modules: One of each network, with the gradients of their weights in place.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self._modules = modules

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs, and keep how they were made."""
        with torch.enable_grad():
            self._inputs = [each.requires_grad_() for each in inputs.detach().unbind()]
            pairs = zip(self._modules, self._inputs, strict=True)
            self._outputs = [module(each) for module, each in pairs]
        return torch.stack([each.detach() for each in self._outputs])

    def backward(self, grad: Tensor) -> Tensor:
        """Write the gradients of the weights, and return that of the inputs."""
        found = []
        for module, inputs, outputs, own in zip(
            self._modules, self._inputs, self._outputs, grad.unbind(), strict=True
        ):
            weights = list(module.parameters())
            first, *rest = torch.autograd.grad(outputs, [inputs, *weights], own)
            found.append(first)
            for weight, its in zip(weights, rest, strict=True):
                assert weight.grad is not None  # noqa: S101 -- for the type checker
                weight.grad.copy_(its)
        return torch.stack(found)


def num_tries(numbers: int) -> int:
    """Return how often to try what gives so many numbers."""
    return max(2, -(-TRIED_NUMBERS // numbers))


def same_bits(left: Tensor, right: Tensor) -> bool:
    """Whether two float32 tensors are the same bit for bit, -0.0 and NaN included."""
    return torch.equal(left.view(torch.int32), right.view(torch.int32))


def _same(
    together: Callable[..., Tensor],
    each: Callable[..., Tensor],
    tries: Sequence[Sequence[Tensor]],
) -> bool:
    return all(same_bits(together(*given), each(*given)) for given in tries)


def _same_written(
    together: Product,
    each: Product,
    tries: Sequence[tuple[Tensor, Tensor]],
    out: Tensor,
) -> bool:
    def result(product: Product) -> Callable[[Tensor, Tensor], Tensor]:
        def compute(left: Tensor, right: Tensor) -> Tensor:
            product(left, right, out)
            return out.clone()

        return compute

    return _same(result(together), result(each), tries)


def _weight_grads(grad: Tensor, inputs: Tensor, out: Tensor) -> None:
    torch.bmm(grad.transpose(1, 2), inputs, out=out)


def _each_weight_grad(grad: Tensor, inputs: Tensor, out: Tensor) -> None:
    for own, each, place in zip(grad, inputs, out, strict=True):
        torch.mm(_as_alone(own).t(), _as_alone(each), out=place)


def _input_grads(grad: Tensor, weight: Tensor, out: Tensor) -> None:
    torch.bmm(grad, weight, out=out)


def _each_input_grad(grad: Tensor, weight: Tensor, out: Tensor) -> None:
    for own, each, place in zip(grad, weight, out, strict=True):
        place.copy_(gradient_of_inputs(_as_alone(own), each, place))


def _as_alone(part: Tensor) -> Tensor:
    """Return part of a stack where a tensor of its own would lie: at a line's begin."""
    return part if part.data_ptr() % LINE_BYTES == 0 else part.clone()


def _sums(grad: Tensor) -> Tensor:
    return grad.sum(1)


def _each_sum(grad: Tensor) -> Tensor:
    return torch.stack([own.sum(0) for own in grad])
