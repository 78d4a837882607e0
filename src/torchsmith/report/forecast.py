"""A forecast beside what came, over time."""

from markupsafe import Markup

from torchsmith.core.wording import amount
from torchsmith.evaluate.evaluation import Coverage, Forecast
from torchsmith.report.charts import Series, heights, line_chart
from torchsmith.report.scales import linear_axis
from torchsmith.report.time_axis import time_axis


def forecast_chart(
    forecast: Forecast | None, target: str, coverage: Coverage | None = None
) -> Markup:
    """Draw actual and predicted values of the test part over time.

    Args:
        forecast: With at least two rows; None draws nothing.
        target: What is predicted.
        coverage: Of the intervals, which are drawn as a band.
    """
    if forecast is None:
        return Markup("")
    x_axis, places = time_axis(forecast.times, dated=forecast.dated)
    half = 0.0 if coverage is None else coverage.half_width
    band = [
        (place, value - half, value + half)
        for place, value in zip(places, forecast.predicted, strict=True)
    ]
    lines = [
        Series("actual", list(zip(places, forecast.actual, strict=True))),
        Series(
            "predicted" if half == 0 else "predicted, with its interval",
            list(zip(places, forecast.predicted, strict=True)),
            "second",
            band=band if half > 0 else (),
        ),
    ]
    return line_chart(
        lines,
        title=f"{target} over time: {_shown(forecast)}",
        x_title=forecast.time,
        axes=(x_axis, linear_axis(heights(lines), num_ticks=6)),
    )


def _shown(forecast: Forecast) -> str:
    """Say which rows of the test part are drawn."""
    shown, rows = len(forecast.times), amount(forecast.num_rows, "test row")
    told = rows if shown == forecast.num_rows else f"the latest {shown:,} of {rows}"
    return f"{told} of {forecast.series}" if forecast.series else told
