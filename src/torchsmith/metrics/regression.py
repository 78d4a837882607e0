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
    total = np.sum(np.square(centred))
    if total == 0:
        return 1.0 if residual == 0 else 0.0
    return float(1 - residual / total)


def _errors(targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    return np.asarray(targets.astype(np.float64) - predictions)
