"""What the functions of a script that divide the examples have in common."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from torchsmith.data.split import Folds
from torchsmith.eject.code import block, literal
from torchsmith.eject.subject import Subject


@dataclass(frozen=True)
class Cut:
    """The rows that are drawn one part after the other.

    Attributes:
        parts: Of `test` and `val`, those that the source does not give.
        folds: All folds but the last; empty without folds.
        left: What no draw takes: the training part, or the last fold.
    """

    parts: dict[str, np.ndarray]
    folds: tuple[np.ndarray, ...]
    left: np.ndarray

    @property
    def drawn(self) -> list[np.ndarray]:
        """The rows of each draw, in order."""
        return [*self.parts.values(), *self.folds]

    @property
    def pool(self) -> np.ndarray:
        """All rows that are divided."""
        return np.concatenate([*self.drawn, self.left])


def cut_of(subject: Subject) -> Cut:
    """Return what a split draws, in the order of its draws."""
    found, number = subject.parts, subject.plan.split.num_folds
    if found.folds is None:
        parts = {"test": found.test, "val": found.val}
        left, folds = found.train, []
    else:
        parts = {"test": found.test}
        *folds, left = (found.train[found.folds == fold] for fold in range(number))
    parts = {name: r for name, r in parts.items() if name not in subject.given}
    return Cut(parts, tuple(folds), left)


def random_line(subject: Subject) -> str:
    """Return the statement that makes the generator of a split."""
    seed = subject.plan.split.seed
    if seed == subject.plan.training.seed:
        return 'random = generator("split")'
    return f'random = generator("split", seed={seed})'


def rest_lines(subject: Subject) -> list[str]:
    """Return the statement that takes off what the source gives, if it does."""
    given = [f"is_{part}" for part in subject.given]
    if not given:
        return []
    return [
        f"rest = np.flatnonzero(~({' | '.join(given)}))"
        if len(given) > 1
        else f"rest = np.flatnonzero(~{given[0]})"
    ]


def returned(subject: Subject, names: dict[str, str]) -> list[str]:
    """Return the statements that end a split.

    Args:
        subject: The run.
        names: The expressions of the parts that are cut; with folds there is a variable
            `folds`, below 0 where a row is in none.
    """
    found = {part: f"np.flatnonzero(is_{part})" for part in subject.given}
    found |= names
    if subject.plan.split.num_folds:
        last = f"return train, folds[train], {found['test']}"
        return ["train = np.flatnonzero(folds >= 0)", last]
    return [f"return {found['train']}, {found['val']}, {found['test']}"]


def head(subject: Subject, argument: str) -> str:
    """Return the name and the arguments of the function."""
    return f"split({', '.join([argument, *(f'is_{p}' for p in subject.given)])})"


def about(subject: Subject, how: str) -> str:
    """Return the docstring of the function."""
    given = "".join(
        f" The {part} part is the one that the data comes with."
        for part in subject.given
    )
    if not subject.plan.split.num_folds:
        return f"Return the rows of train, val and test.\n{how}{given}"
    return (
        "Return the rows of train, the fold of each, and the rows of test.\n"
        f"{how}{given} Each network leaves one fold out: it learns from the others, "
        "and is validated on that one."
    )


def told_shares(subject: Subject) -> str:
    """Return what share each part has, as a sentence."""
    split, told = subject.plan.split, []
    if split.test != "given":
        told.append(f"{100 * split.test:.3g}% for the test")
    if isinstance(split.val, Folds):
        told = told or ["The test part is given"]
        return f"{told[0]}; what is left is divided into {split.val.folds} folds."
    if split.val != "given":
        of = " of the rest" if told else ""
        told.append(f"{100 * split.val:.3g}%{of} for validation")
    return f"{', '.join(told)}; what is left is trained on.".capitalize()


def no_fold_line(subject: Subject, size: str) -> str:
    """Return the statement that begins with no row in a fold.

    Args:
        subject: The run.
        size: The expression of how many rows there are, where no part is given.
    """
    rows = "len(is_test)" if "test" in subject.given else size
    return f"folds = np.full({rows}, -1)  # in none"


def taken_folds(
    amounts: Sequence[int | list[int]], cut: Cut, rows: str = "ROWS"
) -> list[str]:
    """Return the statements that take the rows of folds off the classes.

    Args:
        amounts: What each fold takes.
        cut: Of the run.
        rows: The expression of the rows that a fold has, of those that are `ROWS`.
    """
    taken = [
        "rows, classes = take(classes, count)",
        f"folds[{rows.replace('ROWS', 'rows')}] = fold",
    ]
    left = rows.replace("ROWS", "np.concatenate(classes)")
    return [
        literal(list(amounts), 1, "counts = "),
        block("for fold, count in enumerate(counts):", taken),
        f"folds[{left}] = {len(cut.folds)}",
    ]
