"""What follows from the order of scores: average precision, ROC and other curves.

`positive` is `(N,)` bool, `scores` `(N,)`, higher for positive examples. Examples of
one score are found by the same threshold: none of them comes before another.
"""

import numpy as np

MOST_POINTS = 200
_UNSEEN = 5e-4
"""A point that is so near to the line is not missed: a sixth of a pixel of 300."""


def average_precision_slopes(
    positive: np.ndarray, scores: np.ndarray
) -> tuple[float, np.ndarray]:
    """Return the average precision, and by how much each row moves it.

    It is the mean, over the positive rows, of the precision among all rows that score
    at least as high. A row's slope is the derivative by its weight: the slopes add up
    to zero, and the sum of their squares is the variance.

    Args:
        positive: `(N,)` bool, at least one of them true.
        scores: `(N,)`.

    Returns:
        The average precision, and `(N,)` slopes.
    """
    found = np.sort(scores[positive])
    rows = len(scores) - np.searchsorted(np.sort(scores), found, side="left")
    right = len(found) - np.searchsorted(found, found, side="left")
    precision = right / rows
    value = float(np.mean(precision))
    # What one more positive, or negative, row does to all thresholds below its score.
    gained = np.concatenate([[0.0], np.cumsum((1 - precision) / rows)])
    lost = np.concatenate([[0.0], np.cumsum(precision / rows)])
    below = np.searchsorted(found, scores, side="right")
    own = precision[np.maximum(below - 1, 0)] - value
    slopes = np.where(positive, own + gained[below], -lost[below])
    return value, slopes / len(found)


def roc_points(positive: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the ROC curve, from (0, 0) to (1, 1).

    Args:
        positive: `(N,)` bool with both values.
        scores: `(N,)`.

    Returns:
        `(P, 2)`: the share of the other rows, and of the positive rows, that score at
        least as high as each threshold; straight lines between them enclose the area.
    """
    right, wrong = _above(positive, scores)
    points = np.stack([wrong / wrong[-1], right / right[-1]], axis=1)
    return np.concatenate([[[0.0, 0.0]], points])


def precision_recall_points(positive: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the precision-recall curve as steps, from recall 0 to 1.

    Args:
        positive: `(N,)` bool, at least one of them true.
        scores: `(N,)`.

    Returns:
        `(P, 2)`: recall and precision; straight lines between them draw the steps, and
        the area below is the average precision.
    """
    right, wrong = _above(positive, scores)
    recall, precision = right / right[-1], right / (right + wrong)
    starts = np.concatenate([[0.0], recall[:-1]])
    steps = np.stack([starts, precision, recall, precision], axis=1)
    return np.asarray(steps[recall > starts].reshape(-1, 2))


def thin(points: np.ndarray) -> np.ndarray:
    """Leave out the points of a line that cannot be seen.

    The point that is farthest from what is drawn so far is added again and again
    (Douglas and Peucker 1973, https://doi.org/10.3138/FM57-6770-U75U-7727).

    Args:
        points: `(P, 2)`, both between 0 and 1.

    Returns:
        `(Q, 2)`: some of the points, in their order, with both ends.
    """
    open_parts = [_farthest(points, 0, len(points) - 1)]
    kept = {0, len(points) - 1}
    while open_parts and len(kept) < MOST_POINTS:
        part = max(open_parts)
        far, first, middle, last = part
        if far <= _UNSEEN:
            break
        open_parts.remove(part)
        kept.add(middle)
        open_parts += [
            _farthest(points, first, middle),
            _farthest(points, middle, last),
        ]
    return points[sorted(kept)]


def _above(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count positive and other rows at or above each score, the highest first."""
    order = np.argsort(-scores, kind="stable")
    ordered, right = scores[order], np.cumsum(positive[order])
    ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    return right[ends], ends + 1 - right[ends]


def _farthest(points: np.ndarray, first: int, last: int) -> tuple[float, int, int, int]:
    """Return how far, and which, the farthest point between two is from their line."""
    if last - first < 2:
        return 0.0, first, first, last
    start, way = points[first], points[last] - points[first]
    off = points[first + 1 : last] - start
    length = float(way @ way)
    along = np.clip(off @ way / length, 0.0, 1.0) if length else np.zeros(len(off))
    distances = np.hypot(*(off - along[:, None] * way).T)
    middle = int(distances.argmax())
    return float(distances[middle]), first, first + 1 + middle, last
