"""From the specs of layers to modules: every spec has its case."""

import warnings
from collections.abc import Sequence
from typing import assert_never

import torch
from torch import nn

from torchsmith.core.errors import PlanError
from torchsmith.core.randomness import seeded
from torchsmith.nn.adapted import Bilinear, Embedding, GroupNorm, Residual
from torchsmith.nn.memory import refuse_too_large
from torchsmith.nn.recurrent import Recurrent
from torchsmith.plan import activations, convolutions, layers, normalisation, sequences
from torchsmith.plan.activations import Activation
from torchsmith.plan.layers import Layer

Shape = tuple[int, ...]

_OVER_A_DIMENSION = activations.Softmax | activations.LogSoftmax | layers.Unflatten


def build_layers(
    specs: Sequence[Layer], shape: Shape, where: str, num_codes: int | None = None
) -> tuple[nn.Sequential, Shape]:
    """Build layers, each for what the one before gives.

    Args:
        specs: The layers in order; none give back what they are given.
        shape: Of one example, without the batch.
        where: The dotted path in the plan of what holds them.
        num_codes: How many category codes there are, where the inputs are codes.

    Returns:
        The layers, and the shape of what they make of one example.

    Raises:
        PlanError: A layer cannot take what comes before it.
    """
    modules: list[nn.Module] = []
    for place, spec in enumerate(specs):
        name = f"{where}.{place}"
        module = build_layer(spec, shape, name, None if place else num_codes)
        shape = _output_shape(module, shape, f"{name}: {spec.spec_name()}")
        modules.append(module)
    return nn.Sequential(*modules), shape


def build_layer(
    spec: Layer, shape: Shape, where: str = "layer", num_codes: int | None = None
) -> nn.Module:
    """Build one layer for inputs of a shape (without the batch dimension).

    Args:
        spec: The layer; its fields are PyTorch's arguments.
        shape: Of one example, such as `(C, H, W)`.
        where: The dotted path of the layer in the plan.
        num_codes: How many category codes there are, where the inputs are codes.

    Raises:
        PlanError: The layer cannot take this shape, or does not fit into memory.
    """
    called = f"{where}: {spec.spec_name()}"
    _refuse_other_dimensions(spec, shape, called)
    try:
        return _build(spec, shape, where, num_codes)
    except (MemoryError, RuntimeError, TypeError) as error:
        refuse_too_large(called, error)
        raise
    except ValueError as error:  # PyTorch's own, such as indivisible groups
        if isinstance(error, PlanError):
            raise
        raise _cannot_take(called, shape, error) from error


def _build(spec: Layer, shape: Shape, where: str, num_codes: int | None) -> nn.Module:
    arguments = dict(spec)
    called = f"{where}: {spec.spec_name()}"
    of_batch = 0, -len(shape) - 1
    if isinstance(spec, _OVER_A_DIMENSION) and spec.dim in of_batch:
        raise _mixes_examples(called)
    if isinstance(spec, convolutions.Convolution):
        return _build_convolution(spec, shape[0])
    if isinstance(spec, convolutions.Pooling):
        return _build_pooling(spec)
    if isinstance(spec, normalisation.Normalisation):
        return _build_normalisation(spec, shape, called)
    if isinstance(spec, sequences.Sequences):
        return _build_sequences(spec, shape, called, num_codes)
    match spec:
        case layers.Linear():
            return nn.Linear(shape[-1], **arguments)
        case layers.Bilinear():
            return Bilinear(shape[-1], shape[-1], **arguments)
        case layers.Dropout():
            return nn.Dropout(**arguments)
        case layers.Flatten():
            return nn.Flatten(**arguments)
        case layers.Unflatten():
            return nn.Unflatten(**arguments)
        case layers.Residual():
            return _build_residual(spec, shape, where)
        case activations.Softmax():
            return nn.Softmax(**arguments)
        case activations.LogSoftmax():
            return nn.LogSoftmax(**arguments)
        case layers.Identity():
            return nn.Identity()
        case _:
            return build_activation(spec)


def _build_convolution(spec: convolutions.Convolution, in_channels: int) -> nn.Module:
    arguments = dict(spec)
    match spec:
        case convolutions.Conv1d():
            return nn.Conv1d(in_channels, **arguments)
        case convolutions.Conv2d():
            return _build_conv2d(spec, in_channels)
        case convolutions.Conv3d():
            return nn.Conv3d(in_channels, **arguments)
        case convolutions.ConvTranspose2d():
            return nn.ConvTranspose2d(in_channels, **arguments)
        case _:
            assert_never(spec)


