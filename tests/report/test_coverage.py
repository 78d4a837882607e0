"""The report says what intervals promise, what they hold, and where that is less."""

import pytest

from torchsmith.evaluate.evaluation import Coverage, Score
from torchsmith.report.residuals import coverage_text


@pytest.mark.parametrize(
    ("low", "high", "is_missed"), [(0.87, 0.89, True), (0.87, 0.91, False)]
)
def test_fewer_than_promised_beyond_noise_is_told(low, high, is_missed):
    found = Score(value=0.88, low=low, high=high)
    text = coverage_text(Coverage(promised=0.9, half_width=0.62, found=found))
    assert text.startswith("Intervals of ±0.62 hold 88")
    assert "90\N{NO-BREAK SPACE}% were promised" in text
    assert ("noise alone does not take so many away" in text) == is_missed
