"""Groups of test rows on which a network fails, found by class, level and range."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from torchsmith.data.data import Column, Inputs, Table
from torchsmith.evaluate.evaluation import Group, Score
from torchsmith.evaluate.rivals import RivalOutputs
from torchsmith.inspect.wording import number
from torchsmith.metrics.normal import NORMAL, Z95
from torchsmith.plan.plan import Problem

FEWEST_ROWS = 30
"""Of a group, and of the rows beside it."""

MOST_GROUPS = 5
RANGES = 4
"""A column of numbers is cut into so many ranges of as many rows."""

FEW_VALUES = 8
"""A column of no more distinct numbers has a group for each."""


class _Candidate(NamedTuple):
    column: str
    name: str
    rows: np.ndarray


def failing_groups(
    problem: Problem,
    targets: np.ndarray,
    outputs: np.ndarray,
    inputs: Inputs | None,
    rivals: Sequence[RivalOutputs] = (),
) -> tuple[Group, ...]:
    """Return groups whose error is above that of all other rows beyond noise.

    The error of a row is 1 where its class is wrong and 0 where it is right; for values
    it is the absolute error. Intervals are widened for the number of groups that were
    looked at (Bonferroni), so that of many groups none stands out by chance.

    Args:
        problem: Task and classes.
        targets: `(N,)` class codes or values.
        outputs: `(N, K)` probabilities or `(N,)` values.
        inputs: The N examples; the columns of a table make groups, classes in any case.
        rivals: Of the same rows; the best of each group is named beside it.

    Returns:
        At most five, the largest ratio to all other rows first.
    """
    errors = _errors(problem, targets, outputs)
    candidates = [
        one
        for one in (*_by_class(problem, targets), *_by_column(inputs))
        if FEWEST_ROWS <= len(one.rows) <= len(targets) - FEWEST_ROWS
    ]
    if not candidates:
        return ()
    width = NORMAL.inv_cdf(1 - 0.025 / len(candidates))
    theirs = {
        rival.title: _errors(problem, targets, rival.outputs)
        for rival in rivals
        if rival.name != "constant"
    }
    unit = float(errors.std()) if problem.task == "regression" else 1.0
    found = []
    for one in candidates:
        group = _group(one, errors, theirs, width, unit)
        if group.excess.low > 0:
            every = [errors, *theirs.values()]
            found.append(group.model_copy(update=_skills(one, problem, targets, every)))
    found.sort(key=lambda group: -group.error / max(group.others, 1e-12))
    return tuple(found[:MOST_GROUPS])


def _errors(problem: Problem, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    regression = problem.task == "regression"
    return _wrong(problem, targets, outputs if regression else outputs.argmax(axis=1))


def _wrong(problem: Problem, targets: np.ndarray, said: np.ndarray) -> np.ndarray:
    if problem.task == "regression":
        return np.asarray(np.abs(targets.astype(np.float64) - said))
    return np.asarray(said != targets, np.float64)


def _group(
    one: _Candidate,
    errors: np.ndarray,
    theirs: dict[str, np.ndarray],
    width: float,
    unit: float,
) -> Group:
    inside = errors[one.rows]
    outside = np.delete(errors, one.rows)
    error, others = float(inside.mean()), float(outside.mean())
    noise = float(
        np.hypot(_standard_error(inside, unit), _standard_error(outside, unit))
    )
    # A rival that pays for it elsewhere only divides its mistakes in another way.
    as_good = [
        name
        for name, each in theirs.items()
        if np.delete(each, one.rows).mean() <= others
    ]
    rival = min(as_good, key=lambda name: theirs[name][one.rows].mean(), default="")
    gain: Score | None = None
    if rival:
        gaps = inside - theirs[rival][one.rows]
        gain = _around(float(gaps.mean()), width * _standard_error(gaps, unit))
    return Group(
        column=one.column,
        name=one.name,
        rows=len(one.rows),
        error=error,
        others=others,
        excess=_around(error - others, width * noise),
        rival=rival,
        rival_gain=gain,
    )


def _skills(
    one: _Candidate,
    problem: Problem,
    targets: np.ndarray,
    errors: Sequence[np.ndarray],
) -> dict[str, Score | None]:
    """Return how much of the target anybody tells within a group, and outside it."""
    if not one.column:
        return {}
    inside = np.zeros(len(targets), bool)
    inside[one.rows] = True
    return {
        name: _skill(problem, targets[rows], [each[rows] for each in errors])
        for name, rows in (("skill", inside), ("skill_others", ~inside))
    }


def _skill(
    problem: Problem, targets: np.ndarray, errors: Sequence[np.ndarray]
) -> Score | None:
    if problem.task == "regression":
        constant = float(np.median(targets))
    else:
        constant = float(np.bincount(targets.astype(np.int64)).argmax())
    chance = _wrong(problem, targets, np.full(len(targets), constant))
    if chance.mean() == 0:
        return None
    gains = (chance - min(errors, key=np.mean)) / chance.mean()
    return _around(float(gains.mean()), Z95 * _standard_error(gains))


def _around(value: float, half: float) -> Score:
    return Score(value=value, low=value - half, high=value + half)


def _standard_error(values: np.ndarray, unit: float = 1.0) -> float:
    """Return that of a mean; where all values are equal, as if two more were not.

    Args:
        values: `(n,)`.
        unit: What others differ by.
    """
    spread = float(values.var(ddof=1))
    if spread == 0:
        spread = unit**2 / (len(values) + 2)
    return float(np.sqrt(spread / len(values)))


def _by_class(problem: Problem, targets: np.ndarray) -> Iterator[_Candidate]:
    for code, name in enumerate(problem.classes):
        yield _Candidate("", name, np.flatnonzero(targets == code))


def _by_column(inputs: Inputs | None) -> Iterator[_Candidate]:
    if not isinstance(inputs, Table):
        return
    for column in inputs.columns.values():
        missing = column.missing
        yield _Candidate(column.name, "missing", np.flatnonzero(missing))
        if column.kind in ("text", "boolean"):
            yield from _levels(column)
        elif column.kind == "number":
            yield from _ranges(column, ~missing)


def _levels(column: Column) -> Iterator[_Candidate]:
    codes = np.where(column.missing, -1, column.values).astype(np.int64)
    order = np.argsort(codes, kind="stable")
    found, starts, counts = np.unique(
        codes[order], return_index=True, return_counts=True
    )
    # A column of names may have as many levels as rows.
    for place in np.flatnonzero((found >= 0) & (counts >= FEWEST_ROWS)):
        rows = order[starts[place] : starts[place] + counts[place]]
        yield _Candidate(column.name, column.texts(rows[:1])[0], rows)


def _ranges(column: Column, known: np.ndarray) -> Iterator[_Candidate]:
    values = column.values
    distinct = np.unique(values[known])
    if len(distinct) <= FEW_VALUES:
        for value in distinct.tolist():
            yield _Candidate(
                column.name, number(value), np.flatnonzero(values == value)
            )
        return
    cuts = np.quantile(values[known], np.linspace(0, 1, RANGES + 1)[1:-1])
    places = np.where(known, np.searchsorted(cuts, values, side="right"), -1)
    for place in range(RANGES):
        rows = np.flatnonzero(places == place)
        if len(rows):
            low, high = float(values[rows].min()), float(values[rows].max())
            yield _Candidate(column.name, f"{number(low)} to {number(high)}", rows)
