"""Faults of inputs and targets: what a person's file may be like."""

import numpy as np
from benchmarks.doctor.changing import (
    Random,
    all_rows,
    has_classes,
    has_number_columns,
    has_numbers,
    mislabelled,
    some,
    with_numbers,
)
from benchmarks.doctor.examples import Examples
from benchmarks.doctor.fault import Fault
from benchmarks.doctor.tasks import Task

SCALING = ("Standardize", "QuantileScale", "RobustScale")


def _no_table(task: Task) -> bool:
    return task.kind != "table"


def _infinite(examples: Examples, share: float, random: Random) -> Examples:
    rows = some(len(examples), share, random)
    if examples.is_table:
        name = examples.numbers[0]
        values = examples.columns[name].astype(np.float64)
        values[rows] = np.inf
        return examples.with_columns(**{name: values})
    values = examples.array.astype(np.float32)
    values.reshape(len(values), -1)[rows, 0] = np.inf
    return examples.changed(values)


def _scaled(examples: Examples, factor: float, random: Random) -> Examples:
    del random
    return with_numbers(examples, lambda v: v * factor, all_rows(examples))


def _moved(examples: Examples, deviations: float, random: Random) -> Examples:
    del random
    if examples.is_table:
        columns = {}
        for name in examples.numbers:
            values = examples.columns[name]
            columns[name] = values + deviations * max(np.nanstd(values), 1e-9)
        return examples.with_columns(**columns)
    values = examples.array.astype(np.float32)
    return examples.changed(values + np.float32(deviations * values.std()))


def _unscaled(task: Task, level: float) -> dict[str, object]:
    del level
    kept = [step for step in task.prepare if step not in SCALING]
    if task.kind in {"images", "volumes"}:
        kept = [{"ToFloat": 1}]
    return {"prepare": kept}


def _unscaled_target(task: Task, level: float) -> dict[str, object]:
    del level
    return {"prepare": [step for step in task.prepare if step != "StandardizeTarget"]}


def _larger_target(examples: Examples, factor: float, random: Random) -> Examples:
    del random
    return examples.changed(targets=examples.targets * factor)


def _answer(examples: Examples, noise: float, random: Random) -> Examples:
    """Put in what is known only afterwards."""
    if examples.targets.dtype.kind == "f":
        values = examples.targets + random.normal(
            0, noise * examples.targets.std(), len(examples)
        )
        return examples.with_columns(settled=values)
    told = examples.targets.copy()
    wrong = random.random(len(told)) < noise
    told[wrong] = random.permutation(told)[wrong]
    if examples.is_table:
        return examples.with_columns(settled=np.char.add("s", told))
    code = np.searchsorted(examples.classes, told)
    return _marked(examples, code / max(len(examples.classes) - 1, 1))


def _no_answer(examples: Examples, noise: float, random: Random) -> Examples:
    """Unseen examples do not know it yet: it stands there at random."""
    mixed = examples.changed(targets=random.permutation(examples.targets))
    return _answer(mixed, noise, random).changed(targets=examples.targets)


def _marked(examples: Examples, share: np.ndarray) -> Examples:
    values = examples.array.copy()
    low, high = values.min(), values.max()
    mark = (low + share * (high - low)).astype(values.dtype)
    corner = (slice(None), *(slice(0, 3) for _ in values.shape[1:]))
    values[corner] = mark.reshape(-1, *([1] * (values.ndim - 1)))
    return examples.changed(values)


def _noisy_labels(examples: Examples, share: float, random: Random) -> Examples:
    return mislabelled(examples, some(len(examples), share, random), random)


def _confused(examples: Examples, share: float, random: Random) -> Examples:
    first, second = random.permutation(examples.classes)[:2]
    wrong = (examples.targets == first) & (random.random(len(examples)) < share)
    return examples.changed(targets=np.where(wrong, second, examples.targets))


def _contradicted(examples: Examples, share: float, random: Random) -> Examples:
    copies = examples.take(np.flatnonzero(some(len(examples), share, random)))
    wrong = mislabelled(copies, all_rows(copies), random)
    both = examples.and_also(wrong)
    return both.take(random.permutation(len(both)))


def _blank(examples: Examples, share: float, random: Random) -> Examples:
    rows = some(len(examples), share, random)
    return with_numbers(examples, np.zeros_like, rows)


