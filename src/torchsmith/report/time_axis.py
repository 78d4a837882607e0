"""An axis of time, with ticks where a calendar has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from torchsmith.report.scales import Axis, nice_ticks

_MOST_TICKS = 6
_FIRST_YEAR = 1970
"""From which numpy counts."""

_STEPS = {
    "s": (1, 5, 15, 30),
    "m": (1, 5, 15, 30),
    "h": (1, 3, 6, 12),
    "D": (1, 2, 7, 14),
    "M": (1, 2, 3, 6),
    "Y": (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000),
}
"""Ticks may be so many units apart."""


@dataclass(frozen=True)
class TimeAxis(Axis):
    """An axis of dates, in seconds since 1970, or of plain numbers.

    Attributes:
        unit: In which dates are written, as numpy calls it; empty for numbers.
    """

    unit: str = ""

    def told(self, value: float) -> str:
        """Return one value as it is told under the pointer."""
        if not self.unit:
            return f"{value:.15g}"
        return str(_dates([value])[0]).removesuffix("T00:00:00").replace("T", " ")

    def labels(self, *, as_percent: bool = False) -> list[str]:  # noqa: ARG002
        """Return the text of each tick: of dates, no more than tells them apart."""
        if not self.unit:
            return [f"{tick:.15g}" for tick in self.ticks]
        dates = _dates(self.ticks)
        if self.unit in "YMD":
            return [str(date) for date in dates.astype(f"M8[{self.unit}]")]
        texts = np.datetime_as_string(dates, "s" if self.unit == "s" else "m")
        year = len("2026-")
        return [str(text)[year:].replace("T", " ") for text in texts]


def time_axis(times: Sequence[str], *, dated: bool) -> tuple[TimeAxis, list[float]]:
    """Choose an axis for times, and say where on it they are.

    Args:
        times: At least two, ascending: dates as in ISO 8601, or numbers.
        dated: Whether they are dates.
    """
    if not dated:
        places = [float(time) for time in times]
        low, high = places[0], places[-1]
        return TimeAxis(low, high, nice_ticks(low, high, _MOST_TICKS)), places
    dates = np.array(times, "M8[s]")
    ticks, unit = _calendar(dates[0], dates[-1])
    places = dates.astype(np.float64).tolist()
    return TimeAxis(places[0], places[-1], ticks, unit=unit), places


def _calendar(
    first: np.datetime64, last: np.datetime64
) -> tuple[tuple[float, ...], str]:
    """Return at most six ticks of the smallest step, and their unit."""
    ticks, unit = np.empty(0, "M8[s]"), "s"
    steps = chain.from_iterable(
        ((unit, step) for step in steps) for unit, steps in _STEPS.items()
    )
    for unit, step in steps:
        low, high = (
            int(end.astype(f"M8[{unit}]").astype(int)) for end in (first, last)
        )
        origin = _FIRST_YEAR if unit == "Y" else 0
        if (high - low) // step > _MOST_TICKS:
            continue
        start = -(-(low + origin) // step) * step - origin
        ticks = np.arange(start, high + 1, step).astype(f"M8[{unit}]").astype("M8[s]")
        ticks = ticks[ticks >= first]
        if len(ticks) <= _MOST_TICKS:
            break
    return tuple(ticks.astype(np.float64).tolist()), unit


def _dates(seconds: Sequence[float]) -> np.ndarray:
    return np.array(seconds, np.int64).astype("M8[s]")
