"""Configurations that are healthy, some of which look odd."""

from typing import Any

import numpy as np
from benchmarks.doctor.tasks import Task

NUM = 25
"""Configurations of each task."""

ODD = (
    {"high rate, one cycle": True},
    {"dropout": 0.5},
    {"small batches with normalisation": True},
    {"no stopping, three times as long": True},
    {"a wide network": True},
)
"""What published rules take for a fault, and is none; configurations 0 to 4."""


def configuration(task: Task, number: int) -> dict[str, Any]:
    """Return settings that replace those of a task's own plan.

    Args:
        task: Whose.
        number: From 0; the first five look odd, the others are drawn.
    """
    if number < len(ODD):
        return _odd(task, number)
    draw = np.random.default_rng([number, len(task.name)])
    optimizer, schedule = _optimizer(task, draw), _schedule(draw)
    activation = draw.choice(["ReLU", "ReLU", "GELU", "Tanh", "SiLU", "LeakyReLU"])
    wide = float(draw.choice([0.75, 1, 1, 2]))
    settings = {
        "optimizer": optimizer,
        "schedule": schedule,
        "training.batch_size": int(task.batch_size * draw.choice([0.5, 1, 1, 2])),
        "training.epochs": round(task.epochs * float(draw.choice([1, 1.5]))),
        "network": task.network(
            tuple(round(width * wide) for width in task.hidden),
            str(activation),
            float(draw.choice([0.0, 0.0, 0.1, 0.2])),
            batch_norm=bool(draw.integers(2)),
        ),
    }
    if draw.random() < 0.3:
        settings["stopping.patience"] = max(task.epochs // 3, 3)
    if draw.random() < 0.3:
        settings["training.clip_grad_norm"] = 1.0
    if draw.random() < 0.2:
        settings["averaging"] = {"EMA": 0.9}
    if not task.regression and draw.random() < 0.3:
        settings["loss"] = {"CrossEntropyLoss": {"label_smoothing": 0.1}}
    if not task.regression and draw.random() < 0.5:
        settings["calibration"] = "TemperatureScaling"
    return settings


def _odd(task: Task, number: int) -> dict[str, Any]:
    if number == 0:
        return {"optimizer.lr": task.lr * 3}
    if number == 1:
        share = 0.5 if not task.convolutional else 0.3
        return {
            "network": task.network(dropout=share),
            "training.epochs": task.epochs * 2,
        }
    if number == 2:
        return {
            "network": task.network(batch_norm=True),
            "training.batch_size": 16,
            "training.epochs": max(task.epochs // 2, 2),
        }
    if number == 3:
        return {"training.epochs": task.epochs * 3, "stopping.patience": 0}
    wide = tuple(width * 3 for width in task.hidden)
    return {"network": task.network(wide)}


def _optimizer(task: Task, draw: np.random.Generator) -> dict[str, Any]:
    factor = float(draw.choice([0.5, 1, 1, 2]))
    name = str(draw.choice(["AdamW", "AdamW", "Adam", "SGD", "NAdam"]))
    if name == "SGD":
        # A tenth of the rate per unit of momentum lost is what SGD needs here.
        return {"SGD": {"lr": 0.05 * factor, "momentum": 0.9, "nesterov": True}}
    return {name: {"lr": task.lr * factor}}


def _schedule(draw: np.random.Generator) -> dict[str, Any] | None:
    kinds: list[dict[str, Any] | None] = [
        {"OneCycleLR": {"cycle_momentum": False}},
        {"OneCycleLR": {"cycle_momentum": False}},
        {"CosineAnnealingLR": {}},
        None,
    ]
    return kinds[int(draw.integers(len(kinds)))]
