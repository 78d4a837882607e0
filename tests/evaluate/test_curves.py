"""Curves are those of scikit-learn, thinned without a visible change."""

import numpy as np
import pytest
from sklearn import metrics as reference

from torchsmith.evaluate.curves import curves
from torchsmith.metrics.ranking import precision_recall_points, roc_points, thin


def ranked(rows, seed=0, digits=9):
    random = np.random.default_rng(seed)
    positive = random.random(rows) < 0.3
    return positive, np.round(random.normal(size=rows) + positive, digits)


def area(points):
    return np.trapezoid(points[:, 1], points[:, 0])


def heights(points, at):
    """The curve's height there; of steps, the last one."""
    return np.interp(at, points[:, 0], points[:, 1])


@pytest.mark.parametrize("digits", [9, 1])
def test_the_roc_curve_is_that_of_scikit_learn(digits):
    positive, scores = ranked(300, digits=digits)
    wrong, right, _ = reference.roc_curve(positive, scores, drop_intermediate=False)
    np.testing.assert_allclose(
        roc_points(positive, scores), np.stack([wrong, right], axis=1)
    )


@pytest.mark.parametrize("digits", [9, 1])
def test_the_steps_of_precision_are_those_of_scikit_learn(digits):
    positive, scores = ranked(300, digits=digits)
    precision, recall, _ = reference.precision_recall_curve(positive, scores)
    points = precision_recall_points(positive, scores)
    known = {(round(r, 9), round(p, 9)) for r, p in zip(recall, precision, strict=True)}
    ends = points[1::2]
    assert {(round(r, 9), round(p, 9)) for r, p in ends.tolist()} <= known
    expected = reference.average_precision_score(positive, scores)
    assert area(points) == pytest.approx(expected)
    assert points[0, 0] == 0
    assert points[-1, 0] == 1


@pytest.mark.parametrize("rows", [20, 3_000, 20_000])
def test_a_thinned_curve_looks_the_same(rows):
    positive, scores = ranked(rows)
    for points in (
        roc_points(positive, scores),
        precision_recall_points(positive, scores),
    ):
        few = thin(points)
        assert len(few) <= 200
        assert area(few) == pytest.approx(area(points), abs=1e-3)
        np.testing.assert_array_equal(few[[0, -1]], points[[0, -1]])
    whole = roc_points(positive, scores)
    at = np.linspace(0, 1, 333)
    assert np.abs(heights(thin(whole), at) - heights(whole, at)).max() < 0.01


def test_a_straight_line_needs_two_points():
    points = np.stack([np.linspace(0, 1, 900), np.linspace(0, 1, 900)], axis=1)
    np.testing.assert_array_equal(thin(points), [[0, 0], [1, 1]])


def test_two_classes_have_the_curve_of_the_second():
    positive, scores = ranked(200)
    shares = 1 / (1 + np.exp(-scores))
    (found,) = curves(
        ("no", "yes"), positive.astype(int), np.stack([1 - shares, shares], 1)
    )
    assert found.name == "yes"
    assert found.share == positive.mean()
    assert found.roc_auc == pytest.approx(reference.roc_auc_score(positive, scores))
    assert found.average_precision == pytest.approx(
        reference.average_precision_score(positive, scores)
    )


def test_each_of_a_few_classes_has_a_curve_and_absent_ones_have_none():
    random = np.random.default_rng(0)
    targets = random.integers(0, 3, 90)
    outputs = random.dirichlet(np.ones(4), 90)
    found = curves(("a", "b", "c", "absent"), targets, outputs)
    assert [curve.name for curve in found] == ["a", "b", "c"]
    for code, curve in enumerate(found):
        expected = reference.roc_auc_score(targets == code, outputs[:, code])
        assert curve.roc_auc == pytest.approx(expected)


def test_many_classes_and_a_single_one_have_no_curves():
    random = np.random.default_rng(0)
    names = tuple(map(str, range(11)))
    many = curves(names, random.integers(0, 11, 90), random.dirichlet(np.ones(11), 90))
    one = curves(("a", "b"), np.zeros(9, int), random.dirichlet(np.ones(2), 9))
    assert many == one == ()
