"""What to say of rows that do not stand in the order of time."""

import numpy as np

from torchsmith.data.data import Column, Series, Table
from torchsmith.data.dates import FORMS_READ

_ROWS_OF_SERIES = 10
"""A column whose values have so many rows each may tell series apart."""
_MIXED = 3
"""Where time repeats or goes back in every third row, series stand among each other."""
_HOUR = 3600.0
_MONTHS_OF_CHANGE = (3, 4, 9, 10, 11)
_HOURS_OF_CHANGE = (23, 0, 1, 2, 3, 4)


def no_times(source: str, table: Table, column: Column, reason: str) -> str:
    """Say that a column holds no times, and what is read as one.

    Args:
        source: What to call the table.
        table: Its rows.
        column: Named as their time.
        reason: What reading told of it, or nothing.
    """
    (first,) = column.texts(slice(1))
    held = "" if reason else f" (first: '{first}', {table.name(0)})"
    return (
        f"{source}, column '{column.name}': holds {column.kind}{held}; data.time "
        f"needs dates or numbers{reason}; dates are read in forms such as {FORMS_READ}"
    )


def no_order(
    source: str,
    table: Table,
    series: Series,
    steps: np.ndarray,
    wrong: np.ndarray,
    *,
    new: bool,
) -> str:
    """Say where time repeats or goes back within a sequence, and what to do.

    Args:
        source: What to call the table.
        table: Holds the time of `series`.
        series: Says how its rows make sequences.
        steps: `(N - 1,)` from each time to the next.
        wrong: `(N - 1,)` bool: which of them are none forward, but should be.
        new: Whether the rows are new ones for a network, which has no settings.
    """
    column = table.columns[series.time or ""]
    every = np.flatnonzero(wrong) + 1
    repeats = wrong & (steps == 0)
    what, remedy = "goes back", "sort the rows"
    if repeats.any():
        wrong, what, remedy = repeats, "repeats", "keep one row of each time"
    at = np.flatnonzero(wrong) + 1
    forward = steps[steps > 0]
    usual = float(np.median(forward)) if len(forward) else 0.0
    turned = _clock_turns(column, every, steps, usual, -_HOUR)
    which = f" within one '{series.id}'" if series.id else ""
    if turned.all():
        remedy = _daylight("end", new=new)
    elif not series.id:
        owner = _owner(table, column, np.flatnonzero(steps <= 0) + 1)
        if owner:
            apart = "give each by itself" if new else f"set data.id: {owner}"
            remedy = f"if each '{owner}' is a series of its own, {apart}, else {remedy}"
        else:
            apart = "give each by itself"
            if not new:
                apart = "name the column that tells them apart with data.id"
            remedy = f"{remedy}, or, if the table holds several series, {apart}"
    return (
        f"{source}, column '{series.time}': {_moment(column, int(at[0]))} {what}"
        f"{which} in {len(at):,} of {len(table):,} rows "
        f"({table.places(at)}); {remedy}{_some(turned, 'end', new=new)}"
    )


def _clock_turns(
    column: Column, rows: np.ndarray, steps: np.ndarray, usual: float, by: float
) -> np.ndarray:
    """Return `(len(rows),)` bool: before which rows a local clock was turned.

    Args:
        column: The times.
        rows: Where time does not go on as usual.
        steps: `(N - 1,)` seconds from each time to the next.
        usual: The usual step; clocks are seen to turn where it is an hour at most.
        by: The seconds by which the clock is turned.
    """
    if column.kind != "date" or not 0 < usual <= _HOUR:
        return np.zeros(len(rows), bool)
    times = column.values[rows]
    months = times.astype("datetime64[M]").astype(np.int64) % 12 + 1
    hours = times.astype("datetime64[h]").astype(np.int64) % 24
    night = np.isin(months, _MONTHS_OF_CHANGE) & np.isin(hours, _HOURS_OF_CHANGE)
    return np.asarray(night & (steps[rows - 1] == usual + by))


def skipped_hours(
    column: Column, rows: np.ndarray, steps: np.ndarray, usual: float
) -> str:
    """Say how many of the jumps before rows may be of clocks in spring, if any."""
    turned = _clock_turns(column, rows, steps, usual, _HOUR)
    if not len(rows):
        return ""
    return f"; {_daylight('start')}" if turned.all() else _some(turned, "start")


def _some(turned: np.ndarray, end: str, *, new: bool = False) -> str:
    """Say how many of several times look like those of clocks, if not all do."""
    if turned.all() or not turned.any():
        return ""
    return f"; {int(turned.sum()):,} of {len(turned):,}: {_daylight(end, new=new)}"


def _daylight(end: str, *, new: bool = False) -> str:
    """Say that clocks may have been turned, and what to do.

    Args:
        end: Of daylight saving: its start or its end.
        new: Whether the rows are new ones, of which the form of times is settled.
    """
    remedy = "give UTC" if new else "give UTC, or times with their offset (+02:00)"
    return f"looks like the {end} of daylight saving: {remedy}"


def _owner(table: Table, time: Column, at: np.ndarray) -> str | None:
    """Return the column that tells series apart: by its values, time goes forward.

    Args:
        table: Has several rows of one time, or time goes back.
        time: The column that orders its rows.
        at: The rows at which time repeats or goes back.
    """
    for name, column in table.columns.items():
        if column.kind not in ("text", "number") or column.missing.any():
            continue
        found, codes = np.unique(column.values, return_inverse=True)
        if not 1 < len(found) <= len(table) / _ROWS_OF_SERIES:
            continue
        begins = np.flatnonzero(np.diff(codes)) + 1
        mixed = len(at) >= len(table) / _MIXED
        order = np.argsort(codes, kind="stable")
        forward = np.diff(time.values[order]).astype(float) > 0
        if (mixed or np.array_equal(begins, at)) and (
            forward | (np.diff(codes[order]) > 0)
        ).all():
            return name
    return None


def _moment(time: Column, row: int) -> str:
    """Write a time, at midnight too where others have a time of day."""
    (text,) = time.texts(np.array([row]))
    if time.kind != "date":
        return text
    clock = (time.values != time.values.astype("datetime64[D]")).any()
    return str(time.values[row]).replace("T", " ") if clock else text
