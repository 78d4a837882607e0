"""What saving costs at its default cadence."""

import tempfile
import time
from pathlib import Path

import torch
from benchmarks.reliability.figures import Figure, Part, Progress
from torch import nn

from torchsmith import fit
from torchsmith.core.run_folder import RunFolder

SECONDS = 60.0
MOST = 0.02


def network_of(name: str) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """Return a network, inputs and targets."""
    torch.manual_seed(0)
    if name == "small MLP":
        network = nn.Sequential(nn.Linear(8, 100), nn.ReLU(), nn.Linear(100, 1))
        inputs = torch.randn(4000, 8)
    elif name == "convolutions":
        network = nn.Sequential(
            nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 196, 1)
        )
        inputs = torch.randn(2000, 1, 16, 16)
    else:
        wide = [nn.Linear(64, 2048), nn.ReLU(), nn.Linear(2048, 2048), nn.ReLU()]
        network = nn.Sequential(*wide, nn.Linear(2048, 2048), nn.Linear(2048, 1))
        inputs = torch.randn(1000, 64)
    return network, inputs, inputs.flatten(1)[:, :1]


JOBS = ("small MLP", "convolutions", "8.5 million weights")


def cost_of(name: str, seconds: float) -> tuple[float, float, list[float], int]:
    """Train for some seconds; return all seconds, those of saves, and the bytes."""
    network, inputs, targets = network_of(name)
    saves: list[float] = []
    size = 0
    save = RunFolder.save_checkpoint

    def timed(self, step, fill):
        nonlocal size
        begun = time.perf_counter()
        path = save(self, step, fill)
        saves.append(time.perf_counter() - begun)
        size = sum(p.stat().st_size for p in path.iterdir())
        return path

    RunFolder.save_checkpoint = timed
    try:
        with tempfile.TemporaryDirectory() as runs:
            begun = time.perf_counter()
            fit(
                network,
                (inputs, targets),
                loss="MSELoss",
                epochs=1_000_000,
                seconds=seconds,
                engine="eager",
                runs=Path(runs),
            )
            total = time.perf_counter() - begun
    finally:
        RunFolder.save_checkpoint = save
    return total, sum(saves[:-1]), saves, size


def measure(size: float, seed: int) -> Part:
    """Train each network for `size` times a minute."""
    del seed
    part = Part(
        "What saving costs",
        "Networks are trained with `torchsmith.fit` and its default cadence; the time "
        "inside of saving a checkpoint is measured. The save at the end of a training, "
        "which keeps its result, is given apart.",
    )
    progress = Progress("jobs", len(JOBS))
    for name in JOBS:
        total, within, saves, weight = cost_of(name, max(12.0, SECONDS * size))
        part.figures.append(
            Figure(
                f"{name}: share of the time in {len(saves) - 1} saves of "
                f"{weight / 1e6:.1f} MB",
                f"{within / total:.2%}",
                f"at most {MOST:.0%}",
                within / total <= MOST,
            )
        )
        part.notes.append(f"{name}: the save at the end takes {saves[-1]:.3f} s")
        progress.step()
    return part
