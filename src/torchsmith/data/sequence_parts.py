"""Sequences from whatever held them: checked, put together, called by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.vocabulary import Part
from torchsmith.core.wording import SHOWN, listed
from torchsmith.data import fingerprint
from torchsmith.data.data import Change, Column, Data, Sequences
from torchsmith.data.pixel_arrays import (
    ArrayPart,
    given_parts,
    names_by_part,
    target_of_parts,
)
from torchsmith.data.retarget import join_columns


@dataclass(frozen=True)
class SequencePart:
    """One part of a source as sequences.

    Attributes:
        part: Which part, or None where the source is one piece.
        name: What to call it in messages: a file, with the array's name.
        values: `(T, C)`: the steps of all its sequences, one after the other, NaN where
            a value is missing; of texts `(T, 1)`, places in the symbols.
        lengths: `(N,)`: the steps of each sequence.
        labels: `(N,)`, or None.
        names: What to call each sequence, or empty: by number, 0 = first.
        columns: What is known of each sequence besides, N values each.
    """

    part: Part | None
    name: str
    values: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray | None = None
    names: tuple[str, ...] = ()
    columns: Mapping[str, Column] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lengths)

    def sequence(self, index: int) -> str:
        """What to call one sequence in a message."""
        return self.names[index] if self.names else f"sequence {index}"


def sequences_from_parts(
    source: str,
    parts: Sequence[SequencePart],
    *,
    channels: Sequence[str] = (),
    symbols: Sequence[str] = (),
    target: str | None = None,
    classes: Sequence[str] = (),
    reading: Mapping[str, str],
    changes: Sequence[Change] = (),
) -> Data:
    """Put the parts of a source together as sequences.

    Args:
        source: What the person named.
        parts: At least one part, in the order train, val, test.
        channels: What the C channels are called; default x0, x1, ….
        symbols: Of texts, the characters that occur, sorted.
        target: What to call the label; default `"label"`.
        classes: Names of the labels 0, 1, …; empty where labels stay as they are.
        reading: What was found out about the source.
        changes: What reading changed so far.

    Raises:
        DataError: A part without sequences, a sequence without steps or without any
            value, infinite values, or parts that differ in their channels.
    """
    for part in parts:
        _refuse_empty(part)
    widths = {part.values.shape[1] for part in parts}
    if len(widths) > 1:
        told = "; ".join(f"{part.name}: {part.values.shape[1]}" for part in parts)
        raise DataError(f"{source}: the parts differ in their channels ({told})")
    values = np.concatenate([_as_float32(part) for part in parts])
    lengths = np.concatenate([part.lengths for part in parts]).astype(np.int64)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    arrays = [ArrayPart(p.part, p.name, p.values, p.labels) for p in parts]
    counts = [len(part) for part in parts]
    label = target_of_parts(target or "label", arrays, counts, classes)
    given = given_parts(arrays, counts)
    columns = _columns(source, parts)
    reading = dict(reading)
    if columns:
        reading["no inputs"] = ", ".join(columns)
    width = widths.pop()
    return Data(
        source=source,
        inputs=Sequences(
            values=values,
            starts=starts,
            channels=tuple(channels) or numbered(width),
            symbols=tuple(symbols),
            columns=columns,
            names=_names(parts) or names_by_part("sequence", counts, given),
        ),
        target=label,
        given=given,
        fingerprint=_fingerprint(values, starts, symbols, label, given, columns),
        reading=reading,
        changes=tuple(changes),
    )


def numbered(count: int) -> tuple[str, ...]:
    """Call channels without names x0, x1, …."""
    return tuple(f"x{i}" for i in range(count))


def named(part: SequencePart, indices: np.ndarray) -> str:
    """Name the first of some sequences for a message."""
    shown = (part.sequence(i) for i in indices[:SHOWN].tolist())
    return listed(shown, count=len(indices))


def owner(lengths: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return in which sequence each of some steps lies."""
    return np.asarray(np.searchsorted(np.cumsum(lengths), steps, side="right"))


def _refuse_empty(part: SequencePart) -> None:
    if not len(part):
        raise DataError(f"{part.name}: holds no sequences")
    empty = np.flatnonzero(part.lengths < 1)
    if len(empty):
        raise DataError(
            f"{part.name}: {len(empty):,} of {len(part):,} sequences have no steps "
            f"({named(part, empty)}); remove them, or add their values"
        )
    if part.values.dtype.kind != "f":
        return
    present = ~np.isnan(part.values).all(1)
    counts = np.bincount(owner(part.lengths, np.flatnonzero(present)), minlength=1)
    blank = np.flatnonzero(np.pad(counts, (0, len(part) - len(counts))) == 0)
    if len(blank):
        raise DataError(
            f"{part.name}: {len(blank):,} of {len(part):,} sequences have no value at "
            f"all, all are missing ({named(part, blank)}); remove them"
        )


def _as_float32(part: SequencePart) -> np.ndarray:
    if part.values.dtype.kind not in "biuf":
        raise DataError(
            f"{part.name}: values are of type {part.values.dtype}; numbers and "
            "booleans are read: convert them before saving"
        )
    with np.errstate(over="ignore"):
        values = np.asarray(part.values, np.float32)
    infinite = np.argwhere(np.isinf(values))
    if len(infinite):
        step, channel = infinite[0].tolist()
        place = int(owner(part.lengths, np.array([step]))[0])
        first = step - int(part.lengths[:place].sum())
        raise DataError(
            f"{part.name}: {len(infinite):,} values are infinite or too large for "
            f"float32 (first: {part.sequence(place)}, step {first}, channel {channel}, "
            "0 = first); correct them, or use NaN for missing"
        )
    return values


def _names(parts: Sequence[SequencePart]) -> tuple[str, ...]:
    if not any(part.names for part in parts):
        return ()
    return tuple(part.sequence(i) for part in parts for i in range(len(part)))


def _columns(source: str, parts: Sequence[SequencePart]) -> dict[str, Column]:
    columns = dict(parts[0].columns)
    for part in parts[1:]:
        if [*part.columns] != [*columns]:
            told = [", ".join(p.columns) or "nothing" for p in (parts[0], part)]
            raise DataError(
                f"{source}: the parts differ in what they say of each sequence "
                f"({parts[0].name}: {told[0]}; {part.name}: {told[1]})"
            )
        for name, column in part.columns.items():
            if column.kind != columns[name].kind:
                raise DataError(
                    f"{source}: '{name}' holds {columns[name].kind} in {parts[0].name} "
                    f"and {column.kind} in {part.name}; write them alike"
                )
            columns[name] = join_columns(columns[name], column)
    return columns


def _fingerprint(
    values: np.ndarray,
    starts: np.ndarray,
    symbols: Sequence[str],
    target: Column | None,
    given: np.ndarray | None,
    columns: Mapping[str, Column],
) -> str:
    known = [*columns.values(), *([] if target is None else [target])]
    arrays: list[np.ndarray | None] = [values, starts, given]
    arrays += [np.array(symbols, "U")] if symbols else []
    for column in known:
        dates = column.kind == "date"
        arrays.append(column.values.view(np.int64) if dates else column.values)
        arrays.append(np.array(column.levels, "U"))
    return fingerprint.of_arrays(*arrays)
