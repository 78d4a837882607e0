"""Numbers written as text: which separators they use, and what they are worth."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import lru_cache
from itertools import compress, repeat

import numpy as np

from torchsmith.data.data import ColumnFormat

NUMBERS_READ = (
    "1234.5, 1,234.50, 1.234,50, (5) for -5, 1e-3, with a currency, % or one unit"
)
"""Examples of what is read, for messages."""

_PLAIN = b"0123456789.+-eE"
_LOOKED_AT = 1000  # texts by which the commonest marks beside numbers are found
EXACT = 2**53
"""Whole numbers up to here are exact as float64."""
ROUNDED = "rounded to the nearest 64-bit number"
"""What reading says of a whole number with too many digits."""

MINUS = "\u2212"
"""The minus sign of typography, which is no hyphen."""

_CODES = ("USD", "EUR", "GBP", "KRW", "JPY", "CNY", "CHF")
_BEFORE = ("US$", *"$€£¥₩￦₹", *_CODES)
_AFTER = (*"%€£¥₩원円元", *_CODES)
_UNIT = r"°?[^\W\d_]{1,12}(?:/[^\W\d_]{1,6})?"
_SIGN = f"[+{MINUS}-]"
_PREFIX = re.compile(rf"{_SIGN}?({'|'.join(map(re.escape, _BEFORE))})\s?{_SIGN}?[\d.,]")
_SUFFIX = re.compile(rf"\d\s?({'|'.join(_AFTER)}|{_UNIT})$")
_ODD = re.compile(
    rf"{_SIGN}?(?:(?:{'|'.join(map(re.escape, _BEFORE))})\s?)?"
    r"(?:[0-9][0-9.,']*-{1,2}|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?)"
)
_POINT = (("", "."), (",", "."))
_COMMA = (("", ","), (".", ","))
_SPACES = tuple((gap, mark) for gap in " \u00a0\u202f'" for mark in ".,")

_Marks = tuple[str, str]  # what stands before numbers, and after them


def find_number_format(
    texts: Sequence[str], name: str, *, comma: bool = False
) -> ColumnFormat | None:
    """Find the one format by which all texts are numbers, or None.

    "1,234" alone can mean 1234 or 1.234: it is read as 1234 unless `comma`.

    Args:
        texts: Distinct texts without surrounding spaces, none of them empty.
        name: The column's name.
        comma: The rest of the file writes the decimal mark as a comma.
    """
    first = next((text for text in texts if any(map(str.isdigit, text))), "")
    for form in _candidates(texts, _marks(first), name, comma=comma):
        pattern = _pattern(form)
        if all(map(pattern.fullmatch, texts)):
            return form
    return None


def best_number_format(
    texts: Sequence[str], counts: np.ndarray, name: str
) -> tuple[ColumnFormat, np.ndarray]:
    """Find the format by which most values are numbers.

    Args:
        texts: Distinct texts without surrounding spaces.
        counts: `(len(texts),)`: how often each stands in the column.
        name: The column's name.

    Returns:
        The format, and `(len(texts),)` bool: which texts are numbers by it.
    """
    held = np.flatnonzero(counts)
    marks: Counter[_Marks] = Counter()
    for i in held[:: max(1, len(held) // _LOOKED_AT)].tolist():
        if any(map(str.isdigit, texts[i])):
            marks[_marks(texts[i])] += int(counts[i])
    pair = max(marks, key=marks.__getitem__, default=("", ""))
    best, most = ColumnFormat(name=name, kind="number"), -1
    best_fits = np.zeros(len(texts), bool)
    for form in _candidates(texts, pair, name, comma=False):
        fits = _fits(texts, form)
        if (number := int(counts[fits].sum())) > most:
            best, best_fits, most = form, fits, number
    return best, best_fits


def parse_numbers(
    texts: Sequence[str], form: ColumnFormat
) -> tuple[np.ndarray, np.ndarray]:
    """Turn texts into numbers, in the format or in what it may be extended to.

    Args:
        texts: Without surrounding spaces.
        form: A format of kind number; see `extended`.

    Returns:
        `(len(texts),)` float64, NaN where the text is no number; and bool: where it is.
    """
    is_plain = form.decimal == "." and not (
        form.prefix or form.suffix or form.thousands or form.brackets
    )
    if is_plain and _are_plain(texts):
        with suppress(ValueError):
            return np.array([*map(float, texts)], float), np.ones(len(texts), bool)
    fits = _fits(texts, form, loose=True)
    values = np.full(len(texts), np.nan)
    wide = extended(form)
    numbers = (_plain(texts[i], wide) for i in np.flatnonzero(fits).tolist())
    values[fits] = [*map(float, numbers)]
    return values, fits


def extended(form: ColumnFormat) -> ColumnFormat:
    """Return a format with what numbers may have besides, and still be clear.

    That is a separator between groups of three digits, and brackets for a minus sign.
    A point as decimal mark may be no more than a guess, so "1,234" alone is refused.
    """
    thousands = form.thousands or ("," if form.decimal == "." else ".")
    return form.model_copy(update={"thousands": thousands, "brackets": True})


def may_lack(form: ColumnFormat) -> tuple[str, ...]:
    """Return the signs of a format without which a number means the same.

    A currency or a percent sign may be left out; a unit, such as the k of 5k, may not.
    """
    prefix = (form.prefix,) if form.prefix else ()
    return (*prefix, form.suffix) if form.suffix in _AFTER else prefix


def difference(text: str, form: ColumnFormat) -> str:
    """Say by what a number differs from a format; empty where it is no number."""
    found = find_number_format([text], form.name)
    if found is None:
        return ""
    for has, wanted in ((found.prefix, form.prefix), (found.suffix, form.suffix)):
        if has and has != wanted:
            return f"'{has}'" + (f" in place of '{wanted}'" if wanted else "")
    if form.suffix not in ("", found.suffix, *may_lack(form)):
        return f"no '{form.suffix}'"
    if found.decimal != form.decimal:
        return f"'{found.decimal}' where '{form.decimal}' is the decimal mark"
    if found.thousands and not form.thousands:
        return f"a '{found.thousands}' that may part thousands or decimals"
    return ""


def looks_like_number(text: str) -> bool:
    """Whether a person would take a text for a number, though in no form that is read.

    `5-` is -5, `14,-` is 14, and `12,34,567` has the groups of India.
    """
    return _ODD.fullmatch(text) is not None


def looks_like_code(texts: Sequence[str], form: ColumnFormat) -> bool:
    """Whether numbers would lose something: leading zeros, or digits beyond 2**53."""
    if form.suffix:
        texts = [text.removesuffix(form.suffix).rstrip() for text in texts]
    bare = map(str.strip, texts, repeat("()"))
    return any(
        (text[0] == "0" and len(text) > 1) or (len(text) > 15 and Decimal(text) > EXACT)
        for text in filter(str.isdecimal, _unsigned(bare))
    )


def has_brackets(text: str) -> bool:
    """Whether a text stands in brackets, as a negative number does in accounts."""
    return text.startswith("(") and text.endswith(")")


def find_many_digits(texts: Sequence[str]) -> list[int]:
    """Return which texts are whole numbers so long that a float64 may not hold them."""
    texts = [*map(str.strip, texts)]
    whole = map(str.isdecimal, _unsigned(texts))
    return [i for i in compress(range(len(texts)), whole) if len(texts[i]) > 15]


def is_rounded(text: str, value: float) -> bool:
    """Whether a whole number of many digits lost some when it became a float64."""
    exact = text.replace(MINUS, "-")
    return bool(np.isfinite(value)) and Decimal(exact) != Decimal(value)


def number_text(value: float) -> str:
    """Write a number as shortly as it can be read back: 3.0 becomes "3"."""
    if np.isfinite(value) and value == int(value) and abs(value) <= EXACT:
        return str(int(value))
    return repr(float(value))


def _marks(text: str) -> _Marks:
    if text.endswith(")"):
        text = text.strip("()")
    prefix, suffix = _PREFIX.match(text), _SUFFIX.search(text)
    return prefix[1] if prefix else "", suffix[1] if suffix else ""


def _candidates(
    texts: Sequence[str], marks: _Marks, name: str, *, comma: bool
) -> Iterator[ColumnFormat]:
    """Give formats in the order in which they are believed."""
    prefix, suffix = marks
    plainest = ColumnFormat(
        name=name,
        kind="number",
        prefix=prefix,
        suffix=suffix,
        brackets=any(map(str.endswith, texts, repeat(")"))),
    )
    forms = (*_COMMA, *_POINT) if comma else (*_POINT, *_COMMA)
    for thousands, decimal in (*forms, *_SPACES):
        if thousands and not any(thousands in text for text in texts):
            continue
        yield plainest.model_copy(update={"thousands": thousands, "decimal": decimal})


def _are_plain(texts: Sequence[str]) -> bool:
    """Whether there are no characters but those of which `float` takes what fits."""
    letters = "".join(texts)
    return letters.isascii() and not letters.encode().translate(None, _PLAIN)


def _unsigned(texts: Iterable[str]) -> Iterator[str]:
    return map(str.lstrip, texts, repeat(f"+-{MINUS}"))


def _fits(
    texts: Sequence[str], form: ColumnFormat, *, loose: bool = False
) -> np.ndarray:
    matches = map(_pattern(form, loose=loose).fullmatch, texts)
    return np.fromiter(map(bool, matches), bool, len(texts))


def _pattern(form: ColumnFormat, *, loose: bool = False) -> re.Pattern[str]:
    """Return the pattern of numbers in a format, or loosely in what extends it."""
    wide = extended(form) if loose else form
    absent = may_lack(form) if loose else ()
    prefix = f"{re.escape(form.prefix)}\\s?" if form.prefix else ""
    suffix = f"\\s?{re.escape(form.suffix)}" if form.suffix else ""
    whole, mark = "[0-9]+", re.escape(form.decimal)
    if wide.thousands:
        group = f"{re.escape(wide.thousands)}[0-9]{{3}}"
        groups = f"(?:{group})+"
        if not form.thousands and form.decimal == ".":
            groups = f"{group}(?:{groups}|(?={mark}))"
        whole = f"(?:[1-9][0-9]{{0,2}}{groups}|[0-9]+)"
    return _compiled(
        whole,
        mark,
        f"(?:{prefix})?" if form.prefix in absent else prefix,
        f"(?:{suffix})?" if form.suffix in absent else suffix,
        wide.brackets,
    )


@lru_cache(maxsize=64)
def _compiled(
    whole: str,
    mark: str,
    prefix: str,
    suffix: str,
    brackets: bool,  # noqa: FBT001 -- of a cached function
) -> re.Pattern[str]:
    number = f"(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    infinite = "[iI][nN][fF](?:[iI][nN][iI][tT][yY])?"
    before = f"(?:{_SIGN}{prefix}|{prefix}{_SIGN}?)" if prefix else f"{_SIGN}?"
    plain = f"{before}(?:{number}|{infinite}){suffix}"
    if not brackets:
        return re.compile(plain)
    return re.compile(f"{plain}|\\({prefix}{number}{suffix}\\)")


def _plain(text: str, form: ColumnFormat) -> str:
    text = text.replace(MINUS, "-")
    if form.brackets and has_brackets(text):
        text = f"-{text[1:-1]}"
    if form.prefix:
        text = text.replace(form.prefix, "", 1)
    text = text.removesuffix(form.suffix)
    if form.thousands:
        text = text.replace(form.thousands, "")
    if form.decimal != ".":
        text = text.replace(form.decimal, ".")
    # "-$ 5" leaves "- 5"; float() takes no space after the sign
    return "".join(text.split()) if form.prefix else text
