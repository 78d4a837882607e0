"""Values that are missing within sequences, or infinite in the table they are of."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.data.data import Data, Sequences, Table

_FILL = "fill them in, or train with the step Interpolate in prepare"


def means_of(sequences: Sequences) -> tuple[float, ...]:
    """Return the mean of each channel; 0 where it has no value at all."""
    present = ~np.isnan(sequences.values)
    sums = np.where(present, sequences.values, 0).sum(axis=0, dtype=np.float64)
    return tuple((sums / np.maximum(present.sum(axis=0), 1)).tolist())


def interpolated(sequences: Sequences, means: Sequence[float]) -> Sequences:
    """Fill what is missing on the line between its neighbours in time.

    Before the first value and after the last one the nearest value goes on. Nothing is
    taken from another sequence, but where a channel of a sequence has no value.

    Args:
        sequences: N of them.
        means: For each channel, what stands where a sequence has no value.
    """
    missing = np.isnan(sequences.values)
    if not missing.any():
        return sequences
    values = sequences.values.copy()
    for row in _rows_of(sequences, missing).tolist():
        steps = slice(sequences.starts[row], sequences.starts[row + 1])
        for channel, mean in enumerate(means):
            gone = missing[steps, channel]
            if gone.all():
                values[steps, channel] = mean
            elif gone.any():
                known = np.flatnonzero(~gone)
                part = values[steps, channel]
                part[gone] = np.interp(np.flatnonzero(gone), known, part[known])
    return replace(sequences, values=values)


def refuse_gaps(sequences: Sequences) -> None:
    """Refuse sequences in which values are missing.

    Raises:
        DataError: Values are missing; names the first sequences.
    """
    missing = np.isnan(sequences.values)
    if not missing.any():
        return
    rows = _rows_of(sequences, missing)
    raise DataError(
        f"{int(missing.sum()):,} values are missing in {len(rows):,} of "
        f"{len(sequences):,} sequences ({sequences.places(rows)}); {_FILL}"
    )


def refuse_infinite(data: Data, table: Table, names: Iterable[str]) -> None:
    """Refuse values that float32 does not hold, while their lines are known.

    Raises:
        DataError: Names the column and the lines.
    """
    for name in names:
        with np.errstate(over="ignore"):
            values = table.columns[name].values.astype(np.float32)
        if len(rows := np.flatnonzero(np.isinf(values))):
            raise DataError(
                f"{data.source}, column '{name}': {len(rows):,} of {len(table):,} "
                "values are infinite or too large for float32 "
                f"({table.places(rows)}); correct them, or leave them empty"
            )


def refuse_missing(
    data: Data, table: Table, names: Iterable[str], used: np.ndarray
) -> None:
    """Refuse missing values of a table, each counted once however often it is used.

    Args:
        data: What the table was read as.
        table: Its rows.
        names: The columns that are looked at.
        used: `(N,)` bool: the rows that are.

    Raises:
        DataError: Names the column and the lines.
    """
    for name in names:
        if len(rows := np.flatnonzero(np.isnan(table.columns[name].values) & used)):
            raise DataError(
                f"{data.source}, column '{name}': {len(rows):,} of {len(table):,} "
                f"values are missing ({table.places(rows)}); {_FILL}"
            )


def _rows_of(sequences: Sequences, missing: np.ndarray) -> np.ndarray:
    steps = np.flatnonzero(missing.any(axis=1))
    rows = np.searchsorted(sequences.starts, steps, side="right") - 1
    return np.asarray(np.unique(rows))
