"""Numbers whose exact values tell what the values around them do not.

The 5,178 of a tax form or the 17 of a shop is a name rather than a measurement. Each
value's mean target is compared with that of the two values below and the two above; a
smooth curve, however steep, hardly differs from them by more than chance allows.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from torchsmith.core.seeds import generator
from torchsmith.inspect.inspection import TargetFacts
from torchsmith.inspect.leaks import goals_of
from torchsmith.inspect.profile import Profile

MAX_ROWS = 50_000
FEWEST_VALUES = 5
FEWEST = 3
"""Rows of a value that is looked at, as `EncodeValues` asks for."""

BEYOND_NOISE = 10.0
"""By how many times the squares of the differences are above what they would be if the
values told nothing. Copies of rows, each four times, make it 4; a curve of few values 9
on education-num of Adult, where capital-gain has 27."""


def measure_exactness(
    profiles: Sequence[Profile],
    target: Profile,
    facts: TargetFacts,
    usable: np.ndarray,
) -> Mapping[str, float]:
    """Return, by column, which share of the target's variance only exact values tell.

    Args:
        profiles: The columns that are used; numbers among them are measured.
        target: Numbers count by their ranks.
        facts: Its task.
        usable: `(N,)` bool: the rows to look at, none of a given test part.
    """
    rows = np.flatnonzero(usable & ~target.missing)
    if len(rows) > MAX_ROWS:
        rows = generator(0, "exact").permutation(rows)[:MAX_ROWS]
    if len(rows) < FEWEST_VALUES * FEWEST:
        return {}
    goals = goals_of(target, rows, facts)
    if not goals.shape[1]:
        return {}
    variance = float(goals.var(axis=0).sum())
    return {
        profile.name: _exactness(profile, rows, goals, variance)
        for profile in profiles
        if profile.kind == "number"
    }


def _exactness(
    profile: Profile, rows: np.ndarray, goals: np.ndarray, variance: float
) -> float:
    codes = profile.codes[rows]
    gaps = codes < 0
    if gaps.any():
        codes, goals = codes[~gaps], np.asfortranarray(goals[~gaps])
    counts = np.bincount(codes, minlength=profile.distinct)
    ascending = np.argsort(profile.column.values[profile.first], kind="stable")
    kept = ascending[counts[ascending] >= FEWEST]
    # With fewer rows for a value the squares cannot be so far above chance.
    if len(kept) < FEWEST_VALUES or BEYOND_NOISE * len(kept) > len(codes):
        return 0.0
    count = counts[kept, None]
    sums = [np.bincount(codes, goal, minlength=profile.distinct) for goal in goals.T]
    means = np.stack(sums, axis=1)[kept] / count
    apart = means[2:-2] - _mean_around(means)
    chance = 1 / count[2:-2] + _mean_around(1 / count) / 4
    found = float((count[2:-2] * apart**2).sum())
    expected = variance * float((count[2:-2] * chance).sum())
    if found <= BEYOND_NOISE * expected:
        return 0.0
    return (found - expected) / (len(rows) * variance)


def _mean_around(values: np.ndarray) -> np.ndarray:
    """Return the mean of the two rows before and the two after, for all that have."""
    return np.asarray((values[:-4] + values[1:-3] + values[3:-1] + values[4:]) / 4)
