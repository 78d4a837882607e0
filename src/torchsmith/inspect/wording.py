"""How values and names of the data are written in messages."""

from collections.abc import Iterable

from torchsmith.core.wording import SHOWN, listed


def number(value: float) -> str:
    """Write a value of the data: a whole number in full, others by six digits.

    >>> number(1243.3333333), number(500001.0), number(0.0125)
    ('1,243.33', '500,001', '0.0125')
    """
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}"
    if 1e5 <= abs(value) < 1e15:
        return f"{value:,.1f}"
    return f"{value:,.6g}"


def agree(count: int, one: str, more: str) -> str:
    """Choose the verb that agrees with a count: `agree(2, "is", "are")`."""
    return one if count == 1 else more


def quoted(items: Iterable[str], shown: int = SHOWN) -> str:
    """Join names in quotes, and say how many are left out."""
    return listed([f"'{item}'" for item in items], shown)
