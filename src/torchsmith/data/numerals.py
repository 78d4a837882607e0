"""Numbers written as text: which separators they use, and what they are worth."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import lru_cache
from itertools import compress, repeat

import numpy as np

from torchsmith.data.data import ColumnFormat

_PLAIN = b"0123456789.+-eE"
_EXACT = 2**53  # whole numbers up to here are exact as float64
_PREFIX = re.compile(
    r"[+-]?(US\$|[$€£¥₩￦₹]|USD|EUR|GBP|KRW|JPY|CNY|CHF)\s?[+-]?[\d.,]"
)
_SUFFIX = re.compile(r"\d\s?([%€£¥₩원円元]|USD|EUR|GBP|KRW|JPY|CNY|CHF)$")
_POINT = (("", "."), (",", "."))
_COMMA = (("", ","), (".", ","))
_SPACES = tuple((gap, mark) for gap in " \u00a0\u202f'" for mark in ".,")


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
    for form in _candidates(texts, name, comma=comma):
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
    best, best_fits, most = ColumnFormat(name=name, kind="number"), None, -1
    for form in _candidates(texts, name, comma=False):
        fits = _fits(texts, form)
        if (number := int(counts[fits].sum())) > most:
            best, best_fits, most = form, fits, number
    return best, _fits(texts, best) if best_fits is None else best_fits


def parse_numbers(
    texts: Sequence[str], form: ColumnFormat
) -> tuple[np.ndarray, np.ndarray]:
    """Turn texts into numbers.

    Args:
        texts: Without surrounding spaces.
        form: A format of kind number.

    Returns:
        `(len(texts),)` float64, NaN where the text is no number; and bool: where it is.
    """
    is_plain = form.decimal == "." and not (
        form.prefix or form.suffix or form.thousands or form.brackets
    )
    if is_plain and _are_plain(texts):
        with suppress(ValueError):
            return np.array([*map(float, texts)], float), np.ones(len(texts), bool)
    fits = _fits(texts, form)
    values = np.full(len(texts), np.nan)
    numbers = [texts[i] for i in np.flatnonzero(fits).tolist()]
    if not is_plain:
        numbers = [_plain(text, form) for text in numbers]
    values[fits] = [*map(float, numbers)]
    return values, fits


def looks_like_code(texts: Sequence[str]) -> bool:
    """Whether numbers would lose something: leading zeros, or digits beyond 2**53."""
    bare = map(str.strip, texts, repeat("()"))
    return any(
        (text[0] == "0" and len(text) > 1)
        or (len(text) > 15 and Decimal(text) > _EXACT)
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
    return bool(np.isfinite(value)) and Decimal(text) != Decimal(value)


def number_text(value: float) -> str:
    """Write a number as shortly as it can be read back: 3.0 becomes "3"."""
    if np.isfinite(value) and value == int(value) and abs(value) <= _EXACT:
        return str(int(value))
    return repr(float(value))


def _candidates(
    texts: Sequence[str], name: str, *, comma: bool
) -> Iterator[ColumnFormat]:
    """Give formats in the order in which they are believed."""
    first = next((text for text in texts if any(map(str.isdigit, text))), "")
    brackets = any(map(str.endswith, texts, repeat(")")))
    if brackets:
        first = first.strip("()")
    prefix, suffix = _PREFIX.match(first), _SUFFIX.search(first)
    plainest = ColumnFormat(
        name=name,
        kind="number",
        prefix=prefix[1] if prefix else "",
        suffix=suffix[1] if suffix else "",
        brackets=brackets,
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
    return map(str.lstrip, texts, repeat("+-"))


def _fits(texts: Sequence[str], form: ColumnFormat) -> np.ndarray:
    matches = map(_pattern(form).fullmatch, texts)
    return np.fromiter(map(bool, matches), bool, len(texts))


def _pattern(form: ColumnFormat) -> re.Pattern[str]:
    return _compiled(
        form.thousands, form.decimal, form.prefix, form.suffix, form.brackets
    )


@lru_cache(maxsize=64)
def _compiled(
    thousands: str,
    decimal: str,
    prefix: str,
    suffix: str,
    brackets: bool,  # noqa: FBT001 -- of a cached function
) -> re.Pattern[str]:
    whole, mark = "[0-9]+", re.escape(decimal)
    if thousands:
        whole = f"(?:[1-9][0-9]{{0,2}}(?:{re.escape(thousands)}[0-9]{{3}})+|[0-9]+)"
    number = f"(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    before = f"[+-]?{re.escape(prefix)}\\s?" if prefix else ""
    after = f"\\s?{re.escape(suffix)}" if suffix else ""
    infinite = "[iI][nN][fF](?:[iI][nN][iI][tT][yY])?"
    plain = f"{before}[+-]?(?:{number}|{infinite}){after}"
    if not brackets:
        return re.compile(plain)
    before = f"{re.escape(prefix)}\\s?" if prefix else ""
    return re.compile(f"{plain}|\\({before}{number}{after}\\)")


def _plain(text: str, form: ColumnFormat) -> str:
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
    return text.replace(" ", "") if form.prefix else text
