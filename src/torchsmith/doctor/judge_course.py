"""What the curve of a score shows once training is over: T7, T8, C6."""

import math
import statistics
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import cast

from pydantic import JsonValue

from torchsmith.core.vocabulary import LOWER_IS_BETTER, METRIC_TITLES, Metric
from torchsmith.core.wording import percent
from torchsmith.doctor.course import Course
from torchsmith.doctor.standing import sampling_error, sureness
from torchsmith.evaluate.evaluation import Evaluation
from torchsmith.inspect.inspection import Finding
from torchsmith.inspect.wording import number
from torchsmith.plan.losses import CrossEntropyLoss, MSELoss
from torchsmith.train.history import restored_epoch

FEWEST_EPOCHS = 8
"""Of fewer no swing can be told from learning."""

LATE = 3
"""The last third of the epochs: a high rate in the middle of a schedule may swing."""

SWING_ERRORS, SWING_SHARE = 1.5, 0.15
"""From one epoch to the next in the last third of training: in sampling errors of the
val part, and as a share of all that was gained; both, for a warning."""

SETTLED = 2
"""Last steps from epoch to epoch that are all within a sampling error: the swinging is
over before training is, as where a schedule lets the rate fall."""

LOSS_ROSE, SCORE_FELL = 0.1, 2.0
"""Of the val part since the best epoch: the loss by a share of itself, the score in
sampling errors; both, for a warning. Where the last weights are kept, probabilities
that say too much, beyond chance, are as good a second sign."""

LASTS = 4
"""In half of the last quarter of the epochs, of 4 at least, a val loss that has risen
for good is as far above its least."""

MODE_RATIO, MODE_SHARE = 1.5, 0.1
"""The loss of training examples in eval mode is so many times that of train mode, and
more by such a share of the loss of chance; both, for a warning."""


SHARES = frozenset({"accuracy", "balanced_accuracy", "f1", "f1_macro"})
"""Metrics that are shares of rows, or nearly."""


