"""Features of whole texts: which short runs of characters they have.

A linear layer on them is a strong rival of networks that read texts, and errs in other
places (https://scikit-learn.org/stable/modules/feature_extraction.html).
"""

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from torchsmith.core.record import Record
from torchsmith.data.data import Sequences

END = " "
"""Stands before the first and after the last character of a text."""


class FittedNGrams(Record):
    """Runs of characters that are fitted to the texts of a training part.

    Attributes:
        grams: The F runs, those of most texts first.
        rarity: base64 of float32 `(F,)`: `log(texts / texts that have it) + 1`.
        longest: Characters of a run, at most.
    """

    grams: tuple[str, ...]
    rarity: str
    longest: int

    @property
    def num_features(self) -> int:
        """F."""
        return len(self.grams)

    def apply(self, texts: Sequence[str]) -> np.ndarray:
        """Return `(N, F)` float32: `(1 + log(count)) * rarity`, of length √F each.

        The length is what as many numbers around 1 have, so that a layer may take them
        as it takes others. A text that has none of the runs is 0.
        """
        places = {gram: place for place, gram in enumerate(self.grams)}
        out = np.zeros((len(texts), len(self.grams)), np.float32)
        for row, text in zip(out, texts, strict=True):
            for gram, count in Counter(_runs(text, self.longest)).items():
                if (place := places.get(gram)) is not None:
                    row[place] = 1 + np.log(count)
        out *= np.frombuffer(b64decode(self.rarity), "<f4")
        lengths = np.sqrt((out**2).sum(axis=1, keepdims=True))
        out *= np.float32(len(self.grams) ** 0.5) / np.maximum(lengths, 1e-12)
        return out


def fit_ngrams(texts: Sequence[str], num_features: int, longest: int) -> FittedNGrams:
    """Choose the runs of characters that most training texts have.

    Args:
        texts: The training part.
        num_features: At most so many; runs of one text only are left out where there
            are others.
        longest: Characters of a run, at most.
    """
    counts = Counter(gram for text in texts for gram in set(_runs(text, longest)))
    often = {gram: count for gram, count in counts.items() if count > 1} or counts
    ordered = sorted(often, key=lambda gram: (-often[gram], gram))[:num_features]
    found = np.array([often[gram] for gram in ordered])
    rarity = (np.log(len(texts) / found) + 1).astype("<f4")
    return FittedNGrams(
        grams=tuple(ordered),
        rarity=b64encode(rarity.tobytes()).decode(),
        longest=longest,
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
