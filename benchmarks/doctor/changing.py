"""What faults of the data have in common."""

import numpy as np
from benchmarks.doctor.examples import Examples
from benchmarks.doctor.tasks import Task

Random = np.random.Generator


def has_classes(task: Task) -> bool:
    """Whether classes are predicted."""
    return not task.regression


def has_many_classes(task: Task) -> bool:
    """Whether at least four classes are predicted."""
    return has_classes(task) and task.num_outputs >= 4


def has_numbers(task: Task) -> bool:
    """Whether inputs hold numbers."""
    return task.has_numbers


def has_number_columns(task: Task) -> bool:
    """Whether some columns of a table hold numbers."""
    return task.kind == "table" and task.has_numbers


def some(num: int, share: float, random: Random) -> np.ndarray:
    """Return `(N,)` bool: a share of the examples, at least one."""
    chosen = np.zeros(num, bool)
    chosen[random.permutation(num)[: max(round(share * num), 1)]] = True
    return chosen


def dealt(examples: Examples, random: Random) -> Examples:
    """Give examples parts as a run would draw them."""
    order = random.permutation(len(examples))
    return in_parts(examples, order)


def in_parts(examples: Examples, order: np.ndarray) -> Examples:
    """Give the first of an order to train, the next to val, the last to test."""
    num = len(order)
    parts = np.zeros(num, np.int8)
    parts[order[round(0.68 * num) :]] = 1
    parts[order[round(0.8 * num) :]] = 2
    return examples.changed(parts=parts)


def with_numbers(examples: Examples, change: object, rows: np.ndarray) -> Examples:
    """Change all numbers of some rows by a function of an array."""
    assert callable(change)
    if not examples.is_table:
        values = examples.array.astype(np.float32)
        values[rows] = change(values[rows])
        return examples.changed(values)
    columns = {}
    for name in examples.numbers:
        values = examples.columns[name].astype(np.float64)
        values[rows] = change(values[rows])
        columns[name] = values
    return examples.with_columns(**columns)


def all_rows(examples: Examples) -> np.ndarray:
    """Return `(N,)` bool: every example."""
    return np.ones(len(examples), bool)


def mislabelled(examples: Examples, rows: np.ndarray, random: Random) -> Examples:
    """Give some rows another target: another class, or that of another row."""
    targets = examples.targets.copy()
    if targets.dtype.kind == "f":
        targets[rows] = random.permutation(examples.targets)[rows]
        return examples.changed(targets=targets)
    classes = examples.classes
    codes = np.searchsorted(classes, targets)
    steps = random.integers(1, len(classes), len(codes))
    return examples.changed(
        targets=np.where(rows, classes[(codes + steps) % len(classes)], targets)
    )