def find_in_scores(course: Course, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Find a score that swings or falls, and modes that disagree.

    Args:
        course: Whole.
        evaluation: Of the run; None where there is none.
    """
    metric: str = "accuracy" if evaluation is None else evaluation.metric
    values = [record.metrics.get(metric) for record in course.history]
    curve = [value for value in values if value is not None]
    if curve and len(curve) == len(values):
        sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
        error = _error_of(metric, curve, course, evaluation)
        curve = [sign * value for value in curve]
        if error > 0:
            yield from _swing(course, metric, curve, error)
            yield from _by_heart(course, metric, curve, error, evaluation)
    if evaluation is not None:
        yield from _modes(course, evaluation)


def _error_of(
    metric: str, curve: Sequence[float], course: Course, evaluation: Evaluation | None
) -> float:
    """Return the sampling error of the val part late in training; 0 where unknown."""
    error, rows = 0.0, course.num_val
    if evaluation is not None:
        rows = evaluation.num_examples.get("val", 0)
        score = evaluation.scores.get("val", {}).get(evaluation.metric)
        error = 0.0 if score is None else sampling_error(score)
    mean = statistics.fmean(curve[-max(len(curve) // LATE, 4) :])
    if metric in SHARES and rows and 0 < mean < 1:
        error = max(error, math.sqrt(mean * (1 - mean) / rows))
    return error


def _swing(
    course: Course, metric: str, curve: Sequence[float], error: float
) -> Iterator[Finding]:
    if len(curve) < FEWEST_EPOCHS:
        return
    title = _title(metric)
    late = curve[-max(len(curve) // LATE, 4) - 1 :]
    steps = [after - before for before, after in pairwise(late)]
    # Each step is the difference of two epochs.
    swing = statistics.pstdev(steps) / 2**0.5
    gained = max(curve) - min(curve)
    if swing <= SWING_ERRORS * error or swing <= SWING_SHARE * gained:
        return
    if max(map(abs, steps[-SETTLED:])) <= error:
        return
    yield Finding(
        code="T7",
        severity="warning",
        message=f"From epoch to epoch {title} on the val part swings "
        "more than chance explains.",
        where="optimizer.lr",
        evidence=f"by {number(_short(swing))} in the last third of training; the "
        f"sampling error of the val part is {number(_short(error))}, and all that was "
        f"gained {number(_short(gained))}",
        remedy="Let the learning rate fall to the end, average the weights, or lower "
        "the rate.",
        changes={} if course.plan is None else {"schedule": {"CosineAnnealingLR": {}}},
        moment="after",
    )


def _by_heart(
    course: Course,
    metric: str,
    curve: Sequence[float],
    error: float,
    evaluation: Evaluation | None,
) -> Iterator[Finding]:
    history = course.history
    losses = [record.val_loss for record in history]
    known = [loss for loss in losses if loss is not None]
    if len(known) < 4 or len(known) < len(losses):
        return
    least = known.index(min(known))
    best = max(range(len(curve)), key=lambda place: curve[place])
    rise = known[-1] / known[least] - 1 if known[least] > 0 else 0.0
    fall = statistics.median(curve[max(best - 1, 0) : best + 2]) - curve[-1]
    restored = restored_epoch(course.plan, history)
    fell = fall > SCORE_FELL * error
    since = best if fell else least
    if rise <= LOSS_ROSE or history[-1].train_loss >= history[since].train_loss:
        return
    lasts = _has_risen_for_good(known, evaluation)
    if not fell and (restored or not (lasts or _says_too_much(evaluation))):
        return
    title = _title(metric)
    harm = "the probabilities say too much"
    if fell:
        harm = f"{title} got worse by {number(_short(fall))}, {fall / error:.1f} "
        harm += "sampling errors"
    elif lasts:
        harm = "stayed there"
    kept = f"The weights of epoch {restored.epoch} were kept. " if restored else ""
    changes: dict[str, JsonValue] = {"stopping.patience": max(3, len(known) // 5)}
    if not restored:
        changes = {"stopping.restore_best": True, **changes}
    yield Finding(
        code="T8",
        severity="note" if restored else "warning",
        message=f"After epoch {since + 1} the network learned by heart what does not "
        "hold for other examples.",
        where="stopping.restore_best",
        evidence=f"the val loss rose by {percent(rise)} to {number(_short(known[-1]))} "
        f"while the training loss fell to {number(_short(history[-1].train_loss))}, "
        f"and {harm}",
        remedy=f"{kept}Stop early and keep the best weights; more data, augmentation, "
        "dropout or weight decay let it learn longer.",
        changes={} if course.plan is None else changes,
        moment="after",
    )


def _has_risen_for_good(losses: Sequence[float], evaluation: Evaluation | None) -> bool:
    """Whether the loss of numbers, by which they are judged, stayed above its least.

    The same rows are judged each time: epoch after epoch above is no chance.
    """
    if evaluation is None or evaluation.task != "regression":
        return False
    least = losses.index(min(losses))
    usual = statistics.median(losses[max(least - 1, 0) : least + 2])
    last = losses[-max(len(losses) // LASTS, LASTS) :]
    rise = statistics.median(last) / usual - 1 if usual > 0 else 0.0
    return len(losses) > 2 * LASTS and rise > LOSS_ROSE


def _says_too_much(evaluation: Evaluation | None) -> bool:
    found = None if evaluation is None else evaluation.calibration
    return found is not None and found.error.low > 0 and sureness(found) > 0


def _modes(course: Course, evaluation: Evaluation) -> Iterator[Finding]:
    """Compare the loss of training examples in both modes, of a plain loss only."""
    plan = course.plan
    if plan is None or plan.augment or not course.history:
        return
    record = restored_epoch(plan, course.history) or course.history[-1]
    found = _eval_loss(course, evaluation)
    if found is None:
        return
    name, now, chance = found
    if now < max(
        MODE_RATIO * record.train_loss, record.train_loss + MODE_SHARE * chance
    ):
        return
    evidence = (
        f"{name} {number(_short(now))} in eval mode, "
        f"{number(_short(record.train_loss))} in train mode; chance has "
        f"{number(_short(chance))}"
    )
    if plan.averaging is not None:
        yield Finding(
            code="C6",
            severity="warning",
            message="The average of the weights does far worse on training examples "
            "than the weights while they were trained.",
            where="averaging",
            evidence=evidence,
            remedy="It still holds early weights: average over fewer steps, train "
            "longer, or do not average.",
            changes={"averaging": None},
            moment="after",
        )
        return
    yield Finding(
        code="C6",
        severity="warning",
        message="The network does far worse on training examples in eval mode than "
        "while it was trained.",
        where="network",
        evidence=evidence,
        remedy="The running statistics of batch normalisation do not fit: use larger "
        "batches, or GroupNorm.",
        changes={"training.batch_size": 4 * plan.training.batch_size},
        moment="after",
    )


def _eval_loss(
    course: Course, evaluation: Evaluation
) -> tuple[str, float, float] | None:
    """Return the loss on training examples in eval mode, and that of chance.

    In the unit of the training loss, with its name; None where it is not known. Of
    numbers it follows from R², and only an average is worth the comparison.
    """
    assert course.plan is not None  # noqa: S101 -- asked of plans only
    loss, scores = course.plan.loss, evaluation.scores.get("train", {})
    if isinstance(loss, MSELoss) and course.plan.averaging is not None:
        chance = course.reference.chance_loss
        if chance is None or "r2" not in scores:
            return None
        return "squared error", (1 - scores["r2"].value) * chance, chance
    if not isinstance(loss, CrossEntropyLoss) or loss.label_smoothing or loss.weight:
        return None
    constant = next((r for r in evaluation.rivals if r.name == "constant"), None)
    if constant is None or not {"log_loss"} <= scores.keys() & constant.scores.keys():
        return None
    return "log loss", scores["log_loss"].value, constant.scores["log_loss"].value


def _title(metric: str) -> str:
    return METRIC_TITLES.get(cast("Metric", metric), metric)


def _short(value: float) -> float:
    return float(f"{value:.3g}")
