"""The expression of each metric in a script, as scikit-learn defines it."""

from typing import Literal, assert_never

from torchsmith.core.vocabulary import Metric
from torchsmith.eject.code import function

_OWN = (
    "own = probabilities[np.arange(len(targets)), targets]",
    "tiny = np.finfo(np.float64).eps  # a sure mistake is costly, not infinite",
)
_TABLE = (
    "cells = targets * len(CLASSES) + predictions",
    "table = np.bincount(cells, minlength=len(CLASSES) ** 2)",
    "table = table.reshape(len(CLASSES), -1)  # row: target, column: prediction",
)


_TOTAL = (
    "total = np.sum((targets - targets.mean()) ** 2)",
    "total *= np.ptp(targets) > 0  # rounding leaves some where all are equal",
)
_VARIANCE = (
    "# Rounding leaves some variance where all are equal.",
    "left, variance = (np.var(v) * (np.ptp(v) > 0) for v in (errors, targets))",
)
_EACH = "np.arange(len(CLASSES))"


def metric_source(  # noqa: C901, PLR0912 -- one case for each metric is a table
    metric: Metric, num_classes: int
) -> tuple[str, tuple[str, ...]]:
    """Return the expression of a metric, and the statements that it needs."""
    match metric:
        case "accuracy":
            return "np.mean(predictions == targets)", ()
        case (
            "balanced_accuracy"
            | "f1_macro"
            | "f1_weighted"
            | "precision_macro"
            | "recall_macro"
            | "f1"
            | "precision"
            | "recall"
            | "matthews_corrcoef"
            | "cohen_kappa_score"
        ):
            return _counted(metric)
        case "roc_auc":
            return f"roc_auc(targets, probabilities, {_curves(num_classes)})", ()
        case "average_precision":
            return (
                f"average_precision(targets, probabilities, {_curves(num_classes)})",
                (),
            )
        case "log_loss":
            return "-np.log(np.clip(own, tiny, 1 - tiny)).mean()", _OWN
        case "brier_score_loss":
            squares = f"(probabilities - (targets[:, None] == {_EACH})) ** 2"
            total = "squares[:, 1]" if num_classes == 2 else "squares.sum(axis=1)"
            return f"{total}.mean()", (f"squares = {squares}",)
        case "rmse":
            return "np.sqrt(np.mean(np.square(errors)))", ()
        case "mae":
            return "np.mean(np.abs(errors))", ()
        case "r2":
            share = "1 - np.sum(errors**2) / total"
            return f"{share} if total else not errors.any()", _TOTAL
        case "median_absolute_error":
            return "np.median(np.abs(errors))", ()
        case "mean_absolute_percentage_error":
            sizes = ("sizes = np.maximum(np.abs(targets), np.finfo(np.float64).eps)",)
            return "np.mean(np.abs(errors) / sizes)", sizes
        case "max_error":
            return "np.max(np.abs(errors))", ()
        case "explained_variance":
            return "1 - left / variance if variance else not left", _VARIANCE
        case _:
            assert_never(metric)


Counted = Literal[
    "balanced_accuracy",
    "f1_macro",
    "f1_weighted",
    "precision_macro",
    "recall_macro",
    "f1",
    "precision",
    "recall",
    "matthews_corrcoef",
    "cohen_kappa_score",
]


def _counted(metric: Counted) -> tuple[str, tuple[str, ...]]:
    """Return what is computed from the counts of targets against predictions."""
    support = "support = table.sum(axis=1)"
    predicted = "predicted = table.sum(axis=0)"
    right = "right = np.diag(table)"
    known = "known = support + predicted > 0  # classes that occur"
    f1 = "f1 = 2 * right / np.maximum(support + predicted, 1)"
    recall = "recall = right / np.maximum(support, 1)"
    precision = "precision = right / np.maximum(predicted, 1)"
    # Floats, because their squares are too large for whole numbers.
    rows = "rows, agreed = float(len(targets)), support @ predicted"
    base = (*_TABLE, support, predicted, right)
    match metric:
        case "balanced_accuracy":
            return "recall[support > 0].mean()", (*base, recall)
        case "f1_macro":
            return "f1[known].mean()", (*base, known, f1)
        case "f1_weighted":
            return "f1 @ support / len(targets)", (*base, f1)
        case "precision_macro":
            return "precision[known].mean()", (*base, known, precision)
        case "recall_macro":
            return "recall[known].mean()", (*base, known, recall)
        case "f1":
            return "f1[1]", (*base, f1)
        case "precision":
            return "precision[1]", (*base, precision)
        case "recall":
            return "recall[1]", (*base, recall)
        case "matthews_corrcoef":
            spread = (
                "spread = (rows**2 - support @ support)"
                " * (rows**2 - predicted @ predicted)"
            )
            value = "(right.sum() * rows - agreed) / np.sqrt(spread)"
            return f"{value} if spread else 0.0", (*base, rows, spread)
        case "cohen_kappa_score":
            value = "(right.sum() * rows - agreed) / (rows**2 - agreed)"
            return f"{value} if rows**2 > agreed else math.nan", (*base, rows)
        case _:
            assert_never(metric)


def _curves(num_classes: int) -> str:
    """Return the classes whose curves count: of two, the second one alone."""
    return "[1]" if num_classes == 2 else "range(len(CLASSES))"


ROC_AUC = function(
    "roc_auc(targets, probabilities, codes)",
    "Return the chance that an example of a class gets more than one of another.\n"
    "It is the area under the ROC curve, a mean over the classes.",
    [
        "areas = []",
        "for code in codes:",
        "    scores = probabilities[:, code]",
        "    own, others = scores[targets == code], np.sort(scores[targets != code])",
        "    if len(own) and len(others):",
        '        below = np.searchsorted(others, own, side="left")',
        '        not_above = np.searchsorted(others, own, side="right")',
        "        areas.append(np.mean((below + not_above) / (2 * len(others))))",
        "return np.mean(areas) if areas else math.nan",
    ],
)
AVERAGE_PRECISION = function(
    "average_precision(targets, probabilities, codes)",
    "Return the mean precision over all thresholds at which a positive is found.\n"
    "For several classes it is a mean over these.",
    [
        "means = []",
        "for code in codes:",
        "    scores, positive = probabilities[:, code], targets == code",
        "    if positive.any():",
        '        order = np.argsort(-scores, kind="stable")',
        "        found, ranked = np.cumsum(positive[order]), scores[order]",
        "        ends = np.flatnonzero(np.append(ranked[1:] < ranked[:-1], True))",
        "        gains = np.diff(found[ends], prepend=0)",
        "        means.append(gains @ (found[ends] / (ends + 1)) / found[-1])",
        "return np.mean(means) if means else math.nan",
    ],
)
