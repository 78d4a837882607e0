"""The confusion matrix as a table of coloured cells."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from torchsmith.report.text import clean, share

MAX_CLASSES = 20
"""A matrix of more classes is not readable."""

_SHORT_NAME = 3
_FEW = 4


@dataclass(frozen=True)
class Confusion:
    """Two classes, one of which is taken for the other.

    Attributes:
        target: What is right.
        prediction: What the network said.
        count: How often.
        share: Of the rows of `target`, as text.
    """

    target: str
    prediction: str
    count: int
    share: str


def heat_map(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> Markup:
    """Draw a confusion matrix: one row per target, one column per prediction.

    Right answers and mistakes have a colour each, the stronger the larger their share
    of the row.

    Args:
        classes: K names.
        counts: `(K, K)`; row = target, column = prediction.
    """
    short = all(_width(name) <= _SHORT_NAME for name in classes)
    style = "few" if len(classes) <= _FEW else "" if short else "slanted"
    head = Markup("").join(
        Markup('<th scope="col" title="{0}"><span>{0}</span></th>').format(clean(name))
        for name in classes
    )
    body = Markup("").join(_row(i, classes, row) for i, row in enumerate(counts))
    return Markup(
        '<p class="aside">Rows: what is right. Columns: what the network said.</p>'
        '<div class="scroll"><table class="heat {}"><thead><tr><td></td>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(style, head, body)


def most_confused(
    classes: Sequence[str], counts: Sequence[Sequence[int]], limit: int = 10
) -> list[Confusion]:
    """Return the pairs that are taken for each other most often, the worst first.

    Args:
        classes: K names.
        counts: `(K, K)`; row = target, column = prediction.
        limit: How many pairs at most.
    """
    pairs = sorted(
        (
            (count, i, j)
            for i, row in enumerate(counts)
            for j, count in enumerate(row)
            if i != j and count
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    return [
        Confusion(classes[i], classes[j], count, share(count, sum(counts[i])))
        for count, i, j in pairs[:limit]
    ]


def _row(i: int, classes: Sequence[str], row: Sequence[int]) -> Markup:
    total = sum(row)
    cells = Markup("").join(
        _cell(i, j, classes, count, total) for j, count in enumerate(row)
    )
    return Markup('<tr><th scope="row" title="{0}"><bdi>{0}</bdi></th>{1}</tr>').format(
        clean(classes[i]), cells
    )


def _cell(i: int, j: int, classes: Sequence[str], count: int, total: int) -> Markup:
    if not count:
        return Markup('<td class="none">·</td>')
    # The square root makes one mistake in a hundred visible.
    strength = (count / total) ** 0.5
    return Markup(
        '<td class="{}" style="--t:{:.2f}" title="{} → {}: {:,} ({})">{:,}</td>'
    ).format(
        "right" if i == j else "wrong",
        strength,
        clean(classes[i]),
        clean(classes[j]),
        count,
        share(count, total),
        count,
    )


def _width(name: str) -> int:
    return sum(1 + (ord(letter) >= 0x1100) for letter in name)
