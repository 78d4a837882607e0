"""Intervals hold what they promise, and do not collapse."""

from time import perf_counter

import numpy as np
import pytest

from torchsmith.core.vocabulary import LOWER_IS_BETTER
from torchsmith.metrics.intervals import difference, interval
from torchsmith.metrics.macro import macro
from torchsmith.metrics.normal import wide_z, wilson
from torchsmith.metrics.resamples import Resamples
from torchsmith.metrics.score import metrics_for, score

CLASSES, VALUES = metrics_for("multiclass"), metrics_for("regression")
OF_TWO = tuple(m for m in metrics_for("binary") if m not in CLASSES)
ALL = tuple(m for m in (*CLASSES, *OF_TWO, *VALUES) if m != "max_error")
"""All that have an interval."""


def classified(seed, rows, shares=(0.5, 0.3, 0.2), skill=2.0):
    random = np.random.default_rng(seed)
    targets = random.choice(len(shares), rows, p=shares)
    raw = random.normal(size=(rows, len(shares)))
    raw[np.arange(rows), targets] += skill
    odds = np.exp(raw)
    return targets, odds / odds.sum(axis=1, keepdims=True)


def valued(seed, rows, noise=1.0):
    random = np.random.default_rng(seed)
    targets = random.normal(0, 2, rows)
    return targets, targets + random.normal(0, noise, rows)


def sample(metric, seed, rows, skill=2.0):
    if metric in metrics_for("regression"):
        targets, outputs = valued(seed, rows, noise=2 / skill)
        if metric == "mean_absolute_percentage_error":
            return targets + 20, outputs + 20  # near 0, shares have no mean
        return targets, outputs
    if metric in OF_TWO:
        return classified(seed, rows, shares=(0.6, 0.4), skill=skill)
    return classified(seed, rows, skill=skill)


def coverage(metric, rows, repeats):
    truth = score(metric, *sample(metric, 10**6, 400_000))
    hits = 0
    for seed in range(repeats):
        found = interval(
            metric, *sample(metric, seed, rows), Resamples(rows, seed, 500)
        )
        hits += found.low <= truth <= found.high
    return hits / repeats


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_gives_the_published_numbers(right, count, low, high):
    found = wilson(right, count)
    assert found == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("rows", "student"), [(10, 2.262), (30, 2.045), (1_000, 1.962)]
)
def test_few_rows_widen_by_students_quantile(rows, student):
    expected = student * (rows / (rows - 1)) ** 0.5
    assert wide_z(rows) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("metric", ALL)
def test_an_interval_is_around_its_score(metric):
    targets, outputs = sample(metric, 0, 200)
    found = interval(metric, targets, outputs, Resamples(200, 0))
    assert found.value == score(metric, targets, outputs)
    assert found.low < found.value < found.high


@pytest.mark.parametrize("metric", ALL)
def test_more_rows_give_a_narrower_interval(metric):
    widths = []
    for rows in (100, 1_600):
        found = interval(metric, *sample(metric, 1, rows), Resamples(rows, 0))
        widths.append(found.high - found.low)
    assert widths[1] < 0.5 * widths[0]


@pytest.mark.parametrize("metric", ALL)
def test_an_interval_is_the_same_for_the_same_seed(metric):
    case = sample(metric, 2, 150)
    first = interval(metric, *case, Resamples(150, 7))
    assert interval(metric, *case, Resamples(150, 7)) == first


@pytest.mark.parametrize(
    "metric", [metric for metric in CLASSES if metric not in LOWER_IS_BETTER]
)
def test_thirty_right_answers_do_not_prove_perfection(metric):
    targets = np.arange(30) % 3
    outputs = np.full((30, 3), 0.1)
    outputs[np.arange(30), targets] = 0.8
    found = interval(metric, targets, outputs, Resamples(30, 0))
    assert found.value == found.high == pytest.approx(1)
    assert 0.75 < found.low < 0.98


def test_a_class_with_three_rows_makes_the_balanced_accuracy_uncertain():
    targets = np.array([0] * 97 + [1] * 3)
    outputs = np.eye(2)[targets]
    found = interval("balanced_accuracy", targets, outputs, Resamples(100, 0))
    assert found.low < 0.85


@pytest.mark.parametrize("metric", OF_TWO)
def test_a_class_that_is_never_said_leaves_everything_open(metric):
    targets = np.zeros(50, np.int64)
    found = interval(metric, targets, np.eye(2)[targets], Resamples(50, 0))
    assert found.value == found.low == 0
    assert found.high > 0.8


@pytest.mark.parametrize("metric", ["matthews_corrcoef", "cohen_kappa_score"])
def test_an_agreement_may_be_below_zero(metric):
    targets = np.arange(60) % 2
    found = interval(metric, targets, np.eye(2)[1 - targets], Resamples(60, 0))
    assert found.value == found.low == pytest.approx(-1)
    assert -1 < found.high < -0.8


def test_one_sample_says_nothing_about_the_largest_error_there_can_be():
    targets, outputs = valued(0, 100)
    found = interval("max_error", targets, outputs, Resamples(100, 0))
    assert np.isnan([found.low, found.high]).all()
    gain = difference("max_error", targets, outputs, targets, Resamples(100, 0))
    assert gain.value == -found.value
    assert np.isnan([gain.low, gain.high]).all()


@pytest.mark.parametrize(
    "metric",
    [m for m in (*CLASSES, *OF_TWO) if m not in {*LOWER_IS_BETTER, "accuracy"}],
)
def test_what_rows_move_is_what_doubling_a_row_shows(metric):
    targets, outputs = sample(metric, 6, 400)
    taken = macro(metric, targets, outputs).influence
    assert taken.sum() == pytest.approx(0, abs=1e-9)
    for row in (0, 17, 230, int(np.abs(taken).argmax())):
        more = np.append(np.arange(400), row)
        moved = score(metric, targets[more], outputs[more])
        moved -= score(metric, targets, outputs)
        assert moved == pytest.approx(taken[row], rel=0.05, abs=2e-5)


