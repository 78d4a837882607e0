"""The network for sequences, as a script writes it out."""

import math
from collections.abc import Sequence
from textwrap import indent
from typing import cast

from torch import nn

from torchsmith.eject.code import INDENT, block, call, docstring, joined
from torchsmith.eject.modules import module_source
from torchsmith.nn.sequence_bodies import GRU, Inception, InceptionModule, Transformer
from torchsmith.nn.sequences import Body, CodedLinear, SequenceNet

_MASKED, _PLAIN = "  # M", "  # P"
"""Mark lines that only sequences of many lengths need, and only those of one."""

_BATCH_NORM = '''\
class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation whose statistics are of the steps that there are."""

    def forward(self, inputs, mask):
        mean, variance = self.running_mean, self.running_var
        if self.training:
            count = mask.sum()
            mean = (inputs * mask).sum((0, 2, 3)) / count
            centred = (inputs - mean[:, None, None]) * mask
            variance = centred.square().sum((0, 2, 3)) / count
            self.num_batches_tracked += 1
            unbiased = variance.detach() * count / (count - 1).clamp(min=1)
            # Without a momentum, the mean of all batches so far.
            share = self.momentum or 1 / self.num_batches_tracked.item()
            self.running_mean.lerp_(mean.detach(), share)
            self.running_var.lerp_(unbiased, share)
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        return (inputs * scale[:, None, None] + shift[:, None, None]) * mask'''

_INCEPTION = '''\
class InceptionModule(nn.Module):
    """Convolutions of several lengths side by side, and a max-pooled look."""

    def __init__(self, in_channels, width, kernel_sizes):
        super().__init__()
        self.narrow = nn.Identity()
        narrow_channels = in_channels
        if in_channels > width:
            self.narrow = nn.Conv2d(in_channels, width, 1, bias=False)
            narrow_channels = width
        self.branches = nn.ModuleList(
            nn.Conv2d(
                narrow_channels, width, (1, size), padding=(0, size // 2), bias=False
            )
            for size in kernel_sizes
        )
        self.pooled = nn.Conv2d(in_channels, width, 1, bias=False)
        self.norm = NORM(width * (len(kernel_sizes) + 1))
        self.activation = ACTIVATION

    def forward(self, stepsMASK):
        narrow = self.narrow(steps)
        found = [branch(narrow) for branch in self.branches]
        steps = steps.masked_fill(mask == 0, -torch.inf)  # M
        pooled = nn.functional.max_pool2d(steps, (1, 3), stride=1, padding=(0, 1))
        pooled = pooled.masked_fill(mask == 0, 0.0)  # M
        joined = torch.cat([*found, self.pooled(pooled)], dim=1)
        joined = joined.contiguous(memory_format=torch.channels_last)
        return self.activation(self.norm(joinedMASK))KEEP


class Shortcut(nn.Module):
    """What passes by three modules: a 1x1 convolution, normalised."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.norm = NORM(out_channels)

    def forward(self, stepsMASK):
        return self.norm(self.conv(steps)MASK)


class Inception(nn.Module):
    """A residual net of Inception modules (https://arxiv.org/abs/1909.04939).

    A sequence is a picture of one row, (N, C, 1, L): in two dimensions PyTorch can be
    told to lay channels last.
    """

    def __init__(self, in_channels, width, depth, kernel_sizes):
        super().__init__()
        modules, shortcuts = [], []
        channels, out_channels = in_channels, width * (len(kernel_sizes) + 1)
        for place in range(depth):
            modules.append(InceptionModule(channels, width, kernel_sizes))
            channels = out_channels
            if place % 3 == 2:
                shortcuts.append(Shortcut(in_channels, channels))
                in_channels = channels
        self.inception = nn.ModuleList(modules)
        self.shortcuts = nn.ModuleList(shortcuts)
        self.activation = ACTIVATION

    def forward(self, stepsMASK):
        steps = steps.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        mask = mask.unsqueeze(2)  # M
        short = steps
        for place, module in enumerate(self.inception):
            steps = module(stepsMASK)
            if place % 3 == 2:
                added = steps + self.shortcuts[place // 3](shortMASK)
                short = steps = self.activation(added)KEEP
        return steps.mean(-1).flatten(1)  # P
        return ((steps * mask).sum(-1) / mask.sum(-1)).flatten(1)  # M'''

