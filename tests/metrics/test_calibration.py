"""Calibration errors without what chance adds, at known answers and by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torchsmith.metrics import calibration
from torchsmith.metrics.calibration import (
    calibration_error,
    equal_rows,
    equal_widths,
)


@pytest.fixture(autouse=True, scope="module")
def few_draws():
    """A tenth of the draws: the ends of the intervals are a little less exact."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "DRAWS", 200)
        yield


def binary(confidence, right):
    """Targets and probabilities of predictions that are so sure, and right or not."""
    confidence = np.asarray(confidence, np.float64)
    targets = np.where(np.asarray(right, bool), 0, 1)
    return targets, np.stack([confidence, 1 - confidence], axis=1)


def simulated(rows, temperature, seed):
    """Predictions of a network whose logits should be divided by a temperature."""
    random = np.random.default_rng(seed)
    logits = np.abs(random.normal(0, 1.5, rows))
    right = random.random(rows) < 1 / (1 + np.exp(-logits))
    return binary(1 / (1 + np.exp(-logits * temperature)), right)


def true_error(temperature):
    logits = np.abs(np.random.default_rng(9).normal(0, 1.5, 10**6))
    sure, right = (1 / (1 + np.exp(-logits * t)) for t in (temperature, 1.0))
    return float(np.abs(sure - right).mean())


def test_bins_hold_confidence_and_share_right():
    targets, outputs = binary([0.6, 0.6, 0.9, 0.9, 0.9, 0.9], [1, 0, 1, 1, 1, 0])
    for found in (equal_rows(targets, outputs), equal_widths(targets, outputs)):
        assert found.rows.tolist() == [2, 4]
        assert found.confidence == pytest.approx([0.6, 0.9])
        assert found.right == pytest.approx([0.5, 0.75])
        assert found.error == pytest.approx((2 * 0.1 + 4 * 0.15) / 6)


def test_without_ties_the_bins_have_equally_many_rows():
    confidence = np.linspace(0.5, 0.99, 150)
    assert equal_rows(*binary(confidence, confidence > 0.6)).rows.tolist() == [10] * 15


def test_a_network_that_is_sure_and_always_wrong_is_off_by_all():
    found = calibration_error(*binary(np.full(500, 0.99), np.zeros(500)))
    assert found.value == pytest.approx(0.99, abs=0.01)
    assert found.low > 0.97


def test_a_network_that_is_sure_and_always_right_is_not_off_and_has_an_interval():
    found = calibration_error(*binary(np.ones(100), np.ones(100)))
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(0.036, abs=0.02), "as of a share, 0 of 100"


def test_chance_alone_is_no_error():
    samples = [simulated(1_000, 1.0, seed) for seed in range(20)]
    found = [calibration_error(*sample) for sample in samples]
    plain = [equal_rows(*sample).error for sample in samples]
    assert np.mean([one.value for one in found]) < 0.02
    assert np.mean(plain) > 0.03, "which the plain error is mostly made of"
    assert np.mean([one.low == 0 for one in found]) > 0.8


def test_an_overconfident_network_is_found_out():
    found = calibration_error(*simulated(4_000, 2.0, 0))
    assert found.low > 0.05
    assert found.value == pytest.approx(true_error(2.0), abs=0.02)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.5, 1.0), st.booleans()), min_size=1, max_size=60),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_rows_does_not_matter(rows, random):
    mixed = list(rows)
    random.shuffle(mixed)
    first, second = (
        equal_rows(*binary(*zip(*each, strict=True))) for each in (rows, mixed)
    )
    assert first.rows.tolist() == second.rows.tolist()
    assert first.rows.sum() == len(rows)
    assert first.error == pytest.approx(second.error)
    assert 0 <= first.error <= 1


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.5, 1.0), st.booleans()), min_size=30, max_size=90)
)
def test_an_error_lies_within_its_interval(rows):
    found = calibration_error(*binary(*zip(*rows, strict=True)))
    assert 0 <= found.low <= found.value <= found.high <= 1


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [1.0, 1.3, 2.0])
def test_intervals_hold_the_true_error(temperature):
    truth = true_error(temperature)
    intervals = [
        calibration_error(*simulated(500, temperature, seed)) for seed in range(100)
    ]
    hits = [found.low <= truth <= found.high for found in intervals]
    assert np.mean(hits) >= 0.88, "95 % but for chance"
