"""Where the rows of a table stand in its source, and what examples are called."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, get_args

import numpy as np

from torchsmith.core.vocabulary import NOUNS, Kind, Part
from torchsmith.core.wording import SHOWN, listed

Unit = Literal["line", "row"]
"""What is counted: the lines of a text, or the rows of what has no lines."""


@dataclass(frozen=True)
class Lines:
    """Where the N rows of a table stand in its source.

    As text it names the first of them: `lines 7, 9, 12, 40, 41 and 3 more`.

    Attributes:
        numbers: `(N,)` int64: the line (1 = first) at which each row starts, or the
            number of the row (1 = first).
        unit: Which of the two.
    """

    numbers: np.ndarray
    unit: Unit

    def __len__(self) -> int:
        return len(self.numbers)

    def __str__(self) -> str:
        return at(self.unit, self.numbers[:SHOWN].tolist(), len(self))

    @classmethod
    def of_text(cls, numbers: Sequence[int]) -> Self:
        """Return the lines of a text at which rows start."""
        return cls(np.array(numbers, np.int64), "line")

    @classmethod
    def counted(cls, count: int) -> Self:
        """Return the places of so many rows of a source without lines."""
        return cls(np.arange(1, count + 1, dtype=np.int64), "row")

    @classmethod
    def joined(cls, parts: Sequence["Lines"]) -> Self:
        """Put the rows of several sources of one kind after each other."""
        return cls(np.concatenate([part.numbers for part in parts]), parts[0].unit)

    def take(self, rows: np.ndarray) -> "Lines":
        """Return only these rows, in this order."""
        return Lines(self.numbers[rows], self.unit)

    def name(self, row: int) -> str:
        """Name one row: `line 7`."""
        return f"{self.unit} {self.numbers[row]}"


def at(unit: Unit, numbers: Sequence[int], count: int) -> str:
    """Name the first of some lines or rows.

    Args:
        unit: What is counted.
        numbers: The first of them, or all.
        count: How many there are in all.

    >>> at("line", [7], 1), at("row", [7, 9], 2), at("line", [7, 9], 400)
    ('line 7', 'rows 7, 9', 'lines 7, 9 and 398 more')
    """
    return f"{unit}{'s' * (count > 1)} {listed(map(str, numbers), count=count)}"


@dataclass(frozen=True)
class Numbers:
    """What N examples of arrays are called; each text is made when it is asked for.

    Attributes:
        noun: Of one: `image`.
        numbers: `(N,)` the place of each in its own array, 0 = first.
        given: `(N,)` the part that each array is, as `Data.given` has it, where there
            are several.
    """

    noun: str
    numbers: np.ndarray
    given: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, row: int) -> str:
        part = "" if self.given is None else f"{get_args(Part)[self.given[row]]} "
        return f"{part}{self.noun} {self.numbers[row]}"

    def __iter__(self) -> Iterator[str]:
        return (self[row] for row in range(len(self)))

    def take(self, rows: np.ndarray) -> "Numbers":
        """Return only these examples, in this order."""
        given = None if self.given is None else self.given[rows]
        return Numbers(self.noun, self.numbers[rows], given)


Names = tuple[str, ...] | Numbers
"""What examples are called: by their files, say, or else by their numbers."""


def take_names(names: Names, rows: np.ndarray, noun: str) -> Names:
    """Return the names of some examples; where there are none, their numbers."""
    if isinstance(names, Numbers):
        return names.take(rows)
    return tuple(names[i] for i in rows) if names else Numbers(noun, rows)


class Named(ABC):
    """Examples that messages call by their names.

    Attributes:
        kind: What they are.
    """

    kind: ClassVar[Kind]

    @property
    def noun(self) -> str:
        """What one is called, such as `picture`."""
        return NOUNS[self.kind]

    @abstractmethod
    def name(self, index: int) -> str:
        """Name one example: `line 7`, `Cat/12.jpg`, `image 7`."""

    def places(self, rows: np.ndarray) -> str:
        """Name the first of some examples: `a.png, b.png and 3 more`."""
        shown = (self.name(row) for row in rows[:SHOWN].tolist())
        return listed(shown, count=len(rows))