def _build_conv2d(spec: convolutions.Conv2d, in_channels: int) -> nn.Module:
    arguments = dict(spec)
    pointwise = spec.kernel_size in (1, (1, 1)) and spec.padding in (0, (0, 0), "valid")
    if pointwise and spec.stride not in (1, (1, 1)) and in_channels < 16:
        # The gradient of this one's weight writes past its memory on CPUs, where few
        # channels lie together (seen in PyTorch 2.13). Taking every other pixel first
        # is exactly the same.
        every_other = nn.MaxPool2d(1, spec.stride)
        return nn.Sequential(
            every_other, nn.Conv2d(in_channels, **{**arguments, "stride": 1})
        )
    return nn.Conv2d(in_channels, **arguments)


def _build_pooling(spec: convolutions.Pooling) -> nn.Module:
    arguments = dict(spec)
    match spec:
        case convolutions.MaxPool1d():
            return nn.MaxPool1d(**arguments)
        case convolutions.MaxPool2d():
            return nn.MaxPool2d(**arguments)
        case convolutions.MaxPool3d():
            return nn.MaxPool3d(**arguments)
        case convolutions.AvgPool1d():
            return nn.AvgPool1d(**arguments)
        case convolutions.AvgPool2d():
            return nn.AvgPool2d(**arguments)
        case convolutions.AvgPool3d():
            return nn.AvgPool3d(**arguments)
        case convolutions.AdaptiveAvgPool1d():
            return nn.AdaptiveAvgPool1d(**arguments)
        case convolutions.AdaptiveAvgPool2d():
            return nn.AdaptiveAvgPool2d(**arguments)
        case convolutions.AdaptiveAvgPool3d():
            return nn.AdaptiveAvgPool3d(**arguments)
        case convolutions.AdaptiveMaxPool2d():
            return nn.AdaptiveMaxPool2d(**arguments)
        case _:
            assert_never(spec)


def _build_normalisation(
    spec: normalisation.Normalisation, shape: Shape, where: str
) -> nn.Module:
    arguments = dict(spec)
    match spec:
        case normalisation.BatchNorm1d():
            return nn.BatchNorm1d(shape[0], **arguments)
        case normalisation.BatchNorm2d():
            return nn.BatchNorm2d(shape[0], **arguments)
        case normalisation.BatchNorm3d():
            return nn.BatchNorm3d(shape[0], **arguments)
        case normalisation.LayerNorm():
            wanted = spec.normalized_shape or shape[-1]
            sizes = (wanted,) if isinstance(wanted, int) else wanted
            if shape[-len(sizes) :] != sizes:
                raise PlanError(
                    f"{where}: normalized_shape is {shape_text(sizes)}, but each "
                    f"example is {shape_text(shape)}; it must be the last dimensions"
                )
            return nn.LayerNorm(**{**arguments, "normalized_shape": sizes})
        case normalisation.GroupNorm():
            of_shape = GroupNorm if len(shape) == 3 else nn.GroupNorm
            return of_shape(num_channels=shape[0], **arguments)
        case _:
            assert_never(spec)


def _build_sequences(
    spec: sequences.Sequences, shape: Shape, where: str, num_codes: int | None
) -> nn.Module:
    arguments = dict(spec)
    output = arguments.pop("output", "last")
    match spec:
        case sequences.Embedding():
            arguments["num_embeddings"] = _num_embeddings(spec, num_codes, where)
            return Embedding(**arguments)
        case sequences.RNN():
            return Recurrent(nn.RNN(shape[1], batch_first=True, **arguments), output)
        case sequences.LSTM():
            return Recurrent(nn.LSTM(shape[1], batch_first=True, **arguments), output)
        case sequences.GRU():
            return Recurrent(nn.GRU(shape[1], batch_first=True, **arguments), output)
        case sequences.TransformerEncoder():
            width, num_layers = shape[1], arguments.pop("num_layers")
            if width % spec.nhead:
                fitting = [n for n in range(1, width + 1) if width % n == 0]
                raise PlanError(
                    f"{where}: nhead {spec.nhead} does not divide the {width} features "
                    f"of {shape_text(shape)}; it can be {', '.join(map(str, fitting))}"
                )
            layer = nn.TransformerEncoderLayer(width, batch_first=True, **arguments)
            # Nested tensors only speed up padded sequences, and PyTorch warns of them.
            return nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)
        case _:
            assert_never(spec)


