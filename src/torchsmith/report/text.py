"""Names and numbers as a reader wants to see them."""

import math
import re
import statistics
from collections.abc import Sequence

from torchsmith.core import wording
from torchsmith.core.vocabulary import METRIC_TITLES, Metric
from torchsmith.evaluate.evaluation import Score

PERCENT_METRICS = frozenset({"accuracy", "balanced_accuracy"})
MOST_DECIMALS = 8
"""A number that needs more is written with an exponent."""
ROUNDING = 1e-12
"""Ends that differ by less, as a share of their size, differ by rounding alone."""
_NO_BREAK = "\u00a0"
_MINUS = "\u2212"
_BEFORE_UNIT = re.compile(r"(?<=\d) ")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e"
    "\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)


def clean(text: str) -> str:
    r"""Make characters visible that a reader cannot see or that reorder the text.

    Bidirectional controls, zero-width spaces, control characters and lone surrogates
    become their escapes; joiners stay, because Devanagari and Persian need them.

    >>> clean("fdp\u202excod.exe")
    'fdp\\u202excod.exe'
    """
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def number(value: float, digits: int = 4) -> str:
    """Write a number with so many significant digits at most, thousands separated.

    >>> number(48210.55), number(0.012345), number(-3), number(1e-9)
    ('48,211', '0.01235', '−3', '1e−9')
    """
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if -4 <= magnitude < 12:
        text = f"{value:,.{max(0, digits - 1 - magnitude)}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", _MINUS)


def percent(share: float, decimals: int = 1) -> str:
    """Write a share as a percentage.

    >>> percent(0.0973).split()
    ['9.7', '%']
    """
    if not math.isfinite(share):
        return number(share)
    return f"{100 * share:.{decimals}f}{_NO_BREAK}%".replace("-", _MINUS)


def share(part: float, whole: float) -> str:
    """Write a part of a whole as a percentage that is never a false 0 or 100."""
    return _unbroken(wording.share(part, whole))


def metric_title(metric: str) -> str:
    """Return what a metric, also one of a person's own, is called in a sentence."""
    for known, title in METRIC_TITLES.items():
        if metric == known:
            return title
    return metric.replace("_", " ")


def metric_text(metric: str, value: float, decimals: int = 1) -> str:
    """Write one value of a metric, in percent where that is usual."""
    if metric in PERCENT_METRICS:
        return percent(value, decimals)
    return number(value)


def score_texts(metric: Metric, score: Score) -> tuple[str, str]:
    """Write a score and its interval, with the digits that the interval allows.

    >>> from torchsmith.evaluate.evaluation import Score
    >>> score_texts("rmse", Score(value=48213.7, low=47100, high=49377))
    ('48,214', '47,100 – 49,377')
    >>> score_texts("rmse", Score(value=2.36e-13, low=0, high=3.1e-13))
    ('2.4e−13', '0 – 3.1e−13')
    >>> score_texts("log_loss", Score(value=3e-8, low=0, high=1.3e-7))
    ('0.0000', '0.0000 – 0.0000')
    >>> score_texts("rmse", Score(value=0.7, low=0.7 - 1e-16, high=0.7 + 1e-16))
    ('0.7', '')
    """
    factor = 100 if metric in PERCENT_METRICS else 1
    values = [factor * v for v in (score.value, score.low, score.high)]
    decimals = _decimals(values[1], values[2])
    if decimals is None:
        return metric_text(metric, score.value), ""
    if metric == "log_loss":
        # It has no unit of its own: so near to 0, all of it is as good as none.
        decimals = min(decimals, 4)
    value, low, high = (_fixed(v, decimals) for v in values)
    unit = f"{_NO_BREAK}%" if factor == 100 else ""
    return f"{value}{unit}", f"{low} – {high}{unit}"


def difference_texts(metric: Metric, score: Score) -> tuple[str, str]:
    """Write a difference of scores and its interval; percentages become points.

    The interval is empty where there is none, as for the largest error.
    """
    factor = 100 if metric in PERCENT_METRICS else 1
    values = [factor * v for v in (score.value, score.low, score.high)]
    decimals = _decimals(values[1], values[2])
    known = math.isfinite(score.low) and math.isfinite(score.high)
    if decimals is None:
        decimals = 1 if factor == 100 else 3
    value, low, high = (
        ("+" if v > 0 and _fixed(v, decimals) != _fixed(0, decimals) else "")
        + _fixed(v, decimals)
        for v in values
    )
    unit = f"{_NO_BREAK}points" if factor == 100 else ""
    return f"{value}{unit}", f"{low} to {high}" if known else ""


def spread_text(metric: Metric, values: Sequence[float]) -> str:
    """Say how far the values of several seeds lie apart; of one, nothing.

    >>> spread_text("rmse", [1.0, 2.0, 3.0])
    'lowest 1, highest 3, standard deviation 1'
    """
    if len(values) < 2:
        return ""
    low, high = (metric_text(metric, v, 2) for v in (min(values), max(values)))
    deviation = statistics.stdev(values)
    spread = (
        f"{100 * deviation:.2f}{_NO_BREAK}points"
        if metric in PERCENT_METRICS
        else number(deviation)
    )
    return f"lowest {low}, highest {high}, standard deviation {spread}"


def duration(seconds: float) -> str:
    """Write a duration, its numbers on one line with their units."""
    return _unbroken(wording.duration(seconds))


def folds_text(folds: int) -> str:
    """Say where val scores come from; empty without folds.

    Args:
        folds: As many networks as the plan has, each of which leaves one out.
    """
    if not folds:
        return ""
    return (
        f"Train and val are the same rows, in {folds} folds: each of {folds} networks "
        "learned from all folds but one, and val scores are of that one, which it had "
        f"not seen. The mean of all {folds} predicts, which is usually a little better."
    )


def _unbroken(text: str) -> str:
    return _BEFORE_UNIT.sub(_NO_BREAK, text)


def _decimals(low: float, high: float) -> int | None:
    """Say how many decimals mean something; None where there is no interval."""
    half_width = (high - low) / 2
    noise = ROUNDING * max(abs(low), abs(high))
    if not math.isfinite(half_width) or half_width <= noise:
        return None
    decimals = -math.floor(math.log10(half_width))
    if half_width * 10**decimals < 3:
        decimals += 1
    return max(decimals, 0)


def _fixed(value: float, decimals: int) -> str:
    if not math.isfinite(value):
        return number(value)
    if decimals > MOST_DECIMALS:
        digits = decimals + 1 + math.floor(math.log10(abs(value))) if value else 0
        return number(value, digits) if digits > 0 else "0"
    text = f"{value:,.{decimals}f}"
    return (
        text.lstrip("-")
        if float(text.replace(",", "")) == 0
        else text.replace("-", _MINUS)
    )
