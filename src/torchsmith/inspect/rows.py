"""Checks of rows against each other: twins, contradictions, parts, order."""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce

import numpy as np

from torchsmith.core.seeds import generator
from torchsmith.core.vocabulary import Part
from torchsmith.core.wording import amount, listed, share
from torchsmith.data.labels import PART_CODES
from torchsmith.data.lines import Named
from torchsmith.data.same import mixed
from torchsmith.inspect.inspection import Finding, TargetFacts
from torchsmith.inspect.profile import Profile
from torchsmith.inspect.wording import agree, quoted

MANY_TWINS = 0.01
LEAST_PAIRS = 20
"""Different examples that all stand there an even number of times: by chance once in a
million."""

CANNOT_LEARN = (
    "The network cannot learn it, and the scores count these as wrong: move some to "
    "the train part, or leave them out."
)
"""What to do about a class that the train part lacks."""

SORTED_Z = 6.0
"""Standard errors from chance at which an order is not chance."""

SORTED_CORRELATION = 0.5


def row_keys(columns: Iterable[np.ndarray], num_rows: int) -> np.ndarray:
    """Return `(N,)` uint64 keys that are equal for rows with equal codes.

    Args:
        columns: `(N,)` codes of each column.
        num_rows: N.
    """
    return reduce(add_to_keys, columns, np.zeros(num_rows, np.uint64))


