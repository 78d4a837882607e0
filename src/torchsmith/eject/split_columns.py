"""How a script divides examples by a column: by groups, or in the order of time."""

from collections.abc import Sequence

import numpy as np

from torchsmith.data.data import Column, Sequences, Table
from torchsmith.eject.code import block, bracketed, comment, function, literal, short
from torchsmith.eject.cutting import (
    Cut,
    about,
    cut_of,
    head,
    rest_lines,
    returned,
    told_shares,
)
from torchsmith.eject.subject import Subject


def split_by_time(subject: Subject) -> str:
    """Write a split whose later parts have the later rows."""
    cut = cut_of(subject)
    total = len(cut.pool)
    cuts, end = {}, total
    for part, rows in cut.parts.items():
        cuts[part], end = (end - len(rows), end), end - len(rows)
    rest = rest_lines(subject)
    values = "times[rest]" if rest else "times"
    body = [*rest, f'order = np.argsort({values}, kind="stable")']
    body += ["order = rest[order]"] if rest else []
    names = {
        part: f"np.sort(order[{begin}:{last if last < total else ''}])"
        for part, (begin, last) in cuts.items()
    }
    names["train"] = f"np.sort(order[:{end}])"
    body += [comment(told_shares(subject), 1)] if cut.parts else []
    body += [f"{part} = {source}" for part, source in names.items()]
    how = "The latest rows are for the test, those before them for validation; rows "
    how += "of one time are in one part."
    return function(
        head(subject, "times"),
        about(subject, how),
        [*body, *returned(subject, {part: part for part in names})],
    )


def split_by_groups(subject: Subject) -> str:
    """Write a split whose groups are listed."""
    split, inputs, cut = subject.plan.split, subject.data.inputs, cut_of(subject)
    if not isinstance(inputs, Table | Sequences):
        raise TypeError(subject.name)
    column = inputs.columns[split.group or ""]
    given = [f"is_{part}" for part in subject.given]
    body = []
    names = {}
    for part, rows in cut.parts.items():
        held = literal(_held(column, rows), 2)
        body.append(bracketed(f"{part} = np.isin(", ["groups", held], ")", 1))
        names[part] = f"np.flatnonzero({' & ~'.join([part, *given])})"
    kept = "all others are trained on"
    if cut.folds:
        body += _fold_lines(column, cut, [*cut.parts, *given][0])
        kept = "all others are in the last fold"
    else:
        body.append(f"train = ~({' | '.join([*cut.parts, *given])})")
        names["train"] = "np.flatnonzero(train)"
    place = "part or fold" if cut.folds else "part"
    how = f"All rows of one '{split.group}' are in one {place}. "
    units = ", in seconds since 1970," if column.kind == "date" else ""
    how += f"Those below{units} were drawn at random; {kept}."
    return function(
        head(subject, "groups"),
        about(subject, how),
        [*body, *returned(subject, names)],
    )


def _fold_lines(column: Column, cut: Cut, test: str) -> list[str]:
    """Return the statements that number the folds of groups, -1 for those of `test`."""
    held = [_held(column, rows) for rows in cut.folds]
    return [
        literal(held, 1, "held = "),
        f"folds = np.full(len(groups), {len(held)})",
        block(
            "for fold, names in enumerate(held):",
            ["folds[np.isin(groups, names)] = fold"],
        ),
        f"folds[{test}] = -1  # in none",
    ]


def _held(column: Column, rows: np.ndarray) -> list[str | float]:
    return list(dict.fromkeys(_as_read(column.take(rows))))


def _as_read(column: Column) -> Sequence[str | float]:
    """Return values as the script's table holds them, whole numbers without a point."""
    if column.kind == "text":
        return column.texts()
    values = column.values
    if column.kind == "date":
        values = values.astype("datetime64[s]").astype(np.float64)
    return [short(n) for n in values.tolist()]
