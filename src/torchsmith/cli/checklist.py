"""How an inspection looks in a terminal, and as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from torchsmith.core.commands import command
from torchsmith.core.vocabulary import NOUNS
from torchsmith.core.wording import amount, share
from torchsmith.inspect.codes import CHECKS
from torchsmith.inspect.inspection import (
    Bin,
    ColumnFacts,
    Finding,
    Inspection,
    SequenceFacts,
    Severity,
    TargetFacts,
)
from torchsmith.inspect.wording import number
from torchsmith.plan.text import as_options

SHOWN_PER_CODE = 5
SHOWN = 40
SHOWN_CLASSES = 12
BAR = 24

_MARKS: dict[Severity, tuple[str, str]] = {
    "error": ("✗", "bold red"),
    "warning": ("!", "bold yellow"),
    "note": ("·", "cyan"),
}
_RANK = ("error", "warning", "note")
_BLOCKS = "▁▂▃▄▅▆▇█"


def inspection_json(inspection: Inspection) -> dict[str, Any]:
    """Return an inspection as `inspect --json` prints it: findings, then the facts."""
    facts = inspection.model_dump(mode="json")
    return {"findings": facts.pop("findings"), **facts}


def print_inspection(inspection: Inspection, console: Console) -> None:
    """Print facts, checklist and findings.

    Args:
        inspection: What was found.
        console: Where to print; made for 80 columns and more.
    """
    console.print(_header(inspection))
    if inspection.target is not None:
        console.print(_target(inspection.target))
    if inspection.columns:
        console.print(_columns(inspection.columns))
    if inspection.sequences is not None and inspection.sequences.low:
        console.print(_channels(inspection.sequences))
    console.print(_checklist(inspection))
    print_findings(inspection.findings, console)


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """Print findings, the most severe first, each with its place and remedy.

    Args:
        findings: What was found, in order; of one code the first five are shown.
        console: Where to print.
    """
    if not findings:
        console.print("No findings.")
        return
    shown: dict[str, int] = {}
    for finding in findings:
        shown[finding.code] = shown.get(finding.code, 0) + 1
        if shown[finding.code] <= SHOWN_PER_CODE:
            console.print(finding_block(finding))
    for code, count in shown.items():
        if count > SHOWN_PER_CODE:
            more = f"  … and {count - SHOWN_PER_CODE:,} more {code}, listed by --json"
            console.print(Text(more, style="dim"))
    counts = [
        amount(sum(f.severity == severity for f in findings), severity)
        for severity in _RANK
    ]
    console.print(Text(", ".join(counts), style="dim"))
    console.print(meaning(findings[0]))


def meaning(finding: Finding) -> Text:
    """Name the command that says what the code of a finding means."""
    typed = command("doctor", "--explain", finding.code)
    return Text(f"What {finding.code} means: {typed}", style="dim")


def _header(inspection: Inspection) -> RenderableType:
    noun = NOUNS[inspection.kind]
    size = amount(inspection.num_examples, noun)
    if inspection.columns:
        size += f", {amount(len(inspection.columns), 'input column')}"
    if inspection.given:
        parts = ", ".join(f"{part} {n:,}" for part, n in inspection.given.items())
        size += f" (given parts: {parts})"
    lines = [Text.assemble((inspection.source, "bold"), f": {size}")]
    facts = (f"{k.replace('_', ' ')} {v}" for k, v in inspection.reading.items())
    if reading := ", ".join(facts):
        lines.append(Text(reading, style="dim"))
    if described := _described(inspection):
        lines.append(Text(described))
    return Group(*lines, Text())


def _described(inspection: Inspection) -> str:
    """Say in a line what the examples are, where they are no rows of a table."""
    if images := inspection.images:
        what = "grey" if images.channels == 1 else "colour"
        sizes = f"{images.median_height} x {images.median_width} pixels"
        if not images.same_size:
            sizes = f"typically {sizes}, of several sizes"
        return (
            f"{what}, {sizes}; brightness {images.mean:.2f} ± "
            f"{images.deviation:.2f} on a scale of 0 to 1"
        )
    if sequences := inspection.sequences:
        unit = "character" if sequences.symbols else "step"
        length = amount(sequences.max_length, unit)
        if sequences.min_length < sequences.max_length:
            length = (
                f"{sequences.min_length:,} to {length}, typically "
                f"{sequences.median_length:,}"
            )
        if sequences.symbols:
            return f"texts of {length}; {sequences.symbols:,} different characters"
        return f"{amount(len(sequences.channels), 'channel')}, {length}"
    if volumes := inspection.volumes:
        channels = "" if volumes.channels == 1 else f"{volumes.channels} channels, "
        size = f"{volumes.depth} x {volumes.height} x {volumes.width} voxels"
        if volumes.binary:
            filled = f"{share(volumes.mean, 1)} of them filled"
            return f"{channels}{size} of 0 or 1, {filled}"
        return (
            f"{channels}{size}; value {_short(volumes.mean)} ± "
            f"{_short(volumes.deviation)}, at most {_short(volumes.voxel_max)}"
        )
    return ""


def _channels(facts: SequenceFacts) -> RenderableType:
    table = Table(box=None, padding=(0, 1), header_style="bold", pad_edge=False)
    names = min(20, max(7, *(cell_len(name) for name in facts.channels)))
    table.add_column("channel", width=names, no_wrap=True, overflow="ellipsis")
    for title in ("lowest", "mean", "deviation", "highest"):
        table.add_column(title, justify="right", no_wrap=True)
    columns = (facts.low, facts.mean, facts.deviation, facts.high)
    for name, *values in list(zip(facts.channels, *columns, strict=True))[:SHOWN]:
        table.add_row(Text(name), *map(_short, values))
    _count_more(table, len(facts.channels), "channel")
    return Padding(table, (0, 0, 1, 0))


def _target(target: TargetFacts) -> RenderableType:
    title = Text.assemble(
        "target ", (target.name, "bold"), f": {target.task}; {target.evidence}"
    )
    facts = target.column
    if not target.classes:
        return Group(title, Padding(_range(facts), (0, 0, 1, 2)))
    grid = Table.grid(padding=(0, 1))
    grid.add_column(max_width=30, no_wrap=True, overflow="ellipsis")
    grid.add_column(justify="right")
    grid.add_column(justify="right")
    grid.add_column(no_wrap=True)
    pairs = list(zip(target.classes, target.counts, strict=True))
    most, total = max(target.counts), sum(target.counts)
    for name, count in pairs[:SHOWN_CLASSES]:
        bar = Text("█" * max(1, round(BAR * count / most)), style="blue")
        grid.add_row(Text(name), f"{count:,}", share(count, total), bar)
    if len(pairs) > SHOWN_CLASSES:
        left = len(pairs) - SHOWN_CLASSES
        grid.add_row(f"… {amount(left, 'more class', 'more classes')}")
    return Group(title, Padding(grid, (0, 0, 1, 2)))


def _columns(columns: Sequence[ColumnFacts]) -> RenderableType:
    table = Table(box=None, padding=(0, 1), header_style="bold", pad_edge=False)
    names = min(20, max(6, *(cell_len(facts.name) for facts in columns)))
    table.add_column("column", width=names, no_wrap=True, overflow="ellipsis")
    table.add_column("role", width=8, no_wrap=True)
    table.add_column("missing", width=7, justify="right", no_wrap=True)
    table.add_column("distinct", width=8, justify="right", no_wrap=True)
    table.add_column("values")
    for facts in columns[:SHOWN]:
        style = "dim" if facts.role == "ignore" else ""
        missing = f"{facts.missing:,}" if facts.missing else "-"
        row = (Text(facts.name), facts.role, missing, f"{facts.distinct:,}")
        values = Text(facts.reason) if facts.role == "ignore" else _range(facts)
        # Only this column gives way on a narrow terminal.
        values.no_wrap, values.overflow = True, "ellipsis"
        table.add_row(*row, values, style=style)
    _count_more(table, len(columns), "column")
    return Padding(table, (0, 0, 1, 0))


def _count_more(table: Table, count: int, noun: str) -> None:
    if count > SHOWN:
        table.caption = f"… {amount(count - SHOWN, f'more {noun}')}"
        table.caption_justify, table.caption_style = "left", "none"


def _range(facts: ColumnFacts) -> Text:
    if facts.kind == "text":
        return Text(", ".join(b.label for b in facts.bins))
    line = Text(_spark(facts.bins).ljust(12) + "  ")
    if facts.kind == "date" and facts.first_date:
        return line.append(f"{facts.first_date} … {facts.last_date}")
    if facts.low is None or facts.high is None or facts.median is None:
        return line
    if facts.kind == "boolean":
        return line.append(" / ".join(b.label for b in facts.bins))
    low, high = _short(facts.low), _short(facts.high)
    return line.append(f"{low} … {high}, median {_short(facts.median)}")


def _short(value: float) -> str:
    """Write a number for a narrow column, with four digits."""
    if float(value).is_integer() and abs(value) < 1e9:
        # A year has no separator.
        return f"{value:.0f}" if abs(value) < 10_000 else number(value)
    return number(float(f"{value:.4g}"))


def _spark(bins: Sequence[Bin]) -> str:
    most = max((b.count for b in bins), default=0)
    return "".join(
        _BLOCKS[min(7, 8 * b.count // most)] if b.count else " " for b in bins if most
    )


def _checklist(inspection: Inspection) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column()
    grid.add_column(no_wrap=True)
    for title, findings in _checked(inspection):
        if not findings:
            grid.add_row(Text("✓", style="green"), title, "")
            continue
        worst = min((f.severity for f in findings), key=_RANK.index)
        mark, style = _MARKS[worst]
        codes = sorted({f.code for f in findings}, key=lambda code: int(code[1:]))
        grid.add_row(Text(mark, style=style), title, Text(" ".join(codes), style=style))
    legend = "checked (✓ passed, · note, ! warning, ✗ error)"
    return Group(Text(legend, style="bold"), Padding(grid, (0, 0, 1, 2)))


def _checked(inspection: Inspection) -> Iterator[tuple[str, list[Finding]]]:
    target = inspection.target
    classes = None if target is None else target.task != "regression"
    kinds = {None, inspection.kind}
    if any(column.role == "picture" for column in inspection.columns):
        kinds.add("images")
    for check in CHECKS:
        if check.kind not in kinds:
            continue
        if check.needs_target and target is None:
            continue
        if check.needs_parts and not inspection.given:
            continue
        if check.needs_classes not in (None, classes):
            continue
        yield check.title, [f for f in inspection.findings if f.code in check.codes]


def finding_block(finding: Finding) -> RenderableType:
    """Draw a finding: what, where, why, and what to do.

    Args:
        finding: Of the data, or of the doctor.
    """
    mark, style = _MARKS[finding.severity]
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column(width=3)
    grid.add_column(ratio=1, overflow="fold")
    detail = [Text(finding.message)]
    place = f"at {finding.where}" * bool(finding.where)
    evidence = f"({finding.evidence})" * bool(finding.evidence)
    if place or evidence:
        detail.append(Text(f"{place} {evidence}".strip(), style="dim"))
    if finding.remedy:
        detail.append(Text(f"→ {finding.remedy}"))
    if finding.changes:
        text = " ".join(as_options(finding.changes))
        detail.append(Text(f"  {text}", style="cyan"))
    grid.add_row(
        Text(mark, style=style), Text(finding.code, style=style), Group(*detail)
    )
    return Padding(grid, (0, 0, 1, 0))
