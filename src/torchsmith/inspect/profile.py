"""What several checks need to know of a column, computed once."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np

from torchsmith.core.vocabulary import ColumnKind
from torchsmith.data.data import Column

LARGEST = float(np.finfo(np.float32).max)
"""Networks compute with 32 bits: what is larger is infinite to them."""


@dataclass(frozen=True)
class Profile:
    """A column and its distinct values, numbered by first appearance.

    Two columns say the same under different names exactly when their `codes` are equal.

    Attributes:
        column: The column itself, N values.
        codes: `(N,)` int64: which distinct value each row has; -1 where missing.
        first: `(K,)` the row in which each distinct value appears first.
        counts: `(K,)` how many rows have each distinct value.
    """

    column: Column
    codes: np.ndarray
    first: np.ndarray
    counts: np.ndarray

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column.name

    @property
    def kind(self) -> ColumnKind:
        """What the values are."""
        return self.column.kind

    @property
    def num_rows(self) -> int:
        """N, with the missing ones."""
        return len(self.codes)

    @property
    def distinct(self) -> int:
        """K: how many different values there are."""
        return len(self.counts)

    @cached_property
    def missing(self) -> np.ndarray:
        """`(N,)` bool: where there is no value."""
        return self.codes < 0

    @cached_property
    def num_missing(self) -> int:
        """How many values are missing."""
        return int(self.missing.sum())

    @property
    def num_present(self) -> int:
        """How many values are not missing."""
        return self.num_rows - self.num_missing

    @cached_property
    def levels(self) -> list[str]:
        """The K distinct values as texts, in order of first appearance."""
        return self.column.texts(self.first)

    @cached_property
    def present(self) -> np.ndarray:
        """The values that are not missing; numbers only as far as they are usable."""
        values = self.column.values[~self.missing]
        if self.kind == "number":
            values = values[np.abs(values) <= LARGEST]
        return np.asarray(values)

    @cached_property
    def whole(self) -> bool:
        """Whether it holds whole numbers only."""
        return (
            self.kind in ("number", "boolean")
            and len(self.present) > 0
            and bool((self.present == np.floor(self.present)).all())
        )

    @cached_property
    def pattern(self) -> bytes:
        """Equal for two columns that say the same under different names."""
        return blake2b(self.codes.tobytes(), digest_size=16).digest()

    @property
    def typical_rows(self) -> float:
        """The mean number of rows for each distinct value."""
        return self.num_present / max(self.distinct, 1)


def build_profile(column: Column) -> Profile:
    """Number the distinct values of a column by first appearance.

    Args:
        column: N values; it is not changed.
    """
    present = np.flatnonzero(~column.missing)
    values = column.values[present]
    _, first, inverse, counts = np.unique(
        values, return_index=True, return_inverse=True, return_counts=True
    )
    by_appearance = np.argsort(first, kind="stable")
    rank = np.empty(len(first), np.int64)
    rank[by_appearance] = np.arange(len(first))
    codes = np.full(len(column.values), -1, np.int64)
    codes[present] = rank[inverse]
    return Profile(column, codes, present[first[by_appearance]], counts[by_appearance])
