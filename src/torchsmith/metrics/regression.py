"""Scores of predicted values, as scikit-learn defines them, in plain NumPy.

`targets` and `predictions` are `(N,)`, in the target's own units.
"""

import numpy as np


def rmse(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.mean(np.square(_errors(targets, predictions)))))


def mae(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Return the mean absolute error."""
    return float(np.mean(np.abs(_errors(targets, predictions))))


def r2(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Return the share of the targets' variance that the predictions explain.

    Returns:
        1 for perfect predictions, 0 for those no better than the mean. Where all
        targets are equal, 1 when every prediction is right, else 0; NaN for one row.
    """
    if len(targets) < 2:
        return float("nan")
    residual = np.sum(np.square(_errors(targets, predictions)))
    centred = targets.astype(np.float64) - np.mean(targets, dtype=np.float64)
    total = 0.0 if are_equal(targets) else np.sum(np.square(centred))
    if total == 0:
        return 1.0 if residual == 0 else 0.0
    return float(1 - residual / total)


def median_absolute_error(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Return the median absolute error."""
    return float(np.median(np.abs(_errors(targets, predictions))))


def absolute_shares(targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Return the absolute errors as shares of the targets, `(N,)`.

    A target of 0 counts as the smallest step of float64, as in scikit-learn, so that
    its share is huge.
    """
    sizes = np.maximum(np.abs(targets.astype(np.float64)), np.finfo(np.float64).eps)
    return np.asarray(np.abs(_errors(targets, predictions)) / sizes)


def mean_absolute_percentage_error(
    targets: np.ndarray, predictions: np.ndarray
) -> float:
    """Return the mean of `absolute_shares`: 0.1 is 10 %."""
    return float(np.mean(absolute_shares(targets, predictions)))


def max_error(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Return the largest absolute error."""
    return float(np.max(np.abs(_errors(targets, predictions))))


def explained_variance(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Return `r2` of predictions from which their mean error is taken off.

    Returns:
        1 for predictions that are all off by the same. Where all targets are equal, 1
        when all errors are, else 0; NaN for one row.
    """
    if len(targets) < 2:
        return float("nan")
    errors = _errors(targets, predictions)
    left = 0.0 if are_equal(errors) else np.var(errors)
    total = 0.0 if are_equal(targets) else np.var(targets.astype(np.float64))
    if total == 0:
        return 1.0 if left == 0 else 0.0
    return float(1 - left / total)


def are_equal(values: np.ndarray) -> bool:
    """Whether there is no variance: rounding of the mean leaves some."""
    return bool(values.max() == values.min())


def _errors(targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    return np.asarray(targets.astype(np.float64) - predictions)
