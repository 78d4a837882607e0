"""A sample of the training part as the network gets it, for models that are simple."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torchsmith.core.seeds import generator
from torchsmith.data.data import Column, Sequences, Table
from torchsmith.doctor.subject import Allowance, Subject

MOST = 1_000
"""Examples in a sample."""

MOST_NUMBERS = 2**24
"""Of a sample's inputs, 67 MB; of larger examples fewer are taken."""

MOST_LARGE = 200
"""Examples in a sample of a person's `Dataset`, whose items may be slow to read."""

MOST_FEATURES = 1_024
"""Numbers of an example that simple models see; more are pooled or left out."""

MOST_TOKENS = 512
"""Different tokens, and as many pairs of neighbours, that are counted."""

FOLDS = 5
FOLD_ALL_BELOW = 400
"""Of fewer examples each is held out once; of more, a third is held out."""

SHARE = 0.3
"""Of the allowance that reading items of a `Dataset` may take."""


@dataclass(frozen=True)
class Examples:
    """Examples of the training part.

    Attributes:
        rows: `(n,)` numbers in the training part, rising.
        inputs: As the network gets them.
        features: `(n, D)` float32: what simple models see of them, finite.
        even: Whether all features have one scale, as pixels have.
        targets: As the loss takes them, on the CPU.
        codes: `(n,)` int64 classes; None for numbers.
        num_classes: 0 for numbers.
        folds: Pairs of places in the sample: to fit on, and held out.
    """

    rows: Tensor
    inputs: Any
    features: Tensor
    even: bool
    targets: Tensor
    codes: Tensor | None
    num_classes: int
    folds: tuple[tuple[Tensor, Tensor], ...]

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def numbers(self) -> Tensor:
        """`(n, d)` float32 targets that are numbers."""
        return self.targets.reshape(len(self.rows), -1).float()


def take_examples(subject: Subject, allowance: Allowance) -> Examples | None:
    """Return a sample of the training part; None where simple models cannot see it.

    Args:
        subject: At step 0; stays as it is.
        allowance: How long reading items of a `Dataset` may take.
    """
    return examples_of(subject, _affordable(subject, allowance))


def examples_of(subject: Subject, rows: Tensor) -> Examples | None:
    """Return these examples; None where simple models cannot see them.

    Args:
        subject: At step 0; stays as it is.
        rows: `(n,)` numbers in the training part, rising.
    """
    inputs, targets = subject.job.train.take(rows)
    tensors = [leaf.detach().cpu() for leaf in leaves(inputs)]
    if not tensors or any(len(leaf) != len(rows) for leaf in tensors):
        return None
    if not isinstance(targets, Tensor) or len(targets) != len(rows):
        return None
    targets = targets.detach().cpu()
    codes, num_classes = classes_of(subject, targets)
    if codes is None and not targets.is_floating_point():
        return None
    return Examples(
        rows=rows,
        inputs=inputs,
        features=features_of(subject, tensors),
        even=tensors[0].ndim > 3,
        targets=targets,
        codes=codes,
        num_classes=num_classes,
        folds=_folds(subject, rows),
    )


def features_of(subject: Subject, tensors: Sequence[Tensor]) -> Tensor:
    """Return what simple models see of examples, `(n, D)` float32, finite.

    Args:
        subject: Says which inputs are codes or tokens.
        tensors: All inputs of n examples, on the CPU.
    """
    return torch.cat([_seen(subject, leaf) for leaf in tensors], dim=1)


def leaves(inputs: object) -> Iterator[Tensor]:
    """Yield the tensors of a batch, which may be a tuple or a mapping of them."""
    if isinstance(inputs, Tensor):
        yield inputs
    elif isinstance(inputs, dict):
        for value in inputs.values():
            yield from leaves(value)
    elif isinstance(inputs, (list, tuple)):
        for value in inputs:
            yield from leaves(value)


