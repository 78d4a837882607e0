"""Dates and times written as text, by `strptime` formats."""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

FORMS_READ = (
    "2026-11-20, 2026/11/20, 20.11.2026, 11/20/2026, 20-Nov-2026, Nov 20, 2026 and "
    "2026-11, with or without a time such as 09:30, 9:30 AM or T09:30:00+02:00"
)
"""Examples of what is read, for messages."""

CUT_OFF = "fraction of a second cut off"
IN_UTC = "times with offsets read as UTC"
"""What reading says that it did with times."""

_FIELDS = {
    "Y": "([0-9]{4})",
    "y": "([0-9]{2})",
    "m": "([0-9]{1,2})",
    "d": "([0-9]{1,2})",
    "b": "([A-Za-z]{3})",
    "B": "([A-Za-z]{3,9})",
    "H": "([0-9]{1,2})",
    "I": "([0-9]{1,2})",
    "M": "([0-9]{2})",
    "S": "([0-9]{2})",
    "f": r"([0-9]{1,9})",
    "p": "([AaPp][Mm])",
    "z": "(Z|[+-][0-9]{2}:?[0-9]{2})",
}
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_DAYS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y. %m. %d.", "%Y. %m. %d"),
    *("%Y년 %m월 %d일", "%d-%b-%Y", "%d %b %Y", "%d/%b/%Y", "%d %B %Y"),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%d-%b-%y", "%d %b %y"),
    *("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y", "%m-%d-%Y"),
)
_MONTHLY = ("%Y-%m", "%Y/%m", "%b %Y", "%B %Y", "%b-%Y")
_TIMES = (
    *("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M", "T%H:%M:%S"),
    *("T%H:%M:%S.%f", "T%H:%M%z", "T%H:%M:%S%z", "T%H:%M:%S.%f%z", " %H:%M%z"),
    *(" %H:%M:%S%z", " %H:%M:%S.%f%z", " %H:%M:%S %z", " %H:%M:%S UTC"),
    *(" %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S"),
    *(", %I:%M %p", ", %I:%M:%S %p"),
)

