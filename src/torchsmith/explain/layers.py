"""The layers of a network and what feeds what, found out by running it once."""

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from torchsmith.core.errors import DataError
from torchsmith.nn.folds import Folds, first_network
from torchsmith.train.forward_trace import Call, ForwardTrace

LayerKind = Literal[
    "input",
    "linear",
    "convolution",
    "embedding",
    "recurrent",
    "attention",
    "pooling",
    "normalisation",
    "activation",
    "dropout",
    "shape",
    "other",
    "output",
]
"""What a layer does; each has a colour."""

KINDS: tuple[LayerKind, ...] = get_args(LayerKind)

_MODULES: tuple[tuple[LayerKind, tuple[type[nn.Module], ...]], ...] = (
    ("linear", (nn.Linear, nn.Bilinear)),
    ("convolution", (nn.modules.conv._ConvNd,)),
    ("embedding", (nn.Embedding, nn.EmbeddingBag)),
    ("recurrent", (nn.RNNBase, nn.RNNCellBase)),
    ("attention", (nn.MultiheadAttention, nn.TransformerEncoderLayer)),
    ("dropout", (nn.modules.dropout._DropoutNd, nn.AlphaDropout)),
    ("shape", (nn.Flatten, nn.Unflatten, nn.Upsample, nn.PixelShuffle)),
    ("normalisation", (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)),
)
_FILES: tuple[tuple[LayerKind, str], ...] = (
    ("activation", "torch.nn.modules.activation"),
    ("pooling", "torch.nn.modules.pooling"),
)
_SAME_PAIR = re.compile(r"\((\d+)(?:, \1)+\)")


@dataclass(frozen=True)
class LayerNode:
    """A call of a layer; the input and the output of the network count as such.

    Attributes:
        name: Where it stands in the network, such as `features.0`.
        kind: What it does.
        text: As one would write it in PyTorch, arguments at their defaults left out.
        shape: Of its output, the batch dimension left out.
        num_parameters: Its own; 0 where a layer is called again, and those that layers
            share are the first one's.
        inputs: Places of what it is fed.
    """

    name: str
    kind: LayerKind
    text: str
    shape: tuple[int, ...]
    num_parameters: int = 0
    inputs: tuple[int, ...] = ()


@dataclass(frozen=True)
class LayerGraph:
    """A network as layers.

    Attributes:
        layers: In the order in which they run; the first is the input.
        num_parameters: Of the whole network; more than those of the layers where some
            belong to none, or where only the first of several networks is shown.
        copies: Networks side by side, alike but for their weights, of which the layers
            are those of the first.
    """

    layers: tuple[LayerNode, ...]
    num_parameters: int
    copies: int = 1


def layer_graph(network: nn.Module, inputs: Tensor) -> LayerGraph:
    """Run a network once, in eval mode, and note each layer.

    Args:
        network: Left as it was.
        inputs: An example batch `(N, …)`; values do not matter.

    Raises:
        DataError: The network cannot take this input; says what PyTorch says.
    """
    found: list[Call] = []
    total = sum(parameter.numel() for parameter in network.parameters())
    copies = len(network.networks) if isinstance(network, Folds) else 1
    _, network = first_network(network)
    trace = ForwardTrace(network, found.extend)
    modes = {module: module.training for module in network.modules()}
    if inputs.is_floating_point():
        # With a history, so that what the input feeds through functions is seen.
        inputs = inputs.detach().requires_grad_().clone()
    try:
        with torch.enable_grad():
            network.eval()(inputs)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise DataError(
            f"{type(network).__name__} cannot take an input of shape "
            f"{tuple(inputs.shape)}: {str(error).splitlines()[0]}"
        ) from error
    finally:
        trace.remove()
        for module, mode in modes.items():
            module.training = mode
    layers = _layers(network, found, tuple(inputs.shape[1:]))
    return LayerGraph(layers, total, copies)


def _layers(
    network: nn.Module, calls: Sequence[Call], input_shape: tuple[int, ...]
) -> tuple[LayerNode, ...]:
    modules = dict(network.named_modules())
    places = {call.name: place for place, call in enumerate(calls)}
    counted: set[nn.Parameter] = set()
    layers = [LayerNode("input", "input", "input", input_shape)]
    for call in calls[1:-1]:
        name = call.name
        if name not in modules:
            name = name.rpartition("_")[0]
        module = modules.get(name, network)
        new = set(module.parameters(recurse=not call.calls_others)) - counted
        counted |= new
        layers.append(
            LayerNode(
                name=call.name,
                kind=kind_of(module),
                text=constructor(module),
                shape=call.shapes[0][1:] if call.shapes else (),
                num_parameters=sum(parameter.numel() for parameter in new),
                inputs=tuple(sorted(places[name] for name in call.parents)),
            )
        )
    last = calls[-1]
    ends = tuple(sorted(places[name] for name in last.parents))
    shape = last.shapes[0][1:] if last.shapes else ()
    return (*layers, LayerNode("output", "output", "output", shape, inputs=ends))


def kind_of(module: nn.Module) -> LayerKind:
    """Return what a layer does."""
    for kind, types in _MODULES:
        if isinstance(module, types):
            return kind
    for kind, file in _FILES:
        if type(module).__module__ == file:
            return kind
    return "other"


def constructor(module: nn.Module) -> str:
    """Return a module as one would write it, arguments at their defaults left out.

    >>> constructor(nn.Conv2d(1, 8, 3, padding=1))
    'Conv2d(1, 8, kernel_size=3, padding=1)'
    """
    signature = inspect.signature(type(module).__init__).parameters
    kept = []
    for argument in _split(module.extra_repr()):
        name, equals, value = argument.partition("=")
        known = signature.get(name.strip())
        value = _SAME_PAIR.sub(r"\1", value)
        if equals and known is not None and value == str(known.default):
            continue
        kept.append(f"{name}={value}" if equals else argument)
    return f"{type(module).__name__}({', '.join(kept)})"


def _split(arguments: str) -> list[str]:
    """Split at the commas that stand in no brackets."""
    parts, depth = [""], 0
    for letter in arguments:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]
