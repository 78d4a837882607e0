"""Metrics agree with scikit-learn's, also at the edges."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn import metrics as reference

from torchsmith.core.vocabulary import (
    METRIC_TITLES,
    OTHER_NAMES,
    Metric,
    metric_hint,
    metrics_for,
    usual_metrics,
)
from torchsmith.metrics.classification import confusion, precision_recall_f1
from torchsmith.metrics.score import score

CLASSES = 4


def random_case(seed, rows, classes=CLASSES, targets=None):
    random = np.random.default_rng(seed)
    targets = random.integers(0, classes, rows) if targets is None else targets
    raw = random.normal(size=(rows, classes))
    raw[np.arange(rows), targets] += 1.0
    shares = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    return targets, shares


def of_scikit_learn(metric, targets, outputs):  # noqa: C901, PLR0912 -- a table
    classes = outputs.shape[1] if outputs.ndim == 2 else 0
    predictions = outputs.argmax(axis=1) if classes else outputs
    with warnings.catch_warnings():
        # It warns about classes that are absent, which is what is tested here.
        warnings.simplefilter("ignore")
        match metric:
            case "accuracy":
                return reference.accuracy_score(targets, predictions)
            case "balanced_accuracy":
                return reference.balanced_accuracy_score(targets, predictions)
            case "f1_macro" | "f1_weighted":
                average = metric.removeprefix("f1_")
                return reference.f1_score(targets, predictions, average=average)
            case "precision_macro":
                return reference.precision_score(targets, predictions, average="macro")
            case "recall_macro":
                return reference.recall_score(targets, predictions, average="macro")
            case "f1" | "precision" | "recall":
                of = getattr(reference, f"{metric}_score")
                return of(targets, predictions, zero_division=0)
            case "matthews_corrcoef" | "cohen_kappa_score":
                return getattr(reference, metric)(targets, predictions)
            case "average_precision" if classes == 2:
                return reference.average_precision_score(targets, outputs[:, 1])
            case "average_precision":
                return reference.average_precision_score(targets, outputs)
            case "brier_score_loss" if classes == 2:
                return reference.brier_score_loss(targets, outputs[:, 1])
            case "brier_score_loss":
                labels = range(classes)
                return reference.brier_score_loss(targets, outputs, labels=labels)
            case "roc_auc" if classes == 2:
                return reference.roc_auc_score(targets, outputs[:, 1])
            case "roc_auc":
                return reference.roc_auc_score(targets, outputs, multi_class="ovr")
            case "log_loss":
                return reference.log_loss(targets, outputs, labels=range(classes))
            case "rmse":
                return reference.root_mean_squared_error(targets, outputs)
            case "mae":
                return reference.mean_absolute_error(targets, outputs)
            case "r2":
                return reference.r2_score(targets, outputs)
            case "explained_variance":
                return reference.explained_variance_score(targets, outputs)
            case _:
                return getattr(reference, metric)(targets, outputs)


@pytest.mark.parametrize(
    ("metric", "classes"),
    [
        *((metric, 2) for metric in metrics_for("binary")),
        *((metric, CLASSES) for metric in metrics_for("multiclass")),
    ],
)
def test_a_score_of_classes_is_that_of_scikit_learn(metric, classes):
    for seed in range(20):
        targets, outputs = random_case(seed, rows=40 + seed, classes=classes)
        expected = of_scikit_learn(metric, targets, outputs)
        assert score(metric, targets, outputs) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("metric", metrics_for("regression"))
def test_a_score_of_values_is_that_of_scikit_learn(metric):
    for seed in range(20):
        random = np.random.default_rng(seed)
        targets = random.normal(1e4, 3.0, size=30 + seed)
        outputs = targets + random.normal(size=len(targets))
        expected = of_scikit_learn(metric, targets, outputs)
        assert score(metric, targets, outputs) == pytest.approx(expected, rel=1e-9)


OF_ABSENT_CLASSES = [
    metric
    for metric in metrics_for("multiclass")
    if metric not in ("roc_auc", "average_precision")
]


@pytest.mark.parametrize("metric", OF_ABSENT_CLASSES)
def test_a_class_without_rows_counts_as_in_scikit_learn(metric):
    random = np.random.default_rng(1)
    targets = random.choice([0, 1, 3], 50)
    _, outputs = random_case(2, 50, targets=targets)
    assert (outputs.argmax(axis=1) == 2).any()
    expected = of_scikit_learn(metric, targets, outputs)
    assert score(metric, targets, outputs) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("metric", OF_ABSENT_CLASSES)
def test_one_row_has_a_score(metric):
    targets, outputs = random_case(3, 1)
    expected = of_scikit_learn(metric, targets, outputs)
    assert score(metric, targets, outputs) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("metric", ["f1", "precision", "recall", "matthews_corrcoef"])
@pytest.mark.parametrize("actual", [[0, 0, 0], [1, 1, 1], [0, 1, 1]])
@pytest.mark.parametrize("said", [[0, 0, 0], [1, 1, 1], [1, 0, 1]])
def test_what_is_never_there_or_never_said_counts_as_in_scikit_learn(
    metric, actual, said
):
    targets, outputs = np.array(actual), np.eye(2)[said]
    expected = of_scikit_learn(metric, targets, outputs)
    assert score(metric, targets, outputs) == pytest.approx(expected)


def test_agreement_that_chance_alone_explains_is_not_defined():
    targets = np.zeros(4, np.int64)
    assert np.isnan(score("cohen_kappa_score", targets, np.eye(2)[targets]))
    assert np.isnan(of_scikit_learn("cohen_kappa_score", targets, np.eye(2)[targets]))


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision"])
@pytest.mark.parametrize("classes", [2, 3])
def test_equal_probabilities_count_as_in_scikit_learn(metric, classes):
    random = np.random.default_rng(7)
    targets = random.integers(0, classes, 200)
    raw = random.integers(1, 4, (200, classes)).astype(float)
    outputs = raw / raw.sum(axis=1, keepdims=True)
    expected = of_scikit_learn(metric, targets, outputs)
    assert score(metric, targets, outputs) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision"])
def test_a_class_without_rows_is_left_out_of_means_over_rankings(metric):
    targets, outputs = random_case(4, 60, classes=3)
    with_unused = np.concatenate([outputs, np.zeros((60, 1))], axis=1)
    expected = score(metric, targets, outputs)
    assert score(metric, targets, with_unused) == expected


def test_ties_count_half_in_the_roc_auc():
    targets = np.array([0, 1, 0, 1])
    outputs = np.array([[0.5, 0.5], [0.5, 0.5], [0.9, 0.1], [0.2, 0.8]])
    assert score("roc_auc", targets, outputs) == 0.875


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision"])
def test_a_ranking_without_positive_rows_is_not_defined(metric):
    _, outputs = random_case(5, 6, classes=2)
    assert np.isnan(score(metric, np.zeros(6, np.int64), outputs))


def test_a_confident_mistake_costs_much_but_not_infinitely_much():
    outputs = np.array([[1.0, 0.0]], dtype=np.float32)
    loss = score("log_loss", np.array([1]), outputs)
    assert loss == pytest.approx(-np.log(np.finfo(np.float32).eps))


def test_a_target_of_zero_makes_the_percentage_error_huge_as_in_scikit_learn():
    targets, outputs = np.array([0.0, 2.0]), np.array([1.0, 1.0])
    metric = "mean_absolute_percentage_error"
    expected = of_scikit_learn(metric, targets, outputs)
    assert score(metric, targets, outputs) == pytest.approx(expected)


@pytest.mark.parametrize("errors", [[0, 0, 0], [1, 1, 1], [0, 1, 2]])
def test_explained_variance_of_equal_targets_is_that_of_scikit_learn(errors):
    targets, outputs = np.full(3, 5.0), 5.0 + np.array(errors)
    expected = of_scikit_learn("explained_variance", targets, outputs)
    assert score("explained_variance", targets, outputs) == expected


@pytest.mark.parametrize(("offset", "expected"), [(0.0, 1.0), (0.5, 0.0)])
def test_r2_of_equal_targets_is_that_of_scikit_learn(offset, expected):
    targets = np.full(5, 3.0)
    outputs = targets + offset
    assert score("r2", targets, outputs) == expected
    assert of_scikit_learn("r2", targets, outputs) == expected


@pytest.mark.parametrize("metric", ["r2", "explained_variance"])
def test_equal_targets_have_no_variance_where_their_mean_is_rounded(metric):
    targets = np.full(3, 0.1)
    assert np.var(targets) > 0
    assert score(metric, targets, np.array([0.1, 0.1, 0.2])) == 0
    assert score(metric, targets, targets) == 1
    assert score(metric, targets, targets + 0.6) == (metric == "explained_variance")


@pytest.mark.parametrize("metric", ["r2", "explained_variance"])
def test_a_share_of_the_variance_of_one_row_is_not_defined(metric):
    assert np.isnan(score(metric, np.array([1.0]), np.array([1.5])))


def test_integer_targets_and_float32_outputs_lose_no_digits():
    targets = np.array([16_777_217, 3], dtype=np.int64)
    outputs = np.array([16_777_216, 3], dtype=np.float32)
    assert score("mae", targets, outputs) == 0.5


@pytest.mark.parametrize("metric", metrics_for("regression"))
def test_a_column_of_outputs_is_refused_rather_than_broadcast(metric):
    with pytest.raises(ValueError, match=r"outputs must be \(N,\).* got \(3, 1\)"):
        score(metric, np.zeros(3), np.zeros((3, 1)))


@pytest.mark.parametrize("metric", metrics_for("binary"))
def test_class_codes_in_place_of_probabilities_are_refused(metric):
    with pytest.raises(ValueError, match=r"outputs must be \(N, K\)"):
        score(metric, np.zeros(3, np.int64), np.zeros(3))


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="there are no rows"):
        score("rmse", np.zeros(0), np.zeros(0))


def test_every_metric_belongs_to_a_task_and_has_a_title():
    named = {*metrics_for("binary"), *metrics_for("regression")}
    assert named == set(Metric.__args__) == set(METRIC_TITLES)
    for task in ("binary", "multiclass", "regression"):
        assert set(usual_metrics(task)) < set(metrics_for(task))


def test_the_names_of_scikit_learn_are_ours_or_lead_to_ours():
    known = {*Metric.__args__, *OTHER_NAMES}
    scorers = set(reference.get_scorer_names())
    ours = {name for name in scorers if name in known}
    assert len(ours) >= 22
    assert not set(OTHER_NAMES) & set(Metric.__args__)
    assert set(OTHER_NAMES.values()) <= set(Metric.__args__)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("root_mean_squared_error", "; write 'rmse'"),
        ("f1_micro", "; write 'accuracy'"),
        ("f1_makro", "; did you mean 'f1_macro'"),
        ("nonsense", ""),
    ],
)
def test_a_metric_by_another_name_is_answered_with_ours(name, words):
    found = metric_hint(name, Metric.__args__)
    assert found.startswith(words) if words else found == ""


def test_a_monitored_metric_by_another_name_is_answered_with_ours():
    allowed = [f"val_{name}" for name in metrics_for("binary")]
    assert metric_hint("val_accuracy_score", allowed) == "; write 'val_accuracy'"
    assert metric_hint("val_recal", allowed).startswith("; did you mean 'val_recall'")


def test_the_confusion_matrix_has_targets_in_rows():
    table = confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 3)
    assert table.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_scores_of_each_class_are_those_of_scikit_learn():
    targets, outputs = random_case(6, 80)
    predictions = outputs.argmax(axis=1)
    ours = precision_recall_f1(confusion(targets, predictions, CLASSES))
    theirs = reference.precision_recall_fscore_support(targets, predictions)[:3]
    np.testing.assert_allclose(ours, theirs)


def test_training_does_not_load_scikit_learn_or_torch_for_its_metrics():
    code = """
import sys, torchsmith.metrics.intervals
assert not {"sklearn", "scipy", "torch"} & set(sys.modules), "too much is loaded"
"""
    subprocess.run([sys.executable, "-c", code], check=True)
