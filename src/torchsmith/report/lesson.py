"""The page of a lesson, and its figures."""

from torchsmith.core.run_folder import slug
from torchsmith.recipes.lesson import LessonRecord, LessonResult
from torchsmith.report.charts import COLOURS, Drawing, Series, in_page, line_drawing
from torchsmith.report.render import render_page
from torchsmith.report.standalone import standalone


def lesson_page(record: LessonRecord, program: str) -> str:
    """Return the report of a lesson as one HTML page that needs nothing else.

    Args:
        record: What was run, and what came out.
        program: The program's text, with these settings.
    """
    return render_page(
        "lesson.html.j2",
        title=record.title.rstrip("."),
        brand=f"Torchsmith lesson {record.lesson}",
        record=record,
        paragraphs=[part.replace("\n", " ") for part in record.text.split("\n\n")],
        charts=[in_page(drawing) for drawing in _drawings(record.result)],
        program=program,
    )


def lesson_figures(result: LessonResult) -> dict[str, str]:
    """Return the figures of a lesson as SVG files: name without ending, and text."""
    drawings = zip(result.figures, _drawings(result), strict=True)
    return {slug(title).lower(): standalone(drawing) for title, drawing in drawings}


def _drawings(result: LessonResult) -> list[Drawing]:
    return [
        line_drawing(
            [
                Series(name, points, COLOURS[place % len(COLOURS)])
                for place, (name, points) in enumerate(figure.lines.items())
            ],
            title=title,
            x_title=figure.x,
        )
        for title, figure in result.figures.items()
    ]
