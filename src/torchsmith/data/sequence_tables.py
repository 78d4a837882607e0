"""Sequences that stand in a table with a row for each step."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from torchsmith.core.errors import DataError, PlanError, nearest
from torchsmith.core.wording import in_quotes
from torchsmith.data.data import Change, Column, Data, Sequences, Series, Table
from torchsmith.data.retarget import formats_of, nearest_target
from torchsmith.data.sequence_gaps import refuse_infinite
from torchsmith.data.sequence_order import no_order, no_times, skipped_hours
from torchsmith.data.sequence_parts import SequencePart, sequences_from_parts

_REGULAR = 0.9
"""Where so large a share of steps in time is even, longer ones are jumps."""
_EVEN = 0.1
"""Even steps differ from the usual one by this share at most: months and years do."""
_JUMP = 1.5
"""Of even steps, one of more than so many usual ones is a jump."""
_FAR, _BEYOND = 10, 3
"""Of uneven steps, one is a jump that is longer than so many usual ones, and than so
many times what 99 of 100 steps do not exceed: weekends and holidays are not."""


@dataclass(frozen=True)
class Rows:
    """The rows of a table, cut into sequences.

    Attributes:
        starts: `(N,)` the first row of each sequence.
        lengths: `(N,)` their rows.
        names: `(N,)` the value of the id column.
    """

    starts: np.ndarray
    lengths: np.ndarray
    names: tuple[str, ...]


def _no_rows() -> np.ndarray:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class Pace:
    """How the time of a table goes on.

    Times are in seconds where they are dates.

    Attributes:
        jumps: The rows before which time jumps, after the longest steps first.
        limit: A longer step is a jump.
        usual: The median step.
        even: The usual step where nine of ten are about as long; else 0.
        exact: Whether steps are equal but for the rounding of decimals, so that the
            next time is known.
        uneven: Where they are not even, what to say of that; else empty.
        unlike: Where they are not those of training, what to say of that; else empty.
        clock: What to say of jumps of an hour in spring, if there are any.
        odd: The rows after other steps unlike the median, where they are not even,
            after the longest first.
    """

    jumps: np.ndarray
    limit: float
    usual: float
    exact: bool
    even: float = 0.0
    uneven: str = ""
    unlike: str = ""
    clock: str = ""
    odd: np.ndarray = field(default_factory=_no_rows)


def sequences_of_long_table(
    data: Data,
    series: Series,
    *,
    target: str | None,
    channels: Sequence[str] | None = None,
) -> Data:
    """Make a sequence of the rows that have one id.

    Numbers and booleans that change within a sequence are its channels. Columns that
    stay the same within every sequence are what is known of it besides; a target is one
    of these. Texts and dates that change within a sequence are not used, and counted.

    Args:
        data: The table, with the target among its columns.
        series: Names the id, and perhaps the time.
        target: The column to predict.
        channels: For prediction, the columns that are needed.

    Raises:
        DataError: An id is missing or comes back later, a time is missing, repeats or
            goes back, or the target changes within a sequence; says the lines.
        PlanError: A column does not exist.
    """
    table, new = table_of(data), channels is not None
    rows = rows_by_id(data, table, series)
    changes = [*data.changes]
    if series.time is not None:
        pace = pace_of(data, table, series, rows, new=new)
        if len(pace.jumps):
            what = f"'{series.time}' jumps here; steps are taken as even{pace.clock}"
            changes.append(Change.at(table.lines.take(pace.jumps), series.time, what))
        if pace.uneven:
            what = f"{pace.uneven}: they are taken as even"
            changes.append(Change.at(table.lines.take(pace.odd), series.time, what))
        changes += unlike_training(table, series, pace)
        series = series.model_copy(update={"step": pace.even})
    set_aside = {series.id, series.time, target}
    others = {n: c for n, c in table.columns.items() if n not in set_aside}
    firsts = {n: c.take(rows.starts) for n, c in others.items() if _same(c, rows)}
    found = [
        name
        for name, column in others.items()
        if name not in firsts and column.kind in ("number", "boolean")
    ]
    unused = [name for name in others if name not in firsts and name not in found]
    for name in [] if new else unused:
        what = f"{others[name].kind} that changes within a sequence: no channel"
        changes.append(Change(column=name, what=what, count=len(table)))
    values = stacked(data, table, found if channels is None else channels)
    labels = None
    if target is not None and target in table.columns:
        labels = _of_each(data, table.columns[target], rows, new=new)
    whole = sequences_from_parts(
        data.source,
        [
            SequencePart(
                None,
                data.source,
                values,
                rows.lengths,
                names=rows.names,
                columns=firsts if channels is None else {},
            )
        ],
        channels=found if channels is None else channels,
        reading={**data.reading, "format": "a row for each step"},
        changes=changes,
    )
    return finished(whole, data, series, labels)


def table_of(data: Data) -> Table:
    """Return the table that a source holds.

    Raises:
        DataError: It holds something else.
    """
    if not isinstance(data.inputs, Table):
        raise DataError(
            f"{data.source}: holds {data.kind}, not a table; leave out data.id, "
            "data.time and data.window"
        )
    return data.inputs


def no_column(data: Data, table: Table, setting: str, name: str) -> PlanError:
    """Return the error of a setting that names no column of the table."""
    near = nearest_target if setting == "target" else nearest
    hint = near(name, table.columns)
    hint += "" if hint.endswith("?") else ";"
    return PlanError(
        f"{setting}: {data.source} has no column '{name}'{hint} the columns are "
        f"{', '.join(table.columns)}"
    )


def column_of(data: Data, table: Table, setting: str, name: str) -> Column:
    """Return the column that a setting names.

    Raises:
        PlanError: There is no such column.
        DataError: Values are missing in it.
    """
    column = table.columns.get(name)
    if column is None:
        raise no_column(data, table, setting, name)
    if len(gone := np.flatnonzero(column.missing)):
        raise DataError(
            f"{data.source}, column '{name}': no value in {len(gone):,} of "
            f"{len(table):,} rows ({table.places(gone)}); {setting} needs "
            "one in every row"
        )
    return column


def rows_by_id(data: Data, table: Table, series: Series) -> Rows:
    """Cut the rows where the id changes; without an id they are one sequence.

    Raises:
        DataError: An id is missing, or comes back after another one.
    """
    if series.id is None:
        return Rows(np.zeros(1, np.int64), np.array([len(table)]), ("",))
    column = column_of(data, table, "data.id", series.id)
    values = column.values
    starts = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1])
    names = column.texts(starts)
    first: dict[str, int] = {}
    for start, name in zip(starts.tolist(), names, strict=True):
        if name in first:
            raise DataError(
                f"{data.source}, {table.name(start)}: {series.id} '{name}' comes "
                f"back; its sequence began at {table.name(first[name])}, and "
                f"others stand between; sort the rows by '{series.id}'"
                + (f" and '{series.time}'" if series.time else "")
            )
        first[name] = start
    lengths = np.diff([*starts.tolist(), len(table)])
    return Rows(starts.astype(np.int64), lengths.astype(np.int64), tuple(names))


def pace_of(
    data: Data, table: Table, series: Series, rows: Rows, *, new: bool = False
) -> Pace:
    """Find the usual step in time, and the rows before which time jumps.

    Steps are even where nine of ten are within a tenth of their median; then those of
    more than one and a half medians are jumps. Of others, such as those of business
    days, only steps far beyond all usual ones are.

    Args:
        data: What the table was read as.
        table: Its rows.
        series: Names the time.
        rows: The table, cut into sequences.
        new: Whether the rows are new ones for a network, which has no settings.

    Raises:
        DataError: The time is missing, repeats or goes back within a sequence.
    """
    name = series.time or ""
    column = column_of(data, table, "data.time", name)
    if column.kind not in ("date", "number"):
        raise DataError(no_times(data.source, table, column, spoiled(data, [name])))
    dated = column.kind == "date"
    times = column.values.astype(np.int64) if dated else column.values
    steps = np.diff(times).astype(np.float64)
    inside = np.ones(len(steps), bool)
    inside[rows.starts[1:] - 1] = False
    if (wrong := inside & (steps <= 0)).any():
        raise DataError(no_order(data.source, table, series, steps, wrong, new=new))
    if not inside.any():
        return Pace(_no_rows(), np.inf, 0.0, exact=False)
    usual = float(np.median(steps[inside]))
    off = np.abs(steps - usual)
    unlike = ""
    if series.step and not series.step / _JUMP <= usual <= series.step * _JUMP:
        now, before = (_span(step, dated=dated) for step in (usual, series.step))
        unlike = f"steps of '{name}' are unlike those of training ({now}, not {before})"
    even = inside & (off <= _EVEN * usual)
    regular = even[inside].mean() >= _REGULAR
    limit = _JUMP * usual if regular else _far(steps[inside], usual)
    jumps = _after(steps, inside & (steps > limit))
    if regular:
        # Of decimals, a step is off by up to one unit in the last place, as the median.
        rounding = 2 * float(np.spacing(np.abs(times).max().astype(np.float64)))
        exact = bool((off[inside] <= rounding).mean() >= _REGULAR)
        clock = "" if new else skipped_hours(column, jumps, steps, usual)
        return Pace(jumps, limit, usual, exact, usual, unlike=unlike, clock=clock)
    odd = _after(steps, inside & ~even & (steps <= limit))
    told = ""
    if len(odd):
        longest = steps[inside & (steps <= limit)].max()
        typical, most = (_span(step, dated=dated) for step in (usual, longest))
        told = f"steps of '{name}' are uneven (usual {typical}, longest {most})"
    return Pace(jumps, limit, usual, exact=False, uneven=told, unlike=unlike, odd=odd)


def unlike_training(table: Table, series: Series, pace: Pace) -> list[Change]:
    """Tell of new rows whose steps in time are not those of training, if they are."""
    if not pace.unlike:
        return []
    what = f"{pace.unlike}: the network counts rows, not time"
    return [Change(column=series.time or "", what=what, count=len(table))]


def _far(steps: np.ndarray, usual: float) -> float:
    """Return how long uneven steps can be that are no jumps.

    The rarest are told by a step that there is: a single hole in a short table must
    not move the bound.
    """
    rare = float(np.percentile(steps, 99, method="lower"))
    return max(_FAR * usual, _BEYOND * rare)


def _after(steps: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the rows after these steps, those after the longest first."""
    places = np.flatnonzero(chosen)
    return places[np.argsort(-steps[places], kind="stable")] + 1