_GRU = '''\
class GRU(nn.Module):
    """What a GRU in both directions gives: its mean and its maximum over the steps."""

    def __init__(self, in_channels, width, depth, dropout):
        super().__init__()
        self.gru = nn.GRU(
            in_channels,
            width,
            depth,
            batch_first=True,
            dropout=dropout,
            bidirectional=True,
        )

    def forward(self, stepsMASK):
        states = self.gru(steps.transpose(1, 2))[0].transpose(1, 2)  # P
        return torch.cat([states.mean(-1), states.amax(-1)], dim=1)  # P
        lengths = mask.sum((1, 2)).long().clamp(min=1).cpu()  # M
        packed = nn.utils.rnn.pack_padded_sequence(  # M
            steps.transpose(1, 2),  # M
            lengths,  # M
            batch_first=True,  # M
            enforce_sorted=False,  # M
        )  # M
        states, _ = nn.utils.rnn.pad_packed_sequence(  # M
            self.gru(packed)[0], batch_first=True, total_length=mask.shape[2]  # M
        )  # M
        states = states.transpose(1, 2)  # M
        mean = (states * mask).sum(-1) / mask.sum(-1)  # M
        largest = states.masked_fill(mask == 0, -torch.inf).amax(-1)  # M
        return torch.cat([mean, largest], dim=1)  # M'''

_TRANSFORMER = '''\
class Transformer(nn.Module):
    """A Transformer encoder over the steps; their mean.

    Sines and cosines say where a step stands (https://arxiv.org/abs/1706.03762).
    """

    def __init__(self, in_channels, width, depth, num_heads, dropout):
        super().__init__()
        self.enter = nn.Linear(in_channels, width)
        layer = nn.TransformerEncoderLayer(
            width,
            num_heads,
            dim_feedforward=2 * width,
            dropout=dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.encoder = nn.TransformerEncoder(
            layer, depth, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )

    def forward(self, stepsMASK):
        entered = self.enter(steps.transpose(1, 2))
        length, width = entered.shape[1:]
        kind = {"device": entered.device, "dtype": entered.dtype}
        even = torch.arange(0, width, 2, **kind)
        position = torch.arange(length, **kind)
        angles = position[:, None] * torch.exp(even * (-math.log(10_000.0) / width))
        entered = entered + torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
        encoded = self.encoder(entered).transpose(1, 2)  # P
        return encoded.mean(-1)  # P
        beyond = mask[:, 0] == 0  # M
        encoded = self.encoder(entered, src_key_padding_mask=beyond)  # M
        encoded = encoded.transpose(1, 2)  # M
        return (encoded * mask).sum(-1) / mask.sum(-1)  # M'''


_CODED_LINEAR = '''\
class CodedLinear(nn.Module):
    """A linear layer of numbers of which few are not 0, given by their places."""

    def __init__(self, in_features, out_features):
        super().__init__()
        self.weights = nn.EmbeddingBag(
            in_features + 1, out_features, mode="sum", padding_idx=0
        )
        self.bias = nn.Parameter(torch.zeros(out_features))
        nn.init.zeros_(self.weights.weight)

    def forward(self, inputs):
        codes, numbers = inputs.chunk(2, dim=1)
        return self.weights(codes.long(), per_sample_weights=numbers) + self.bias'''


def sequence_network(network: SequenceNet, shapes: str) -> str:
    """Write the network with the classes that it is made of.

    Args:
        network: As it was built for the run.
        shapes: From what to what, for its docstring.
    """
    body = network.body
    classes = [] if body is None else _classes(body, masked=network.has_mask)
    if isinstance(network.features, CodedLinear):
        classes.append(_CODED_LINEAR)
    return joined([*classes, _network(network, shapes)])


def _classes(body: Body, *, masked: bool) -> list[str]:
    match body:
        case Inception():
            activation = module_source(body.activation)
            found = _INCEPTION.replace("ACTIVATION", activation)
            return [*([_BATCH_NORM] if masked else []), _chosen(found, masked=masked)]
        case GRU():
            return [_chosen(_GRU, masked=masked)]
        case Transformer():
            return [_chosen(_TRANSFORMER, masked=masked)]


def _chosen(source: str, *, masked: bool) -> str:
    """Keep what one kind of sequences needs."""
    source = source.replace("NORM(", "BatchNorm(" if masked else "nn.BatchNorm2d(")
    source = source.replace("MASK", ", mask" if masked else "")
    source = source.replace("KEEP", " * mask" if masked else "")
    drop, keep = (_PLAIN, _MASKED) if masked else (_MASKED, _PLAIN)
    lines = [line for line in source.splitlines() if not line.endswith(drop)]
    return "\n".join(line.removesuffix(keep) for line in lines)


