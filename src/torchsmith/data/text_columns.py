"""Columns of free text: which of the words of the training part a row has."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np

from torchsmith.core.errors import PlanError
from torchsmith.core.record import Record
from torchsmith.data.data import Column
from torchsmith.data.steps import BagOfWords

WORD = r"(?<![^\W_])(?:[^\W\d_]+|\d+(?![^\W_]))"
"""Letters after which anything may follow, or digits that stand alone."""


def words_of(text: str) -> set[str]:
    """Return the words of a text in small letters; of a code such as C85 its letters.

    >>> sorted(words_of("Kelly, Mr. James (cabin C85, 2nd class, 31)"))
    ['31', 'c', 'cabin', 'class', 'james', 'kelly', 'mr']
    """
    return set(re.findall(WORD, text.lower()))


def recurring_words(
    counted: Iterable[tuple[str, int]], rows: int, step: BagOfWords
) -> dict[str, int]:
    """Return the words that tell rows apart, the most frequent first, with their rows.

    Args:
        counted: The different texts, and how many rows have each.
        rows: How many rows there are, those without a text included.
        step: A word stands in at least `min_count` rows, and is lacking in as many.
    """
    found: Counter[str] = Counter()
    for text, count in counted:
        found.update(dict.fromkeys(words_of(text), count))
    least, most = step.min_count, rows - step.min_count
    kept = (word for word, count in found.items() if least <= count <= most)
    ordered = sorted(kept, key=lambda word: (-found[word], word))
    return {word: found[word] for word in ordered[: step.most]}


class TextColumn(Record):
    """What is known of a column of texts.

    Attributes:
        words: Each is a feature that is 1 where a text has it.
        flag: Whether a further feature says where there is no text.
    """

    name: str
    words: tuple[str, ...]
    flag: bool

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the features of the column are called."""
        missing = (f"{self.name} is missing",) if self.flag else ()
        return (*(f"{self.name} has '{word}'" for word in self.words), *missing)

    @classmethod
    def fit(cls, column: Column, step: BagOfWords | None) -> Self:
        """Find the words of the training rows; it may be that none recurs in them.

        Raises:
            PlanError: There is no `BagOfWords`.
        """
        if step is None:
            raise PlanError(
                f"prepare: column '{column.name}' is used as text, but there is no "
                "BagOfWords step; add one"
            )
        places, texts, counts = _different(column)
        counted = zip(texts, counts.tolist(), strict=True)
        words = tuple(recurring_words(counted, len(places), step))
        flag = 0 < column.missing.sum() < len(places)
        return cls(name=column.name, words=words, flag=bool(flag))

    def features(self, column: Column) -> np.ndarray:
        """Return `(N, F)` bool: which words a text has, and where there is none."""
        places, texts, _ = _different(column)
        index = {word: place for place, word in enumerate(self.words)}
        # The last row is what place -1, missing, finds.
        has = np.zeros((len(texts) + 1, len(self.feature_names)), bool)
        for row, text in enumerate(texts):
            has[row, [index[word] for word in words_of(text) if word in index]] = True
        has[-1, len(self.words) :] = True
        return np.asarray(has[places])


def _different(column: Column) -> tuple[np.ndarray, Sequence[str], np.ndarray]:
    """Return `(N,)` places in a list of texts, -1 where missing, the list, and counts.

    Only texts that a row has are in the list.
    """
    there = ~column.missing
    places = np.full(len(column.values), -1)
    codes, places[there], counts = np.unique(
        column.values[there], return_inverse=True, return_counts=True
    )
    return places, [column.levels[code] for code in codes.tolist()], counts
