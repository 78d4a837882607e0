"""Intervals of scores that are means over classes.

How much each row moves the score (its *influence*) gives the variance of the score. It
is widened by half a row of doubt in each class, so that a class with few rows, or with
all of them right, is not taken for certain. The interval is Wilson's, for as many rows
as a plain share would need to have this variance.
"""

from dataclasses import dataclass

import numpy as np

from torchsmith.core.vocabulary import Metric
from torchsmith.metrics.classification import auc_classes, confusion, placements
from torchsmith.metrics.counted import COUNTED, Counted, Counts, counted
from torchsmith.metrics.normal import wide_z, wilson
from torchsmith.metrics.ranking import average_precision_slopes


@dataclass(frozen=True)
class Macro:
    """A mean over classes, taken apart.

    Attributes:
        values: `(K,)` of each class that counts.
        support: `(K,)` rows of the class; for ROC curves, of the rarer side.
        influence: `(N,)`: by how much each row moves the mean. The sum of squares is
            the variance.
        doubt: What is added to the variance.
        weights: `(K,)` of each value in the mean; equal ones where not given.
        low: The least value that the score can have; the greatest is 1.
    """

    values: np.ndarray
    support: np.ndarray
    influence: np.ndarray
    doubt: float
    weights: np.ndarray | None = None
    low: float = 0.0

    def interval(self) -> tuple[float, float]:
        """Return the ends of the 95 % interval, within `low` and 1."""
        smooth = _smooth(self.values, self.support, self.weights)
        span = 1 - self.low
        variance = (float(np.sum(self.influence**2)) + self.doubt) / span**2
        rows = smooth * (1 - smooth) / variance
        mean = np.average(self.values, weights=self.weights)
        low, high = wilson(float(np.clip(mean, 0.0, 1.0)) * rows, rows)
        return self.low + span * float(low), self.low + span * float(high)


def macro(metric: Metric, targets: np.ndarray, outputs: np.ndarray) -> Macro:
    """Take a score apart that is a mean over classes, or nearly one.

    Args:
        metric: ROC AUC, average precision, or one that follows from the predictions.
        targets: `(N,)` class codes.
        outputs: `(N, K)` probabilities.
    """
    if metric == "roc_auc":
        return _areas(targets, outputs)
    if metric == "average_precision":
        return _average_precisions(targets, outputs)
    predictions = outputs.argmax(axis=1)
    table = confusion(targets, predictions, outputs.shape[1])
    if metric == "balanced_accuracy":
        return _recalls(targets, predictions, table)
    if metric in COUNTED:
        return _counted(metric, counted(metric, table), targets, predictions)
    return _f1s(targets, predictions, table)


def paired_half_width(ours: Macro, theirs: Macro) -> float:
    """Return half the width of the 95 % interval of a difference on the same rows."""
    moved = ours.influence - theirs.influence
    variance = float(np.sum(moved**2)) + ours.doubt + theirs.doubt
    return wide_z(max(len(moved), 2)) * float(np.sqrt(variance))


def _smooth(
    values: np.ndarray, support: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Return the mean as if each class had half a row more right, and half wrong."""
    smoothed = (values * support + 0.5) / (support + 1)
    return float(np.average(smoothed, weights=weights))


def _doubt(support: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the variance of half a row of doubt in each class."""
    share = 1 / len(support) if weights is None else weights
    return float(np.sum(0.5 * (share / (support + 0.5)) ** 2))


def _counted(
    metric: Counted, found: Counts, targets: np.ndarray, predictions: np.ndarray
) -> Macro:
    doubt, low = _doubt(found.support, found.weights), 0.0
    if metric in ("matthews_corrcoef", "cohen_kappa_score"):
        # Of K even classes, chance gets 1 / K right: an agreement moves K / (K - 1)
        # times as much as the share of right rows.
        present = len(found.values)
        doubt, low = doubt * (present / max(present - 1, 1)) ** 2, -1.0
    influence = found.slope[targets, predictions]
    return Macro(found.values, found.support, influence, doubt, found.weights, low)


def _recalls(targets: np.ndarray, predictions: np.ndarray, table: np.ndarray) -> Macro:
    support = table.sum(axis=1)
    present = support > 0
    recall = np.diag(table) / np.maximum(support, 1)
    moved = ((targets == predictions) - recall[targets]) / support[targets]
    counts = support[present]
    return Macro(recall[present], counts, moved / present.sum(), _doubt(counts))


def _f1s(targets: np.ndarray, predictions: np.ndarray, table: np.ndarray) -> Macro:
    support, involved = table.sum(axis=1), table.sum(axis=0) + table.sum(axis=1)
    present = involved > 0
    involved = np.maximum(involved, 1)
    values = 2 * np.diag(table) / involved
    slope = values / involved
    gain = np.where(targets == predictions, 2 / involved[targets], 0.0)
    moved = gain - slope[targets] - slope[predictions]
    counts = support[present]
    return Macro(values[present], counts, moved / present.sum(), _doubt(counts))


def _areas(targets: np.ndarray, probabilities: np.ndarray) -> Macro:
    values: list[float] = []
    support: list[int] = []
    moved = np.zeros(len(targets))
    for code in auc_classes(probabilities):
        positive = targets == code
        count = int(np.count_nonzero(positive))
        if 0 < count < len(targets):
            area, influence = _area(positive, probabilities[:, code])
            values.append(area)
            support.append(min(count, len(targets) - count))
            moved += influence
    moved /= max(len(values), 1)
    counts = np.array(support)
    variance = float(np.sum(moved**2))
    mean, smooth = float(np.mean(values)), _smooth(np.array(values), counts)
    # A row is seldom misplaced by the whole range: half of it, and only where the rows
    # themselves do not show a larger variance, as with perfect areas.
    doubt = max(_doubt(counts) / 4 - variance, 0.0)
    if 0 < mean < 1:
        doubt = max(doubt, variance * (smooth * (1 - smooth) / (mean * (1 - mean)) - 1))
    return Macro(np.array(values), counts, moved, doubt)


def _area(positive: np.ndarray, scores: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the area under one ROC curve and DeLong's components of its variance.

    See DeLong, DeLong and Clarke-Pearson 1988, https://doi.org/10.2307/2531595.
    """
    above = placements(scores[positive], scores[~positive])
    below = 1 - placements(scores[~positive], scores[positive])
    area = float(np.mean(above))
    moved = np.empty(len(scores))
    moved[positive] = (above - area) / max(len(above) - 1, 1)
    moved[~positive] = (below - area) / max(len(below) - 1, 1)
    return area, moved


def _average_precisions(targets: np.ndarray, probabilities: np.ndarray) -> Macro:
    values: list[float] = []
    support: list[int] = []
    moved = np.zeros(len(targets))
    for code in auc_classes(probabilities):
        positive = targets == code
        if positive.any():
            found = average_precision_slopes(positive, probabilities[:, code])
            values.append(found[0])
            support.append(int(np.count_nonzero(positive)))
            moved += found[1]
    counts = np.array(support)
    return Macro(np.array(values), counts, moved / len(values), _doubt(counts))
