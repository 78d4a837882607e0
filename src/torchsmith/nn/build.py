"""From specs to networks: every spec has its case, and the type checker proves it."""

from dataclasses import dataclass
from functools import partial
from typing import assert_never

import torch
from torch import nn

from torchsmith.core.errors import PlanError
from torchsmith.core.seeds import derive_seed
from torchsmith.nn.convnet import ConvNet
from torchsmith.nn.tabular import MLP, TabularMLP
from torchsmith.plan import layers, networks
from torchsmith.plan.layers import Activation, Layer
from torchsmith.plan.networks import Network

Shape = tuple[int, ...]


@dataclass(frozen=True)
class InputLayout:
    """What a network is fed.

    Attributes:
        shape: Of one example: `(C,)` or `(C, H, W)`.
        num_numbers: For tables, the number columns; they come first.
        cardinalities: For tables, the number of codes of each category column.
    """

    shape: Shape
    num_numbers: int = 0
    cardinalities: tuple[int, ...] = ()


def build_network(
    spec: Network, layout: InputLayout, num_outputs: int, seed: int
) -> nn.Module:
    """Build a network with initial weights drawn from a seed.

    Args:
        spec: The plan's `network` section.
        layout: What the network is fed.
        num_outputs: One for each class; 1 for regression and for one logit.
        seed: Of the plan.

    Returns:
        The network; `(N, *layout.shape)` to `(N, num_outputs)`.

    Raises:
        PlanError: A layer cannot take what comes before it, or the outputs do not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "init"))
        return _build(spec, layout, num_outputs)


def _build(spec: Network, layout: InputLayout, num_outputs: int) -> nn.Module:
    arguments = dict(spec)
    if not isinstance(spec, networks.Sequential):
        arguments["activation"] = partial(build_activation, spec.activation)
    match spec:
        case networks.Sequential():
            _no_codes(spec, layout)
            return _build_sequential(spec, layout.shape, num_outputs)
        case networks.MLP():
            _no_codes(spec, layout)
            mlp = MLP(
                _num_features(layout.shape), out_features=num_outputs, **arguments
            )
            return mlp if len(layout.shape) == 1 else nn.Sequential(nn.Flatten(), *mlp)
        case networks.TabularMLP():
            if len(layout.shape) != 1:
                raise PlanError(
                    f"network: TabularMLP takes tables (N, C), but the inputs are "
                    f"images {_text(layout.shape)}; use ConvNet, MLP or Sequential"
                )
            return TabularMLP(
                layout.num_numbers, layout.cardinalities, num_outputs, **arguments
            )
        case networks.ConvNet():
            _spatial("ConvNet", layout.shape, 2 ** (len(spec.channels) - 1))
            return ConvNet(layout.shape[0], out_features=num_outputs, **arguments)
        case _:
            assert_never(spec)


def _build_sequential(
    spec: networks.Sequential, shape: Shape, num_outputs: int
) -> nn.Sequential:
    modules: list[nn.Module] = []
    for number, layer in enumerate(spec.layers, start=1):
        where = f"network: layer {number}, {layer.spec_name()}"
        try:
            module = build_layer(layer, shape, where)
        except ValueError as error:  # PyTorch's own, such as indivisible groups
            if isinstance(error, PlanError):
                raise
            raise PlanError(f"{where}: {error}") from error
        shape = _output_shape(module, shape, where)
        modules.append(module)
    if shape != (num_outputs,):
        raise PlanError(
            f"network: the last layer, {spec.layers[-1].spec_name()}, gives "
            f"{_text(shape)} for each example, but the problem needs ({num_outputs},); "
            f"end with Linear: {num_outputs}"
        )
    return nn.Sequential(*modules)


def build_layer(spec: Layer, shape: Shape, where: str = "layer") -> nn.Module:
    """Build one layer for inputs of a shape (without the batch dimension).

    Args:
        spec: The layer; its fields are PyTorch's arguments.
        shape: Of one example, such as `(C, H, W)`.
        where: How to call the layer in an error.

    Raises:
        PlanError: The layer cannot take this shape.
    """
    arguments = dict(spec)
    match spec:
        case layers.Linear():
            _flat(where, shape, "put Flatten before it")
            return nn.Linear(shape[0], **arguments)
        case layers.BatchNorm1d():
            _flat(where, shape, "use BatchNorm2d")
            return nn.BatchNorm1d(shape[0], **arguments)
        case layers.Conv2d():
            _spatial(where, shape, 1)
            return nn.Conv2d(shape[0], **arguments)
        case layers.BatchNorm2d():
            _spatial(where, shape, 1)
            return nn.BatchNorm2d(shape[0], **arguments)
        case layers.MaxPool2d():
            _spatial(where, shape, 1)
            return nn.MaxPool2d(**arguments)
        case layers.AvgPool2d():
            _spatial(where, shape, 1)
            return nn.AvgPool2d(**arguments)
        case layers.AdaptiveAvgPool2d():
            _spatial(where, shape, 1)
            return nn.AdaptiveAvgPool2d(**arguments)
        case layers.LayerNorm():
            return nn.LayerNorm(shape[-1], **arguments)
        case layers.Dropout():
            return nn.Dropout(**arguments)
        case layers.Flatten():
            return nn.Flatten()
        case layers.Softmax():
            return nn.Softmax(**arguments)
        case layers.LogSoftmax():
            return nn.LogSoftmax(**arguments)
        case layers.Identity():
            return nn.Identity()
        case _:
            return build_activation(spec)


def build_activation(spec: Activation) -> nn.Module:
    """Build an activation; the spec's fields are PyTorch's arguments."""
    arguments = dict(spec)
    match spec:
        case layers.ReLU():
            return nn.ReLU()
        case layers.LeakyReLU():
            return nn.LeakyReLU(**arguments)
        case layers.ELU():
            return nn.ELU(**arguments)
        case layers.GELU():
            return nn.GELU(**arguments)
        case layers.SELU():
            return nn.SELU()
        case layers.SiLU():
            return nn.SiLU()
        case layers.Mish():
            return nn.Mish()
        case layers.Sigmoid():
            return nn.Sigmoid()
        case layers.Tanh():
            return nn.Tanh()
        case _:
            assert_never(spec)


def _output_shape(module: nn.Module, shape: Shape, where: str) -> Shape:
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            return tuple(module.eval()(torch.zeros(2, *shape)).shape[1:])
    except (RuntimeError, ValueError, IndexError) as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise PlanError(
            f"{where}: cannot take {_text(shape)} for each example: {reason}"
        ) from error
    finally:
        module.train()


def _flat(where: str, shape: Shape, remedy: str) -> None:
    if len(shape) != 1:
        raise PlanError(
            f"{where}: takes (features,) for each example, but gets {_text(shape)}; "
            f"{remedy}"
        )


def _spatial(where: str, shape: Shape, least: int) -> None:
    if len(shape) != 3:
        raise PlanError(
            f"{where}: takes images (C, H, W), but gets {_text(shape)}"
            + ("; it cannot follow Flatten" if len(shape) == 1 else "")
        )
    if min(shape[1:]) < least:
        raise PlanError(
            f"{where}: needs at least {least} x {least} pixels, but gets "
            f"{shape[1]} x {shape[2]}; use fewer stages or larger images"
        )


def _no_codes(spec: networks.Sequential | networks.MLP, layout: InputLayout) -> None:
    if layout.cardinalities:
        raise PlanError(
            f"network: {spec.spec_name()} cannot take category codes; "
            "use TabularMLP, or prepare with EncodeCategories: one_hot"
        )


def _num_features(shape: Shape) -> int:
    return int(torch.Size(shape).numel())


def _text(shape: Shape) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
