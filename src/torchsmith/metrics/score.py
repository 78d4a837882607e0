"""Any metric by its name."""

from typing import assert_never

import numpy as np

from torchsmith.core.vocabulary import Metric, metrics_for
from torchsmith.metrics import classification, regression
from torchsmith.metrics.counted import counted


def is_regression(metric: Metric) -> bool:
    """Return whether a metric scores values rather than classes."""
    return metric in metrics_for("regression")


def score(  # noqa: C901, PLR0912 -- one case for each metric is a table
    metric: Metric, targets: np.ndarray, outputs: np.ndarray
) -> float:
    """Compute one metric.

    Args:
        metric: Which.
        targets: `(N,)` class codes, or values in the target's own units.
        outputs: `(N, K)` probabilities for classes, `(N,)` values for regression.

    Returns:
        The value; NaN where it is not defined, such as the ROC AUC of one class.

    Raises:
        ValueError: The shapes do not fit, or there are no rows.

    >>> score("accuracy", np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    0.5
    """
    check_shapes(metric, targets, outputs)
    match metric:
        case "accuracy":
            return classification.accuracy(targets, outputs.argmax(axis=1))
        case "balanced_accuracy":
            return classification.balanced_accuracy(targets, outputs.argmax(axis=1))
        case "f1_macro":
            return classification.f1_macro(targets, outputs.argmax(axis=1))
        case (
            "f1_weighted"
            | "precision_macro"
            | "recall_macro"
            | "f1"
            | "precision"
            | "recall"
            | "matthews_corrcoef"
            | "cohen_kappa_score"
        ):
            predictions, classes = outputs.argmax(axis=1), outputs.shape[1]
            table = classification.confusion(targets, predictions, classes)
            return counted(metric, table).value
        case "roc_auc":
            return classification.roc_auc(targets, outputs)
        case "average_precision":
            return classification.average_precision(targets, outputs)
        case "log_loss":
            return classification.log_loss(targets, outputs)
        case "brier_score_loss":
            return float(np.mean(classification.brier_losses(targets, outputs)))
        case "rmse":
            return regression.rmse(targets, outputs)
        case "mae":
            return regression.mae(targets, outputs)
        case "r2":
            return regression.r2(targets, outputs)
        case "median_absolute_error":
            return regression.median_absolute_error(targets, outputs)
        case "mean_absolute_percentage_error":
            return regression.mean_absolute_percentage_error(targets, outputs)
        case "max_error":
            return regression.max_error(targets, outputs)
        case "explained_variance":
            return regression.explained_variance(targets, outputs)
        case _:
            assert_never(metric)


def check_shapes(metric: Metric, targets: np.ndarray, outputs: np.ndarray) -> None:
    """Refuse shapes that NumPy would broadcast into a wrong score.

    Raises:
        ValueError: The shapes do not fit, or there are no rows.
    """
    wanted = "(N,)" if is_regression(metric) else "(N, K)"
    fits = (
        targets.ndim == 1
        and outputs.ndim == (1 if is_regression(metric) else 2)
        and len(outputs) == len(targets)
    )
    if not fits:
        raise ValueError(
            f"{metric}: outputs must be {wanted} for targets (N,); "
            f"got {outputs.shape} for {targets.shape}"
        )
    if not len(targets):
        raise ValueError(f"{metric}: there are no rows to score")
