"""Fitted preparation of targets: places of classes, or scaled numbers."""

from collections.abc import Sequence

import numpy as np

from torchsmith.core.errors import DataError, PlanError, nearest
from torchsmith.core.record import Record
from torchsmith.core.vocabulary import NOUNS, Task
from torchsmith.core.wording import listed
from torchsmith.data.data import Column, ColumnFormat, Data
from torchsmith.data.tabular import FLOAT32_MAX, distinct_texts


class TargetPreparation(Record):
    """What is known of the target.

    Attributes:
        format: How the target is read from a new file.
        classes: In the order of the network's outputs; empty for regression.
        mean, deviation: Regression targets are `(value - mean) / deviation`.
        low, high: Predictions stay between them, where they are given.
    """

    format: ColumnFormat
    classes: tuple[str, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0
    low: float | None = None
    high: float | None = None

    def apply(self, data: Data, rows: np.ndarray | None = None) -> np.ndarray:
        """Return `(N,)` int64 places of classes or `(N, 1)` float32 numbers.

        Args:
            data: With a target.
            rows: Only of these.

        Raises:
            DataError: No target, a missing one, a class that training does not have, or
                a number that is too large for float32.
        """
        every = np.arange(len(data)) if rows is None else rows
        column = _target(data, every)
        if self.classes:
            return self._places(column, data, every)
        scaled = (_numbers(column, data, every) - self.mean) / self.deviation
        large = np.flatnonzero(np.abs(scaled) > FLOAT32_MAX)
        if len(large):
            raise DataError(
                f"target '{column.name}': {len(large)} of {len(every)} values are too "
                f"large for float32 ({data.inputs.places(every[large])}); correct "
                "them, or use another unit"
            )
        return np.asarray(scaled.astype(np.float32)[:, None])

    def plain(self, data: Data) -> np.ndarray:
        """Return `(N,)` places of classes, or float64 numbers in their own units."""
        every = np.arange(len(data))
        column = _target(data, every)
        if self.classes:
            return self._places(column, data, every)
        return _numbers(column, data, every)

    def require_kind(self, data: Data) -> None:
        """Refuse texts where numbers are predicted, and numbers that are no classes.

        Raises:
            DataError: Says what the target holds, and what it shall hold.
        """
        held = [] if data.target is None else distinct_texts(data.target)[1]
        held = [text for text in held if text]
        if data.target is None or not held:
            return
        name, kind, one = data.target.name, data.target.kind, NOUNS[data.kind]
        found = listed(held)
        if not self.classes and kind == "text":
            raise DataError(
                f"{data.source}: the target '{name}' holds texts ({found}), and the "
                f"network predicts numbers; give a number for each {one} to score "
                "against"
            )
        if self.classes and kind == "number" and not {*held} & {*self.classes}:
            known = listed(self.classes, 10)
            raise DataError(
                f"{data.source}: the target '{name}' holds numbers ({found}), and the "
                f"network knows the classes {known}; give one of these for each {one} "
                "to score against"
            )

    def values(self, outputs: np.ndarray) -> np.ndarray:
        """Turn outputs into float64 in the target's own units."""
        return np.asarray(outputs, np.float64) * self.deviation + self.mean

    def clamped(self, values: np.ndarray) -> np.ndarray:
        """Return predicted values within the range of the training part, if asked."""
        return values if self.low is None else values.clip(self.low, self.high)

    def _places(self, column: Column, data: Data, rows: np.ndarray) -> np.ndarray:
        index = {name: place for place, name in enumerate(self.classes)}
        codes, texts = distinct_texts(column)
        places = np.array([index.get(text, -1) for text in texts], np.int64)[codes]
        unknown = np.flatnonzero(places < 0)
        if len(unknown):
            names = list(dict.fromkeys(column.texts(unknown)))
            shown = listed(f"'{name}'" for name in names)
            known = listed(self.classes, 10)
            raise DataError(
                f"target '{column.name}': {len(unknown)} of {len(rows)} examples have "
                f"a class that the network does not know: {shown} "
                f"({data.inputs.places(rows[unknown])})"
                f"{nearest(names[0], self.classes) or ';'} "
                f"the classes are {known}"
            )
        return np.asarray(places)


def fit_target(
    data: Data,
    task: Task,
    classes: Sequence[str],
    *,
    standardize: bool,
    clamp: bool,
) -> TargetPreparation:
    """Fit on training rows, which all have a target.

    Args:
        data: The training rows, nothing else.
        task: What kind of problem it is.
        classes: The classes of the plan; empty for regression.
        standardize: Whether regression targets are scaled.
        clamp: Whether predictions stay in the range of these targets.

    Raises:
        DataError: A missing, infinite or constant target, one too large or too small to
            compute with, or an unknown class.
        PlanError: Classes are missing.
    """
    every = np.arange(len(data))
    column = _target(data, every)
    if task != "regression" and not classes:
        found = sorted(distinct_texts(column)[1])
        shown = ", ".join(f"'{name}'" for name in found[:10])
        raise PlanError(
            f"problem.classes: is missing; {task} needs the classes of '{column.name}' "
            f"in the order of the outputs: [{shown}{', …' * (len(found) > 10)}]"
        )
    if task != "regression":
        target = TargetPreparation(format=column.format, classes=tuple(classes))
        target.apply(data)
        return target
    values = _numbers(column, data, every)
    if values.min() == values.max():
        raise DataError(
            f"target '{column.name}' is {values[0]:.15g} in every training row; there "
            "is nothing to learn: choose another target"
        )
    span = f"target '{column.name}' goes from {values.min():.6g} to {values.max():.6g}"
    if not standardize:
        target = TargetPreparation(format=column.format)
        if len(np.unique(target.apply(data))) == 1:
            raise DataError(
                f"{span}, which are equal in float32; add StandardizeTarget to prepare"
            )
        return target
    with np.errstate(over="ignore", invalid="ignore"):
        deviation = float(values.std())
    if not 0 < deviation < np.inf:
        raise DataError(
            f"{span}, too {'small' if deviation == 0 else 'large'} to be scaled; give "
            "it in another unit"
        )
    return TargetPreparation(
        format=column.format,
        mean=float(values.mean()),
        deviation=deviation,
        low=float(values.min()) if clamp else None,
        high=float(values.max()) if clamp else None,
    )


def _target(data: Data, rows: np.ndarray) -> Column:
    """Return the target of rows; a copy of their inputs could be large."""
    if data.target is None:
        raise DataError(f"{data.source} has no target; name the column to predict")
    column = data.target.take(rows)
    missing = np.flatnonzero(column.missing)
    if len(missing):
        raise DataError(
            f"target '{column.name}': {len(missing)} of {len(rows)} rows have no "
            f"value ({data.inputs.places(rows[missing])}); leave them out with "
            "data.drop_missing_target: true"
        )
    return column


def _numbers(column: Column, data: Data, rows: np.ndarray) -> np.ndarray:
    if column.kind not in ("number", "boolean"):
        raise DataError(
            f"target '{column.name}' holds {column.kind}; regression needs numbers"
        )
    infinite = np.flatnonzero(np.isinf(column.values))
    if len(infinite):
        raise DataError(
            f"target '{column.name}': {len(infinite)} values are infinite "
            f"({data.inputs.places(rows[infinite])}); correct them or remove the rows"
        )
    return column.values
