"""Intervals hold the share of targets that they promise."""

import numpy as np
import pytest

from torchsmith.data.data import ColumnFormat
from torchsmith.data.targets import TargetPreparation
from torchsmith.train.conformal import fewest_rows, fit_interval, rank

FREE = TargetPreparation(format=ColumnFormat(name="y", kind="number"))
KEPT = FREE.model_copy(update={"low": 0.0, "high": 10.0})


def covered(found, targets, values, target):
    lower, upper = found.interval.ends(values, target)
    return (lower <= targets) & (targets <= upper)


def test_the_half_width_is_the_error_of_the_rank_that_the_paper_names():
    errors = np.arange(1, 20) / 10  # of 19 rows, the 18th smallest is taken
    found = fit_interval(0.9, errors, np.zeros(19), FREE)
    assert found.interval.half_width == 1.8
    assert found.interval.coverage == 0.9
    lower, upper = found.interval.ends(np.array([5.0]), FREE)
    assert (lower[0], upper[0]) == pytest.approx((3.2, 6.8))


def test_fewer_rows_than_it_takes_give_no_interval_and_say_how_many_it_takes():
    nine = fit_interval(0.9, np.arange(9.0), np.zeros(9), FREE)
    assert nine.interval.half_width == 8.0
    eight = fit_interval(0.9, np.arange(8.0), np.zeros(8), FREE)
    assert eight.interval is None
    assert eight.why == ("8 val rows are too few for intervals of 90 % (9 are needed)")
    one = fit_interval(0.9, np.ones(1), np.ones(1), FREE)
    assert one.why.startswith("1 val row is too few")


@pytest.mark.parametrize("coverage", [0.5, 0.7, 0.8, 0.9, 0.95, 0.99])
def test_the_fewest_rows_are_those_of_which_one_has_the_rank(coverage):
    fewest = fewest_rows(coverage)
    assert rank(coverage, fewest) == fewest
    assert rank(coverage, fewest - 1) > fewest - 1


def test_ranks_are_exact_where_the_share_is_no_binary_fraction():
    assert [rank(0.7, rows) for rows in (9, 29, 99)] == [7, 21, 70]
    assert [rank(0.9, rows) for rows in (19, 29, 999)] == [18, 27, 900]


def test_new_rows_lie_within_as_often_as_is_promised():
    random = np.random.default_rng(0)
    shares = []
    for _ in range(400):
        targets = random.standard_t(3, size=30 + 500)
        found = fit_interval(0.9, targets[:30], np.zeros(30), FREE)
        shares.append(covered(found, targets[30:], np.zeros(500), FREE).mean())
    # Of 30 rows the 28th is taken: 28 / 31 on average (Lei et al. 2018, theorem 2.2).
    assert np.mean(shares) == pytest.approx(28 / 31, abs=0.008)


def test_the_ends_stay_where_predictions_stay_and_still_hold_what_they_promise():
    random = np.random.default_rng(1)
    shares = []
    for _ in range(400):
        targets = random.normal(5, 2.2, size=550)  # 2 % lie outside of 0 to 10
        values = KEPT.clamped(targets + random.normal(size=550))
        found = fit_interval(0.8, targets[:50], values[:50], KEPT)
        lower, upper = found.interval.ends(values, KEPT)
        assert (lower.min(), upper.max()) == (0, 10)
        shares.append(covered(found, targets, values, KEPT)[50:].mean())
    assert np.mean(shares) == pytest.approx(41 / 51, abs=0.01)


def test_too_many_targets_that_no_prediction_may_reach_give_no_interval():
    targets = np.array([*range(1, 9), 11.0, 12.0])
    found = fit_interval(0.9, targets, targets.clip(0, 10), KEPT)
    assert found.interval is None
    assert found.why.startswith("2 of 10 val targets lie outside of the range")


def test_a_network_that_is_never_off_has_intervals_without_width():
    found = fit_interval(0.9, np.arange(9.0), np.arange(9.0), FREE)
    assert found.interval.half_width == 0
    assert covered(found, np.arange(9.0), np.arange(9.0), FREE).all()
