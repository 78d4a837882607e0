"""The functions of a script that turn dates into numbers."""

from collections.abc import Sequence

from torchsmith.data.tabular import DAY, NumberColumn
from torchsmith.eject.code import function


def date_functions(
    columns: Sequence[NumberColumn], *, scaled: bool, gaps: frozenset[str]
) -> list[str]:
    """Write how dates become numbers: one function for days, one for times of day.

    Args:
        columns: All of a table; those of dates are taken.
        scaled: Whether days and years are scaled as numbers are.
        gaps: The columns in which some values are missing.
    """
    dates = [column for column in columns if column.role == "date"]
    return [
        _date_function(clock=clock, scaled=scaled, gaps=not gaps.isdisjoint(chosen))
        for clock in (False, True)
        if (chosen := [column.name for column in dates if column.clock == clock])
    ]


def _date_function(*, clock: bool, scaled: bool, gaps: bool) -> str:
    body = []
    if gaps:
        body += [
            "train = train[~np.isnan(seconds[train])]",
            "seconds = fill(seconds, train)",
        ]
    turns = ["months % 12 / 12", "weekday / 7"]
    turns += [f"seconds % {DAY} / {DAY}"] if clock else []
    body += [
        'days = seconds.astype(np.int64).astype("datetime64[s]")',
        'months = days.astype("datetime64[M]").astype(np.int64)',
        f"weekday = (seconds // {DAY} + 3) % 7  # 1970 began on a Thursday",
        f"turns = [{', '.join(turns)}]",
        "circles = [wave(2 * np.pi * turn) for turn in turns for wave in WAVES]",
        f"lines = [seconds / {DAY}, months // 12 + 1970.0]  # days and years",
    ]
    if scaled:
        body.append("lines = [scale(values, train) for values in lines]")
    return function(
        f"{expand_name(clock=clock)}(seconds, train)",
        "Turn dates into days and years, and into points on circles.\n"
        "On the circle of a year, December is beside January.",
        [*body, "return lines + circles"],
    ).replace("WAVES", "(np.sin, np.cos)")


def expand_name(*, clock: bool) -> str:
    """Return what the function for dates, or for times, is called."""
    return "expand_times" if clock else "expand_days"
