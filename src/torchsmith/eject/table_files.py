"""The statements of a script that read what a table file holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torchsmith.core.errors import DataError
from torchsmith.data.cells import Cells
from torchsmith.data.data import Column, ColumnFormat
from torchsmith.data.parquet import MAGIC, read_parquet
from torchsmith.eject.code import block, constant, literal
from torchsmith.eject.csv_files import LONGEST, CsvFile, gaps_of, look_at
from torchsmith.eject.table_columns import Raw, assigned


@dataclass(frozen=True)
class TableFile:
    """How a script reads a table file, or two that follow each other.

    Attributes:
        raw: Its columns as the file holds them.
        lines: Statements that make `texts`, or of Parquet `columns`, by name.
        constants: What they need at the top of the script.
    """

    raw: Mapping[str, Raw]
    lines: list[str]
    constants: tuple[str, ...] = ()


def open_table(paths: Sequence[Path], dropped: ColumnFormat | None = None) -> TableFile:
    """Find out how a table is read.

    Args:
        paths: One file, which the script calls `DATA`, or `TRAIN_DATA` and `TEST_DATA`.
        dropped: The target, called `TARGET`, where rows without one are left out.

    Raises:
        DataError: A file is not what it was.
    """
    if _is_parquet(paths[0]):
        columns = read_parquet(paths[0], "").columns
        return TableFile(columns, _parquet_lines(paths[0], columns, dropped))
    files = [look_at(path) for path in paths]
    names = files[0].names
    if any(file.names != names for file in files):
        raise DataError(f"{paths[-1]}: has other columns than {paths[0]}")
    raw = {name: _together(name, files) for name in names}
    constants: tuple[str, ...] = ()
    if not files[0].headed:
        constants = (constant("COLUMNS", list(names), "of the file, in its order"),)
    return TableFile(raw, _csv_lines(files, dropped), constants)


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == MAGIC


def _together(name: str, files: Sequence[CsvFile]) -> Cells:
    texts = [text for file in files for text in file.cells[name].texts]
    return Cells(name, files[0].cells[name].codes, tuple(dict.fromkeys(texts)))


def _csv_lines(files: Sequence[CsvFile], dropped: ColumnFormat | None) -> list[str]:
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
    taken_lines = [taken]
    if file.named:
        taken_lines = ["next(file)  # names the delimiter", taken]
    if len(files) == 2:
        lines = _two_files(file, taken_lines)
    else:
        head = f"with {file.opened.format(path='DATA')} as file:"
        lines = [block(head, taken_lines)]
    if (longest := max(f.longest for f in files)) > LONGEST:
        lines.insert(0, f"csv.field_size_limit({longest:_})  # characters of a cell")
    if any(f.has_spaces for f in files):
        lines.append("rows = [[cell.strip() for cell in row] for row in rows]")
    names = "header" if file.headed else "COLUMNS"
    if dropped:
        lines += _drop_lines(dropped, file.cells[dropped.name], names)
    return [*lines, f"texts = dict(zip({names}, zip(*rows)))"]


def _drop_lines(target: ColumnFormat, cells: Cells, names: str) -> list[str]:
    gaps = gaps_of(target, cells)
    if not gaps:
        return []
    test = "row[place]" if gaps == [""] else f"row[place] not in {literal(tuple(gaps))}"
    return [
        f"place = {names}.index(TARGET)",
        f"rows = [row for row in rows if {test}]  # those with a target",
    ]


def _drop_typed_lines(target: ColumnFormat, raw: Raw) -> list[str]:
    """Return the statements that keep the rows of a typed file with a target."""
    if isinstance(raw, Column):
        gaps = [""] * bool(raw.missing.any())
        known = [
            "values = np.ma.filled(columns[TARGET].astype(float), np.nan)",
            "known = ~np.isnan(values)",
        ]
    else:
        gaps = sorted({*gaps_of(target, raw), *[""] * bool((raw.codes < 0).any())})
        test = "bool(text.strip())"
        if gaps != [""]:
            test = f"text.strip() not in {literal(tuple(gaps))}"
        known = [
            'values = np.ma.filled(columns[TARGET], "")',
            assigned("known", f"np.array([{test} for text in values])"),
        ]
    kept = "columns = {name: values[known] for name, values in columns.items()}"
    return ["# Rows without a target are left out.", *known, kept] if gaps else []


def _two_files(file: CsvFile, taken: Sequence[str]) -> list[str]:
    inner = [
        block(
            f"with {file.opened.format(path='path')} as file:",
            [line.replace("*rows", "*more") for line in taken],
        ),
        "rows += more",
        "is_test += [path == TEST_DATA] * len(more)",
    ]
    return [
        "rows, is_test = [], []",
        block("for path in (TRAIN_DATA, TEST_DATA):", inner),
        "is_test = np.array(is_test)",
    ]


def _parquet_lines(
    path: Path, columns: Mapping[str, Raw], dropped: ColumnFormat | None
) -> list[str]:
    lines = ["columns = duckdb.read_parquet(DATA).fetchnumpy()"]
    if set("*?[") & set(str(path)):
        lines = [
            "# DuckDB would take these characters of the path for a pattern.",
            'path = "".join(f"[{c}]" if c in "*?[" else c for c in DATA)',
            "columns = duckdb.read_parquet(path).fetchnumpy()",
        ]
    if dropped:
        lines += _drop_typed_lines(dropped, columns[dropped.name])
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
