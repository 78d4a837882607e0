"""Charts as SVG."""

import math
import re
from xml.etree import ElementTree

import pytest

from tests.report.contents import HOSTILE, REORDERING
from torchsmith.evaluate.evaluation import Residuals
from torchsmith.report.charts import (
    Series,
    histogram,
    line_chart,
    scatter,
)
from torchsmith.report.heat import heat_map, most_confused
from torchsmith.report.residuals import residual_charts
from torchsmith.report.rows import Row, bar_chart, dot_chart, mini_histogram

EVERYWHERE = (-math.inf, math.inf)


def parsed(markup) -> ElementTree.Element:
    return ElementTree.fromstring(f"<div>{markup}</div>")


def attributes(markup, name: str, attribute: str) -> list[str]:
    return [e.get(attribute, "") for e in parsed(markup).iter() if _is(e, name)]


def _is(element: ElementTree.Element, name: str) -> bool:
    return element.tag == name or name in element.get("class", "").split()


def test_every_chart_is_well_formed_with_hostile_names():
    series = [Series(HOSTILE, [(1, 0.5), (2, 0.25)]), Series(REORDERING, [(1, 1.0)])]
    rows = [Row(HOSTILE, 1.0, HOSTILE, 0.5, 1.5, HOSTILE, main=True)]
    for chart in (
        line_chart(series, title=HOSTILE, x_title=HOSTILE, mark=(1, HOSTILE)),
        histogram([0, 1, 2], [3, 4], title=HOSTILE, x_title=HOSTILE),
        mini_histogram([(HOSTILE, 3)], title=HOSTILE),
        scatter([(1, 2)], title=HOSTILE, x_title=HOSTILE, y_title=HOSTILE),
        dot_chart(rows, title=HOSTILE, bounds=EVERYWHERE),
        bar_chart(rows, title=HOSTILE),
        heat_map([HOSTILE, REORDERING], [[1, 2], [3, 4]]),
    ):
        names = {element.tag for element in parsed(chart).iter()}
        assert not names & {"script", "img"}
        assert "\u202e" not in chart


def test_a_line_is_broken_where_a_value_is_not_finite():
    chart = line_chart(
        [Series("loss", [(1, 1.0), (2, math.nan), (3, 2.0), (4, 1.5)])],
        title="Loss",
        x_title="epoch",
    )
    (path,) = attributes(chart, "path", "d")
    assert [command for command in path if command.isalpha()] == ["M", "M", "L"]


def test_each_point_tells_its_epoch_and_value():
    chart = line_chart(
        [Series("validation", [(1, 0.5), (2, 0.25)])], title="Loss", x_title="epoch"
    )
    assert "<title>epoch 2, validation: 0.25</title>" in chart


def test_a_chart_that_spans_decades_says_so():
    points = [(1, 1.0), (2, 0.001)]
    wide = line_chart([Series("a", points)], title="Loss", x_title="epoch")
    zero = line_chart(
        [Series("a", points)], title="Rate", x_title="epoch", from_zero=True
    )
    assert "log scale" in wide
    assert "log scale" not in zero


def test_long_series_have_few_places_to_point_at():
    points = [(float(i), 1.0 / (i + 1)) for i in range(3000)]
    chart = line_chart([Series("a", points)], title="Loss", x_title="epoch")
    assert chart.count("<title>") <= 150


def test_a_higher_value_is_drawn_higher():
    chart = line_chart([Series("a", [(1, 0.2), (2, 0.8)])], title="t", x_title="x")
    low, high = (float(cy) for cy in attributes(chart, "circle", "cy"))
    assert high < low


def test_points_on_the_diagonal_are_drawn_on_it():
    chart = scatter([(3, 3), (8, 8)], title="t", x_title="x", y_title="y")
    for cx, cy in zip(
        attributes(chart, "circle", "cx"),
        attributes(chart, "circle", "cy"),
        strict=True,
    ):
        assert float(cx[:-1]) + float(cy[:-1]) == pytest.approx(100)


def test_histograms_draw_each_count_to_scale():
    chart = histogram([0, 1, 2, 3], [1, 2, 4], title="t", x_title="x")
    heights = [float(h) for h in attributes(chart, "rect", "height")]
    assert heights[2] == pytest.approx(4 * heights[0], rel=0.02)
    assert "<title>2 to 3: 4</title>" in chart


def test_a_row_far_away_does_not_set_the_scale_but_is_told():
    rows = [
        Row("network", 0.98, "98 %", 0.97, 0.99, main=True),
        Row("constant", 0.1, "10 %", 0.09, 0.11),
        Row("trees", 0.96, "96 %", 0.95, 0.97),
    ]
    chart = dot_chart(rows, title="Accuracy", bounds=(0, 1), as_percent=True)
    assert len(attributes(chart, "circle", "cx")) == 2
    assert "10 %" in chart
    assert len(attributes(chart, "over", "x")) == 1


def test_the_network_itself_is_always_on_the_scale():
    rows = [
        Row("network", 0.1, "10 %", 0.09, 0.11, main=True),
        Row("linear", 0.95, "95 %", 0.94, 0.96),
        Row("trees", 0.96, "96 %", 0.95, 0.97),
    ]
    chart = dot_chart(rows, title="Accuracy", bounds=(0, 1))
    assert len(attributes(chart, "circle", "cx")) == 3


def test_bars_below_zero_start_at_zero():
    rows = [Row("a", 3.0, "3"), Row("b", -1.0, "−1")]
    starts = attributes(bar_chart(rows, title="t"), "bar", "x")
    widths = attributes(bar_chart(rows, title="t"), "bar", "width")
    assert starts == ["25.00%", "0.00%"]
    assert widths == ["75.00%", "25.00%"]


def test_a_confusion_matrix_tells_right_answers_from_mistakes():
    chart = heat_map(["cat", "dog"], [[8, 2], [0, 5]])
    assert re.findall(r'<td class="(right|wrong|none)"', chart) == [
        "right",
        "wrong",
        "none",
        "right",
    ]
    assert 'title="cat → dog: 2 (20.0\u00a0%)"' in chart


def test_most_confused_pairs_come_first_and_right_answers_never():
    pairs = most_confused(["a", "b", "c"], [[90, 1, 0], [5, 5, 0], [0, 3, 7]], limit=2)
    assert [(p.target, p.prediction, p.count) for p in pairs] == [
        ("b", "a", 5),
        ("c", "b", 3),
    ]
    assert pairs[0].share.startswith("50.0")


def test_every_error_is_counted_in_the_residual_histogram():
    actual = tuple(float(i) for i in range(100))
    predicted = tuple(a + (1 if a < 99 else 1e6) for a in actual)
    _, chart = residual_charts(Residuals(actual=actual, predicted=predicted), "price")
    titles = [title.text for title in parsed(chart).iter("title")]
    assert sum(int(text.rsplit(": ")[1]) for text in titles if text) == 100


@pytest.mark.parametrize("predicted", [(1.0, 2.0), (math.nan, math.nan)])
def test_perfect_and_broken_predictions_draw_no_histogram(predicted):
    charts = residual_charts(Residuals(actual=(1.0, 2.0), predicted=predicted), "price")
    assert len(charts) == 1


def test_the_label_of_a_marked_place_stands_over_the_lines_and_below_the_top():
    series = [Series("accuracy", [(1, 1.0), (2, 1.0)])]
    chart = str(line_chart(series, title="Accuracy", x_title="", mark=(1, "best")))
    assert chart.index('class="paths"') < chart.index('class="marked')
    assert re.search(r'class="marked[^>]* y="16"', chart)
