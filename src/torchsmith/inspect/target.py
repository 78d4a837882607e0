"""What is to be predicted: the kind of problem, and whether it can be learned."""

from collections.abc import Iterator
from pathlib import PurePath, PurePosixPath
from posixpath import commonpath

import numpy as np

from torchsmith.core.vocabulary import ColumnRole, Task
from torchsmith.core.wording import amount, listed, share
from torchsmith.data.lines import Named
from torchsmith.inspect.columns import describe
from torchsmith.inspect.inspection import Finding, TargetFacts
from torchsmith.inspect.label_sets import find_label_sets
from torchsmith.inspect.missing_codes import (
    LEFT_OUT,
    find_codes,
    find_missing_codes,
    find_words_for_nothing,
)
from torchsmith.inspect.profile import Profile
from torchsmith.inspect.spellings import find_spellings
from torchsmith.inspect.wording import number, quoted

MAX_NUMBER_CLASSES = 20
"""Whole numbers with more distinct values are quantities, not classes."""

ROWS_PER_CLASS = 10
"""A class with fewer rows can hardly be learned, nor its score be trusted."""

MAJORITY = 0.8
MINORITY_RATIO = 0.1
CAPPED_SHARE = 0.005
SKEWED = 3.0


def decide_task(profile: Profile, noun: str) -> tuple[Task, str]:
    """Tell classification from regression, and say by what evidence.

    Texts and booleans are classes. Two distinct numbers are classes. Whole numbers are
    classes when there are at most 20 of them, each in two rows or more, with ten rows
    for each on average. All other numbers are quantities.

    Args:
        profile: The target column.
        noun: What an example is called in the evidence.

    >>> from torchsmith.data.data import Column, ColumnFormat
    >>> from torchsmith.inspect.profile import build_profile
    >>> y = Column(ColumnFormat(name="y", kind="number"), np.arange(100) % 10.0)
    >>> decide_task(build_profile(y), "row")
    ('multiclass', "'y' holds 10 distinct whole numbers in 100 rows")
    """
    name, distinct = profile.name, profile.distinct
    rows = amount(profile.num_present, noun)
    if profile.kind == "date":
        return "regression", f"'{name}' holds dates"
    if profile.kind in ("text", "boolean"):
        what = f"'{name}' holds {amount(distinct, 'distinct text')} in {rows}"
        if distinct == 2:
            return "binary", f"{what}: {quoted(sorted(profile.levels))}"
        return "multiclass", what
    if distinct == 2:
        values = listed(number(v) for v in np.unique(profile.present))
        return "binary", f"'{name}' holds 2 distinct numbers in {rows}: {values}"
    what = amount(
        distinct, "distinct whole number" if profile.whole else "distinct number"
    )
    evidence = f"'{name}' holds {what} in {rows}"
    classes = (
        profile.whole
        and 2 < distinct <= MAX_NUMBER_CLASSES
        and profile.typical_rows >= ROWS_PER_CLASS
        and profile.counts.min() >= 2
    )
    return ("multiclass" if classes else "regression"), evidence


def class_order(profile: Profile) -> np.ndarray:
    """Return the `(K,)` distinct values in the order of the network's outputs.

    Numbers rise; texts that are all whole numbers rise too; other texts are sorted.
    """
    levels = profile.levels
    if profile.kind != "text":
        return np.argsort(profile.column.values[profile.first], kind="stable")
    if all(text.isascii() and text.isdigit() for text in levels):
        return np.asarray(sorted(range(len(levels)), key=lambda i: (int(levels[i]), i)))
    return np.asarray(sorted(range(len(levels)), key=lambda i: levels[i]), np.int64)


def describe_target(profile: Profile, task: Task, evidence: str) -> TargetFacts:
    """Put together the facts about the target.

    Args:
        profile: The target column.
        task: What kind of problem it is.
        evidence: Why.
    """
    role: ColumnRole = "number" if profile.kind == "number" else "category"
    if task != "regression":
        role = "boolean" if profile.kind == "boolean" else "category"
    elif profile.kind == "date":
        role = "date"
    facts = describe(profile, role, "the target")
    if task == "regression":
        return TargetFacts(
            name=profile.name, task=task, evidence=evidence, column=facts
        )
    order = class_order(profile)
    return TargetFacts(
        name=profile.name,
        task=task,
        evidence=evidence,
        classes=tuple(profile.levels[i] for i in order),
        counts=tuple(int(profile.counts[i]) for i in order),
        column=facts,
    )


