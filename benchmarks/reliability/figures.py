"""What was measured, where it is kept, and how far a measurement has come."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "RELIABILITY.md"
ROOT = HERE.parent.parent

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Figure:
    """One number of a part.

    Attributes:
        what: Was counted or measured.
        measured: The number, as text, such as `"500 of 500"`.
        goal: What it is to reach; empty where nothing was promised.
        reached: Whether it does; None where nothing was promised, or nothing measured.
    """

    what: str
    measured: str
    goal: str = ""
    reached: bool | None = None

    @classmethod
    def count(cls, what: str, good: int, of: int, goal: str = "all") -> "Figure":
        """So many good ones, all of which are wanted."""
        return cls(what, f"{good} of {of}", goal, good == of > 0)

    @classmethod
    def skipped(cls, what: str, why: str) -> "Figure":
        """One that could not be measured here, and why; it counts as not reached."""
        return cls(what, f"skipped: {why}", "all", None)


@dataclass
class Part:
    """What one part measured.

    Attributes:
        title: Of its section.
        method: How it was measured, in one paragraph.
        figures: Its numbers.
        notes: What the numbers do not say; problems that were found, by name.
    """

    title: str
    method: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Progress:
    """Says how many of a part are done, and how long the rest takes.

    Args:
        what: Is counted.
        total: How many there are.
    """

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done = what, total, 0
        self._begun = self._next = time.monotonic()

    def step(self, word: str = "") -> None:
        """Count one."""
        self._done += 1
        now = time.monotonic()
        if now < self._next and self._done < self._total:
            return
        # A line that is written over needs a terminal; a log gets one every 15 s.
        self._next = now + (0.5 if sys.stderr.isatty() else 15)
        left = (now - self._begun) / self._done * (self._total - self._done)
        line = (
            f"  {self._what}: {self._done} of {self._total}, {left:.0f} s left {word}"
        )
        end = "\r" if sys.stderr.isatty() and self._done < self._total else "\n"
        print(f"{line:<78}", end=end, file=sys.stderr, flush=True)


def in_parallel(
    what: str, items: Sequence[Item], work: Callable[[Item], Answer], at_once: int = 0
) -> list[tuple[Item, Answer]]:
    """Do some at a time, one for each core, and show the progress.

    Args:
        what: Is done, for the progress.
        items: To be worked on; the answers come in the order in which they are ready.
        work: Starts processes of its own; runs in a thread.
        at_once: How many; the number of cores where not given.
    """
    progress, done = Progress(what, len(items)), []
    with ThreadPoolExecutor(at_once or len(os.sched_getaffinity(0))) as pool:
        begun = {pool.submit(work, item): item for item in items}
        for future in as_completed(begun):
            done.append((begun[future], future.result()))
            progress.step()
    return done


def keep(name: str, part: Part, seconds: float) -> None:
    """Put what a part measured beside what the others did, and write the page."""
    results = read_results()
    results[name] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": _commit(),
        "machine": machine(),
        "minutes": round(seconds / 60, 1),
        **asdict(part),
    }
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page(results))


def read_results() -> dict[str, Any]:
    """Return what each part measured last."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def machine() -> str:
    """Say on what it was measured."""
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores ({_processor()}), load {load:.1f}, "
        f"{platform.system()}, Python {platform.python_version()}, "
        f"PyTorch {version('torch')}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", maxsplit=1)[1].strip()
    return platform.machine()


def _commit() -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"


def page(results: dict[str, Any]) -> str:
    """Return `RELIABILITY.md`: what all parts measured last."""
    from benchmarks.reliability.__main__ import PARTS

    lines = [
        "# A run that cannot be lost: what was measured",
        "",
        "Written by `make reliability`; each part can be measured alone: "
        "`python -m benchmarks.reliability PART --size 0.1`, with the parts "
        f"{', '.join(f'`{name}`' for name in PARTS)}. What could not be measured is "
        "said to be skipped, and does not count as reached.",
        "",
        '"Equal" means: the same SHA-256 of the weights, and the same metrics of every '
        "epoch and the same scores, but for timings.",
    ]
    for name in PARTS:
        if name not in results:
            lines += ["", f"## {name}", "", "Not measured yet."]
            continue
        part = results[name]
        lines += ["", f"## {part['title']}", "", part["method"], ""]
        lines += ["| figure | measured | to reach | |", "|---|---|---|---|"]
        words = {True: "reached", False: "**not reached**", None: ""}
        lines += [
            f"| {f['what']} | {f['measured']} | {f['goal']} | {words[f['reached']]} |"
            for f in part["figures"]
        ]
        lines += ["", *(f"- {note}" for note in part["notes"])] if part["notes"] else []
        lines += [
            "",
            f"{part['date']}, commit {part['commit']}, {part['minutes']} min: "
            f"{part['machine']}.",
        ]
    return "\n".join(lines) + "\n"
