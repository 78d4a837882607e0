"""Makes findings that name a line of a script."""

from torchsmith.doctor.script.facts import Facts
from torchsmith.doctor.script.places import Place
from torchsmith.inspect.inspection import Finding, Moment, Severity


def found(
    facts: Facts,
    code: str,
    severity: Severity,
    place: Place | None,
    told: tuple[str, str, str],
    moment: Moment = "during",
) -> Finding:
    """Return a finding.

    Args:
        facts: Know the script.
        code: Of the catalogue.
        severity: How bad it is.
        place: The line to change.
        told: Message, evidence and remedy.
        moment: When it shows.
    """
    message, evidence, remedy = told
    return Finding(
        code=code,
        severity=severity,
        message=message,
        where=facts.places.told(place),
        evidence=evidence,
        remedy=remedy,
        moment=moment,
    )
