"""The page of the code faults, written from the rows."""

from collections.abc import Mapping
from statistics import fmean, stdev

from benchmarks.doctor.code_faults.faults import CodeFault, faults, programs
from benchmarks.doctor.code_faults.running import Worth, case_of
from benchmarks.doctor.rows import Row
from scipy.stats import ttest_ind

POINT = 0.01
"""Of the score, at least: a hundredth of all answers, or of R²."""

EFFECT, CHANCE = 0.5, 0.05
"""Of a fault that counts: at least this effect size, at most this p."""

HEAD = """# Faults of code

Written by `python -m benchmarks.doctor.code_faults`; all rows are in `results.jsonl`,
what each fault does in `effects.json`, the faults in `faults.diff`.

A fault counts where it hurts, over five seeds against its healthy twin (Welch's test,
effect size and a point at least): the **score** on unseen examples falls, the
**report** of the program is not what unseen examples give, or the answer to an example
depends on the **others** in its batch. It is found where an error or a warning has one
of its codes, or where training is refused before the first step in words that say it;
named first where that stands first. *Line*: a finding with such a code names a line
that the fault changed, or one beside it.
"""

REFUSED = "refused"
"""In place of a code."""


def hurts(faulty: list[Worth], healthy: list[Worth]) -> str:
    """Say how a fault hurts; empty where it demonstrably does not."""
    lost = _differ([w.score for w in healthy], [w.score for w in faulty])
    gaps = [[abs(w.reported - w.score) for w in each] for each in (faulty, healthy)]
    ways = {
        "score": lost,
        "report": _differ(*gaps),
        "others": fmean(w.same_alone for w in faulty) < 1 - POINT,
    }
    return ", ".join(name for name, does in ways.items() if does)


def _differ(more: list[float], less: list[float]) -> bool:
    lost = fmean(more) - fmean(less)
    scatter = ((stdev(more) ** 2 + stdev(less) ** 2) / 2) ** 0.5
    if lost < POINT or lost < EFFECT * scatter:
        return False
    return scatter == 0 or bool(ttest_ind(more, less, equal_var=False).pvalue < CHANCE)


def page(rows: Mapping[str, Row], effects: Mapping[str, list[Worth]]) -> str:
    """Return the page.

    Args:
        rows: By the key of their case.
        effects: What each program and each fault was worth.
    """
    parts = [HEAD]
    for way, title in (("fit", "Through `ts.fit`"), ("script", "As a script")):
        lines = [_line(fault, way, rows, effects) for fault in faults().values()]
        parts.append(f"## {title}\n\n{_summary(way, rows, effects)}\n")
        head = "| fault | program | hurts | codes | found | first |"
        head += " line |" if way == "script" else ""
        parts.append(head + "\n" + "|---" * (head.count("|") - 1) + "|")
        parts[-1] += "\n" + "\n".join(line for line in lines if line) + "\n"
    return "\n".join(parts)


def _summary(way, rows, effects) -> str:
    counted = found = first = at_line = 0
    for fault in faults().values():
        row = rows.get(case_of(fault.program, fault.name, way, 0).key)
        if row is None or fault.name not in effects:
            continue
        if hurts(effects[fault.name], effects[fault.program]):
            counted += 1
            found += is_found(fault, row)
            first += is_first(fault, row)
            at_line += is_at_line(fault, row)
    healthy = [rows.get(case_of(name, "", way, 0).key) for name in programs()]
    alarms = [row for row in healthy if row is not None and row.findings]
    text = (
        f"Of {counted} faults that hurt, {found} are found and {first} named first; of "
        f"{len([row for row in healthy if row])} healthy programs, {len(alarms)} raise "
        "an alarm"
    )
    return text + (f"; at the right line are {at_line}." if way == "script" else ".")


def is_found(fault: CodeFault, row: Row) -> bool:
    """Whether any alarm has one of the fault's codes."""
    return any(told.code in (*fault.codes, REFUSED) for told in row.findings)


def is_first(fault: CodeFault, row: Row) -> bool:
    """Whether the first alarm has."""
    return bool(row.findings) and row.findings[0].code in (*fault.codes, REFUSED)


def is_at_line(fault: CodeFault, row: Row) -> bool:
    """Whether an alarm with one of its codes names a line of the fault."""
    return any(
        told.code in fault.codes and near(told.where, fault.lines)
        for told in row.findings
    )


def near(where: str, lines: frozenset[int]) -> bool:
    """Whether `file.py:12` names one of the lines, or one beside them."""
    number = where.rpartition(":")[2].split(" ")[0]
    return number.isdigit() and any(abs(int(number) - line) <= 1 for line in lines)


def _line(fault, way, rows, effects) -> str:
    row = rows.get(case_of(fault.program, fault.name, way, 0).key)
    if row is None:
        return ""
    harm = "?"
    if fault.name in effects:
        harm = hurts(effects[fault.name], effects[fault.program]) or "no"
    codes = " ".join(dict.fromkeys(told.code for told in row.findings)) or "–"
    yes = [is_found(fault, row), is_first(fault, row)]
    if way == "script":
        yes.append(is_at_line(fault, row))
    cells = [fault.name, fault.program, harm, codes, *("✓" if y else "✗" for y in yes)]
    return f"| {' | '.join(cells)} |"
