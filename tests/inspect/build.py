"""Data made by hand, of plain Python lists."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from torchsmith.data.data import (
    Change,
    Column,
    ColumnFormat,
    Data,
    Images,
    Sequences,
    Table,
    Volumes,
)
from torchsmith.data.lines import Lines
from torchsmith.inspect.examine import inspect
from torchsmith.inspect.inspection import Finding, Inspection


def column(name: str, values: Sequence[Any] | np.ndarray) -> Column:
    """Numbers, booleans, dates or texts, by the values; None is missing."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return Column(ColumnFormat(name=name, kind="date"), values.astype("M8[s]"))
    present = [value for value in values if value is not None]
    if present and isinstance(present[0], str):
        levels = tuple(dict.fromkeys(present))
        place = {level: i for i, level in enumerate(levels)} | {None: -1}
        codes = np.array([place[value] for value in values], np.int32)
        return Column(ColumnFormat(name=name, kind="text"), codes, levels)
    kind = "boolean" if present and isinstance(present[0], bool) else "number"
    numbers = np.array([np.nan if v is None else float(v) for v in values])
    return Column(ColumnFormat(name=name, kind=kind), numbers)


def table(
    columns: Mapping[str, Sequence[Any] | np.ndarray],
    target: Sequence[Any] | np.ndarray | None = None,
    *,
    given: Sequence[int] | None = None,
    changes: tuple[Change, ...] = (),
) -> Data:
    """A table whose rows stand from line 2; the target is called `y`."""
    made = {name: column(name, values) for name, values in columns.items()}
    num = len(next(iter(made.values())).values)
    return Data(
        source="made.csv",
        inputs=Table(made, Lines(np.arange(2, num + 2), "line")),
        target=None if target is None else column("y", target),
        given=None if given is None else np.array(given, np.int8),
        changes=changes,
    )


def pictures(
    pixels: np.ndarray, labels: Sequence[Any] | None = None, **more: Any
) -> Data:
    """Pictures in memory, `(N, H, W, C)`."""
    sizes = np.array([pixels.shape[1:3]] * len(pixels), np.int32)
    images = Images(sizes=sizes, channels=pixels.shape[3], pixels=pixels)
    target = None if labels is None else column("label", labels)
    return Data(source="made.npz", inputs=images, target=target, **more)


def sequences(
    values: Sequence[np.ndarray],
    labels: Sequence[Any] | None = None,
    columns: Mapping[str, Sequence[Any]] | None = None,
    *,
    channels: Sequence[str] = (),
    **more: Any,
) -> Data:
    """Sequences, each `(L, C)`."""
    count = values[0].shape[1]
    made = Sequences(
        values=np.concatenate(values).astype(np.float32),
        starts=np.concatenate([[0], np.cumsum([len(one) for one in values])]),
        channels=tuple(channels) or tuple(f"c{i}" for i in range(count)),
        columns={name: column(name, known) for name, known in (columns or {}).items()},
    )
    target = None if labels is None else column("label", labels)
    return Data(source="made.npz", inputs=made, target=target, **more)


def texts(
    words: Sequence[str], labels: Sequence[Any] | None = None, **more: Any
) -> Data:
    """Texts as sequences of characters."""
    symbols = tuple(sorted({character for word in words for character in word}))
    codes = [[symbols.index(character) for character in word] for word in words]
    made = Sequences(
        values=np.concatenate(codes).astype(np.float32)[:, None],
        starts=np.concatenate([[0], np.cumsum([len(word) for word in words])]),
        channels=("text",),
        symbols=symbols,
    )
    target = None if labels is None else column("label", labels)
    return Data(source="made/", inputs=made, target=target, **more)


def volumes(
    values: np.ndarray, labels: Sequence[Any] | None = None, **more: Any
) -> Data:
    """Volumes, `(N, C, D, H, W)`."""
    target = None if labels is None else column("label", labels)
    return Data(source="made.npz", inputs=Volumes(values), target=target, **more)


def found(subject: Data | Inspection, code: str) -> list[Finding]:
    """The findings of one code."""
    inspection = inspect(subject) if isinstance(subject, Data) else subject
    return [finding for finding in inspection.findings if finding.code == code]


def noise(num: int = 200, seed: int = 0) -> np.ndarray:
    """Normal numbers, all different."""
    return np.random.default_rng(seed).normal(size=num)


def labels(num: int = 200, names: str = "ab", seed: int = 1) -> list[str]:
    """Balanced classes in random order."""
    made = [names[i % len(names)] for i in range(num)]
    return [made[i] for i in np.random.default_rng(seed).permutation(num)]
