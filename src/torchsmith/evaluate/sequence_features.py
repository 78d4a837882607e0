"""What the rivals see of sequences: summaries, a short series, counts of letters.

A sequence is described by what a person would compute by hand: level, spread, trend,
roughness and rhythm of each channel. The nearest neighbour compares the steps
themselves, which on the sets of the UCR archive is the reference that all others are
measured by (https://arxiv.org/abs/1810.07758).
"""

from itertools import combinations, pairwise

import numpy as np

from torchsmith.data.data import Sequences
from torchsmith.evaluate.features import Features

MOST_COMPARED = 2_048
"""Numbers of a sequence that are compared with those of its neighbours."""

SHORT = 32
"""Steps of each channel that the linear model and the trees see."""

MOST_LETTERS = 64
_MOST_SHORT = 1_024
_MOST_PAIRS = 8
_BANDS = 4
_MOST_NUMBERS = 2**22
"""Are described at once; describing takes several times their memory."""


def sequence_features(train: Sequences, other: Sequences) -> tuple[Features, Features]:
    """Describe sequences of numbers; scales are those of the training part.

    Args:
        train: To fit on.
        other: With the same channels.

    Returns:
        The numbers are summaries, and a series of at most 32 steps a channel; `series`
        are all steps where all sequences have one length of at most 2,048 numbers, else
        as many as the training sequences typically have, by linear interpolation.
    """
    channels = len(train.channels)
    most = max(2, MOST_COMPARED // channels)
    length = min(most, max(2, int(np.median(train.lengths))))
    short = max(2, min(SHORT, _MOST_SHORT // channels, length))
    found = []
    ours = _series(train, length)
    scale = ours.std(axis=(0, 1), dtype=np.float64)
    scale[scale == 0] = 1
    for part in (train, other):
        series = ours if part is train else _series(part, length)
        columns = [summaries(part), _series(part, short).reshape(len(part), -1)]
        if channels > 1:
            series = (series / scale).astype(np.float32)
        found.append(
            Features(
                np.concatenate(columns, axis=1),
                np.zeros((len(part), 0), np.int64),
                series=series.reshape(len(part), -1),
            )
        )
    return found[0], found[1]


def text_features(train: Sequences, other: Sequences) -> tuple[Features, Features]:
    """Describe texts: their length, their letters, the first and the last of them.

    Args:
        train: To fit on.
        other: With the same symbols.

    Returns:
        With the texts themselves, whose n-grams the linear model sees.
    """
    every = np.bincount(train.values[:, 0].astype(int), minlength=len(train.symbols))
    frequent = np.argsort(-every, kind="stable")[:MOST_LETTERS]
    return _letters(train, frequent), _letters(other, frequent)


def summaries(sequences: Sequences) -> np.ndarray:
    """Return `(N, D)` float32 summaries of each channel, and how channels go together.

    Args:
        sequences: Missing values count as the mean of their sequence.
    """
    lengths = sequences.lengths
    blocks: list[tuple[np.ndarray, np.ndarray]] = []
    for length in np.unique(lengths).tolist():
        alike = np.flatnonzero(lengths == length)
        most = max(_MOST_NUMBERS // max(length * len(sequences.channels), 1), 1)
        for rows in np.split(alike, range(most, len(alike), most)):
            places = sequences.starts[rows, None] + np.arange(length)
            block = sequences.values[places].astype(np.float64)
            blocks.append((rows, _describe(_filled(block))))
    found = np.empty((len(sequences), blocks[0][1].shape[1] + 1), np.float32)
    for rows, described in blocks:
        found[rows, 1:] = described
    found[:, 0] = lengths
    return np.asarray(np.nan_to_num(found))


def _describe(block: np.ndarray) -> np.ndarray:
    """Describe sequences of one length.

    Args:
        block: `(n, L, C)` without missing values; L may be 0.
    """
    count, length, channels = block.shape
    if length < 2:
        block = (
            np.repeat(block, 2, axis=1) if length else np.zeros((count, 2, channels))
        )
        length = 2
    mean, deviation = block.mean(axis=1), block.std(axis=1)
    centred = block - mean[:, None]
    time = np.linspace(-1, 1, length)[:, None]
    steps = np.diff(block, axis=1)
    power = np.abs(np.fft.rfft(centred, axis=1)[:, 1:]) ** 2
    total = power.sum(axis=1) + 1e-12
    ends = np.geomspace(1, power.shape[1] + 1, _BANDS + 1).round().astype(int) - 1
    variance = centred.var(axis=1) + 1e-12
    columns = [
        mean,
        deviation,
        *np.quantile(block, (0, 0.25, 0.5, 0.75, 1), axis=1),
        block[:, 0],
        block[:, -1],
        (centred * time).mean(axis=1) / (time**2).mean(),
        np.abs(steps).mean(axis=1),
        steps.std(axis=1),
        (centred[:, 1:] * centred[:, :-1]).mean(axis=1) / variance,
        block.argmax(axis=1) / (length - 1),
        block.argmin(axis=1) / (length - 1),
        (np.diff(centred > 0, axis=1) != 0).mean(axis=1),
        *(
            power[:, low:high].sum(axis=1) / total
            for low, high in pairwise(ends.tolist())
        ),
    ]
    if 1 < channels <= _MOST_PAIRS:
        scaled = centred / np.sqrt(variance)[:, None]
        columns += [
            (scaled[..., a] * scaled[..., b]).mean(axis=1)[:, None]
            for a, b in combinations(range(channels), 2)
        ]
    return np.concatenate(columns, axis=1)


def _filled(block: np.ndarray) -> np.ndarray:
    """Put the mean of its sequence, or 0, where a value is missing or infinite."""
    known = np.isfinite(block)
    if known.all():
        return block
    sums = np.where(known, block, 0).sum(axis=1, keepdims=True)
    mean = sums / np.maximum(known.sum(axis=1, keepdims=True), 1)
    return np.where(known, block, mean)


def _series(sequences: Sequences, length: int) -> np.ndarray:
    """Return `(N, length, C)` float32, interpolated where lengths are others."""
    found = np.zeros((len(sequences), length, len(sequences.channels)), np.float32)
    for row in range(len(sequences)):
        steps = _filled(sequences.at(row)[None])[0]
        if len(steps) == length:
            found[row] = steps
        elif len(steps):
            places = np.linspace(0, len(steps) - 1, length)
            below = places.astype(int)
            above = np.minimum(below + 1, len(steps) - 1)
            part = (places - below)[:, None]
            found[row] = steps[below] * (1 - part) + steps[above] * part
    return found


def _letters(texts: Sequences, frequent: np.ndarray) -> Features:
    count, shown = len(texts), len(frequent)
    codes = texts.values[:, 0].astype(int)
    owner = np.repeat(np.arange(count), texts.lengths)
    place = np.full(len(texts.symbols), shown)
    place[frequent] = np.arange(shown)
    table = np.zeros((count, shown + 1), np.float32)
    np.add.at(table, (owner, place[codes]), 1)
    ends = np.zeros((count, 2), np.int64)
    some = np.flatnonzero(texts.lengths)
    ends[some, 0] = 1 + codes[texts.starts[:-1][some]]
    ends[some, 1] = 1 + codes[texts.starts[1:][some] - 1]
    numbers = np.concatenate([texts.lengths[:, None], table[:, :shown]], axis=1)
    written = tuple(
        "".join(texts.symbols[code] for code in texts.at(row)[:, 0].astype(int))
        for row in range(count)
    )
    return Features(numbers.astype(np.float32), ends, texts=written)
