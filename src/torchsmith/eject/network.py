"""The part of a script with the network."""

import math
from collections.abc import Sequence
from itertools import groupby
from textwrap import indent

import torch
from torch import nn

from torchsmith.core.wording import sentence
from torchsmith.eject.code import (
    INDENT,
    Section,
    block,
    bracketed,
    comment,
    docstring,
    joined,
    literal,
    one_line,
)
from torchsmith.eject.initialising import init_lines
from torchsmith.eject.modules import module_source, sequential_source
from torchsmith.eject.own_modules import own_classes
from torchsmith.eject.sequence_network import sequence_network
from torchsmith.eject.subject import Subject
from torchsmith.nn.members import MemberMLP
from torchsmith.nn.picture_table import PictureTableNet
from torchsmith.nn.sequences import SequenceNet
from torchsmith.nn.tabular import (
    MLP,
    PeriodicEmbedding,
    PiecewiseLinearEmbedding,
    TabularMLP,
)
from torchsmith.plan import networks
from torchsmith.plan.networks import num_members

_EMBEDDED = (
    "features += [\n    embedding(codes[:, i]) "
    "for i, embedding in enumerate(self.embeddings)\n]"
)


def network_section(subject: Subject) -> Section:
    """Write the network as an `nn.Module`, for the sizes of this data."""
    network, folds = subject.one_network, subject.plan.split.num_folds
    if isinstance(network, TabularMLP):
        code = _tabular(subject, network)
    elif isinstance(network, PictureTableNet):
        code = _picture_table(subject, network)
    elif isinstance(network, SequenceNet):
        code = sequence_network(network, _shapes(subject))
    else:
        code = _layers(subject, network)
    to = "" if subject.device == "cpu" else ".to(DEVICE)"
    steps = [
        'torch.manual_seed(seed_for("init"))  # draws the initial weights',
        f"network = {'Folds' if folds else 'Network'}(){to}",
        *init_lines(subject),
    ]
    if uses_channels_last(subject):
        steps += _laid_out(subject)
    return Section(
        "Network",
        "An `nn.Module` holds its layers, and says in `forward` how they follow.",
        joined(
            [
                *own_classes(network, _wave_scale(subject)),
                code,
                _folds(subject) if folds else "",
            ]
        ),
        tuple(steps),
    )


def _wave_scale(subject: Subject) -> float:
    spec = subject.plan.network
    return spec.frequency_scale if isinstance(spec, networks.TabularMLP) else 0.0


def uses_channels_last(subject: Subject) -> bool:
    """Whether the network works on pictures as such, not on rows of numbers."""
    return subject.data.kind in ("images", "volumes") and any(
        p.ndim in (4, 5) for p in subject.network.parameters()
    )


def _laid_out(subject: Subject) -> list[str]:
    """Return the statements that lay weights out as convolutions are fastest."""
    if subject.data.kind != "volumes":
        return ["network.to(memory_format=torch.channels_last)"]
    # `to` would give a weight of one channel other strides, and these the last bits.
    lay = "parameter.data = parameter.data.contiguous(memory_format=layout)"
    return [
        "layout = torch.channels_last_3d",
        block(
            "for parameter in network.parameters():",
            [block("if parameter.ndim == 5:", [lay])],
        ),
    ]


def num_outputs(subject: Subject) -> int:
    """Return how many numbers the network gives for an example."""
    shape = subject.preparation.input_shape
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        return int(subject.network.eval()(torch.zeros(1, *shape)).shape[1])


def _class(
    about: str, init: Sequence[str], forward: Sequence[str], name: str = "Network"
) -> str:
    parts = [
        docstring(about),
        block("def __init__(self):", ["super().__init__()", *init]),
        block("def forward(self, inputs):", forward),
    ]
    body = "\n\n".join(parts)
    lines = [f"{INDENT}{line}" if line else "" for line in body.splitlines()]
    return f"class {name}(nn.Module):\n" + "\n".join(lines)


def _folds(subject: Subject) -> str:
    """Write the networks that are trained side by side, each without one fold."""
    folds, (width,) = subject.plan.split.num_folds, subject.preparation.input_shape
    device = "" if subject.device == "cpu" else ", device=DEVICE"
    members = num_members(subject.plan.network)
    flat = ".flatten(1, 2)" if members > 1 else ""
    outputs = f"(N, {(folds - 1) * members}, {num_outputs(subject)})"
    about = (
        f"{folds} networks side by side; each network leaves one fold out.\n"
        "The last column of the inputs says in which fold a row is. In training, the "
        f"other networks learn from the row: {outputs}. In validation, the network "
        "that has not seen the row answers alone. A row without that column is in no "
        "fold, and the mean of all networks answers."
    )
    init = [f"self.networks = nn.ModuleList(Network() for _ in range({folds}))"]
    forward = [
        f"features = inputs[:, :{width}]",
        "outputs = torch.stack([one(features) for one in self.networks], dim=1)",
        block(f"if inputs.shape[1] == {width}:", ["return outputs.mean(dim=1)"]),
        f"left_out = inputs[:, {width}:].long()  # (N, 1)",
        f"rows = torch.arange(len(inputs){device}).unsqueeze(1)",
        block("if not self.training:", ["return outputs[rows, left_out].squeeze(1)"]),
        f"others = (left_out + torch.arange(1, {folds}{device})) % {folds}",
        f"return outputs[rows, others]{flat}",
    ]
    return _class(about, init, forward, "Folds")


