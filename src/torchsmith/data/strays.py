"""Columns of texts that seem to hold numbers or dates, and why they do not."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from torchsmith.data.cells import Cells, Sheet
from torchsmith.data.convert import MARKERS
from torchsmith.data.data import Change, Column, ColumnFormat
from torchsmith.data.dates import (
    find_date_formats,
    looks_like_date,
    looks_like_time,
    parse_dates,
)
from torchsmith.data.numerals import (
    best_number_format,
    looks_like_number,
    may_lack,
)

TIMES = "times without a date"
"""What reading calls a column that holds nothing but these."""

_MOSTLY = 0.95  # this share of numbers makes the rest strays
_STRAYS = 50  # distinct strays; more of them are no slips of the pen
_WORDS = 3  # distinct strays, however often, beside many numbers: words for a gap
_LOOKED_AT = 50  # distinct texts by which a form of dates is found
_WAYS = 3  # of writing numbers; more of them are codes
_CATEGORIES = 20  # distinct texts; so few are as good as categories


def find_strays(
    raw: Cells | Column, form: ColumnFormat, sheet: Sheet
) -> Iterator[Change]:
    """Tell of a column of texts in which nearly all are numbers or dates.

    Args:
        raw: The column.
        form: How its texts are read.
        sheet: Where it stands.
    """
    if form.kind != "text" or isinstance(raw, Column):
        return
    texts = [text.strip() for text in raw.texts]
    absent = {*form.missing, *MARKERS}  # a marker would be one without the strays
    missing = np.array([text in absent for text in texts], dtype=bool)
    counts = np.where(missing, 0, raw.counts)
    total = int(counts.sum())
    dates = _as_dates(texts, counts)
    best, fits = best_number_format(texts, counts, form.name)
    numbers = fits & ~missing
    marks = " and ".join(f"'{mark}'" for mark in (best.prefix, best.suffix) if mark)
    nouns = f"numbers with {marks}" if marks else "numbers"
    for what, fits in ((nouns, numbers), ("dates", dates)):
        strays = ~fits & ~missing
        words = strays.sum() <= _WORDS and fits.sum() > _CATEGORIES
        least = 1 / 2 if words else _MOSTLY
        if least <= counts[fits].sum() / max(total, 1) < 1 and (
            strays.sum() <= _STRAYS
        ):
            told = f"{counts[strays].sum():,} of {total:,} values are not {what}"
            yield _told(raw, strays, told, sheet)
            return
    for told, odd in (
        _odd_dates(texts, counts, dates),
        (TIMES, _times(texts, counts)),
        _odd_numbers(texts, counts, numbers, form.name),
    ):
        if odd.any():
            yield _told(raw, odd, told, sheet)
            return


def _told(raw: Cells, chosen: np.ndarray, what: str, sheet: Sheet) -> Change:
    rows = raw.rows(chosen)
    example = raw.texts[raw.codes[rows[0]]]
    what = f"{what}, so the column is read as text"
    return sheet.change(raw.name, what, rows, example)


def _as_dates(texts: Sequence[str], counts: np.ndarray) -> np.ndarray:
    """Return which texts are dates of the form that most of the first ones have."""
    forms: Counter[str] = Counter()
    for text in _first(texts, counts):
        forms.update(find_date_formats([text]))
    if not forms:
        return np.zeros(len(texts), bool)
    [(form, _)] = forms.most_common(1)
    return parse_dates(texts, form)[1] & (counts > 0)


def _odd_dates(
    texts: Sequence[str], counts: np.ndarray, dates: np.ndarray
) -> tuple[str, np.ndarray]:
    first = _first(texts, counts)
    if dates.any() and all(find_date_formats([text]) for text in first):
        return "dates are written in several ways", ~dates & (counts > 0)
    odd = np.zeros(len(texts), bool)
    if any(map(looks_like_date, first)):
        odd = np.array([*map(looks_like_date, texts)], bool) & (counts > 0)
        odd &= counts[odd].sum() >= _MOSTLY * counts.sum()
    return "dates of no form that is read", odd


def _times(texts: Sequence[str], counts: np.ndarray) -> np.ndarray:
    """Return which texts are times of a day, if nearly all are and they are many."""
    found = np.zeros(len(texts), bool)
    if any(map(looks_like_time, _first(texts, counts))):
        found = np.array([*map(looks_like_time, texts)], bool) & (counts > 0)
        found &= found.sum() > _CATEGORIES
        found &= counts[found].sum() >= _MOSTLY * counts.sum()
    return found


def _odd_numbers(
    texts: Sequence[str], counts: np.ndarray, numbers: np.ndarray, name: str
) -> tuple[str, np.ndarray]:
    least = _MOSTLY * counts.sum()
    odd = np.zeros(len(texts), bool)
    if np.count_nonzero(counts) <= _CATEGORIES or counts[numbers].sum() >= least:
        return "", odd
    rest = np.where(numbers, 0, counts)
    for _ in range(_WAYS - 1):
        if _WAYS * counts[numbers].sum() < least or not rest.any():
            break
        form, fits = best_number_format(texts, rest, name)
        if len(form.suffix) == 1 and form.suffix not in may_lack(form):
            break  # 12a and 12b are codes
        rest = np.where(fits, 0, rest)
        if rest.sum() <= counts.sum() - least:
            return "numbers are written in several ways", ~numbers & (counts > 0)
    if any(map(looks_like_number, _first(texts, counts))):
        odd = np.array([*map(looks_like_number, texts)], bool) & (counts > 0)
        odd &= counts[odd].sum() + counts[numbers].sum() >= least
    return "numbers of no form that is read", odd


def _first(texts: Sequence[str], counts: np.ndarray) -> list[str]:
    """Return the first texts that are not missing."""
    return [texts[i] for i in np.flatnonzero(counts)[:_LOOKED_AT].tolist()]
