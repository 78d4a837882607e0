"""Axes: where a value lies between the ends, and round numbers to write beside it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from torchsmith.report.text import number, percent

_TICKS = 5
"""About so many round numbers stand at an axis."""


@dataclass(frozen=True)
class Axis:
    """One axis of a chart.

    Attributes:
        low: The value at the start.
        high: The value at the end, above `low`.
        ticks: Round values between them.
        log: Whether equal ratios have equal lengths.
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False

    def at(self, value: float) -> float:
        """Return where a value lies, 0 at the start and 1 at the end, clipped."""
        low, high = self.low, self.high
        if self.log:
            value = math.log(max(value, low))
            low, high = math.log(low), math.log(high)
        return min(max((value - low) / (high - low), 0.0), 1.0)

    def told(self, value: float) -> str:
        """Return one value as it is told under the pointer."""
        return f"{value:g}"

    def labels(self, *, as_percent: bool = False) -> list[str]:
        """Return the text of each tick, all with the same decimals."""
        if self.log or len(self.ticks) < 2:
            write = percent if as_percent else number
            return [write(tick) for tick in self.ticks]
        factor = 100 if as_percent else 1
        step = factor * (self.ticks[1] - self.ticks[0])
        top = factor * max(abs(self.ticks[0]), abs(self.ticks[-1]))
        unit = "\u00a0%" if as_percent else ""
        for size, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
            if top >= size and not as_percent:
                size = 1e3 if suffix == "k" else size
                return [_plain(tick / size, step / size, suffix) for tick in self.ticks]
        if step < 1e-4:
            return [number(tick) for tick in self.ticks]
        return [_plain(factor * tick, step, unit) for tick in self.ticks]


def linear_axis(
    values: Iterable[float],
    *,
    num_ticks: int = _TICKS,
    pad: float = 0.06,
    whole: bool = False,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Axis:
    """Choose an axis on which equal differences have equal lengths.

    Args:
        values: What must be seen; what is not finite is left out.
        num_ticks: About how many round numbers to write.
        pad: Share of the range to add on both ends.
        whole: Ticks are whole numbers.
        bounds: The axis never reaches beyond these, such as 0 and 1 for shares.
    """
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        room = abs(low) * 0.1 or (0.5 if whole else 1.0)
        low, high = low - room, high + room
    room = pad * (high - low)
    padded = max(low - room, bounds[0]), min(high + room, bounds[1])
    low, high = padded if padded[0] < padded[1] else (low, high)
    return Axis(low, high, nice_ticks(low, high, num_ticks, whole=whole))


def value_axis(values: Iterable[float]) -> Axis:
    """Choose an axis, logarithmic where positive values differ by a factor of 30.

    Args:
        values: What must be seen; what is not finite is left out.
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite or min(finite) <= 0 or max(finite) / min(finite) < 30:
        return linear_axis(finite)
    low, high = min(finite) / 1.15, max(finite) * 1.15
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    stride = max(1, math.ceil((last - first) / (_TICKS + 1)))
    factors = (1.0, 2.0, 5.0) if high / low < 200 else (1.0,)
    ticks = tuple(
        factor * 10.0**power
        for power in range(first, last + 1, stride)
        for factor in factors
        if low <= factor * 10.0**power <= high
    )
    return Axis(low, high, ticks, log=True)


def nice_ticks(
    low: float, high: float, num_ticks: int = _TICKS, *, whole: bool = False
) -> tuple[float, ...]:
    """Return multiples of 1, 2, 2.5 or 5 times a power of ten between two values.

    >>> nice_ticks(0.3, 10.4)
    (2.5, 5.0, 7.5, 10.0)
    >>> nice_ticks(0.3, 10.4, whole=True)
    (5.0, 10.0)
    """
    raw = (high - low) / max(num_ticks, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    factors = (1.0, 2.0, 5.0, 10.0) if whole else (1.0, 2.0, 2.5, 5.0, 10.0)
    step = next(f * power for f in factors if f * power >= 0.999 * raw)
    if whole:
        step = max(1.0, step)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(
        round(i * step, 12) if step > 1e-9 else i * step for i in range(first, last + 1)
    )


def _plain(value: float, step: float, unit: str) -> str:
    decimals = next((d for d in range(9) if abs(round(step, d) - step) < 1e-9), 9)
    text = f"{value:,.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        text, unit = text.lstrip("-"), unit if unit.endswith("%") else ""
    return text.replace("-", "\u2212") + unit
