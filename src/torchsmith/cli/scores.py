"""How an evaluation looks in a terminal."""

from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from torchsmith.core.vocabulary import METRIC_TITLES, NOUNS
from torchsmith.core.wording import amount
from torchsmith.evaluate.evaluation import Evaluation, Rival, Score
from torchsmith.metrics.class_report import averages
from torchsmith.report.reliability import calibration_text
from torchsmith.report.residuals import coverage_text
from torchsmith.report.text import (
    clean,
    difference_texts,
    folds_text,
    score_texts,
)

MOST_CLASSES = 20
MOST_CONFUSED = 12
MOST_IMPORTANT = 10
NAME_WIDTH = 24
COLUMN_WIDTH = 4


def print_evaluation(evaluation: Evaluation, console: Console, folds: int = 0) -> None:
    """Print scores, rivals, verdict and classes.

    Args:
        evaluation: What was found.
        folds: Of the plan.
        console: Where to print; made for 80 columns and more.
    """
    rows = evaluation.num_examples.get("test", 0)
    noun = NOUNS[evaluation.kind]
    title = f"Scores on {amount(rows, f'test {noun}')}"
    _section(console, title, _scores(evaluation))
    if folds and "val" in evaluation.scores:
        console.print(Text(folds_text(folds), "dim"))
    if evaluation.calibration is not None:
        console.print(Text(calibration_text(evaluation.calibration), "dim"))
    if evaluation.coverage is not None:
        console.print(Text(coverage_text(evaluation.coverage), "dim"))
    if evaluation.robustness:
        title = f"On the same {noun}s, each changed at random"
        _section(console, title, _robustness(evaluation))
    if evaluation.rivals:
        title = f"Beside simple rivals, on the same {noun}s"
        _section(console, title, _rivals(evaluation))
        _print_remarks(evaluation.rivals, console)
    if evaluation.verdict:
        console.print()
        console.print(Text(evaluation.verdict, "bold"))
    if evaluation.confusion and len(evaluation.classes) <= MOST_CLASSES:
        _section(console, "By class", _per_class(evaluation))
    if evaluation.confusion and len(evaluation.classes) <= MOST_CONFUSED:
        title = "Confusion: a row for each class, a column for each prediction"
        _section(console, title, _confusion(evaluation))
    if evaluation.importance:
        score = METRIC_TITLES[evaluation.metric]
        title = f"How much worse {score} gets when a column is shuffled"
        _section(console, title, _importance(evaluation))
    if evaluation.notes:
        console.print()
    for note in evaluation.notes:
        console.print(Text(f"Note: {note}", "yellow"))


def _section(console: Console, title: str, table: Table) -> None:
    console.print()
    console.print(Text(title, "bold"))
    console.print(table)


def _scores(evaluation: Evaluation) -> Table:
    table = _table()
    table.add_column("metric")
    table.add_column("test", justify="right")
    table.add_column("95 % interval", justify="right")
    val = evaluation.scores.get("val", {})
    if val:
        table.add_column("val", justify="right")
    for metric, score in evaluation.scores["test"].items():
        cells = [METRIC_TITLES[metric], *score_texts(metric, score)]
        if val:
            cells.append(score_texts(metric, val[metric])[0] if metric in val else "")
        table.add_row(*cells, style="bold" if metric == evaluation.metric else "")
    return table


def _robustness(evaluation: Evaluation) -> Table:
    metric = evaluation.metric
    table = _table()
    table.add_column("change")
    table.add_column(METRIC_TITLES[metric], justify="right")
    table.add_column("95 % interval", justify="right")
    for changed in evaluation.robustness:
        if metric in changed.scores:
            change = Text(changed.change.strip("{}"))
            table.add_row(change, *score_texts(metric, changed.scores[metric]))
    return table


def _rivals(evaluation: Evaluation) -> Table:
    metric = evaluation.metric
    table = _table()
    table.add_column("rival")
    table.add_column(METRIC_TITLES[metric], justify="right")
    table.add_column("network is better by", justify="right")
    table.add_column("95 % interval", justify="right")
    for rival in evaluation.rivals:
        score = rival.scores.get(metric)
        value = score_texts(metric, score)[0] if score else "–"
        gain, interval, style = "–", "", ""
        if rival.difference is not None:
            gain, interval = difference_texts(metric, rival.difference)
            style = _style(rival.difference)
        table.add_row(rival.title, value, Text(gain, style), interval)
    return table


def _style(difference: Score) -> str:
    if difference.low > 0:
        return "green"
    return "red" if difference.high < 0 else ""


def _print_remarks(rivals: Sequence[Rival], console: Console) -> None:
    for rival in rivals:
        if rival.note:
            console.print(Text(f"  {rival.title}: {rival.note}", "dim"))


def _per_class(evaluation: Evaluation) -> Table:
    """Show what scikit-learn's `classification_report` shows."""
    table = _table()
    table.add_column("class")
    for name in ("precision", "recall", "F1", f"test {NOUNS[evaluation.kind]}s"):
        table.add_column(name, justify="right")
    for row in evaluation.per_class:
        values = (f"{v:.3f}" for v in (row.precision, row.recall, row.f1))
        table.add_row(_name(row.name), *values, f"{row.support:,}")
    for end in averages(np.array(evaluation.confusion)):
        scores = (end.precision, end.recall, end.f1)
        cells = ("" if score is None else f"{score:.3f}" for score in scores)
        table.add_row(end.name, *cells, f"{end.support:,}", style="dim")
    return table


def _confusion(evaluation: Evaluation) -> Table:
    """Show counts; where names are too wide for columns, the classes are numbered."""
    names = [_name(name, 16) for name in evaluation.classes]
    heads = names
    if any(name.cell_len > COLUMN_WIDTH for name in names):
        heads = [Text(str(place)) for place in range(1, len(names) + 1)]
        names = [
            Text.assemble(head, " ", name)
            for head, name in zip(heads, names, strict=True)
        ]
    table = _table()
    table.add_column("")
    for head in heads:
        table.add_column(head, justify="right")
    for row, counts in enumerate(evaluation.confusion):
        cells = [
            Text(str(cases), _cell_style(cases, here=column == row))
            for column, cases in enumerate(counts)
        ]
        table.add_row(names[row], *cells)
    return table


def _cell_style(cases: int, *, here: bool) -> str:
    if here:
        return "green"
    return "red" if cases else "dim"


def _importance(evaluation: Evaluation) -> Table:
    table = _table()
    table.add_column("column")
    table.add_column(METRIC_TITLES[evaluation.metric], justify="right")
    table.add_column("95 % interval", justify="right")
    for found in evaluation.importance[:MOST_IMPORTANT]:
        drop, interval = difference_texts(evaluation.metric, found.drop)
        table.add_row(_name(found.column), drop, interval)
    left = len(evaluation.importance) - MOST_IMPORTANT
    if left > 0:
        least, _ = difference_texts(
            evaluation.metric, evaluation.importance[MOST_IMPORTANT].drop
        )
        table.caption = f"{left} more, each {least} or less"
    return table


def _table() -> Table:
    return Table(
        caption_justify="left",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        header_style="dim",
    )


def _name(text: str, width: int = NAME_WIDTH) -> Text:
    """Show a name from the data: never as markup, cut where it is too wide."""
    shown = Text(clean(text))
    if cell_len(shown.plain) > width:
        shown.truncate(width, overflow="ellipsis")
    return shown
