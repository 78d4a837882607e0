"""The part of a script that reads sequences from a table with a row for each step."""

from pathlib import Path

from torchsmith.core.errors import PlanError
from torchsmith.data.cells import Cells
from torchsmith.data.data import MISSING_TARGET, Sequences, Series
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


def read_long_table_section(subject: Subject, path: Path, series: Series) -> Section:
    """Write how the rows of a table become sequences, one for each id.

    Raises:
        DataError: The file is not what it was.
        PlanError: It cannot be read in plain Python.
    """
    inputs, target = subject.data.inputs, subject.target
    if not isinstance(inputs, Sequences) or series.id is None:
        raise AssertionError(subject.name)
    file, split = open_table([path]), subject.plan.split
    known_of_each = split.group or split.time
    names = [*inputs.channels, series.id, *([known_of_each] if known_of_each else [])]
    held = {form.name: form for form in inputs.formats}
    formats = numbers_first([held[name] for name in names])
    source, codes = target_source(target, file.raw[target.name], subject.classes)
    labels, first = "columns[TARGET]", "columns[TARGET][begins]"
    if isinstance(file.raw[target.name], Cells):
        labels, first = "texts[TARGET]", "np.array(texts[TARGET])[begins]"
    returned = ["sequences", "targets"]
    body = [
        *file.lines,
        *conversion_lines(
            conversions(formats, file.raw), {inputs.channels: "CHANNELS"}
        ),
        "steps = np.stack([table[name] for name in CHANNELS], axis=1)",
        "ids = table[ID]",
        "begins = np.append(0, np.flatnonzero(ids[1:] != ids[:-1]) + 1)",
        "sequences = np.split(steps.astype(np.float32), begins[1:])",
        f"labels = {first}  # all rows of a sequence have the same one",
        *_drop_lines(subject, file.raw[target.name]),
        assigned("targets", source.replace(labels, "labels")),
    ]
    if known_of_each:
        returned.append("groups" if split.group else "times")
        body.append(f"{returned[-1]} = table[{quoted(known_of_each)}][begins]")
    body.append(f"return {', '.join(returned)}")
    constants = [
        constant("DATA", subject.plan.data.source),
        *file.constants,
        constant("ID", series.id, "tells the sequences apart"),
        constant("TARGET", target.name),
        *([constant("CLASSES", list(subject.classes))] if subject.classes else []),
        *codes,
        constant("CHANNELS", list(inputs.channels)),
    ]
    about = "Return the sequences, (L, C) each, and what is to be predicted."
    return Section(
        title="Read the data",
        about="Each row is a step; the rows of one id are a sequence.",
        code=joined([to_seconds(formats, file.raw), function("read()", about, body)]),
        steps=(f"{', '.join(returned)} = read()",),
        constants=tuple(constants),
    )


def _drop_lines(subject: Subject, raw: Raw) -> list[str]:
    """Write how sequences without a target are left out, where there are some."""
    if not any(change.what == MISSING_TARGET for change in subject.data.changes):
        return []
    if not isinstance(raw, Cells):
        raise PlanError(
            f"{subject.plan.data.source}: a script leaves out sequences without a "
            "target of CSV files only; remove them from the table, train on that, and "
            "eject that run"
        )
    gaps = gaps_of(subject.target.format, raw)
    test = f"~np.isin(labels, {literal(tuple(gaps))})"
    if len(gaps) == 1:
        test = f"labels != {quoted(gaps[0])}"
    return [
        f"known = {test}  # only sequences with a target",
        "sequences = [steps for steps, is_known in zip(sequences, known) if is_known]",
        "labels, begins = labels[known], begins[known]",
    ]
