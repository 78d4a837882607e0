"""Axes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchsmith.report.scales import linear_axis, nice_ticks, value_axis

FINITE = st.floats(-1e12, 1e12, allow_subnormal=False)


@given(st.lists(FINITE, min_size=1, max_size=8))
def test_every_value_lies_on_its_axis_and_ticks_are_few_and_ascending(values):
    axis = linear_axis(values)
    assert axis.low < axis.high
    assert all(0 <= axis.at(value) <= 1 for value in values)
    assert list(axis.ticks) == sorted(set(axis.ticks))
    assert len(axis.ticks) <= 8
    assert len(axis.labels()) == len(axis.ticks)


@given(st.lists(st.floats(1e-12, 1e12), min_size=2, max_size=8))
def test_an_axis_of_positive_values_has_ticks_within_its_ends(values):
    axis = value_axis(values)
    assert all(axis.low <= tick <= axis.high for tick in axis.ticks)
    assert len(axis.ticks) <= 9


def test_values_that_span_decades_get_a_log_axis():
    axis = value_axis([0.01, 0.1, 1.0])
    assert axis.log
    assert axis.at(0.1) == pytest.approx(0.5)


@pytest.mark.parametrize("values", [[0.0, 1.0, 100.0], [5.0, 9.0], [], [math.nan]])
def test_other_values_get_a_linear_axis(values):
    assert not value_axis(values).log


def test_an_axis_stays_within_its_bounds():
    axis = linear_axis([0.9, 1.0], bounds=(0.0, 1.0))
    assert axis.high == 1.0
    assert axis.low < 0.9


def test_epochs_have_whole_ticks():
    assert nice_ticks(1, 3, 6, whole=True) == (1.0, 2.0, 3.0)


def test_labels_share_their_decimals_and_unit():
    assert linear_axis([0.0, 1.0], pad=0).labels() == [
        "0.0",
        "0.2",
        "0.4",
        "0.6",
        "0.8",
        "1.0",
    ]
    assert linear_axis([0, 100_000], pad=0).labels() == [
        "0",
        "20k",
        "40k",
        "60k",
        "80k",
        "100k",
    ]
    labels = linear_axis([0.97, 0.98], pad=0, num_ticks=4).labels(as_percent=True)
    assert labels[0].replace("\u00a0", " ") == "97.00 %"
