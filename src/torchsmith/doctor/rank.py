"""Which finding is the cause, and which only follows from it."""

from collections.abc import Iterable, Mapping, Sequence

from torchsmith.inspect.inspection import Finding

_SEVERITY = {"error": 0, "warning": 1, "note": 2}

_MOMENTS = ("before", "during", "after")

_KINDS = "CPTDQ"
"""Of two that nothing else tells apart. Data is late: its warnings stand beside healthy
runs too, such as that there are few rows."""

BRINGS_ABOUT: Mapping[str, str] = {
    "D1": "T1 T2",
    "D3": "P1 P2 P3 P11 C6.during C6.after C9 C10 T1 T2 T3 T4 T5 T6 T7 Q1 Q5",
    "D4": "P1 P2 P3 P5 P11 C10 T1 T2 T4 T6 Q1",
    "D5": "D15.during D24 D25 T6 Q1 Q5",
    "D6": "D11 D15 Q1 Q4 Q5",
    "D7": "P5 T1 Q1",
    "D8": "P3.after T6 Q1 Q6",
    "D9": "D14 Q1 Q4 Q5 Q6",
    "D10": "Q6",
    "D11": "D12 P3.warning T6.warning T7.warning T8.warning Q1 Q4 Q5",
    "D13": "D3 D11 D12 D14 D15 D27 P1 P3 T2 T4 T6 T7 Q1 Q5",
    "D14": "T8 Q1 Q4 Q5",
    "D15": "D11 P2 P3 P7 P11 C9 T6 T8 Q1 Q4 Q5",
    "D25": "D24 P2 P4 T8 Q1 Q3 Q4",
    "P1": "P3 P7.warning C6.during C6.after C9 T1 T2 T3 T4 T5 T6 T7 Q1 Q4 Q5",
    "P2": "P3 P7.warning T6 Q1 Q4 Q5",
    "P3": "T6.warning Q1 Q4 Q5",
    "P3.error": "T6",
    "P4": "P2 P3 C6 T6 T7 T8 Q1 Q4 Q5",
    "P5": "P2 P3 C9 C10 T3 T6 Q1 Q4 Q5",
    "P6": "P1 P3 C9 C10 T4 T5 T6 Q1 Q5",
    "P7": "P3 C6.during C6.after T6 Q1 Q4 Q5",
    "P7.error": "P1",
    "P8": "D14 C6.during C6.after T6 T7 T8 Q1 Q5",
    "P9": "D14 C6.during C6.after T8 Q1 Q4 Q5",
    "P10": "P1 P3 P7 P11 C6.during C6.after D11 T1 T4 T6 Q1 Q4 Q5",
    "P11": "P3 T6 Q1 Q4 Q5",
    "P11.network": "P1 P2 P12 C9 C10 T3 T4",
    "P12": "P2 P3 P7.warning C1 C9 T3 T6 Q1 Q5",
    "P13": "P1 P2 P3 P7 T1 T2 T4 T6 T7 Q1 Q4 Q5",
    "C1": "P2 P3 P7.warning T6 Q1",
    "C2": "P1 P3 T1 T2 T4 T6 T7 Q1",
    "C3": "P2 P3 P7 P12 C1 C9 T3 T6 Q1",
    "C4": "P2 P3 P5 C9 T6 Q1",
    "C5": "P1 P11 C6 T4 T6 T8 Q1",
    "C6": "P3 T6 T7 T8 Q1 Q4 Q5",
    "C7": "D11 D13 D15 P11 C8 T6 T8 Q1",
    "C8": "D14 P9 T7 Q1 Q6",
    "C9": "P2 P3 T6 Q1 Q5",
    "C10": "P1 P2 P3 C3 C9 T1 T2 T3 T4 T5 T6 Q1 Q4 Q5",
    "C11": "P2 C1 T1 T2 T6 Q1",
    "C12": "P1 P3 T1 T2 T4 T6 T7 Q1",
    "T1": "P3 Q1",
    "T2": "P3 T1 T4 T5 T6 T7 Q1",
    "T3": "P2 P3 C9 T6 Q1 Q5",
    "T4": "P3 P12 C9 T3 T6 Q1 Q5",
    "T5": "P3 C9 T3 T6 Q1 Q5",
    "T6": "Q1 Q4 Q5",
    "T7": "Q1 Q4 Q5",
    "T8": "Q1 Q4 Q5",
    "Q2": "Q6",
    "Q3": "Q1.warning",
}
"""What each brings about: where both are found, the first is the likely cause.

After a point stands a mark that the finding must have: its severity, its moment, or
`network` where it names a setting of the plan's network. So C6 of samples follows from
a learning rate, and C6 of a momentum that the plan sets from nothing.
"""


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in the order in which a person should act on them.

    Errors stand before warnings before notes; but a warning that explains an error
    stands before it, and each cause before what it brings about.

    Args:
        findings: In any order; of several with one code and place the most severe
            stays, of equals the first, with the moment at which any was found first.
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
        known = kept.get(key, finding)
        first = min(known.moment, finding.moment, key=_MOMENTS.index)
        graver = _SEVERITY[finding.severity] < _SEVERITY[known.severity]
        chosen = finding if graver else known
        kept[key] = chosen.model_copy(update={"moment": first})
    return list(kept.values())


def _causes(found: Sequence[Finding]) -> list[set[int]]:
    """Return for each finding the places of those that explain it, by way of others.

    Notes explain nothing, and need no explanation.
    """
    direct = [
        {place for place, cause in enumerate(found) if _explains(cause, finding)}
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


def _explains(cause: Finding, effect: Finding) -> bool:
    if "note" in (cause.severity, effect.severity):
        return False
    if effect.code == "D11" and effect.moment == "after" and _is_untrained(cause):
        return True
    known = " ".join(BRINGS_ABOUT.get(name, "") for name in _names(cause))
    return not _names(effect).isdisjoint(known.split())


def _is_untrained(cause: Finding) -> bool:
    """Whether a finding says why a network has not learned what a simple rival has.

    Its answers then differ from right labels, too, and say nothing of wrong ones: what
    a rival has learned of the same labels says that these are right.
    """
    return cause.severity == "error" and cause.code[:1] in "PCT"


def _names(finding: Finding) -> set[str]:
    """Return how the table can name a finding."""
    marks: set[str] = {finding.severity, finding.moment}
    if finding.where.startswith("network."):
        marks.add("network")
    return {finding.code} | {f"{finding.code}.{mark}" for mark in marks}
