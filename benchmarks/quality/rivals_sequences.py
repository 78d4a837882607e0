"""Nearest neighbours under time warping, and character n-grams."""

import numpy as np
from benchmarks.quality.rows import Rows

LENGTH = 128
"""Steps to which longer or ragged sequences are resampled, for time."""
WINDOWS = (0.05, 0.1, 0.2, 1.0)
"""Shares of the length that two moments may lie apart; the val part chooses."""
CHUNK = 20_000


def fit_dtw(rows: Rows) -> np.ndarray:
    """Find the nearest training sequence under dynamic time warping.

    Sequences are standardised by channel and resampled to one length; the window is
    the one that is best on the val part.
    """
    values = _standardised(_resampled(rows), rows.parts.train)
    train, val = rows.parts.train, rows.parts.val
    right = {}
    for window in WINDOWS:
        near = _nearest(values[val], values[train], window)
        right[window] = (rows.targets[train][near] == rows.targets[val]).mean()
    best = max(WINDOWS, key=right.__getitem__)
    near = _nearest(values[rows.parts.test], values[rows.fitted], best)
    return np.eye(rows.num_classes)[rows.targets[rows.fitted][near]]


def _resampled(rows: Rows) -> np.ndarray:
    """Return `(N, L, C)`: each sequence at evenly spaced moments."""
    inputs = rows.data.inputs
    length = int(min(inputs.lengths.max(), LENGTH))
    moments = np.linspace(0, 1, length)
    return np.stack(
        [
            np.stack(
                [
                    np.interp(moments, np.linspace(0, 1, len(one)), channel)
                    for channel in one.T
                ],
                axis=1,
            )
            for one in (inputs.at(i) for i in range(len(inputs)))
        ]
    ).astype(np.float32)


def _standardised(values: np.ndarray, train: np.ndarray) -> np.ndarray:
    middle = values[train].mean((0, 1))
    return (values - middle) / (values[train].std((0, 1)) + 1e-8)


def _nearest(asked: np.ndarray, known: np.ndarray, window: float) -> np.ndarray:
    """Return the place of the nearest known sequence of each asked one."""
    at_once = max(1, CHUNK // len(known))
    found = []
    for first in range(0, len(asked), at_once):
        some = asked[first : first + at_once]
        left = np.repeat(some, len(known), axis=0)
        right = np.tile(known, (len(some), 1, 1))
        distances = warping_distance(left, right, window)
        found.append(distances.reshape(len(some), -1).argmin(1))
    return np.concatenate(found)


def warping_distance(left: np.ndarray, right: np.ndarray, window: float) -> np.ndarray:
    """Return the distances under dynamic time warping of P pairs, `(P,)`.

    Args:
        left: `(P, L, C)`.
        right: `(P, L, C)`.
        window: The share of L that two moments may lie apart (Sakoe and Chiba).
    """
    num, length, _ = left.shape
    reach = max(1, round(window * length))
    before = np.full((length + 1, num), np.inf, np.float32)
    before[0] = 0
    for i in range(length):
        now = np.full_like(before, np.inf)
        for j in range(max(0, i - reach), min(length, i + reach + 1)):
            gap = left[:, i] - right[:, j]
            step = np.minimum(np.minimum(before[j], before[j + 1]), now[j])
            now[j + 1] = np.einsum("pc,pc->p", gap, gap) + step
        before = now
    return before[length]


def fit_ngrams(rows: Rows) -> np.ndarray:
    """Fit a logistic regression to character n-grams; the val part chooses C."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.pipeline import make_pipeline

    texts = np.array(_texts(rows))
    train, val, fitted = rows.parts.train, rows.parts.val, rows.fitted

    def pipeline(strength: float) -> object:
        return make_pipeline(
            TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True),
            LogisticRegression(C=strength, class_weight="balanced", max_iter=1000),
        )

    found = {}
    for strength in (1.0, 10.0, 100.0):
        model = pipeline(strength).fit(texts[train], rows.targets[train])
        said = model.predict(texts[val])
        found[strength] = f1_score(rows.targets[val], said, average="macro")
    best = pipeline(max(found, key=found.__getitem__))
    best.fit(texts[fitted], rows.targets[fitted])
    return rows.spread(best.classes_, best.predict_proba(texts[rows.parts.test]))


def _texts(rows: Rows) -> list[str]:
    inputs = rows.data.inputs
    return [
        "".join(inputs.symbols[int(place)] for place in inputs.at(i)[:, 0])
        for i in range(len(inputs))
    ]
