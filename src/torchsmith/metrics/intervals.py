"""95 % intervals of metrics, and of the difference of two models on the same rows.

`docs/scores.md` says which method each metric uses, and why.
"""

from typing import Literal, NamedTuple, assert_never

import numpy as np

from torchsmith.core.vocabulary import LOWER_IS_BETTER, Metric
from torchsmith.metrics.classification import brier_losses, log_losses
from torchsmith.metrics.macro import macro, paired_half_width
from torchsmith.metrics.normal import Z95, wilson
from torchsmith.metrics.regression import absolute_shares, are_equal
from torchsmith.metrics.resamples import Resamples
from torchsmith.metrics.score import check_shapes, score

Method = Literal["share", "slopes", "moments", "median", "none"]
"""A share of right answers, slopes by row, means over rows, a median, or no way."""


ROUNDING = 1e-12
"""Of the mean square: so much variance may be left of rows that are all equal."""


class Interval(NamedTuple):
    """A value and the ends of its 95 % interval; NaN where they are not defined."""

    value: float
    low: float
    high: float


def interval(
    metric: Metric, targets: np.ndarray, outputs: np.ndarray, resamples: Resamples
) -> Interval:
    """Return a metric with its 95 % interval.

    Args:
        metric: Which.
        targets: `(N,)` class codes, or values in the target's own units.
        outputs: `(N, K)` probabilities for classes, `(N,)` values for regression.
        resamples: Of these N rows; used by log loss and the regression metrics.

    Raises:
        ValueError: The shapes do not fit, or there are no rows.
    """
    value = score(metric, targets, outputs)
    if np.isnan(value):
        return Interval(value, value, value)
    match method := _method(metric):
        case "share":
            right = int(np.count_nonzero(targets == outputs.argmax(axis=1)))
            low, high = (float(end) for end in wilson(right, len(targets)))
        case "slopes":
            low, high = macro(metric, targets, outputs).interval()
        case "moments":
            moments = _moments(metric, targets, outputs)
            low, high = resamples.interval(moments, lambda m: _value(metric, m))
        case "median":
            low, high = resamples.spread(resamples.medians(_sizes(targets, outputs)))
        case "none":
            low = high = float("nan")
        case _:
            assert_never(method)
    # A skewed sample can put the value itself just outside of a resampled interval.
    return Interval(value, float(min(low, value)), float(max(high, value)))


def difference(
    metric: Metric,
    targets: np.ndarray,
    outputs: np.ndarray,
    others: np.ndarray,
    resamples: Resamples,
) -> Interval:
    """Return by how much one model is better than another on the same rows.

    Args:
        metric: Which.
        targets: `(N,)`.
        outputs: Of the model.
        others: Of the model that it is compared with.
        resamples: Of these N rows.

    Returns:
        The difference and its 95 % interval; positive where `outputs` are better,
        also for metrics of which lower values are better.

    Raises:
        ValueError: The shapes do not fit, or there are no rows.
    """
    check_shapes(metric, targets, others)
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    ours, theirs = score(metric, targets, outputs), score(metric, targets, others)
    value = sign * (ours - theirs)
    if np.isnan(value):
        return Interval(value, value, value)
    match method := _method(metric):
        case "share":
            centre, half = _agresti_min(targets, outputs, others)
            low, high = max(centre - half, -1.0), min(centre + half, 1.0)
        case "slopes":
            one = macro(metric, targets, outputs)
            half = paired_half_width(one, macro(metric, targets, others))
            most = 1.0 - one.low
            low, high = max(value - half, -most), min(value + half, most)
        case "moments":
            low, high = _resampled_difference(
                metric, sign, targets, outputs, others, resamples
            )
        case "median":
            ours_drawn = resamples.medians(_sizes(targets, outputs))
            theirs_drawn = resamples.medians(_sizes(targets, others))
            low, high = resamples.spread(theirs_drawn - ours_drawn)
        case "none":
            low = high = float("nan")
        case _:
            assert_never(method)
    return Interval(value, float(min(low, value)), float(max(high, value)))


