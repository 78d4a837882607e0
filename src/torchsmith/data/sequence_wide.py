"""Sequences that stand in a table with a row for each."""

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.data.data import Change, Data
from torchsmith.data.sequence_gaps import refuse_infinite
from torchsmith.data.sequence_parts import SequencePart, sequences_from_parts
from torchsmith.data.sequence_tables import finished, table_of


def sequences_of_wide_table(data: Data, *, target: str | None = None) -> Data:
    """Make a sequence of each row: its numbers from left to right are the steps.

    Missing values at the end of a row end the sequence. Columns that hold no numbers
    are what is known of each sequence besides.

    Args:
        data: The table, with the target among its columns.
        target: The column to predict.

    Raises:
        DataError: There are no numbers, infinite ones, or a row has none.
    """
    table = table_of(data)
    others = {n: c for n, c in table.columns.items() if n != target}
    steps = {n: c for n, c in others.items() if c.kind == "number"}
    if len(steps) < 2:
        raise DataError(
            f"{data.source}: {len(steps)} columns of numbers are too few for a "
            "sequence in each row; where each row is a step, name the column that "
            "tells the sequences apart: data.id"
        )
    refuse_infinite(data, table, steps)
    values = np.stack([column.values for column in steps.values()], axis=1)
    present = ~np.isnan(values)
    lengths = present.shape[1] - present[:, ::-1].argmax(axis=1)
    lengths[~present.any(axis=1)] = 0
    kept = np.arange(values.shape[1]) < lengths[:, None]
    names = tuple(table.name(row) for row in range(len(table)))
    changes = [*data.changes]
    if len(short := np.flatnonzero((lengths > 0) & (lengths < len(steps)))):
        what = "missing values at the end of a row read as the sequence's end"
        changes.append(Change.at(table.lines.take(short), "", what))
    part = SequencePart(
        None,
        data.source,
        values[kept][:, None],
        lengths,
        names=names,
        columns={n: c for n, c in others.items() if n not in steps},
    )
    whole = sequences_from_parts(
        data.source,
        [part],
        reading={**data.reading, "format": "a row for each sequence"},
        changes=changes,
    )
    return finished(whole, data, None, table.columns.get(target or ""))
