"""Measure what default plans reach, beside rivals on the same splits.

    python -m benchmarks.quality                                all that is missing
    python -m benchmarks.quality --cases california adult       only these
    python -m benchmarks.quality --cases car --seeds 1 --quick  30 s, our part; prints
    python -m benchmarks.quality --contenders torchsmith --again

The environment: `pip install -c constraints.txt -e ".[quality]"`, and for pytabkit,
whose own extra brings a library for GPUs of 300 MB that nothing here needs:

    pip install -c constraints.txt --no-deps pytabkit pytorch-lightning torchmetrics \\
        lightning-utilities probmetrics pytorch-minimize skorch dill psutil tqdm \\
        msgpack numba llvmlite PyYAML tabulate fsspec

Each contender learns in a process of its own, one after the other. What is measured is
kept at once in `benchmarks/quality/results.json`, one seed of one contender at a time,
and `benchmarks/QUALITY.md` is made of it; what is there already is not measured again.
Data is looked for in `TORCHSMITH_DATA`.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.quality.cases import CASES
from benchmarks.quality.goals import SEEDS
from benchmarks.quality.page import PAGE, machine, page
from benchmarks.quality.results import OURS, Results
from benchmarks.quality.rivals import RIVALS

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 1800.0
QUICK_BUDGET = 30.0
BEGUN = time.monotonic()

Job = tuple[str, int, str]
"""A case, a seed, a contender."""


def say(text: str) -> None:
    """Print how it goes, with the time since the start."""
    minutes, seconds = divmod(int(time.monotonic() - BEGUN), 60)
    print(f"{minutes:3}:{seconds:02}  {text}", flush=True)


def jobs(options: argparse.Namespace, results: Results) -> Iterator[Job]:
    """Return what is to be measured: on each split, all contenders in turn."""
    for name in options.cases:
        for seed in range(options.seeds):
            for contender in (OURS, *CASES[name].rivals):
                if options.contenders and contender not in options.contenders:
                    continue
                if options.quick and not options.contenders and contender != OURS:
                    continue
                known = results.answers(name, contender).get(str(seed), {})
                if options.again or is_missing(known, options.patience):
                    yield name, seed, contender


def is_missing(answer: dict[str, Any], patience: float) -> bool:
    """Whether there is no score yet, and trying may give one."""
    return "scores" not in answer and answer.get("patience", 0) < patience


def measure(job: Job, budget: float, patience: float) -> dict[str, Any]:
    """Let one contender learn in a process of its own; return its answer."""
    name, seed, contender = job
    answer = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "load": os.getloadavg()[0]}
    if why_not := reason(name, contender):
        return answer | {"why_not": why_not}
    command = [sys.executable, "-m", "benchmarks.quality.one"]
    try:
        done = subprocess.run(
            [*command, name, str(seed), contender, str(budget)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=patience,
            check=True,
        )
    except subprocess.TimeoutExpired:
        told = f"took more than {patience / 60:.0f} min"
        return answer | {"why_not": told, "patience": patience}
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no message"])[-1]
        return answer | {"why_not": f"failed: {last[:300]}"}
    found = json.loads(done.stdout.splitlines()[-1])
    return {**answer, **found, "commit": commit()}


def reason(name: str, contender: str) -> str:
    """Say why this cannot be measured here, or nothing."""
    if not CASES[name].is_here:
        return f"no data: {CASES[name].folder}"
    return "" if contender == OURS else RIVALS[contender].why_not


def commit() -> str:
    """Return the commit, marked where the source has been changed since."""
    describe = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=7"]
    done = subprocess.run(describe, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def expected(job: Job, results: Results) -> float:
    """Return about how many seconds a job takes."""
    name, _, contender = job
    known = [
        answer["seconds"]["total"] if "seconds" in answer else answer.get("patience", 0)
        for answer in results.answers(name, contender).values()
    ]
    if known:
        return sum(known) / len(known)
    return CASES[name].budget if contender == OURS else 60


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cases", nargs="*", default=[*CASES], choices=[*CASES])
    parser.add_argument("--contenders", nargs="*", choices=[OURS, *RIVALS])
    parser.add_argument("--seeds", type=int, default=SEEDS, help="at most 5")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--again", action="store_true", help="what is known, too")
    parser.add_argument(
        "--patience", type=float, default=PATIENCE, help="seconds for one contender"
    )
    options = parser.parse_args(arguments)
    if not 1 <= options.seeds <= SEEDS:
        parser.error(f"--seeds: must be from 1 to {SEEDS}, got {options.seeds}")
    return options


def main() -> int:
    """Measure, keep and tell; return the exit code."""
    options = options_of()
    results = Results({"cases": {}}) if options.quick else Results.read()
    todo = list(jobs(options, results))
    for place, job in enumerate(todo):
        left = sum(expected(other, results) for other in todo[place:])
        name, seed, contender = job
        label = f"{name}, seed {seed}, {contender}"
        say(f"{place + 1} of {len(todo)}, about {left / 60:.0f} min left: {label}")
        budget = min(CASES[name].budget, QUICK_BUDGET if options.quick else 1e9)
        answer = measure(job, budget, options.patience)
        results.add(name, contender, seed, answer)
        results.kept["machine"] = machine()
        scores = answer.get("scores", {})
        told = (
            answer.get("why_not")
            or f"{CASES[name].metric} {scores[CASES[name].metric]:.4f}"
        )
        say(f"    {told}, {answer.get('seconds', {}).get('total', 0):.0f} s")
        if not options.quick:
            results.write()
            PAGE.write_text(page(results))
    if options.quick:
        print(page(results))
    elif not todo:
        PAGE.write_text(page(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
