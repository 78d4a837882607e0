"""The constructor of a module, as a person writes it: real sizes, no defaults."""

from collections.abc import Iterator
from inspect import Parameter, signature
from typing import Any

from torch import nn

from torchsmith.eject.code import INDENT, Raw, bracketed, call
from torchsmith.nn.adapted import Residual
from torchsmith.nn.recurrent import Recurrent

_NOT_WRITTEN = {"device", "dtype", "_weight", "_freeze", "inplace"}
_RECURRENT = {
    "num_layers": 1,
    "nonlinearity": "tanh",
    "bias": True,
    "batch_first": False,
    "dropout": 0.0,
    "bidirectional": False,
    "proj_size": 0,
}
"""The arguments of PyTorch's recurrent networks, whose signatures do not tell them."""


def module_source(module: nn.Module, depth: int = 0, before: str = "") -> str:
    """Write how a module is made.

    Args:
        module: Of `torch.nn`, or one of our own that a script writes out.
        depth: How deep the statement is indented.
        before: Such as `"self.layers = "`.
    """
    if isinstance(module, nn.Sequential):
        return sequential_source(module, depth, before)
    if isinstance(module, Residual):
        return _residual_source(module, depth, before)
    if isinstance(module, Recurrent):
        inner = Raw(module_source(module.rnn, depth + 1))
        name = "AllSteps" if module.output == "all" else "LastStep"
        return call(name, {"0": inner}, depth, before)
    if isinstance(module, nn.TransformerEncoder):
        layer = Raw(module_source(module.layers[0], depth + 1))
        arguments = {"0": layer, "1": module.num_layers, "enable_nested_tensor": False}
        return call("nn.TransformerEncoder", arguments, depth, before)
    own = type(module).__module__.startswith("torchsmith")
    name = type(module).__name__ if own else f"nn.{type(module).__name__}"
    return call(name, arguments_of(module), depth, before)


def sequential_source(layers: nn.Sequential, depth: int = 0, before: str = "") -> str:
    """Write an `nn.Sequential`, one layer a line."""
    items = [module_source(layer, depth + 1) for layer in layers]
    lines = "".join(f"{item},\n" for item in items)
    body = "".join(f"{INDENT}{line}\n" for line in lines.splitlines())
    return f"{before}nn.Sequential(\n{body})" if items else f"{before}nn.Sequential()"


def _residual_source(module: Residual, depth: int, before: str) -> str:
    inner = [sequential_source(module.layers, depth + 1)]
    if len(module.shortcut):
        inner.append(sequential_source(module.shortcut, depth + 1, "shortcut="))
    return bracketed(f"{before}Residual(", inner, ")", depth)


def arguments_of(module: nn.Module) -> dict[str, object]:
    """Return the arguments that make a module again.

    Those that must be given stand under numbers, the others under their names and only
    where they are not PyTorch's defaults.
    """
    if isinstance(module, nn.RNNBase):
        return _recurrent_arguments(module)
    if isinstance(module, nn.TransformerEncoderLayer):
        return _encoder_layer_arguments(module)
    if isinstance(module, nn.Dropout):
        return {"0": module.p}
    arguments: dict[str, object] = {}
    for name, default in _parameters(module):
        value = _value(module, name)
        if default is Parameter.empty:
            arguments[str(len(arguments))] = value
        elif value != default and not _follows(module, name):
            arguments[name] = value
    return arguments


def _parameters(module: nn.Module) -> Iterator[tuple[str, object]]:
    for name, parameter in signature(type(module)).parameters.items():
        open_ended = parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
        if name not in _NOT_WRITTEN and not open_ended:
            yield name, parameter.default


def _value(module: nn.Module, name: str) -> Any:  # noqa: ANN401
    value = getattr(module, name)
    if name == "bias":
        return value is not None
    if isinstance(value, tuple):
        plain = tuple(item if item is None else int(item) for item in value)
        same = len(set(plain)) == 1 and name != "unflattened_size"
        return (
            plain[0] if same and not isinstance(module, nn.LayerNorm) else _only(plain)
        )
    return value


def _only(values: tuple[int | None, ...]) -> int | tuple[int | None, ...] | None:
    return values[0] if len(values) == 1 else values


def _follows(module: nn.Module, name: str) -> bool:
    """Whether PyTorch finds the value itself, although it is not the default."""
    if name == "stride":
        return module.stride == getattr(module, "kernel_size", None) and not isinstance(
            module, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d
        )
    affine = getattr(module, "elementwise_affine", True)
    return name == "bias" and not affine


def _recurrent_arguments(module: nn.RNNBase) -> dict[str, object]:
    arguments: dict[str, object] = {"0": module.input_size, "1": module.hidden_size}
    for name, default in _RECURRENT.items():
        value = getattr(module, name, default)
        if value != default:
            arguments[name] = value
    return arguments


def _encoder_layer_arguments(module: nn.TransformerEncoderLayer) -> dict[str, object]:
    attention = module.self_attn
    activation = module.activation
    name = activation if isinstance(activation, str) else activation.__name__
    given = {
        "dim_feedforward": module.linear1.out_features,
        "dropout": module.dropout.p,
        "activation": name,
        "layer_norm_eps": module.norm1.eps,
        "batch_first": attention.batch_first,
        "norm_first": module.norm_first,
        "bias": module.linear1.bias is not None,
    }
    defaults = signature(nn.TransformerEncoderLayer).parameters
    own = {"activation": "relu"}
    return {
        "0": attention.embed_dim,
        "1": attention.num_heads,
        **{
            name: value
            for name, value in given.items()
            if value != own.get(name, defaults[name].default)
        },
    }
