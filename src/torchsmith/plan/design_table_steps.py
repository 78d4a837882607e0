"""What the default does with the columns of a table before the network."""

import re
from collections.abc import Sequence

from torchsmith.data.steps import (
    BagOfWords,
    EncodeCategories,
    EncodeValues,
    FillMissing,
    NeighbourTarget,
    QuantileScale,
    Resize,
    RotatePlace,
    StandardizeTarget,
    Step,
)
from torchsmith.inspect.inspection import ColumnFacts
from torchsmith.inspect.wording import quoted
from torchsmith.plan.design import CENTRED_TARGET, Case

EXACT = 0.02
"""Of the target's variance: so much more a number's exact values tell than the values
around them, to get codes. On three draws of Adult's training rows, with codes of
capital-gain and capital-loss, which have .066 and .051, the log loss was .2711, .2688
and .2681, and .2790, .2737 and .2779 without; with those of values that have 20 rows in
place of 3, .2756 and .2702. On two draws of Bank, with codes of pdays, which has .001,
it was .2873 and .2816, and .2852 and .2777 without."""

MOST_EMBEDDED = 100
"""Number columns; with more, an embedding of each is too wide."""

FEWEST_WORDS = 10
"""Of each column of texts, however many columns there are."""

MOST_SHARES = 10
"""Classes whose shares among the neighbours become features."""

FEWEST_PLACES, MOST_PLACES = 200, 50_000
"""Training rows of which the targets of neighbours are asked for."""

PICTURE_SIDE = 32
"""Pixels; the pictures of a table are shrunk to squares."""

FEWEST_DISTINCT = 50
"""Latitudes or longitudes; rows at fewer places have no 20 others near them."""

COORDINATES = {
    "latitude": ("lat|latitude|위도", 90),
    "longitude": ("lon|lng|long|longitude|경도", 180),
}
"""How coordinates are called, and their limits in degrees."""


def prepare_table(case: Case) -> tuple[Step, ...]:
    """Choose the steps for the columns, each with its reason."""
    steps: list[Step] = []
    add = case.adder("prepare", steps)

    used = [c for c in case.inspection.columns if c.role != "ignore"]
    numbers = [c for c in used if c.role not in ("category", "text", "picture")]
    gaps = [c for c in numbers if c.missing]
    if gaps:
        add(
            FillMissing(value="median", flag=True),
            f"{_names(gaps)}: a gap may mean something, so it is also flagged",
        )
    if place := _place(used):
        latitude, longitude = place
        add(
            RotatePlace(latitude=latitude, longitude=longitude),
            "a place: borders need not run along a degree of latitude",
        )
        if _may_ask_neighbours(case, place):
            add(
                NeighbourTarget(latitude=latitude, longitude=longitude),
                "what is near has much in common; no row sees its own target",
            )
    if numbers:
        add(
            QuantileScale(),
            "evenly spread, whatever the column's shape; fitted on train only",
        )
    categories = [c for c in used if c.role == "category"]
    if categories:
        alike = [c for c in categories if c.alike]
        add(
            EncodeCategories(encoding="codes", min_count=2)
            if alike
            else EncodeCategories(encoding="codes"),
            f"for embeddings: {_names(categories)}"
            + f"; texts of {_names(alike)} in one row are unknown" * bool(alike),
        )
    if values := [c for c in numbers if c.role == "number" and c.exact >= EXACT]:
        add(
            EncodeValues(columns=tuple(c.name for c in values)),
            f"{_names(values)}: an exact value tells more than those around it",
        )
    if texts := [c for c in used if c.role == "text"]:
        taken = len(numbers) + sum(c.missing > 0 for c in (*numbers, *texts))
        most = max(FEWEST_WORDS, (MOST_EMBEDDED - taken) // len(texts))
        add(
            BagOfWords(most=most),
            f"each text differs, but words of them recur: {_names(texts)}",
        )
    if any(c.role == "picture" for c in used):
        add(
            Resize(height=PICTURE_SIDE, width=PICTURE_SIDE),
            "pictures need one size; small ones train fast",
        )
    if case.target.task == "regression":
        clamp = case.inspection.time is None
        add(
            StandardizeTarget(clamp=clamp),
            CENTRED_TARGET
            + ("; no prediction beyond those of training" if clamp else ""),
        )
    return tuple(steps)


def _may_ask_neighbours(case: Case, place: tuple[str, str]) -> bool:
    """Whether the targets of neighbours are known for new rows, and soon found."""
    distinct = [c.distinct for c in case.inspection.columns if c.name in place]
    if max(distinct) < FEWEST_DISTINCT:
        return False
    apart = case.inspection.group is not None
    few = len(case.target.classes) <= MOST_SHARES
    return few and not apart and FEWEST_PLACES <= case.num_train <= MOST_PLACES


def _place(columns: Sequence[ColumnFacts]) -> tuple[str, str] | None:
    """Find a latitude and a longitude by their names and ranges."""
    found: dict[tuple[str, str], str] = {}
    for column in columns:
        for axis, (words, limit) in COORDINATES.items():
            match = re.fullmatch(rf"(.*?)[ _.-]?(?:{words})", column.name.lower())
            within = column.role == "number" and -limit <= (column.low or 0)
            if match and within and (column.high or 0) <= limit:
                found.setdefault((match[1], axis), column.name)
    for stem, axis in found:
        if axis == "latitude" and (stem, "longitude") in found:
            return found[stem, "latitude"], found[stem, "longitude"]
    return None


def num_added(step: Step, case: Case) -> int:
    """Return how many features a step adds to the numbers."""
    if isinstance(step, RotatePlace):
        return len(step.angles)
    if isinstance(step, NeighbourTarget):
        classes = len(case.target.classes)
        return len(step.neighbours) * (1 if classes <= 2 else classes)
    return 0


def num_words(step: Step, columns: Sequence[ColumnFacts]) -> int:
    """Return how many 0/1 columns a step makes of texts, gaps of them included."""
    if not isinstance(step, BagOfWords):
        return 0
    texts = [column for column in columns if column.role == "text"]
    return sum(min(c.words, step.most) + (c.missing > 0) for c in texts)


def _names(columns: list[ColumnFacts]) -> str:
    return quoted((column.name for column in columns), 3)
