"""ROC and precision-recall curves as SVG."""

import math
from dataclasses import replace
from xml.etree import ElementTree

from tests.report.contents import HOSTILE, binary, images, regression, sorting_curves
from torchsmith.evaluate.evaluation import Curve, Importance, Score
from torchsmith.report.ranking import ranking_charts
from torchsmith.report.render import render


def curve(name="yes", roc=((0, 0), (0, 0.5), (1, 1)), area=0.75, precision=0.6):
    return Curve(
        name=name,
        share=0.25,
        roc_auc=area,
        average_precision=precision,
        roc=roc,
        precision_recall=((0, 0.8), (1, 0.4)),
    )


def paths(chart):
    return ElementTree.fromstring(str(chart)).findall(".//path")


def test_a_curve_begins_at_the_lower_left_and_ends_at_the_upper_right():
    roc, precision = ranking_charts([curve()])
    assert [path.get("d") for path in paths(roc)] == ["M0 1000L0 500L1000 0"]
    assert [path.get("d") for path in paths(precision)] == ["M0 200L1000 600"]


def test_chance_is_a_diagonal_and_the_share_of_the_class():
    roc, precision = ranking_charts([curve()])
    assert 'class="equal" x1="0" x2="100%" y1="100.00%" y2="0.00%"' in roc
    assert 'class="equal" x1="0" x2="100%" y1="75.00%" y2="75.00%"' in precision
    assert "chance, area 0.25" in precision
    assert "yes, area 0.6" in precision


def test_the_class_with_the_smallest_area_stands_out_over_the_others():
    curves = [curve("a"), curve("b", area=0.55), curve("c", precision=0.3)]
    roc, precision = ranking_charts(curves)
    assert [path.get("class") for path in paths(roc)] == ["each", "each", "weakest"]
    assert "weakest: b, area 0.55" in roc
    assert "weakest: c, area 0.3" in precision


def test_names_from_the_data_stay_text():
    for chart in ranking_charts([curve(HOSTILE), curve("b")]):
        assert "<script" not in chart
        ElementTree.fromstring(str(chart))


def test_without_curves_nothing_is_drawn():
    assert ranking_charts([]) == []


def test_the_report_shows_curves_where_there_are_some():
    for content in (images(), binary()):
        assert "Precision-recall curve" in render(content)
        bare = content.evaluation.model_copy(update={"curves": ()})
        assert "Precision-recall curve" not in render(replace(content, evaluation=bare))


def test_a_metric_without_an_interval_draws_no_interval():
    content = regression()
    alone = Score(value=9.0, low=math.nan, high=math.nan)
    rival = content.evaluation.rivals[0]
    changes = {
        "metric": "max_error",
        "scores": {"test": {"max_error": alone}},
        "rivals": (
            rival.model_copy(
                update={"scores": {"max_error": alone}, "difference": alone}
            ),
        ),
        "importance": (Importance(column="rooms", drop=alone),),
    }
    evaluation = content.evaluation.model_copy(update=changes)
    page = render(replace(content, evaluation=evaluation))
    assert "nan" not in page.split("</style>")[1]
    assert "not a number" not in page
    assert str(alone) == "9"


def test_a_class_without_a_curve_has_no_area():
    content = images()
    known = sorting_curves(content.evaluation.classes)[1:]
    some = content.evaluation.model_copy(update={"curves": known})
    gaps = "<td>–</td><td>–</td>"
    page = render(replace(content, evaluation=some))
    assert page.count(gaps) == render(content).count(gaps) + 1


def test_of_classes_that_are_all_sorted_alike_none_is_called_the_weakest():
    roc, _ = ranking_charts([curve(name, area=1.0) for name in ("a", "b", "c")])
    assert "every class, area 1" in roc
    assert "weakest:" not in roc
