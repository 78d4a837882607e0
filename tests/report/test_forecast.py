"""The course of a forecast in a report."""

from dataclasses import replace

import numpy as np
import pytest

from tests.report import contents
from tests.report.test_charts import attributes, parsed
from tests.report.test_render import Page
from torchsmith.evaluate.evaluation import Coverage, Forecast, Score
from torchsmith.report.forecast import forecast_chart
from torchsmith.report.render import render
from torchsmith.report.time_axis import time_axis

COVERAGE = Coverage(
    promised=0.9, half_width=2.0, found=Score(value=0.9, low=0.88, high=0.92)
)


def forecast(count=40, num_rows=0, **more):
    days = np.datetime64("2026-01-01") + np.arange(count)
    actual = 10 * np.sin(np.arange(count) / 5) + 20
    return Forecast(
        time=more.pop("time", "day"),
        dated=True,
        times=tuple(map(str, days)),
        actual=tuple(actual.tolist()),
        predicted=tuple((actual + 1).tolist()),
        num_rows=num_rows or count,
        **more,
    )


def test_actual_and_predicted_values_are_drawn_against_their_days():
    chart = forecast_chart(forecast(), "heat")
    assert len(attributes(chart, "path", "d")) == 2
    assert "<title>day 2026-01-02, actual: 21.99</title>" in chart
    assert "<title>day 2026-01-02, predicted: 22.99</title>" in chart
    ticks = [e.text for e in parsed(chart).iter() if e.get("class") == "tick mid"]
    weeks = np.datetime64("2026-01-01") + 7 * np.arange(6)
    assert ticks == [str(day) for day in weeks]
    assert "heat over time: 40 test rows<" in chart


def test_intervals_are_a_band():
    assert not attributes(forecast_chart(forecast(), "heat"), "polygon", "points")
    chart = forecast_chart(forecast(), "heat", COVERAGE)
    assert len(attributes(chart, "polygon", "points")) == 1
    assert "predicted, with its interval" in chart


def test_a_title_says_what_is_left_out():
    chart = forecast_chart(forecast(num_rows=5_000, series="<Seoul>"), "heat")
    assert "the latest 40 of 5,000 test rows of &lt;Seoul&gt;<" in chart


def test_names_are_shown_as_they_are():
    named = forecast(time=contents.HOSTILE, series=contents.REORDERING)
    chart = forecast_chart(named, contents.HOSTILE)
    assert not {element.tag for element in parsed(chart).iter()} & {"script", "img"}
    assert "\u202e" not in chart


def test_a_report_of_a_forecast_shows_its_course_above_the_points():
    content = contents.regression()
    assert '<div class="course">' not in render(content)
    update = {"forecast": forecast(), "coverage": COVERAGE}
    evaluation = content.evaluation.model_copy(update=update)
    html = render(replace(content, evaluation=evaluation))
    assert html.index("over time: 40 test rows") < html.index(
        "Predicted against actual"
    )
    page = Page(html)
    assert page.open == []
    assert page.says("in the charts they are the band and the dotted lines")


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("1907-10-01", "2020-09-23", ["1920", "1940", "1960", "1980", "2000", "2020"]),
        ("2017-03-05", "2020-02-01", ["2017-07", "2018-01", "2018-07"]),
        ("2010-03-05", "2014-02-01", ["2011", "2012", "2013", "2014"]),
        ("2019-08-21", "2020-09-23", ["2019-10", "2020-01", "2020-04", "2020-07"]),
        ("2026-01-30", "2026-02-02", ["2026-01-30", "2026-01-31", "2026-02-01"]),
        ("2026-01-01T22:10:00", "2026-01-02T01:00:00", ["01-01 22:30", "01-01 23:00"]),
        ("2026-01-01T00:00:58", "2026-01-01T00:01:01", ["01-01 00:00:58"]),
    ],
)
def test_dates_have_ticks_where_a_calendar_has_them(first, last, expected):
    axis, places = time_axis([first, last], dated=True)
    labels = axis.labels()
    assert labels[: len(expected)] == expected
    assert len(labels) == len(set(labels)) <= 6
    assert [axis.at(place) for place in places] == [0, 1]
    assert all(axis.low <= tick <= axis.high for tick in axis.ticks)


def test_dates_of_any_length_have_a_few_ticks():
    first = np.datetime64("1999-12-31T23:59:58")
    for exponent in np.linspace(0, 11, 200):
        last = first + np.timedelta64(int(10**exponent), "s")
        axis, _ = time_axis([str(first), str(last)], dated=True)
        assert 1 <= len(axis.ticks) <= 6


def test_numbers_as_times_are_written_as_they_are():
    start = 1_600_000_000_000_000_000  # nanoseconds
    axis, places = time_axis([str(start), str(start + 399_000_000)], dated=False)
    assert [axis.at(place) for place in places] == [0.0, 1.0]
    assert len(set(axis.labels())) == len(axis.ticks) > 2
    axis, places = time_axis(["1950", "1985.5", "2020"], dated=False)
    assert places == [1950, 1985.5, 2020]
    assert "1960" in axis.labels()
    assert axis.told(1985.5) == "1985.5"


def test_a_date_is_told_with_its_hour_where_it_has_one():
    axis, places = time_axis(["2026-01-01", "2026-01-01T06:30:00"], dated=True)
    assert [axis.told(place) for place in places] == [
        "2026-01-01",
        "2026-01-01 06:30:00",
    ]
