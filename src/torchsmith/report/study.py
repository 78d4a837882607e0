"""The page of a study, and its figures."""

from collections.abc import Sequence

from torchsmith.core.slugs import slug
from torchsmith.core.wording import sentence
from torchsmith.recipes.results import Point, Row, StudyResult
from torchsmith.recipes.study import Study, study_text
from torchsmith.report.charts import COLOURS, Drawing, Series, in_page, line_drawing
from torchsmith.report.render import render_page
from torchsmith.report.standalone import standalone
from torchsmith.report.text import (
    PERCENT_METRICS,
    difference_texts,
    metric_text,
    metric_title,
    score_texts,
    spread_text,
)

_TITLES = {
    "train_loss": "Training loss",
    "val_loss": "Loss on the val part",
    "lr": "Learning rate",
}


def study_page(name: str, study: Study, result: StudyResult) -> str:
    """Return the report of a study as one HTML page that needs nothing else.

    Args:
        name: Of its run folder.
        study: What was asked.
        result: What came out.
    """
    return render_page(
        "study.html.j2",
        title=study.title,
        brand=f"Torchsmith study {name}",
        source=study.base.data.source,
        result=result,
        charts=[in_page(drawing) for drawing in _drawings(result).values()],
        changes=_changes(result),
        spread=spread_text(result.metric, result.rows[0].values),
        lines=[_line(result, row) for row in result.rows],
        study_text=study_text(study),
    )


def study_figures(result: StudyResult) -> dict[str, str]:
    """Return the figures of a study as SVG files: name without ending, and text."""
    drawings = _drawings(result).items()
    return {slug(quantity): standalone(drawing) for quantity, drawing in drawings}


def _drawings(result: StudyResult) -> dict[str, Drawing]:
    places = {row.variant: place for place, row in enumerate(result.rows)}
    return {
        quantity: line_drawing(
            [
                _series(name, points, places[name], len(result.seeds))
                for name, points in curves.items()
            ],
            title=_title(quantity),
            x_title="epoch",
            as_percent=quantity.removeprefix("val_") in PERCENT_METRICS,
        )
        for quantity, curves in result.curves.items()
        if curves
    }


def _series(name: str, points: Sequence[Point], place: int, num_seeds: int) -> Series:
    return Series(
        name,
        [(point.epoch, point.mean) for point in points],
        COLOURS[place % len(COLOURS)],
        band=[(p.epoch, p.low, p.high) for p in points] if num_seeds > 1 else (),
    )


def _title(quantity: str) -> str:
    if quantity in _TITLES:
        return _TITLES[quantity]
    title = f"{metric_title(quantity.removeprefix('val_'))} on the val part"
    return sentence(title)


def _changes(result: StudyResult) -> list[str]:
    """Return the changes of the test part under which any variant was scored."""
    return list(dict.fromkeys(change for row in result.rows for change in row.changed))


def _line(result: StudyResult, row: Row) -> dict[str, object]:
    metric = result.metric
    return {
        "row": row,
        "score": score_texts(metric, row.score) if row.score else None,
        "difference": difference_texts(metric, row.difference)
        if row.difference
        else None,
        "changed": [
            score_texts(metric, row.changed[change]) if change in row.changed else None
            for change in _changes(result)
        ],
        "seeds": ", ".join(metric_text(metric, value) for value in row.values),
    }
