"""Whether targets belong to the inputs beside them, or to those a row away: D15."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from torchsmith.data.data import Table
from torchsmith.doctor.examples import Examples, all_folds, classes_of
from torchsmith.doctor.rules_shift import WIDE
from torchsmith.doctor.simple_models import Answers, ask_neighbours, ask_ridge
from torchsmith.doctor.subject import Subject
from torchsmith.inspect.inspection import Finding
from torchsmith.train.batches import TensorBatches

OFF_Z = 5.0
"""Standard errors from chance by which inputs tell the target of a neighbouring row: by
chance once in three million."""

OTHER_SIDE_Z = 3.0
"""The same of the row on the other side, which must stay below it: what neighbours have
in common goes both ways."""

IN_ORDER_Z = 4.0
"""Standard errors from chance of how alike neighbouring targets are: above it the order
of the rows says something, and a row away may be told for good reasons."""

HELD = 0.8
"""Correlation of one input, or its ranks, with the target of a row away: above it the
input is likely that value itself, such as yesterday's, and nothing has slipped."""

LEAST = 100
"""Examples with a neighbour in the training part, without which nothing is said."""


@dataclass(frozen=True)
class Pairing:
    """Inputs with the targets of rows beside theirs.

    Attributes:
        z: Standard errors from chance by which inputs tell these targets.
        alike: The same of how alike the targets are to those of their own rows.
        features: `(n, D)` of the examples.
        targets: `(n, K)` these targets, without their mean.
        gains: `(n,)` how much better each example goes with the other target than with
            its own.
        rows: `(n,)` numbers of the examples in the source.
    """

    z: float
    alike: float
    features: Tensor
    targets: Tensor
    gains: Tensor
    rows: Tensor


def find_misaligned(subject: Subject, examples: Examples) -> Iterator[Finding]:
    """Find targets that are one row off: D15.

    Where rows stand in no order, the inputs of one say nothing about the target of the
    next. Where they do, and nothing about that of the one before, targets have slipped.

    Args:
        subject: At step 0; stays as it is.
        examples: Of the training part.
    """
    if subject.case is None and not isinstance(subject.job.train, TensorBatches):
        return  # items of a `Dataset` may be slow to read
    after, before = (pair(subject, examples, lag) for lag in (1, -1))
    if after is None or before is None:
        return
    found, other = (after, before) if after.z >= before.z else (before, after)
    in_order = max(abs(after.alike), abs(before.alike)) > IN_ORDER_Z
    if in_order or found.z < OFF_Z or other.z >= OTHER_SIDE_Z:
        return
    if _strongest(found.features, found.targets) >= HELD:
        return
    side, back = ("next", "before") if found is after else ("previous", "after")
    yield Finding(
        code="D15",
        severity="error",
        message=f"Targets are one row off: inputs go with the target of the {side} "
        "row.",
        where=_where(subject, found),
        evidence=f"a simple model tells the target of the {side} row "
        f"{found.z:.1f} standard errors better than chance, that of the row {back} "
        f"{other.z:+.1f}, and neighbouring targets have nothing in common "
        f"({found.alike:+.1f})",
        remedy="Look where a row is missing or doubled, such as a header that was read "
        "as a row, and move the targets back.",
    )


def pair(subject: Subject, examples: Examples, lag: int) -> Pairing | None:
    """Ask inputs for the targets of other rows; None where too few have one.

    Args:
        subject: Of the examples.
        examples: Of the training part.
        lag: How many rows further the target stands, in the order of the source.
    """
    source = _sources(subject)
    place = torch.full((int(source.max()) + 2 + abs(lag),), -1, dtype=torch.long)
    place[source + abs(lag)] = torch.arange(len(source))
    others = place[source[examples.rows] + abs(lag) + lag]
    kept = torch.nonzero(others >= 0).flatten()
    if len(kept) < LEAST:
        return None
    theirs = _targets(subject, others[kept])
    codes, _ = classes_of(subject, theirs)
    paired = replace(
        examples,
        rows=examples.rows[kept],
        features=examples.features[kept],
        targets=theirs,
        codes=codes,
        folds=all_folds(torch.arange(len(kept)), subject.job.training.seed),
    )
    wide = examples.features.shape[1] > WIDE
    asked = (ask_neighbours,) if wide else (ask_ridge, ask_neighbours)
    own, other = (_vectors(examples, t) for t in (examples.targets[kept], theirs))
    best = max((ask(paired) for ask in asked), key=lambda a: _z(_agree(a, other)))
    return Pairing(
        z=_z(_agree(best, other)),
        alike=_z((own * other).sum(dim=1)),
        features=paired.features,
        targets=other,
        gains=_agree(best, other) - _agree(best, own),
        rows=source[examples.rows[kept]][best.places],
    )


def _agree(answers: Answers, targets: Tensor) -> Tensor:
    """Return `(n,)` how each answer goes with a target; 0 on average by chance."""
    said = answers.values.double()
    return (targets[answers.places] * (said - said.mean(dim=0))).sum(dim=1)


def _strongest(features: Tensor, targets: Tensor) -> float:
    """Return the strongest correlation of a feature, or its ranks, with a target."""
    ranks = features.argsort(dim=0, stable=True).argsort(dim=0, stable=True)
    both = torch.cat([features, ranks], dim=1).double()
    either = [both - both.mean(dim=0), targets]
    left, right = (nn.functional.normalize(part, dim=0) for part in either)
    return (left.T @ right).abs().max().item()


def _vectors(examples: Examples, targets: Tensor) -> Tensor:
    """Return `(n, K)` targets without their mean; classes as columns of 0 and 1."""
    flat = targets.reshape(len(targets), -1).double()
    if examples.codes is not None:
        codes = targets.reshape(-1).long()
        flat = nn.functional.one_hot(codes, examples.num_classes).double()
    return flat - flat.mean(dim=0)


def _z(each: Tensor) -> float:
    """Return a mean in its standard errors."""
    return (each.mean() / each.std().clamp(min=1e-12)).item() * math.sqrt(len(each))


def _sources(subject: Subject) -> Tensor:
    """Return the number in the source of each training example."""
    if subject.case is None:
        return torch.arange(len(subject.job.train))
    return torch.from_numpy(subject.case.setup.parts.train).long()


def _targets(subject: Subject, rows: Tensor) -> Tensor:
    """Return targets of training examples as the loss takes them, on the CPU."""
    if subject.case is None:
        return subject.job.train.take(rows)[1].cpu()
    setup, data = subject.case.setup, subject.case.data
    found = setup.preparation.targets(data, setup.parts.train[rows.numpy()])
    return torch.from_numpy(found)


def _where(subject: Subject, found: Pairing) -> str:
    """Say from which row on inputs go better with the other target than with theirs."""
    order = found.rows.argsort()
    total = found.gains[order].cumsum(dim=0)
    if total.min() >= 0:
        return ""
    row = int(found.rows[order][int(total.argmin())])
    if subject.case is None or not isinstance(subject.case.data.inputs, Table):
        return f"from about example {row:,} on"
    return f"from about {subject.case.data.inputs.name(row)} on"
