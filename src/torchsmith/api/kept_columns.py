"""Columns of the source, such as an id, that stand beside the predictions."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torchsmith.api.planning import Source
from torchsmith.api.predictions import end_names, place_name
from torchsmith.core.errors import DataError
from torchsmith.data.catalog import set_named
from torchsmith.data.data import Data, Table
from torchsmith.data.npy_files import is_array_file
from torchsmith.data.tables import texts_of_columns

if TYPE_CHECKING:
    from torchsmith.train.model import Model


def kept_columns(
    model: "Model", data: Data, source: Source, keep: str | Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Read the columns that shall stand beside the predictions.

    Args:
        model: Predicts.
        data: What it predicts for.
        source: Where the data was read.
        keep: The names of the columns.

    Returns:
        N texts for each column.

    Raises:
        DataError: There are none, or their names are those of the predictions.
    """
    names = tuple(dict.fromkeys([keep] if isinstance(keep, str) else keep))
    if not names:
        return {}
    shown = ", ".join(f"'{name}'" for name in names)
    arrays = isinstance(source, str | Path) and is_array_file(Path(source))
    if arrays or not isinstance(data.inputs, Table) or isinstance(source, Data):
        raise DataError(
            f"keep: {shown} cannot stand beside the predictions; it copies columns of "
            "a table with a row for each example, as rows, or a CSV or Parquet file"
        )
    problem = model.problem
    chances = (f"probability of {name}" for name in problem.classes)
    ends = end_names(problem.target) if model.file.interval else ()
    places = place_name(problem.target)
    if taken := {places, problem.target, *chances, *ends}.intersection(names):
        raise DataError(
            f"keep: '{min(taken)}' is what a column of the predictions is called; give "
            "the column another name in the source"
        )
    if isinstance(source, str | Path) and Path(source).is_fifo():
        raise DataError(
            f"keep: {shown} cannot be read from {source}: a pipe gives its rows only "
            "once; save them as a file, and give that"
        )
    if set_named(source):  # it is no file
        columns = data.inputs.columns.items()
        source = {name: column.texts() for name, column in columns}
    return texts_of_columns(source, names, data.source)
