"""Metrics agree with scikit-learn's, also at the edges."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn import metrics as reference

from torchsmith.core.vocabulary import METRIC_TITLES, Metric, metrics_for
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


def of_scikit_learn(metric, targets, outputs):
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
            case "f1_macro":
                return reference.f1_score(targets, predictions, average="macro")
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


@pytest.mark.parametrize("metric", metrics_for("multiclass"))
@pytest.mark.parametrize("classes", [2, 4])
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


@pytest.mark.parametrize(
    "metric", ["accuracy", "balanced_accuracy", "f1_macro", "log_loss"]
)
def test_a_class_without_rows_counts_as_in_scikit_learn(metric):
    random = np.random.default_rng(1)
    targets = random.choice([0, 1, 3], 50)
    _, outputs = random_case(2, 50, targets=targets)
    assert (outputs.argmax(axis=1) == 2).any()
    expected = of_scikit_learn(metric, targets, outputs)
    assert score(metric, targets, outputs) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "metric", ["accuracy", "balanced_accuracy", "f1_macro", "log_loss"]
)
def test_one_row_has_a_score(metric):
    targets, outputs = random_case(3, 1)
    expected = of_scikit_learn(metric, targets, outputs)
    assert score(metric, targets, outputs) == pytest.approx(expected)


def test_ties_count_half_in_the_roc_auc():
    targets = np.array([0, 1, 0, 1])
    outputs = np.array([[0.5, 0.5], [0.5, 0.5], [0.9, 0.1], [0.2, 0.8]])
    assert score("roc_auc", targets, outputs) == 0.875


def test_the_roc_auc_leaves_out_a_class_without_rows():
    targets, outputs = random_case(4, 60, classes=3)
    with_unused = np.concatenate([outputs, np.zeros((60, 1))], axis=1)
    expected = score("roc_auc", targets, outputs)
    assert score("roc_auc", targets, with_unused) == expected


def test_the_roc_auc_of_one_class_is_not_defined():
    _, outputs = random_case(5, 6, classes=2)
    assert np.isnan(score("roc_auc", np.zeros(6, np.int64), outputs))


def test_a_confident_mistake_costs_much_but_not_infinitely_much():
    outputs = np.array([[1.0, 0.0]], dtype=np.float32)
    loss = score("log_loss", np.array([1]), outputs)
    assert loss == pytest.approx(-np.log(np.finfo(np.float32).eps))


@pytest.mark.parametrize(("offset", "expected"), [(0.0, 1.0), (0.5, 0.0)])
def test_r2_of_equal_targets_is_that_of_scikit_learn(offset, expected):
    targets = np.full(5, 3.0)
    outputs = targets + offset
    assert score("r2", targets, outputs) == expected
    assert of_scikit_learn("r2", targets, outputs) == expected


def test_r2_of_one_row_is_not_defined():
    assert np.isnan(score("r2", np.array([1.0]), np.array([1.5])))


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