def _made(body: Body) -> str:
    """Return how a body is made."""
    match body:
        case Inception():
            first = cast(InceptionModule, body.inception[0])
            arguments = {
                "0": first.pooled.in_channels,
                "width": first.pooled.out_channels,
                "depth": len(body.inception),
                "kernel_sizes": first.kernel_sizes,
            }
        case GRU():
            gru = body.gru
            arguments = {
                "0": gru.input_size,
                "width": gru.hidden_size,
                "depth": gru.num_layers,
                "dropout": gru.dropout,
            }
        case Transformer():
            layer = body.encoder.layers[0]
            arguments = {
                "0": body.enter.in_features,
                "width": body.enter.out_features,
                "depth": body.encoder.num_layers,
                "num_heads": layer.self_attn.num_heads,
                "dropout": layer.dropout.p,
            }
    return call(type(body).__name__, arguments, 2, "self.body = ")


def _network(network: SequenceNet, shapes: str) -> str:
    init, forward = ["super().__init__()"], [*_read(network)]
    found: list[str] = []
    if network.symbols is not None:
        init.append(f"self.symbols = {module_source(network.symbols)}")
    if network.body is not None and network.last is not None:
        init += [_made(network.body), _last(network.last)]
        mask = ", mask" if network.has_mask else ""
        read = f"self.last(self.body(steps{mask}))"
        if network.skip is not None:
            init += [
                f"self.skip = {module_source(network.skip)}",
                "nn.init.zeros_(self.skip.weight)",
                "nn.init.zeros_(self.skip.bias)",
            ]
            read += " + self.skip(steps.flatten(1))"
        found.append(read)
    if network.features is not None:
        taken = "inputs"
        if math.prod(network.sequence):
            taken = f"inputs[:, -{network.num_features}:]"
        if isinstance(network.features, CodedLinear):
            outputs, in_features = network.features.bias.numel(), network.num_runs
            init.append(f"self.features = CodedLinear({in_features}, {outputs})")
            found.append(f"self.features({taken})")
        else:
            init += _linear(network.features, network.num_features)
            forward += [
                "# So many numbers around 1 would be steep; scaled, their length is 1.",
                f"features = {taken} * {network.num_features}**-0.5",
            ]
            found.append("self.features(features)")
    if len(found) == 1:
        forward.append(f"return {found[0]}")
    else:
        forward += [
            f"members = [{found[0]}, {found[1]}]",
            "outputs = torch.stack(members, dim=1)  # (N, M, K)",
            "return outputs if self.training else outputs.mean(1)",
        ]
    return _class(f"{_about(network)}\nFrom {shapes}.", init, forward)


def _linear(features: nn.Linear, num_features: int) -> list[str]:
    """Return how the layer on features is made."""
    made = [
        f"self.features = {module_source(features)}",
        "nn.init.zeros_(self.features.weight)",
        "nn.init.zeros_(self.features.bias)",
    ]
    if num_features == features.out_features:
        made += [
            "with torch.no_grad():  # each says already what an output is",
            f"    self.features.weight.fill_diagonal_({num_features}**0.5)",
        ]
    return made


def _about(network: SequenceNet) -> str:
    if network.features is None:
        if network.skip is not None:
            return "A linear layer of all steps, and one of what a body reads in them."
        return "A body reads the steps, a linear layer its features."
    if network.body is None:
        return "A linear layer on features of the whole sequence."
    return "A body that reads the steps, and a linear layer on features of the whole."


def _last(last: nn.Sequential) -> str:
    dropout, linear = (module_source(layer) for layer in last)
    return f"self.last = nn.Sequential({dropout}, {linear})"


def _read(network: SequenceNet) -> list[str]:
    """Return the statements that take steps and mask out of the inputs."""
    if network.body is None:
        return []
    channels, length = network.sequence
    lines = ["steps = inputs"]
    if network.num_features:
        size = channels * length
        lines = [f"steps = inputs[:, :{size}].unflatten(1, {network.sequence})"]
    if network.has_mask:
        lines.append("steps, mask = steps[:, :-1], steps[:, -1:]")
    if network.symbols is not None:
        lines.append("steps = self.symbols(steps[:, 0].long()).transpose(1, 2)")
        lines += ["steps = steps * mask"] if network.has_mask else []
    return lines


def _class(about: str, init: Sequence[str], forward: Sequence[str]) -> str:
    parts = [
        docstring(about),
        block("def __init__(self):", init),
        block("def forward(self, inputs):", forward),
    ]
    body = indent("\n\n".join(parts), INDENT)
    return "class Network(nn.Module):\n" + "\n".join(
        line.rstrip() for line in body.splitlines()
    )
