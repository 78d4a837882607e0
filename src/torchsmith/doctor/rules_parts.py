"""How the parts go together as the plan, or a person, makes them: D6, D8, D9."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from torchsmith.core.seeds import generator
from torchsmith.core.vocabulary import Part
from torchsmith.data.data import Table
from torchsmith.data.same import keys_of_rows
from torchsmith.doctor.examples import (
    MOST,
    MOST_LARGE,
    Examples,
    all_folds,
    examples_of,
    groups_by,
    latest_fold,
    leaves,
    random_folds,
)
from torchsmith.doctor.simple_models import ask_nearest, standardised
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

FLATTERED_Z, MUCH_FLATTERED_Z = 3.0, 5.0
"""Standard errors by which a simple model is better where related examples are on both
sides: a warning, an error."""

FLATTERED = 0.02
MUCH_FLATTERED = 0.1
"""The same in points of the score."""

LEAST_GROUPS = 10
_REPEATS = frozenset({"D12", "D27"})
"""Inspection's codes where examples repeat others; without them no parts share any."""


def find_in_parts(
    subject: Subject, examples: Examples, allowance: Allowance, left_out: list[str]
) -> Iterator[Finding]:
    """Find parts that lack a class, or share what they should not: D6, D8, D9.

    Args:
        subject: At step 0; stays as it is.
        examples: Of the training part.
        allowance: How long it may take.
        left_out: Is told what was not looked at, and why.
    """
    yield from _find_missing_classes(subject)
    yield from _find_related(subject)
    yield from _find_shared(subject, examples, allowance, left_out)


def _find_missing_classes(subject: Subject) -> Iterator[Finding]:
    case = subject.case
    if case is None or not case.plan.problem.classes:
        return
    names, split = case.plan.problem.classes, case.plan.split
    setup = case.setup
    parts: dict[Part, np.ndarray] = {
        "train": setup.parts.train,
        "val": setup.parts.val,
        "test": setup.parts.test,
    }
    targets = {
        p: setup.preparation.targets(case.data, rows) for p, rows in parts.items()
    }
    counts = {p: np.bincount(t, minlength=len(names)) for p, t in targets.items()}
    whole = np.sum(list(counts.values()), axis=0)
    for part, count in counts.items():
        if not len(parts[part]) or getattr(split, part, "") == "given":
            continue  # inspection looks at given parts
        missing = np.flatnonzero((count == 0) & (whole > 0))
        if not len(missing):
            continue
        enough = bool((whole[missing] >= 3).all())
        roomy = len(parts[part]) >= np.count_nonzero(whole)
        could = enough and roomy and not (split.group or split.time)
        shown = ", ".join(f"'{names[i]}'" for i in missing[:5])
        yield Finding(
            code="D6",
            severity="error" if part == "train" else "warning" if could else "note",
            message=f"The {part} part has no example of {shown}.",
            where=f"{part} part",
            evidence=f"{int(whole[missing].sum())} in the other parts",
            remedy="Keep the share of each class the same in all parts."
            if could
            else "Collect more examples of it, make the part larger, or leave it out.",
            changes={"split.stratify": True} if could and not split.stratify else {},
        )


def _find_related(subject: Subject) -> Iterator[Finding]:
    """Compare a simple model's score with related rows apart, and on both sides."""
    case = subject.case
    if case is None or case.plan.split.group or case.plan.split.time:
        return
    inspection, split = case.inspection, case.plan.split
    if "given" in (split.test, split.val):
        return
    name = inspection.group or inspection.time
    if name is None:
        return
    rows = _whole_groups(subject, name)
    groups = groups_by(subject, rows, name)
    if int(groups.max()) + 1 < LEAST_GROUPS:
        return
    together = examples_of(subject, rows)
    seed = subject.job.training.seed
    alone = torch.arange(len(rows))
    if inspection.group:
        # Each row is held out once: two rows of a person are few to tell from.
        folds, alone_folds = all_folds(groups, seed), all_folds(alone, seed)
    else:
        folds, alone_folds = latest_fold(groups), random_folds(alone, seed)
    if together is None or not folds or not alone_folds:
        return
    apart = ask_nearest(replace(together, folds=folds))
    mixed = ask_nearest(replace(together, folds=alone_folds))
    gain = mixed.score - apart.score
    deviations = gain / max(np.hypot(mixed.error, apart.error), 1e-9)
    if deviations < FLATTERED_Z or gain < FLATTERED:
        return
    certain = deviations >= MUCH_FLATTERED_Z and gain >= MUCH_FLATTERED
    what, setting = ("the same", "group") if inspection.group else ("later", "time")
    other = "time" if setting == "group" else "group"
    yield Finding(
        code="D9",
        severity="error" if certain else "warning",
        message=f"Rows of {what} '{name}' are in several parts and flatter the score."
        if inspection.group
        else f"Rows are split at random though '{name}' orders them in time, which "
        "flatters the score.",
        where="split",
        evidence=f"the nearest row tells the target with {mixed.score:.3f} where such "
        f"rows are on both sides, with {apart.score:.3f} where not; "
        f"{deviations:.1f} standard errors apart",
        remedy=f"Split by '{name}'.",
        changes={
            "split.stratify": False,
            f"split.{other}": None,
            f"split.{setting}": name,
        },
    )


def _whole_groups(subject: Subject, name: str) -> torch.Tensor:
    """Return rows of the training part: a sample of all that belong together."""
    every = torch.arange(len(subject.job.train))
    groups = groups_by(subject, every, name)
    if len(every) <= MOST:
        return every
    if subject.case is not None and subject.case.inspection.group is None:
        return subject.sample(MOST)
    seed = subject.job.training.seed
    order = generator(seed, "doctor groups").permutation(int(groups.max()) + 1)
    place = torch.from_numpy(order)[groups]
    last = place.sort().values[MOST - 1]
    return torch.nonzero(place <= last).flatten()[: 2 * MOST]


def _find_shared(
    subject: Subject, examples: Examples, allowance: Allowance, left_out: list[str]
) -> Iterator[Finding]:
    if _repeat_by_nature(subject, examples):
        return
    for part, ours, other in _pairs(subject, allowance, left_out):
        (keys, targets), (known, known_targets) = other, ours
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
        chance = _chance_of_twins(subject, examples, np.unique(twin[shared]), share)
        if chance > AGREE:
            continue  # different cases whose columns are coarse
        certain = share >= MOST_SHARED and chance <= SURELY_AGREE
        yield Finding(
            code="D8",
            severity="error" if certain else "warning",
            message=f"{share:.1%} of the {part} part have the same inputs as an "
            "example of the training part.",
            where=f"{part} part",
            evidence=f"{int(shared.sum()):,} of {len(keys):,}, {same:.0%} of them with "
            "the same target there",
            remedy="Keep examples with the same inputs in one part.",
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


def _pairs(
    subject: Subject, allowance: Allowance, left_out: list[str]
) -> Iterator[tuple[str, _Keyed, _Keyed]]:
    """Yield a part's name, the training part's keys, and its own."""
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
    yield (
        "val",
        _keyed(job.train, _rows(len(job.train), whole)),
        _keyed(job.val, _rows(len(job.val), whole)),
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
