"""Writes a small table to a file and reads it."""

from pathlib import Path
from typing import Any

from torchsmith.data.data import Change, Column, Data, Table
from torchsmith.data.tables import read_table


def read(folder: Path, content: str | bytes, **options: Any) -> Data:
    """Write the content to `table.csv` and read it for training."""
    file = folder / "table.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(file, **options)


def columns(data: Data) -> dict[str, Column]:
    assert isinstance(data.inputs, Table)
    return dict(data.inputs.columns)


def column_of(folder: Path, *texts: str, **options: Any) -> Column:
    """Read one column `x`, beside a column that keeps lines from being blank."""
    rows = "".join(f'"{text}";k{i}\n' for i, text in enumerate(texts))
    return columns(read(folder, "x;key\n" + rows, **options))["x"]


def changes(data: Data, column: str = "") -> dict[str, Change]:
    return {change.what: change for change in data.changes if change.column == column}
