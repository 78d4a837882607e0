"""From outputs on the test part to an `Evaluation`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from torchsmith.core.errors import TrainError
from torchsmith.core.seeds import generator
from torchsmith.core.vocabulary import (
    METRIC_TITLES,
    NOUNS,
    Kind,
    Metric,
    Part,
    usual_metrics,
)
from torchsmith.core.wording import amount
from torchsmith.data.data import Data, Inputs
from torchsmith.evaluate.curves import curves
from torchsmith.evaluate.evaluation import (
    ClassScores,
    Coverage,
    Evaluation,
    Importance,
    Mixture,
    Residuals,
    Rival,
    Robustness,
    Score,
)
from torchsmith.evaluate.forecasts import course
from torchsmith.evaluate.groups import failing_groups
from torchsmith.evaluate.mistakes import mixture, surest_wrong, worst
from torchsmith.evaluate.reliability import reliability
from torchsmith.evaluate.rivals import RivalOutputs
from torchsmith.evaluate.verdict import verdict
from torchsmith.inspect.wording import quoted
from torchsmith.metrics.classification import confusion, precision_recall_f1
from torchsmith.metrics.intervals import Interval, difference, interval
from torchsmith.metrics.normal import wilson
from torchsmith.metrics.resamples import Resamples
from torchsmith.plan.plan import Problem
from torchsmith.train.conformal import PredictionInterval

MOST_RESIDUALS = 2_000
FEW_ROWS = 100


@dataclass(frozen=True)
class PartOutputs:
    """What the network said about one part, and what is right.

    Attributes:
        targets: `(N,)` int64 class codes, or float values in the target's own units.
        outputs: `(N, K)` probabilities, or `(N,)` values in the target's own units.
        inputs: The N examples as they were read, to show mistakes; else None.
        picture_column: Of a table, names a picture file for each row.
        temperature: That probabilities were made with.
        uncalibrated: `(N, K)` probabilities with a temperature of 1, where that is not
            what `outputs` have.
        interval: Around values, where the model has one.
        ends: Its lower and upper ends, `(N,)` each.
    """

    targets: np.ndarray
    outputs: np.ndarray
    inputs: Inputs | None = None
    picture_column: str = ""
    temperature: float = 1.0
    uncalibrated: np.ndarray | None = None
    interval: PredictionInterval | None = None
    ends: tuple[np.ndarray, np.ndarray] | None = None


def evaluate(
    problem: Problem,
    test: PartOutputs,
    *,
    num_train: int,
    val: PartOutputs | None = None,
    changed: Mapping[str, np.ndarray] | None = None,
    rivals: Sequence[RivalOutputs] = (),
    importance: Sequence[Importance] = (),
    seed: int = 0,
) -> Evaluation:
    """Score a network on its test part, beside its rivals.

    Args:
        problem: Task, main metric and classes.
        test: Outputs on rows that neither training nor any choice has seen.
        num_train: Rows that the network was trained on.
        val: Outputs on the rows that chose the epoch; their scores are a little too
            good.
        changed: For each change of the test part, such as `{RandomCrop: 22}`, the
            outputs then.
        rivals: From `fit_rivals`, on the same test rows.
        importance: From `permutation_importance`.
        seed: Draws resamples and the rows of residuals.

    Raises:
        TrainError: The network's outputs are not finite.
        ValueError: Shapes do not fit, or the test part is empty.
    """
    kind: Kind = "table" if test.inputs is None else Data("", test.inputs).kind
    noun = NOUNS[kind]
    num_examples: dict[Part, int] = {"train": num_train}
    scores: dict[Part, dict[Metric, Score]] = {}
    parts: tuple[tuple[Part, PartOutputs | None], ...] = (("val", val), ("test", test))
    resamples = Resamples(len(test.targets), seed)
    for part, held in parts:
        if held is None or not len(held.targets):
            continue
        _check_finite(part, held.outputs, noun)
        num_examples[part] = len(held.targets)
        drawn = resamples if part == "test" else Resamples(len(held.targets), seed)
        scores[part] = _scores(problem, held.targets, held.outputs, drawn)
    available = max((rival.num_train for rival in rivals), default=num_train)
    compared = tuple(_rival(problem, test, rival, resamples) for rival in rivals)
    if problem.task == "regression":
        of_task = _of_values(test, seed)
    else:
        of_task = _of_classes(problem, val, test, seed)
    return Evaluation(
        task=problem.task,
        metric=problem.metric,
        classes=problem.classes,
        kind=kind,
        num_examples=num_examples,
        scores=scores,
        robustness=tuple(
            Robustness(
                change=change, scores=_scores(problem, test.targets, found, resamples)
            )
            for change, found in (changed or {}).items()
        ),
        rivals=compared,
        verdict=verdict(problem.metric, scores["test"], compared, available, noun),
        coverage=_coverage(test),
        mistakes=worst(
            problem,
            test.targets,
            test.outputs,
            inputs=test.inputs,
            picture_column=test.picture_column,
            rivals=rivals,
        ),
        groups=failing_groups(problem, test.targets, test.outputs, test.inputs, rivals),
        importance=tuple(importance),
        notes=tuple(_notes(problem, test.targets, scores["test"], noun)),
        **of_task,
    )


def _of_classes(
    problem: Problem, val: PartOutputs | None, test: PartOutputs, seed: int
) -> dict[str, Any]:
    """Return what an `Evaluation` says of classes: what is taken for what, how sure."""
    targets, outputs = test.targets, test.outputs
    table = confusion(targets, outputs.argmax(axis=1), len(problem.classes))
    share, place = surest_wrong(targets, outputs)
    return {
        "per_class": _per_class(problem.classes, table),
        "confusion": tuple(map(tuple, table.tolist())),
        "curves": curves(problem.classes, targets, outputs),
        "calibration": reliability(
            targets,
            outputs,
            temperature=test.temperature,
            uncalibrated=test.uncalibrated,
            seed=seed,
        ),
        "surest_wrong": share,
        "surest_place": place,
        "mixture": _mixture(problem, val, test),
    }


def _of_values(test: PartOutputs, seed: int) -> dict[str, Any]:
    """Return what an `Evaluation` says of predicted numbers: how far off, and when."""
    return {
        "residuals": _residuals(test, seed),
        "forecast": course(test.inputs, test.targets, test.outputs),
    }


def _mixture(problem: Problem, *parts: PartOutputs | None) -> Mixture | None:
    """Look for classes that are mixed in all rows whose labels were not learned."""
    held = [part for part in parts if part is not None and len(part.targets)]
    targets = np.concatenate([part.targets for part in held])
    return mixture(problem, targets, np.concatenate([part.outputs for part in held]))


def ordered_metrics(problem: Problem) -> tuple[Metric, ...]:
    """Return the metrics to show for a problem: the main one, then the usual ones."""
    others = (m for m in usual_metrics(problem.task) if m != problem.metric)
    return (problem.metric, *others)


def part_scores(problem: Problem, part: PartOutputs, seed: int) -> dict[Metric, Score]:
    """Score a network on some rows.

    Args:
        problem: Task, main metric and classes.
        part: Outputs on the rows.
        seed: Draws resamples.
    """
    resamples = Resamples(len(part.targets), seed)
    return _scores(problem, part.targets, part.outputs, resamples)


def _scores(
    problem: Problem, targets: np.ndarray, outputs: np.ndarray, resamples: Resamples
) -> dict[Metric, Score]:
    found = {
        metric: interval(metric, targets, outputs, resamples)
        for metric in ordered_metrics(problem)
    }
    return {m: _score(i) for m, i in found.items() if not np.isnan(i.value)}


def _score(found: Interval) -> Score:
    return Score(value=found.value, low=found.low, high=found.high)


def _rival(
    problem: Problem, test: PartOutputs, rival: RivalOutputs, resamples: Resamples
) -> Rival:
    gain = difference(
        problem.metric, test.targets, test.outputs, rival.outputs, resamples
    )
    return Rival(
        name=rival.name,
        title=rival.title,
        scores=_scores(problem, test.targets, rival.outputs, resamples),
        difference=None if np.isnan(gain).any() else _score(gain),
        num_fitted=rival.num_fitted,
        seconds=rival.seconds,
        note=rival.note,
    )


def _per_class(names: Sequence[str], table: np.ndarray) -> tuple[ClassScores, ...]:
    columns = [values.tolist() for values in precision_recall_f1(table)]
    support = table.sum(axis=1).tolist()
    return tuple(
        ClassScores(name=name, precision=precision, recall=recall, f1=f1, support=rows)
        for name, precision, recall, f1, rows in zip(
            names, *columns, support, strict=True
        )
    )


def _coverage(test: PartOutputs) -> Coverage | None:
    """Count the targets that lie within the intervals around their predictions."""
    if test.interval is None or test.ends is None:
        return None
    lower, upper = test.ends
    within = float(np.sum((lower <= test.targets) & (test.targets <= upper)))
    low, high = map(float, wilson(within, len(test.targets)))
    return Coverage(
        promised=test.interval.coverage,
        half_width=test.interval.half_width,
        found=Score(value=within / len(test.targets), low=low, high=high),
    )


def _residuals(test: PartOutputs, seed: int) -> Residuals:
    rows = np.arange(len(test.targets))
    if len(rows) > MOST_RESIDUALS:
        drawn = generator(seed, "residuals").permutation(rows)
        rows = np.sort(drawn[:MOST_RESIDUALS])
    return Residuals(
        actual=tuple(test.targets[rows].astype(np.float64).tolist()),
        predicted=tuple(test.outputs[rows].astype(np.float64).tolist()),
    )


def _notes(
    problem: Problem, targets: np.ndarray, scores: dict[Metric, Score], noun: str
) -> list[str]:
    notes, rows = [], len(targets)
    if rows < FEW_ROWS:
        notes.append(
            f"The test part has only {amount(rows, noun)}, so its scores are "
            "uncertain: look at the intervals, not at the values."
        )
    if problem.task != "regression":
        support = np.bincount(targets, minlength=len(problem.classes))
        absent = [
            name for name, n in zip(problem.classes, support, strict=True) if not n
        ]
        if absent:
            word = "class has" if len(absent) == 1 else "classes have"
            notes.append(
                f"{len(absent)} {word} no test {noun}s, so nothing is known about how "
                f"well they are told apart: {quoted(absent)}."
            )
    undefined = [METRIC_TITLES[m] for m in ordered_metrics(problem) if m not in scores]
    if undefined:
        why = f"a single {noun}" if rows == 1 else f"test {noun}s of a single class"
        notes.append(f"Not defined for {why}: {', '.join(undefined)}.")
    return notes


def _check_finite(part: Part, outputs: np.ndarray, noun: str) -> None:
    finite = np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1)
    if not finite.all():
        raise TrainError(
            f"the network's outputs for {np.count_nonzero(~finite):,} of "
            f"{len(outputs):,} {part} {noun}s are not finite numbers; training has "
            "diverged: lower the learning rate, or set training.clip_grad_norm to 1"
        )
