"""From specs to networks: every spec has its case, and the type checker proves it."""

import math
from dataclasses import dataclass
from functools import partial
from typing import assert_never

from torch import nn

from torchsmith.core.errors import PlanError
from torchsmith.core.randomness import seeded
from torchsmith.core.seeds import derive_seed
from torchsmith.core.vocabulary import Kind
from torchsmith.nn.convnet import ConvNet
from torchsmith.nn.folds import Folds
from torchsmith.nn.layers import Shape, build_activation, build_layers, shape_text
from torchsmith.nn.memory import refuse_too_large
from torchsmith.nn.picture_table import PictureTableNet
from torchsmith.nn.resnet import ResNet
from torchsmith.nn.sequences import build_sequence_net
from torchsmith.nn.tabular import MLP, TabularMLP
from torchsmith.nn.volumes import VolumeNet
from torchsmith.plan import networks
from torchsmith.plan.networks import Network
from torchsmith.plan.sequences import Embedding


@dataclass(frozen=True)
class InputLayout:
    """What a network is fed.

    Attributes:
        shape: Of one example: `(C,)`, `(C, L)`, `(C, H, W)` or `(C, D, H, W)`.
        num_numbers: For tables, the number columns; they come first.
        cardinalities: For tables, the number of codes of each category column.
        pictures: For tables, `(C, H, W)` of each column of pictures, whose pixels are
            the last of the numbers.
        sequence: For sequences, their `(C, L)`, also where features follow them.
        has_mask: For sequences, whether the last channel is 1 where there is a step and
            0 where the sequence has ended.
        num_symbols: For texts, the number of codes; 0 stands for unknown characters.
        num_features: For sequences, features of the whole that were computed once; the
            shape is then `(C * L + num_features,)`, the steps channel by channel first.
        num_runs: For texts whose features are codes and weights, the number of runs
            that have a code, from 1 on; 0 where features are numbers.
    """

    shape: Shape
    num_numbers: int = 0
    cardinalities: tuple[int, ...] = ()
    pictures: tuple[tuple[int, int, int], ...] = ()
    sequence: Shape = ()
    has_mask: bool = False
    num_symbols: int = 0
    num_features: int = 0
    num_runs: int = 0


def build_network(
    spec: Network, layout: InputLayout, num_outputs: int, seed: int, folds: int = 0
) -> nn.Module:
    """Build a network with initial weights drawn from a seed.

    Args:
        spec: The plan's `network` section.
        layout: What the network is fed.
        num_outputs: One for each class; 1 for regression and for one logit.
        seed: Of the plan.
        folds: Of `split.val`; so many networks are then built, side by side.

    Returns:
        The network; `(N, *layout.shape)` to `(N, num_outputs)`.

    Raises:
        PlanError: A layer cannot take what comes before it, or does not fit into
            memory, or the outputs do not fit.
    """
    with seeded(derive_seed(seed, "init")):
        try:
            if not folds:
                return _build(spec, layout, num_outputs)
            refuse_folds(layout.shape)
            networks = [_build(spec, layout, num_outputs) for _ in range(folds)]
            return Folds(networks, layout.shape[0])
        except (MemoryError, RuntimeError, TypeError) as error:
            refuse_too_large(f"network: {spec.spec_name()}", error)
            raise


def refuse_folds(shape: Shape, kind: Kind = "table") -> None:
    """Refuse examples that are no rows of a table, whose fold is one more column.

    Args:
        shape: Of one example; that of a packed sequence is flat, too.
        kind: What examples are.

    Raises:
        PlanError: Says what to do.
    """
    if kind != "table" or len(shape) != 1:
        found = shape_text(shape) if kind == "table" else kind
        raise PlanError(
            f"split.val: folds are for tables (C,), but the inputs are {found}; set a "
            "share, such as 0.15"
        )


