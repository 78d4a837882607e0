"""The part of a script that reads a table file."""

from torchsmith.data.data import ColumnFormat
from torchsmith.eject.code import Section, constant, function, joined
from torchsmith.eject.sources import Located
from torchsmith.eject.subject import Subject
from torchsmith.eject.table_columns import (
    assigned,
    conversion_lines,
    conversions,
    numbers_first,
    target_source,
    to_seconds,
)
from torchsmith.eject.table_files import TableFile, open_table


def read_table_section(subject: Subject, located: Located) -> Section:
    """Write how a table is read.

    Raises:
        DataError: The file is not what it was.
        PlanError: It cannot be read in plain Python.
    """
    paths = located.files or ((located.path,) if located.path else ())
    drops = subject.plan.data.drop_missing_target
    file = open_table(paths, subject.target.format if drops else None)
    formats = used_formats(subject)
    dates = to_seconds(formats, file.raw)
    lists = {names: name for name, names in column_lists(subject).items()}
    source, codes = target_source(
        subject.target, file.raw[subject.target.name], subject.classes
    )
    returned = ["table", "targets", *(f"is_{part}" for part in subject.given)]
    body = [
        *file.lines,
        *conversion_lines(conversions(formats, file.raw), lists),
        assigned("targets", source),
        f"return {', '.join(returned)}",
    ]
    about = "Return the columns by name, and what is to be predicted."
    if subject.given:
        parts = " and ".join(subject.given)
        about += f"\nThe last of it says which rows are for the {parts}."
    return Section(
        title="Read the data",
        about="Every cell of a file is text until it is turned into a number.",
        code=joined([dates, function("read()", about, body)]),
        steps=(f"{', '.join(returned)} = read()",),
        constants=_constants(subject, located, codes, file),
    )


def _constants(
    subject: Subject, located: Located, codes: tuple[str, ...], file: TableFile
) -> tuple[str, ...]:
    names = ["TRAIN_DATA", "TEST_DATA"] if len(located.files) == 2 else ["DATA"]
    paths = [str(path) for path in located.files] or [subject.plan.data.source]
    found = [
        constant(name, path, located.note if not place else "")
        for place, (name, path) in enumerate(zip(names, paths, strict=True))
    ]
    found += file.constants
    found.append(constant("TARGET", subject.target.name))
    if subject.classes:
        found.append(constant("CLASSES", list(subject.classes)))
    found += codes
    found += [constant(n, list(v)) for n, v in column_lists(subject).items()]
    return tuple(found)


def column_lists(subject: Subject) -> dict[str, tuple[str, ...]]:
    """Return the constants that list columns which are used alike."""
    table = subject.preparation.table
    if table is None:
        return {}
    numbers = tuple(c.name for c in table.numbers if c.role == "number")
    categories = tuple(column.name for column in table.categories)
    texts = tuple(column.name for column in table.texts)
    lists = {"NUMBERS": numbers, "CATEGORIES": categories, "TEXTS": texts}
    return {name: names for name, names in lists.items() if names}


def used_formats(subject: Subject) -> list[ColumnFormat]:
    """Return how the columns are read that the script needs, numbers first."""
    table, split = subject.preparation.table, subject.plan.split
    used: tuple[str, ...] = ()
    if table is not None:
        used = (*(c.name for c in table.numbers), *(c.name for c in table.categories))
        used += tuple(column.name for column in table.texts)
        used += tuple(column.name for column in table.pictures)
    extra = [name for name in (split.group, split.time) if name and name not in used]
    return numbers_first([subject.columns[name].format for name in (*used, *extra)])
