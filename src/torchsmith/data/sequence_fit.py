"""Fitted preparation of sequences: their scale, their length, their features."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from torchsmith.core.errors import DataError, PlanError
from torchsmith.core.record import Record
from torchsmith.data.competing_convolutions import FittedCompetition, fit_competition
from torchsmith.data.data import Change, ColumnFormat, Sequences, Series
from torchsmith.data.ngrams import FittedNGrams, fit_ngrams, texts_of
from torchsmith.data.random_convolutions import FittedConvolutions, fit_convolutions
from torchsmith.data.ridge import FittedRidge, fit_ridge
from torchsmith.data.sequence_gaps import interpolated, means_of, refuse_gaps
from torchsmith.data.sequence_parts import numbered
from torchsmith.data.steps import (
    Interpolate,
    NGrams,
    RandomConvolutions,
    Standardize,
    Step,
)


class SequencePreparation(Record):
    """What is known of sequences.

    Attributes:
        channels: Their names.
        length: Steps of the longest training sequence.
        has_mask: Whether lengths differ; a last channel then says where it goes on.
        symbols: Of texts, the characters of the training part; the code of each is its
            place, from 1 on, and 0 is any other character.
        offset, factor: For each channel; the input is `(value - offset) * factor`.
        fill: For each channel, what stands where a sequence has no value of it, if
            missing values are filled; otherwise empty.
        series: How the sequences stand in a table, where they do.
        formats: How all columns of that table are read, in its order.
        convolutions: Give features of the whole sequence, where the plan asks for them.
        competition: Gives more of them, likewise.
        ridge: Says what the target is from these, where the plan asks for it.
        ngrams: Likewise, of texts.
        keep_steps: Whether the input has the steps themselves.
    """

    channels: tuple[str, ...]
    length: int
    has_mask: bool
    symbols: tuple[str, ...] = ()
    offset: tuple[float, ...]
    factor: tuple[float, ...]
    fill: tuple[float, ...] = ()
    series: Series | None = None
    formats: tuple[ColumnFormat, ...] = ()
    convolutions: FittedConvolutions | None = None
    competition: FittedCompetition | None = None
    ridge: FittedRidge | None = None
    ngrams: FittedNGrams | None = None
    keep_steps: bool = True

    @property
    def sequence(self) -> tuple[int, int]:
        """Of one prepared example, the shape of the steps: `(C, L)` with the mask."""
        return (len(self.channels) + self.has_mask, self.length)

    @property
    def num_features(self) -> int:
        """Of one prepared example, the features that follow its steps."""
        if self.ridge:
            return self.ridge.num_outputs
        made = (self.convolutions, self.competition, self.ngrams)
        return sum(fitted.num_features for fitted in made if fitted)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one prepared example."""
        if not self.num_features:
            return self.sequence
        channels, length = self.sequence
        return (channels * length * self.keep_steps + self.num_features,)

    @property
    def layout(self) -> dict[str, Any]:
        """What a network must know besides the shape; see `InputLayout`."""
        return {
            "sequence": self.sequence if self.keep_steps else (0, 0),
            "has_mask": self.has_mask,
            "num_symbols": len(self.symbols) + 1 if self.symbols else 0,
            "num_features": self.num_features,
            "num_runs": self.ngrams.num_codes if self.ngrams else 0,
        }

    def apply(self, sequences: Sequences) -> np.ndarray:
        """Return `(N, *shape)` float32; what is after the end of a sequence is 0.

        Raises:
            DataError: Values are missing, and the plan does not fill them; a sequence
                is shorter than all of training, which have one length; numbers instead
                of texts, or the reverse; other channels.
        """
        texts = texts_of(sequences) if self.ngrams else []
        sequences = self._scaled(sequences)
        if self.ngrams:
            features = self.ngrams.apply(texts)
        elif self.convolutions:
            features = self._convolved(sequences)
            features = self.ridge.apply(features) if self.ridge else features
        else:
            return self._steps(sequences)
        if not self.keep_steps:
            return features
        steps = self._steps(sequences).reshape(len(sequences), -1)
        return np.concatenate([steps, features], axis=1)

    def unseen(self, sequences: Sequences) -> tuple[Change, ...]:
        """Count sequences that are changed though the plan does not say so."""
        changes = []
        long = np.flatnonzero(sequences.lengths > self.length)
        if len(long) and self.keep_steps:
            what = f"cut to its first {self.length:,} steps, the longest of training"
            example = sequences.name(int(long[0]))
            changes.append(
                Change(column="", what=what, count=len(long), example=example)
            )
        if self.symbols:
            unknown = np.flatnonzero(self._codes(sequences) == 0)
            rows = np.searchsorted(sequences.starts, unknown, side="right")
            if count := len(np.unique(rows)):
                place = int(sequences.values[unknown[0], 0])
                what = "a character that training does not have, read as unknown"
                example = sequences.symbols[place]
                changes.append(
                    Change(column="", what=what, count=count, example=example)
                )
        return tuple(changes)

    def _scaled(self, sequences: Sequences) -> Sequences:
        self._refuse_others(sequences)
        sequences = self._in_order(sequences)
        if self.symbols:
            codes = self._codes(sequences).astype(np.float32)
            return replace(sequences, values=codes[:, None])
        if self.fill:
            sequences = interpolated(sequences, self.fill)
        refuse_gaps(sequences)
        values = sequences.values - np.array(self.offset, np.float32)
        values *= np.array(self.factor, np.float32)
        return replace(sequences, values=values)

    def _convolved(self, scaled: Sequences) -> np.ndarray:
        """Return `(N, F)`: what random convolutions tell of sequences."""
        made = (self.convolutions, self.competition)
        found = [one.apply(scaled.values, scaled.starts) for one in made if one]
        return found[0] if len(found) == 1 else np.concatenate(found, axis=1)

    def _codes(self, sequences: Sequences) -> np.ndarray:
        """Return `(T,)` int64: the code of each character in training, 0 for none."""
        codes = {symbol: code for code, symbol in enumerate(self.symbols, start=1)}
        known = np.array([codes.get(symbol, 0) for symbol in sequences.symbols])
        return np.asarray(known[sequences.values[:, 0].astype(np.int64)])

    def _steps(self, sequences: Sequences) -> np.ndarray:
        out = np.zeros((len(sequences), *self.sequence), np.float32)
        channels = len(self.channels)
        for row in range(len(sequences)):
            steps = sequences.at(row)[: self.length]
            out[row, :channels, : len(steps)] = steps.T
            if self.has_mask:
                out[row, -1, : len(steps)] = 1
        return out

    def _in_order(self, sequences: Sequences) -> Sequences:
        """Put channels into the order of training by their names, where they have any.

        Raises:
            DataError: They are other channels.
        """
        found, known = sequences.channels, self.channels
        if found == known:
            return sequences
        if {*found} == {*known} and len({*known}) == len(known):
            order = [found.index(name) for name in known]
            values = sequences.values.take(order, axis=1)
            return replace(sequences, values=values, channels=known)
        if numbered(len(known)) in (found, known):
            return sequences
        raise DataError(
            f"the channels are called {', '.join(found)}; in training they were "
            f"called {', '.join(known)}. Name them as in training, or give them "
            "without names, in that order"
        )

    def _refuse_others(self, sequences: Sequences) -> None:
        """Refuse what the network could not take for what it was trained on."""
        if bool(sequences.symbols) != bool(self.symbols):
            found, wanted = ("texts", "numbers")[:: 1 if sequences.symbols else -1]
            raise DataError(f"these are sequences of {found}; training had {wanted}")
        if len(sequences.channels) != len(self.channels):
            raise DataError(
                f"the sequences have {len(sequences.channels)} channels "
                f"({', '.join(sequences.channels)}); in training they had "
                f"{len(self.channels)} ({', '.join(self.channels)})"
            )
        short = np.flatnonzero(sequences.lengths < self.length)
        if self.keep_steps and not self.has_mask and len(short):
            first = int(short[0])
            raise DataError(
                f"{sequences.name(first)} has {sequences.lengths[first]:,} steps; in "
                f"training all had {self.length:,}, so that the network does not know "
                f"how a shorter one ends ({len(short):,} are shorter); give all their "
                "steps, or train with sequences of several lengths"
            )


