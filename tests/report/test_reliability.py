"""The reliability diagram shows where predictions lie, before and after."""

import re
from dataclasses import replace

from tests.report import contents
from torchsmith.evaluate.evaluation import Calibration, ReliabilityBin, Score
from torchsmith.report.reliability import calibration_text, reliability_chart
from torchsmith.report.render import render

ERROR = Score(value=0.012, low=0.004, high=0.021)


def of(confidence, right, rows=100):
    share = Score(value=right, low=right - 0.1, high=min(right + 0.1, 1.0))
    return ReliabilityBin(rows=rows, confidence=confidence, right=share)


def test_a_dot_lies_at_its_probability_and_its_share_that_is_right():
    chart = reliability_chart(Calibration(error=ERROR, bins=(of(0.8, 0.6),)))
    (x, y, radius) = re.search(
        r'<circle class="after" cx="(.*?)%" cy="(.*?)%" r="(.*?)"', chart
    ).groups()
    assert (float(x), float(y)) == (80.0, 40.0)
    assert float(radius) > 5
    assert "100 rows: predictions of 80.0\xa0%, 60.0\xa0% right (50.0\xa0%" in chart
    assert "before" not in chart


def test_more_rows_make_a_larger_dot():
    bins = (of(0.6, 0.6, rows=10), of(0.9, 0.9, rows=900))
    chart = reliability_chart(Calibration(error=ERROR, bins=bins))
    few, many = map(float, re.findall(r' r="([\d.]+)"', chart))
    assert few < many


def test_why_the_temperature_is_one_is_said_once():
    content = contents.binary()
    found = Calibration(
        error=ERROR, bins=(of(0.8, 0.8),), note="the temperature is 1: 6 val rows"
    )
    evaluation = content.evaluation.model_copy(update={"calibration": found})
    page = render(replace(content, evaluation=evaluation))
    assert "<p>The temperature is 1: 6 val rows.</p>" in page


def test_before_and_after_have_a_legend_and_a_sentence():
    found = Calibration(
        temperature=1.7,
        error=ERROR,
        error_before=Score(value=0.05, low=0.03, high=0.07),
        bins=(of(0.8, 0.8),),
        bins_before=(of(0.9, 0.8),),
    )
    assert "before calibration" in reliability_chart(found)
    assert calibration_text(found) == (
        "Calibration error 1.2\xa0% (0.4 – 2.1\xa0%), 5.0\xa0% before the logits were "
        "divided by 1.7"
    )


def test_nothing_is_drawn_of_nothing():
    assert reliability_chart(None) == ""
