"""Measure whether the doctor finds what hurts, and leaves alone what is healthy.

    python -m benchmarks.doctor                              all that is missing
    python -m benchmarks.doctor --tier small                 two tasks, eight faults
    python -m benchmarks.doctor --tasks car --faults lr-high unscaled --seeds 3
    python -m benchmarks.doctor --share 1/2 & python -m benchmarks.doctor --share 2/2
    python -m benchmarks.doctor --misses misses.md           write what it missed

Each run is kept at once in `benchmarks/doctor/results.jsonl`; what is there is not run
again, so that a stopped measurement goes on. The order is mixed: what a stopped one has
is a fair sample. `benchmarks/doctor/RESULTS.md` is made of it. Data is looked for in
`TORCHSMITH_DATA`. Exits with 1 where a run broke off.
"""

import argparse
import os
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.doctor.rows import Case

BEGUN = time.monotonic()
SEEDS = 5


def main() -> int:
    """Measure; return the exit code."""
    options = options_of(sys.argv[1:])
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    warnings.simplefilter("ignore")
    import torch
    from benchmarks.doctor.misses import misses
    from benchmarks.doctor.page import PAGE, page
    from benchmarks.doctor.rows import RESULTS, read

    torch.set_num_threads(1)
    results = options.results or RESULTS
    broken = 0 if options.page else run(options, results)
    rows = read(results)
    if options.misses:
        options.misses.write_text(misses(rows, options.tasks), "utf-8")
    elif results == RESULTS and options.share[0] == 1:
        PAGE.write_text(page(rows), "utf-8")
    return 1 if broken else 0


def options_of(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    from benchmarks.doctor.faults import FAULTS
    from benchmarks.doctor.healthy import NUM
    from benchmarks.doctor.order import SMALL_FAULTS, SMALL_TASKS
    from benchmarks.doctor.tasks import TASKS

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.doctor",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tier", choices=("small", "full"), default="full")
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), metavar="TASK")
    parser.add_argument("--faults", nargs="*", choices=list(FAULTS), metavar="FAULT")
    parser.add_argument("--levels", nargs="+", type=int, default=())
    parser.add_argument("--seeds", type=int, help="of each variant")
    parser.add_argument("--healthy", type=int, help="configurations of each task")
    parser.add_argument("--doubles", type=int, help="pairs of faults")
    parser.add_argument("--share", type=_share, default=(1, 1), help="such as 1/2")
    parser.add_argument("--seconds", type=float, help="begin no run after so long")
    parser.add_argument("--results", type=Path, help="another file of rows")
    parser.add_argument("--again", action="store_true", help="run what is there, too")
    parser.add_argument("--page", action="store_true", help="run nothing")
    parser.add_argument("--misses", type=Path, help="write what was missed to a file")
    options = parser.parse_args(arguments)
    small = options.tier == "small"
    if options.tasks is None:
        options.tasks = list(SMALL_TASKS if small else TASKS)
    if options.faults is None:
        options.faults = list(SMALL_FAULTS if small else FAULTS)
    if options.seeds is None:
        options.seeds = 3 if small else SEEDS
    if options.healthy is None:
        options.healthy = 5 if small else NUM
    if options.doubles is None:
        options.doubles = 0 if small else 100
    return options


def _share(text: str) -> tuple[int, int]:
    which, _, of = text.partition("/")
    return int(which), int(of)


def run(options: argparse.Namespace, results: Path) -> int:
    """Run every case that is missing; return how many broke off with an error."""
    from benchmarks.doctor.mending import mended
    from benchmarks.doctor.one import measure
    from benchmarks.doctor.rows import append, read

    source, broken = commit(), 0
    for done, case in enumerate(todo(options, results), 1):
        if options.seconds and time.monotonic() - BEGUN > options.seconds:
            say("no time left; the same command goes on")
            break
        try:
            if case.what == "mended":
                row = mended(case, read(results), source)
            else:
                row = measure(case, source)
        except Exception:  # noqa: BLE001 -- an hour of others is to go on
            # Nothing is kept of it, so that it is run again once it is mended.
            traceback.print_exc()
            say(f"{done:5} {case.key}  BROKEN")
            broken += 1
            continue
        if row is None:
            continue
        append(results, row)
        codes = " ".join(told.code for told in row.findings) or "nothing"
        say(f"{done:5} {case.key}  {row.score:.3f}  {codes}  {row.ended[:60]}")
    return broken


def todo(options: argparse.Namespace, results: Path) -> Iterator["Case"]:
    """Yield the cases of this process that are not there yet."""
    from benchmarks.doctor.order import Asked, cases
    from benchmarks.doctor.rows import read

    asked = Asked(
        options.tasks,
        options.faults,
        options.seeds,
        options.levels,
        options.healthy,
        options.doubles,
    )
    known = {} if options.again else read(results)
    which, of = options.share
    blocks: dict[tuple[object, ...], int] = {}
    for case in cases(asked):
        # Seeds and the mended run of a variant stay in one process, in this order.
        block = (case.task, case.fault, case.level, case.seed if not case.fault else 0)
        if case.what == "config":
            block = (case.task, "config", case.seed)
        number = blocks.setdefault(block, len(blocks))
        if number % of == which - 1 and case.key not in known:
            yield case


def commit() -> str:
    """Return the commit, marked where the source has been changed since."""
    root = Path(__file__).resolve().parents[2]
    describe = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=7"]
    done = subprocess.run(describe, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def say(text: str) -> None:
    """Print how it goes, with the time since the start."""
    minutes, seconds = divmod(int(time.monotonic() - BEGUN), 60)
    print(f"{minutes:3}:{seconds:02}  {text}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
