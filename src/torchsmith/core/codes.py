"""The codes of findings, which plans name and pages explain."""

from collections.abc import Mapping

from torchsmith.core.errors import nearest

CODES: Mapping[str, tuple[int, str]] = {
    "D": (38, "data"),
    "P": (13, "plan"),
    "C": (12, "code"),
    "T": (8, "training"),
    "Q": (6, "quality"),
    "E": (7, "this machine"),
}
"""Of each letter: the last number, where 1 is the first and none is left out, and what
it is about."""

KNOWN = tuple(f"{c}{n}" for c, (last, _) in CODES.items() for n in range(1, last + 1))


def no_code(code: str) -> str:
    """Say that there is no such code, which ones are near, and which there are.

    >>> no_code("P44")[:49]
    "there is no code 'P44'; did you mean 'P4'? codes "
    """
    *most, last = (
        f"{letter}1 to {letter}{number} ({about})"
        for letter, (number, about) in CODES.items()
    )
    return (
        f"there is no code {code!r}{nearest(code, KNOWN) or ';'} codes are "
        f"{', '.join(most)} and {last}"
    )
