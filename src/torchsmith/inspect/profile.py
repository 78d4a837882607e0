"""What several checks need to know of a column, computed once."""

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b

import numpy as np

from torchsmith.core.vocabulary import ColumnKind
from torchsmith.data.data import Column
from torchsmith.data.steps import BagOfWords
from torchsmith.data.tabular import FLOAT32_MAX
from torchsmith.data.text_columns import recurring_words, words_of

RECURRING = BagOfWords(most=10_000, min_count=20)
"""Words of so many rows are found in the training part, too."""

MOST_READ = 20_000
"""Different texts of which the words are counted."""

GROUPING_WORDS = 6
"""The most frequent words, of which all combinations are groups of rows."""


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
            values = values[np.abs(values) <= FLOAT32_MAX]
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

    @cached_property
    def words(self) -> dict[str, int]:
        """The words of its texts that tell rows apart, and how many rows have each."""
        texts, counts = self.levels[:MOST_READ], self.counts[:MOST_READ].tolist()
        rows = sum(counts) + self.num_missing
        return recurring_words(zip(texts, counts, strict=True), rows, RECURRING)

    def by_words(self) -> "Profile":
        """Return it with texts that have the same frequent words as one value.

        Texts beyond the first `MOST_READ` count as missing.
        """
        frequent = [*self.words][:GROUPING_WORDS]
        bits = {word: 1 << place for place, word in enumerate(frequent)}
        read = self.levels[:MOST_READ]
        groups = [sum(bits.get(word, 0) for word in words_of(t)) for t in read]
        _, place, value_of = np.unique(
            np.array(groups, np.int64), return_index=True, return_inverse=True
        )
        unread = (self.codes < 0) | (self.codes >= len(read))
        codes = np.where(unread, -1, value_of[np.where(unread, 0, self.codes)])
        return replace(
            self,
            codes=codes,
            first=self.first[place],
            counts=np.bincount(codes[~unread], minlength=len(place)),
        )

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