def _method(metric: Metric) -> Method:
    """Return how the interval of a metric is found."""
    match metric:
        case "accuracy":
            return "share"
        case (
            "balanced_accuracy"
            | "f1_macro"
            | "f1_weighted"
            | "precision_macro"
            | "recall_macro"
            | "f1"
            | "precision"
            | "recall"
            | "roc_auc"
            | "average_precision"
            | "matthews_corrcoef"
            | "cohen_kappa_score"
        ):
            return "slopes"
        case (
            "log_loss"
            | "brier_score_loss"
            | "rmse"
            | "mae"
            | "r2"
            | "mean_absolute_percentage_error"
            | "explained_variance"
        ):
            return "moments"
        case "median_absolute_error":
            return "median"
        case "max_error":
            return "none"
        case _:
            assert_never(metric)


def _resampled_difference(
    metric: Metric,
    sign: float,
    targets: np.ndarray,
    outputs: np.ndarray,
    others: np.ndarray,
    resamples: Resamples,
) -> tuple[float, float]:
    ours = _moments(metric, targets, outputs)
    theirs = _moments(metric, targets, others)
    columns = ours.shape[1]

    def gain(moments: np.ndarray) -> np.ndarray:
        mine, other = moments[..., :columns], moments[..., columns:]
        return np.asarray(sign * (_value(metric, mine) - _value(metric, other)))

    return resamples.interval(np.concatenate([ours, theirs], axis=1), gain)


def _moments(metric: Metric, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Return `(N, M)`: what is averaged over rows to compute the metric."""
    if metric == "log_loss":
        return log_losses(targets, outputs)[:, None]
    if metric == "brier_score_loss":
        return brier_losses(targets, outputs)[:, None]
    if metric == "mean_absolute_percentage_error":
        return absolute_shares(targets, outputs)[:, None]
    errors = targets.astype(np.float64) - outputs
    if metric == "mae":
        return np.asarray(np.abs(errors)[:, None])
    if metric == "rmse":
        return np.asarray(np.square(errors)[:, None])
    # Around their mean, so that large targets with a small spread keep their digits.
    centred = targets - np.mean(targets, dtype=np.float64)
    if are_equal(targets):
        centred = np.zeros(len(targets))
    columns = [np.square(errors), centred, np.square(centred)]
    if metric == "explained_variance":
        middle = np.mean(errors)
        columns = [np.square(errors - middle), errors - middle, *columns[1:]]
    return np.stack(columns, axis=1)


def _value(metric: Metric, moments: np.ndarray) -> np.ndarray:
    """Compute the metric from moments `(…, M)`."""
    if metric == "rmse":
        return np.asarray(np.sqrt(moments[..., 0]))
    if metric in ("r2", "explained_variance"):
        variance = moments[..., -1] - np.square(moments[..., -2])
        left = moments[..., 0]
        if metric == "explained_variance":
            left = left - np.square(moments[..., 1])
        known = variance > ROUNDING * moments[..., -1]
        share = left / np.where(known, variance, 1.0)
        return np.asarray(np.where(known, 1 - share, np.nan))
    return np.asarray(moments[..., 0])


def _sizes(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(targets.astype(np.float64) - outputs))


def _agresti_min(
    targets: np.ndarray, outputs: np.ndarray, others: np.ndarray
) -> tuple[float, float]:
    """Return the centre and half width of the difference of two paired shares.

    Half a row is added to each of the four outcomes (right or wrong, by one or both
    models), so that the interval keeps a width when the models agree on every row
    (Agresti and Min 2005, https://doi.org/10.1002/sim.1781).
    """
    ours = targets == outputs.argmax(axis=1)
    theirs = targets == others.argmax(axis=1)
    only_ours = np.count_nonzero(ours & ~theirs) + 0.5
    only_theirs = np.count_nonzero(theirs & ~ours) + 0.5
    rows = len(targets) + 2
    centre = (only_ours - only_theirs) / rows
    variance = (only_ours + only_theirs) / rows - centre**2
    return centre, Z95 * float(np.sqrt(variance / rows))