def _span(step: float, *, dated: bool) -> str:
    """Write a step in time, which is in seconds where times are dates."""
    if not dated:
        return f"{step:g}"
    sizes = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
    size, unit = next(pair for pair in sizes if step >= pair[0])
    text = f"{step / size:.3g}"
    return f"{text} {unit}{'s' * (text != '1')}"


def stacked(data: Data, table: Table, names: Sequence[str]) -> np.ndarray:
    """Return `(T, C)` values of these columns.

    Raises:
        DataError: There are none, one is not there, or holds infinite values; says
            the lines.
    """
    if not names:
        held = ", ".join(f"'{n}' {c.kind}" for n, c in table.columns.items())
        raise DataError(
            f"{data.source}: no column of numbers changes within a sequence, so there "
            f"is nothing to learn from (there are: {held})"
            f"{spoiled(data, table.columns)}"
        )
    if lacking := [name for name in names if name not in table.columns]:
        raise DataError(
            f"{data.source}: no column{'s' * (len(lacking) > 1)} "
            f"{', '.join(map(repr, lacking))}, which the network needs; the columns "
            f"are {', '.join(table.columns)}"
        )
    for name in names:
        if table.columns[name].kind not in ("number", "boolean"):
            raise DataError(
                f"{data.source}, column '{name}': holds {table.columns[name].kind}; a "
                "channel needs numbers"
            )
    refuse_infinite(data, table, names)
    return np.stack([table.columns[name].values for name in names], axis=1)


