"""Columns that give the answer away: how well does each predict the target alone?

Each column alone predicts every row from the mean target of the other folds' rows with
the same value (numbers: in the same of up to 64 equally filled bins). Of few rows bins
are too coarse to tell a copy of a number, so its ranks are compared with those of the
target as well.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from torchsmith.core.seeds import generator
from torchsmith.inspect.inspection import Finding, TargetFacts
from torchsmith.inspect.profile import Profile

MAX_ROWS = 20_000
MAX_BINS = 64
ROWS_PER_BIN = 20
FOLDS = 5
MIN_ROWS = 50

GIVEN_AWAY = {"auc": 0.99, "r2": 0.98}
"""Alone, hardly any honest column predicts so well (DOCTOR's D10)."""

STRONG_AUC = 0.75
STRONG = {"auc": STRONG_AUC, "r2": 0.5}
"""Of what a column tells alone, so much is asked whether it is made from the target."""

LEAD = 1.8
"""How many times the second best column's distance from chance is suspicious."""

LEVELS = 4
"""Groups of values of a column, of which the associations of two columns are judged."""

MAX_COLUMNS, MAX_CLASSES = 12, 20
"""Others that a column is compared with, and the classes within which, the largest; of
numbers so many ranges."""

APART_Z, BOUND_Z = 3.0, 5.0
"""Standard errors of the association of two columns within the classes: below the first
there may be none, above the second there is one."""


class Strength(NamedTuple):
    """How well one column predicts the target alone.

    Attributes:
        name: The column.
        score: AUC (the mean over classes against the rest) or R² of the ranks.
        explained: For classes, the share of the squared error that goes away.
    """

    name: str
    score: float
    explained: float


def find_leaks(
    profiles: Sequence[Profile], target: Profile, facts: TargetFacts
) -> Iterator[Finding]:
    """Report columns that predict the target almost alone.

    Args:
        profiles: The input columns that are used.
        target: The target, without missing values.
        facts: Its task.
    """
    strengths = measure(profiles, target, facts)
    regression = facts.task == "regression"
    measured = "R² of the ranks" if regression else "AUC"
    kind = "r2" if regression else "auc"
    limit = GIVEN_AWAY[kind]
    away = [
        s for s in strengths if s.score >= limit and (regression or s.explained >= 0.9)
    ]
    for strength in away:
        yield _finding(
            strength.name,
            f"'{strength.name}' alone predicts '{facts.name}' almost perfectly "
            f"({measured} {strength.score:.3f}).",
            _ranking(strengths),
            f"If it is made from '{facts.name}' or known only afterwards",
        )
    if away or len(strengths) < 4:
        return
    best, second = strengths[:2]
    if best.score >= STRONG[kind] and goes_with_nothing_else(
        best.name, [s.name for s in strengths[1:]], profiles, target, facts
    ):
        yield _finding(
            best.name,
            f"'{best.name}' tells '{facts.name}' ({measured} {best.score:.2f}) and, "
            "apart from that, goes with no other column, as if it was made from "
            f"'{facts.name}'.",
            f"within {'ranges of it' if regression else 'the classes'} other columns "
            "depend on each other; " + _ranking(strengths),
        )
        return
    if regression:
        return
    lead = (best.score - 0.5) / max(second.score - 0.5, 0.05)
    if best.score >= STRONG_AUC and lead >= LEAD:
        yield _finding(
            best.name,
            f"'{best.name}' tells far more about '{facts.name}' than any other column "
            f"(AUC {best.score:.2f}, the next, '{second.name}', {second.score:.2f}).",
            _ranking(strengths),
        )


def _finding(
    name: str,
    message: str,
    evidence: str,
    when: str = "Make sure that it is known when a prediction is needed; if it is "
    "known only afterwards",
) -> Finding:
    return Finding(
        code="D10",
        severity="warning",
        message=message,
        where=f"column '{name}'",
        evidence=evidence,
        remedy=f"{when}, leave it out.",
        changes={f"data.columns.{name}": "ignore"},
        only_if=f"'{name}' is not known when a prediction is needed",
    )


def goes_with_nothing_else(
    name: str,
    others: Sequence[str],
    profiles: Sequence[Profile],
    target: Profile,
    facts: TargetFacts,
) -> bool:
    """Whether a column depends on no other one where the target is alike, as others do.

    What is made from the target knows nothing but the target. What is measured hangs
    together with other measurements of the same thing.

    Args:
        name: The column.
        others: Columns that it is compared with, the best first.
        profiles: The columns.
        target: The classes, or numbers, which are cut into equally filled ranges.
        facts: Its task.
    """
    rows, within = _alike(target, facts)
    known = {profile.name: profile for profile in profiles}
    own, *rest = (_coarse(known[each], rows) for each in (name, *others[:MAX_COLUMNS]))
    if any(association(own, other, within) >= APART_Z for other in rest):
        return False
    bound = [
        any(
            association(one, other, within) >= BOUND_Z
            for at, other in enumerate(rest)
            if at != place
        )
        for place, one in enumerate(rest)
    ]
    return sum(bound) > len(rest) / 2


def _alike(target: Profile, facts: TargetFacts) -> tuple[np.ndarray, np.ndarray]:
    """Return rows, and `(n,)` the group of equal or similar targets that each is in."""
    if facts.task == "regression":
        rows = np.flatnonzero(~target.missing)[:MAX_ROWS]
        order = np.argsort(np.argsort(target.column.values[rows], kind="stable"))
        return rows, order * MAX_CLASSES // max(len(rows), 1)
    frequent = np.sort(
        np.bincount(target.codes[~target.missing]).argsort()[-MAX_CLASSES:]
    )
    rows = np.flatnonzero(np.isin(target.codes, frequent))[:MAX_ROWS]
    return rows, np.searchsorted(frequent, target.codes[rows])


def association(one: np.ndarray, other: np.ndarray, within: np.ndarray) -> float:
    """Return by how many standard errors two columns depend on each other in groups.

    Chi-square, summed over the groups, brought to a normal distribution: Wilson and
    Hilferty, The distribution of chi-square (1931),
    https://doi.org/10.1073/pnas.17.12.684

    Args:
        one: `(N,)` codes from 0.
        other: `(N,)` codes from 0.
        within: `(N,)` the group of each row, from 0; in each they may be distributed
            in another way.
    """
    shape = (int(within.max()) + 1, int(one.max()) + 1, int(other.max()) + 1)
    cells = np.ravel_multi_index((within, one, other), shape)
    counts = np.bincount(cells, minlength=int(np.prod(shape))).reshape(shape)
    total, free = 0.0, 0
    for table in counts.astype(np.float64):
        table = table[table.any(axis=1)][:, table.any(axis=0)]
        if min(table.shape) < 2:
            continue
        expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
        total += float(((table - expected) ** 2 / expected).sum())
        free += (table.shape[0] - 1) * (table.shape[1] - 1)
    if not free:
        return 0.0
    spread = 2 / (9 * free)
    return float(((total / free) ** (1 / 3) - 1 + spread) / spread**0.5)


def _coarse(profile: Profile, rows: np.ndarray) -> np.ndarray:
    """Return `(N,)` codes of the most frequent values, or of equally filled bins."""
    codes = _group(profile, rows, LEVELS)
    frequent = np.bincount(codes).argsort()[::-1][:LEVELS]
    place = np.full(int(codes.max()) + 1, LEVELS)
    place[frequent] = np.arange(len(frequent))  # of bins, all but one: they stay apart
    return np.asarray(place[codes])


def _ranking(strengths: Sequence[Strength]) -> str:
    return ", ".join(f"{s.name} {s.score:.2f}" for s in strengths[:4])


def measure(
    profiles: Sequence[Profile], target: Profile, facts: TargetFacts
) -> list[Strength]:
    """Score each column alone, the best first, on at most 20,000 rows.

    Args:
        profiles: The columns to score.
        target: The target; rows where it is missing are left out.
        facts: Its task.
    """
    rows = np.flatnonzero(~target.missing)
    if len(rows) < MIN_ROWS:
        return []
    rows = rows[generator(0, "leaks").permutation(len(rows))[:MAX_ROWS]]
    goals = goals_of(target, rows, facts)
    if not goals.shape[1]:
        return []
    folds = np.arange(len(rows)) % FOLDS
    num_bins = int(np.clip(len(rows) // ROWS_PER_BIN, 2, MAX_BINS))
    strengths = []
    for profile in profiles:
        cells = _group(profile, rows, num_bins) * FOLDS + folds
        counts, sums = _totals(cells, goals)
        guesses = _out_of_fold(counts, sums, goals.mean(axis=0))
        error = (counts[..., None] * guesses**2 - 2 * guesses * sums).sum(axis=(0, 1))
        kept = 1 - (error + (goals**2).sum(axis=0)) / (goals.var(axis=0) * len(rows))
        score = explained = float(kept.mean())
        if facts.task == "regression":
            score = max(score, _rank_agreement(profile, target, rows))
        else:
            score = float(
                np.mean(
                    [
                        _auc(guesses[..., k], sums[..., k], counts - sums[..., k])
                        for k in range(goals.shape[1])
                    ]
                )
            )
        strengths.append(Strength(profile.name, score, explained))
    return sorted(strengths, key=lambda strength: -strength.score)


def goals_of(target: Profile, rows: np.ndarray, facts: TargetFacts) -> np.ndarray:
    """Return `(n, K)`: the rank of the target, or 1 for each class that a row has.

    Args:
        target: The target.
        rows: Of which it is not missing.
        facts: Its task. Of classes, the first 20 that have ten rows; K may be 0.
    """
    if facts.task == "regression":
        if target.kind != "number":
            return np.empty((len(rows), 0))
        values = target.column.values[rows]
        ranks = np.searchsorted(np.sort(values), values).astype(np.float64)[:, None]
        return np.asarray(ranks[:, ranks.std(axis=0) > 0])
    codes = target.codes[rows]
    counts = np.bincount(codes, minlength=target.distinct)
    chosen = np.flatnonzero((counts >= 10) & (counts < len(rows)))[:MAX_CLASSES]
    if target.distinct == 2:
        chosen = chosen[:1]
    # Each class lies together: it is summed up for each column of the table.
    return np.asarray(codes[:, None] == chosen, np.float64, order="F")


def _rank_agreement(profile: Profile, target: Profile, rows: np.ndarray) -> float:
    """Return R² of a number's ranks as those of the target, where most rows have it."""
    if profile.kind != "number" or 2 * profile.num_missing > profile.num_rows:
        return 0.0
    known = rows[~profile.missing[rows]]
    pair = [_middle_ranks(p.column.values[known]) for p in (profile, target)]
    if any(len(known) < MIN_ROWS or not ranks.std() for ranks in pair):
        return 0.0
    return float(np.corrcoef(pair)[0, 1] ** 2)


def _middle_ranks(values: np.ndarray) -> np.ndarray:
    """Return the rank of each value; equal ones share the middle of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    doubled = 2 * np.cumsum(counts) - counts
    return doubled[places].astype(np.float64)


def _group(profile: Profile, rows: np.ndarray, num_bins: int) -> np.ndarray:
    """Number groups of rows from 0: missing, equal values, or equally filled bins."""
    codes: np.ndarray = profile.codes[rows] + 1
    present = codes > 0
    measured = profile.kind not in ("text", "boolean") and profile.distinct > num_bins
    if not measured or not present.any():
        return codes
    values = profile.column.values[rows][present].astype(np.float64)
    cuts = np.sort(values)[np.arange(1, num_bins) * len(values) // num_bins]
    codes[present] = 1 + np.searchsorted(np.unique(cuts), values)
    return codes


def _totals(cells: np.ndarray, goals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows `(groups, folds)` and goals `(groups, folds, K)` of each cell."""
    size = (int(cells.max()) // FOLDS + 1) * FOLDS
    counts = np.bincount(cells, minlength=size).reshape(-1, FOLDS)
    sums = [
        np.bincount(cells, goal, minlength=size).reshape(-1, FOLDS) for goal in goals.T
    ]
    return counts, np.stack(sums, axis=-1)


def _out_of_fold(counts: np.ndarray, sums: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Guess each cell by the mean of its group in the other folds."""
    others = counts.sum(axis=1, keepdims=True) - counts
    guesses = sums.sum(axis=1, keepdims=True) - sums + prior
    return np.asarray(guesses / (others + 1)[..., None])


def _auc(guess: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> float:
    """Return the chance that a positive row has the larger guess; ties count half."""
    _, inverse = np.unique(guess.ravel(), return_inverse=True)
    above = np.bincount(inverse, positive.ravel())
    below = np.bincount(inverse, negative.ravel())
    wins = above * (np.cumsum(below) - below / 2)
    return float(wins.sum() / (above.sum() * below.sum()))
