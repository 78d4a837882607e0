"""What the doctor missed, and where it cried wolf, with the evidence."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from benchmarks.doctor.faults import FAULTS
from benchmarks.doctor.figures import (
    Figures,
    alarms_of,
    figures,
    first_codes,
    names_cause,
)
from benchmarks.doctor.rows import Row
from benchmarks.doctor.truth import Variant


def misses(rows: Mapping[str, Row], tasks: Iterable[str]) -> str:
    """Return all of it as Markdown."""
    found = figures(rows, tasks)
    return "\n".join(
        [
            *_summary(found),
            "",
            "## Healthy runs with an alarm",
            *_false_alarms(found),
            "",
            "## Faults that hurt and were not noticed",
            *_unnoticed(found),
            "",
            "## Wrong cause first",
            *_wrong_cause(found),
            "",
            "## Remedies that do not mend",
            *_not_mended(found),
            "",
            "## Errors although it does not hurt",
            *_harmless(found),
            "",
        ]
    )


def _summary(found: Figures) -> Iterator[str]:
    yield (
        f"{len(found.killed)} variants of {found.kinds} kinds hurt, {len(found.alive)} "
        f"do not; {len(found.healthy)} healthy runs"
    )
    for name in (
        "recall",
        "recall_severe",
        "false_errors",
        "false_alarms",
        "first",
        "strictly_first",
        "first_three",
        "cured",
        "before",
        "errors_on_alive",
        "stable",
    ):
        yield f"- {name}: {getattr(found, name)}"


def _false_alarms(found: Figures) -> Iterator[str]:
    counts: Counter[str] = Counter()
    for row in found.healthy:
        for told in alarms_of(row):
            counts[told.code] += 1
            yield (
                f"- {row.case.key} score {row.score:.3f}: **{told.code} "
                f"{told.severity}** {told.moment} {told.message} [{told.where}] "
                f"{told.evidence}"
            )
    yield f"\nby code: {dict(counts.most_common())}"


def _unnoticed(found: Figures) -> Iterator[str]:
    for variant in _sorted(found.killed):
        silent = [row for row in variant.rows if not alarms_of(row)]
        if silent:
            scores = ", ".join(f"{row.score:.3f}" for row in silent)
            yield (
                f"- {_name(variant)} expects {'/'.join(FAULTS[variant.fault].codes)}: "
                f"{len(silent)} of {len(variant.rows)} silent; lost {variant.lost:.3f};"
                f" scores {scores}"
            )


def _wrong_cause(found: Figures) -> Iterator[str]:
    for variant in _sorted(found.killed):
        said = [
            " ".join(first_codes(row, 4))
            for row in variant.rows
            if alarms_of(row) and not names_cause(row, 1)
        ]
        if said:
            yield (
                f"- {_name(variant)} expects {'/'.join(FAULTS[variant.fault].codes)}: "
                f"said {'; '.join(said)}"
            )


def _not_mended(found: Figures) -> Iterator[str]:
    for variant in _sorted(found.killed):
        mended = variant.mended
        if not FAULTS[variant.fault].mendable or mended is None or variant.cured:
            continue
        tried = mended.ended or str(mended.remedy)
        yield (
            f"- {_name(variant)}: {variant.rows[0].score:.3f} -> {mended.score:.3f}, "
            f"won back {variant.won_back or 0:.2f}; {tried}"
        )


def _harmless(found: Figures) -> Iterator[str]:
    for variant in _sorted(found.alive):
        wrong = [
            told.code
            for row in variant.rows
            for told in alarms_of(row)
            if told.severity == "error"
        ]
        if wrong:
            yield f"- {_name(variant)} lost {variant.lost:.3f}: {' '.join(wrong)}"


def _sorted(every: Iterable[Variant]) -> list[Variant]:
    return sorted(every, key=lambda v: (v.fault, v.task, v.level))


def _name(variant: Variant) -> str:
    return f"{variant.fault} {variant.level} on {variant.task}"
