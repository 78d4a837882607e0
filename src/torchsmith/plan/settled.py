"""What inspection found and the plan takes care of."""

from collections.abc import Iterable

from torchsmith.data.split import Split
from torchsmith.inspect.inspection import Finding


def settled(findings: Iterable[Finding], split: Split) -> tuple[Finding, ...]:
    """Return findings of an inspection, as notes where the split settles them.

    Inspection knows the data only: what it warns of, the plan may have mended.

    Args:
        findings: Of data.
        split: How it is divided.

    >>> found = Finding(code="D27", severity="warning", message="2 rows are copies.")
    >>> settled([found], Split(keep_together=True))[0].message
    '2 rows are copies; split.keep_together keeps those of one case in one part.'
    """
    done = {}
    if split.drop_shared:
        done["D8"] = "split.drop_shared leaves them out of it"
        done["D27"] = "split.drop_shared leaves out those that a later part holds too"
    if split.keep_together:
        done["D27"] = "split.keep_together keeps those of one case in one part"
    return tuple(
        _noted(finding, done[finding.code])
        if finding.severity == "warning" and finding.code in done
        else finding
        for finding in findings
    )


def _noted(finding: Finding, done: str) -> Finding:
    message = f"{finding.message.removesuffix('.')}; {done}."
    return finding.model_copy(
        update={"severity": "note", "message": message, "remedy": ""}
    )
