"""Small real runs, in processes that are forked from one that has imported PyTorch."""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from tests.processes import PROCESSES
from tests.reliability.jobs import save_at_every_step, without_timings, write_table
from tests.reliability.matrix import Rows
from torch import nn

import torchsmith
from torchsmith import api
from torchsmith.core.run_folder import run_names
from torchsmith.train import session
from torchsmith.train.watch import TrainingObserver

KINDS = ("table", "pictures", "fit")
"""A plan for a table, one for pictures with augmentation, and a module of one's own."""
SETTINGS: dict[str, dict[str, object]] = {
    "table": {
        "training.epochs": 40,
        "training.seconds": 0,  # no guard, which a stalled machine would set off
        "training.batch_size": 16,
        "stopping.patience": 0,
        "averaging": "EMA",
    },
    "pictures": {
        "training.epochs": 3,
        "training.seconds": 0,
        "stopping.patience": 0,
        "network": {"ConvNet": {"channels": [4, 8], "dropout": 0.2}},
        "augment": [{"RandomCrop": {"size": 7}}],
    },
}
EPOCHS_OF_FIT = 30


def prepare(kind: str, folder: Path) -> None:
    """Put what a kind of run needs into a new folder: its data, its plan."""
    folder.mkdir(parents=True)
    if kind == "table":
        write_table(folder / "table.csv")


def plan_of(kind: str, folder: Path) -> Path | None:
    """Return the plan that a kind's runs share, as one run has written it."""
    return None if kind == "fit" else folder / "plan.yaml"


class Notes(TrainingObserver):
    """Keeps what the person is told."""

    def note(self, text: str) -> None:
        with Path("notes.json").open("a") as file:
            file.write(json.dumps(text) + "\n")


def work(kind: str, folder: Path, engine: str = "eager", threads: int = 1) -> None:
    """Go on with the run that is in a folder, or begin it."""
    os.chdir(folder)
    sys.stdout = sys.stderr = Path("output.txt").open("a")  # noqa: SIM115
    save_often(threads)
    begun = bool(run_names(Path("runs")))
    if kind == "fit":
        fit_own_module(resume="last" if begun else None)
    elif begun:
        api.train(resume=True, observer=Notes())
    elif Path("plan.yaml").exists():
        api.train("plan.yaml")
    else:
        settings = SETTINGS[kind] | {"training.engine": engine, "training.threads": 0}
        target = "value" if kind == "table" else None
        source = "table.csv" if kind == "table" else "digits"
        api.train(source, target=target, settings=settings)


def save_often(threads: int = 1) -> None:
    """Save every 20 ms: a stress rate."""
    before = torch.get_num_threads()
    save_at_every_step()
    torch.set_num_threads(threads or before)
    session.CHECKPOINT_SECONDS = 0.02


def fit_own_module(resume: str | None) -> None:
    """Train a module on a `Dataset` that draws from the global random numbers."""
    torch.manual_seed(0)
    inputs = torch.randn(200, 8, generator=torch.Generator().manual_seed(1))
    rows = Rows(inputs, inputs[:, :3].sum(1, keepdim=True).sin(), noisy=True)
    network = nn.Sequential(
        nn.Linear(8, 16),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(16, 1),
    )
    torchsmith.fit(
        network,
        rows,
        rows,
        loss="MSELoss",
        optimizer={"AdamW": {"lr": 0.01}},
        schedule="ReduceLROnPlateau",
        averaging="EMA",
        epochs=EPOCHS_OF_FIT,
        batch_size=16,
        resume=resume,
        engine="eager",
        observer=Notes(),
    )


def run(kind: str, folder: Path, seconds: float | None = None, **options: Any) -> int:
    """Go on with a run in a process of its own; kill it after some seconds.

    Returns:
        The exit code; -9 where it was killed.
    """
    process = PROCESSES.Process(target=work, args=(kind, folder), kwargs=options)
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode or 0


def run_of(folder: Path) -> Path:
    """Return the one run that is in a folder."""
    [name] = run_names(folder / "runs")
    return folder / "runs" / name


def outcome_of(run: Path) -> dict[str, object]:
    """Return all of a run that must be equal: weights, metrics, scores."""
    found: dict[str, object] = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in [
            run / "model" / "network.safetensors",
            *(run / "snapshots").iterdir(),
        ]
    }
    lines = (run / "metrics.jsonl").read_text().splitlines()
    found["metrics"] = [without_timings(json.loads(line)) for line in lines]
    scores = run / "evaluation.json"
    if scores.exists():
        found["scores"] = without_timings(json.loads(scores.read_text()))
    return found


def share_plan(kind: str, whole: Path, folder: Path) -> None:
    """Give a folder the plan of the uninterrupted run, which measured this machine."""
    if kind != "fit":
        shutil.copy(run_of(whole) / "plan.yaml", folder / "plan.yaml")
