"""Fitted preparation of sequences: their scale, their length, their features."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from torchsmith.core.record import Record
from torchsmith.data.data import Change, Sequences, Series
from torchsmith.data.sequence_gaps import interpolated, means_of, refuse_gaps
from torchsmith.data.steps import Interpolate, Standardize, Step


class SequencePreparation(Record):
    """What is known of sequences.

    Attributes:
        channels: Their names.
        length: Steps of the longest training sequence.
        has_mask: Whether lengths differ; a last channel then says where it goes on.
        symbols: Of texts, the characters of the training part.
        offset, factor: For each channel; the input is `(value - offset) * factor`.
        fill: For each channel, what stands where a sequence has no value of it, if
            missing values are filled; otherwise empty.
        series: How the sequences stand in a table, where they do.
    """

    channels: tuple[str, ...]
    length: int
    has_mask: bool
    symbols: tuple[str, ...] = ()
    offset: tuple[float, ...]
    factor: tuple[float, ...]
    fill: tuple[float, ...] = ()
    series: Series | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one prepared example."""
        return (len(self.channels) + self.has_mask, self.length)

    @property
    def layout(self) -> dict[str, Any]:
        """What a network must know besides the shape; see `InputLayout`."""
        return {
            "sequence": self.shape,
            "has_mask": self.has_mask,
            "num_symbols": len(self.symbols) + 1 if self.symbols else 0,
        }

    def apply(self, sequences: Sequences) -> np.ndarray:
        """Return `(N, *shape)` float32; what is after the end of a sequence is 0.

        Raises:
            DataError: Values are missing, and the plan does not fill them.
        """
        if self.fill:
            sequences = interpolated(sequences, self.fill)
        refuse_gaps(sequences)
        out = np.zeros((len(sequences), *self.shape), np.float32)
        offset = np.array(self.offset, np.float32)
        factor = np.array(self.factor, np.float32)
        for row in range(len(sequences)):
            steps = sequences.at(row)[: self.length]
            out[row, : len(self.channels), : len(steps)] = ((steps - offset) * factor).T
            if self.has_mask:
                out[row, -1, : len(steps)] = 1
        return out

    def unseen(self, sequences: Sequences) -> tuple[Change, ...]:
        """Count sequences that are changed though the plan does not say so."""
        long = np.flatnonzero(sequences.lengths > self.length)
        if not len(long):
            return ()
        what = f"cut to its first {self.length:,} steps, the longest of training"
        example = sequences.name(int(long[0]))
        return (Change(column="", what=what, count=len(long), example=example),)


def fit_sequences(sequences: Sequences, steps: Sequence[Step]) -> SequencePreparation:
    """Fit the steps of a plan on training sequences.

    Raises:
        DataError: Values are missing, and the plan does not fill them.
    """
    fill: tuple[float, ...] = ()
    if any(isinstance(step, Interpolate) for step in steps):
        fill = means_of(sequences)
        sequences = interpolated(sequences, fill)
    refuse_gaps(sequences)
    count = len(sequences.channels)
    offset, factor = np.zeros(count), np.ones(count)
    if any(isinstance(step, Standardize) for step in steps):
        offset = np.nanmean(sequences.values, axis=0, dtype=np.float64)
        deviation = np.nanstd(sequences.values, axis=0, dtype=np.float64)
        factor = 1 / np.where(deviation > 0, deviation, 1.0)
    return SequencePreparation(
        channels=sequences.channels,
        length=int(sequences.lengths.max()),
        has_mask=not sequences.same_length,
        symbols=sequences.symbols,
        offset=tuple(offset.tolist()),
        factor=tuple(factor.tolist()),
        fill=fill,
        series=sequences.series,
    )
