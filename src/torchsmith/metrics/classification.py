"""Scores of classifiers, as scikit-learn defines them, in plain NumPy.

Shapes: N examples, K classes. `targets` are class codes `(N,)` from 0 to K - 1,
`predictions` likewise, `probabilities` are `(N, K)`.
"""

import numpy as np

from torchsmith.metrics.ranking import average_precision_slopes


def confusion(targets: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Count targets against predictions.

    Args:
        targets: `(N,)` class codes.
        predictions: `(N,)` class codes.
        classes: K.

    Returns:
        `(K, K)` int64; row = target, column = prediction.
    """
    cells = targets.astype(np.int64) * classes + predictions
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def accuracy(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Return the share of examples whose class is predicted."""
    return float(np.mean(targets == predictions))


def balanced_accuracy(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Return the mean recall of the classes that have examples."""
    table = confusion(targets, predictions, _classes(targets, predictions))
    support = table.sum(axis=1)
    present = support > 0
    return float(np.mean(np.diag(table)[present] / support[present]))


def f1_macro(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Return the mean F1 of the classes that have examples or are predicted."""
    table = confusion(targets, predictions, _classes(targets, predictions))
    involved = table.sum(axis=0) + table.sum(axis=1)
    present = involved > 0
    return float(np.mean(2 * np.diag(table)[present] / involved[present]))


def precision_recall_f1(table: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision, recall and F1 of each class.

    Args:
        table: `(K, K)` counts; row = target, column = prediction.

    Returns:
        Three `(K,)` arrays; 0 where a class is never predicted or has no examples, as
        scikit-learn's `zero_division=0`.
    """
    right = np.diag(table).astype(np.float64)
    predicted, support = table.sum(axis=0), table.sum(axis=1)
    return (
        right / np.maximum(predicted, 1),
        right / np.maximum(support, 1),
        2 * right / np.maximum(predicted + support, 1),
    )


def roc_auc(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the area under the ROC curve.

    It is the chance that an example of a class gets a higher probability of the class
    than one of another class, ties counting half. For two classes, that of class 1;
    for more, the mean of one class against the rest, over the classes that have both.

    Returns:
        The area; NaN when all examples are of one class.
    """
    areas = [
        area
        for code in auc_classes(probabilities)
        if not np.isnan(area := binary_auc(targets == code, probabilities[:, code]))
    ]
    return float(np.mean(areas)) if areas else float("nan")


def auc_classes(probabilities: np.ndarray) -> range:
    """Return the classes over which `roc_auc` takes its mean."""
    classes = probabilities.shape[1]
    return range(1, 2) if classes == 2 else range(classes)


def binary_auc(positive: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under one ROC curve.

    Args:
        positive: `(N,)` bool.
        scores: `(N,)`, higher for positive examples.
    """
    if positive.all() or not positive.any():
        return float("nan")
    return float(np.mean(placements(scores[positive], scores[~positive])))


def placements(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return for each score the share of `others` below it, ties counting half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, scores, side="left")
    not_above = np.searchsorted(ordered, scores, side="right")
    return np.asarray((below + not_above) / (2 * len(others)))


def log_losses(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return minus the log of each example's probability of its own class, `(N,)`.

    Probabilities are kept above the smallest step of their float type, as
    scikit-learn does, so that a confident mistake is costly and not infinite.
    """
    own = probabilities[np.arange(len(targets)), targets]
    tiny = np.finfo(probabilities.dtype).eps
    return np.asarray(-np.log(np.clip(own, tiny, 1 - tiny).astype(np.float64)))


def log_loss(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean of `log_losses`."""
    return float(np.mean(log_losses(targets, probabilities)))


def brier_losses(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return each example's squared error of its probabilities, `(N,)`.

    For two classes it is that of class 1; for more, the sum over all classes.
    """
    right = targets[:, None] == np.arange(probabilities.shape[1])
    squares = np.square(probabilities.astype(np.float64) - right)
    return np.asarray(squares[:, 1] if squares.shape[1] == 2 else squares.sum(axis=1))


def average_precision(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean precision over all thresholds at which a positive is found.

    For two classes, that of class 1; for more, the mean of one class against the rest,
    over the classes that have examples.

    Returns:
        The mean; NaN when there are no examples of class 1.
    """
    found = [
        average_precision_slopes(positive, probabilities[:, code])[0]
        for code in auc_classes(probabilities)
        if (positive := targets == code).any()
    ]
    return float(np.mean(found)) if found else float("nan")


def _classes(targets: np.ndarray, predictions: np.ndarray) -> int:
    return int(max(targets.max(), predictions.max())) + 1
