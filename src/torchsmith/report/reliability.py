"""The reliability diagram: are predictions as often right as the network says?"""

import math
from collections.abc import Sequence

from markupsafe import Markup

from torchsmith.evaluate.evaluation import Calibration, ReliabilityBin
from torchsmith.report.ranking import place, unit_grid
from torchsmith.report.text import percent, score_texts

_SMALLEST, _LARGEST = 2.5, 11.0
"""Radii in pixels, of the dot for a single row and of that for all."""


def calibration_text(calibration: Calibration) -> str:
    r"""Say in a sentence by how much the probabilities are off.

    >>> from torchsmith.evaluate.evaluation import Score
    >>> error = Score(value=0.0081, low=0, high=0.0153)
    >>> calibration_text(Calibration(error=error, bins=()))
    'Calibration error 0.8\xa0% (0.0 – 1.5\xa0%)'
    """
    # An error of shares is written as a share is.
    value, interval = score_texts("accuracy", calibration.error)
    text = f"Calibration error {value}" + (f" ({interval})" if interval else "")
    if calibration.error_before is None:
        return text
    before = score_texts("accuracy", calibration.error_before)[0]
    divided = f"divided by {calibration.temperature:g}"
    return f"{text}, {before} before the logits were {divided}"


def reliability_chart(calibration: Calibration | None) -> Markup:
    """Draw the share that is right against the probability of the predictions.

    Args:
        calibration: Of the test part; None draws nothing.
    """
    if calibration is None:
        return Markup("")
    body = unit_grid() + Markup(
        '<line class="equal" x1="0" y1="100%" x2="100%" y2="0"/>'
    )
    body += _dots(calibration.bins_before, "before")
    body += _dots(calibration.bins, "after")
    body += Markup(
        '<text class="axis end" x="100%" y="100%" dy="35">{}</text>'
        '<text class="axis" x="-46" y="-12">{}</text>'
    ).format("mean probability of the predictions", "share of them that are right")
    names = [("dot after", "as the run predicts")]
    if calibration.bins_before:
        names.insert(0, ("dot before", "before calibration"))
    names.append(("chance", "ideal"))
    legend = Markup("").join(
        Markup('<span class="key {}">{}</span>').format(*name) for name in names
    )
    title = "Reliability diagram"
    return Markup(
        '<figure class="chart"><figcaption><b>{0}</b>{1}</figcaption>'
        '<div class="plot"><svg role="img" aria-label="{0}" '
        'class="square reliability">{2}</svg></div></figure>'
    ).format(title, legend, body)


def _dots(bins: Sequence[ReliabilityBin], style: str) -> Markup:
    total = max(sum(one.rows for one in bins), 1)
    return Markup("").join(
        Markup(
            '<line class="span {0}" x1="{1}" x2="{1}" y1="{2}" y2="{3}"/>'
            '<circle class="{0}" cx="{1}" cy="{4}" r="{5:.1f}">'
            "<title>{6:,} rows: predictions of {7}, {8} right ({9} – {10})</title>"
            "</circle>"
        ).format(
            style,
            place(one.confidence),
            place(1 - one.right.low),
            place(1 - one.right.high),
            place(1 - one.right.value),
            _SMALLEST + (_LARGEST - _SMALLEST) * math.sqrt(one.rows / total),
            one.rows,
            *map(percent, (one.confidence, one.right.value)),
            *map(percent, (one.right.low, one.right.high)),
        )
        for one in bins
    )
