"""Networks for sequences `(N, C, L)`, of one length or of many."""

import math
from functools import partial
from typing import assert_never

import torch
from torch import Tensor, nn

from torchsmith.core.errors import PlanError
from torchsmith.nn.layers import build_activation
from torchsmith.nn.sequence_bodies import GRU, Inception, Transformer
from torchsmith.plan import networks, sequence_bodies
from torchsmith.plan.sequence_bodies import SequenceBody

Body = Inception | GRU | Transformer


class CodedLinear(nn.Module):
    """A linear layer of many numbers of which few are not 0, given by their places.

    Shapes: `(N, 2 M)`, M codes and then M numbers, to `(N, out_features)`. The code of
    place `i` is `i + 1`; the rest of a row is 0.

    Args:
        in_features: Places.
        out_features: Of the output.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.weights = nn.EmbeddingBag(
            in_features + 1, out_features, mode="sum", padding_idx=0
        )
        self.bias = nn.Parameter(torch.zeros(out_features))
        nn.init.zeros_(self.weights.weight)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the weighed sum of what is learned of each place."""
        codes, numbers = inputs.chunk(2, dim=1)
        summed: Tensor = self.weights(codes.long(), per_sample_weights=numbers)
        return summed + self.bias


class SequenceNet(nn.Module):
    """A body that reads the steps, beside a linear layer on features of the whole.

    Both are members: each learns to be right by itself, and when they are evaluated the
    answer is the mean of what they give. The two err in different places.

    A linear layer of all steps may be added to what the body gives, after LSTNet
    ([Lai et al. 2018](https://arxiv.org/abs/1703.07015)): what comes next is near the
    last steps, and a body that averages over all hardly sees which they are.

    Shapes: `(N, C, L)`, or `(N, C * L + F)` where features follow the steps, or
    `(N, F)` alone; to `(N, K)`, and in training `(N, M, K)` where there are M members.

    Args:
        sequence: `(C, L)` of the steps, the mask's channel included.
        body: From steps and mask to features, or None.
        out_features: K.
        has_mask: Whether the last channel says where there is a step.
        symbols: Embeds the codes of a text, or None.
        num_features: F, of the whole; 0 for none.
        num_runs: Where the features are codes and numbers, how many codes there are;
            otherwise 0.
        dropout: Before the body's last layer.
        skip: Whether the linear layer of all steps is there.
    """

    def __init__(
        self,
        sequence: tuple[int, ...],
        body: Body | None,
        out_features: int,
        *,
        has_mask: bool = False,
        symbols: nn.Embedding | None = None,
        num_features: int = 0,
        num_runs: int = 0,
        dropout: float = 0.0,
        skip: bool = False,
    ) -> None:
        super().__init__()
        self.sequence = sequence
        self.has_mask = has_mask
        self.num_features = num_features
        self.num_runs = num_runs
        self.symbols = symbols
        self.body = body
        self.last: nn.Sequential | None = None
        if body is not None:
            linear = nn.Linear(body.out_features, out_features)
            self.last = nn.Sequential(nn.Dropout(dropout), linear)
        self.skip: nn.Linear | None = None
        if skip:
            self.skip = nn.Linear(math.prod(sequence), out_features)
            nn.init.zeros_(self.skip.weight)
            nn.init.zeros_(self.skip.bias)
        self.features: nn.Linear | CodedLinear | None = None
        if num_runs:
            self.features = CodedLinear(num_runs, out_features)
        elif num_features:
            self.features = nn.Linear(num_features, out_features)
            # A training part shows few of so many directions; random weights in the
            # others would be noise that nothing ever removes.
            nn.init.zeros_(self.features.weight)
            nn.init.zeros_(self.features.bias)
            if num_features == out_features:  # each says already what an output is
                with torch.no_grad():
                    self.features.weight.fill_diagonal_(num_features**0.5)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return raw outputs: of each member in training, otherwise their mean."""
        found: list[Tensor] = []
        if self.body is not None and self.last is not None:
            steps, mask = self.read(inputs)
            read = self.last(self.body(steps, mask))
            if self.skip is not None:
                read = read + self.skip(steps.flatten(1))
            found.append(read)
        if self.features is not None:
            features = inputs.flatten(1)[:, -self.num_features :]
            if isinstance(self.features, nn.Linear):
                # So many numbers around 1 would be steep; scaled, their length is 1.
                features = features * self.num_features**-0.5
            found.append(self.features(features))
        if len(found) == 1:
            return found[0]
        members = torch.stack(found, dim=1)
        return members if self.training else members.mean(1)

    def read(self, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the steps `(N, C, L)` and their mask `(N, 1, L)`, if there is one."""
        channels, length = self.sequence
        steps = inputs.flatten(1)[:, : channels * length].unflatten(1, self.sequence)
        mask = None
        if self.has_mask:
            steps, mask = steps[:, :-1], steps[:, -1:]
        if self.symbols is not None:
            steps = self.symbols(steps[:, 0].long()).transpose(1, 2)
            steps = steps if mask is None else steps * mask
        return steps, mask


