"""What a forecast is held against, and its course over time."""

from dataclasses import replace

import numpy as np
import pytest

from tests.inspect.build import sequences, table
from torchsmith.data.data import Data, Series
from torchsmith.data.forecasting import windows_of_table
from torchsmith.evaluate.evaluate import PartOutputs, evaluate
from torchsmith.evaluate.evaluation import Evaluation
from torchsmith.evaluate.forecasts import MOST_SHOWN, course, last_known
from torchsmith.plan.plan import Problem

HEAT = Problem(task="regression", target="heat", metric="rmse")


def days(count, start="2026-01-01"):
    return np.datetime64(start) + np.arange(count)


def windows(columns, window=3) -> Data:
    series = Series(id="place" if "place" in columns else None, time="day")
    series = series.model_copy(update={"window": window})
    return windows_of_table(
        table(columns), series, target="heat", drop_missing_target=True
    )


def of_two_places(first=12, second=20):
    """Windows of two places, whose days overlap."""
    places = ["near"] * first + ["far"] * second
    time = np.concatenate([days(first), days(second)])
    heat = np.arange(first + second, dtype=float)
    return windows({"place": places, "day": time, "heat": heat.tolist()})


def test_the_last_known_value_of_a_window_is_that_of_its_target():
    heat = [1.0, 2.0, 3.0, None, None, None, 7.0, 8.0]
    data = windows({"day": days(8), "wind": np.arange(8.0), "heat": heat})
    assert data.target.values.tolist() == [7, 8]
    found = last_known(data.inputs, "heat")
    np.testing.assert_array_equal(found, [np.nan, 7])
    np.testing.assert_array_equal(last_known(data.inputs, "wind"), [5, 6])


def test_what_is_no_forecast_has_no_last_value_and_no_course():
    waves = sequences([np.ones((4, 1))] * 3, channels=["heat"]).inputs
    ids = replace(waves, series=Series(id="place", time="day"))
    values = np.ones(3)
    for inputs in (waves, ids, table({"heat": [1.0, 2.0, 3.0]}).inputs):
        assert last_known(inputs, "heat") is None
        assert course(inputs, values, values) is None
    assert last_known(of_two_places().inputs, "wind") is None
    assert course(None, values, values) is None


def test_a_course_is_in_the_order_of_time():
    data = windows({"day": days(10), "heat": np.arange(10.0)})
    rows = np.array([5, 0, 3])
    targets = data.target.values[rows]
    found = course(data.inputs.take(rows), targets, targets + 0.5)
    assert (found.time, found.dated, found.series) == ("day", True, "")
    assert found.times == ("2026-01-04", "2026-01-07", "2026-01-09")
    assert found.actual == (3, 6, 8)
    assert found.predicted == (3.5, 6.5, 8.5)


def test_of_a_long_course_the_latest_rows_are_kept():
    count = MOST_SHOWN + 50
    data = windows({"day": np.arange(1.0, count + 1), "heat": np.arange(float(count))})
    found = course(data.inputs, data.target.values, data.target.values)
    assert (len(found.times), found.num_rows) == (MOST_SHOWN, count - 3)
    assert (found.times[-1], found.dated) == (str(count), False)


def test_of_several_series_the_one_with_most_rows_is_shown():
    data = of_two_places()
    found = course(data.inputs, data.target.values, data.target.values)
    assert (found.series, found.num_rows) == ("far", 17)
    assert found.times[0] == "2026-01-04"
    assert found.actual == tuple(range(15, 32))


@pytest.mark.parametrize("rows", [0, 1])
def test_a_course_needs_two_rows(rows):
    data = of_two_places()
    few = data.inputs.take(np.arange(rows))
    assert course(few, data.target.values[:rows], data.target.values[:rows]) is None


def test_an_evaluation_keeps_the_course_and_one_without_it_still_loads():
    data = of_two_places()
    part = PartOutputs(data.target.values, data.target.values + 1, data.inputs)
    found = evaluate(HEAT, part, num_train=10)
    assert found.forecast.predicted[0] == found.forecast.actual[0] + 1
    assert Evaluation.model_validate_json(found.model_dump_json()) == found
    plain = evaluate(HEAT, replace(part, inputs=None), num_train=10)
    assert plain.forecast is None
    written = plain.model_dump_json()
    assert "forecast" not in written
    assert Evaluation.model_validate_json(written) == plain
