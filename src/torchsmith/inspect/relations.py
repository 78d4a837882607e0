"""Checks of columns against each other: repeats, groups, time, the amount of data."""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from torchsmith.core.wording import amount, share
from torchsmith.inspect.columns import is_group
from torchsmith.inspect.inspection import Finding
from torchsmith.inspect.profile import Profile
from torchsmith.inspect.values import Roles
from torchsmith.inspect.wording import agree

MIN_ROWS = 50
"""With fewer rows, agreement of two columns or an order is no evidence."""

FEW_ROWS = 100
ROWS_PER_COLUMN = 10

FEW_OF_A_CLASS = 30
"""On average: then about six of each are tested, and six right of six may be 61 %."""

_YEAR_NAME = re.compile(
    r"(^|[_\s.-])(year|yr)$|^(년|연도|년도)$|[a-z]Year$", re.IGNORECASE
)


def find_repeats(profiles: Sequence[Profile], roles: Roles) -> Iterator[Finding]:
    """Report columns that say the same as an earlier one.

    Args:
        profiles: The input columns.
        roles: What each is used as, and why.
    """
    first: dict[bytes, str] = {}
    for profile in profiles:
        role, reason = roles[profile.name]
        if role == "ignore" and reason.startswith("equal to"):
            yield Finding(
                code="D28",
                severity="note",
                message=f"'{profile.name}' is {reason}.",
                where=f"column '{profile.name}'",
                remedy="Torchsmith leaves it out.",
            )
        if role == "ignore" or profile.num_rows < MIN_ROWS:
            continue
        twin = first.setdefault(profile.pattern, profile.name)
        if twin != profile.name and profile.typical_rows >= 2:
            yield Finding(
                code="D28",
                severity="note",
                message=f"'{profile.name}' repeats '{twin}' in other words: each of "
                f"its {amount(profile.distinct, 'value')} always stands with the same "
                "one.",
                where=f"columns '{twin}' and '{profile.name}'",
                remedy="Both are used; leaving one out loses nothing.",
            )


def find_group(profiles: Sequence[Profile]) -> str | None:
    """Return the column that says which rows belong together, if one does."""
    names = [profile for profile in profiles if is_group(profile)]
    return min(names, key=lambda p: p.distinct).name if names else None


def find_time(profiles: Sequence[Profile]) -> str | None:
    """Return the date column by which the rows are a time series, if one does.

    Its dates are all there, rise or fall from row to row, and hardly ever repeat.
    """
    for profile in profiles:
        if profile.kind != "date" or profile.num_rows < MIN_ROWS or profile.num_missing:
            continue
        if profile.distinct >= 0.99 * profile.num_rows and is_ordered(profile):
            return profile.name
    return None


def is_ordered(profile: Profile) -> bool:
    """Whether the values never fall, or never rise, from row to row."""
    steps = np.diff(profile.present.astype(np.float64))
    return bool((steps >= 0).all() or (steps <= 0).all())


def find_dependence(
    profiles: Sequence[Profile], group: str | None, time: str | None, noun: str = "row"
) -> Iterator[Finding]:
    """Report rows that belong together or follow each other in time.

    Args:
        profiles: The input columns.
        group: The column found by `find_group`.
        time: The column found by `find_time`.
        noun: What an example is called.
    """
    for profile in profiles:
        if profile.name == group:
            yield Finding(
                code="D9",
                severity="note",
                message=f"'{group}' says which {noun}s belong together: "
                f"{amount(profile.distinct, 'value')}, about "
                f"{profile.typical_rows:,.0f} {noun}s each.",
                where=f"column '{group}'",
                remedy=f"Torchsmith keeps all {noun}s of one value in one part "
                "(`split.group`) and does not use the column as an input.",
            )
        elif profile.name == time:
            yield Finding(
                code="D9",
                severity="note",
                message=f"The {noun}s are a time series in the order of '{time}'.",
                where=f"column '{time}'",
                evidence=f"{profile.levels[0]} to {profile.levels[-1]}",
                remedy=f"Torchsmith tests on the latest {noun}s (`split.time`), as "
                "the future is what will be predicted.",
            )
        elif time is None and _dates_rows(profile):
            yield Finding(
                code="D9",
                severity="note",
                message=f"The {noun}s stand in the order of '{profile.name}'.",
                where=f"column '{profile.name}'",
                evidence=f"{profile.levels[0]} to {profile.levels[-1]}",
                remedy=f"Torchsmith splits at random; if later {noun}s are to be "
                f"predicted from earlier ones, set `split.time: {profile.name}`.",
            )


