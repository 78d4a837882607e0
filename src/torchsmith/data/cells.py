"""A sheet as it stands in its source, before anybody decides what its texts mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from torchsmith.data.data import Change, Column
from torchsmith.data.lines import Lines


@dataclass(frozen=True)
class Cells:
    """A column of texts.

    Attributes:
        name: The column's name.
        codes: `(N,)` int32: index into `texts`; -1 where the source has no value.
        texts: The distinct texts, in order of first appearance.
    """

    name: str
    codes: np.ndarray
    texts: tuple[str, ...]

    @property
    def counts(self) -> np.ndarray:
        """`(len(texts),)`: how often each text stands in the column."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.texts))

    def as_texts(self) -> list[str]:
        """Return the N texts; empty where the source has no value."""
        held = (*self.texts, "")
        return [held[code] for code in self.codes.tolist()]

    def rows(self, chosen: np.ndarray) -> np.ndarray:
        """Return the rows whose text is chosen.

        Args:
            chosen: `(len(texts),)` bool.
        """
        return np.flatnonzero(np.append(chosen, False)[self.codes])


@dataclass(frozen=True)
class Sheet:
    """Columns as a source gives them.

    Attributes:
        source: What to call the source in messages.
        columns: Texts where types are still to be found; else values with their type.
        lines: Where the N rows stand in it.
        reading: What was found out about the source.
        changes: What reading changed so far.
        fingerprint: `"sha256:…"` of the content.
    """

    source: str
    columns: Mapping[str, Cells | Column]
    lines: Lines
    reading: Mapping[str, str]
    changes: tuple[Change, ...] = ()
    fingerprint: str = ""

    def change(self, column: str, what: str, rows: np.ndarray, example: str) -> Change:
        """Record that the values in these rows were changed."""
        return Change.at(self.lines.take(rows), column, what, example)


def collect(name: str, texts: Sequence[str | None]) -> Cells:
    """Number the distinct texts of a column; None is no value."""
    collector = Collector(name)
    collector.add(texts)
    return collector.cells()


class Collector:
    """Builds `Cells` block by block, holding each distinct text once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._index = _Index({None: -1})
        self._codes: list[np.ndarray] = []

    def add(self, texts: Sequence[str | None]) -> None:
        """Append texts to the column."""
        code = map(self._index.__getitem__, texts)
        self._codes.append(np.fromiter(code, np.int32, len(texts)))

    def cells(self) -> Cells:
        """Return what was collected."""
        codes = np.concatenate([np.empty(0, np.int32), *self._codes])
        texts = tuple(text for text in self._index if text is not None)
        return Cells(self.name, codes, texts)


class _Index(dict[str | None, int]):
    """Numbers texts as they are looked up for the first time, from 0 after None."""

    def __missing__(self, text: str | None) -> int:
        self[text] = number = len(self) - 1
        return number
