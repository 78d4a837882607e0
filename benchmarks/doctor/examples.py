"""The examples of a task, in a form in which faults are easily put."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

import torchsmith as ts
from torchsmith.data.data import Data, Table

TARGET = "target"

Columns = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Examples:
    """N examples.

    Attributes:
        inputs: `(N, …)`, or of a table the columns, `(N,)` each.
        targets: `(N,)` numbers, or texts of classes.
        parts: `(N,)` int8 0 train, 1 val, 2 test where they are given, or None.
        reading: Settings that say how a source is read.
    """

    inputs: np.ndarray | Columns
    targets: np.ndarray
    parts: np.ndarray | None = None
    reading: Mapping[str, object] | None = None

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def columns(self) -> Columns:
        """Of a table."""
        return cast("Columns", self.inputs)

    @property
    def array(self) -> np.ndarray:
        """Of anything else."""
        return cast("np.ndarray", self.inputs)

    @property
    def is_table(self) -> bool:
        """Whether inputs are columns."""
        return not isinstance(self.inputs, np.ndarray)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The names of the columns that hold numbers."""
        return tuple(
            name for name, values in self.columns.items() if values.dtype.kind == "f"
        )

    @property
    def classes(self) -> np.ndarray:
        """The distinct targets, sorted."""
        return np.unique(self.targets)

    def take(self, rows: np.ndarray) -> "Examples":
        """Return these examples only, in this order."""
        parts = None if self.parts is None else self.parts[rows]
        return self.changed(
            {name: values[rows] for name, values in self.columns.items()}
            if self.is_table
            else self.array[rows],
            self.targets[rows],
            parts,
        )

    def changed(
        self,
        inputs: np.ndarray | Columns | None = None,
        targets: np.ndarray | None = None,
        parts: np.ndarray | None = None,
    ) -> "Examples":
        """Return them with something else in place of what is given."""
        return replace(
            self,
            inputs=self.inputs if inputs is None else inputs,
            targets=self.targets if targets is None else targets,
            parts=self.parts if parts is None else parts,
        )

    def with_columns(self, **columns: np.ndarray) -> "Examples":
        """Return a table with some columns added or replaced."""
        return self.changed({**self.columns, **columns})

    def and_also(self, others: "Examples") -> "Examples":
        """Return these examples and, after them, others."""
        both = (self, others)
        inputs: np.ndarray | Columns
        if self.is_table:
            inputs = {
                name: np.concatenate([each.columns[name] for each in both])
                for name in self.columns
            }
        else:
            inputs = np.concatenate([each.array for each in both])
        parts = None
        if self.parts is not None and others.parts is not None:
            parts = np.concatenate([self.parts, others.parts])
        targets = np.concatenate([each.targets for each in both])
        return replace(self, inputs=inputs, targets=targets, parts=parts)

    @property
    def source(self) -> object:
        """What `ts.predict` takes: inputs alone."""
        return dict(self.columns) if self.is_table else self.array

    def data(self) -> Data:
        """Return what `ts.train` takes."""
        source: object = (self.inputs, self.targets)
        if self.is_table:
            source = {**self.columns, TARGET: self.targets}
        data = ts.load(source, target=TARGET, settings=self.reading)
        return data if self.parts is None else replace(data, given=self.parts)


def of_table(data: Data) -> Examples:
    """Return a table that was read from a file."""
    if not isinstance(data.inputs, Table) or data.target is None:
        raise TypeError(f"{data.source}: is no table with a target")
    columns = {
        name: column.values
        if column.kind in {"number", "boolean"}
        else np.array(column.texts())
        for name, column in data.inputs.columns.items()
    }
    target = data.target
    if target.kind == "number" and len(np.unique(target.values)) > 20:
        return Examples(columns, target.values)
    return Examples(columns, np.array(target.texts()))