def fit_sequences(
    sequences: Sequences,
    steps: Sequence[Step],
    *,
    ragged: bool = False,
    targets: np.ndarray | None = None,
    num_classes: int = 0,
) -> SequencePreparation:
    """Fit the steps of a plan on training sequences.

    Args:
        sequences: The training part.
        steps: Checked by `step_problems`.
        ragged: Whether lengths differ in the source, even if those of training do not.
        targets: `(N,)` places of classes, or numbers; only a ridge regression asks.
        num_classes: 0 where targets are numbers.

    Raises:
        DataError: Values are missing, and the plan does not fill them.
        PlanError: A step that is for numbers, and texts.
    """
    if sequences.symbols:
        return _fit_texts(sequences, steps, ragged=ragged)
    for place, step in enumerate(steps):
        if isinstance(step, NGrams):
            raise PlanError(
                f"prepare.{place}: NGrams is for texts, and these are numbers; "
                "remove it"
            )
    fill: tuple[float, ...] = ()
    if any(isinstance(step, Interpolate) for step in steps):
        fill = means_of(sequences)
        sequences = interpolated(sequences, fill)
    refuse_gaps(sequences)
    count = len(sequences.channels)
    offset, factor = np.zeros(count), np.ones(count)
    if any(isinstance(step, Standardize) for step in steps):
        offset = sequences.values.mean(axis=0, dtype=np.float64)
        deviation = sequences.values.std(axis=0, dtype=np.float64)
        factor = 1 / np.where(deviation > 0, deviation, 1.0)
    fitted = SequencePreparation(
        channels=sequences.channels,
        length=int(sequences.lengths.max()),
        has_mask=ragged or not sequences.same_length,
        offset=tuple(offset.tolist()),
        factor=tuple(factor.tolist()),
        fill=fill,
        series=sequences.series,
        formats=sequences.formats,
    )
    for step in steps:
        if isinstance(step, RandomConvolutions):
            scaled = fitted._scaled(sequences)
            values, starts = scaled.values, scaled.starts
            made, found = fit_convolutions(values, starts, step.num_features, step.seed)
            groups, ridge = None, None
            if step.groups:
                groups, more = fit_competition(values, starts, step.groups, step.seed)
                found = np.concatenate([found, more], axis=1)
            if step.ridge and targets is not None:
                ridge = fit_ridge(found, targets, num_classes)
            fits = {"convolutions": made, "competition": groups, "ridge": ridge}
            return fitted.model_copy(update={**fits, "keep_steps": step.keep_steps})
    return fitted


def _fit_texts(
    sequences: Sequences, steps: Sequence[Step], *, ragged: bool
) -> SequencePreparation:
    wrong = (Interpolate, Standardize, RandomConvolutions)
    for place, step in enumerate(steps):
        if isinstance(step, wrong):
            name = step.spec_name()
            raise PlanError(
                f"prepare.{place}: {name} is for numbers, and these are texts; "
                "remove it"
            )
    present = np.unique(sequences.values[:, 0].astype(np.int64))
    ngrams = next((step for step in steps if isinstance(step, NGrams)), None)
    return SequencePreparation(
        channels=sequences.channels,
        length=int(sequences.lengths.max()),
        has_mask=ragged or not sequences.same_length,
        symbols=tuple(sequences.symbols[place] for place in present),
        offset=(0.0,),
        factor=(1.0,),
        series=sequences.series,
        ngrams=None
        if ngrams is None
        else fit_ngrams(
            texts_of(sequences),
            ngrams.num_features,
            ngrams.longest,
            coded=ngrams.keep_steps,
        ),
        keep_steps=ngrams is None or ngrams.keep_steps,
    )