def build_sequence_net(
    spec: networks.SequenceNet,
    sequence: tuple[int, ...],
    num_outputs: int,
    *,
    has_mask: bool,
    num_symbols: int,
    num_features: int,
    num_runs: int,
) -> SequenceNet:
    """Build a network for sequences.

    Args:
        spec: The plan's `network` section.
        sequence: `(C, L)` of the steps, the mask's channel included.
        num_outputs: K.
        has_mask: Whether the last channel is the mask.
        num_symbols: For texts, the number of codes.
        num_features: How many features follow the steps.
        num_runs: Where these are codes and numbers, how many codes there are.

    Raises:
        PlanError: The inputs are no sequences, or lack what the network is to read.
    """
    if not sequence:
        raise PlanError(
            "network: SequenceNet takes sequences (C, L); use TabularMLP for tables, "
            "ConvNet for images, VolumeNet for volumes"
        )
    if spec.features and not num_features:
        raise PlanError(
            "network.SequenceNet.features: there are none; add RandomConvolutions (of "
            "texts NGrams) to prepare, or set features to false"
        )
    if num_features and not spec.features:
        raise PlanError(
            "network.SequenceNet.features: is false, but a step in prepare makes "
            "features; set it to true, or remove the step"
        )
    if spec.skip and (has_mask or num_symbols):
        what = "texts have characters" if num_symbols else "these have several lengths"
        raise PlanError(
            "network.SequenceNet.skip: weighs each step by its place, for sequences of "
            f"numbers of one length, and {what}; remove the line"
        )
    channels = sequence[0] - has_mask
    if spec.body is not None and channels < 1:
        raise PlanError(
            "network.SequenceNet.body: there are no steps to read; set keep_steps of "
            "the step that makes features to true, or body to null"
        )
    default = type(spec).model_fields["embedding"].default
    if spec.embedding != default and (spec.body is None or not num_symbols):
        raise PlanError(
            "network.SequenceNet.embedding: is of the characters of texts, and the "
            "network reads none; remove the line"
        )
    symbols = None
    if num_symbols:
        symbols = nn.Embedding(num_symbols, spec.embedding)
        channels = spec.embedding
    return SequenceNet(
        sequence,
        None if spec.body is None else _build_body(spec.body, channels),
        num_outputs,
        has_mask=has_mask,
        symbols=symbols,
        num_features=num_features,
        num_runs=num_runs,
        dropout=spec.dropout,
        skip=spec.skip,
    )


def _build_body(spec: SequenceBody, channels: int) -> Body:
    match spec:
        case sequence_bodies.Inception():
            return Inception(
                channels,
                spec.width,
                spec.depth,
                spec.kernel_sizes,
                partial(build_activation, spec.activation),
            )
        case sequence_bodies.GRU():
            return GRU(channels, spec.width, spec.depth, spec.dropout)
        case sequence_bodies.Transformer():
            if spec.width % (2 * spec.num_heads):
                raise PlanError(
                    f"network.SequenceNet.body.width: {spec.width} is not divisible by "
                    f"2 * num_heads = {2 * spec.num_heads}"
                )
            return Transformer(
                channels, spec.width, spec.depth, spec.num_heads, spec.dropout
            )
        case _:
            assert_never(spec)
