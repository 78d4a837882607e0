"""What `predict` gives back."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from torchsmith.data.write import write_table

_DIGITS = 7
"""Significant digits of a float32."""


@dataclass(frozen=True)
class Interval:
    """Within which numbers the targets of N examples are expected.

    Attributes:
        coverage: The share of targets that shall lie within, on average over examples
            like those of the val part.
        lower: `(N,)`, in the target's own units.
        upper: `(N,)`.
    """

    coverage: float
    lower: np.ndarray
    upper: np.ndarray

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain lists, for JSON."""
        return {
            "coverage": self.coverage,
            "lower": self.lower.tolist(),
            "upper": self.upper.tolist(),
        }


@dataclass(frozen=True)
class Predictions:
    """Predictions for N examples.

    Attributes:
        target: The name of what is predicted.
        classes: In the order of the probabilities; empty for regression.
        where: What to call each example: the number of its line in the file, or of
            its row where there are no lines; the file name.
        probabilities: `(N, K)` for classification, else None.
        values: `(N,)` for regression, in the target's own units, else None.
        interval: Around the values, where the run has one.
        notes: What the person should know, such as categories not seen in training.
        kept: Columns of the source that were asked for, as N texts each.
    """

    target: str
    classes: tuple[str, ...]
    where: tuple[str, ...]
    probabilities: np.ndarray | None
    values: np.ndarray | None
    interval: Interval | None = None
    notes: tuple[str, ...] = ()
    kept: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.where)

    @property
    def texts(self) -> list[str]:
        """The prediction of each example: a class, or a number rounded for reading."""
        if self.probabilities is not None:
            return [self.classes[i] for i in self.probabilities.argmax(axis=1)]
        if self.values is None:
            return []
        digits = _digits(self.values)
        return [f"{value:.{digits}g}" for value in self.values]

    @property
    def interval_texts(self) -> list[str]:
        """The interval of each example for reading; empty without."""
        if self.values is None or self.interval is None:
            return []
        digits = _digits(self.values)
        ends = zip(self.interval.lower, self.interval.upper, strict=True)
        return [f"{lower:.{digits}g} to {upper:.{digits}g}" for lower, upper in ends]

    def columns(self) -> Mapping[str, Sequence[str | float]]:
        """Return the columns of the predictions file."""
        columns: dict[str, Sequence[str | float]] = {
            place_name(self.target): self.where,
            **self.kept,
        }
        if self.values is not None:
            columns[self.target] = [float(value) for value in self.values]
        if self.interval is not None:
            for name, ends in zip(
                end_names(self.target),
                (self.interval.lower, self.interval.upper),
                strict=True,
            ):
                columns[name] = [float(end) for end in ends]
        if self.probabilities is not None:
            columns[self.target] = self.texts
            for name, shares in zip(self.classes, self.probabilities.T, strict=True):
                columns[f"probability of {name}"] = [round(float(p), 6) for p in shares]
        return columns

    def write(self, path: str | Path) -> Path:
        """Write a CSV file: the example, kept columns, the prediction, what is beside.

        That is the probability of each class, or the ends of the interval.

        Raises:
            DataError: A device, a pipe or a folder has this name, or it is the name of
                a file of another format, such as `p.xlsx`.
            TrainError: The file cannot be written.
        """
        path = Path(path)
        write_table(path, self.columns())
        return path

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain lists, for JSON."""
        return {
            "target": self.target,
            "classes": list(self.classes),
            "where": list(self.where),
            "predictions": self.texts
            if self.values is None
            else [float(v) for v in self.values],
            "probabilities": None
            if self.probabilities is None
            else self.probabilities.tolist(),
            **(self.interval.to_dict() if self.interval else {}),
            "notes": list(self.notes),
            "kept": {name: list(texts) for name, texts in self.kept.items()},
        }


def place_name(target: str) -> str:
    """Return what the column is called that says which example it is."""
    return "example" if target != "example" else "place"


def end_names(target: str) -> tuple[str, str]:
    """Return what the columns with the ends of the intervals are called."""
    return f"lower end of {target}", f"upper end of {target}"


def _digits(values: np.ndarray) -> int:
    """Return how many digits show what values differ in, whatever their offset."""
    finite = np.asarray(values)[np.isfinite(values)]
    if not finite.size:
        return _DIGITS
    # One value alone is shown to the unit.
    spread = float(np.ptp(finite)) or 10.0 ** (_DIGITS - 1)
    offset = max(float(np.abs(finite).max()) / spread, 1.0)
    return min(_DIGITS + int(math.log10(offset)), 17)
