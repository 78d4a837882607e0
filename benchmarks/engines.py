"""Train the same jobs with Torchsmith and with its peers, in turns, and compare.

    python -m benchmarks.engines                    everything
    python -m benchmarks.engines --quick            two rounds, fewer contenders; prints
    python -m benchmarks.engines --jobs S4 --parts epochs --contenders jax-scan

The environment: `pip install -c constraints.txt -e ".[bench]"`, and for fastai, which
asks for a torchvision whose wheel is for CUDA, into a folder that nobody else looks in:

    pip install -c constraints.txt "fastcore>=2.2" fasttransform fastprogress \\
        "fastdownload<2" pandas "plum-dispatch<2.10"
    pip install --no-deps --target .venv/fastai fastai torchvision==0.28.0

A contender that is not installed, or fails, is reported so, and the others go on. What
was measured is kept in `benchmarks/engines.json`, part by part, and the section of
`benchmarks/RESULTS.md` is made of it. Contenders that are measured again run beside the
loop by hand again: a ratio is always one of the same run.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contest import PATIENCE, ROOT, Contest, why_not
from benchmarks.engine_tables import machine, tables
from benchmarks.peers.contenders import ALL, CONTENDERS, RECORDED
from benchmarks.peers.plans import plan_of
from benchmarks.peers.work import DATA, JOBS, write_pictures

KEPT = ROOT / "benchmarks" / "engines.json"
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
BEGIN, END = "<!-- engines: begin -->", "<!-- engines: end -->"
BASE = [name for name in CONTENDERS if name.startswith("eager")]
"""The best of these is what all are compared with."""
PARTS = ("epochs", "whole", "overhead", "start")
MAIN = "from torchsmith.cli.main import main; main()"
WHOLE_EPOCHS = 3
BLOCK_SECONDS = 0.5
BEGUN = time.monotonic()


def say(text: str) -> None:
    """Print how it goes, with the time since the start."""
    minutes, seconds = divmod(int(time.monotonic() - BEGUN), 60)
    print(f"{minutes:3}:{seconds:02}  {text}", flush=True)


def measure_epochs(job: str, names: list[str], rounds: int) -> dict[str, Any]:
    """Return the seconds of an epoch, the score and the memory of each contender."""
    settings = JOBS[job]
    num_epochs = settings.warm + rounds * settings.epochs
    with Contest(job, num_epochs, say) as contest:
        for name in names:
            contest.enter(name, CONTENDERS[name])
        taken = sum(contest.train(settings.warm).values()) / settings.warm
        for number in range(rounds):
            left = taken * settings.epochs * (rounds - number)
            say(f"{job}: round {number + 1} of {rounds}, about {left:.0f} s left")
            contest.train(settings.epochs)
        results = contest.results()
        found: dict[str, Any] = {n: {"why_not": w} for n, w in contest.why_not.items()}
        for name, one in contest.running.items():
            timed = [s * settings.scale for s in one.seconds[settings.warm :]]
            found[name] = {
                "seconds": median(timed),
                "fastest": min(timed),
                "first": one.seconds[0] * settings.scale,
                "epochs": num_epochs,
                **results[name],
            }
    by_hand = [found[n]["seconds"] for n in BASE if "seconds" in found.get(n, {})]
    base = min(by_hand, default=float("nan"))
    for values in found.values():
        if "seconds" in values:
            values["times_faster"] = base / values["seconds"]
    return found


def measure_whole(job: str, names: list[str], rounds: int) -> dict[str, Any]:
    """Return the seconds from the start of a process to its saved network."""
    taken: dict[str, list[dict[str, float]]] = {}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for name in ["torchsmith", *names]:
                if reason := why_not(CONTENDERS[name], job):
                    found[name] = {"why_not": reason}
                    continue
                try:
                    if name == "torchsmith":
                        one = command_to_end(job, Path(folder))
                    else:
                        one = peer_to_end(job, Path(folder), name)
                except (subprocess.SubprocessError, OSError, IndexError) as error:
                    found[name] = {"why_not": f"failed: {error}"[:200]}
                    continue
                taken.setdefault(name, []).append(one)
                say(
                    f"{job}: whole job {number + 1} of {rounds}: {name}, "
                    f"{one['saved']:.1f} s"
                )
    for name, each in taken.items():
        found[name] = {key: median(one[key] for one in each) for key in each[0]}
        found[name]["first_time"] = each[0]["saved"]
    return found


def command_to_end(job: str, folder: Path) -> dict[str, float]:
    """Run `torchsmith train PLAN`; return when the model was saved, and the end."""
    plan = folder / f"{job}.yaml"
    plan.write_text(plan_of(job, epochs=WHOLE_EPOCHS))
    runs = Path(tempfile.mkdtemp(dir=folder))
    begin, clock = time.time(), time.perf_counter()
    train = ["train", str(plan), "--runs", str(runs), "--quiet"]
    subprocess.run(
        [sys.executable, "-c", MAIN, *train],
        check=True,
        timeout=PATIENCE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "XDG_CACHE_HOME": str(folder)},
    )
    whole = time.perf_counter() - clock
    [manifest] = runs.glob("*/model/manifest.json")
    return {"saved": manifest.stat().st_mtime - begin, "whole": whole}


def peer_to_end(job: str, folder: Path, name: str) -> dict[str, float]:
    """Let a peer do the whole job; return when its network was saved."""
    threads = str(CONTENDERS[name].threads or JOBS[job].threads)
    arguments = ["whole", name, job, str(WHOLE_EPOCHS), threads, str(folder / name)]
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.peers.worker", *arguments],
        cwd=ROOT,
        check=True,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    seconds = time.perf_counter() - begin
    return {"saved": seconds, "whole": seconds}


def measure_overhead(job: str, blocks: int) -> dict[str, Any]:
    """Compare Torchsmith with all that a run records with the same without."""
    seconds: dict[str, list[float]] = {"without": [], "recorded": []}
    with Contest(job, 10**6, say) as contest:
        contest.enter("torchsmith", CONTENDERS["torchsmith"])
        if "torchsmith" in contest.running:
            notes = contest.running["torchsmith"].notes
            engine, threads = notes.removesuffix(" threads").split(", ")
            name = f"recorded-{engine}"
            contest.enter(name, replace(RECORDED[name], threads=int(threads)))
        first = contest.train(JOBS[job].warm + 1)
        if len(first) < 2:
            return {"why_not": str(contest.why_not)}
        one = min(first.values()) / (JOBS[job].warm + 1)
        epochs = max(1, round(BLOCK_SECONDS / one))
        for _ in range(blocks):
            for name, value in zip(
                seconds, contest.train(epochs).values(), strict=True
            ):
                seconds[name].append(value)
    pairs = zip(seconds["recorded"], seconds["without"], strict=True)
    return {
        "notes": notes,
        "epoch": median(seconds["without"]) / epochs,
        "epochs": blocks * epochs,
        "median": median(a / b for a, b in pairs) - 1,
        "total": sum(seconds["recorded"]) / sum(seconds["without"]) - 1,
    }


def measure_start(rounds: int) -> dict[str, float]:
    """Compare `torchsmith train` to its first step with the import of PyTorch."""
    with tempfile.TemporaryDirectory() as folder:
        commands = {"import torch": ["-c", "import torch, os; os._exit(0)"]}
        for job in ("S3", "S4"):
            plan = Path(folder) / f"{job}.yaml"
            plan.write_text(plan_of(job, epochs=WHOLE_EPOCHS))
            train = ["train", str(plan), "--runs", folder]
            commands[job] = ["-m", "benchmarks.peers.first_step", *train]
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        # What is installed has its byte code, as PyTorch has here.
        compiled = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
        for number in range(rounds + 1):
            for name, command in commands.items():
                begin = time.perf_counter()
                subprocess.run(
                    [sys.executable, *command], cwd=ROOT, check=True, env=compiled
                )
                if number:  # the first fills the caches of the disk
                    seconds[name].append(time.perf_counter() - begin)
    found = {name: median(values) for name, values in seconds.items()}
    say(f"start: {found}")
    return found


def chosen(job: str, options: argparse.Namespace) -> list[str]:
    """Return the names of who competes in a job: always with the loops by hand."""
    wanted = options.contenders or [
        name for name, one in CONTENDERS.items() if one.quick or not options.quick
    ]
    wanted = {*wanted, *BASE}
    return [n for n, one in CONTENDERS.items() if n in wanted and job in one.jobs]


def measure(options: argparse.Namespace, keep: Callable[..., None]) -> None:
    """Measure the parts that were asked for, and keep each as soon as it is there."""
    for part in options.parts:
        if part == "start":
            keep("start", None, measure_start(2 if options.quick else 5))
            continue
        for job in options.jobs:
            names = chosen(job, options)
            if part == "epochs":
                rounds = options.rounds or (2 if options.quick else JOBS[job].rounds)
                keep("epochs", job, measure_epochs(job, names, rounds))
            elif part == "whole":
                peers = [n for n in names if CONTENDERS[n].whole]
                rounds = 1 if options.quick else JOBS[job].whole_rounds
                keep("whole", job, measure_whole(job, peers, rounds))
            else:
                blocks = 4 if options.quick or JOBS[job].is_images else 12
                keep("overhead", job, measure_overhead(job, blocks))


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--jobs", nargs="*", default=ALL, choices=ALL)
    parser.add_argument("--parts", nargs="*", default=PARTS, choices=PARTS)
    parser.add_argument("--contenders", nargs="*", choices=[*CONTENDERS])
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    kept = {} if options.quick or not KEPT.exists() else json.loads(KEPT.read_text())
    kept["machine"] = machine()

    def keep(part: str, job: str | None, found: dict[str, Any]) -> None:
        found = {"date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", **found}
        if job is None:
            kept[part] = found
        else:
            kept.setdefault(part, {}).setdefault(job, {}).update(found)
        if not options.quick:
            KEPT.write_text(json.dumps(kept, indent=1) + "\n")
            write_section(tables(kept))

    with tempfile.TemporaryDirectory() as folder:
        # Compilations of earlier runs shall not help, those of this one may.
        os.environ["XDG_CACHE_HOME"] = os.environ["TMPDIR"] = folder
        os.environ.setdefault("TORCHSMITH_DATA", str(DATA))
        write_pictures(Path(folder) / "pictures.npz")
        measure(options, keep)
    print(tables(kept))
    return 0


def write_section(text: str) -> None:
    """Put the tables into their section of the results; the rest stays."""
    page = RESULTS.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    RESULTS.write_text(f"{before.rstrip()}\n\n{BEGIN}\n\n{text}\n{END}\n{after}")


if __name__ == "__main__":
    sys.exit(main())
