"""Whether a test part was read so often that it has become part of the choice: Q2."""

from collections.abc import Iterator, Sequence

from torchsmith.core.vocabulary import LOWER_IS_BETTER, METRIC_TITLES, Metric
from torchsmith.inspect.inspection import Finding

MANY = 20
"""Runs that were scored on one test part: of so many the best owes some of its lead to
chance, as of so many throws the highest does."""


def find_in_choice(
    metric: Metric, score: float, others: Sequence[float]
) -> Iterator[Finding]:
    """Find a run that is the best of many on one test part.

    Args:
        metric: The main one.
        score: Of the run, on the test part.
        others: Of other runs on the same rows, by the same metric.
    """
    sign = -1 if metric in LOWER_IS_BETTER else 1
    if len(others) + 1 < MANY or any(sign * other > sign * score for other in others):
        return
    middle = sorted(others)[len(others) // 2]
    yield Finding(
        code="Q2",
        severity="note",
        message=f"This run is the best of {len(others) + 1} that were scored on the "
        "same test part.",
        where="split",
        evidence=f"{METRIC_TITLES[metric]} {score:.4g}; the middle one has "
        f"{middle:.4g}",
        remedy="Where runs are chosen by it, the test score is too good: choose by the "
        "val part, and read the test part once, at the end.",
        moment="after",
    )