def _num_embeddings(
    spec: sequences.Embedding, num_codes: int | None, where: str
) -> int:
    if spec.num_embeddings is None and num_codes is None:
        raise PlanError(
            f"{where}: num_embeddings is missing; it follows from the data only where "
            "all columns are category codes and Embedding is the first layer"
        )
    if spec.num_embeddings is None or num_codes is None:
        return spec.num_embeddings or num_codes or 0
    if spec.num_embeddings < num_codes:
        raise PlanError(
            f"{where}: num_embeddings is {spec.num_embeddings}, but the data has "
            f"{num_codes} codes; leave it out"
        )
    return spec.num_embeddings


def _build_residual(spec: layers.Residual, shape: Shape, where: str) -> nn.Module:
    inside = f"{where}.Residual"
    main = f"{inside}.layers" if spec.shortcut else inside
    inner, output = build_layers(spec.layers, shape, main)
    shortcut, added = build_layers(spec.shortcut, shape, f"{inside}.shortcut")
    if output != added:
        width = output[0] if output else 1
        fitting = f"Conv2d: {{out_channels: {width}, kernel_size: 1}}"
        if len(output) == 1:
            fitting = f"Linear: {width}"
        raise PlanError(
            f"{where}: Residual: the layers give {shape_text(output)}, but the "
            f"{'shortcut gives' if spec.shortcut else 'input is'} {shape_text(added)}; "
            "they are added, so they must be the same; change the layers, or give a "
            f"shortcut, such as {fitting}"
        )
    return Residual(inner, shortcut)


def build_activation(spec: Activation) -> nn.Module:
    """Build an activation; the spec's fields are PyTorch's arguments."""
    arguments = dict(spec)
    match spec:
        case activations.ReLU():
            return nn.ReLU()
        case activations.LeakyReLU():
            return nn.LeakyReLU(**arguments)
        case activations.ELU():
            return nn.ELU(**arguments)
        case activations.GELU():
            return nn.GELU(**arguments)
        case activations.SELU():
            return nn.SELU()
        case activations.SiLU():
            return nn.SiLU()
        case activations.Mish():
            return nn.Mish()
        case activations.Sigmoid():
            return nn.Sigmoid()
        case activations.Tanh():
            return nn.Tanh()
        case _:
            assert_never(spec)


def shape_text(shape: Shape) -> str:
    """Write a shape as Python does.

    >>> shape_text((8,))
    '(8,)'
    """
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def _refuse_other_dimensions(spec: Layer, shape: Shape, where: str) -> None:
    allowed = [len(dimensions) for dimensions in spec.takes]
    if not allowed or len(shape) in allowed:
        return
    takes = " or ".join(
        f"({', '.join(dims)}{',' * (len(dims) == 1)})" for dims in spec.takes
    )
    if len(shape) < min(allowed):
        remedy = "put Unflatten before it, or no Flatten"
    elif max(allowed) == 2 and len(shape) == 3 and 1 not in allowed:
        remedy = "put Flatten: {start_dim: 1, end_dim: 2} before it"
    else:
        remedy = "put Flatten before it"
    raise PlanError(
        f"{where} takes {takes} for each example, but gets {shape_text(shape)}; "
        f"{remedy}"
    )


def _output_shape(module: nn.Module, shape: Shape, where: str) -> Shape:
    try:
        # PyTorch says once where it has no fast way, for projections of an LSTM and
        # for padding: same with an even kernel; nothing in the plan is wrong then.
        with (
            seeded(),
            torch.no_grad(),
            warnings.catch_warnings(action="ignore", category=UserWarning),
        ):
            outputs = module.eval()(torch.zeros(2, *shape))
    except (MemoryError, RuntimeError, ValueError, IndexError) as error:
        refuse_too_large(where, error)
        raise _cannot_take(where, shape, error) from error
    finally:
        module.train()
    if outputs.shape[:1] != (2,):
        raise _mixes_examples(where)
    return tuple(outputs.shape[1:])


def _mixes_examples(where: str) -> PlanError:
    return PlanError(
        f"{where} would mix examples with each other; dimensions count from 0, which "
        "is the batch: begin with 1"
    )


def _cannot_take(where: str, shape: Shape, error: Exception) -> PlanError:
    reason, *below = str(error).splitlines()
    if below and reason.endswith(":"):  # a title, and what is wrong below it
        reason += f" {below[0].strip()}"
    return PlanError(
        f"{where} cannot take {shape_text(shape)} for each example: {reason}"
    )
