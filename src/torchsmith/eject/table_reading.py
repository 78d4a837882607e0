"""The part of a script that reads a table file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torchsmith.core.errors import DataError
from torchsmith.data.cells import Cells
from torchsmith.data.data import ColumnFormat
from torchsmith.data.parquet import MAGIC, read_parquet
from torchsmith.eject.code import Section, block, constant, function, joined, literal
from torchsmith.eject.csv_files import CsvFile, gaps_of, look_at
from torchsmith.eject.sources import Located
from torchsmith.eject.subject import Subject
from torchsmith.eject.table_columns import (
    Raw,
    assigned,
    conversion_lines,
    conversions,
    target_source,
    to_seconds,
)


def read_table_section(subject: Subject, located: Located) -> Section:
    """Write how a table is read.

    Raises:
        DataError: The file is not what it was.
        PlanError: It cannot be read in plain Python.
    """
    paths = located.files or ((located.path,) if located.path else ())
    if _is_parquet(paths[0]):
        sheet = read_parquet(paths[0], "")
        return _section(subject, located, sheet.columns, _parquet_lines(sheet.columns))
    files = [look_at(path) for path in paths]
    if any(file.names != files[0].names for file in files):
        raise DataError(f"{paths[-1]}: has other columns than {paths[0]}")
    raw = {name: _together(name, files) for name in files[0].names}
    return _section(subject, located, raw, csv_lines(subject, files), files[0])


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == MAGIC


def _together(name: str, files: Sequence[CsvFile]) -> Cells:
    texts = [text for file in files for text in file.cells[name].texts]
    return Cells(name, files[0].cells[name].codes, tuple(dict.fromkeys(texts)))


def _section(
    subject: Subject,
    located: Located,
    raw: Mapping[str, Raw],
    opening: list[str],
    file: CsvFile | None = None,
) -> Section:
    formats = used_formats(subject)
    dates = to_seconds(formats, raw)
    lists = {names: name for name, names in column_lists(subject).items()}
    source, codes = target_source(
        subject.target, raw[subject.target.name], subject.classes
    )
    returned = ["table", "targets", *(f"is_{part}" for part in subject.given)]
    body = [
        *opening,
        *conversion_lines(conversions(formats, raw), lists),
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
    subject: Subject, located: Located, codes: tuple[str, ...], file: CsvFile | None
) -> tuple[str, ...]:
    names = ["TRAIN_DATA", "TEST_DATA"] if len(located.files) == 2 else ["DATA"]
    paths = [str(path) for path in located.files] or [subject.plan.data.source]
    found = [
        constant(name, path, located.note if not place else "")
        for place, (name, path) in enumerate(zip(names, paths, strict=True))
    ]
    if file is not None and not file.headed:
        found.append(constant("COLUMNS", list(file.names), "of the file, in its order"))
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
    lists = {"NUMBERS": numbers, "CATEGORIES": categories}
    return {name: names for name, names in lists.items() if names}


def used_formats(subject: Subject) -> list[ColumnFormat]:
    """Return how the columns are read that the script needs, numbers first."""
    table, split = subject.preparation.table, subject.plan.split
    used: tuple[str, ...] = ()
    if table is not None:
        used = (*(c.name for c in table.numbers), *(c.name for c in table.categories))
    extra = [name for name in (split.group, split.time) if name and name not in used]
    rank = {"number": 0, "boolean": 1, "date": 2, "text": 3}
    formats = [subject.columns[name].format for name in (*used, *extra)]
    return sorted(formats, key=lambda form: rank[form.kind])


def csv_lines(subject: Subject, files: Sequence[CsvFile]) -> list[str]:
    """Return the statements that read the texts of one table, from one file or two."""
    file = files[0]
    rows = file.reader
    if any(f.has_blank_lines for f in files):
        rows = f"(row for row in {rows} if len(row) > 1)"
    if file.headed:
        taken = f"header, *rows = {rows}"
    elif file.first_row:
        taken = f"_, *rows = {rows}"
    else:
        taken = f"rows = list({rows})"
    if len(files) == 2:
        lines = _two_files(file, taken)
    else:
        lines = [block(f"with {file.opened.format(path='DATA')} as file:", [taken])]
    if any(f.has_spaces for f in files):
        lines.append("rows = [[cell.strip() for cell in row] for row in rows]")
    names = "header" if file.headed else "COLUMNS"
    if subject.plan.data.drop_missing_target:
        lines += _drop_lines(subject, file.cells[subject.target.name], names)
    return [*lines, f"texts = dict(zip({names}, zip(*rows)))"]


def _drop_lines(subject: Subject, cells: Cells, names: str) -> list[str]:
    gaps = gaps_of(subject.target.format, cells)
    if not gaps:
        return []
    test = "row[place]" if gaps == [""] else f"row[place] not in {literal(tuple(gaps))}"
    return [
        f"place = {names}.index(TARGET)",
        f"rows = [row for row in rows if {test}]  # those with a target",
    ]


def _two_files(file: CsvFile, taken: str) -> list[str]:
    inner = [
        block(
            f"with {file.opened.format(path='path')} as file:",
            [taken.replace("*rows", "*more")],
        ),
        "rows += more",
        "is_test += [path == TEST_DATA] * len(more)",
    ]
    return [
        "rows, is_test = [], []",
        block("for path in (TRAIN_DATA, TEST_DATA):", inner),
        "is_test = np.array(is_test)",
    ]


def _parquet_lines(columns: Mapping[str, Raw]) -> list[str]:
    lines = ["columns = duckdb.read_parquet(DATA).fetchnumpy()"]
    texts = [name for name, column in columns.items() if isinstance(column, Cells)]
    if texts:
        lines += [
            "texts = {",
            '    name: [text.strip() for text in np.ma.filled(values, "")]',
            "    for name, values in columns.items()",
            "    if values.dtype == object",
            "}",
        ]
    return lines
