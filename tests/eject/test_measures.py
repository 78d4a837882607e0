"""The text of each metric computes what the metric does."""

import math
from typing import get_args

import numpy as np
import pytest

from torchsmith.core.vocabulary import Metric, metrics_for
from torchsmith.eject.measures import AVERAGE_PRECISION, ROC_AUC, metric_source
from torchsmith.metrics.score import score

NAN = {"roc_auc", "average_precision", "cohen_kappa_score"}


def computed(metric, targets, outputs):
    """What the text of a metric computes."""
    names = {"np": np, "math": math, "targets": targets}
    if outputs.ndim == 2:
        names |= {"probabilities": outputs, "predictions": outputs.argmax(axis=1)}
        names["CLASSES"] = list(map(str, range(outputs.shape[1])))
    else:
        names["errors"] = targets - outputs
    classes = len(names.get("CLASSES", ()))
    source, lines = metric_source(metric, classes)
    code = [ROC_AUC, AVERAGE_PRECISION, *lines, f"value = float({source})"]
    with np.errstate(all="raise"):
        exec("\n".join(code), names)
    return names["value"]


def classified(case, classes):
    """Targets and probabilities of a case."""
    random = np.random.default_rng(classes)
    rows = 70_000 if case == "many rows" else 90
    targets = random.integers(0, classes, rows)
    outputs = random.dirichlet(np.ones(classes), rows)
    match case:
        case "ties":
            outputs = (1 + random.integers(0, 2, (rows, classes))).astype(float)
            outputs /= outputs.sum(axis=1, keepdims=True)
        case "a class that no target has":
            targets[targets == classes - 1] = 0
        case "a class that is nowhere":
            targets[targets == classes - 1] = 0
            outputs[:, classes - 1] = 0
        case "one prediction":
            outputs[:, 0] += 2
        case "all right":
            outputs = np.eye(classes)[targets]
        case "all wrong":
            outputs = np.eye(classes)[(targets + 1) % classes]
    return targets, outputs


@pytest.mark.parametrize(
    "case",
    [
        "random",
        "many rows",
        "ties",
        "a class that no target has",
        "a class that is nowhere",
        "one prediction",
        "all right",
        "all wrong",
    ],
)
@pytest.mark.parametrize(
    ("metric", "classes"),
    [(m, 2) for m in metrics_for("binary")]
    + [(m, 4) for m in metrics_for("multiclass")],
)
def test_a_score_of_classes(metric, classes, case):
    targets, outputs = classified(case, classes)
    wanted = score(metric, targets, outputs)
    assert metric in NAN or not math.isnan(wanted)
    found = computed(metric, targets, outputs)
    assert found == pytest.approx(wanted, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    "case",
    [
        "random",
        "all right",
        "zeros",
        "ties",
        "two rows",
        "one target",
        "one target, all right",
        "one target, one error",
    ],
)
@pytest.mark.parametrize("metric", metrics_for("regression"))
def test_a_score_of_values(metric, case):
    random = np.random.default_rng(0)
    targets = random.normal(3, 2, 2 if case == "two rows" else 50)
    outputs = targets + random.normal(0.5, 1, len(targets))
    match case:
        case "all right":
            outputs = targets.copy()
        case "zeros":
            targets[::5] = 0
        case "ties":
            targets, outputs = np.round(targets), np.round(outputs)
        case "one target":
            targets = np.full(50, 0.1)  # whose mean is rounded
        case "one target, all right":
            targets = np.full(50, 0.1)
            outputs = targets.copy()
        case "one target, one error":
            targets = np.full(50, 0.1)
            outputs = targets + 0.25
    found = computed(metric, targets, outputs)
    assert found == pytest.approx(score(metric, targets, outputs), rel=1e-12)


def test_every_metric_is_among_them():
    tasks = ("binary", "multiclass", "regression")
    assert {m for task in tasks for m in metrics_for(task)} == {*get_args(Metric)}
