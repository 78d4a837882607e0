"""How far the predictions of a regression are off."""

import math

from markupsafe import Markup

from torchsmith.evaluate.evaluation import Residuals
from torchsmith.report.charts import histogram, scatter

_NUM_BINS = 31


def residual_charts(residuals: Residuals | None, target: str) -> list[Markup]:
    """Draw predicted against actual values, and how often each error occurs.

    Args:
        residuals: Actual and predicted values of the test part; None draws nothing.
        target: What is predicted.
    """
    if residuals is None or not residuals.actual:
        return []
    pairs = list(zip(residuals.actual, residuals.predicted, strict=True))
    charts = [
        scatter(
            pairs,
            title=f"Predicted against actual {target}",
            x_title="actual",
            y_title="predicted",
        )
    ]
    errors = sorted(
        predicted - actual
        for actual, predicted in pairs
        if math.isfinite(predicted - actual)
    )
    reach = _reach(errors)
    if reach > 0:
        edges = [reach * (2 * i / _NUM_BINS - 1) for i in range(_NUM_BINS + 1)]
        charts.append(
            histogram(
                edges,
                _counts(errors, reach),
                title="Error: predicted minus actual",
                x_title=f"error of {target}; outer bars hold all beyond",
            )
        )
    return charts


def _reach(errors: list[float]) -> float:
    """Return a bound that 98 of 100 errors keep: few shall not squeeze the rest."""
    if not errors:
        return 0.0
    sizes = sorted(abs(error) for error in errors)
    return sizes[min(len(sizes) - 1, math.ceil(0.98 * len(sizes)))]


def _counts(errors: list[float], reach: float) -> list[int]:
    counts = [0] * _NUM_BINS
    for error in errors:
        place = int((error / reach + 1) / 2 * _NUM_BINS)
        counts[min(max(place, 0), _NUM_BINS - 1)] += 1
    return counts
