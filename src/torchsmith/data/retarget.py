"""Taking another column of a table as its target, and joining tables."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from torchsmith.core.errors import DataError, nearest
from torchsmith.data.data import Column, ColumnFormat, Data, Table


def nearest_target(target: str, columns: Iterable[str]) -> str:
    """Say which target a person may have meant, as the end of an error message.

    >>> nearest_target("a,b", ["a", "b", "c"])
    '; one target at a time is supported: a or b'
    """
    known = [*columns]
    parts = [part.strip() for part in target.split(",")]
    if len(parts) > 1 and all(part in known for part in parts):
        each = f"{', '.join(parts[:-1])} or {parts[-1]}"
        return f"; one target at a time is supported: {each}"
    return nearest(target, known)


def with_target(data: Data, target: str) -> Data:
    """Return the same table with another column as its target.

    Args:
        data: A table with all its columns.
        target: The name of an input column, or of the present target.

    Raises:
        DataError: There is no such column.
    """
    if not isinstance(data.inputs, Table) or data.target is None:
        return data
    if target == data.target.name:
        return data
    columns = dict(data.inputs.columns)
    if target not in columns:
        names = [*columns, data.target.name]
        raise DataError(
            f"{data.source}: no column '{target}'{nearest_target(target, names)}; "
            f"the columns are {', '.join(names)}"
        )
    chosen = columns.pop(target)
    columns[data.target.name] = data.target
    return replace(data, inputs=replace(data.inputs, columns=columns), target=chosen)


def join_columns(first: Column, second: Column) -> Column:
    """Return the values of two columns of one format, one after the other."""
    if first.kind != "text":
        return Column(first.format, np.concatenate([first.values, second.values]))
    codes = {level: code for code, level in enumerate(first.levels)}
    moved = [codes.setdefault(level, len(codes)) for level in second.levels]
    # The last entry stands for code -1, a missing value.
    values = np.array([*moved, -1], np.int32)[second.values]
    return Column(first.format, np.concatenate([first.values, values]), tuple(codes))


def rename_levels(column: Column, names: Mapping[str, str]) -> Column:
    """Return a text column with some texts replaced; equal ones become one level."""
    codes: dict[str, int] = {}
    moved = [
        codes.setdefault(names.get(level, level), len(codes)) for level in column.levels
    ]
    values = np.array([*moved, -1], np.int32)[column.values]
    return Column(column.format, values, tuple(codes))


def formats_of(table: Table) -> list[ColumnFormat]:
    """Return how each column of a table is read."""
    return [column.format for column in table.columns.values()]