def find_names(
    profiles: Sequence[Profile], alike: Mapping[str, float]
) -> Iterator[Finding]:
    """Report texts by which rows belong together.

    Args:
        profiles: The input columns.
        alike: Those of them whose rows are often of one class, see `ColumnFacts`.
    """
    for profile in (p for p in profiles if p.name in alike):
        shared = profile.counts[profile.counts > 1]
        held = amount(int(shared.sum()), "row")
        yield Finding(
            code="D9",
            severity="note",
            message=f"Rows that share a text of '{profile.name}' are often of one "
            f"class: {held} share {amount(len(shared), 'text')}.",
            where=f"column '{profile.name}'",
            evidence=f"{share(alike[profile.name], 1)} of the target's variance lies "
            "between them",
            remedy="Torchsmith takes the texts as categories. If new rows come with "
            f"texts of their own, the test flatters: set `split.group: {profile.name}` "
            f"and `data.columns: {{{profile.name}: ignore}}`.",
        )


def find_steps(profiles: Sequence[Profile], target: Profile) -> Iterator[Finding]:
    """Report rows that look like the steps of sequences with one target each.

    The rows of each value of one column stand together and share their target, and
    another column rises within them and begins again with the next.

    Args:
        profiles: The input columns.
        target: The target column.
    """
    if target.num_rows < MIN_ROWS or target.num_missing or target.distinct < 2:
        return
    for profile in profiles:
        if profile.num_missing or not 5 <= profile.distinct <= profile.num_rows / 3:
            continue
        within = np.diff(profile.codes) == 0
        if (~within).sum() != profile.distinct - 1:
            continue
        if (np.diff(target.codes)[within] != 0).any():
            continue
        clocks = (p.name for p in profiles if p is not profile and _restarts(p, within))
        if (clock := next(clocks, None)) is None:
            continue
        name = profile.name
        yield Finding(
            code="D9",
            severity="warning",
            message=f"The rows look like the steps of {profile.distinct:,} sequences: "
            f"those of each '{name}' stand together and have one '{target.name}', and "
            f"'{clock}' begins again with each.",
            where=f"columns '{name}' and '{clock}'",
            remedy="To learn from whole sequences, read them as such: `--set "
            f"data.id={name} --set data.time={clock}`; to predict for single rows, "
            f"keep those of one '{name}' together with `split.group: {name}`.",
        )
        return


def _restarts(profile: Profile, within: np.ndarray) -> bool:
    """Whether numbers or dates rise from row to row but where others begin."""
    if profile.kind not in ("number", "date") or profile.num_missing:
        return False
    rising = np.diff(profile.present.astype(np.float64)) > 0
    return bool((rising == within).all())


def _dates_rows(profile: Profile) -> bool:
    dates = profile.kind == "date" or (
        bool(_YEAR_NAME.search(profile.name))
        and profile.whole
        and profile.present.min() >= 1500
        and profile.present.max() <= 2200
    )
    return (
        dates
        and profile.num_present >= MIN_ROWS
        and profile.distinct >= 3
        and is_ordered(profile)
    )


def find_too_little(
    num_examples: int, num_columns: int, counts: Sequence[int], noun: str
) -> Iterator[Finding]:
    """Report when there are too few examples for an honest result.

    Args:
        num_examples: N.
        num_columns: Input columns that are used; 0 for images.
        counts: Examples of each class; of tables none.
        noun: What an example is called.
    """
    if num_examples < 10:
        yield Finding(
            code="D25",
            severity="error",
            message=f"There {agree(num_examples, 'is', 'are')} only "
            f"{amount(num_examples, noun)}, too few to train and to test.",
            remedy="Collect at least 10, better some hundreds.",
        )
        return
    why, enough = "", False
    if num_examples < FEW_ROWS:
        why = f"There are only {amount(num_examples, noun)}"
    elif num_columns and num_examples < ROWS_PER_COLUMN * num_columns:
        why = f"There are {num_examples:,} {noun}s for {num_columns:,} columns"
    elif counts and min(counts) < FEW_ROWS:
        why = f"There are as few as {amount(min(counts), noun)} of a class"
        enough = num_examples >= FEW_OF_A_CLASS * len(counts)
    if why:
        yield Finding(
            code="D25",
            severity="note" if enough else "warning",
            message=f"{why}, so the network may learn them by heart and the scores "
            "will be uncertain.",
            remedy="Collect more if you can; look at the intervals of the scores and "
            "at the simple rivals.",
        )
