"""Scores that follow from a confusion matrix, and how much each cell moves them.

Shapes: K classes; `table` is `(K, K)`: row = target, column = prediction. A slope is
`(K, K)`: by how much the score changes for one more row in a cell. None of the scores
changes when all cells are doubled, so the slopes of all rows add up to zero, and the
sum of their squares is the variance of the score (the infinitesimal jackknife; Efron
1982, https://doi.org/10.1137/1.9781611970319).
"""

from typing import Literal, NamedTuple, assert_never, get_args

import numpy as np

Counted = Literal[
    "f1_weighted",
    "precision_macro",
    "recall_macro",
    "f1",
    "precision",
    "recall",
    "matthews_corrcoef",
    "cohen_kappa_score",
]
COUNTED: tuple[Counted, ...] = get_args(Counted)


class Counts(NamedTuple):
    """A score of a confusion matrix, taken apart.

    Attributes:
        value: The score; NaN where it is not defined.
        slope: `(K, K)`: by how much one more row in a cell moves it.
        values: `(M,)`: what the score is a weighted mean of, each from 0 to 1.
        support: `(M,)` rows behind each of these.
        weights: `(M,)`, with the sum 1.
    """

    value: float
    slope: np.ndarray
    values: np.ndarray
    support: np.ndarray
    weights: np.ndarray


def counted(metric: Counted, table: np.ndarray) -> Counts:
    """Compute a score of a confusion matrix.

    Args:
        metric: Which; those that are named after no average speak of class 1.
        table: `(K, K)` counts.
    """
    involved = table.sum(axis=0) + table.sum(axis=1) > 0
    shares = table.sum(axis=1) / max(table.sum(), 1)
    match metric:
        case "f1_weighted":
            return _f1(table, shares, moving=True)
        case "precision_macro":
            return _shares(table, involved / involved.sum(), axis=0)
        case "recall_macro":
            return _shares(table, involved / involved.sum(), axis=1)
        case "f1":
            return _f1(table, _second(table))
        case "precision":
            return _shares(table, _second(table), axis=0)
        case "recall":
            return _shares(table, _second(table), axis=1)
        case "matthews_corrcoef":
            return _matthews(table)
        case "cohen_kappa_score":
            return _kappa(table)
        case _:
            assert_never(metric)


def _second(table: np.ndarray) -> np.ndarray:
    return np.asarray(np.arange(len(table)) == 1, np.float64)


def _shares(table: np.ndarray, weights: np.ndarray, axis: int) -> Counts:
    """Return a weighted mean of precisions (axis 0) or recalls (axis 1)."""
    support = table.sum(axis=axis)
    values = np.diag(table) / np.maximum(support, 1)
    scale = weights / np.maximum(support, 1)
    slope = np.diag(scale) - np.expand_dims(scale * values, axis)
    return _counts(float(weights @ values), slope, values, support, weights)


def _f1(table: np.ndarray, weights: np.ndarray, *, moving: bool = False) -> Counts:
    """Return a weighted mean of F1; `moving` where the weights are class shares."""
    support = table.sum(axis=1)
    involved = np.maximum(support + table.sum(axis=0), 1)
    values = 2 * np.diag(table) / involved
    each = weights * values / involved
    slope = np.diag(2 * weights / involved) - each[:, None] - each[None, :]
    value = float(weights @ values)
    if moving:
        slope += ((values - value) / max(table.sum(), 1))[:, None]
    return _counts(value, slope, values, support, weights)


def _matthews(table: np.ndarray) -> Counts:
    """Return the correlation of targets and predictions, 0 where one is constant.

    See Gorodkin 2004, https://doi.org/10.1016/j.compbiolchem.2004.09.006.
    """
    rows, right, targets, predictions = _totals(table)
    spread = (rows**2 - targets @ targets) * (rows**2 - predictions @ predictions)
    if spread == 0:
        return _agreement(table, 0.0, np.zeros(table.shape))
    together = right * rows - targets @ predictions
    value = float(together / np.sqrt(spread))
    both = targets[None, :] + predictions[:, None]
    gain = (rows * np.eye(len(table)) + right - both) / np.sqrt(spread)
    of_targets = (rows - targets)[:, None] / (rows**2 - targets @ targets)
    of_predictions = (rows - predictions) / (rows**2 - predictions @ predictions)
    return _agreement(table, value, gain - value * (of_targets + of_predictions))


def _kappa(table: np.ndarray) -> Counts:
    """Return the agreement beyond chance; NaN where chance alone always agrees.

    See Cohen 1960, https://doi.org/10.1177/001316446002000104.
    """
    rows, right, targets, predictions = _totals(table)
    chance = targets @ predictions
    room = rows**2 - chance
    if room == 0:
        return _agreement(table, float("nan"), np.zeros(table.shape))
    value = float((right * rows - chance) / room)
    both = targets[None, :] + predictions[:, None]
    gain = rows * np.eye(len(table)) + right - both
    return _agreement(table, value, (gain - value * (2 * rows - both)) / room)


def _totals(table: np.ndarray) -> tuple[float, float, np.ndarray, np.ndarray]:
    counts = table.astype(np.float64)
    return counts.sum(), np.trace(counts), counts.sum(axis=1), counts.sum(axis=0)


def _agreement(table: np.ndarray, value: float, slope: np.ndarray) -> Counts:
    """Bring an agreement from -1 to 1 to the parts of a mean of shares."""
    support = table.sum(axis=1)
    present = (support > 0).astype(np.float64)
    shares = np.full(len(table), (1 + value) / 2)
    return _counts(value, slope, shares, support, present / present.sum())


def _counts(
    value: float,
    slope: np.ndarray,
    values: np.ndarray,
    support: np.ndarray,
    weights: np.ndarray,
) -> Counts:
    used = weights > 0
    return Counts(value, slope, values[used], support[used], weights[used])
