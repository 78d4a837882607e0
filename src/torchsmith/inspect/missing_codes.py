"""Values that stand for a missing one: -999 among ages, 'unknown' among classes."""

from collections.abc import Iterator, Sequence

import numpy as np

from torchsmith.core.wording import amount
from torchsmith.data.convert import MARKERS
from torchsmith.data.lines import Named
from torchsmith.inspect.inspection import Finding
from torchsmith.inspect.profile import Profile
from torchsmith.inspect.wording import agree, number, quoted

FEWEST_ROWS = 5
"""A far value of fewer rows may be an error of its own."""

FEWEST_OTHERS = 10
"""Distinct values beside it, without which there is no range to be far from."""

MOST_CODES = 3
"""Values on one side that may all be codes, such as -97, -98 and -99."""

LEFT_OUT = "data.drop_missing_target: true leaves {noun}s without a target out"
"""What comes of empty cells of the target."""

_WORDS = frozenset(
    (
        *(word.casefold() for word in MARKERS if word.isalpha() or "/" in word),
        *("unknown", "missing", "not available", "unspecified"),
    )
) - {"none"}


def find_codes(profile: Profile) -> np.ndarray:
    """Return numbers that recur and lie farther from all others than these spread.

    Args:
        profile: A column of numbers.
    """
    values, counts = np.unique(profile.present, return_counts=True)
    codes: list[float] = []
    # Those on one side widen the range of the others until they are taken away.
    for sign in (1, -1, 1):
        for cut in range(1, MOST_CODES + 1):
            ends, rest = values[:cut], values[cut:]
            if len(rest) < FEWEST_OTHERS or (ends != np.floor(ends)).any():
                break
            far = sign * (rest[0] - ends[-1]) > sign * (rest[-1] - rest[0])
            if far and counts[:cut].min() >= FEWEST_ROWS:
                codes += ends.tolist()
                values, counts = rest, counts[cut:]
                break
        values, counts = values[::-1], counts[::-1]
    return np.array(codes)


def find_missing_codes(
    profile: Profile, codes: np.ndarray, where: Named, remedy: str
) -> Iterator[Finding]:
    """Tell of numbers that look like codes for a missing value.

    Args:
        profile: The column.
        codes: From `find_codes`.
        where: Names rows in messages.
        remedy: What comes of empty cells.
    """
    others = profile.present[~np.isin(profile.present, codes)]
    for code in codes.tolist():
        rows = np.flatnonzero(profile.column.values == code)
        nines = {*number(abs(code))} <= {*"9,"}
        yield Finding(
            code="D18",
            severity="warning" if nines else "note",
            message=f"'{profile.name}' is {number(code)} in {amount(len(rows), 'row')} "
            f"and otherwise {number(float(others.min()))} to "
            f"{number(float(others.max()))}: it {'looks' if nines else 'may be meant'} "
            f"{'like' if nines else 'as'} a code for a missing value"
            f"{', or a cap' if code > others.max() else ''}.",
            where=f"column '{profile.name}', {where.places(rows)}",
            remedy=f"If it is one, empty these cells of the file: {remedy}.",
        )


def find_words_for_nothing(
    name: str, classes: Sequence[str], noun: str
) -> Iterator[Finding]:
    """Tell of classes that are called as missing values are.

    Args:
        name: The target.
        classes: Their names.
        noun: What an example is called.
    """
    words = [text for text in classes if text.casefold() in _WORDS]
    if words and len(words) < len(classes):
        verb = agree(len(words), "is a class", "are classes")
        yield Finding(
            code="D19",
            severity="note",
            message=f"{quoted(words)} {verb} of '{name}'.",
            where=f"column '{name}'",
            remedy="If the class is not known there, empty these cells: "
            f"{LEFT_OUT.format(noun=noun)}.",
        )
