"""The part of a script that reads sequences from a table."""

from pathlib import Path

from torchsmith.core.errors import PlanError
from torchsmith.data.cells import Cells
from torchsmith.data.data import MISSING_TARGET, Sequences
from torchsmith.eject.code import Section, constant, function, joined, literal, quoted
from torchsmith.eject.csv_files import gaps_of
from torchsmith.eject.subject import Subject
from torchsmith.eject.table_columns import (
    Raw,
    assigned,
    conversion_lines,
    conversions,
    numbers_first,
    target_source,
    to_seconds,
)
from torchsmith.eject.table_files import open_table


def read_sequence_table_section(subject: Subject, path: Path) -> Section:
    """Write how the rows of a table become sequences.

    Each row is a sequence, or where the plan names an id, its rows together are one.

    Raises:
        DataError: The file is not what it was.
        PlanError: It cannot be read in plain Python.
    """
    inputs, target = subject.data.inputs, subject.target
    series, split = subject.plan.data.series, subject.plan.split
    if not isinstance(inputs, Sequences):
        raise TypeError(subject.name)
    drops = any(change.what == MISSING_TARGET for change in subject.data.changes)
    file = open_table([path], target.format if drops and series is None else None)
    raw = file.raw[target.name]
    if drops and not isinstance(raw, Cells):
        raise PlanError(
            f"{path}: a script leaves out sequences without a target of CSV files "
            "only; remove them from the table, train on that, and eject that run"
        )
    held = {form.name: form for form in inputs.formats}
    source, codes = target_source(target, raw, subject.classes)
    if series is None:
        columns = tuple(
            form.name
            for form in inputs.formats
            if form.kind == "number" and form.name != target.name
        )
        about, listed = "Each row is a sequence, from left to right.", "STEPS"
        lines, rows = _wide_lines(inputs), ""
        constants = [constant("STEPS", list(columns))]
    else:
        columns, listed, rows = inputs.channels, "CHANNELS", "[begins]"
        about = "Each row is a step; the rows of one id are a sequence."
        lines = _long_lines(subject, raw, drops=drops)
        source = source.replace("texts[TARGET]", "labels")
        source = source.replace("columns[TARGET]", "labels")
        constants = [constant("ID", series.id, "tells the sequences apart")]
        constants.append(constant("CHANNELS", list(columns)))
    of_each = split.group or split.time
    names = [*columns, *([series.id] if series and series.id else [])]
    names += [of_each] if of_each else []
    formats = numbers_first([held[name] for name in names])
    returned = ["sequences", "targets"]
    body = [
        *file.lines,
        *conversion_lines(conversions(formats, file.raw), {columns: listed}),
        *lines,
        assigned("targets", source),
    ]
    if of_each:
        returned.append("groups" if split.group else "times")
        body.append(f"{returned[-1]} = table[{quoted(of_each)}]{rows}")
    body.append(f"return {', '.join(returned)}")
    told = "Return the sequences, (L, C) each, and what is to be predicted."
    return Section(
        title="Read the data",
        about=about,
        code=joined([to_seconds(formats, file.raw), function("read()", told, body)]),
        steps=(f"{', '.join(returned)} = read()",),
        constants=(
            constant("DATA", subject.plan.data.source),
            *file.constants,
            constant("TARGET", target.name),
            *([constant("CLASSES", list(subject.classes))] if subject.classes else []),
            *codes,
            *constants,
        ),
    )


def _wide_lines(inputs: Sequences) -> list[str]:
    lines = ["steps = np.stack([table[name] for name in STEPS], axis=1)"]
    if inputs.same_length:
        return [*lines, "sequences = list(steps.astype(np.float32)[:, :, None])"]
    return [
        *lines,
        "# Missing values at the end of a row end the sequence.",
        "lengths = [np.flatnonzero(~np.isnan(row))[-1] + 1 for row in steps]",
        "steps = steps.astype(np.float32)[:, :, None]",
        "sequences = [row[:length] for row, length in zip(steps, lengths)]",
    ]


def _long_lines(subject: Subject, raw: Raw, *, drops: bool) -> list[str]:
    labels = "columns[TARGET]"
    if isinstance(raw, Cells):
        labels = "np.array(texts[TARGET])"
    lines = [
        "steps = np.stack([table[name] for name in CHANNELS], axis=1)",
        "ids = table[ID]",
        "begins = np.append(0, np.flatnonzero(ids[1:] != ids[:-1]) + 1)",
        "sequences = np.split(steps.astype(np.float32), begins[1:])",
        f"labels = {labels}[begins]  # all rows of a sequence have the same one",
    ]
    if not drops or not isinstance(raw, Cells):
        return lines
    gaps = gaps_of(subject.target.format, raw)
    test = f"~np.isin(labels, {literal(tuple(gaps))})"
    if len(gaps) == 1:
        test = f"labels != {quoted(gaps[0])}"
    return [
        *lines,
        f"known = {test}  # only sequences with a target",
        "sequences = [steps for steps, is_known in zip(sequences, known) if is_known]",
        "labels, begins = labels[known], begins[known]",
    ]
