"""What the doctor says, written as `diagnosis.json`."""

from collections.abc import Iterable
from typing import Literal

from torchsmith.core.record import Record
from torchsmith.inspect.inspection import Finding


class Reference(Record):
    """What simple rivals reach on the same training examples, measured before training.

    Losses are the run's own loss, in its units; scores are shares of right classes, or
    R² for numbers, on examples that the rival was not fitted on.

    Attributes:
        chance_loss: Of the best constant answer.
        chance_score: The share of the largest class; 0 for numbers.
        probe_loss: Of the better of a linear model and nearest neighbours; None where
            there was no time, or the inputs are not tensors.
        probe_score: Of the same.
        probe_error: The sampling error of that score.
        initial_loss: Of the untrained network.
    """

    chance_loss: float | None = None
    chance_score: float | None = None
    probe_loss: float | None = None
    probe_score: float | None = None
    probe_error: float | None = None
    initial_loss: float | None = None


UNKNOWN = Reference()
"""Where nothing was measured."""


class Diagnosis(Record):
    """Findings, the likely cause first.

    Attributes:
        findings: Ranked: errors before warnings before notes, causes before what they
            bring about.
        reference: With what findings compare.
        left_out: What was not looked at, and why, such as for want of time.
        ignored: Codes that were found and that the plan ignores.
        seconds: That the examination took before training, during and after it.
    """

    version: Literal[1] = 1
    findings: tuple[Finding, ...] = ()
    reference: Reference = UNKNOWN
    left_out: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    seconds: dict[Literal["before", "during", "after"], float] = {}

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that make the result worthless or a lie."""
        return tuple(f for f in self.findings if f.severity == "error")

    def __str__(self) -> str:
        """Return a line for each finding, and what to do about it."""
        lines = []
        for finding in self.findings:
            where = f" ({finding.where})" if finding.where else ""
            lines.append(f"{finding.code} {finding.severity}: {finding.message}{where}")
            lines += [f"    {t}" for t in (finding.evidence, finding.remedy) if t]
        return "\n".join(lines) or "Nothing found."


def without(
    findings: Iterable[Finding], ignore: Iterable[str]
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Return the findings that are not ignored, and the codes of those that are.

    Args:
        findings: In any order.
        ignore: Codes, such as `T4`.
    """
    codes, every = frozenset(ignore), tuple(findings)
    left = tuple(finding for finding in every if finding.code not in codes)
    return left, tuple(sorted({f.code for f in every if f.code in codes}))
