"""Dates and times written as text, by `strptime` formats."""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

_FIELDS = {
    "Y": "([0-9]{4})",
    "m": "([0-9]{1,2})",
    "d": "([0-9]{1,2})",
    "b": "([A-Za-z]{3})",
    "H": "([0-9]{1,2})",
    "M": "([0-9]{2})",
    "S": "([0-9]{2})",
    "f": r"([0-9]{1,9})",
}
_MONTHS = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
_DAYS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y. %m. %d.", "%Y. %m. %d"),
    *("%Y년 %m월 %d일", "%d-%b-%Y", "%d %b %Y"),
    *("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y", "%m-%d-%Y"),
)
_TIMES = (
    *("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M", "T%H:%M:%S"),
    *("T%H:%M:%SZ", "T%H:%M:%S.%f", "T%H:%M:%S.%fZ"),
)
_SHAPE = re.compile("[0-9]{1,4}[^0-9]+([0-9]{1,2}|[A-Za-z]{3})[^0-9]+[0-9]")
"""How all of them begin: a first look, as 126 patterns take time to compile."""

_COMPACT_DATES = 10  # so many eight-digit numbers are not all dates by chance


def find_date_formats(texts: Sequence[str]) -> tuple[str, ...]:
    """Find the formats by which all texts are dates.

    Two formats come back where day and month cannot be told apart. Two-digit years are
    not read as dates, for nobody can tell their century.

    Args:
        texts: Distinct texts without surrounding spaces, none of them empty.
    """
    if not texts:
        return ()
    found = [
        day + time
        for day in _DAYS
        for time in (_TIMES if _SHAPE.match(texts[0]) else ())
        if _compiled(day + time).fullmatch(texts[0])
    ]
    if len(texts) >= _COMPACT_DATES and all(len(text) == 8 for text in texts):
        found.append("%Y%m%d")
    return tuple(form for form in found if parse_dates(texts, form)[1].all())


def parse_dates(texts: Sequence[str], form: str) -> tuple[np.ndarray, np.ndarray]:
    """Turn texts into points in time.

    Args:
        texts: Without surrounding spaces.
        form: A `strptime` format of the fields Y, m, b, d, H, M, S and f.

    Returns:
        `(len(texts),)` `datetime64[s]`, NaT where the text is no date of this form
        (fractions of a second are cut off); and bool: where it is.
    """
    values = np.full(len(texts), np.datetime64("NaT"), dtype="datetime64[s]")
    matches = [*map(_compiled(form).fullmatch, texts)]
    rows = np.array([i for i, match in enumerate(matches) if match], dtype=np.intp)
    names = re.findall("%([a-zA-Z])", form)
    groups = zip(*(match.groups() for match in matches if match), strict=True)
    parts = {
        name: np.array([*map(_month if name == "b" else int, group)], dtype=np.int64)
        for name, group in zip(names, groups, strict=False)
    }
    if len(rows):
        moments = _moments(parts)
        values[rows] = moments
    return values, ~np.isnat(values)


def has_fractions(text: str) -> bool:
    """Whether a time of day has a fraction of a second that is not zero."""
    return re.search(r":[0-9]{2}\.[0-9]*[1-9]", text) is not None


def _moments(parts: dict[str, np.ndarray]) -> np.ndarray:
    year, day = parts["Y"], parts["d"]
    month = parts["m"] if "m" in parts else parts["b"]
    zero = np.zeros_like(year)
    hour, minute, second = (parts.get(name, zero) for name in "HMS")
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    good = (month >= 1) & (month <= 12) & (days.astype("datetime64[M]") == months)
    good &= (year >= 1) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
    seconds = (hour * 3600 + minute * 60 + second).astype("timedelta64[s]")
    moments = days.astype("datetime64[s]") + seconds
    return np.where(good, moments, np.datetime64("NaT", "s"))


def _month(name: str) -> int:
    return _MONTHS.index(name.lower()) + 1 if name.lower() in _MONTHS else 0


@lru_cache(maxsize=256)
def _compiled(form: str) -> re.Pattern[str]:
    if form == "%Y%m%d":
        return re.compile("([0-9]{4})([0-9]{2})([0-9]{2})")
    pieces = re.split("%([a-zA-Z])", form)
    return re.compile(
        "".join(
            _FIELDS[piece] if i % 2 else re.escape(piece)
            for i, piece in enumerate(pieces)
        )
    )
