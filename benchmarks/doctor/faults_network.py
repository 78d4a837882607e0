"""Faults of the network, its loss and its inputs, as a plan sets them."""

from typing import Any

from benchmarks.doctor.fault import Fault
from benchmarks.doctor.tasks import Task

Settings = dict[str, Any]


def _reach(task: Task, end: str) -> Settings:
    return {"network": task.layers(end=(end,))}


def _squared(task: Task, end: str) -> Settings:
    """The squared error of classes, behind something that squeezes."""
    ends = (end,) if end else ()
    norm = {} if task.convolutional else None
    return {"network": task.layers(norm=norm, end=ends), "loss": "MSELoss"}


def _dropout(task: Task, share: float) -> Settings:
    return {"network": task.network(dropout=share)}


def _turned(task: Task, level: int) -> Settings:
    if task.kind == "volumes":
        sides = ("depth", "height", "width")[:level]
        moved = [{"RandomShift3d": 2 * level}] if level > 1 else []
        return {"augment": [*({"RandomQuarterTurn3d": side} for side in sides), *moved]}
    degrees, moved = ((90, 0.1), (180, 0.2), (180, 0.5))[level - 1]
    how = {"degrees": degrees, "translate": [moved, moved], "scale": [0.5, 1.5]}
    flips = ["RandomHorizontalFlip", "RandomVerticalFlip"] if level > 1 else []
    return {"augment": [{"RandomAffine": how}, *flips]}


def _small(task: Task, width: int) -> Settings:
    return {"network": task.network(hidden=(width,) * len(task.hidden))}


def _linear(task: Task, depth: int) -> Settings:
    widths = (task.hidden * 3)[:depth]
    return {"network": task.layers(widths, "Identity")}


def _slow_norm(task: Task, momentum: float) -> Settings:
    return {"network": task.layers(norm={"momentum": momentum})}


def _lagging(task: Task, decay: float) -> Settings:
    del task
    return {"averaging": {"EMA": decay}}


def _spatial(task: Task) -> bool:
    return task.kind in {"images", "volumes"}


def _summed(task: Task, lr: float) -> Settings:
    loss = "MSELoss" if task.regression else "CrossEntropyLoss"
    return {
        "optimizer": {"SGD": {"lr": lr, "momentum": 0.9}},
        "schedule": None,
        "loss": {loss: {"reduction": "sum"}},
    }


def _classes(task: Task) -> bool:
    return not task.regression


NETWORK_FAULTS = (
    Fault(
        "squared-classes",
        "the squared error of squeezed outputs",
        "plan",
        ("P5",),
        ("", "Sigmoid", "Softmax"),
        settings=_squared,
        where=_classes,
        mendable=True,
    ),
    Fault(
        "range",
        "outputs that cannot reach the targets",
        "plan",
        ("P6",),
        ("Tanh", "ReLU", "Sigmoid"),
        settings=_reach,
        where=lambda task: task.regression,
        mendable=True,
    ),
    Fault(
        "dropout",
        "too much dropout",
        "plan",
        ("P7",),
        (0.7, 0.85, 0.95),
        settings=_dropout,
        mendable=True,
    ),
    Fault(
        "augmentation",
        "an augmentation that changes the label",
        "plan",
        ("P10",),
        (1, 2, 3),
        settings=_turned,
        where=_spatial,
        mendable=True,
    ),
    Fault(
        "small",
        "a network too small",
        "plan",
        ("P11",),
        (3, 2, 1),
        settings=_small,
        mendable=True,
    ),
    Fault(
        "linear",
        "layers without an activation",
        "plan",
        ("P11",),
        (2, 3, 5),
        settings=_linear,
        where=lambda task: task.plain,
        mendable=True,
    ),
    Fault(
        "summed",
        "a loss that is summed",
        "plan",
        ("C12", "P1", "T1"),
        (0.02, 0.1, 0.5),
        settings=_summed,
        mendable=True,
    ),
    Fault(
        "norm-momentum",
        "normalisation whose statistics never arrive",
        "plan",
        ("C6",),
        (0.01, 0.001, 1e-5),
        settings=_slow_norm,
        mendable=True,
    ),
    Fault(
        "averaging",
        "an average that still holds the first weights",
        "plan",
        ("P3", "C6"),
        (0.995, 0.999, 0.9999),
        settings=_lagging,
        mendable=True,
    ),
)
