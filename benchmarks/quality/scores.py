"""Scores of predictions, and what several seeds or splits say together."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats
from sklearn import metrics

BINS = 15
RESAMPLES = 200


def scores_of(
    outputs: np.ndarray, targets: np.ndarray, *, regression: bool
) -> dict[str, float]:
    """Score what was said about the test part.

    Args:
        outputs: `(N,)` values, or `(N, K)` probabilities.
        targets: `(N,)` values, or places of the right classes.
        regression: Which of the two it is.
    """
    if regression:
        return {
            "rmse": float(metrics.root_mean_squared_error(targets, outputs)),
            "r2": float(metrics.r2_score(targets, outputs)),
        }
    said = outputs.argmax(1)
    found = {
        "accuracy": float((said == targets).mean()),
        "macro_f1": float(metrics.f1_score(targets, said, average="macro")),
        "log_loss": log_loss(outputs, targets),
        "ece": calibration_error(outputs, targets),
        "ece_floor": calibration_floor(outputs),
    }
    if outputs.shape[1] == 2:
        found["roc_auc"] = float(metrics.roc_auc_score(targets, outputs[:, 1]))
    return found


def log_loss(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean of minus the logarithm of the right class's probability.

    None is below the smallest step of its type, as scikit-learn has it.
    """
    right = probabilities[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(right, np.finfo(right.dtype).eps)).mean())


def calibration_error(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Return the expected calibration error: 15 bins of equal width, of the top class.

    Source: Guo et al. (2017), https://arxiv.org/abs/1706.04599
    """
    correct = probabilities.argmax(1) == targets
    return _error(probabilities.max(1), correct)


def calibration_floor(probabilities: np.ndarray) -> float:
    """Return the error that perfectly calibrated probabilities would show on average.

    It is not 0, for the rows are few; targets are drawn from the probabilities.
    """
    confidence = probabilities.max(1)
    random = np.random.default_rng(0)
    draws = (random.random((RESAMPLES, len(confidence))) < confidence).astype(bool)
    return float(np.mean([_error(confidence, correct) for correct in draws]))


def _error(confidence: np.ndarray, correct: np.ndarray) -> float:
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, confidence - correct, BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean and its 95 % interval over seeds or splits (Student's t).

    One value has no interval: its ends are NaN.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, math.nan, math.nan
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return mean, mean - float(half), mean + float(half)
