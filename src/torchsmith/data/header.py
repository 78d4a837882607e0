"""Whether the first row of a table names its columns, and what the names are."""

import re
from collections import Counter
from collections.abc import Collection, Sequence

from torchsmith.core.errors import DataError
from torchsmith.data.data import Change
from torchsmith.data.numerals import MINUS

NAMELESS = "has no name in the header"
"""Is told of a column that the header leaves empty."""

_NUMBER = re.compile(
    rf"\s*[+{MINUS}-]?\(?([0-9]+([.,][0-9]*)*|[.,][0-9]+)([eE][+-]?[0-9]+)?\)?\s*"
)


def has_header(rows: Sequence[Sequence[str]], known: Collection[str]) -> bool:
    """Decide by evidence whether the first row is a header.

    It is none if every column of numbers has a number on top too, and at least half of
    the other columns have a text on top that comes again below. A first row of
    0, 1, 2, … is a header: nameless columns are written so.

    Args:
        rows: The first rows of the table, all of one length.
        known: Names that columns are known to have.
    """
    first, below = rows[0], rows[1:]
    if known and not any(name.strip() in known for name in first):
        return not all(re.fullmatch(r"column_\d+", name) for name in known)
    if known or not below:
        return True
    if len(first) > 2 and [cell.strip() for cell in first] == [
        str(i) for i in range(len(first))
    ]:
        return True
    texts = repeated = numbers = 0
    for top, column in zip(first, zip(*below, strict=True), strict=True):
        if not top.strip():
            continue
        filled = [cell for cell in column if cell.strip()]
        numeric = sum(_NUMBER.fullmatch(cell) is not None for cell in filled)
        if filled and numeric >= 0.9 * len(filled):
            if not _NUMBER.fullmatch(top):
                return True
            numbers += 1
        elif filled:
            texts += 1
            repeated += top in column
    return 2 * repeated < texts if texts else numbers == 0


def name_columns(
    first: Sequence[str] | None, width: int, source: str
) -> tuple[list[str], tuple[Change, ...]]:
    """Return the names of the columns, and what was changed about them.

    Args:
        first: The header, or None if there is none.
        width: How many columns there are.
        source: What to call the file in messages.

    Raises:
        DataError: Two columns have one name.
    """
    if first is None:
        return [f"column_{i}" for i in range(1, width + 1)], ()
    changes: list[Change] = []
    names = [name.strip() for name in first]
    for old, new in zip(first, names, strict=True):
        if old != new:
            what = "spaces around the column's name removed"
            changes.append(Change(column=new, what=what, count=1, example=old))
    for i, name in enumerate(names):
        if not name:
            names[i] = f"column_{i + 1}"
            what = f"column {i + 1} {NAMELESS}; it is called {names[i]}"
            changes.append(Change(column=names[i], what=what, count=1))
    twice = {name: count for name, count in Counter(names).items() if count > 1}
    if twice:
        listed = ", ".join(
            f"'{name}' (columns "
            + ", ".join(str(i + 1) for i, other in enumerate(names) if other == name)
            + ")"
            for name in twice
        )
        raise DataError(
            f"{source}: the header has several columns of one name: {listed}; "
            "give every column its own name"
        )
    return names, tuple(changes)
