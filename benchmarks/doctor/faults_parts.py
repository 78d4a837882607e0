"""Faults of the parts: what is learned from, and what is tested on."""

import numpy as np
from benchmarks.doctor.changing import (
    Random,
    dealt,
    has_classes,
    has_many_classes,
    has_number_columns,
    has_numbers,
    in_parts,
    some,
    with_numbers,
)
from benchmarks.doctor.examples import Examples
from benchmarks.doctor.fault import GIVEN, Fault
from benchmarks.doctor.tasks import Task


def _few_of_some(examples: Examples, share: float, random: Random) -> Examples:
    classes = examples.classes
    rare = np.isin(examples.targets, classes[: max(len(classes) // 2, 1)])
    return examples.take(np.flatnonzero(~rare | (random.random(len(rare)) < share)))


def _without_classes(examples: Examples, count: int, random: Random) -> Examples:
    divided = dealt(examples, random)
    gone = np.isin(divided.targets, random.permutation(divided.classes)[:count])
    assert divided.parts is not None
    return divided.take(np.flatnonzero(~gone | (divided.parts == 2)))


def _shared(examples: Examples, share: float, random: Random) -> Examples:
    divided = dealt(examples, random)
    assert divided.parts is not None
    tested = np.flatnonzero(divided.parts == 2)
    copies = divided.take(tested[some(len(tested), share, random)])
    return divided.and_also(copies.changed(parts=np.zeros(len(copies), np.int8)))


def _repeated(examples: Examples, times: int, random: Random) -> Examples:
    kept = random.permutation(len(examples))[: len(examples) // times]
    return examples.take(random.permutation(np.tile(kept, times)))


def _grouped(examples: Examples, times: int, random: Random) -> Examples:
    kept = random.permutation(len(examples))[: len(examples) // times]
    every = random.permutation(np.tile(kept, times))
    made = examples.take(every)
    columns: dict[str, np.ndarray] = {}
    for name in made.numbers:
        values = made.columns[name]
        noise = random.normal(0, 0.02 * np.nanstd(values), len(values))
        columns[name] = values + noise
    return made.with_columns(**columns, person=np.char.add("p", every.astype(str)))


def _person(examples: Examples, times: int, random: Random) -> Examples:
    del times, random
    names = np.char.add("n", np.arange(len(examples)).astype(str))
    return examples.with_columns(person=names)


def _brightness(examples: Examples) -> np.ndarray:
    if examples.is_table:
        return np.nan_to_num(examples.columns[examples.numbers[-1]])
    return examples.array.reshape(len(examples), -1).astype(np.float32).mean(1)


def _by_class(examples: Examples, share: float, random: Random) -> Examples:
    """Divide in the order of the file, which goes by class so far."""
    rank = examples.targets.argsort(kind="stable").argsort() / len(examples)
    mixed = random.random(len(examples)) >= share
    rank[mixed] = random.random(int(mixed.sum()))
    return in_parts(examples, rank.argsort())


def _by_brightness(examples: Examples, share: float, random: Random) -> Examples:
    """Divide by a property of the inputs, so far."""
    rank = _brightness(examples).argsort(kind="stable").argsort() / len(examples)
    mixed = random.random(len(examples)) >= share
    rank[mixed] = random.random(int(mixed.sum()))
    return in_parts(examples, rank.argsort())


def _prepared_differently(
    examples: Examples, factor: float, random: Random
) -> Examples:
    divided = dealt(examples, random)
    assert divided.parts is not None
    return with_numbers(divided, lambda v: v * factor, divided.parts != 0)


def _few(examples: Examples, count: int, random: Random) -> Examples:
    by_class = [
        random.permutation(np.flatnonzero(examples.targets == name))[:3]
        for name in (examples.classes if examples.targets.dtype.kind != "f" else ())
    ]
    kept = random.permutation(len(examples))[:count]
    return examples.take(np.unique(np.concatenate([kept, *by_class])))


def _not_by_group(task: Task, level: float) -> dict[str, object]:
    """Leave the column of persons alone; by itself a plan would split by it."""
    del task, level
    return {"split.group": None}


def _given(task: Task, level: float) -> dict[str, object]:
    del task, level
    return dict(GIVEN)


PARTS_FAULTS = (
    Fault(
        "rare-classes",
        "half of the classes nearly missing",
        "data",
        ("D5", "D23"),
        (0.1, 0.03, 0.01),
        examples=_few_of_some,
        where=has_classes,
    ),
    Fault(
        "class-not-learned",
        "classes that no training example has",
        "data",
        ("D6",),
        (1, 2, 3),
        settings=_given,
        examples=_without_classes,
        where=has_many_classes,
    ),
    Fault(
        "shared",
        "test examples in the training part",
        "data",
        ("D8",),
        (0.1, 0.3, 0.9),
        settings=_given,
        examples=_shared,
        effect="honesty",
        mendable=True,
    ),
    Fault(
        "repeated",
        "examples repeated before the split",
        "data",
        ("D8", "D27"),
        (2, 4, 8),
        examples=_repeated,
        effect="honesty",
        mendable=True,
    ),
    Fault(
        "same-person",
        "rows of one person in all parts",
        "data",
        ("D9",),
        (2, 4, 8),
        settings=_not_by_group,
        examples=_grouped,
        unseen=_person,
        effect="honesty",
        where=has_number_columns,
        mendable=True,
    ),
    Fault(
        "file-order",
        "divided in a file's order, which goes by class",
        "data",
        ("D14", "D6", "P8"),
        (0.3, 0.6, 1.0),
        settings=_given,
        examples=_by_class,
        mendable=True,
    ),
    Fault(
        "shifted",
        "parts that differ in kind",
        "data",
        ("D14",),
        (0.4, 0.7, 1.0),
        settings=_given,
        examples=_by_brightness,
        where=has_numbers,
        mendable=True,
    ),
    Fault(
        "prepared-differently",
        "val and test in other units",
        "data",
        ("P9", "D14"),
        (0.5, 0.1, 1 / 255),
        settings=_given,
        examples=_prepared_differently,
        effect="honesty",
        where=has_numbers,
    ),
    Fault(
        "few",
        "hardly any examples",
        "data",
        ("D25", "Q3", "T8"),
        (200, 100, 50),
        examples=_few,
        where=lambda task: task.num_outputs <= 10,
    ),
)
