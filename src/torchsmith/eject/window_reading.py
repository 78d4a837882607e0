"""The part of a script that cuts a table in time into windows, and divides them."""

from dataclasses import dataclass, replace

import numpy as np

from torchsmith.core.errors import PlanError
from torchsmith.data.data import Data, Sequences, first_step
from torchsmith.data.sequence_tables import JUMP, pace_of, rows_by_id, table_of
from torchsmith.data.tables import read_table
from torchsmith.eject.code import Section, comment, constant, function, joined
from torchsmith.eject.csv_files import look_at
from torchsmith.eject.sources import locate
from torchsmith.eject.subject import Subject
from torchsmith.eject.table_columns import conversion_lines, conversions, to_seconds
from torchsmith.eject.table_reading import csv_lines
from torchsmith.eject.wording import ordinal_share


@dataclass(frozen=True)
class _Cut:
    """How the windows of a run were cut from its table.

    Attributes:
        usual: The usual step in time, where there are jumps; else 0.
        blank: Whether windows without any value were left out.
        missing: Whether windows without a target were left out.
    """

    usual: float
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
        PlanError: It is no CSV file, or holds several series.
    """
    source, series = subject.plan.data, subject.plan.data.series
    path = locate(source.source).path
    fitted = subject.preparation.sequences
    if path is None or series is None or fitted is None or series.time is None:
        raise AssertionError(source)
    if series.id is not None:
        raise PlanError(
            f"{source.source}: holds several series (data.id); a script cuts one "
            "series into windows only"
        )
    data = read_table(path, roles=source.columns)
    table, file = table_of(data), look_at(path)
    names = (*fitted.channels, series.time)
    formats = [table.columns[name].format for name in dict.fromkeys(names)]
    target = subject.plan.problem.target
    if target not in names:
        formats.append(table.columns[target].format)
    rank = {"number": 0, "boolean": 1, "date": 2, "text": 3}
    formats.sort(key=lambda form: rank[form.kind])
    whole = subject.plan.data.model_copy(update={"drop_missing_target": False})
    kept = replace(subject, plan=subject.plan.model_copy(update={"data": whole}))
    body = [
        *csv_lines(kept, [file]),
        *conversion_lines(conversions(formats, file.cells), {}),
        "return table",
    ]
    read = function("read()", "Return the columns by name.", body)
    cut = _cut_of(subject, data)
    code = [to_seconds(formats, file.cells), read, _windows(cut)]
    constants = [constant("DATA", source.source)]
    if not file.headed:
        constants.append(constant("COLUMNS", list(file.names), "of the file"))
    constants += [
        constant("TIME", series.time),
        constant("TARGET", target, "its next value is predicted"),
        constant("CHANNELS", list(fitted.channels)),
        constant("WINDOW", series.window, "rows from which it is predicted"),
    ]
    if cut.usual:
        constants.append(constant("USUAL", cut.usual, "step in time"))
    return Section(
        title="Read the data",
        about="Each example is a window of rows; its target is the value after it.",
        code=joined(code),
        steps=("sequences, targets, begins, ends = windows(read())",),
        constants=tuple(constants),
    )


def _windows(cut: _Cut) -> str:
    lines = [
        "steps = np.stack([table[name] for name in CHANNELS], axis=1)",
        "steps = steps.astype(np.float32)",
        "times, answers = table[TIME], table[TARGET]",
        "begins = np.arange(len(steps) - WINDOW)",
    ]
    if cut.usual:
        lines += [
            "# No window reaches over a jump in time.",
            f"stretch = np.cumsum(np.append(0, np.diff(times) > {JUMP} * USUAL))",
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
        "return sequences, answers[ends], times[begins], times[ends]",
    ]
    return function(
        "windows(table)",
        "Return windows of WINDOW rows, (WINDOW, C) each, and the value after each.\n"
        "Then come the times of their first rows, and of those after them.",
        lines,
    )


def _cut_of(subject: Subject, data: Data) -> _Cut:
    """Find out how the windows were cut; refuse what a script would cut otherwise."""
    table, series = table_of(data), subject.plan.data.series
    inputs = subject.data.inputs
    if not isinstance(inputs, Sequences) or series is None or series.time is None:
        raise AssertionError(data.source)
    values = table.columns[series.time].values
    if table.columns[series.time].kind == "date":
        values = values.astype("datetime64[s]").astype(np.int64)
    usual = pace_of(data, table, series, rows_by_id(data, table, series)).usual
    told = [change.what for change in subject.data.changes]
    steps = np.stack([table.columns[n].values for n in inputs.channels], axis=1)
    stretch = np.cumsum(np.append(0, np.diff(values) > JUMP * usual))
    jumps = any("jumps here" in what for what in told)
    blank = any("window left out" in what for what in told)
    begins = np.arange(len(steps) - series.window)
    if jumps:
        begins = begins[stretch[begins] == stretch[begins + series.window]]
    if blank:
        known = np.cumsum(np.append(0, ~np.isnan(steps).all(axis=1)))
        begins = begins[known[begins + series.window] > known[begins]]
    answers = table.columns[subject.plan.problem.target].values[begins + series.window]
    missing = bool(np.isnan(answers).any())
    begins = begins[~np.isnan(answers)]
    rows = (begins[:, None] + np.arange(series.window)).reshape(-1)
    if not np.array_equal(
        inputs.values, steps[rows].astype(np.float32), equal_nan=True
    ):
        raise PlanError(
            f"{data.source}: its windows are cut in a way that a script does not know; "
            "save the sequences as a .ts file, train on that, and eject that run"
        )
    return _Cut(usual if jumps else 0.0, blank, missing)


def split_windows_section(subject: Subject) -> Section:
    """Write how windows are divided in the order of time."""
    inputs, split, parts = subject.data.inputs, subject.plan.split, subject.parts
    if (
        not isinstance(inputs, Sequences)
        or split.time is None
        or split.test == "given"
        or split.val == "given"
    ):
        raise PlanError("split: a script divides windows of a table by time only")
    ends = inputs.columns[split.time].values
    begins = inputs.columns[first_step(split.time)].values
    learned, chosen = ends[parts.train].max(), ends[parts.val].max()
    num_val = int(((ends > learned) & (ends <= chosen)).sum())
    num_test = int((ends > chosen).sum())
    lines = [
        'order = np.argsort(ends, kind="stable")',
        comment(
            f"{ordinal_share(split.test)} for the test, "
            f"{ordinal_share(split.val)} of the rest for validation.".capitalize(),
            1,
        ),
        f"train = np.sort(order[: -{num_val + num_test}])",
        f"val = np.sort(order[-{num_val + num_test} : -{num_test}])",
        f"test = np.sort(order[-{num_test}:])",
        "# A window that begins in an earlier part holds targets of that part.",
        "val = val[begins[val] > ends[train].max()]",
        "test = test[begins[test] > ends[val].max()]",
        "return train, val, test",
    ]
    if (begins[parts.val] <= learned).any() or (begins[parts.test] <= chosen).any():
        raise AssertionError(subject.name)
    code = function(
        "split(begins, ends)",
        "Return the rows of train, val and test.\n"
        "The latest are for the test, those before them for validation.",
        lines,
    )
    return Section(
        title="Split",
        about=(
            "Training learns from one part, validation chooses the best epoch, and the "
            "test part is looked at once, at the end."
        ),
        code=code,
        steps=("train, val, test = split(begins, ends)",),
    )