def classes_of(subject: Subject, targets: Tensor) -> tuple[Tensor | None, int]:
    """Return targets as `(n,)` classes and how many there are; None for numbers.

    Args:
        subject: Whose loss says what numbers are meant as.
        targets: As the loss takes them.
    """
    if subject.plan is not None:
        num_classes = len(subject.plan.problem.classes)
        return (targets.reshape(-1), num_classes) if num_classes else (None, 0)
    if targets.numel() != len(targets) or not len(targets):
        return None, 0
    flat = targets.reshape(-1)
    loss = getattr(subject.loss, "loss", subject.loss)
    if flat.is_floating_point():
        pairs = isinstance(loss, nn.BCELoss | nn.BCEWithLogitsLoss)
        if not pairs or not ((flat == 0) | (flat == 1)).all():
            return None, 0
        return flat.long(), 2
    codes = flat.long()
    return (None, 0) if codes.min() < 0 else (codes, int(codes.max()) + 1)


def part_column(subject: Subject, name: str) -> Column | None:
    """Return a column of all examples, by which a plan may split them."""
    if subject.case is None:
        return None
    inputs = subject.case.data.inputs
    if isinstance(inputs, Table | Sequences):
        return inputs.columns.get(name)
    return None


def _affordable(subject: Subject, allowance: Allowance) -> Tensor:
    """Return rows; of a `Dataset` as many as there is time to read."""
    train = subject.job.train
    most = min(MOST, max(MOST_NUMBERS // max(train.example_size, 1), MOST_LARGE))
    rows = subject.sample(min(most, len(train)))
    if subject.case is not None or len(rows) <= MOST_LARGE:
        return rows
    begin = perf_counter()
    subject.job.train.take(rows[:: max(len(rows) // 16, 1)][:16])
    each = (perf_counter() - begin) / 16
    if each * len(rows) <= SHARE * allowance.left:
        return rows
    return subject.sample(MOST_LARGE)


def _seen(subject: Subject, leaf: Tensor) -> Tensor:
    """Return `(n, D)` features of a tensor of the inputs."""
    cardinalities = 0
    if subject.case is not None:
        preparation = subject.case.setup.preparation
        cardinalities = len(preparation.cardinalities)
        texts = preparation.sequences
        if texts is not None and texts.symbols:
            if leaf.ndim == 2:  # features of the whole text follow its steps
                features = leaf[:, -texts.num_features :].float()
                coded = texts.ngrams is not None and texts.ngrams.num_codes
                return _spread(features) if coded else _narrow(features)
            return _counted(leaf[:, 0].long())
    if not leaf.is_floating_point() and leaf.ndim == 2:
        return _counted(leaf.long())
    leaf = leaf.float().nan_to_num(0.0, 0.0, 0.0)
    if cardinalities:
        return _one_hot(leaf, cardinalities)
    if leaf.ndim == 3:
        return torch.cat([_narrow(leaf.flatten(1)), _summaries(leaf)], dim=1)
    if leaf.ndim in (4, 5):
        leaf = _pooled(leaf)
    return _narrow(leaf.reshape(len(leaf), -1))


def _spread(pairs: Tensor) -> Tensor:
    """Return a column for each of the most frequent codes, of codes and weights."""
    codes, weights = pairs.chunk(2, dim=1)
    columns = torch.zeros(len(pairs), MOST_FEATURES + 2)
    places = codes.long().clamp(max=MOST_FEATURES + 1)
    return columns.scatter_add_(1, places, weights)[:, 1:-1]


def _narrow(flat: Tensor) -> Tensor:
    """Return at most so many columns, evenly chosen."""
    if flat.shape[1] <= MOST_FEATURES:
        return flat
    chosen = torch.linspace(0, flat.shape[1] - 1, MOST_FEATURES).long()
    return flat[:, chosen]


def _pooled(leaf: Tensor) -> Tensor:
    """Shrink `(n, C, [D,] H, W)` to at most so many numbers, by averaging."""
    sides, channels = leaf.shape[2:], leaf.shape[1]
    most = max(2, math.floor((MOST_FEATURES / channels) ** (1 / len(sides))))
    size = tuple(min(side, most) for side in sides)
    if size == tuple(sides):
        return leaf
    if len(size) == 2:
        return nn.functional.adaptive_avg_pool2d(leaf, size)
    return nn.functional.adaptive_avg_pool3d(leaf, size)


def _one_hot(leaf: Tensor, num_codes: int) -> Tensor:
    """Return numbers, then 0/1 columns of the codes that stand last."""
    columns = [leaf[:, : leaf.shape[1] - num_codes]]
    for place in range(leaf.shape[1] - num_codes, leaf.shape[1]):
        codes = leaf[:, place].long()
        frequent = torch.bincount(codes).argsort(descending=True, stable=True)[:50]
        columns.append((codes[:, None] == frequent).float())
    return torch.cat(columns, dim=1)


def _counted(tokens: Tensor) -> Tensor:
    """Return how often tokens `(n, L)` occur, and pairs of neighbours; 0 is nothing."""
    single = tokens % MOST_TOKENS
    pairs = (tokens[:, :-1] * 31 + tokens[:, 1:]) % MOST_TOKENS
    blocks = []
    for codes, known in (
        (single, tokens != 0),
        (pairs, (tokens[:, :-1] != 0) & (tokens[:, 1:] != 0)),
    ):
        counts = torch.zeros(len(tokens), MOST_TOKENS)
        blocks.append(counts.scatter_add_(1, codes, known.float()))
    found = torch.cat(blocks, dim=1).sqrt()
    return found[:, found.any(dim=0)]


def _summaries(leaf: Tensor) -> Tensor:
    """Return what does not depend on where in a sequence `(n, C, L)` something is."""
    power = torch.fft.rfft(leaf - leaf.mean(dim=2, keepdim=True)).abs().log1p()
    edges = torch.linspace(0, power.shape[2], min(17, power.shape[2] + 1)).long()
    bands = [power[:, :, low:high].mean(dim=2) for low, high in pairwise(edges)]
    steps = leaf.diff(dim=2) if leaf.shape[2] > 1 else leaf
    blocks = [
        leaf.mean(dim=2),
        leaf.std(dim=2, correction=0),
        leaf.amin(dim=2),
        leaf.amax(dim=2),
        steps.abs().mean(dim=2),
        *bands,
    ]
    return torch.cat(blocks, dim=1)


def _folds(subject: Subject, rows: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
    """Divide a sample as the plan divides the parts: by group, by time or at random."""
    groups = torch.arange(len(rows))
    split = None if subject.plan is None else subject.plan.split
    name = None if split is None else split.group or split.time
    if name is not None:
        groups = groups_by(subject, rows, name)
    if split is not None and split.time is not None:
        return latest_fold(groups)
    return random_folds(groups, subject.job.training.seed)


def groups_by(subject: Subject, rows: Tensor, name: str) -> Tensor:
    """Return `(n,)` int64, rising with a column's values, equal where they are.

    Args:
        subject: Of a plan.
        rows: `(n,)` numbers in the training part.
        name: Of a column; where there is none, each row is by itself.
    """
    column = part_column(subject, name)
    if column is None or subject.case is None:
        return torch.arange(len(rows))
    values = column.values[subject.case.setup.parts.train[rows.numpy()]]
    return torch.from_numpy(np.unique(values, return_inverse=True)[1]).reshape(-1)


def latest_fold(groups: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
    """Hold the latest third out."""
    return _fold(groups, groups.double().quantile(2 / 3))


def random_folds(groups: Tensor, seed: int) -> tuple[tuple[Tensor, Tensor], ...]:
    """Hold whole groups out: each once where there are few examples, else a third.

    Args:
        groups: `(n,)` int64, equal for examples that belong together.
        seed: Of the plan.
    """
    if len(groups) < FOLD_ALL_BELOW:
        return all_folds(groups, seed)
    place = _shuffled(groups, seed)
    return _fold(place, place.double().quantile(2 / 3))


def all_folds(groups: Tensor, seed: int) -> tuple[tuple[Tensor, Tensor], ...]:
    """Hold each group out once, as `random_folds` does for few examples."""
    place, every = _shuffled(groups, seed), torch.arange(len(groups))
    held = [torch.nonzero(place % FOLDS == fold).flatten() for fold in range(FOLDS)]
    return tuple(
        (every[~torch.isin(every, rows)], rows)
        for rows in held
        if 0 < len(rows) < len(groups)
    )


def _shuffled(groups: Tensor, seed: int) -> Tensor:
    """Return `(n,)` places of groups in a random order."""
    order = generator(seed, "doctor folds").permutation(int(groups.max()) + 1)
    return torch.from_numpy(order)[groups]


def _fold(place: Tensor, border: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
    fitted, held = torch.nonzero(place <= border), torch.nonzero(place > border)
    if not len(fitted) or not len(held):
        return ()
    return ((fitted.flatten(), held.flatten()),)