def find_in_target(
    profile: Profile, target: TargetFacts, examples: Named, folder: str
) -> Iterator[Finding]:
    """Check whether the target can be learned.

    Args:
        profile: The target column, N values.
        target: Its facts.
        examples: What they are called in messages.
        folder: In which they are files, if they are.
    """
    column = f"column '{profile.name}'"
    if profile.num_missing:
        missing = np.flatnonzero(profile.missing)
        rows = amount(len(missing), examples.noun)
        yield Finding(
            code="D19",
            severity="error",
            message=f"'{profile.name}' is missing in {rows}, and the target must be "
            "known.",
            where=f"{column}, {examples.places(missing)}",
            evidence=share(len(missing), profile.num_rows),
            remedy=f"Fill them in, or leave the {examples.noun}s out of the arrays.",
        )
    if profile.distinct < 2:
        what = f"only the value '{profile.levels[0]}'" if profile.levels else "no value"
        yield Finding(
            code="D20",
            severity="error",
            message=f"'{profile.name}' holds {what}, so there is nothing to learn.",
            where=column,
            remedy=_below(profile, examples, folder)
            or f"Choose another target, or add {examples.noun}s with other values.",
        )
        return
    yield from _unsuitable(profile, target, examples.noun)
    if target.task == "regression":
        yield from _could_be_classes(profile, target, examples.noun)
        yield from _shape(profile, examples)
    else:
        yield from find_words_for_nothing(profile.name, target.classes, examples.noun)
        yield from find_spellings(profile, examples, "class", "classes")
        yield from find_label_sets(profile.name, target.classes, examples.noun)
        yield from _classes(profile, target, examples)


def _below(profile: Profile, examples: Named, folder: str) -> str:
    """Say where class folders lie that are within another folder, if they do."""
    if not folder:
        return ""
    names = map(examples.name, range(profile.num_rows))
    parents = {str(PurePosixPath(name).parent) for name in names}
    common = commonpath(parents)
    if not common or common in parents:
        return ""
    below = {PurePosixPath(parent).relative_to(common).parts[0] for parent in parents}
    where = PurePath(folder, common)
    return f"The classes seem to be in {where} ({quoted(sorted(below))}): give that."


def _unsuitable(profile: Profile, target: TargetFacts, noun: str) -> Iterator[Finding]:
    message = remedy = ""
    if profile.kind == "date":
        message = f"'{profile.name}' holds dates, which cannot be predicted directly."
        remedy = "Turn it into a number, such as the days since a fixed date."
    elif target.task == "regression" and profile.kind == "text":
        message = (
            f"'{profile.name}' holds texts such as '{profile.levels[0]}', "
            "and regression needs numbers."
        )
        remedy = "Turn the texts into numbers, or set `problem.task: multiclass`."
    elif target.task == "binary" and profile.distinct != 2:
        message = (
            f"'{profile.name}' holds {profile.distinct:,} distinct values, "
            "and a binary problem has 2."
        )
        remedy = "Set `problem.task: multiclass`."
    elif profile.kind == "text" and profile.typical_rows < 2:
        message = (
            f"'{profile.name}' holds {profile.distinct:,} different texts in "
            f"{amount(profile.num_present, noun)}: too many to be classes."
        )
        remedy = "Choose a target with few classes, or one that holds numbers."
    if message:
        where = f"column '{profile.name}'"
        yield Finding(
            code="D7", severity="error", message=message, where=where, remedy=remedy
        )


def _classes(
    profile: Profile, target: TargetFacts, examples: Named
) -> Iterator[Finding]:
    if profile.kind == "text" and profile.typical_rows < 2:
        return
    counts = dict(zip(target.classes, target.counts, strict=True))
    column = f"column '{profile.name}'"
    single = [name for name, count in counts.items() if count == 1]
    if single:
        rows = dict(zip(profile.levels, profile.first, strict=True))
        first = np.array([rows[name] for name in single])
        begin = "The class" if len(single) == 1 else "Each of the classes"
        yield Finding(
            code="D23",
            severity="error",
            message=f"{begin} {quoted(single)} of '{profile.name}' has one example, "
            "which cannot be both learned and tested.",
            where=f"{column}, {examples.places(first)}",
            remedy="Collect more, merge the class with another, or leave the "
            f"{examples.noun} out.",
        )
    rare = [f"{name}: {count}" for name, count in counts.items() if 1 < count < 10]
    if rare:
        word = amount(len(rare), "class", "classes")
        yield Finding(
            code="D24",
            severity="warning",
            message=f"{word} of '{profile.name}' {'has' if len(rare) == 1 else 'have'} "
            f"fewer than {ROWS_PER_CLASS} {examples.noun}s ({listed(rare)}).",
            where=column,
            evidence=listed(rare, 20),
            remedy="Collect more or merge classes; the scores of these classes are "
            "little more than chance.",
        )
    yield from _imbalance(profile.name, counts, examples.noun)
    yield from _ordinal(profile, target)


