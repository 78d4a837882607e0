"""Which finding is the cause, and which only follows from it."""

from collections.abc import Iterable

from torchsmith.inspect.inspection import Finding

_SEVERITY = {"error": 0, "warning": 1, "note": 2}


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in the order in which a person should act on them.

    Args:
        findings: In any order; of several with one code and place the first stays.
    """
    return tuple(sorted(findings, key=lambda f: _SEVERITY[f.severity]))
