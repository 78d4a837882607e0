"""Numbers and names in the comments of a script."""


def ordinal_share(share: float) -> str:
    """Write a share as a percentage.

    >>> ordinal_share(0.15)
    '15%'
    """
    return f"{share * 100:.3g}%"


def count(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> count(1797, "picture")
    '1,797 pictures'
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def number_text(name: str) -> str:
    """Write the name of a column within a sentence."""
    return f"'{name}'"