def test_resampled_medians_are_those_of_drawn_rows():
    for rows in (7, 8):
        resamples = Resamples(rows, 0, resamples=300)
        values = np.random.default_rng(1).normal(size=rows)
        expected = [np.median(np.repeat(values, n)) for n in resamples._counts]
        np.testing.assert_allclose(resamples.medians(values), expected)


@pytest.mark.parametrize("metric", metrics_for("regression"))
def test_one_row_has_no_interval(metric):
    found = interval(metric, np.array([1.0]), np.array([2.0]), Resamples(1, 0))
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize("metric", ALL)
def test_a_difference_is_positive_where_the_first_is_better(metric):
    targets, good = sample(metric, 3, 300, skill=4.0)
    _, poor = sample(metric, 3, 300, skill=1.0)
    resamples = Resamples(300, 0)
    found = difference(metric, targets, good, poor, resamples)
    sign = -1 if metric in LOWER_IS_BETTER else 1
    gain = score(metric, targets, good) - score(metric, targets, poor)
    assert found.value == pytest.approx(sign * gain)
    assert 0 < found.low <= found.value <= found.high
    turned = difference(metric, targets, poor, good, resamples)
    assert turned.high < 0


@pytest.mark.parametrize("metric", [*CLASSES, *OF_TWO])
def test_a_difference_is_at_most_that_of_all_and_nothing(metric):
    targets = np.arange(6) % 2
    right = np.eye(2)[targets]
    for first, second in ((right, 1 - right), (1 - right, right)):
        found = difference(metric, targets, first, second, Resamples(6, 0))
        span = 2 if metric in ("matthews_corrcoef", "cohen_kappa_score") else 1
        if metric not in ("log_loss", "brier_score_loss"):
            assert -span <= found.low <= found.value <= found.high <= span


@pytest.mark.parametrize("metric", ALL)
def test_a_model_is_not_better_than_itself(metric):
    targets, outputs = sample(metric, 4, 100)
    found = difference(metric, targets, outputs, outputs, Resamples(100, 0))
    assert found.value == 0
    assert found.low <= 0 <= found.high


@pytest.mark.parametrize(
    "metric",
    [
        "log_loss",
        "brier_score_loss",
        "rmse",
        "mae",
        "r2",
        "explained_variance",
    ],
)
def test_a_difference_is_paired(metric):
    targets, outputs = sample(metric, 5, 400)
    # Nearly the same model: its difference is known far better than its score.
    nudged = outputs * 0.999 + 0.001 * outputs.mean(axis=0)
    resamples = Resamples(400, 0)
    gain = difference(metric, targets, outputs, nudged, resamples)
    alone = interval(metric, targets, outputs, resamples)
    assert gain.high - gain.low < 0.05 * (alone.high - alone.low)


def test_four_more_right_answers_of_thirty_are_not_beyond_noise():
    targets = np.zeros(30, np.int64)
    ours, theirs = np.tile([0.9, 0.1], (30, 1)), np.tile([0.9, 0.1], (30, 1))
    theirs[:4] = [0.1, 0.9]
    found = difference("accuracy", targets, ours, theirs, Resamples(30, 0))
    assert found.value == pytest.approx(4 / 30)
    assert found.low < 0


def test_shapes_that_do_not_fit_are_refused():
    targets, outputs = classified(0, 10)
    with pytest.raises(ValueError, match="outputs must be"):
        difference("accuracy", targets, outputs, outputs[:9], Resamples(10, 0))


def test_resampled_means_are_those_of_drawn_rows():
    resamples = Resamples(50, 0, resamples=4_000)
    values = np.random.default_rng(0).normal(size=(50, 2))
    means = resamples.means(values)
    assert means.shape == (4_000, 2)
    np.testing.assert_allclose(means.mean(axis=0), values.mean(axis=0), atol=0.01)
    expected = values.std(axis=0) / np.sqrt(50)
    np.testing.assert_allclose(means.std(axis=0), expected, rtol=0.05)
    np.testing.assert_allclose(resamples.means(np.ones((50, 1))), 1.0)


@pytest.mark.parametrize(
    "metric",
    [
        "accuracy",
        "balanced_accuracy",
        "f1_weighted",
        "average_precision",
        "matthews_corrcoef",
        "log_loss",
        "rmse",
        "mae",
        "median_absolute_error",
    ],
)
def test_intervals_cover_the_truth_as_often_as_they_say(metric):
    assert 0.91 <= coverage(metric, rows=120, repeats=200) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("rows", [150, 600])
def test_intervals_cover_the_truth_in_many_samples(metric, rows):
    assert 0.93 <= coverage(metric, rows, repeats=1_500) <= 0.975


def test_ten_thousand_rows_of_ten_classes_take_a_moment():
    targets, outputs = classified(0, 10_000, shares=[0.1] * 10, skill=4.0)
    started = perf_counter()
    resamples = Resamples(len(targets), 0)
    for metric in metrics_for("multiclass"):
        interval(metric, targets, outputs, resamples)
    assert perf_counter() - started < 3


@pytest.mark.parametrize("metric", ["r2", "explained_variance"])
def test_resamples_of_equal_targets_have_no_variance(metric):
    targets = np.array([0.1] * 6 + [0.3])  # a third of the resamples lack the last
    outputs = np.array([0.1, 0.12, 0.2, 0.2, 0.2, 0.1, 0.1])
    assert interval(metric, targets, outputs, Resamples(7, seed=0)).low > -10