def _shapes(subject: Subject) -> str:
    shape = ", ".join(map(str, ("N", *subject.preparation.input_shape)))
    return f"({shape}) to (N, {num_outputs(subject)})"


def _layers(subject: Subject, network: nn.Module) -> str:
    init = [module_source(network, 2, "self.layers = ")]
    about = f"Layers, one after the other: {_shapes(subject)}."
    return _class(about, init, ["return self.layers(inputs)"])


def _tabular(subject: Subject, network: TabularMLP) -> str:
    numbers, tables = network.num_numbers, network.categories
    init: list[str] = []
    if len(tables):
        init.append(_embeddings(subject, network))
    if network.numbers is not None:
        init.append(_of_numbers(network.numbers))
    init.append(_layers_source(network.mlp))
    about = f"Fully connected layers: {_shapes(subject)}."
    if not len(tables) and network.numbers is None:
        return _class(about, init, ["return self.layers(inputs)"])
    about = f"{_kinds(network)}, then layers.\nFrom {_shapes(subject)}."
    forward, features = [], []
    if numbers:
        taken = f"inputs[:, :{numbers}]" if len(tables) else "inputs"
        forward.append(f"numbers = {taken}")
        features.append("numbers")
    if network.numbers is not None:
        bins = isinstance(network.numbers, PiecewiseLinearEmbedding)
        features.append(f"self.{'bins' if bins else 'waves'}(numbers)")
    if len(tables):
        codes = f"inputs[:, {numbers}:]" if numbers else "inputs"
        forward.append(f"codes = {codes}.long()")
        if features:
            forward += [f"features = [{', '.join(features)}]", _EMBEDDED]
        else:
            forward.append(_EMBEDDED.replace("+=", "="))
    else:
        forward.append(f"features = [{', '.join(features)}]")
    forward.append("return self.layers(torch.cat(features, dim=1))")
    return _class(about, init, forward)


def _picture_table(subject: Subject, network: PictureTableNet) -> str:
    """Write the network of a table of which some columns name pictures."""
    readers = [module_source(reader) for reader in network.pictures]
    inner = indent("".join(f"{reader},\n" for reader in readers), INDENT * 2)
    init = [f"self.pictures = nn.ModuleList(\n{INDENT}[\n{inner}{INDENT}]\n)"]
    if len(network.table.categories):
        init.append(_embeddings(subject, network.table))
    init.append(_layers_source(network.table.mlp))
    begin = network.num_numbers
    forward = [f"features = [inputs[:, :{begin}]]" if begin else "features = []"]
    forward.append(
        comment(
            "Convolutions are faster where the channels of a pixel lie together.", 2
        )
    )
    for place, shape in enumerate(network.shapes):
        end = begin + math.prod(shape)
        forward += [
            f"pixels = inputs[:, {begin or ''}:{end}].unflatten(1, {shape})",
            "pixels = pixels.contiguous(memory_format=torch.channels_last)",
            f"features.append(self.pictures[{place}](pixels))",
        ]
        begin = end
    if len(network.table.categories):
        forward += [f"codes = inputs[:, {begin}:].long()", _EMBEDDED]
    forward.append("return self.layers(torch.cat(features, dim=1))")
    about = "Convolutions read each picture; layers read that beside the columns.\n"
    return _class(f"{about}From {_shapes(subject)}.", init, forward)


def _kinds(network: TabularMLP) -> str:
    kinds = []
    if network.numbers is not None:
        bins = isinstance(network.numbers, PiecewiseLinearEmbedding)
        kinds.append(f"{'bins' if bins else 'waves'} of each number")
    if len(network.categories):
        kinds.append("an embedding of each category")
    return sentence(" and ".join(kinds))


def _embeddings(subject: Subject, network: TabularMLP) -> str:
    table = subject.preparation.table
    names = table.coded if table else ()
    lines = "".join(
        f"{module_source(embedding)},  # {one_line(name)}\n"
        for name, embedding in zip(names, network.categories, strict=True)
    )
    kinds = "category or recurring value" if table and table.values else "category"
    about = comment(f"A vector for each {kinds} of a column, and one for any other.", 2)
    inner = indent(lines, INDENT * 2)
    return f"{about}\nself.embeddings = nn.ModuleList(\n{INDENT}[\n{inner}{INDENT}]\n)"


def _of_numbers(embedding: PeriodicEmbedding | PiecewiseLinearEmbedding) -> str:
    if isinstance(embedding, PiecewiseLinearEmbedding):
        return literal(tuple(embedding.weight.shape), 2, "self.bins = Bins")
    num_columns, num_waves = embedding.frequencies.shape
    sizes = (num_columns, num_waves, embedding.weight.shape[2])
    return literal(sizes, 2, "self.waves = Waves")


def _layers_source(mlp: MLP | MemberMLP) -> str:
    if isinstance(mlp, MLP):
        return sequential_source(mlp, 2, "self.layers = ")
    members, _, num_outputs = mlp.weight.shape
    arguments = [
        sequential_source(mlp.shared, 3),
        f"members={members}",
        bracketed("groups=[", _repeated(mlp.groups), "]", 3),
        f"num_outputs={num_outputs}",
    ]
    return bracketed("self.layers = Members(", arguments, ")", 2)


def _repeated(widths: Sequence[int]) -> list[str]:
    """Write the items of a list, equal ones that follow each other as one."""
    counts = [(width, len(list(equal))) for width, equal in groupby(widths)]
    return [
        f"*[{width}] * {count}" if count > 1 else f"{width}" for width, count in counts
    ]
