"""The parts of a task as rivals take them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from torchsmith.data.data import Data, Sequences, Volumes
from torchsmith.data.on_disk import in_memory
from torchsmith.data.split import Parts, split_rows
from torchsmith.plan.plan import Plan

BLOCK = 3
"""Voxels along each side of the blocks whose means trees are given."""


@dataclass(frozen=True)
class Rows:
    """Examples of three parts.

    Attributes:
        data: All of them.
        targets: `(N,)` values, or places in the plan's classes.
        parts: Which row is in which part.
        num_classes: K; 0 for regression.
        roles: Of the columns of a table that the plan uses.
        seed: Of whatever a rival draws.
        seconds: That the plan was made for.
    """

    data: Data
    targets: np.ndarray
    parts: Parts
    num_classes: int
    roles: Mapping[str, str]
    seed: int
    seconds: float

    @property
    def fitted(self) -> np.ndarray:
        """The training and the val part together."""
        return np.union1d(self.parts.train, self.parts.val)

    def spread(self, classes: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Give classes that a rival has not seen a probability of 0."""
        full = np.zeros((len(known), self.num_classes))
        full[:, np.asarray(classes).astype(int)] = known
        return full


def rows_of(data: Data, plan: Plan, seconds: float) -> Rows:
    """Divide data as a plan does, and write its targets as numbers."""
    return Rows(
        data=data,
        targets=targets_of(data, plan.problem.classes),
        parts=split_rows(data, plan.split, plan.data.columns),
        num_classes=len(plan.problem.classes),
        roles={k: v for k, v in plan.data.columns.items() if v != "ignore"},
        seed=plan.training.seed,
        seconds=seconds,
    )


def targets_of(data: Data, classes: tuple[str, ...]) -> np.ndarray:
    """Return the place of each class, or the values where there are no classes."""
    if not classes:
        return data.target.values.astype(np.float64)
    places = {name: place for place, name in enumerate(classes)}
    return np.array([places[text] for text in data.target.texts(slice(None))])


def flat(data: Data) -> np.ndarray:
    """Return `(N, F)` numbers of pictures, volumes, or sequences of one length."""
    inputs = data.inputs
    if isinstance(inputs, Volumes):
        return _blocks(np.asarray(inputs.values))
    if isinstance(inputs, Sequences):
        return np.stack([inputs.at(i).ravel() for i in range(len(inputs))])
    return in_memory(inputs.pixels).reshape(len(inputs), -1)


def _blocks(values: np.ndarray) -> np.ndarray:
    """Return the means of blocks of voxels: trees take hours on all of them."""
    num, channels, *sides = values.shape
    kept = values[(..., *(slice(side // BLOCK * BLOCK) for side in sides))]
    divided = kept.reshape(
        num, channels, *(part for side in sides for part in (side // BLOCK, BLOCK))
    )
    return divided.mean(axis=(3, 5, 7), dtype=np.float32).reshape(num, -1)
