"""Small problems with known answers."""

import numpy as np

from torchsmith.evaluate.features import Features
from torchsmith.plan.plan import Problem

BINARY = Problem(task="binary", target="sick", metric="accuracy", classes=("no", "yes"))
THREE = Problem(
    task="multiclass", target="kind", metric="accuracy", classes=("a", "b", "c")
)
VALUES = Problem(task="regression", target="price", metric="rmse")


def no_codes(numbers):
    return Features(numbers.astype(np.float32), np.zeros((len(numbers), 0), np.int64))


def linear_classes(rows, classes, seed=0):
    """Classes along a line in three numbers, with some noise."""
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(rows, 3))
    place = numbers[:, 0] + 0.3 * random.normal(size=rows)
    edges = np.quantile(place, np.linspace(0, 1, classes + 1)[1:-1])
    return no_codes(numbers), np.searchsorted(edges, place).astype(np.int64)


def linear_values(rows, seed=0):
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(rows, 3))
    return no_codes(numbers), 50 + 10 * numbers[:, 0] + random.normal(size=rows)


def sure(codes, classes, right=0.9):
    """Probabilities that say these classes."""
    outputs = np.full((len(codes), classes), (1 - right) / (classes - 1))
    outputs[np.arange(len(codes)), codes] = right
    return outputs