def finished(
    whole: Data, data: Data, series: Series | None, target: Column | None
) -> Data:
    """Add the target, what the table was, and the fingerprint of the whole file."""
    if not isinstance(whole.inputs, Sequences):
        raise TypeError(whole.kind)
    return replace(
        whole,
        inputs=replace(
            whole.inputs, series=series, formats=tuple(formats_of(table_of(data)))
        ),
        target=target,
        fingerprint=data.fingerprint,
    )


def spoiled(data: Data, names: Iterable[str]) -> str:
    """Say which of these columns are text because of a few values, for a message."""
    told = [
        f"; column '{change.column}': {change.what} (first: "
        f"{in_quotes(change.example)}, {change.place}): correct these"
        for change in data.changes
        if change.column in names and change.what.endswith("read as text")
    ]
    return "".join(told)


def _same(column: Column, rows: Rows) -> bool:
    """Whether a column has one value within every sequence."""
    return not len(_changes_at(column, rows))


def _changes_at(column: Column, rows: Rows) -> np.ndarray:
    """Return the rows whose value is not that of the row before in its sequence."""
    missing = column.missing
    differs = column.values[1:] != column.values[:-1]
    differs = (differs & ~(missing[1:] & missing[:-1])).copy()
    differs[rows.starts[1:] - 1] = False
    return np.flatnonzero(differs) + 1


def _of_each(data: Data, column: Column, rows: Rows, *, new: bool) -> Column:
    """Return the target of each sequence, which all its rows share."""
    table = table_of(data)
    if len(changes := _changes_at(column, rows)):
        place = int(np.searchsorted(rows.starts, changes[0], side="right")) - 1
        both = column.texts(np.array([changes[0] - 1, changes[0]]))
        before, after = (f"'{text}'" if text else "missing" for text in both)
        hint = "" if new else ". To predict the next value of a column, set data.window"
        raise DataError(
            f"{data.source}, {table.name(changes[0])}: the target "
            f"'{column.name}' changes from {before} to {after} within the sequence "
            f"'{rows.names[place]}'; a sequence has one target{hint}"
        )
    return column.take(rows.starts)
