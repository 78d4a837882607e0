"""How far the predictions of a regression are off, and whether intervals tell."""

import math

from markupsafe import Markup

from torchsmith.evaluate.evaluation import Coverage, Residuals
from torchsmith.report.charts import histogram, scatter
from torchsmith.report.text import number, score_texts

_NUM_BINS = 31


def coverage_text(coverage: Coverage) -> str:
    r"""Say in a sentence how wide the intervals are, and what they hold.

    >>> from torchsmith.evaluate.evaluation import Score
    >>> found = Score(value=0.912, low=0.9, high=0.923)
    >>> told = coverage_text(Coverage(promised=0.9, half_width=0.6231, found=found))
    >>> told.partition(" of the test")[0]
    'Intervals of ±0.6231 hold 91.2\xa0% (90.0 – 92.3\xa0%)'
    """
    # A share of rows that are right is written as an accuracy is.
    value, interval = score_texts("accuracy", coverage.found)
    found = f"{value} ({interval})" if interval else value
    missed = coverage.found.high < coverage.promised
    less = ", and noise alone does not take so many away" if missed else ""
    return (
        f"Intervals of ±{number(coverage.half_width)} hold {found} of the test "
        f"targets; {100 * coverage.promised:g}\xa0% were promised{less}"
    )


def residual_charts(
    residuals: Residuals | None, target: str, coverage: Coverage | None = None
) -> list[Markup]:
    """Draw predicted against actual values, and how often each error occurs.

    Args:
        residuals: Actual and predicted values of the test part; None draws nothing.
        target: What is predicted.
        coverage: Of the intervals, whose ends are drawn.
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
            reach=0.0 if coverage is None else coverage.half_width,
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
