"""Columns that give the answer away: how well does each predict the target alone?

Each column alone predicts every row from the mean target of the other folds' rows with
the same value (numbers: in the same of up to 64 equally filled bins).
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
LEAD = 1.8
"""How many times the second best column's distance from chance is suspicious."""


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
    limit = GIVEN_AWAY["r2" if regression else "auc"]
    away = [
        s for s in strengths if s.score >= limit and (regression or s.explained >= 0.9)
    ]
    for strength in away:
        yield Finding(
            code="D10",
            severity="warning",
            message=f"'{strength.name}' alone predicts '{facts.name}' almost perfectly "
            f"({measured} {strength.score:.3f}).",
            where=f"column '{strength.name}'",
            evidence=_ranking(strengths),
            remedy=f"If it is made from '{facts.name}' or known only afterwards, leave "
            f"it out: `data.columns: {{{strength.name}: ignore}}`.",
        )
    if away or regression or len(strengths) < 4:
        return
    best, second = strengths[:2]
    lead = (best.score - 0.5) / max(second.score - 0.5, 0.05)
    if best.score >= STRONG_AUC and lead >= LEAD:
        yield Finding(
            code="D10",
            severity="warning",
            message=f"'{best.name}' tells far more about '{facts.name}' than any other "
            f"column (AUC {best.score:.2f}, the next, '{second.name}', "
            f"{second.score:.2f}).",
            where=f"column '{best.name}'",
            evidence=_ranking(strengths),
            remedy="Make sure that it is known when a prediction is needed; if it is "
            f"known only afterwards, leave it out: `data.columns: {{{best.name}: "
            "ignore}`.",
        )


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
    order = generator(0, "leaks").permutation(len(rows))[:MAX_ROWS]
    rows = rows[order]
    folds = np.arange(len(rows)) % FOLDS
    codes = target.codes[rows]
    if facts.task == "regression":
        if target.kind != "number":
            return []
        values = target.column.values[rows]
        goals = [np.searchsorted(np.sort(values), values).astype(np.float64)]
    else:
        counts = np.bincount(codes, minlength=target.distinct)
        chosen = np.flatnonzero(counts >= 10)[:20]
        if target.distinct == 2:
            chosen = chosen[:1]
        goals = [(codes == code).astype(np.float64) for code in chosen]
    if not goals:
        return []
    strengths = []
    for profile in profiles:
        groups = _group(profile, rows)
        guesses = [_out_of_fold(groups, folds, goal) for goal in goals]
        pairs = list(zip(goals, guesses, strict=True))
        explained = float(np.mean([_explained(goal, guess) for goal, guess in pairs]))
        score = explained
        if facts.task != "regression":
            score = float(np.mean([_auc(goal > 0, guess) for goal, guess in pairs]))
        strengths.append(Strength(profile.name, score, explained))
    return sorted(strengths, key=lambda strength: -strength.score)


def _group(profile: Profile, rows: np.ndarray) -> np.ndarray:
    """Number the groups of rows that look equal in one column, from 0."""
    num_bins = int(np.clip(len(rows) // ROWS_PER_BIN, 2, MAX_BINS))
    codes: np.ndarray = profile.codes[rows] + 1
    if profile.kind in ("text", "boolean") or profile.distinct <= num_bins:
        return codes
    present = codes > 0
    values = profile.column.values[rows][present].astype(np.float64)
    cuts = np.quantile(values, np.linspace(0, 1, num_bins + 1)[1:-1], method="lower")
    codes[present] = 1 + np.searchsorted(np.unique(cuts), values)
    return codes


def _out_of_fold(groups: np.ndarray, folds: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Guess each row by the mean of its group in the other folds."""
    num_groups = int(groups.max()) + 1
    cells = groups * FOLDS + folds
    size = num_groups * FOLDS
    counts = np.bincount(cells, minlength=size).reshape(num_groups, FOLDS)
    sums = np.bincount(cells, goal, minlength=size).reshape(num_groups, FOLDS)
    other_counts = counts.sum(axis=1, keepdims=True) - counts
    other_sums = sums.sum(axis=1, keepdims=True) - sums
    guess = (other_sums + goal.mean()) / (other_counts + 1)
    return np.asarray(guess[groups, folds])


def _explained(goal: np.ndarray, guess: np.ndarray) -> float:
    error, total = ((goal - guess) ** 2).sum(), goal.var() * len(goal)
    return 1 - float(error) / max(float(total), 1e-12)


def _auc(positive: np.ndarray, guess: np.ndarray) -> float:
    """Return the chance that a positive row has the larger guess; ties count half."""
    _, inverse, counts = np.unique(guess, return_inverse=True, return_counts=True)
    above = np.cumsum(counts)
    ranks = (above - (counts - 1) / 2)[inverse]
    num = int(positive.sum())
    if num in (0, len(positive)):
        return 0.5
    total = ranks[positive].sum() - num * (num + 1) / 2
    return float(total / (num * (len(positive) - num)))