def _build(spec: Network, layout: InputLayout, num_outputs: int) -> nn.Module:
    arguments = dict(spec)
    if layout.num_runs and not isinstance(spec, networks.SequenceNet):
        raise PlanError(
            f"network: {spec.spec_name()} cannot take the codes of runs of characters; "
            "use SequenceNet, or set keep_steps of NGrams in prepare to false"
        )
    if not isinstance(spec, networks.Sequential | networks.SequenceNet):
        arguments["activation"] = partial(build_activation, spec.activation)
    match spec:
        case networks.Sequential():
            return _build_sequential(spec, layout, num_outputs)
        case networks.MLP():
            _no_codes(spec, layout)
            mlp = MLP(math.prod(layout.shape), out_features=num_outputs, **arguments)
            return mlp if len(layout.shape) == 1 else nn.Sequential(nn.Flatten(), *mlp)
        case networks.TabularMLP():
            if len(layout.shape) != 1:
                raise PlanError(
                    f"network: TabularMLP takes tables (N, C), but the inputs are "
                    f"images {shape_text(layout.shape)}; use ConvNet, MLP or Sequential"
                )
            return TabularMLP(
                layout.num_numbers, layout.cardinalities, num_outputs, **arguments
            )
        case networks.PictureTableNet():
            if not layout.pictures:
                raise PlanError(
                    "network: PictureTableNet takes a table of which a column names "
                    "pictures; there is none: use TabularMLP"
                )
            pixels = sum(map(math.prod, layout.pictures))
            return PictureTableNet(
                layout.num_numbers - pixels,
                layout.pictures,
                layout.cardinalities,
                num_outputs,
                **arguments,
            )
        case networks.ConvNet():
            _refuse_small_images(spec, layout.shape)
            return ConvNet(layout.shape[0], out_features=num_outputs, **arguments)
        case networks.SequenceNet():
            return build_sequence_net(
                spec,
                layout.sequence,
                num_outputs,
                has_mask=layout.has_mask,
                num_symbols=layout.num_symbols,
                num_features=layout.num_features,
                num_runs=layout.num_runs,
            )
        case networks.ResNet():
            _refuse_other_shapes(spec, layout.shape)
            return ResNet(layout.shape[0], out_features=num_outputs, **arguments)
        case networks.VolumeNet():
            if len(layout.shape) != 4:
                raise PlanError(
                    "network: VolumeNet takes volumes (C, D, H, W), but gets "
                    f"{shape_text(layout.shape)}; use MLP or Sequential"
                )
            return VolumeNet(layout.shape[0], out_features=num_outputs, **arguments)
        case _:
            assert_never(spec)


def _build_sequential(
    spec: networks.Sequential, layout: InputLayout, num_outputs: int
) -> nn.Sequential:
    num_codes = max(layout.cardinalities, default=None)
    if num_codes and not isinstance(spec.layers[0], Embedding):
        _no_codes(spec, layout)
    if num_codes and layout.num_numbers:
        raise PlanError(
            "network: Embedding takes category codes, but there are number columns, "
            "too; use TabularMLP, or set them to ignore in data.columns"
        )
    path = "network.Sequential"
    network, shape = build_layers(spec.layers, layout.shape, path, num_codes)
    if shape != (num_outputs,):
        before = "put Flatten before a last" if len(shape) > 1 else "end with"
        raise PlanError(
            f"{path}.{len(spec.layers) - 1}: {spec.layers[-1].spec_name()}, the last "
            f"layer, gives {shape_text(shape)} for each example, but the problem needs "
            f"({num_outputs},); {before} Linear: {num_outputs}"
        )
    return network


def _no_codes(spec: networks.Sequential | networks.MLP, layout: InputLayout) -> None:
    if layout.cardinalities:
        raise PlanError(
            f"network: {spec.spec_name()} cannot take category codes; "
            "use TabularMLP, or prepare with EncodeCategories: one_hot and without "
            "EncodeValues"
        )


def _refuse_other_shapes(
    spec: networks.ConvNet | networks.ResNet, shape: Shape
) -> None:
    if len(shape) != 3:
        raise PlanError(
            f"network: {spec.spec_name()} takes images (C, H, W), but gets "
            f"{shape_text(shape)}; use TabularMLP, MLP or Sequential"
        )


def _refuse_small_images(spec: networks.ConvNet, shape: Shape) -> None:
    _refuse_other_shapes(spec, shape)
    if isinstance(spec.depth, tuple) and len(spec.depth) != len(spec.channels):
        raise PlanError(
            f"network: ConvNet has {len(spec.channels)} stages, but depth names "
            f"{len(spec.depth)}; give one number, or one for each stage"
        )
    least = 2 ** (len(spec.channels) - 1)
    if min(shape[1:]) < least:
        raise PlanError(
            f"network: ConvNet needs at least {least} x {least} pixels, but gets "
            f"{shape[1]} x {shape[2]}; use fewer stages or larger images"
        )
