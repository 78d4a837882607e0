"""The bootstrap of what follows from means of rows: BCa intervals.

Log loss, RMSE, mean absolute error and R² are smooth functions of a few means over rows
(*moments*). A resample draws N rows with replacement; its moments are one product of
counts and rows, so that thousands of resamples take a moment.
"""

from collections.abc import Callable

import numpy as np

from torchsmith.core.seeds import generator
from torchsmith.metrics.normal import NORMAL, wide_z

MOST, FEWEST = 2_000, 200
DRAWS = 30_000_000
"""Rows drawn in all: with more than 15,000 rows there are fewer resamples."""

_BLOCK = 4_000_000

Statistic = Callable[[np.ndarray], np.ndarray]
"""From moments `(…, M)` to values `(…)`."""


class Resamples:
    """Counts of how often each of N rows is drawn in each of R resamples.

    All models that are scored on the same rows share one `Resamples`, so that their
    differences are paired.

    Args:
        rows: N, at least 1.
        seed: Draws the resamples.
        resamples: R; by default 2,000, fewer with very many rows.
    """

    def __init__(self, rows: int, seed: int, resamples: int | None = None) -> None:
        if resamples is None:
            resamples = int(np.clip(DRAWS // rows, FEWEST, MOST))
        self.rows = rows
        self._counts = np.empty((resamples, rows), np.uint8)
        random = generator(seed, "resamples", rows)
        step = self._step()
        for start in range(0, resamples, step):
            block = self._counts[start : start + step]
            drawn = random.integers(0, rows, block.shape, np.int32)
            drawn += (np.arange(len(block), dtype=np.int32) * rows)[:, None]
            block[:] = np.bincount(drawn.ravel(), minlength=block.size).reshape(
                block.shape
            )

    def means(self, moments: np.ndarray) -> np.ndarray:
        """Return the mean of each resample.

        Args:
            moments: `(N, M)`.

        Returns:
            `(R, M)` float64.
        """
        step = self._step()
        blocks = [
            self._counts[start : start + step].astype(np.float64) @ moments
            for start in range(0, len(self._counts), step)
        ]
        return np.concatenate(blocks) / self.rows

    def medians(self, values: np.ndarray) -> np.ndarray:
        """Return the median of each resample.

        Args:
            values: `(N,)`.

        Returns:
            `(R,)` float64.
        """
        order = np.argsort(values, kind="stable")
        ordered, step = values[order].astype(np.float64), self._step()
        blocks = []
        for start in range(0, len(self._counts), step):
            drawn = self._counts[start : start + step][:, order]
            reached = np.cumsum(drawn, axis=1, dtype=np.int32)
            # Of an even number of rows, the mean of the two in the middle.
            low = (reached >= (self.rows + 1) // 2).argmax(axis=1)
            high = (reached >= self.rows // 2 + 1).argmax(axis=1)
            blocks.append((ordered[low] + ordered[high]) / 2)
        return np.concatenate(blocks)

    def spread(self, drawn: np.ndarray) -> tuple[float, float]:
        """Return the 95 % percentile interval of what was computed of each resample.

        Args:
            drawn: `(R,)`.

        Returns:
            The low and the high end; NaN for a single row.
        """
        if self.rows < 2:
            return float("nan"), float("nan")
        wide = NORMAL.cdf(wide_z(self.rows))
        low, high = np.quantile(drawn, [1 - wide, wide])
        return float(low), float(high)

    def interval(
        self, moments: np.ndarray, statistic: Statistic
    ) -> tuple[float, float]:
        """Return the 95 % bias-corrected and accelerated bootstrap interval.

        Args:
            moments: `(N, M)` float64.
            statistic: What is computed from their means.

        Returns:
            The low and the high end; NaN for a single row, and where the statistic is
            not defined.
        """
        if self.rows < 2:
            return float("nan"), float("nan")
        point = float(statistic(moments.mean(axis=0)))
        drawn = statistic(self.means(moments))
        drawn = np.sort(drawn[np.isfinite(drawn)])
        if not np.isfinite(point) or len(drawn) < FEWEST // 2:
            return float("nan"), float("nan")
        below = np.mean(drawn < point) + np.mean(drawn == point) / 2
        bias = NORMAL.inv_cdf(float(np.clip(below, 0.01, 0.99)))
        skew = _acceleration(moments, statistic)
        wide = wide_z(self.rows)
        levels = [_level(bias, skew, side * wide) for side in (-1, 1)]
        low, high = np.quantile(drawn, levels)
        return float(low), float(high)

    def _step(self) -> int:
        return max(1, _BLOCK // self.rows)


def _acceleration(moments: np.ndarray, statistic: Statistic) -> float:
    """Return how the statistic's deviation changes with its value, by the jackknife."""
    rows = len(moments)
    without = statistic((moments.sum(axis=0) - moments) / (rows - 1))
    without = without[np.isfinite(without)]
    if not len(without):
        return 0.0
    pull = without.mean() - without
    spread = float(np.sum(pull**2)) ** 1.5
    return float(np.sum(pull**3)) / (6 * spread) if spread > 0 else 0.0


def _level(bias: float, skew: float, z: float) -> float:
    shifted = bias + z
    return NORMAL.cdf(bias + shifted / max(1 - skew * shifted, 0.1))
