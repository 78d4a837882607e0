"""Simple models on the same split: what a network must beat to be worth its trouble."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Literal

import numpy as np

from torchsmith.core.observer import Observer
from torchsmith.core.seeds import derive_seed
from torchsmith.core.vocabulary import Metric
from torchsmith.evaluate.cost import (
    Work,
    affordable_grams,
    affordable_rows,
    sample_rows,
    tree_steps,
)
from torchsmith.evaluate.features import Features, design, tree_design

Name = Literal["constant", "last", "linear", "neighbors", "trees"]

TITLES: dict[Name, str] = {
    "constant": "constant guess",
    "last": "last value",
    "linear": "linear model",
    "neighbors": "nearest neighbours",
    "trees": "gradient-boosted trees",
}

IN_SENTENCES: dict[Name, str] = {
    "constant": "a constant guess",
    "last": "the last value",
    "linear": "a linear model",
    "neighbors": "nearest neighbours",
    "trees": "gradient-boosted trees",
}
"""What these are called in a sentence."""

_LINEAR_STEPS = 100
_GRAMS = (1, 4)
"""Letters of the shortest and the longest n-grams."""

_TEXT_STRENGTH = 10.0
"""Inverse strength of the penalty for n-grams, whose weights are below 1."""

_FEW = 100
"""Rows of the rarest class, below which trees learn at scikit-learn's own rate, however
few they are, and never stop early: with 12 of 2,000 rows, 20 trees at a rate of .2 had
an AUC of .46 and at .1 of .87, and at .3, stopped by one row of the class, of .38."""

_STOPPED = 10_000
"""Trees of more rows are stopped early, as scikit-learn does by itself."""

_ABSOLUTE = frozenset({"mae", "median_absolute_error"})


@dataclass(frozen=True)
class RivalOutputs:
    """What a rival said about the test rows.

    Attributes:
        name: Which rival.
        outputs: `(N, K)` probabilities, or `(N,)` values.
        num_fitted: Rows that it was fitted on.
        num_train: Rows that there were.
        seconds: To fit and predict.
        note: What a reader must know; else empty.
    """

    name: Name
    outputs: np.ndarray
    num_fitted: int
    num_train: int
    seconds: float
    note: str = ""

    @property
    def title(self) -> str:
        """What it is called."""
        return TITLES[self.name]


@dataclass(frozen=True)
class _Job:
    """All that a rival may use."""

    metric: Metric
    classes: int
    train: Features
    targets: np.ndarray
    test: Features
    seed: int
    tree_steps: int
    most_grams: int

    def take(self, rows: np.ndarray) -> "_Job":
        """Keep only these rows to fit on."""
        train, targets = self.train.take(rows), self.targets[rows]
        return replace(self, train=train, targets=targets)

    def probabilities(self, classes: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Give classes that the fitted rows lack a probability of 0."""
        full = np.zeros((len(known), self.classes))
        full[:, classes.astype(np.int64)] = known
        return full


_Fit = Callable[[_Job], tuple[np.ndarray, str]]
"""Gives outputs for the test rows, and a note."""


def fit_rivals(
    *,
    metric: Metric,
    classes: int,
    train: Features,
    targets: np.ndarray,
    test: Features,
    seed: int,
    seconds: float = 20.0,
    observer: Observer | None = None,
) -> tuple[RivalOutputs, ...]:
    """Fit the rivals and ask them about the test rows.

    Give them the training and the val part together: the network uses the val part to
    choose its epoch, the rivals have nothing to choose, and holding rows back from them
    would make them look worse than they are.

    How many rows a rival is fitted on follows from the size of the job by a fixed rule
    (`cost.py`), not from a clock, so that the same job gives the same rivals anywhere.

    Args:
        metric: The main metric; the constant guess and the trees aim at it.
        classes: K; 0 for regression.
        train: The rows to fit on, N of them.
        targets: `(N,)` class codes, or values in the target's own units.
        test: The rows to predict.
        seed: Draws the rows where not all are used, and the trees' early stopping.
        seconds: About how long all may take on two cores.
        observer: Is told which rival is being fitted.

    Returns:
        Constant guess, for forecasts the last value, linear model, nearest neighbours,
        trees.
    """
    observer = observer or Observer()
    if not len(train) or not len(test):
        raise ValueError("rivals need rows to fit on and rows to predict")
    one = np.arange(1)
    work = Work(
        rows=len(train),
        test_rows=len(test),
        numbers=train.numbers.shape[1],
        codes=train.codes.shape[1],
        classes=classes,
        tree_columns=len(tree_design(train.take(one), test.take(one))[2]),
        compared=0 if train.series is None else train.series.shape[1],
        grams=_GRAMS[1] * sum(map(len, train.texts)) // len(train),
    )
    share = seconds / 3
    limits = tree_steps(work, share), affordable_grams(work, share)
    job = _Job(metric, classes, train, targets, test, seed, *limits)
    forecast: Sequence[tuple[Name, _Fit]] = [("last", _last)]
    fits: Sequence[tuple[Name, _Fit]] = (
        ("constant", _constant),
        *(forecast if test.last is not None else ()),
        ("linear", _linear),
        ("neighbors", _neighbors),
        ("trees", _trees),
    )
    observer.stage("Fitting simple rivals", len(fits))
    found = []
    for done, (name, fit) in enumerate(fits, start=1):
        started = perf_counter()
        rows = affordable_rows(name, work, share)
        chosen = job
        if rows < len(train):
            chosen = job.take(sample_rows(targets, rows, job.classes, seed))
        outputs, note = fit(chosen)
        fitted = len(chosen.train)
        if fitted < len(train):
            fewer = f"fitted on {fitted:,} of {len(train):,} {train.noun}s to save time"
            note = f"{fewer}; {note}" if note else fewer
        took = perf_counter() - started
        found.append(RivalOutputs(name, outputs, fitted, len(train), took, note))
        observer.advance(done)
    return tuple(found)