def _inverted(examples: Examples, share: float, random: Random) -> Examples:
    rows = some(len(examples), share, random)
    low, high = examples.array.min(), examples.array.max()
    return with_numbers(examples, lambda v: low + (high - v), rows)


def _other_units(examples: Examples, share: float, random: Random) -> Examples:
    rows = some(len(examples), share, random)
    return with_numbers(examples, lambda v: v * 1000, rows)


def _standardized(task: Task, level: float) -> dict[str, object]:
    del level
    other = [
        "Standardize" if step == "QuantileScale" else step for step in task.prepare
    ]
    return {"prepare": other}


def _minus_999(examples: Examples, share: float, random: Random) -> Examples:
    columns = {}
    for name in examples.numbers:
        lost = random.random(len(examples)) < share
        columns[name] = np.where(lost, -999.0, examples.columns[name])
    return examples.with_columns(**columns)


def _misaligned(examples: Examples, share: float, random: Random) -> Examples:
    del random
    begin = round((1 - share) * len(examples))
    targets = examples.targets.copy()
    targets[begin:] = np.roll(targets[begin:], 1)
    return examples.changed(targets=targets)


DATA_FAULTS = (
    Fault(
        "infinite",
        "infinite values in the inputs",
        "data",
        ("D1",),
        (0.002, 0.02, 0.2),
        examples=_infinite,
        where=has_numbers,
    ),
    Fault(
        "unscaled",
        "inputs in large units, fed as they are",
        "data",
        ("D3",),
        (1.0, 100.0, 1e4),
        settings=_unscaled,
        examples=_scaled,
        unseen=_scaled,
        where=has_numbers,
        mendable=True,
    ),
    Fault(
        "uncentred",
        "inputs far from 0, fed as they are",
        "data",
        ("D3",),
        (10.0, 100.0, 1000.0),
        settings=_unscaled,
        examples=_moved,
        unseen=_moved,
        where=has_numbers,
        mendable=True,
    ),
    Fault(
        "unscaled-target",
        "a target in large units, fed as it is",
        "data",
        ("D4",),
        (100.0, 1e4, 1e6),
        settings=_unscaled_target,
        examples=_larger_target,
        unseen=_larger_target,
        where=lambda task: task.regression,
        mendable=True,
    ),
    Fault(
        "answer",
        "an input that is made of the answer",
        "data",
        ("D10", "Q6"),
        (0.2, 0.05, 0.0),
        examples=_answer,
        unseen=_no_answer,
        effect="honesty",
    ),
    Fault(
        "wrong-labels",
        "wrong labels",
        "data",
        ("D11",),
        (0.05, 0.15, 0.4),
        examples=_noisy_labels,
    ),
    Fault(
        "confused-labels",
        "one class labelled as another",
        "data",
        ("D11",),
        (0.2, 0.4, 0.8),
        examples=_confused,
        where=has_classes,
    ),
    Fault(
        "contradictions",
        "copies with other labels",
        "data",
        ("D12", "D11"),
        (0.1, 0.3, 0.6),
        examples=_contradicted,
        where=has_classes,
    ),
    Fault(
        "blank",
        "blank examples",
        "data",
        ("D13",),
        (0.05, 0.2, 0.5),
        examples=_blank,
        where=has_numbers,
    ),
    Fault(
        "inverted",
        "inverted examples",
        "data",
        ("D13",),
        (0.1, 0.3, 0.5),
        examples=_inverted,
        where=_no_table,
    ),
    Fault(
        "mixed-units",
        "some rows in other units",
        "data",
        ("D13", "D18"),
        (0.01, 0.05, 0.2),
        settings=_standardized,
        examples=_other_units,
        where=has_number_columns,
        mendable=True,
    ),
    Fault(
        "minus-999",
        "-999 where values are missing",
        "data",
        ("D13", "D16", "D18"),
        (0.05, 0.2, 0.5),
        settings=_standardized,
        examples=_minus_999,
        where=has_number_columns,
    ),
    Fault(
        "misaligned",
        "targets one row off",
        "data",
        ("D15", "D11"),
        (0.34, 0.67, 1.0),
        examples=_misaligned,
    ),
)
