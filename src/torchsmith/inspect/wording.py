"""How numbers, shares and names are written in messages."""

from collections.abc import Iterable

from torchsmith.core.wording import SHOWN, listed


def number(value: float) -> str:
    """Write a number as a person would: `1,243.33`, `500,001`, `0.0125`.

    >>> number(1243.3333333), number(500001.0), number(0.0125)
    ('1,243.33', '500,001', '0.0125')
    """
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}"
    if 1e5 <= abs(value) < 1e15:
        return f"{value:,.1f}"
    return f"{value:,.6g}"


def amount(count: int, noun: str, plural: str = "") -> str:
    """Write a count with its noun: `1 row`, `207 rows`.

    >>> amount(1, "row"), amount(1200, "row"), amount(2, "class", "classes")
    ('1 row', '1,200 rows', '2 classes')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def agree(count: int, one: str, more: str) -> str:
    """Choose the verb that agrees with a count: `agree(2, "is", "are")`."""
    return one if count == 1 else more


def share(part: float, whole: float) -> str:
    """Write a share in per cent, never rounded to 0 or 100 when it is neither.

    >>> share(207, 20640), share(1, 20640), share(20639, 20640), share(1, 2)
    ('1.0 %', '< 0.1 %', '> 99.9 %', '50.0 %')
    """
    percent = 100 * part / max(whole, 1)
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f} %"


def quoted(items: Iterable[str], shown: int = SHOWN) -> str:
    """Join names in quotes, and say how many are left out."""
    return listed([f"'{item}'" for item in items], shown)
