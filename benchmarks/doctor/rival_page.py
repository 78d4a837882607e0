"""What the published tools' rules said of the same runs, for the page."""

from collections import Counter
from collections.abc import Iterator

from benchmarks.doctor.faults import FAULTS
from benchmarks.doctor.figures import Figures, share
from benchmarks.doctor.rivals import RIVALS
from benchmarks.doctor.rows import Row


def rival_lines(found: Figures) -> Iterator[str]:
    """Yield the lines of the section.

    Args:
        found: Of all rows; those without what the rivals said are left out.
    """
    runs = [(v, row) for v, row in found.runs if row.rivals]
    healthy = [row for row in found.healthy if row.rivals]
    yield from ("## The published tools' rules, on the same runs", "")
    yield (
        f"{len(runs)} runs with a fault that hurts, {len(healthy)} healthy ones. The "
        "rules stand in `rivals.py`, with where they are taken at the nearest. Of the "
        "doctor, errors and warnings on the same runs are counted."
    )
    yield ""
    yield "| tool | faulty: alarm | healthy: alarm | right code first | at all |"
    yield "|---|---|---|---|---|"
    for tool in ("the doctor", *RIVALS):
        right = [_right(row) for _, row in runs]
        codes = [_codes(row, tool) for _, row in runs]
        pairs = list(zip(codes, right, strict=True))
        cells = (
            share(codes),
            share(_codes(row, tool) for row in healthy),
            share(bool(said) and said[0] in known for said, known in pairs),
            share(bool(known & set(said)) for said, known in pairs),
        )
        yield f"| {tool} | {' | '.join(map(str, cells))} |"
    yield from ("", "Rules that fire on healthy runs, and on how many of them:", "")
    counts = Counter(
        f"{tool}: {rule}"
        for row in healthy
        for tool, alarms in row.rivals.items()
        for rule, _ in alarms
    )
    for rule, count in counts.most_common():
        yield f"- {rule}: {share([True] * count + [False] * (len(healthy) - count))}"
    yield ""


def _right(row: Row) -> set[str]:
    return {code for name in row.case.fault.split("+") for code in FAULTS[name].codes}


def _codes(row: Row, tool: str) -> list[str]:
    if tool in RIVALS:
        return [code for _, code in row.rivals.get(tool, ())]
    return [told.code for told in row.findings if told.severity != "note"]
