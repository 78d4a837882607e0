"""Forecasts: the value that was known last, and the course of the test part."""

from collections import Counter
from typing import TypeGuard

import numpy as np

from torchsmith.data.data import Inputs, Sequences
from torchsmith.evaluate.evaluation import Forecast

MOST_SHOWN = 400
"""Rows of a course: more lie on each other in a chart as wide as a page."""


def last_known(inputs: Inputs, target: str) -> np.ndarray | None:
    """Return `(N,)` float64, the last known value of the target in each window.

    Args:
        inputs: N examples.
        target: The column whose next value is predicted.

    Returns:
        NaN where no value is known in a window; None where the examples are no windows
        of a series, or the past of the target is not in them.
    """
    if not _is_forecast(inputs) or target not in inputs.channels:
        return None
    values = inputs.values[:, inputs.channels.index(target)].astype(np.float64)
    places = np.where(np.isfinite(values), np.arange(len(values)), -1)
    latest = np.maximum.accumulate(places)[inputs.starts[1:] - 1]
    return np.where(latest >= inputs.starts[:-1], values[latest], np.nan)


def course(
    inputs: Inputs | None, targets: np.ndarray, outputs: np.ndarray
) -> Forecast | None:
    """Put predicted values beside what came, in the order of time.

    Args:
        inputs: The N examples that were predicted.
        targets: `(N,)` in the target's own units.
        outputs: `(N,)` likewise.

    Returns:
        The latest 400; None where the examples are no windows of a series, or fewer
        than two.
    """
    if not _is_forecast(inputs) or inputs.series is None:
        return None
    time = inputs.columns.get(inputs.series.time or "")
    if time is None or not len(inputs):
        return None
    # A window is called by its series and its time: see `forecasting.py`.
    owners = [
        inputs.name(row).removesuffix(text).strip()
        for row, text in enumerate(time.texts())
    ]
    ((owner, count),) = Counter(owners).most_common(1)
    rows = np.flatnonzero(np.array(owners) == owner)
    rows = rows[np.argsort(time.values[rows], kind="stable")][-MOST_SHOWN:]
    if len(rows) < 2:
        return None
    return Forecast(
        time=time.name,
        dated=time.kind == "date",
        times=tuple(time.texts(rows)),
        actual=tuple(targets[rows].astype(np.float64).tolist()),
        predicted=tuple(outputs[rows].astype(np.float64).tolist()),
        num_rows=count,
        series=owner,
    )


def _is_forecast(inputs: Inputs | None) -> TypeGuard[Sequences]:
    """Whether examples are windows of a table in time."""
    return (
        isinstance(inputs, Sequences)
        and inputs.series is not None
        and inputs.series.window > 0
    )
