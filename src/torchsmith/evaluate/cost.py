"""How many rows a rival may be fitted on, so that it takes a few seconds.

The rule counts operations; the rates were measured on two CPU cores and rounded down.
It looks at no clock: the same job gets the same rows everywhere.
"""

from dataclasses import dataclass

import numpy as np

from torchsmith.core.seeds import generator

FEWEST_ROWS = 1_000
FEWEST_SECONDS = 6.0
"""That a rival has in the usual budget; with less, it is fitted on fewer rows."""

FEWEST_OF_ALL = 200
"""However little time there is."""

FEWEST_GRAMS, MOST_GRAMS = 1_000, 50_000
"""Different n-grams that a linear model of texts knows."""

_LINEAR = 2.4e7
"""Entries of a table with one output that a linear model of classes learns from in a
second, in all its steps."""

_SPARSE = 4
"""An entry of a sparse table costs as much as so many of a dense one."""

_WEIGHT = 230
"""A weight costs as much as so many entries, whatever the number of rows: L-BFGS keeps
what changed in its last ten steps. Measured on names: 470,000 took 4.5 s."""


@dataclass(frozen=True)
class Work:
    """The size of a job.

    Attributes:
        rows: To fit on.
        test_rows: To predict.
        numbers: Number columns, or pixels.
        codes: Category columns.
        classes: K; 0 for regression.
        tree_columns: What the trees see of numbers and codes.
        compared: Numbers that neighbours compare instead; 0 for none.
        grams: Of an average text, the n-grams; 0 where there are no texts.
    """

    rows: int
    test_rows: int
    numbers: int
    codes: int
    classes: int
    tree_columns: int
    compared: int = 0
    grams: int = 0

    @property
    def outputs(self) -> int:
        """Models within a model: one for each class, but one for two classes."""
        return self.classes if self.classes > 2 else 1


def affordable_rows(name: str, work: Work, seconds: float) -> int:
    """Return how many rows a rival is fitted on.

    If there are so many, at least 1,000 in 6 s or more, fewer in less, never below 200.

    Args:
        name: `constant`, `last`, `linear`, `neighbors` or `trees`.
        work: The size of the job.
        seconds: About how long it may take.
    """
    wide = max(work.numbers + 10 * work.codes, 1)
    match name:
        case "linear" if work.grams:
            # The other half of the time is for the weights, see `affordable_grams`.
            rows = seconds / 2 * _LINEAR / (_SPARSE * work.grams * work.outputs)
        case "linear" if work.classes:
            rows = seconds * _LINEAR / (wide * work.outputs)
        case "linear":
            rows = seconds * 5e9 / wide**2
        case "neighbors":
            rows = seconds * 1e10 / (((work.compared or wide) + 30) * work.test_rows)
        case "trees":
            rows = (
                seconds
                * 1.5e8
                / (max(work.tree_columns, 1) * work.outputs * tree_steps(work, seconds))
            )
        case _:
            rows = work.rows
    fewest = min(FEWEST_ROWS, int(FEWEST_ROWS * seconds / FEWEST_SECONDS))
    return min(work.rows, max(fewest, FEWEST_OF_ALL, int(rows)))


def affordable_grams(work: Work, seconds: float) -> int:
    """Return how many n-grams a linear model of texts knows, the most frequent."""
    grams = int(seconds / 2 * _LINEAR / (_WEIGHT * work.outputs))
    return min(max(grams, FEWEST_GRAMS), MOST_GRAMS)


def tree_steps(work: Work, seconds: float) -> int:
    """Return how many times boosting adds a tree for each output, 10 to 200."""
    return int(np.clip(seconds * 75 / work.outputs, 10, 200))


def sample_rows(targets: np.ndarray, rows: int, classes: int, seed: int) -> np.ndarray:
    """Draw rows, each class in proportion and with at least two of its rows.

    Args:
        targets: `(N,)`.
        rows: How many; rounding per class may give a few more.
        classes: K; 0 for regression draws without regard to the target.
        seed: Draws the rows.

    Returns:
        Row numbers, sorted.
    """
    random = generator(seed, "rival rows", rows)
    if not classes:
        return np.sort(random.permutation(len(targets))[:rows])
    shuffled = random.permutation(len(targets))
    order = shuffled[np.argsort(targets[shuffled], kind="stable")]
    counts = np.bincount(targets, minlength=classes)
    wanted = np.ceil(counts * (rows / len(targets))).astype(np.int64)
    wanted = np.minimum(np.maximum(wanted, 2), counts)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    chosen = [order[s : s + n] for s, n in zip(starts, wanted, strict=True)]
    return np.sort(np.concatenate(chosen))
