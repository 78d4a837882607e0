"""Examples that are damaged, and stand-ins for missing values: D13."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from torchsmith.core.wording import percent
from torchsmith.data.data import Table
from torchsmith.data.lines import Lines
from torchsmith.doctor.examples import Examples, leaves
from torchsmith.doctor.subject import Subject
from torchsmith.inspect.inspection import Finding

LEAST, LEAST_SHARE = 3, 0.001
"""Damaged examples without which nothing is said, and their share."""

MANY = 0.01
"""Share of damaged examples from which a value that returns is a stand-in."""

FAR = 50.0
"""Distance from the median, in interquartile ranges, of numbers in other units."""

GAP = 3.0
"""A stand-in is so many times as far from all other values as most of these are from
each other."""

LEVELS = 3
"""Other values that a column must have for one to stand apart; of two groups none
does."""

BY_CHANCE = 0.1
"""Rows of zeros are damaged where the zeros of all other rows would give, by chance,
less than this share of them."""

HARDLY_ZERO = 0.02
"""Share of the other rows in which at least one column must not be 0 more often: where
each column is 0 now and then, all may be at once."""

SQUEEZED = 0.3
"""Deviation of the other values of a scaled column, by that of all: below it they are
squeezed together."""

OPPOSITE = 0.25
"""Correlation with the typical example: most are above it, inverted ones below its
negative."""


def find_in_rows(subject: Subject, examples: Examples) -> Iterator[Finding]:
    """Find examples that are damaged: D13.

    Args:
        subject: At step 0; stays as it is.
        examples: Of the training part.
    """
    if subject.case is not None and isinstance(subject.case.data.inputs, Table):
        yield from _find_in_table(subject, subject.case.data.inputs)
        return
    for leaf in leaves(examples.inputs):
        if leaf.ndim > 3:
            yield from _find_inverted(leaf.detach().cpu().float())


def _find_in_table(subject: Subject, table: Table) -> Iterator[Finding]:
    assert subject.case is not None  # noqa: S101 -- for mypy
    setup, roles = subject.case.setup, subject.case.plan.data.columns
    train = setup.parts.train
    names = [
        name
        for name, column in table.columns.items()
        if column.kind == "number" and roles.get(name, "number") == "number"
    ]
    columns = {name: table.columns[name].values[train] for name in names}
    lines = table.lines.take(train)
    yield from _find_stand_ins(subject, columns, lines)
    if len(names) > 1:
        values = np.stack(list(columns.values()), axis=1)
        yield from _find_other_units(values, lines)
    if len(names) > 2:
        # Of all parts: a split may leave rows out that repeat each other.
        values = np.stack([table.columns[name].values for name in names], axis=1)
        yield from _find_zeros(values, table.lines)


def _find_stand_ins(
    subject: Subject, columns: dict[str, np.ndarray], lines: Lines
) -> Iterator[Finding]:
    """Find one value that returns, far from all others: -999 for what is missing."""
    found = [(name, end) for name in columns for end in _stand_in(columns[name])]
    if not found:
        return
    squeezed = [
        name
        for name, value in found
        if _is_squeezed(subject, name, columns[name] != value)
    ]
    name, value = found[0]
    rows = columns[name] == value
    others = f", and in {len(found) - 1} columns more" if len(found) > 1 else ""
    yield Finding(
        code="D13",
        severity="warning" if squeezed else "note",
        message=f"{value:g} seems to stand for a missing value in '{name}'{others}.",
        where=f"column '{name}', {lines.take(rows)}",
        evidence=f"{int(rows.sum()):,} of {len(rows):,} rows have it, far from all "
        "other values"
        + (f"; these are squeezed together in '{squeezed[0]}'" if squeezed else ""),
        remedy="Leave these fields empty, so that they are filled and flagged; "
        "RobustScale bounds what they do.",
    )


def _stand_in(values: np.ndarray) -> Iterator[float]:
    known = values[np.isfinite(values)]
    if len(known) < 30:
        return
    for end in (known.min(), known.max()):
        rest = known[known != end]
        count = len(known) - len(rest)
        if count < max(LEAST, MANY * len(known)) or len(rest) < 30:
            continue
        low, high = np.quantile(rest, (0.01, 0.99))
        if low == high:  # most are one value, such as 0
            low, high = rest.min(), rest.max()
        gap = rest.min() - end if end < rest.min() else end - rest.max()
        if gap > GAP * (high - low) and len(np.unique(rest)) >= LEVELS:
            yield float(end)


def _is_squeezed(subject: Subject, name: str, rest: np.ndarray) -> bool:
    """Whether a column's other values are close together as the network gets them."""
    assert subject.case is not None  # noqa: S101 -- for mypy
    setup = subject.case.setup
    names, inputs = setup.preparation.feature_names, setup.inputs["train"]
    if name not in names or not isinstance(inputs, np.ndarray):
        return False
    column = inputs[:, names.index(name)]
    return bool(column[rest].std() < SQUEEZED * column.std())


