"""Faults that show in the network as it trains, and in groups of the result."""

from typing import Any

import numpy as np
from benchmarks.doctor.examples import Examples
from benchmarks.doctor.fault import Fault
from benchmarks.doctor.tasks import Task

Settings = dict[str, Any]


def _init(task: Task, *init: object, activation: str = "ReLU") -> Settings:
    return {"network": task.layers(None, activation), "init": list(init)}


def _constant(task: Task, value: float) -> Settings:
    return _init(task, {"constant_": {"val": value}}, {"zeros_": {"params": "*.bias"}})


def _huge(task: Task, std: float) -> Settings:
    return _init(task, {"normal_": {"std": std}})


def _tiny(task: Task, std: float) -> Settings:
    return {"network": task.deep(5, "ReLU"), "init": [{"normal_": {"std": std}}]}


def _sigmoids(task: Task, depth: int) -> Settings:
    return {"network": task.deep(depth, "Sigmoid")}


def _dead(task: Task, bias: float) -> Settings:
    return _init(task, {"constant_": {"val": bias, "params": "*.bias"}})


def _saturated(task: Task, std: float) -> Settings:
    return _init(task, {"normal_": {"std": std}}, activation="Tanh")


def _exploding(task: Task, gain: float) -> Settings:
    init = [{"orthogonal_": {"gain": gain}}]
    return {"network": task.deep(5, "LeakyReLU"), "init": init}


def _plain_deep(task: Task, depth: int) -> Settings:
    """Many layers as PyTorch initialises them, by plain SGD."""
    sgd = {"SGD": {"lr": 0.05, "momentum": 0.9}}
    return {"network": task.deep(depth, "ReLU"), "optimizer": sgd, "schedule": None}


def _plain(task: Task) -> bool:
    return task.plain


def _vectors(task: Task) -> bool:
    """Whether many layers learn as well, where nothing else is wrong."""
    return not task.convolutional


def _failing_group(
    examples: Examples, share: float, random: np.random.Generator
) -> Examples:
    """Give the rows of one group labels that say nothing."""
    group = _group(examples)
    rows = group & (random.random(len(group)) < share)
    # Those of any rows: of two classes the other one would say all.
    mixed = random.permutation(examples.targets)
    return examples.changed(targets=np.where(rows, mixed, examples.targets))


def _group(examples: Examples) -> np.ndarray:
    if examples.numbers:
        values = np.nan_to_num(examples.columns[examples.numbers[0]])
        return np.asarray(values >= np.quantile(values, 0.8))
    values = next(iter(examples.columns.values()))
    return np.asarray(values == np.unique(values)[0])


TRAINING_FAULTS = (
    Fault(
        "constant-init",
        "all weights of a layer equal",
        "training",
        ("C10",),
        (0.0, 0.01, 0.5),
        settings=_constant,
        where=_plain,
        mendable=True,
    ),
    Fault(
        "huge-init",
        "initial weights too large",
        "training",
        ("C10", "P1", "T1", "T2"),
        (0.5, 2.0, 10.0),
        settings=_huge,
        where=_plain,
        mendable=True,
    ),
    Fault(
        "tiny-init",
        "initial weights too small, in depth",
        "training",
        ("C10", "T3"),
        (1e-2, 1e-3, 1e-5),
        settings=_tiny,
        where=_vectors,
        mendable=True,
    ),
    Fault(
        "sigmoids",
        "many layers of Sigmoid",
        "training",
        ("T3",),
        (4, 7, 10),
        settings=_sigmoids,
        where=_vectors,
        mendable=True,
    ),
    Fault(
        "plain-deep",
        "many layers without normalisation",
        "training",
        ("T3", "C10"),
        (8, 12, 20),
        settings=_plain_deep,
        where=_vectors,
        mendable=True,
    ),
    Fault(
        "dead-units",
        "biases that switch units off",
        "training",
        ("T4", "C10"),
        (-1.0, -5.0, -20.0),
        settings=_dead,
        where=_plain,
        mendable=True,
    ),
    Fault(
        "saturated",
        "Tanh beyond its range",
        "training",
        ("T5", "C10"),
        (0.5, 2.0, 10.0),
        settings=_saturated,
        where=_plain,
        mendable=True,
    ),
    Fault(
        "exploding",
        "gradients that grow from layer to layer",
        "training",
        ("T2", "T1", "C10", "P1"),
        (2.0, 3.0, 6.0),
        settings=_exploding,
        where=_vectors,
        mendable=True,
    ),
    Fault(
        "failing-group",
        "one group whose labels say nothing",
        "quality",
        ("Q5", "D11"),
        (0.4, 0.7, 1.0),
        examples=_failing_group,
        where=lambda task: task.kind == "table",
    ),
)