def _imbalance(name: str, counts: dict[str, int], noun: str) -> Iterator[Finding]:
    total = sum(counts.values())
    most, least = (
        max(counts, key=counts.__getitem__),
        min(counts, key=counts.__getitem__),
    )
    large, small = counts[most], counts[least]
    if large < MAJORITY * total and small >= MINORITY_RATIO * large:
        return
    yield Finding(
        code="D5",
        severity="warning",
        message=f"The classes of '{name}' are unbalanced: '{most}' is "
        f"{share(large, total)} of all {noun}s, '{least}' {share(small, total)}.",
        where=f"column '{name}'",
        evidence=listed((f"{k}: {v:,}" for k, v in counts.items()), 20),
        remedy="Do not judge by accuracy alone: always saying "
        f"'{most}' would score {share(large, total)}. Parts that "
        "Torchsmith draws have equal shares; look at the scores of each class.",
    )


def _ordinal(profile: Profile, target: TargetFacts) -> Iterator[Finding]:
    counts = np.asarray(target.counts)
    if profile.kind != "number" or len(counts) < 5 or not len(profile.present):
        return
    rising = np.diff(counts)
    top = int(counts.argmax())
    one_hill = (rising[:top] >= 0).all() and (rising[top:] <= 0).all()
    if not one_hill or not 0 < top < len(counts) - 1 or counts.max() < 3 * counts.min():
        return
    low, high = number(profile.present.min()), number(profile.present.max())
    yield Finding(
        code="D32",
        severity="note",
        message=f"'{profile.name}' looks like a scale from {low} to {high}, whose "
        "order classes do not know.",
        where=f"column '{profile.name}'",
        evidence=listed(
            (f"{k}: {v:,}" for k, v in zip(target.classes, counts, strict=True)), 20
        ),
        remedy="Torchsmith treats the numbers as classes; to predict a number instead, "
        "set `problem.task: regression`.",
    )


def _could_be_classes(
    profile: Profile, target: TargetFacts, noun: str
) -> Iterator[Finding]:
    asked = target.evidence.startswith("asked for")
    few = profile.kind == "number" and profile.whole and not asked
    if not few or not 2 < profile.distinct <= MAX_NUMBER_CLASSES:
        return
    yield Finding(
        code="D32",
        severity="note",
        message=f"'{profile.name}' holds {profile.distinct:,} distinct whole numbers "
        f"in {amount(profile.num_present, noun)}: too few of each to be taken for "
        "classes, so it is a quantity.",
        where=f"column '{profile.name}'",
        remedy="If the numbers stand for classes, set `problem.task: multiclass`.",
    )


def _shape(profile: Profile, examples: Named) -> Iterator[Finding]:
    if profile.kind != "number":
        return
    values = profile.present
    if len(values) < 50:
        return
    codes = find_codes(profile)
    then = LEFT_OUT.format(noun=examples.noun)
    yield from find_missing_codes(profile, codes, examples, then)
    yield from _capped(profile, examples, codes)
    deviation = values.std()
    if deviation == 0:
        return
    with np.errstate(over="ignore", invalid="ignore"):
        skew = float((((values - values.mean()) / deviation) ** 3).mean())
    if abs(skew) > SKEWED:
        side = "large" if skew > 0 else "small"
        yield Finding(
            code="D22",
            severity="note",
            message=f"'{profile.name}' has a long tail of {side} values (median "
            f"{number(float(np.median(values)))}, mean {number(float(values.mean()))}, "
            f"{'largest' if skew > 0 else 'smallest'} "
            f"{number(float(values.max() if skew > 0 else values.min()))}).",
            where=f"column '{profile.name}'",
            evidence=f"skewness {skew:.1f}",
            remedy=f"The few extreme {examples.noun}s weigh most in the squared error; "
            "consider to predict the logarithm, or choose `loss: HuberLoss`.",
        )


def _capped(profile: Profile, examples: Named, codes: np.ndarray) -> Iterator[Finding]:
    if profile.distinct < 50:
        return
    values = profile.column.values
    distinct = values[profile.first]
    column, total = f"column '{profile.name}'", profile.num_present
    for end, bound in (
        ("highest", profile.present.max()),
        ("lowest", profile.present.min()),
    ):
        count = int(profile.counts[distinct == bound].sum())
        others = profile.counts[distinct != bound]
        least = max(10, CAPPED_SHARE * profile.num_present, 3 * others.max())
        if bound in codes or count < least:
            continue
        yield Finding(
            code="D21",
            severity="warning",
            message=f"{amount(count, examples.noun)} ({share(count, total)}) have "
            f"exactly the {end} '{profile.name}', {number(float(bound))}: the true "
            "value may lie beyond.",
            where=f"{column}, {examples.places(np.flatnonzero(values == bound))}",
            evidence="next most frequent value: "
            f"{amount(int(others.max()), examples.noun)}",
            remedy="If the values were cut off there, say so with the score, or leave "
            f"these {examples.noun}s out.",
        )
