"""A small real job, and a process that dies at a chosen instant of it."""

import hashlib
import json
import os
import signal
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import torch

from torchsmith import api
from torchsmith.cli.main import main
from torchsmith.train import loop, session

for slow in (
    "jinja2",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.neighbors",
    "tensorboardX",
    "torch._dynamo",
    "torchsmith.api.evaluating",
    "torchsmith.api.reporting",
):
    import_module(slow)  # once, for all the processes that fork this one

SETTINGS = {
    "split.val": 0.15,  # folds would be five networks to wait for
    "training.epochs": 3,
    "training.batch_size": 16,
    "stopping.patience": 0,
}
TIMINGS = {"seconds", "examples_per_second", "epoch_seconds"}
WRITES = os.O_WRONLY | os.O_RDWR
CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")


def write_table(path, rows=90):
    """Write a table with a number, a category and gaps."""
    generator = np.random.default_rng(0)
    numbers = generator.normal(size=(rows, 3)).round(4)
    kinds = generator.choice(["a", "b", "c"], rows)
    values = (numbers @ [1.0, -2.0, 0.5] + (kinds == "a") * 2).round(4)
    lines = ["x,y,z,kind,value"]
    for row in range(rows):
        cells = [str(number) for number in numbers[row]]
        cells[1] = "" if row % 17 == 3 else cells[1]
        lines.append(",".join([*cells, kinds[row], str(values[row])]))
    path.write_text("\n".join(lines) + "\n")


def save_at_every_step():
    """Make this process save after each step, whatever it costs."""
    session.CHECKPOINT_SECONDS = session.PROGRESS_SECONDS = 0.0
    session.CHECKPOINT_SHARE = float("inf")
    torch.set_num_threads(1)


class Killer:
    """Counts the instants at which a run changes its disk or its state.

    Args:
        runs: The folder whose changes count.
        fatal: Which instant ends this process by SIGKILL; 0 is none.
    """

    def __init__(self, runs, fatal=0):
        self.runs, self.fatal, self.seen = str(Path(runs).absolute()), fatal, 0
        loop.evaluate_loss = self.before(loop.evaluate_loss)
        session.Session.after_step = self.before(session.Session.after_step)
        os.fsync = self.before(os.fsync)
        sys.addaudithook(self.audit)

    def before(self, call):
        def counted(*arguments, **options):
            self.tick()
            return call(*arguments, **options)

        return counted

    def audit(self, event, arguments):
        if event == "open":
            path, _, flags = arguments
            changes = isinstance(path, str) and flags & WRITES
        else:
            path, changes = arguments[0] if arguments else "", event in CHANGES
        if changes and str(Path(path).absolute()).startswith(self.runs):
            self.tick()

    def tick(self):
        self.seen += 1
        if self.seen == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)


def train_or_resume(folder, fatal=0, answers=None):
    """Go on with the run that is in `folder`, or begin it; maybe die on the way."""
    os.chdir(folder)
    save_at_every_step()
    killer = Killer(Path(folder) / "runs", fatal)
    if api.runs("runs"):
        api.train(resume=True)
    else:
        api.train("table.csv", target="value", settings=SETTINGS)
    if answers is not None:
        answers.put(killer.seen)


def command_line(folder, arguments, output):
    """Run `torchsmith` with all that it prints in a pipe."""
    os.chdir(folder)
    sys.stdout = sys.stderr = os.fdopen(os.dup(output.fileno()), "w", buffering=1)
    torch.set_num_threads(1)
    sys.argv = ["torchsmith", *arguments]
    main()


def without_timings(value):
    if isinstance(value, dict):
        return {k: without_timings(v) for k, v in value.items() if k not in TIMINGS}
    return [without_timings(v) for v in value] if isinstance(value, list) else value


def outcome_of(run):
    """Return all that must be equal: weights, metrics, scores; no timings."""
    weights = (run / "model" / "network.safetensors").read_bytes()
    lines = (run / "metrics.jsonl").read_text().splitlines()
    snapshots = {path.name: path.read_bytes() for path in (run / "snapshots").iterdir()}
    return {
        "weights": hashlib.sha256(weights).hexdigest(),
        "model": json.loads((run / "model" / "model.json").read_text()),
        "snapshots": {n: hashlib.sha256(b).hexdigest() for n, b in snapshots.items()},
        "metrics": [without_timings(json.loads(line)) for line in lines],
        "scores": without_timings(json.loads((run / "evaluation.json").read_text())),
    }


def temporary_files(folder):
    return [p.name for p in folder.rglob("*") if ".tmp-" in p.name]
