"""Examples that stand on both sides of what is learned and what is held out: D8."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from torchsmith.core.seeds import generator
from torchsmith.core.wording import percent
from torchsmith.data.data import Table
from torchsmith.data.same import keys_of_rows
from torchsmith.doctor.examples import (
    MOST_LARGE,
    Examples,
    examples_of,
    leaves,
)
from torchsmith.doctor.simple_models import standardised
from torchsmith.doctor.subject import Allowance, Subject
from torchsmith.inspect.inspection import Finding
from torchsmith.train.batches import Batches, TensorBatches

MANY_SHARED, MOST_SHARED = 0.01, 0.1
"""Share of a part that is in the training part, too: from it on a warning, an error."""

LEAST_SHARED = 5
SAME_TARGET = 0.95
"""Share of them that must have the same target there, too: cases that only look alike
differ in it now and then."""

USUAL_REPEATS = 3.0
"""Where training examples repeat each other at most so many times as often as they
would with independent columns, equal inputs are different cases."""

MOST_COMPARED = 2_000
"""Training examples of which that is counted."""

AGREE, SURELY_AGREE = 0.01, 0.001
"""Where rows of a table that differ in one column only are as common as equal ones, the
latter may be different cases; then targets of equal rows must agree more often than
those of the nearest other rows, with so small a probability of chance (a sign test):
for a warning, an error."""

MOST_ASKED = 500
"""Rows that occur in both parts, of which that is asked."""

SAME_PLACE = 1e-3
"""Standardised inputs that are nearer are equal, but for rounding."""

BYTES_PER_SECOND = 3e8
"""Of inputs that are compared, with a margin for slow machines."""

CHEAP = 2e7
"""Bytes that are compared in any case."""

_REPEATS = frozenset({"D12", "D27"})
"""Inspection's codes where examples repeat others; without them no parts share any."""


def find_shared(
    subject: Subject, examples: Examples, allowance: Allowance, left_out: list[str]
) -> Iterator[Finding]:
    """Find parts, or folds, that share examples: D8.

    Args:
        subject: At step 0; stays as it is.
        examples: Of the training part.
        allowance: How long it may take.
        left_out: Is told what was not looked at, and why.
    """
    if _repeat_by_nature(subject, examples):
        return
    for pair in _pairs(subject, allowance, left_out):
        (keys, targets), (known, known_targets) = pair.held, pair.learned
        order = np.argsort(known, kind="stable")
        place = np.searchsorted(known[order], keys).clip(max=len(known) - 1)
        twin = order[place]
        shared = known[twin] == keys
        share = float(shared.mean())
        if share < MANY_SHARED or shared.sum() < LEAST_SHARED:
            continue
        same = float((targets[shared] == known_targets[twin[shared]]).mean())
        if same < SAME_TARGET:
            continue  # different cases that look alike, such as names
        twins = np.unique(pair.rows[twin[shared]])
        chance = _chance_of_twins(subject, examples, twins, share)
        if chance > AGREE:
            continue  # different cases whose columns are coarse
        certain = share >= MOST_SHARED and chance <= SURELY_AGREE
        yield Finding(
            code="D8",
            severity="error" if certain else "warning",
            message=f"{percent(share, 1)} of the {pair.held_name} have the same "
            f"inputs as an example of {pair.learned_name}.",
            where=pair.held_name,
            evidence=f"{int(shared.sum()):,} of {len(keys):,}, {percent(same)} of "
            "them with the same target there",
            remedy=f"Keep examples with the same inputs in one {pair.unit}.",
            changes={"split.keep_together": True} if subject.plan is not None else {},
        )
        return


def _repeat_by_nature(subject: Subject, examples: Examples) -> bool:
    """Whether inputs are so coarse that different cases look alike."""
    columns = _codes(subject)
    if columns is None:
        columns = examples.features
    random = generator(subject.job.training.seed, "doctor repeats")
    shuffled = [
        column[torch.from_numpy(random.permutation(len(column)))]
        for column in columns.T
    ]
    found, usual = (
        1 - len(each.unique(dim=0)) / len(each)
        for each in (columns, torch.stack(shuffled, dim=1))
    )
    return usual > 0 and found <= USUAL_REPEATS * usual


def _codes(subject: Subject) -> torch.Tensor | None:
    """Return `(n, C)` int64 of a table's columns as they were read; None of others."""
    case = subject.case
    if case is None or not isinstance(case.data.inputs, Table):
        return None
    table, train = case.data.inputs, case.setup.parts.train
    used = [c.name for c in case.inspection.columns if c.role != "ignore"]
    values = [table.columns[name].values[train[:MOST_COMPARED]] for name in used]
    coded = [np.unique(each, return_inverse=True)[1].ravel() for each in values]
    return torch.from_numpy(np.stack(coded, axis=1)) if coded else None