def add_to_keys(keys: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return `(N,)` keys that also tell the codes of one more column apart."""
    return mixed(keys ^ codes.astype(np.uint64))


def count_repeats(profiles: Sequence[Profile], num_rows: int) -> tuple[int, int]:
    """Count the rows with the same inputs as an earlier one.

    Args:
        profiles: The inputs.
        num_rows: N.

    Returns:
        How many there are, and how many there would be if no column depended on
        another: each is shuffled for itself. The second is 0 where the first is.
    """
    found = _count_known(row_keys((p.codes for p in profiles), num_rows))
    if not found:
        return 0, 0
    random = generator(0, "repeats")
    shuffled = (random.permutation(profile.codes) for profile in profiles)
    return found, _count_known(row_keys(shuffled, num_rows))


def _count_known(keys: np.ndarray) -> int:
    return len(keys) - len(np.unique(keys))


def find_twins(
    keys: np.ndarray,
    where: Named,
    combinations: float,
    given: np.ndarray | None,
) -> Iterator[Finding]:
    """Report examples that stand in the data more than once.

    Args:
        keys: `(N,)`, equal for examples that are equal with their targets.
        where: What examples are called in messages.
        combinations: How many different examples there could be at all.
        given: The part of each example, if the source comes in parts; twins across
            parts are reported by `find_shared`.
    """
    if given is not None:
        keys = add_to_keys(keys, given)
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    repeats = np.flatnonzero(first[inverse] != np.arange(len(keys)))
    if not len(repeats):
        return
    # A table of few categories must repeat itself: its twins are different cases.
    natural = combinations < 10 * len(keys) and not _are_copied(inverse)
    many = len(repeats) >= MANY_TWINS * len(keys)
    yield Finding(
        code="D27",
        severity="warning" if many and not natural else "note",
        message=f"{amount(len(repeats), where.noun)} "
        f"({share(len(repeats), len(keys))}) "
        f"{agree(len(repeats), 'repeats', 'repeat')} an earlier one.",
        where=where.places(repeats),
        evidence="first: "
        + listed(
            f"{where.name(i)} = {where.name(first[inverse[i]])}" for i in repeats[:3]
        ),
        remedy="With so few columns this is to be expected."
        if natural
        else "Leave copies of one case out: on both sides of the split they flatter "
        "the test score; `split.keep_together: true` keeps them on one.",
    )


def _are_copied(numbers: np.ndarray) -> bool:
    """Whether examples were copied all alike: none is alone, or there three times.

    What repeats by chance stands there an odd number of times as often as an even one.

    Args:
        numbers: `(N,)` from 0, equal for examples that are equal.
    """
    counts = np.bincount(numbers)
    return len(counts) >= LEAST_PAIRS and bool((counts % 2 == 0).all())


def find_contradictions(
    keys: np.ndarray, target: Profile, where: Named
) -> Iterator[Finding]:
    """Report equal inputs with different classes.

    Args:
        keys: `(N,)`, equal for examples with equal inputs.
        target: The classes.
        where: What examples are called in messages.
    """
    order = np.lexsort((target.codes, keys))
    sorted_keys, codes = keys[order], target.codes[order]
    clash = (np.diff(sorted_keys) == 0) & (np.diff(codes) != 0) & (codes[:-1] >= 0)
    if not clash.any():
        return
    unclear = np.isin(keys, sorted_keys[1:][clash])
    rows = np.flatnonzero(unclear)
    at = int(np.flatnonzero(clash)[0])
    one, other = order[at], order[at + 1]
    enough = len(rows) >= 0.005 * len(keys)
    yield Finding(
        code="D12",
        severity="warning" if enough else "note",
        message=f"{amount(len(rows), where.noun)} ({share(len(rows), len(keys))}) have "
        "the same inputs as another with a different class.",
        where=where.places(rows),
        evidence=f"{where.name(one)} is '{target.levels[target.codes[one]]}', "
        f"{where.name(other)} is '{target.levels[target.codes[other]]}'",
        remedy="Correct the wrong ones; no model can be right about all of them.",
    )


def find_shared(
    keys: np.ndarray, given: np.ndarray, where: Named, combinations: float
) -> Iterator[Finding]:
    """Report test or val examples whose inputs are in the training part too.

    Args:
        keys: `(N,)`, equal for examples with equal inputs.
        given: `(N,)` the part of each example.
        where: What examples are called in messages.
        combinations: How many different examples there could be at all.
    """
    train = keys[given == 0]
    for code, part in ((2, "test"), (1, "val")):
        rows = np.flatnonzero((given == code) & np.isin(keys, train))
        total = int((given == code).sum())
        if not len(rows):
            continue
        natural = combinations < 10 * len(keys)
        enough = len(rows) >= 0.001 * total
        yield Finding(
            code="D8",
            severity="warning" if enough and not natural else "note",
            message=f"{amount(len(rows), where.noun)} of the {part} part "
            f"({share(len(rows), total)}) {agree(len(rows), 'is', 'are')} in the "
            "training part too.",
            where=where.places(rows),
            remedy="With so few columns this is to be expected."
            if natural
            else f"They flatter the {part} score; `split.drop_shared: true` leaves "
            "them out of the training part.",
        )


def find_part_gaps(
    given: np.ndarray,
    target: Profile | None,
    inputs: Sequence[Profile],
    examples: Named,
) -> Iterator[Finding]:
    """Report classes and categories that only some of the given parts have.

    Args:
        given: `(N,)` the part of each example.
        target: The classes, if the task is classification.
        inputs: The category columns.
        examples: What they are called in messages.
    """
    for part, code in PART_CODES.items():
        if not (given == code).any() or not (given == 0).any():
            continue
        if target is not None:
            yield from _class_gaps(given, part, target, examples)
        for profile in inputs if code else ():
            here = profile.codes[given == code]
            new = ~np.isin(here, profile.codes[given == 0]) & (here >= 0)
            if new.any():
                names = [profile.levels[i] for i in np.unique(here[new])]
                yield Finding(
                    code="D6",
                    severity="note",
                    message=f"{amount(int(new.sum()), 'row')} of the {part} part "
                    f"{agree(int(new.sum()), 'has', 'have')} a '{profile.name}' that "
                    f"the training part does not have: {quoted(names)}.",
                    where=f"column '{profile.name}'",
                    remedy="They count as unknown.",
                )


def _class_gaps(
    given: np.ndarray, part: Part, target: Profile, examples: Named
) -> Iterator[Finding]:
    code = PART_CODES[part]
    counts = np.bincount(
        target.codes[(given == code) & (target.codes >= 0)], minlength=target.distinct
    )
    gone = np.flatnonzero(counts == 0)
    names = [target.levels[i] for i in gone]
    # A part without any target is data to predict, not a part that lost its classes.
    if names and counts.any():
        elsewhere = np.flatnonzero(np.isin(target.codes, gone))
        remedy, where = CANNOT_LEARN, f"{part} part; in other parts "
        where += examples.places(elsewhere)
        if code:
            remedy = f"The {part} score says nothing about it."
            where = f"{part} part"
        yield Finding(
            code="D6",
            severity="warning",
            message=f"The {part} part has no example of {quoted(names)}.",
            where=where,
            evidence=f"{amount(len(elsewhere), examples.noun)} in the other parts",
            remedy=remedy,
        )


def find_order(target: Profile, facts: TargetFacts, noun: str) -> Iterator[Finding]:
    """Report when the order of the examples carries the target.

    Args:
        target: The targets in the order of the source.
        facts: Their task.
        noun: What an example is called.
    """
    codes = target.codes[~target.missing]
    if len(codes) < 30 or target.distinct < 2:
        return
    if facts.task == "regression":
        if target.kind == "number":
            yield from _correlated(target, noun)
        return
    runs = 1 + int((np.diff(codes) != 0).sum())
    total = len(codes)
    counts = target.counts.astype(np.float64)
    pairs = (counts * (total - counts)).sum() / total
    expected = 1 + pairs
    squares, cubes = (counts**2).sum(), (counts**3).sum()
    variance = (
        squares * (squares + total * (total + 1)) - 2 * total * cubes - total**3
    ) / (total**2 * (total - 1))
    z = (expected - runs) / max(variance, 1e-12) ** 0.5
    if z <= SORTED_Z or runs > 0.8 * expected:
        return
    how = "sorted by" if runs == target.distinct else "grouped by"
    yield Finding(
        code="D26",
        severity="note",
        message=f"The {noun}s are {how} '{target.name}': {runs:,} runs of equal "
        f"classes, where chance would give about {expected:,.0f}.",
        where=f"column '{target.name}'",
        evidence=f"z = {z:,.0f}",
        remedy="Torchsmith shuffles before it splits; if neighbours belong together "
        "(one person, one day), the score flatters for new ones.",
    )


def _correlated(target: Profile, noun: str) -> Iterator[Finding]:
    values = target.present
    if len(values) < 30 or values.std() == 0:
        return
    ranks = np.searchsorted(np.sort(values), values).astype(np.float64)
    centred = ranks - ranks.mean()
    similarity = float((centred[1:] * centred[:-1]).sum() / (centred**2).sum())
    if similarity < SORTED_CORRELATION or similarity * len(values) ** 0.5 < SORTED_Z:
        return
    yield Finding(
        code="D26",
        severity="note",
        message=f"Neighbouring {noun}s have similar values of '{target.name}' "
        f"(correlation {similarity:.2f}): their order is not chance.",
        where=f"column '{target.name}'",
        remedy="Torchsmith shuffles before it splits; if neighbours belong together "
        "(one place, one day), the score flatters for new ones: set `split.group` "
        "or `split.time` if a column tells them.",
    )
