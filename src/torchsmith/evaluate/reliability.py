"""Whether the probabilities of classes are as often right as they say."""

import numpy as np

from torchsmith.evaluate.evaluation import Calibration, ReliabilityBin, Score
from torchsmith.metrics.calibration import calibration_error, equal_widths
from torchsmith.metrics.normal import wilson

FEWEST_ROWS = 30
"""Of fewer rows an error says nothing."""


def reliability(
    targets: np.ndarray,
    probabilities: np.ndarray,
    *,
    temperature: float,
    uncalibrated: np.ndarray | None,
    seed: int,
) -> Calibration | None:
    """Compare the probabilities of predictions with how often these are right.

    Args:
        targets: `(N,)` class codes.
        probabilities: `(N, K)`.
        temperature: That the probabilities were made with.
        uncalibrated: `(N, K)`, as they would be with a temperature of 1, where the
            temperature is another.
        seed: Of the interval.

    Returns:
        None for fewer than 30 rows.
    """
    if len(targets) < FEWEST_ROWS:
        return None
    before = uncalibrated
    return Calibration(
        temperature=temperature,
        error=_error(targets, probabilities, seed),
        error_before=None if before is None else _error(targets, before, seed),
        bins=_bins(targets, probabilities),
        bins_before=() if before is None else _bins(targets, before),
    )


def _error(targets: np.ndarray, probabilities: np.ndarray, seed: int) -> Score:
    found = calibration_error(targets, probabilities, seed)
    return Score(value=found.value, low=found.low, high=found.high)


def _bins(targets: np.ndarray, outputs: np.ndarray) -> tuple[ReliabilityBin, ...]:
    found = equal_widths(targets, outputs)
    low, high = wilson(found.right * found.rows, found.rows)
    columns = (found.rows, found.confidence, found.right, low, high)
    return tuple(
        ReliabilityBin(
            rows=int(rows),
            confidence=confidence,
            right=Score(value=right, low=min(bottom, right), high=max(top, right)),
        )
        for rows, confidence, right, bottom, top in zip(
            *(column.tolist() for column in columns), strict=True
        )
    )
