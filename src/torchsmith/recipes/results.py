"""What a study found: one table, and curves over the epochs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from torchsmith.core.record import Record
from torchsmith.core.vocabulary import LOWER_IS_BETTER, Metric
from torchsmith.evaluate.evaluation import Evaluation, Score
from torchsmith.plan.text import flow
from torchsmith.recipes.study import Study
from torchsmith.train.history import EpochRecord

_MAY_BE_NEGATIVE: frozenset[Metric] = frozenset(
    {"r2", "explained_variance", "matthews_corrcoef", "cohen_kappa_score"}
)


class Row(Record):
    """One variant of a study.

    Attributes:
        variant: Its name.
        about: What it is.
        settings: What it lays over the base plan, as YAML.
        score: The mean over the seeds of the main metric on the test part, with its
            95 % interval; None where no seed came to an end.
        values: Of each seed that came to an end.
        difference: To the first variant, paired by seed; positive is better.
        changed: The mean of the main metric, as `score`, after each change of the test
            part that the plan's `robustness` names, such as `{RandomCrop: 22}`.
        epochs: That were trained, on average.
        seconds: That training took, on average.
        runs: The names of its run folders.
        failed: What went wrong, for each seed that did not come to an end.
    """

    variant: str
    about: str = ""
    settings: str = ""
    score: Score | None = None
    values: tuple[float, ...] = ()
    difference: Score | None = None
    changed: dict[str, Score] = {}
    epochs: float = 0.0
    seconds: float = 0.0
    runs: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class Point(Record):
    """The mean over the seeds after an epoch, and the lowest and highest of them."""

    epoch: int
    mean: float
    low: float
    high: float


class StudyResult(Record):
    """What a study found, written as `study.json`.

    Attributes:
        title: Of the study.
        question: That it answers.
        metric: The score of the table.
        seeds: With which each variant was trained.
        rows: One for each variant.
        curves: What is drawn: by quantity, then by variant.
        seconds: That all took.
    """

    version: Literal[1] = 1
    title: str
    question: str
    metric: Metric
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    curves: dict[str, dict[str, tuple[Point, ...]]]
    seconds: float


@dataclass(frozen=True)
class Finished:
    """What one member of a study came to.

    Attributes:
        variant: Of the study.
        seed: With which it was trained.
        run: The name of its run folder.
        history: One record for each epoch.
        evaluation: Its scores; None where training failed.
        seconds: That training took.
        failed: Why training failed, or empty.
    """

    variant: str
    seed: int
    run: str
    history: Sequence[EpochRecord]
    evaluation: Evaluation | None
    seconds: float
    failed: str = ""

    def score(self, metric: Metric) -> float | None:
        """Return the test score, or None."""
        if self.evaluation is None:
            return None
        found = self.evaluation.scores["test"].get(metric)
        return None if found is None else found.value

    def changed(self, metric: Metric) -> dict[str, float]:
        """Return the score after each change of the test part."""
        found = () if self.evaluation is None else self.evaluation.robustness
        return {
            one.change: one.scores[metric].value
            for one in found
            if metric in one.scores
        }


def study_result(
    study: Study, finished: Sequence[Finished], seconds: float
) -> StudyResult:
    """Put the members of a study side by side.

    Args:
        study: What was asked.
        finished: All members.
        seconds: That all took.
    """
    by_variant = {
        name: [member for member in finished if member.variant == name]
        for name in study.variants
    }
    first = _by_seed(next(iter(by_variant.values())), study.base.problem.metric)
    rows = [_row(study, name, found, first) for name, found in by_variant.items()]
    return StudyResult(
        title=study.title,
        question=study.question,
        metric=study.base.problem.metric,
        seeds=study.seeds,
        rows=tuple(rows),
        curves={
            quantity: {
                name: points
                for name, found in by_variant.items()
                if (points := _curve(found, quantity))
            }
            for quantity in study.draw
        },
        seconds=round(seconds, 3),
    )


def mean_score(values: Sequence[float]) -> Score:
    """Return the mean of values with its 95 % interval, by Student's t.

    One value has no interval: its ends are not numbers.

    >>> mean_score([1.0, 2.0, 3.0])
    Score(value=2.0, low=-0.484..., high=4.484...)
    """
    from scipy.special import stdtrit

    mean = float(np.mean(values))
    if len(values) < 2:
        return Score(value=mean, low=float("nan"), high=float("nan"))
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    half = float(stdtrit(len(values) - 1, 0.975)) * error
    return Score(value=mean, low=mean - half, high=mean + half)


def _row(
    study: Study, name: str, found: Sequence[Finished], first: Mapping[int, float]
) -> Row:
    metric = study.base.problem.metric
    ours = _by_seed(found, metric)
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    gains = [sign * (ours[seed] - first[seed]) for seed in ours if seed in first]
    is_first = name == next(iter(study.variants))
    ended = [member for member in found if member.evaluation is not None]
    return Row(
        variant=name,
        about=study.about.get(name, ""),
        settings=flow(study.variants[name]),
        score=_within(metric, mean_score(list(ours.values()))) if ours else None,
        values=tuple(ours.values()),
        difference=mean_score(gains) if gains and not is_first else None,
        changed=_changed(found, metric),
        epochs=_mean([len(member.history) for member in ended]),
        seconds=round(_mean([member.seconds for member in ended]), 3),
        runs=tuple(member.run for member in found),
        failed=tuple(
            f"seed {member.seed}: {member.failed}" for member in found if member.failed
        ),
    )


def _by_seed(found: Sequence[Finished], metric: Metric) -> dict[int, float]:
    scores = {member.seed: member.score(metric) for member in found}
    return {seed: value for seed, value in scores.items() if value is not None}


def _changed(found: Sequence[Finished], metric: Metric) -> dict[str, Score]:
    values: dict[str, list[float]] = {}
    for member in found:
        for change, value in member.changed(metric).items():
            values.setdefault(change, []).append(value)
    return {
        change: _within(metric, mean_score(each)) for change, each in values.items()
    }


def _within(metric: Metric, score: Score) -> Score:
    """Keep an interval within what the metric can be: most from 0, scores to 1."""
    if metric in LOWER_IS_BETTER:
        return score.model_copy(update={"low": max(score.low, 0.0)})
    low = score.low if metric in _MAY_BE_NEGATIVE else max(score.low, 0.0)
    return score.model_copy(update={"low": low, "high": min(score.high, 1.0)})


def _curve(found: Sequence[Finished], quantity: str) -> tuple[Point, ...]:
    """Average a quantity of each epoch over the seeds that came so far."""
    by_epoch: dict[int, list[float]] = {}
    for member in found:
        for record in member.history:
            value = _quantity(record, quantity)
            if value is not None:
                by_epoch.setdefault(record.epoch, []).append(value)
    return tuple(
        Point(epoch=epoch, mean=_mean(values), low=min(values), high=max(values))
        for epoch, values in sorted(by_epoch.items())
    )


def _quantity(record: EpochRecord, quantity: str) -> float | None:
    match quantity:
        case "train_loss":
            return record.train_loss
        case "val_loss":
            return record.val_loss
        case "lr":
            return record.lr
        case _:
            return record.metrics.get(quantity.removeprefix("val_"))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
