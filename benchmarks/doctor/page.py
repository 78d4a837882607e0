"""The page of results, from the rows."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks.doctor.faults import FAULTS
from benchmarks.doctor.figures import Figures, Share, alarms_of, figures
from benchmarks.doctor.rival_page import rival_lines
from benchmarks.doctor.rows import HERE, Row
from benchmarks.doctor.tasks import TASKS
from benchmarks.doctor.truth import Variant

PAGE: Path = HERE / "RESULTS.md"

TUNING = tuple(name for name, task in TASKS.items() if task.tuning)
FROZEN = tuple(name for name, task in TASKS.items() if not task.tuning)

SEEN = (0,)
"""Seeds of faults whose misses were in view as rules were written."""

INTRODUCTION = f"""\
# The doctor, measured

Made by `make doctor-bench` from the rows in `results.jsonl`; nothing is written by
hand. {len(FAULTS)} kinds of fault in three severities are put into {len(TASKS)} real
tasks, of data, plan, training and quality. A fault counts when it **hurts**: runs with
it are worth less than runs of the task's own plan on examples that no run was given
(Welch's t, p < 0.05, effect size at least 0.5, at least 1 point of accuracy or 3 % of
the error), or report a score that those examples do not confirm. Of fewer than three
runs of a variant, the loss must be three deviations of the healthy runs instead of the
test: where most variants have one run, all figures are rough. What does not hurt is
counted apart: where the mean loss is less than counts at all, an error is false; where
it is more, three runs were too few to tell it from chance. Healthy runs are the tasks'
own plans and other configurations that do as well. Thresholds were chosen on the first
three tasks only; what seed 0 of all eight had shown before told which comparisons a
rule lacked, so that only the other seeds, of which nothing was seen, are a test of it;
their tasks are the same. `--fix` was run on seed 0 alone, of a part of the variants
drawn at random. Intervals are Wilson's, 95 %.
"""


def page(rows: Mapping[str, Row]) -> str:
    """Return the page as Markdown."""
    parts = {
        "all tasks": figures(rows),
        "tasks for tuning": figures(rows, TUNING),
        "tasks not tuned on": figures(rows, FROZEN),
        "all tasks, seeds not seen": figures(
            {
                key: row
                for key, row in rows.items()
                if row.case.what not in ("fault", "mended")
                or (row.case.what == "fault" and row.case.seed not in SEEN)
            }
        ),
    }
    every = parts["all tasks"]
    lines = [
        INTRODUCTION,
        "## Goals",
        "",
        *_goals(parts),
        "",
        *_table("By family", every.by(lambda v: FAULTS[v.fault].family)),
        *_table("By severity", every.by(lambda v: f"severity {v.level}")),
        *_table("By task", every.by(lambda v: v.task)),
        *_table("By fault", every.by(_title)),
        *_healthy(every),
        *rival_lines(every),
        *_known(),
        *_alive(every),
    ]
    return "\n".join(lines) + "\n"


def _title(variant: Variant) -> str:
    fault = FAULTS[variant.fault]
    return f"{fault.title} (`{fault.name}`, {'/'.join(fault.codes)})"


GOALS: tuple[tuple[str, str, Callable[[Figures], object]], ...] = (
    ("kinds of fault that hurt somewhere", ">= 40", lambda f: f.kinds),
    ("recall on faults that hurt", ">= 0.97", lambda f: f.recall),
    ("the same, worst severity", ">= 0.99", lambda f: f.recall_severe),
    ("healthy runs with an error", "<= 0.01", lambda f: f.false_errors),
    ("healthy runs with any alarm", "<= 0.05", lambda f: f.false_alarms),
    ("right cause first", ">= 0.88", lambda f: f.first),
    ("right code first", "", lambda f: f.strictly_first),
    ("right cause in the first three", ">= 0.96", lambda f: f.first_three),
    ("--fix wins back 90 %", ">= 0.92", lambda f: f.cured),
    ("found before training", ">= 0.60", lambda f: f.before),
    ("the same verdict over seeds", ">= 0.95", lambda f: f.stable),
    ("two faults at once: found", "", lambda f: f.doubles_found),
    ("two faults at once: one of them first", "", lambda f: f.doubles_first),
    ("two faults at once: both in the first three", "", lambda f: f.doubles_both),
    ("ended early", "", lambda f: f.stopped),
    ("an error though chance could give the loss", "", lambda f: f.errors_on_alive),
    ("an error though nothing is lost", "", lambda f: f.errors_on_harmless),
    ("seconds before training, median and most", "<= 10", lambda f: _two(f, "before")),
)


def _two(found: Figures, moment: str) -> str:
    median, most = found.seconds(moment)
    return f"{median:.2f}, {most:.2f}"


def _goals(parts: Mapping[str, Figures]) -> Iterator[str]:
    yield f"| figure | to reach | {' | '.join(parts)} |"
    yield "|---|---|" + "---|" * len(parts)
    for title, goal, of in GOALS:
        cells = " | ".join(str(of(found)) for found in parts.values())
        yield f"| {title} | {goal} | {cells} |"
    yield ""
    yield (
        "A cause is right where the code is one that names it, or where its own remedy "
        "is what `torchsmith doctor --fix` found and wins back 90 % of what was lost; "
        "or where the run was refused with a message that names the place."
    )


def _table(title: str, groups: Mapping[str, Figures]) -> Iterator[str]:
    yield from (f"## {title}", "")
    yield "| | variants | found | code first | in three | mended | before training |"
    yield "|---|---|---|---|---|---|---|"
    for name, found in groups.items():
        cells = (
            found.recall,
            found.strictly_first,
            found.first_three,
            found.cured,
            found.before,
        )
        values = " | ".join(map(_short, cells))
        yield f"| {name} | {len(found.killed)} | {values} |"
    yield ""


def _short(share: Share) -> str:
    return f"{share.value:.2f}" if share.of else "-"


def _healthy(found: Figures) -> Iterator[str]:
    yield from ("## False alarms", "")
    counts: Counter[tuple[str, str]] = Counter()
    for row in found.healthy:
        counts.update({(told.code, row.case.task) for told in alarms_of(row)})
    yield "| code | task | healthy runs |"
    yield "|---|---|---|"
    for (code, task), count in counts.most_common():
        yield f"| {code} | {task} | {count} |"
    yield ""


def _known() -> Iterator[str]:
    yield from ("## True of the data as it is published, and not counted", "")
    for task in TASKS.values():
        for code, why in task.known.items():
            yield f"- {task.title}: {code}, {why}"
    yield ""


def _alive(found: Figures) -> Iterator[str]:
    yield from ("## Variants that do not hurt", "")
    counts: Counter[str] = Counter(variant.fault for variant in found.alive)
    yield ", ".join(f"{name} {count}" for name, count in counts.most_common()) + "."
