"""Small `Data` values, built by hand."""

from collections.abc import Mapping, Sequence

import numpy as np

from torchsmith.data.data import (
    Column,
    ColumnFormat,
    Data,
    Images,
    Sequences,
    Table,
)
from torchsmith.data.lines import Lines


def number(name: str, values: Sequence[float]) -> Column:
    return Column(ColumnFormat(name=name, kind="number"), np.array(values, np.float64))


def boolean(name: str, values: Sequence[float]) -> Column:
    words = ("no", "yes")
    format_ = ColumnFormat(name=name, kind="boolean", words=words)
    return Column(format_, np.array(values, np.float64))


def date(name: str, values: Sequence[str]) -> Column:
    format_ = ColumnFormat(name=name, kind="date", date_format="%Y-%m-%d")
    return Column(format_, np.array(values, "datetime64[s]"))


def text(name: str, values: Sequence[str]) -> Column:
    """An empty text is missing."""
    levels = tuple(dict.fromkeys(value for value in values if value))
    codes = [levels.index(value) if value else -1 for value in values]
    return Column(
        ColumnFormat(name=name, kind="text"), np.array(codes, np.int32), levels
    )


def table(
    *columns: Column, target: Column | None = None, given: Sequence[int] | None = None
) -> Data:
    """Row i stands on line i + 2, as under a header."""
    size = len((columns or (target,))[0].values)
    by_name: Mapping[str, Column] = {column.name: column for column in columns}
    return Data(
        source="rows.csv",
        inputs=Table(by_name, Lines(np.arange(size) + 2, "line")),
        target=target,
        given=None if given is None else np.array(given, np.int8),
    )


def pictures(pixels: np.ndarray, labels: Sequence[str] | None = None) -> Data:
    """`(N, H, W, C)` pixels in memory."""
    size, height, width, channels = pixels.shape
    sizes = np.tile(np.array([[height, width]], np.int32), (size, 1))
    return Data(
        source="pixels.npz",
        inputs=Images(sizes=sizes, channels=channels, pixels=pixels),
        target=None if labels is None else text("label", labels),
    )


def sequences(
    lengths: Sequence[int], *columns: Column, labels: Sequence[str] | None = None
) -> Data:
    """Of one channel, whose values count the steps."""
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Data(
        source="beats.npz",
        inputs=Sequences(
            values=np.arange(starts[-1], dtype=np.float32)[:, None],
            starts=starts,
            channels=("x0",),
            columns={column.name: column for column in columns},
        ),
        target=None if labels is None else text("label", labels),
    )
