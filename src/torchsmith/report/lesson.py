"""The page of a lesson, and its figures."""

from torchsmith.core.slugs import slug
from torchsmith.explain.graph import Graph, trace
from torchsmith.recipes.catalogue import recipe
from torchsmith.recipes.lesson import Figure, Lesson, LessonRecord, LessonResult
from torchsmith.report.charts import COLOURS, Drawing, Series, in_page, line_drawing
from torchsmith.report.graph_drawing import draw_graph
from torchsmith.report.render import render_page
from torchsmith.report.standalone import standalone, standalone_graph

_SAME = 1e-3  # of a figure's height: lines that lie nearer are seen as one


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
        graphs=[
            draw_graph(graph, title=title) for title, graph in _graphs(record).items()
        ],
        program=program,
    )


def lesson_figures(record: LessonRecord) -> dict[str, str]:
    """Return the figures of a lesson as SVG files: name without ending, and text."""
    result = record.result
    drawings = zip(result.figures, _drawings(result), strict=True)
    figures = {slug(title).lower(): standalone(one) for title, one in drawings}
    for title, graph in _graphs(record).items():
        name = result.graphs[title].function
        figures[name] = standalone_graph(draw_graph(graph, title=title))
    return figures


def _graphs(record: LessonRecord) -> dict[str, Graph]:
    """Trace the expressions that a lesson wants drawn."""
    wanted = record.result.graphs
    found = recipe(record.lesson) if wanted else None
    return {
        title: trace(found.function_named(one.function), **one.values)
        for title, one in wanted.items()
        if isinstance(found, Lesson)
    }


def _drawings(result: LessonResult) -> list[Drawing]:
    return [
        line_drawing(_series(figure), title=title, x_title=figure.x)
        for title, figure in result.figures.items()
    ]


def _series(figure: Figure) -> list[Series]:
    """Return the lines of a figure; those that lie on each other take turns."""
    lines = list(figure.lines.items())
    heights = [y for _, points in lines for _, y in points]
    same = _SAME * (max(heights) - min(heights))
    series = []
    for place, (name, points) in enumerate(lines):
        alike = [
            other
            for other, (_, others) in enumerate(lines)
            if [x for x, _ in others] == [x for x, _ in points]
            and all(
                abs(y - y2) <= same
                for (_, y), (_, y2) in zip(points, others, strict=True)
            )
        ]
        turn = alike.index(place), len(alike)
        colour = COLOURS[place % len(COLOURS)]
        series.append(Series(name, points, colour, turn=turn))
    return series