def _constant(job: _Job) -> tuple[np.ndarray, str]:
    if job.classes:
        shares = np.bincount(job.targets, minlength=job.classes) / len(job.targets)
        return np.tile(shares, (len(job.test), 1)), ""
    middle = np.median if job.metric in _ABSOLUTE else np.mean
    return np.full(len(job.test), float(middle(job.targets))), ""


def _only_class(job: _Job) -> tuple[np.ndarray, str]:
    """Do as the constant where the fitted rows show nothing to choose from."""
    note = f"only one class among the {job.train.noun}s that it was fitted on"
    return _constant(job)[0], note


def _last(job: _Job) -> tuple[np.ndarray, str]:
    """Predict that nothing changes; where no value is known, guess as the constant."""
    constant, _ = _constant(job)
    if job.test.last is None:
        return constant, ""
    unknown = np.isnan(job.test.last)
    note = f"no value is known in {unknown.sum():,} of {len(constant):,} windows"
    outputs = np.where(unknown, constant, job.test.last)
    return outputs, f"{note}, which get the constant guess" if unknown.any() else ""


def _linear(job: _Job) -> tuple[np.ndarray, str]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge
    from threadpoolctl import threadpool_limits

    if job.train.texts:
        inputs, tested = _grams(job.train.texts, job.test.texts, job.most_grams)
    else:
        inputs, tested = design(job.train, job.test)
    if not job.classes:
        # Centred, so that large targets do not cost the float32 inputs their digits.
        middle = float(np.mean(job.targets))
        ridge = Ridge(alpha=1.0).fit(inputs.astype(np.float64), job.targets - middle)
        return ridge.predict(tested.astype(np.float64)) + middle, ""
    if len(np.unique(job.targets)) == 1:
        return _only_class(job)
    strength = _TEXT_STRENGTH if job.train.texts else 1.0
    model = LogisticRegression(max_iter=_LINEAR_STEPS, C=strength)
    # Its steps on sparse rows are many and short: threads wait for each other longer
    # than they compute, up to four times as long beside other programs.
    threads = 1 if job.train.texts else None
    with warnings.catch_warnings(), threadpool_limits(threads):
        # The note below says it, in words for a person.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(inputs, job.targets)
    stopped = int(np.max(model.n_iter_)) >= _LINEAR_STEPS
    notes = [f"of n-grams of {_GRAMS[0]} to {_GRAMS[1]} letters"] * bool(
        job.train.texts
    )
    notes += [f"stopped after {_LINEAR_STEPS} steps, not converged"] * stopped
    said = job.probabilities(model.classes_, model.predict_proba(tested))
    return said, "; ".join(notes)


def _grams(train: Sequence[str], other: Sequence[str], most: int) -> tuple[Any, Any]:
    """Return sparse weights of n-grams of letters, fitted on the training texts."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    weigh = TfidfVectorizer(
        analyzer="char_wb",
        lowercase=False,
        ngram_range=_GRAMS,
        max_features=most,
        sublinear_tf=True,
    )
    return weigh.fit_transform(train), weigh.transform(other)


def _neighbors(job: _Job) -> tuple[np.ndarray, str]:
    from sklearn.neighbors import NearestNeighbors

    note = ""
    if job.train.series is not None and job.test.series is not None:
        inputs, tested = job.train.series, job.test.series
        neighbors, note = 1, "the nearest one, by its steps"
    else:
        inputs, tested = design(job.train, job.test)
        few = job.train.picture is not None or len(inputs) < 2_000
        neighbors = min(5 if few else 15, len(inputs))
    index = NearestNeighbors(n_neighbors=neighbors).fit(inputs)
    near = job.targets[index.kneighbors(tested, return_distance=False)]
    if not job.classes:
        return near.mean(axis=1), note
    votes = np.stack(
        [(near == code).sum(axis=1) for code in range(job.classes)], axis=1
    )
    # The class shares count as one more neighbour: they break ties, and no class is
    # taken to be impossible.
    shares = np.bincount(job.targets, minlength=job.classes) / len(job.targets)
    return (votes + shares) / (neighbors + 1), note


def _trees(job: _Job) -> tuple[np.ndarray, str]:
    from sklearn.ensemble import (
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
    )

    inputs, tested, is_code = tree_design(job.train, job.test)
    seed = derive_seed(job.seed, "trees") % 2**32
    rate = min(max(5 / job.tree_steps, 0.1), 0.2)
    bins = 32 if job.train.picture else 255
    if not job.classes:
        loss = "absolute_error" if job.metric in _ABSOLUTE else "squared_error"
        regressor = HistGradientBoostingRegressor(
            loss=loss,
            max_iter=job.tree_steps,
            learning_rate=rate,
            max_bins=bins,
            categorical_features=is_code,
            early_stopping=len(inputs) > _STOPPED,
            random_state=seed,
        )
        return regressor.fit(inputs, job.targets).predict(tested), ""
    present, counts = np.unique(job.targets, return_counts=True)
    if len(present) == 1:
        return _only_class(job)
    few = bool(counts.min() < _FEW)
    model = HistGradientBoostingClassifier(
        max_iter=job.tree_steps,
        learning_rate=0.1 if few else rate,
        max_bins=bins,
        categorical_features=is_code,
        early_stopping=len(inputs) > _STOPPED and not few,
        random_state=seed,
    )
    model.fit(inputs, job.targets)
    return job.probabilities(model.classes_, model.predict_proba(tested)), ""
