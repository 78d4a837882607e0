"""Windows of a table in time, each with the value that comes next as its target."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from torchsmith.core.errors import DataError, PlanError
from torchsmith.core.memory import amount_of, do_not_fit, is_large
from torchsmith.data.data import (
    MISSING_TARGET,
    Change,
    Column,
    Data,
    Series,
    Table,
)
from torchsmith.data.sequence_gaps import refuse_missing
from torchsmith.data.sequence_parts import SequencePart, sequences_from_parts
from torchsmith.data.sequence_tables import (
    Pace,
    Rows,
    finished,
    no_column,
    pace_of,
    rows_by_id,
    stacked,
    table_of,
    unlike_training,
)


@dataclass(frozen=True)
class _Windows:
    """Windows of one length.

    Attributes:
        begins: `(N,)` the first row of each.
        lasts: `(N,)` the last row of each.
        nexts: `(N,)` the row after each; the last of the table where there is none.
        follows: `(N,)` whether the next row belongs to it: no jump, no other id.
    """

    begins: np.ndarray
    lasts: np.ndarray
    nexts: np.ndarray
    follows: np.ndarray

    def keep(self, chosen: np.ndarray) -> "_Windows":
        """Return only the chosen ones."""
        arrays = (self.begins, self.lasts, self.nexts, self.follows)
        return _Windows(*(array[chosen] for array in arrays))


def windows_of_table(
    data: Data,
    series: Series,
    *,
    target: str | None,
    drop_missing_target: bool = False,
    channels: Sequence[str] | None = None,
    ahead: bool = False,
    complete: bool = False,
) -> Data:
    """Cut a table in time into windows; the target of each is the value after it.

    All columns of numbers and booleans that vary are channels, the target's own past
    too. No window reaches over a jump in time, nor from one id to the next.

    Args:
        data: The table, with the target among its columns.
        series: Names the time, the rows of a window, and perhaps an id.
        target: The column whose next value is predicted.
        drop_missing_target: Leave out windows whose target is missing; else refuse.
        channels: For prediction, the columns that are needed.
        ahead: Make windows too whose next value is not known, such as after the last
            row.
        complete: Refuse windows in which values are missing.

    Raises:
        DataError: A time is missing, repeats or goes back, a target is missing, values
            are infinite, or there are too few rows; says the lines.
        PlanError: A column does not exist, or there is no time or target.
    """
    table, new = table_of(data), channels is not None
    if series.time is None:
        raise PlanError("data.window: needs data.time, the column that orders the rows")
    if target is None and not ahead:
        raise PlanError(
            "data.window: name the column whose next value is predicted as the target;"
            f" the columns are {', '.join(table.columns)}"
        )
    if target is not None and not ahead and target not in table.columns:
        raise no_column(data, table, "target", target)
    rows = rows_by_id(data, table, series)
    pace = pace_of(data, table, series, rows, new=new)
    borders = np.append(rows.starts, len(table))
    cuts = np.unique(np.append(borders, pace.jumps))
    lost = _with_window(borders, series.window) - _with_window(cuts, series.window)
    changes = [*data.changes, *_of_pace(table, series, pace, lost)]
    if channels is None:
        channels = _channels(table, series, changes)
    values = stacked(data, table, channels)
    windows = _windows(data, cuts, series.window, ahead=ahead, new=new)
    windows = _without_blank(windows, values, series.window, table, changes)
    if not len(windows.begins):
        raise DataError(
            f"{data.source}: no value of {', '.join(channels)} is known in any window "
            f"of {series.window:,} rows; fill them in"
        )
    answer = _answers(data, table, target, windows)
    if answer is not None and not ahead and answer.missing.any():
        gone = windows.nexts[answer.missing]
        if not drop_missing_target:
            raise DataError(
                f"{data.source}: target '{target}' is missing in {len(gone):,} rows "
                f"({table.places(gone)}); fill them in, or set "
                "data.drop_missing_target: true to leave these rows out as targets"
            )
        changes.append(Change.at(table.lines.take(gone), answer.name, MISSING_TARGET))
        windows = windows.keep(~answer.missing)
        answer = _answers(data, table, target, windows)
    if complete:
        used = _rows_within(windows, series.window, len(table))
        refuse_missing(data, table, channels, used)
    whole = sequences_from_parts(
        data.source,
        [_part(data, series, rows, windows, values, pace, new=new)],
        channels=channels,
        reading={**data.reading, "format": f"windows of {series.window} rows"},
        changes=changes,
    )
    paced = series.model_copy(update={"step": pace.even})
    return finished(whole, data, paced, answer)


def _of_pace(table: Table, series: Series, pace: Pace, lost: int) -> list[Change]:
    """Tell of jumps, by which so many rows have no prediction, and of other steps."""
    name, changes = series.time or "", []
    if len(pace.jumps):
        what = (
            f"'{name}' jumps here; no window reaches over it, so "
            f"{lost:,} {'row has' if lost == 1 else 'rows have'} no prediction"
            f"{pace.clock}"
        )
        changes.append(Change.at(table.lines.take(pace.jumps), name, what))
    if pace.uneven:
        what = f"{pace.uneven}: windows count rows, not time"
        changes.append(Change.at(table.lines.take(pace.odd), name, what))
    return [*changes, *unlike_training(table, series, pace)]


def _part(
    data: Data,
    series: Series,
    rows: Rows,
    windows: _Windows,
    values: np.ndarray,
    pace: Pace,
    *,
    new: bool,
) -> SequencePart:
    count = len(windows.begins)
    _refuse_large(data, count * series.window * values.shape[1], new=new)
    name = series.time or ""
    column = table_of(data).columns[name]
    times = _times(column, windows, pace)
    steps = (windows.begins[:, None] + np.arange(series.window)).reshape(-1)
    return SequencePart(
        None,
        data.source,
        values[steps],
        np.full(count, series.window, np.int64),
        names=_names(rows, times, windows, pace),
        columns={name: times},
    )


def _with_window(borders: np.ndarray, length: int) -> int:
    """Return how many rows have a window before them, and no border between."""
    return int(np.maximum(np.diff(borders) - length, 0).sum())


def _windows(
    data: Data, borders: np.ndarray, length: int, *, ahead: bool, new: bool
) -> _Windows:
    """Return every window that fits between two borders."""
    pairs = zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True)
    pieces = [np.arange(low, high - length + ahead) for low, high in pairs]
    begins = np.concatenate([np.empty(0, np.int64), *pieces]).astype(np.int64)
    if not len(begins):
        after = "" if ahead else " with a row after it"
        # The window of a run cannot be set any more.
        remedy = "give more rows" if new else "set a smaller data.window"
        raise DataError(
            f"{data.source}: {int(borders[-1]):,} rows, cut where the time jumps, hold "
            f"no window of {length:,} rows{after}; {remedy}"
        )
    ends = borders[np.searchsorted(borders, begins, side="right")]
    nexts = begins + length
    last = int(borders[-1]) - 1
    return _Windows(begins, nexts - 1, np.minimum(nexts, last), nexts < ends)


def _without_blank(
    windows: _Windows,
    values: np.ndarray,
    length: int,
    table: Table,
    changes: list[Change],
) -> _Windows:
    """Leave out windows in which no value is known."""
    known = np.cumsum(np.append(0, ~np.isnan(values).all(axis=1)))
    blank = known[windows.begins + length] == known[windows.begins]
    if blank.any():
        what = "window left out for want of a known value"
        changes.append(Change.at(table.lines.take(windows.begins[blank]), "", what))
    return windows.keep(~blank)


def _rows_within(windows: _Windows, length: int, count: int) -> np.ndarray:
    """Return `(count,)` bool: the rows of a table that any window holds."""
    borders = np.zeros(count + 1, np.int64)
    borders[windows.begins] += 1  # no two windows begin in one row
    borders[windows.begins + length] -= 1
    return np.asarray(np.cumsum(borders)[:-1] > 0)


def _channels(table: Table, series: Series, changes: list[Change]) -> list[str]:
    found = []
    for name, column in table.columns.items():
        if name in (series.id, series.time):
            continue
        present = column.values[~column.missing]
        if column.kind not in ("number", "boolean"):
            what = f"{column.kind} is no channel; not used"
        elif not len(present) or (present == present[0]).all():
            what = "the same in every row, so no channel"
        else:
            found.append(name)
            continue
        changes.append(Change(column=name, what=what, count=len(table)))
    return found


def _answers(
    data: Data, table: Table, target: str | None, windows: _Windows
) -> Column | None:
    """Return the value after each window, missing where there is none."""
    column = table.columns.get(target or "")
    if column is None:
        return None
    if column.kind != "number":
        raise DataError(
            f"{data.source}, column '{target}': holds {column.kind}; the next value of "
            "numbers only is predicted"
        )
    values = column.values[windows.nexts]
    return replace(column, values=np.where(windows.follows, values, np.nan))


def _times(column: Column, windows: _Windows, pace: Pace) -> Column:
    """Return the time of each target.

    After a last row it is the time that comes next where that is known, else the time
    of this last row.
    """
    values = column.values[windows.lasts].copy()
    follows = windows.follows
    values[follows] = column.values[windows.nexts[follows]]
    if pace.exact:
        dates = column.kind == "date"
        values[~follows] += (
            np.timedelta64(int(pace.usual), "s") if dates else pace.usual
        )
    return replace(column, values=values)


def _names(rows: Rows, times: Column, windows: _Windows, pace: Pace) -> tuple[str, ...]:
    """Call each window by its id and the time of its target."""
    owners = np.searchsorted(rows.starts, windows.begins, side="right") - 1
    unsure = (~windows.follows & (not pace.exact)).tolist()
    return tuple(
        f"{rows.names[owner]} {'after ' * after}{time}".strip()
        for owner, after, time in zip(
            owners.tolist(), unsure, times.texts(), strict=True
        )
    )


def _refuse_large(data: Data, cells: int, *, new: bool) -> None:
    size = cells * np.dtype(np.float64).itemsize
    if is_large(size):
        raise DataError(
            f"{data.source}: its windows take {amount_of(size)}, {do_not_fit()}; "
            f"{'' if new else 'set a smaller data.window, or '}give fewer rows"
        )
