"""How a diagnosis looks in a terminal, and as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from torchsmith.cli.checklist import SHOWN_PER_CODE, finding_block, meaning
from torchsmith.core.commands import command
from torchsmith.core.wording import amount, duration
from torchsmith.doctor.diagnosis import Diagnosis
from torchsmith.inspect.inspection import Finding


def diagnosis_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return a diagnosis as `doctor --json` prints it: findings first."""
    facts = diagnosis.model_dump(mode="json")
    return {"findings": facts.pop("findings"), **facts}


def print_diagnosis(
    diagnosis: Diagnosis, console: Console, run: Path | None = None
) -> None:
    """Print errors and warnings in full, notes in a line each, and what was left out.

    Args:
        diagnosis: With its findings in the order in which to act on them.
        console: Where to print; made for 80 columns and more.
        run: The run folder, where it is of a run.
    """
    found = diagnosis.findings
    serious = [finding for finding in found if finding.severity != "note"]
    notes = [finding for finding in found if finding.severity == "note"]
    for finding, more in _first_of_each(serious):
        console.print(finding_block(finding))
        if more:
            console.print(Text(f"  … and {more:,} more {finding.code}\n", "dim"))
    if notes:
        console.print(Text("Good to know", "bold"))
        grid = Table.grid(padding=(0, 1))
        for finding, more in _first_of_each(notes):
            text = Text(finding.message)
            text.append(f" ({finding.where})" if finding.where else "", "dim")
            text.append(f" … and {more:,} more" if more else "", "dim")
            grid.add_row("·", Text(finding.code, "cyan"), text)
        console.print(grid)
        console.print()
    for line in diagnosis.left_out:
        console.print(Text(f"Not looked at: {line}", "dim"))
    console.print(Text(summary(diagnosis), "bold" if serious else "bold green"))
    if serious:
        console.print(meaning(serious[0]))
    if run is not None and any(finding.can_be_tried for finding in serious):
        remedies = f"Try the remedies: {command('doctor', run, '--fix')}"
        console.print(Text(remedies, "dim"), soft_wrap=True)


def summary(diagnosis: Diagnosis) -> str:
    """Say in a line how much was found, how long it took, and what was ignored.

    >>> summary(Diagnosis(seconds={"before": 2.0}))
    'Nothing is wrong as far as the doctor sees (looked for 2.0 s).'
    """
    found = diagnosis.findings
    counts = [
        amount(number, severity)
        for severity in ("error", "warning", "note")
        if (number := sum(one.severity == severity for one in found))
    ]
    text = ", ".join(counts)
    if not any(one.severity != "note" for one in found):
        text = "Nothing is wrong as far as the doctor sees" + f"; {text}" * bool(text)
    took = sum(diagnosis.seconds.values())
    remarks = [f"looked for {duration(took)}"] if took else []
    if diagnosis.ignored:
        remarks.append(f"ignored as the plan says: {', '.join(diagnosis.ignored)}")
    return f"{text} ({'; '.join(remarks)})." if remarks else f"{text}."


def print_after_training(
    diagnosis: Diagnosis, known: Sequence[Finding], folder: Path, console: Console
) -> None:
    """Print the likely cause, and how to hear of the others; nothing of notes.

    Args:
        diagnosis: Of the run.
        known: What inspection found, which the plan has taken care of.
        folder: The run folder.
        console: Where to print.
    """
    found = (f for f in diagnosis.findings if f.severity != "note")
    serious = [f for f in found if f not in known]
    if not serious:
        return
    console.print()
    console.print(Text("What the doctor says", "bold"))
    console.print(finding_block(serious[0]))
    others = amount(len(serious) - 1, "more finding") if serious[1:] else "All of it"
    told = f"{others}: {command('doctor', folder)}"
    console.print(Text(told, "dim"), soft_wrap=True)


def _first_of_each(findings: Sequence[Finding]) -> list[tuple[Finding, int]]:
    """Return of each code the first few findings; the last of these with the rest."""
    kept: dict[str, list[Finding]] = {}
    for finding in findings:
        kept.setdefault(finding.code, []).append(finding)
    shown = []
    for finding in findings:
        same = kept[finding.code]
        place = same.index(finding)
        if place < SHOWN_PER_CODE:
            last = place == SHOWN_PER_CODE - 1
            shown.append((finding, len(same) - SHOWN_PER_CODE if last else 0))
    return shown
