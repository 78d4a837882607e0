"""How much worse the main metric gets when a column is shuffled."""

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter

import numpy as np

from torchsmith.core.observer import Observer
from torchsmith.core.seeds import generator
from torchsmith.core.vocabulary import Metric
from torchsmith.evaluate.evaluation import Importance, Score
from torchsmith.metrics.intervals import Interval, difference
from torchsmith.metrics.resamples import Resamples

MOST_ROWS, FEWEST_ROWS = 5_000, 200
MOST_REPEATS = 5
FEWEST_COLUMNS = 30
_RESAMPLES = 400

Predict = Callable[[np.ndarray], np.ndarray]
"""From prepared inputs `(N, C)` to probabilities `(N, K)` or values `(N,)`."""


def permutation_importance(
    predict: Predict,
    inputs: np.ndarray,
    targets: np.ndarray,
    columns: Mapping[str, Sequence[int]],
    *,
    metric: Metric,
    seed: int = 0,
    seconds: float = 5.0,
    observer: Observer | None = None,
) -> tuple[Importance, ...]:
    """Shuffle one column after the other and see how much the main metric loses.

    A column that repeats another seems unimportant, because the network can use the
    other one. The features that one column became (a number and its missing flag, all
    0/1 columns of a category) are shuffled together.

    Args:
        predict: The network, in evaluation mode.
        inputs: `(N, C)` prepared test inputs.
        targets: `(N,)` class codes or values.
        columns: For each column of the table, which of the C features it became.
        metric: The main metric.
        seed: Draws rows and shuffles.
        seconds: About how long it may take. A slow network gets fewer rows and
            repeats: 5,000 rows and 5 repeats at most, 200 rows and 1 repeat at least.
            Of more columns than there is time for, those are shuffled whose features
            are correlated the most with the outputs, at least 30.
        observer: Is told which column is being shuffled.

    Returns:
        The columns, the most important first; `drop` is positive where shuffling makes
        the metric worse. Columns that became no feature, and those for which there was
        no time, are left out.
    """
    observer = observer or Observer()
    shuffled = {name: list(places) for name, places in columns.items() if places}
    if not shuffled or len(inputs) < 2:
        return ()
    random = generator(seed, "importance")
    order = random.permutation(len(inputs))[:MOST_ROWS]
    inputs, targets = inputs[order], targets[order]
    started = perf_counter()
    base = predict(inputs)
    pass_seconds = max(perf_counter() - started, 1e-9) * len(shuffled)
    if pass_seconds > seconds:
        rows = max(FEWEST_ROWS, int(len(inputs) * seconds / pass_seconds))
        inputs, targets, base = inputs[:rows], targets[:rows], base[:rows]
    resamples = Resamples(len(inputs), seed, _RESAMPLES)

    def drop(features: list[int], repeat: int, place: int) -> Interval:
        random = generator(seed, "shuffle", repeat, place)
        changed = inputs.copy()
        changed[:, features] = inputs[random.permutation(len(inputs))][:, features]
        return difference(metric, targets, base, predict(changed), resamples)

    if len(shuffled) > FEWEST_COLUMNS:
        tried = perf_counter()
        drop(next(iter(shuffled.values())), 0, 0)
        affordable = int(seconds / max(perf_counter() - tried, 1e-9))
        shuffled = _leading(shuffled, inputs, base, max(FEWEST_COLUMNS, affordable))
    observer.stage("Shuffling columns", len(shuffled) * MOST_REPEATS)
    drops: dict[str, list[Interval]] = {name: [] for name in shuffled}
    for repeat in range(MOST_REPEATS):
        # A repeat is begun only if it can be expected to end in time.
        if repeat and (perf_counter() - started) * (repeat + 1) / repeat > seconds:
            break
        for place, (name, features) in enumerate(shuffled.items()):
            drops[name].append(drop(features, repeat, place))
            observer.advance(repeat * len(shuffled) + place + 1)
    found = [
        Importance(column=name, drop=_mean(intervals))
        for name, intervals in drops.items()
    ]
    return tuple(sorted(found, key=lambda i: -np.nan_to_num(i.drop.value)))


def _leading(
    columns: dict[str, list[int]], inputs: np.ndarray, outputs: np.ndarray, most: int
) -> dict[str, list[int]]:
    """Return the columns with the features that go most with what the network says."""
    if len(columns) <= most:
        return columns
    features = inputs - inputs.mean(axis=0)
    values = outputs.reshape(len(outputs), -1)
    values = values - values.mean(axis=0)
    scale = np.outer(
        np.linalg.norm(features, axis=0), np.linalg.norm(values, axis=0)
    ).clip(1e-12)
    strength = np.abs(features.T @ values / scale).max(axis=1)
    ranked = sorted(columns, key=lambda name: -strength[columns[name]].max())
    kept = set(ranked[:most])
    return {name: places for name, places in columns.items() if name in kept}


def _mean(intervals: Sequence[Interval]) -> Score:
    value, low, high = np.mean(intervals, axis=0).tolist()
    return Score(value=value, low=low, high=high)