_NUMBERED = re.compile(
    r"([0-9]{1,4})([-/. ]) ?(0?[1-9]|1[0-2]|[12][0-9]|3[01])\2 ?([0-9]{1,4})(?![0-9.])"
)
_CLOCK = re.compile(r"[0-9]{1,2}:[0-5][0-9](:[0-5][0-9]([.,][0-9]+)?)?( ?[AaPp][Mm])?")
_PERIOD = re.compile(
    "[12][0-9]{3}[- ]?([QqWw][0-9]{1,2}|M[0-9]{2})|[0-9]{8}[T ][0-9]{2}:?[0-9]{2}.*"
)
_WORDED = re.compile(
    r"[0-3]?[0-9](?:\.|st|nd|rd|th|er|º)?[ -](?:de )?[^\W\d_]{3,}\.?,?[ -](?:de )?"
    r"[12][0-9]{3}(?:[ ,T].*)?"
)
_BESIDE = frozenset(
    (
        *("mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "sat", "sun"),
        *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday"),
        *("sunday", "st", "nd", "rd", "th", "of", "at", "am", "pm", "t", "z", "utc"),
        *("gmt", "est", "edt", "cet", "cest", "pst", "pdt", "kst", "jst"),
    )
)
"""Words that may stand beside the name of a month."""

_COMPACT_DATES = 10  # so many eight-digit numbers are not all dates by chance
_CENTURIES = 2040  # years of two digits from here on may as well be of the last century


def find_date_formats(texts: Sequence[str]) -> tuple[str, ...]:
    """Find the formats by which all texts are dates.

    Two formats come back where day and month cannot be told apart. Years of two digits
    are read beside the name of a month only, and only from 69 to 39, as 1969 to 2039:
    others may be of either century.

    Args:
        texts: Distinct texts without surrounding spaces, none of them empty.
    """
    if not texts:
        return ()
    # Day and time by themselves: all pairs of them would take long to compile.
    found = [
        day + time
        for day in _DAYS
        if (begin := _compiled(day).match(texts[0]))
        for time in _TIMES
        if _compiled(time).fullmatch(texts[0][begin.end() :])
    ]
    found += [form for form in _MONTHLY if _compiled(form).fullmatch(texts[0])]
    if len(texts) >= _COMPACT_DATES and all(len(text) == 8 for text in texts):
        found.append("%Y%m%d")
    found = [form for form in found if _are_dates(texts, form)]
    # "May" is a short name and a full one.
    twice = {form.replace("%b", "%B") for form in found if "%b" in form}
    return tuple(form for form in found if form not in twice)


def parse_dates(texts: Sequence[str], form: str) -> tuple[np.ndarray, np.ndarray]:
    """Turn texts into points in time, those with an offset in UTC.

    Args:
        texts: Without surrounding spaces.
        form: A `strptime` format of the fields Y, y, m, b, B, d, H, I, M, S, f, p and
            z; the names of months are English.

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
        name: np.array([*map(_WORTH.get(name, int), group)], dtype=np.int64)
        for name, group in zip(names, groups, strict=False)
    }
    if len(rows):
        values[rows] = _moments(parts)
    return values, ~np.isnat(values)


def has_fractions(text: str) -> bool:
    """Whether a time of day has a fraction of a second that is not zero."""
    return re.search(r":[0-9]{2}\.[0-9]*[1-9]", text) is not None


def has_offset(text: str) -> bool:
    """Whether a time has an offset from UTC that is not zero."""
    found = re.search(r":[0-9.]+ ?[+-]([0-9]{2}:?[0-9]{2})$", text)
    return found is not None and found[1].strip("0:") != ""


def looks_like_date(text: str) -> bool:
    """Whether a person would take a text for a date, in whatever form."""
    if found := _NUMBERED.match(text):
        first, mark, _, last = found.groups()
        ends = (first, last) if len(first) == 4 else (last, first)
        full = len(ends[0]) == 4 and 1500 <= int(ends[0]) < 2500
        # Two digits with points may be a version: 1.2.13
        return int(ends[1]) <= 31 and (full or (len(ends[0]) == 2 and mark != "."))
    if _PERIOD.fullmatch(text) or _WORDED.fullmatch(text):
        return True  # "17. März 2024" has the name of a month in some language
    words = [word.lower() for word in re.findall("[A-Za-z]+", text)]
    months = [word for word in words if _is_month(word)]
    others = {word for word in words if word not in months}
    digits = re.search("[0-9]{4}|[0-9]{1,2}[^0-9]+[0-9]{2}", text) is not None
    return len(months) == 1 and digits and others <= _BESIDE


def looks_like_time(text: str) -> bool:
    """Whether a text is a time of day, or a duration, such as `9:30`."""
    return _CLOCK.fullmatch(text) is not None


def _is_month(word: str) -> bool:
    return word == "sept" or word in _MONTHS or bool(_short_month(word))


def _are_dates(texts: Sequence[str], form: str) -> bool:
    moments, fit = parse_dates(texts, form)
    if not fit.all():
        return False
    months = moments.astype("datetime64[M]").astype(np.int64)
    years = months // 12 + 1970
    if form in ("%Y-%m", "%Y/%m"):
        # "2019-1" may be a term, and "2011-12" the season from 2011 to 2012.
        seasons = months % 12 + 1 == (years + 1) % 100
        whole = all(len(text) == len("2019-01") for text in texts)
        likely = (years >= 1500) & (years < 2500)
        return whole and bool(likely.all()) and not seasons.all()
    return True


def _moments(parts: dict[str, np.ndarray]) -> np.ndarray:
    year = parts["Y"] if "Y" in parts else parts["y"]
    month = next(parts[name] for name in "mbB" if name in parts)
    zero = np.zeros_like(year)
    day = parts.get("d", zero + 1)
    hour, minute, second = (parts.get(name, zero) for name in "HMS")
    good = (month >= 1) & (month <= 12)
    if "I" in parts:
        good &= (parts["I"] >= 1) & (parts["I"] <= 12)
        hour = parts["I"] % 12 + parts["p"]
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    good &= days.astype("datetime64[M]") == months
    if "y" in parts:
        good &= year < _CENTURIES
    good &= (year >= 1) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
    offset = parts.get("z", zero)
    good &= np.abs(offset) < 24 * 3600
    seconds = (hour * 3600 + minute * 60 + second - offset).astype("timedelta64[s]")
    moments = days.astype("datetime64[s]") + seconds
    return np.where(good, moments, np.datetime64("NaT", "s"))


def _month(name: str) -> int:
    return _MONTHS.index(name.lower()) + 1 if name.lower() in _MONTHS else 0


def _short_month(name: str) -> int:
    short = [month[:3] for month in _MONTHS]
    return short.index(name.lower()) + 1 if name.lower() in short else 0


def _year(text: str) -> int:
    """Return the year of two digits as POSIX has it, from 1969 to 2068."""
    return int(text) + (1900 if int(text) >= 69 else 2000)


def _half(text: str) -> int:
    return 12 if text in ("PM", "pm", "Pm", "pM") else 0


def _seconds_east(text: str) -> int:
    if text == "Z":
        return 0
    digits = text[1:].replace(":", "")
    hours, minutes = int(digits[:2]), int(digits[2:])
    seconds = 3600 * (hours if minutes < 60 else 99) + 60 * minutes  # 99: no offset
    return -seconds if text[0] == "-" else seconds


_WORTH = {
    "b": _short_month,
    "B": _month,
    "y": _year,
    "p": _half,
    "z": _seconds_east,
}
"""How the text of a field becomes a whole number, where it is not that of one."""


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
