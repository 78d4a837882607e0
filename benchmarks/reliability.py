"""Kill a real run at random instants, resume it, and compare with one that was not.

    python benchmarks/reliability.py             20 kills of `train digits`
    python benchmarks/reliability.py --kills 5 --seed 1

A run counts as equal when its weights have the same SHA-256 and its metrics and scores
are the same but for timings. Exits with 1 when one differs.
"""

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TORCHSMITH = [sys.executable, "-c", "from torchsmith.cli.main import main; main()"]
JOB = ("train", "digits", "--epochs", "80", "--set", "stopping.patience=0", "--quiet")
RESUME = ("train", "--resume", "last", "--quiet")
TOO_LATE = "after the end"
"""Such an instant is no kill, and another is drawn."""
TIMINGS = {"seconds", "examples_per_second"}


def without_timings(value: Any) -> Any:
    """Return a JSON value without what differs between any two runs."""
    if isinstance(value, dict):
        return {k: without_timings(v) for k, v in value.items() if k not in TIMINGS}
    return [without_timings(v) for v in value] if isinstance(value, list) else value


def outcome_of(run: Path) -> tuple[str, Any, Any]:
    """Return the weights' SHA-256, the metrics and the scores of a run."""
    weights = (run / "model" / "network.safetensors").read_bytes()
    lines = (run / "metrics.jsonl").read_text().splitlines()
    scores = json.loads((run / "evaluation.json").read_text())
    metrics = [without_timings(json.loads(line)) for line in lines]
    return hashlib.sha256(weights).hexdigest(), metrics, without_timings(scores)


def run_whole(folder: Path, arguments: tuple[str, ...]) -> Path:
    """Run a command to its end; return the run folder that it prints."""
    done = subprocess.run(
        [*TORCHSMITH, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return folder / done.stdout.strip()


def stage_of(runs: Path) -> str:
    """Say how far the run was that has just been killed."""
    found = [p for p in runs.glob("*") if not p.name.startswith(".")]
    if not found:
        return "before the run folder was made"
    if (found[0] / "outcome.json").exists():
        return TOO_LATE
    if (found[0] / "model").exists():
        return "while it was evaluated"
    if any(p.name.isdigit() for p in (found[0] / "checkpoints").glob("*")):
        return "in training, after a checkpoint"
    return "in training, before the first checkpoint"


def kill_and_resume(folder: Path, instant: float) -> tuple[str, Path]:
    """Kill the job at an instant; return how far it was, and the run resumed."""
    process = subprocess.Popen([*TORCHSMITH, *JOB], cwd=folder, stdout=subprocess.PIPE)
    try:
        process.wait(instant)
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()
    stage = stage_of(folder / "runs")
    return stage, run_whole(folder, JOB if "folder" in stage else RESUME)


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    stages: Counter[str] = Counter()
    num_equal = 0
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores: {' '.join(JOB)}")
    with tempfile.TemporaryDirectory() as temporary:
        whole = Path(temporary) / "whole"
        whole.mkdir()
        begun = time.perf_counter()
        expected = outcome_of(run_whole(whole, JOB))
        seconds = time.perf_counter() - begun
        print(f"uninterrupted: {seconds:.1f} s, weights {expected[0][:16]}", flush=True)
        while stages.total() < options.kills:
            instant = chance.uniform(0, seconds)
            folder = Path(temporary) / f"{instant:.6f}"
            folder.mkdir()
            stage, run = kill_and_resume(folder, instant)
            if stage == TOO_LATE:
                continue
            equal = outcome_of(run) == expected
            num_equal += equal
            stages[stage] += 1
            word = "equal" if equal else "DIFFERENT"
            print(
                f"{stages.total():3} killed at {instant:5.1f} s, {stage}: {word}",
                flush=True,
            )
    print(f"{num_equal} of {options.kills} equal")
    for stage, count in stages.most_common():
        print(f"  {count:3} {stage}")
    return 0 if num_equal == options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
