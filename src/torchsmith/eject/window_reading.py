"""The part of a script that cuts a table in time into windows."""

from dataclasses import dataclass

import numpy as np

from torchsmith.core.errors import PlanError
from torchsmith.data.data import Data, Sequences
from torchsmith.data.sequence_tables import pace_of, rows_by_id, table_of
from torchsmith.data.tables import read_table
from torchsmith.eject.code import Section, constant, function, joined
from torchsmith.eject.label_codes import label_lines
from torchsmith.eject.sources import locate
from torchsmith.eject.subject import Subject
from torchsmith.eject.table_columns import (
    conversion_lines,
    conversions,
    numbers_first,
    to_seconds,
)
from torchsmith.eject.table_files import open_table


@dataclass(frozen=True)
class _Cut:
    """How the windows of a run were cut from its table.

    Attributes:
        several: Whether there are several series.
        limit: Where there are jumps in time, the longest step that is none; else 0.
        blank: Whether windows without any value were left out.
        missing: Whether windows without a target were left out.
    """

    several: bool
    limit: float
    blank: bool
    missing: bool


def is_windows(subject: Subject) -> bool:
    """Whether the run forecasts: its sequences are windows of a table in time."""
    inputs = subject.data.inputs
    return isinstance(inputs, Sequences) and bool(
        inputs.series is not None and inputs.series.window
    )


def read_windows_section(subject: Subject) -> Section:
    """Write how a table is read and cut into windows.

    Raises:
        DataError: The file is not there any more.
        PlanError: Its windows are cut in a way that a script does not know.
    """
    source, series = subject.plan.data, subject.plan.data.series
    path = locate(source.source).path
    fitted = subject.preparation.sequences
    if path is None or series is None or fitted is None or series.time is None:
        raise AssertionError(source)
    data, file = read_table(path, roles=source.columns), open_table([path])
    cut, target = _cut_of(subject, data), subject.plan.problem.target
    channels = tuple(fitted.channels)
    names = [*channels, series.time, target]
    names += [series.id] if series.id and cut.several else []
    columns = table_of(data).columns
    formats = numbers_first([columns[name].format for name in dict.fromkeys(names)])
    body = [
        *file.lines,
        *conversion_lines(conversions(formats, file.raw), {channels: "CHANNELS"}),
        "return table",
    ]
    read = function("read()", "Return the columns by name.", body)
    timed = subject.plan.split.time is not None
    windows = _windows(subject, cut, timed=timed)
    code = [to_seconds(formats, file.raw), read, windows]
    constants = [constant("DATA", source.source), *file.constants]
    if cut.several:
        constants.append(constant("ID", series.id, "tells the series apart"))
    constants += [
        constant("TIME", series.time),
        constant("TARGET", target, "its next value is predicted"),
        *([constant("CLASSES", list(subject.classes))] if subject.classes else []),
        constant("CHANNELS", list(channels)),
        constant("WINDOW", series.window, "rows from which it is predicted"),
    ]
    if cut.limit:
        constants.append(constant("LIMIT", cut.limit, "a longer step is a jump"))
    return Section(
        title="Read the data",
        about="Each example is a window of rows; its target is the value after it.",
        code=joined(code),
        steps=(f"sequences, targets{', times' * timed} = windows(read())",),
        constants=tuple(constants),
    )


def _windows(subject: Subject, cut: _Cut, *, timed: bool) -> str:
    found, targets = "answers[ends]", []
    if subject.classes:
        targets = label_lines(subject, subject.target.values, found)
        found = "targets"
    lines = [
        "steps = np.stack([table[name] for name in CHANNELS], axis=1)",
        "steps = steps.astype(np.float32)",
        *(["times = table[TIME]"] if timed or cut.limit else []),
        "answers = table[TARGET]",
        "begins = np.arange(len(steps) - WINDOW)",
    ]
    border = "np.diff(times) > LIMIT"
    if cut.limit or cut.several:
        told = ["over a jump in time"] if cut.limit else []
        told += ["from one series to the next"] if cut.several else []
        lines.append(f"# No window reaches {', nor '.join(told)}.")
    if cut.several:
        lines.append("borders = table[ID][1:] != table[ID][:-1]")
        lines += [f"borders |= {border}"] if cut.limit else []
        border = "borders"
    if cut.limit or cut.several:
        lines += [
            f"stretch = np.cumsum(np.append(0, {border}))",
            "begins = begins[stretch[begins] == stretch[begins + WINDOW]]",
        ]
    if cut.blank:
        lines += [
            "# A window without any value says nothing.",
            "known = np.cumsum(np.append(0, ~np.isnan(steps).all(axis=1)))",
            "begins = begins[known[begins + WINDOW] > known[begins]]",
        ]
    if cut.missing:
        lines.append("begins = begins[~np.isnan(answers[begins + WINDOW])]")
    lines += [
        "sequences = [steps[begin : begin + WINDOW].copy() for begin in begins]",
        "ends = begins + WINDOW",
        *targets,
        f"return sequences, {found}{', times[ends]' * timed}",
    ]
    return function(
        "windows(table)",
        "Return windows of WINDOW rows, (WINDOW, C) each, and the value after each."
        + "\nThen come the times of these values." * timed,
        lines,
    )


def _cut_of(subject: Subject, data: Data) -> _Cut:
    """Find out how the windows were cut; refuse what a script would cut otherwise."""
    table, series = table_of(data), subject.plan.data.series
    inputs = subject.data.inputs
    if not isinstance(inputs, Sequences) or series is None or series.time is None:
        raise AssertionError(data.source)
    rows = rows_by_id(data, table, series)
    pace = pace_of(data, table, series, rows)
    blank = any("window left out" in change.what for change in subject.data.changes)
    steps = np.stack([table.columns[n].values for n in inputs.channels], axis=1)
    borders = np.zeros(len(steps), bool)
    borders[[*rows.starts, *pace.jumps]] = True
    stretch = np.cumsum(borders)
    begins = np.arange(len(steps) - series.window)
    begins = begins[stretch[begins] == stretch[begins + series.window]]
    if blank:
        known = np.cumsum(np.append(0, ~np.isnan(steps).all(axis=1)))
        begins = begins[known[begins + series.window] > known[begins]]
    answers = table.columns[subject.plan.problem.target].values[begins + series.window]
    missing = bool(np.isnan(answers).any())
    begins = begins[~np.isnan(answers)]
    held = (begins[:, None] + np.arange(series.window)).reshape(-1)
    if not np.array_equal(
        inputs.values, steps[held].astype(np.float32), equal_nan=True
    ):
        raise PlanError(
            f"{data.source}: its windows are cut in a way that a script does not know; "
            "save the sequences as a .ts file, train on that, and eject that run"
        )
    limit = pace.limit if len(pace.jumps) else 0.0
    return _Cut(len(rows.starts) > 1, limit, blank, missing)
