"""ROC and precision-recall curves of each class against the rest."""

from collections.abc import Iterator, Sequence

import numpy as np

from torchsmith.evaluate.evaluation import Curve
from torchsmith.metrics.classification import auc_classes, binary_auc
from torchsmith.metrics.ranking import (
    average_precision_slopes,
    precision_recall_points,
    roc_points,
    thin,
)

MOST_CLASSES = 10
"""The curves of more classes cannot be told apart."""

_DIGITS = 4


def curves(
    classes: Sequence[str], targets: np.ndarray, probabilities: np.ndarray
) -> tuple[Curve, ...]:
    """Return the curves of the second of two classes, or of each of up to ten.

    Args:
        classes: K names.
        targets: `(N,)` class codes.
        probabilities: `(N, K)`.

    Returns:
        One for each class that has rows and is not alone; none for more classes.
    """
    if len(classes) > MOST_CLASSES:
        return ()
    return tuple(_curves(classes, targets, probabilities))


def _curves(
    classes: Sequence[str], targets: np.ndarray, probabilities: np.ndarray
) -> Iterator[Curve]:
    for code in auc_classes(probabilities):
        positive, scores = targets == code, probabilities[:, code]
        if positive.all() or not positive.any():
            continue
        yield Curve(
            name=classes[code],
            share=float(positive.mean()),
            roc_auc=binary_auc(positive, scores),
            average_precision=average_precision_slopes(positive, scores)[0],
            roc=_pairs(roc_points(positive, scores)),
            precision_recall=_pairs(precision_recall_points(positive, scores)),
        )


def _pairs(points: np.ndarray) -> tuple[tuple[float, float], ...]:
    rounded = np.round(thin(points), _DIGITS).tolist()
    return tuple((x, y) for x, y in rounded)
