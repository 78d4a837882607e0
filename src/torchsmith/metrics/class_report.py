"""Scores of each class and their averages, and the text that scikit-learn prints."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from torchsmith.metrics.classification import precision_recall_f1


class ReportLine(NamedTuple):
    """One line of a report; only `accuracy` has neither precision nor recall."""

    name: str
    precision: float | None
    recall: float | None
    f1: float
    support: int


def averages(table: np.ndarray) -> tuple[ReportLine, ReportLine, ReportLine]:
    """Return accuracy, macro average and weighted average.

    The macro average is over all K classes, those without rows counting as 0, as in
    scikit-learn where all labels are named.

    Args:
        table: `(K, K)` counts, at least one; row = target, column = prediction.
    """
    support, rows = table.sum(axis=1), int(table.sum())
    scores = np.stack(precision_recall_f1(table))
    macro, weighted = scores.mean(axis=1), scores @ support / rows
    accuracy = float(np.trace(table)) / rows
    return (
        ReportLine("accuracy", None, None, accuracy, rows),
        ReportLine("macro avg", macro[0], macro[1], macro[2], rows),
        ReportLine("weighted avg", weighted[0], weighted[1], weighted[2], rows),
    )


def classification_report(
    names: Sequence[str], table: np.ndarray, digits: int = 2
) -> str:
    """Return the text of `sklearn.metrics.classification_report`.

    Args:
        names: K classes.
        table: `(K, K)` counts, at least one; row = target, column = prediction.
        digits: Decimals.
    """
    support = table.sum(axis=1).tolist()
    columns = [values.tolist() for values in precision_recall_f1(table)]
    classes = [ReportLine(*line) for line in zip(names, *columns, support, strict=True)]
    ends = averages(table)
    width = max(len(line.name) for line in (*classes, ends[-1]))
    heads = "".join(f" {head:>9}" for head in ("precision", "recall", "f1-score"))
    blocks = [
        [" " * width + f" {heads} {'support':>9}"],
        [_line(line, width, digits) for line in classes],
        [_line(line, width, digits) for line in ends],
    ]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _line(line: ReportLine, width: int, digits: int) -> str:
    scores = (line.precision, line.recall, line.f1)
    cells = ("" if value is None else f"{value:.{digits}f}" for value in scores)
    shown = "".join(f" {cell:>9}" for cell in cells)
    return f"{line.name:>{width}} {shown} {line.support:>9}"
