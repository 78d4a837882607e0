"""Whether probabilities are what they say: of predictions with 90 %, 90 in 100 right.

The expected calibration error (Guo et al. 2017, https://arxiv.org/abs/1706.04599) sorts
the rows into bins by the probability of their prediction (the confidence), and takes
the mean over the rows of how far the mean confidence of a bin is from the share of its
rows that are right. As it is usually computed it is never 0, not even of a perfect
network: on few rows the share that is right is off by chance. Here chance is taken out,
as described at `calibration_error`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from torchsmith.core.seeds import generator
from torchsmith.metrics.intervals import Interval

BINS = 15
"""Of equally many rows; those of equal widths are more biased (Roelofs et al. 2022)."""

SHOWN_BINS = 10
"""Of equal widths, for a diagram."""

DRAWS = 2_000
_HALVINGS = 20
_LARGEST = 64.0


@dataclass(frozen=True)
class Bins:
    """Rows whose confidence is alike; B bins, none of them empty.

    Attributes:
        rows: `(B,)` int64.
        confidence: `(B,)`, the mean probability of the predictions.
        right: `(B,)`, the share of the predictions that are right.
    """

    rows: np.ndarray
    confidence: np.ndarray
    right: np.ndarray

    @property
    def error(self) -> float:
        """The mean over rows of the distance between confidence and share right."""
        return float(
            np.average(np.abs(self.confidence - self.right), weights=self.rows)
        )


def equal_rows(targets: np.ndarray, probabilities: np.ndarray) -> Bins:
    """Sort rows into bins of about equally many rows by the confidence.

    Rows of one confidence are in one bin, so that their order does not matter; where
    many rows share one there are fewer bins.

    Args:
        targets: `(N,)` class codes, N at least 1.
        probabilities: `(N, K)`.
    """
    confidence = probabilities.max(axis=1)
    shares = np.arange(1, BINS) / BINS
    edges = np.quantile(confidence, shares, method="inverted_cdf")
    places = np.searchsorted(np.unique(edges), confidence, side="left")
    return _binned(places, confidence, targets == probabilities.argmax(axis=1))


def equal_widths(targets: np.ndarray, probabilities: np.ndarray) -> Bins:
    """Sort rows into bins of equal widths between 0 and 1 by the confidence.

    Bins without rows are left out.

    Args:
        targets: `(N,)` class codes, N at least 1.
        probabilities: `(N, K)`.
    """
    confidence = probabilities.max(axis=1)
    places = np.minimum((confidence * SHOWN_BINS).astype(np.int64), SHOWN_BINS - 1)
    return _binned(places, confidence, targets == probabilities.argmax(axis=1))


def calibration_error(
    targets: np.ndarray, probabilities: np.ndarray, seed: int = 0
) -> Interval:
    """Return the expected calibration error without what chance adds to it.

    For networks whose bins are off as these are, only by a smaller or larger factor,
    it is computed how the error of as many rows would scatter (2,000 draws of how many
    rows of each bin are right). The estimate is the error of that one of which half of
    the draws lie above the error that was found; the ends of the interval are those of
    which 2.5 % do, above and below. Where a network without any error would give what
    was found in 2.5 % of the draws or more, the interval begins at 0: that the network
    is well calibrated is then not refuted.

    Args:
        targets: `(N,)` class codes, N at least 1.
        probabilities: `(N, K)`.
        seed: Of the draws.

    Returns:
        The value with its 95 % interval, all of 0 or more.
    """
    found = equal_rows(targets, probabilities)
    weights = found.rows / found.rows.sum()
    gaps = found.confidence - found.right
    # With half a row of doubt, also a bin without any gap may have one.
    sizes = np.maximum(np.abs(gaps), 0.5 / found.rows)
    gaps = np.where(gaps < 0, -sizes, sizes)

    def truth(factor: float) -> np.ndarray:
        """Return which share of each bin is right if gaps are larger by a factor."""
        return np.asarray(np.clip(found.confidence - factor * gaps, 0.0, 1.0))

    def scatter(factor: float) -> np.ndarray:
        random = generator(seed, "calibration")
        drawn = random.binomial(found.rows, truth(factor), (DRAWS, len(gaps)))
        return np.asarray(np.abs(found.confidence - drawn / found.rows) @ weights)

    def error_where(share: float, *, or_equal: bool) -> float:
        """Return the error of which so many draws reach or exceed what was found."""

        def is_enough(factor: float) -> bool:
            drawn = scatter(factor)
            above = drawn >= found.error if or_equal else drawn > found.error
            return float(np.mean(above)) >= share

        factor = _first(is_enough)
        return float(np.abs(found.confidence - truth(factor)) @ weights)

    value = error_where(0.5, or_equal=True)
    low = error_where(0.025, or_equal=True)
    high = error_where(0.975, or_equal=False)
    return Interval(value, min(low, value), max(high, value))


def _first(holds: Callable[[float], bool]) -> float:
    """Return the smallest number from 0 on for which something holds, about."""
    if holds(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while not holds(high) and high < _LARGEST:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return (low + high) / 2


def _binned(places: np.ndarray, confidence: np.ndarray, right: np.ndarray) -> Bins:
    rows = np.bincount(places)
    there = rows > 0
    sums = np.bincount(places, confidence), np.bincount(places, right)
    means = [of_bins[there] / rows[there] for of_bins in sums]
    return Bins(rows[there], *means)
