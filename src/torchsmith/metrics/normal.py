"""Quantiles of the normal distribution and Wilson's interval, without SciPy."""

from statistics import NormalDist

import numpy as np

NORMAL = NormalDist()
Z95 = NORMAL.inv_cdf(0.975)
"""Half the width of a 95 % interval in standard deviations: 1.96."""


def wide_z(rows: int) -> float:
    """Return Student's 97.5 % quantile, widened for few rows; `Z95` for many.

    A variance that is estimated from few rows is too small by (n - 1) / n, and its
    uncertainty makes the tails of Student's distribution. With it, resampled intervals
    of small samples are not too narrow (Hesterberg 2015, section 5.3,
    https://arxiv.org/abs/1411.5279).

    Args:
        rows: At least 2.
    """
    z, free = Z95, rows - 1
    student = (
        z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    )
    return float(student * np.sqrt(rows / free))


def wilson(
    right: np.ndarray | float, count: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's 95 % interval of a share.

    It stays within 0 and 1 and does not collapse when all are right.

    Args:
        right: How many are right; fractions are allowed.
        count: Out of how many, at least 1.

    Returns:
        The low and the high end, of the inputs' shape.
    """
    count = np.asarray(count, np.float64)
    share = np.asarray(right, np.float64) / count
    square = Z95 * Z95
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = (
        Z95
        / (1 + square / count)
        * np.sqrt(share * (1 - share) / count + square / (4 * count**2))
    )
    # The end at 0 or 1 is exact; rounding would move it by 1e-17.
    low = np.where(share == 0, 0.0, centre - half)
    high = np.where(share == 1, 1.0, centre + half)
    return low, high