def _chance_of_twins(
    subject: Subject, examples: Examples, twins: np.ndarray, share: float
) -> float:
    """Return the probability that rows which are equal agree so by chance.

    Args:
        subject: Whose parts share rows.
        examples: Of the training part.
        twins: `(m,)` rows of the training part that another part has, too.
        share: Of that part.

    Returns:
        0 where equal rows are no chance: not of a table, or of one whose rows seldom
        differ in a single column.
    """
    codes = _codes(subject)
    if codes is None or _nearly_equal(codes) < share:
        return 0.0
    asked = torch.from_numpy(twins[:MOST_ASKED])
    rows = torch.cat([asked, examples.rows]).unique()
    both = examples_of(subject, rows)
    if both is None:
        return 0.0
    inputs = standardised(both)
    places = torch.searchsorted(rows, asked)
    far = torch.cdist(inputs[places], inputs)
    far[far < SAME_PLACE] = torch.inf
    near = far.argmin(dim=1)
    others = both.targets[near] != both.targets[places]
    # Equal rows agree nearly always, so that only the disagreeing others count.
    return float(0.5 ** int(others.reshape(len(asked), -1).any(dim=1).sum()))


def _nearly_equal(codes: torch.Tensor) -> float:
    """Return the share of different rows that another equals in all columns but one."""
    rows = codes.unique(dim=0).numpy().astype(np.uint64)
    weights = generator(0, "doctor near").integers(
        1, 2**63, size=rows.shape[1], dtype=np.uint64
    )
    mixed = rows * (2 * weights + 1)
    whole = mixed.sum(axis=1, dtype=np.uint64)
    found = np.zeros(len(rows), bool)
    for column in mixed.T:
        _, place, count = np.unique(
            whole - column, return_inverse=True, return_counts=True
        )
        found |= count[place.ravel()] > 1
    return float(found.mean())


_Keyed = tuple[np.ndarray, np.ndarray]
"""`(n,)` uint64 keys of inputs, and keys of targets."""


@dataclass(frozen=True)
class _Pair:
    """What is held out, beside what is learned from.

    Attributes:
        held: Its keys.
        learned: Those of the others.
        rows: Their numbers in the training part.
    """

    held: _Keyed
    learned: _Keyed
    rows: np.ndarray
    held_name: str = "val part"
    learned_name: str = "the training part"
    unit: str = "part"


def _pairs(
    subject: Subject, allowance: Allowance, left_out: list[str]
) -> Iterator[_Pair]:
    job, case = subject.job, subject.case
    if job.val is None:
        return
    if case is not None:
        seen = {finding.code for finding in case.inspection.findings}
        split = case.plan.split
        kept = split.keep_together or split.drop_shared
        if kept or split.val == "given" or not seen & _REPEATS:
            return  # of given parts inspection tells
    size = _bytes(job.train) * (1 + len(job.val) / len(job.train))
    whole = isinstance(job.train, TensorBatches) and isinstance(job.val, TensorBatches)
    if whole and size > CHEAP and not allowance.allows(size / BYTES_PER_SECOND):
        left_out.append("whether parts share examples, for want of time")
        return
    folds = None if case is None else case.setup.parts.folds
    if folds is not None:
        yield _first_fold(job.train, folds)
        return
    rows = _rows(len(job.train), whole)
    yield _Pair(
        held=_keyed(job.val, _rows(len(job.val), whole)),
        learned=_keyed(job.train, rows),
        rows=rows.numpy(),
    )


def _first_fold(train: Batches, folds: np.ndarray) -> _Pair:
    keys, targets = _keyed(train, torch.arange(len(train)))
    held, rest = folds == 0, np.flatnonzero(folds)
    return _Pair(
        held=(keys[held], targets[held]),
        learned=(keys[rest], targets[rest]),
        rows=rest,
        held_name="first fold",
        learned_name="another fold",
        unit="fold",
    )


def _rows(count: int, whole: bool) -> torch.Tensor:  # noqa: FBT001 -- a private helper
    """Return all rows, or the first: a part that is trained on begins as that one."""
    return torch.arange(count if whole else min(count, MOST_LARGE))


def _bytes(batches: Batches) -> int:
    inputs, _ = batches.take(torch.arange(1))
    return len(batches) * sum(leaf.numel() * 4 for leaf in leaves(inputs))


def _keyed(batches: Batches, rows: torch.Tensor) -> _Keyed:
    keys, targets = [], []
    for part in rows.split(1024):
        inputs, target = batches.take(part)
        keys.append(_keys(inputs, len(part)))
        targets.append(_keys(target, len(part)))
    return np.concatenate(keys), np.concatenate(targets)


def _keys(values: Any, count: int) -> np.ndarray:  # noqa: ANN401 -- as collated
    flat = [leaf.detach().cpu().reshape(count, -1).double() for leaf in leaves(values)]
    return keys_of_rows(torch.cat(flat, dim=1).float().numpy())
