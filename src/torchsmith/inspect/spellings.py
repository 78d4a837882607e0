"""Texts that differ only in case or in blanks, and so are read as different ones."""

from collections.abc import Iterator

import numpy as np

from torchsmith.core.wording import amount, listed
from torchsmith.data.lines import Named
from torchsmith.inspect.inspection import Finding
from torchsmith.inspect.profile import Profile


def find_spellings(
    profile: Profile, where: Named, noun: str, nouns: str
) -> Iterator[Finding]:
    """Check whether categories or classes are one in two spellings.

    Args:
        profile: The column.
        where: Names rows in messages.
        noun: What a text is here, such as `category`.
        nouns: Several of them.
    """
    if profile.kind != "text":
        return
    groups: dict[str, list[int]] = {}
    for code, text in enumerate(profile.levels):
        if len(text) == 1 and where.kind != "table":
            continue  # pictures of letters have small and capital ones
        groups.setdefault(" ".join(text.casefold().split()), []).append(code)
    twins = [
        sorted(codes, key=lambda code: -profile.counts[code])
        for codes in groups.values()
        if len(codes) > 1
    ]
    if not twins:
        return
    counted = [f"{profile.levels[i]}: {profile.counts[i]:,}" for c in twins for i in c]
    rarer = [code for codes in twins for code in codes[1:]]
    shown = [
        " and ".join(f"'{profile.levels[code]}'" for code in codes) for codes in twins
    ]
    yield Finding(
        code="D17",
        severity="warning",
        message=f"'{profile.name}' has {amount(len(rarer), noun, nouns)} that "
        f"differ{'s' * (len(rarer) == 1)} from another in case or blanks only: "
        f"{listed(shown, 3)}.",
        where=f"column '{profile.name}', "
        f"{where.places(np.flatnonzero(np.isin(profile.codes, rarer)))}",
        evidence=listed(counted, 20),
        remedy="Write them alike if they mean the same; each is read as one of its "
        "own.",
    )
