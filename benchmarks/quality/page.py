"""`benchmarks/QUALITY.md`: what was measured, beside what was to be reached."""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.quality.cases import CASES, Case
from benchmarks.quality.goals import GOALS, shown, shown_interval
from benchmarks.quality.results import OURS, Results
from benchmarks.quality.rivals import RIVALS
from benchmarks.quality.scores import interval

PAGE = Path(__file__).parents[1] / "QUALITY.md"
PACKAGES = ("torch", "scikit-learn", "catboost", "lightgbm", "pytabkit")
MARKS = {True: "reached", False: "**not reached**", None: "not all measured"}
NOT_YET = "not measured yet"
MISSED = Path(__file__).with_name("missed.md")
"""What was tried, written by hand."""


def machine() -> dict[str, Any]:
    """Return on what it is measured."""
    processor = platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                processor = line.split(":", maxsplit=1)[1].strip()
                break
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": processor,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def page(results: Results) -> str:
    """Return the page."""
    return "\n".join([*_lines(results)]) + "\n"


def _lines(results: Results) -> Iterator[str]:
    yield "# How good the default plan is"
    yield ""
    yield from _introduction(results)
    yield from ("", "## What was to be reached", "")
    yield "| set | to reach | measured | |"
    yield "|---|---|---|---|"
    for goal in GOALS:
        verdict = goal.judge(results)
        measured = verdict.measured or NOT_YET
        yield f"| {goal.title} | {goal.bar} | {measured} | {MARKS[verdict.reached]} |"
    yield from ("", *MISSED.read_text().splitlines())
    yield from _calibration(results)
    for name, case in CASES.items():
        yield from _section(results, name, case)


def _introduction(results: Results) -> Iterator[str]:
    yield (
        "Written by `make quality`; one case alone: `python -m benchmarks.quality "
        "--cases california --seeds 1`. Every case trains the **default plan** with "
        "the budget that is given, 180 s where nothing is said; the test part is read "
        "once. Settings say only how to divide, the seed, and what the protocol leaves "
        "out. Scores are means over seeds, splits or folds with 95 % intervals "
        "(Student's t). Rivals learn from the very same rows in the same run, with "
        "their own defaults: trees from the training and val part together, for they "
        "have nothing to choose; networks of pytabkit choose their epoch by the same "
        "val part, and where ours has folds, by the first of them. *Ahead by* is the "
        "paired difference over seeds; positive means that Torchsmith is better."
    )
    found = results.kept.get("machine")
    if found is None:
        return
    packages = ", ".join(f"{name} {v}" for name, v in found["packages"].items())
    yield ""
    yield (
        f"{found['cores']} cores ({found['processor']}), Python {found['python']}; "
        f"{packages}."
    )


def _calibration(results: Results) -> Iterator[str]:
    yield from ("", "## Calibration", "")
    yield (
        "The expected calibration error of 15 bins of equal width. *As it would be* is "
        "what perfectly calibrated probabilities show on as few rows, on average."
    )
    yield from ("", "| set | calibration error | as it would be | log loss |")
    yield "|---|---|---|---|"
    for name, case in CASES.items():
        errors = [*results.values(name, "ece").values()]
        if errors:
            floor = interval([*results.values(name, "ece_floor").values()])[0]
            loss = interval([*results.values(name, "log_loss").values()])[0]
            yield (
                f"| {case.title} | {shown_interval('ece', errors)} | "
                f"{shown('ece', floor)} | {shown('log_loss', loss)} |"
            )


def _section(results: Results, name: str, case: Case) -> Iterator[str]:
    yield from ("", f"## {case.title}", "")
    ours = results.answers(name)
    words = [f"`{name}`: {case.protocol}", f"{case.budget:.0f} s"]
    answers = [answer for answer in ours.values() if "sizes" in answer]
    if answers:
        sizes = " / ".join(f"{size:,}" for size in answers[0]["sizes"])
        words.append(f"{sizes} rows to learn from, to choose by, to test")
        networks = sorted({answer["network"] for answer in answers})
        words.append(f"network {', '.join(f'`{network}`' for network in networks)}")
    yield "; ".join(words) + "."
    yield from ("", f"| | {_title(case.metric)} | ahead by | seconds | runs |")
    yield "|---|---|---|---|---|"
    for contender in (OURS, *case.rivals):
        yield _row(results, name, case, contender)
    if case.changed and results.values(name, "changed"):
        changes = ("shifted", "scaled", "turned", "cropped")
        told = ", ".join(
            f"{how} {shown_interval('accuracy', [*results.values(name, how).values()])}"
            for how in changes
        )
        yield from ("", f"Accuracy on changed digits: {told}.")
    for note in sorted({n for answer in answers for n in answer.get("notes", ())}):
        yield from ("", f"{note}.")
    if answers:
        dates = sorted({answer["date"] for answer in answers})
        commits = sorted({answer["commit"] for answer in answers})
        loads = [answer["load"] for answer in answers]
        when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
        yield ""
        yield (
            f"{when}, commit {', '.join(commits)}; load of the machine "
            f"{min(loads):.1f} to {max(loads):.1f}."
        )


def _row(results: Results, name: str, case: Case, contender: str) -> str:
    title = "**Torchsmith**" if contender == OURS else RIVALS[contender].title
    values = [*results.values(name, case.metric, contender).values()]
    why_not = "; ".join(
        sorted(
            {
                answer["why_not"]
                for answer in results.answers(name, contender).values()
                if "why_not" in answer
            }
        )
    )
    if not values:
        return f"| {title} | {why_not or NOT_YET} | | | |"
    gaps = [] if contender == OURS else results.ahead(name, case.metric, contender)
    ahead = shown_interval(case.metric, gaps) if gaps else ""
    seconds = [
        answer["seconds"]["total"]
        for answer in results.answers(name, contender).values()
        if "seconds" in answer
    ]
    taken = f"{min(seconds):.0f} to {max(seconds):.0f}"
    runs = f"{len(values)}" + (f"; {why_not}" if why_not else "")
    score = shown_interval(case.metric, values)
    return f"| {title} | {score} | {ahead} | {taken} | {runs} |"


def _title(metric: str) -> str:
    titles = {"rmse": "RMSE", "roc_auc": "AUC", "macro_f1": "macro F1"}
    return titles.get(metric, metric)
