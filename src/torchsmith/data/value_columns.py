"""Columns of numbers of which some exact values recur and get codes of their own."""

from typing import Self

import numpy as np

from torchsmith.core.errors import PlanError
from torchsmith.core.record import Record
from torchsmith.data.data import Column
from torchsmith.data.steps import EncodeValues


class ValueColumn(Record):
    """What is known of the values of a number column that recur.

    Attributes:
        values: Ascending. Value i has code i + 1; 0 is any other, and missing.
        others: Whether training rows have values without a code.
    """

    name: str
    values: tuple[float, ...]
    others: bool

    @classmethod
    def fit(cls, column: Column, step: EncodeValues) -> Self:
        """Find the values that recur in the training rows.

        Raises:
            PlanError: None does.
        """
        known = column.values[~column.missing]
        distinct, counts = np.unique(known, return_counts=True)
        values = distinct[counts >= step.min_count]
        if not len(values):
            raise PlanError(
                f"EncodeValues: no value of column '{column.name}' has "
                f"{step.min_count} training rows; lower min_count, or leave the column "
                "out of columns"
            )
        return cls(
            name=column.name,
            values=tuple(values.tolist()),
            others=len(values) < len(distinct),
        )

    def codes(self, column: Column) -> np.ndarray:
        """Return `(N,)` int64 codes."""
        values = np.array(self.values)
        places = np.searchsorted(values, column.values).clip(max=len(values) - 1)
        return np.where(values[places] == column.values, places + 1, 0)
