"""What a fault is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from benchmarks.doctor.examples import Examples
from benchmarks.doctor.tasks import Task

Family = Literal["data", "plan", "training", "code", "quality"]

Effect = Literal["score", "honesty", "calibration"]
"""How it hurts: the score on unseen examples falls, the reported score is not what
unseen examples give, or probabilities are wrong."""

GIVEN = {"split.test": "given", "split.val": "given"}


def everywhere(task: Task) -> bool:
    """Every task has it."""
    del task
    return True


@dataclass(frozen=True, eq=False)
class Fault:
    """One kind of fault, in three severities.

    Attributes:
        name: Short.
        title: What a person did, for the page.
        family: Of the catalogue.
        codes: Those that name the cause rightly.
        levels: The three severities, mildest first.
        settings: From a task and a level to what the plan says instead.
        examples: From examples, a level and random numbers to the faulty ones.
        unseen: The same for unseen examples, where the fault changes what they are.
        effect: How it hurts.
        where: Which tasks can have it.
        mendable: Whether a change of the plan can undo it.
    """

    name: str
    title: str
    family: Family
    codes: tuple[str, ...]
    levels: tuple[Any, Any, Any]
    settings: Callable[[Task, Any], Mapping[str, Any]] | None = None
    examples: Callable[[Examples, Any, np.random.Generator], Examples] | None = None
    unseen: Callable[[Examples, Any, np.random.Generator], Examples] | None = None
    effect: Effect = "score"
    where: Callable[[Task], bool] = everywhere
    mendable: bool = False

    def fits(self, task: Task) -> bool:
        """Whether a task can have it, and does not have it by itself."""
        return self.where(task) and not set(self.codes[:1]) & set(task.known)
