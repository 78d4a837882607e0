"""ROC and precision-recall curves: how well the probabilities sort the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from torchsmith.evaluate.evaluation import Curve
from torchsmith.report.text import clean, number

_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class _Line:
    """A curve with the area below it and the height of chance at both ends."""

    name: str
    points: Sequence[tuple[float, float]]
    area: float
    chance: tuple[float, float]


def ranking_charts(curves: Sequence[Curve]) -> list[Markup]:
    """Draw the ROC and the precision-recall curves of all classes.

    Of several classes, the one with the smallest area stands out, and the line of
    chance is that of this class.

    Args:
        curves: Of each class, or of the second of two.
    """
    if not curves:
        return []
    return [
        _square(
            [_Line(c.name, c.roc, c.roc_auc, (0.0, 1.0)) for c in curves],
            title="ROC curve",
            x_title="share of others taken for the class",
            y_title="share of its own found",
        ),
        _square(
            [
                _Line(
                    c.name, c.precision_recall, c.average_precision, (c.share, c.share)
                )
                for c in curves
            ],
            title="Precision-recall curve",
            x_title="recall: share of its own found",
            y_title="precision: share of these that are right",
        ),
    ]


def _square(
    lines: Sequence[_Line], *, title: str, x_title: str, y_title: str
) -> Markup:
    weakest = min(lines, key=lambda line: line.area)
    others = [line for line in lines if line is not weakest]
    body = unit_grid() + Markup(
        '<line class="equal" x1="0" x2="100%" y1="{}" y2="{}"/>'
    ).format(*(place(1 - height) for height in weakest.chance))
    drawn = [_path(line, "each") for line in others]
    drawn.append(_path(weakest, "weakest" if others else "main"))
    body += Markup(
        '<svg viewBox="0 0 1000 1000" width="100%" height="100%" '
        'preserveAspectRatio="none" class="paths">{}</svg>'
        '<text class="axis end" x="100%" y="100%" dy="35">{}</text>'
        '<text class="axis" x="-46" y="-12">{}</text>'
    ).format(Markup("").join(drawn), x_title, y_title)
    said = f"{clean(weakest.name)}, area {number(weakest.area)}"
    keys = [("", said)]
    if others and all(line.area == weakest.area for line in others):
        keys = [("weakest", f"every class, area {number(weakest.area)}")]
    elif others:
        keys = [("weakest", f"weakest: {said}"), ("each", "other classes")]
    keys.append(("chance", f"chance, area {number(sum(weakest.chance) / 2)}"))
    legend = Markup("").join(
        Markup('<span class="key {}"><bdi>{}</bdi></span>').format(*key) for key in keys
    )
    return Markup(
        '<figure class="chart"><figcaption><b>{0}</b>{1}</figcaption>'
        '<div class="plot"><svg role="img" aria-label="{0}" class="square">{2}</svg>'
        "</div></figure>"
    ).format(title, legend, body)


def unit_grid() -> Markup:
    """Draw the lines and numbers of a square whose sides go from 0 to 1."""
    return Markup("").join(
        Markup(
            '<line class="grid" x1="0" x2="100%" y1="{1}" y2="{1}"/>'
            '<line class="grid" x1="{0}" x2="{0}" y1="0" y2="100%"/>'
            '<text class="tick end" x="-8" y="{1}" dy=".32em">{2}</text>'
            '<text class="tick mid" x="{0}" y="100%" dy="18">{2}</text>'
        ).format(place(tick), place(1 - tick), number(tick))
        for tick in _TICKS
    )


def _path(line: _Line, style: str) -> Markup:
    steps = "L".join(f"{1000 * x:g} {1000 * (1 - y):.4g}" for x, y in line.points)
    return Markup('<path class="{}" d="M{}"><title>{}: area {}</title></path>').format(
        style, steps, clean(line.name), number(line.area)
    )


def place(share: float) -> str:
    """Return where a share lies along a side, for SVG."""
    return f"{100 * share:.2f}%"
