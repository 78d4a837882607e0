"""Values that are names: each tells of the target what only its own rows can show.

Of numbers, the 5,178 of a tax form or the 17 of a shop. Each value's mean target is
compared with that of the two values below and the two above; a smooth curve, however
steep, hardly differs from them by more than chance allows.

Of texts with few rows each, the ticket of a family. So little is learned of each that
it pays only for classes, where rows that share a text have much alike: the means of the
groups lie further apart than those of groups drawn by chance. On six draws of Titanic's
training rows the log loss fell each time, from .429 to .407 on average, with tickets as
categories; the RMSE of 250 prices of flats by the names of houses, whose rows have even
more alike, was lower on two of four draws and higher on two.
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

BEYOND_CHANCE = 5.0
"""By how many standard deviations groups lie further apart than groups drawn by chance.
On three draws of four fifths of Titanic's rows the tickets have 5.7 to 7.1, the cabins
.2 to 1.3."""

ALIKE = 0.02
"""Of the target's variance: so much lies at least between texts that are used so."""

SAME = 0.95
"""Of the target's variance in rows that share their text: with so much between texts,
these rows are parts of one case, such as steps of a recording, and are to be kept
together rather than told from others. Titanic's tickets have .5."""

MOST_NAMES = 10_000
"""Texts; an embedding of more is too large."""


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


def measure_likeness(
    profiles: Sequence[Profile],
    target: Profile,
    facts: TargetFacts,
    usable: np.ndarray,
) -> Mapping[str, float]:
    """Return the columns whose rows with the same text are often of one class.

    Args:
        profiles: Columns of texts, too many for categories.
        target: The target.
        facts: Its task; of numbers nothing is measured.
        usable: `(N,)` bool: the rows to look at, no copies, none of a given test part.

    Returns:
        By name, which share of the target's variance is that between the texts.
    """
    if facts.task == "regression":
        return {}
    rows = np.flatnonzero(usable & ~target.missing)
    shares = {
        profile.name: _likeness(profile, rows, target, facts)
        for profile in profiles
        if profile.distinct <= MOST_NAMES
    }
    return {name: share for name, share in shares.items() if share >= ALIKE}


def _likeness(
    profile: Profile, rows: np.ndarray, target: Profile, facts: TargetFacts
) -> float:
    num_rows, codes = len(rows), profile.codes[rows]
    counts = np.bincount(codes[codes >= 0], minlength=profile.distinct)
    shared = np.flatnonzero(counts >= 2)
    num_shared = int(counts[shared].sum())
    # Whole groups are drawn: of rows that are drawn by themselves few share a text.
    drawn = generator(0, "likeness").permutation(shared)
    drawn = drawn[counts[drawn].cumsum() <= MAX_ROWS]
    if len(drawn) < FEWEST_VALUES:
        return 0.0
    looked_at = np.isin(codes, drawn)
    codes, goals = codes[looked_at], goals_of(target, rows[looked_at], facts)
    if not goals.shape[1]:
        return 0.0
    goals = goals - goals.mean(axis=0)
    sums = [np.bincount(codes, goal, minlength=profile.distinct) for goal in goals.T]
    between = float((np.stack(sums)[:, drawn] ** 2 / counts[drawn]).sum())
    share = between / float((goals**2).sum())
    # Of groups by chance it is a beta variable, exactly so for normal targets.
    freedom, rest = (len(drawn) - 1) / 2, (len(codes) - len(drawn)) / 2
    mean = freedom / (freedom + rest)
    deviation = (mean * (1 - mean) / (freedom + rest + 1)) ** 0.5
    if share <= mean + BEYOND_CHANCE * deviation or share - mean > SAME * (1 - mean):
        return 0.0
    return (share - mean) * num_shared / num_rows


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
