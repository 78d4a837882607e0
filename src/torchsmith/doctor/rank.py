"""Which finding is the cause, and which only follows from it."""

from collections.abc import Iterable, Mapping, Sequence

from torchsmith.inspect.inspection import Finding

_SEVERITY = {"error": 0, "warning": 1, "note": 2}

_KINDS = "CPTDQ"
"""Of two that nothing else tells apart. Data is late: its warnings stand beside healthy
runs too, such as that there are few rows."""

BRINGS_ABOUT: Mapping[str, str] = {
    "D1": "T1 T2",
    "D3": "P1 P2 P3 P11 C6 C9 C10 T1 T2 T3 T4 T5 T6 T7 Q1 Q5",
    "D4": "P1 P2 P3 P5 P11 C10 T1 T2 T4 T6 Q1",
    "D5": "T6 Q1 Q5",
    "D6": "Q1 Q5",
    "D7": "P5 T1 Q1",
    "D8": "Q6",
    "D9": "D14 Q6",
    "D10": "Q6",
    "D11": "D12 T6 T7 T8 Q1 Q4 Q5",
    "D13": "D3 D11 D14 T2 T7 Q5",
    "D14": "T8 Q1 Q4 Q5",
    "D15": "D11 P2 P7 P11 C9 T6 T8 Q1 Q4 Q5",
    "P1": "P3 P7 P11 C6 C9 T1 T2 T3 T4 T5 T6 T7 Q1 Q4 Q5",
    "P2": "P3 P7 P11 T6 Q1 Q4 Q5",
    "P3": "T6 Q1 Q4 Q5",
    "P4": "P2 P3 C6 T6 T7 T8 Q1",
    "P5": "P2 P3 P11 C9 C10 T3 T6 Q1 Q4 Q5",
    "P6": "P1 P3 P11 C9 C10 T4 T5 T6 Q1 Q5",
    "P7": "P3 P11 C6 T6 Q1 Q4 Q5",
    "P8": "D14 C6 T6 T7 T8 Q1 Q5",
    "P9": "D14 C6 T8 Q1 Q4 Q5",
    "P10": "P1 P3 P7 P11 C6 D11 T1 T4 T6 Q1 Q4 Q5",
    "P11": "T6 Q1 Q5",
    "P12": "P2 P3 P7 P11 C1 C9 T3 T6 Q1 Q5",
    "P13": "P1 P2 P3 P7 P11 T1 T2 T4 T6 T7 Q1 Q4 Q5",
    "C1": "P2 P3 P7 P11 T6 Q1",
    "C2": "P1 P3 P11 T1 T2 T4 T6 T7 Q1",
    "C3": "P2 P3 P7 P11 P12 C1 C9 T3 T6 Q1",
    "C4": "P2 P3 P5 P11 C9 T6 Q1",
    "C5": "P1 P11 C6 T4 T6 T8 Q1",
    "C6": "P3 T6 T7 T8 Q1 Q4 Q5",
    "C7": "D11 D13 D15 P11 C8 T6 T8 Q1",
    "C8": "D14 P9 T7 Q1 Q6",
    "C9": "P2 P3 P11 T6 Q1 Q5",
    "C10": "P1 P2 P3 P11 C9 T1 T2 T3 T4 T5 T6 Q1",
    "C11": "P2 C1 T1 T2 T6 Q1",
    "C12": "P1 P3 P11 T1 T2 T4 T6 T7 Q1",
    "T1": "P3 P11 Q1",
    "T2": "P3 P11 T1 T4 T5 T6 T7 Q1",
    "T3": "P2 P3 P11 C9 T6 Q1 Q5",
    "T4": "P3 P11 C9 T3 T6 Q1 Q5",
    "T5": "P3 P11 C9 T3 T6 Q1 Q5",
    "T6": "Q1 Q4 Q5",
    "T7": "Q1 Q4 Q5",
    "T8": "Q1 Q4 Q5",
    "Q2": "Q6",
}
"""What each brings about: where both are found, the first is the likely cause."""


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in the order in which a person should act on them.

    Errors stand before warnings before notes; but a warning that explains an error
    stands before it, and each cause before what it brings about.

    Args:
        findings: In any order; of several with one code and place the most severe
            stays, of equals the first.
    """
    found = _once(findings)
    causes = _causes(found)

    def order(place: int) -> tuple[int, ...]:
        finding = found[place]
        explains = [other for other, known in enumerate(causes) if place in known]
        severity = _SEVERITY[finding.severity]
        return (
            min([severity, *(_SEVERITY[found[other].severity] for other in explains)]),
            len(causes[place]),
            severity,
            -len(explains),
            _KINDS.find(finding.code[:1]),
            place,
        )

    return tuple(found[place] for place in sorted(range(len(found)), key=order))


def causes_of(finding: Finding, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return which of the findings likely brought one of them about, in their order.

    Args:
        finding: One of them.
        findings: All.
    """
    found = list(findings)
    known = _causes(found)[found.index(finding)]
    return tuple(other for place, other in enumerate(found) if place in known)


def _once(findings: Iterable[Finding]) -> list[Finding]:
    kept: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        key = finding.code, finding.where
        if key in kept and _SEVERITY[kept[key].severity] <= _SEVERITY[finding.severity]:
            continue
        kept[key] = finding
    return list(kept.values())


def _causes(found: Sequence[Finding]) -> list[set[int]]:
    """Return for each finding the places of those that explain it, by way of others.

    Notes explain nothing, and need no explanation.
    """
    direct = [
        {
            place
            for place, cause in enumerate(found)
            if "note" not in (cause.severity, finding.severity)
            and finding.code in BRINGS_ABOUT.get(cause.code, "").split()
        }
        for finding in found
    ]
    whole: list[set[int]] = []
    for known in direct:
        reached, fresh = set(known), set(known)
        while fresh:
            fresh = set[int]().union(*(direct[place] for place in fresh)) - reached
            reached |= fresh
        whole.append(reached)
    return whole