def _find_other_units(values: np.ndarray, lines: Lines) -> Iterator[Finding]:
    """Find rows of which most numbers are far out at once."""
    low, middle, high = np.nanquantile(values, (0.25, 0.5, 0.75), axis=0)
    spread = high - low
    usable = spread > 0
    if usable.sum() < 2:
        return
    far = np.abs(values - middle)[:, usable] > FAR * spread[usable]
    rows = far.mean(axis=1) >= 0.5
    if rows.sum() < max(LEAST, LEAST_SHARE * len(rows)):
        return
    yield Finding(
        code="D13",
        severity="warning",
        message=f"{int(rows.sum()):,} rows ({percent(rows.mean(), 1)}) have most of "
        "their numbers far from those of all others, as if in other units.",
        where=str(lines.take(rows)),
        evidence=f"at least half of {int(usable.sum())} columns are more than {FAR:g} "
        "interquartile ranges from the median at once",
        remedy="Bring these rows to the units of the others.",
    )


def _find_zeros(values: np.ndarray, lines: Lines) -> Iterator[Finding]:
    """Find rows that are 0 throughout, as those of a failed reading are."""
    zero = values == 0
    rows = zero.all(axis=1)
    if rows.sum() < max(LEAST, MANY * len(rows)) or rows.all():
        return
    others = zero[~rows].mean(axis=0)
    expected = float(others.prod())
    if expected > BY_CHANCE * rows.mean() or others.min() > HARDLY_ZERO:
        return
    yield Finding(
        code="D13",
        severity="warning",
        message=f"{int(rows.sum()):,} rows ({percent(rows.mean(), 1)}) are 0 in all of "
        f"{values.shape[1]} number columns.",
        where=str(lines.take(rows)),
        evidence=f"of the other rows, {percent(others.min(), 2)} are 0 in the column "
        f"that is so least; {percent(expected, 2)} would be in all, if columns did not "
        "depend on each other",
        remedy="Leave these rows out, or read them again.",
    )


def _find_inverted(values: Tensor) -> Iterator[Finding]:
    """Find pictures and volumes that are the negative of what is typical."""
    flat = values.flatten(1)
    typical = flat.median(dim=0).values if len(flat) < 64 else flat.mean(dim=0)
    alike = torch.nn.functional.cosine_similarity(
        flat - flat.mean(dim=1, keepdim=True), (typical - typical.mean())[None]
    )
    opposite = alike < -OPPOSITE
    count = int(opposite.sum())
    usual = alike[~opposite].median().item() if count < len(alike) else 0.0
    if count < max(LEAST, LEAST_SHARE * len(alike)) or usual < OPPOSITE:
        return
    between = ((alike > -OPPOSITE) & (alike < OPPOSITE / 2)).sum().item()
    if between > count:
        return  # no group of their own
    yield Finding(
        code="D13",
        severity="warning",
        message=f"{percent(count / len(alike), 1)} of the training examples are "
        "inverted: dark where others are bright.",
        evidence=f"{count:,} of a sample of {len(alike):,} have a correlation below "
        f"{-OPPOSITE:g} with the mean example, the others typically {usual:.2f}",
        remedy="Invert them back, or leave them out.",
    )
