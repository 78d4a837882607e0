"""Features of whole texts: which short runs of characters they have.

A linear layer on them is a strong rival of networks that read texts, and errs in other
places (https://scikit-learn.org/stable/modules/feature_extraction.html). A text has few
of all runs: beside its characters they are given as codes and weights.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from torchsmith.core.record import Record
from torchsmith.data.data import Sequences
from torchsmith.data.packed import numbers_of, text_of

END = " "
"""Stands before the first and after the last character of a text."""


class FittedNGrams(Record):
    """Runs of characters that are fitted to the texts of a training part.

    Attributes:
        grams: The F runs, those of most texts first.
        rarity: base64 of float32 `(F,)`: `log(texts / texts that have it) + 1`.
        longest: Characters of a run, at most.
        most: M, the runs of the training text that has most; 0 where the features are
            a column for each run.
    """

    grams: tuple[str, ...]
    rarity: str
    longest: int
    most: int = 0

    @property
    def num_features(self) -> int:
        """The columns: 2 M, or F."""
        return 2 * self.most or len(self.grams)

    @property
    def num_codes(self) -> int:
        """F where the features are codes and weights, otherwise 0."""
        return len(self.grams) if self.most else 0

    def apply(self, texts: Sequence[str]) -> np.ndarray:
        """Return `(N, F)` or `(N, 2 M)` float32: what the runs of each text weigh.

        A run weighs `(1 + log(count)) * rarity`. In columns of their own the weights of
        a text have the length √F, which is what as many numbers around 1 have, so that
        a layer may take them as it takes others; a text that has no run is 0. Otherwise
        there are M codes, from 1 on in the order of `grams`, and then M weights of the
        length 1; where a text has less runs, the rest is 0, and of more the first M of
        `grams` are taken.
        """
        places = {gram: place for place, gram in enumerate(self.grams)}
        rarity = numbers_of(self.rarity)
        width = self.most or len(self.grams)
        weights = np.zeros((len(texts), width), np.float32)
        codes = np.zeros((len(texts), self.most), np.float32)
        for i, text in enumerate(texts):
            runs = (run for run in _runs(text, self.longest) if run in places)
            found = sorted((places[run], count) for run, count in Counter(runs).items())
            if not found:
                continue
            chosen, often = np.array(found[:width]).T
            columns = np.arange(len(chosen)) if self.most else chosen
            weighed = (1 + np.log(often)).astype(np.float32) * rarity[chosen]
            weights[i, columns] = weighed
            if self.most:
                codes[i, columns] = chosen + 1
        lengths = np.sqrt((weights**2).sum(axis=1, keepdims=True))
        wanted = 1 if self.most else np.float32(width**0.5)
        weights *= wanted / np.maximum(lengths, 1e-12)
        return np.concatenate([codes, weights], axis=1)


def fit_ngrams(
    texts: Sequence[str], num_features: int, longest: int, *, coded: bool
) -> FittedNGrams:
    """Choose the runs of characters that most training texts have.

    Args:
        texts: The training part.
        num_features: At most so many; runs of one text only are left out where there
            are others.
        longest: Characters of a run, at most.
        coded: Whether the features are to be codes and weights.
    """
    counts = Counter(gram for text in texts for gram in set(_runs(text, longest)))
    often = {gram: count for gram, count in counts.items() if count > 1} or counts
    ordered = sorted(often, key=lambda gram: (-often[gram], gram))[:num_features]
    found = np.array([often[gram] for gram in ordered])
    known = frozenset(ordered)
    return FittedNGrams(
        grams=tuple(ordered),
        rarity=text_of(np.log(len(texts) / found) + 1),
        longest=longest,
        most=max(len(known.intersection(_runs(text, longest))) for text in texts)
        if coded
        else 0,
    )


def texts_of(sequences: Sequences) -> list[str]:
    """Return the texts whose characters sequences hold."""
    letters = np.array(sequences.symbols)[sequences.values[:, 0].astype(np.int64)]
    starts = sequences.starts.tolist()
    return ["".join(letters[begin:end]) for begin, end in pairwise(starts)]


def _runs(text: str, longest: int) -> Iterator[str]:
    text = f"{END}{text}{END}"
    for length in range(1, longest + 1):
        for begin in range(len(text) - length + 1):
            yield text[begin : begin + length]
