"""The default for tables `(N, C)`."""

import re
from collections.abc import Sequence
from dataclasses import replace

from torchsmith.core.errors import DataError
from torchsmith.data.steps import (
    BagOfWords,
    EncodeCategories,
    FillMissing,
    NeighbourTarget,
    QuantileScale,
    Resize,
    RotatePlace,
    StandardizeTarget,
    Step,
)
from torchsmith.inspect.inspection import ColumnFacts, Inspection
from torchsmith.plan.cost import (
    conv_epoch_seconds,
    conv_macs,
    table_epoch_seconds,
    table_macs,
)
from torchsmith.plan.design import (
    STEPS_WORTH,
    TRAINING_SHARE,
    Case,
    Design,
    choose_batch_size,
    choose_epochs,
    choose_threads,
)
from torchsmith.plan.networks import ConvNet, PictureTableNet, TabularMLP
from torchsmith.plan.optimizers import AdamW
from torchsmith.plan.schedules import OneCycleLR

MOST_EPOCHS = 60
"""Of large tables; their training error is then far below that of validation."""

MOST_SMALL_EPOCHS = 100
"""Of small ones, whose epochs have few steps."""

MOST_CATEGORY_EPOCHS = 200
"""Of small ones of nothing but categories, at a higher rate and with less dropout: on
car evaluation 100 epochs at 2e-3 ended before even the training part was learned. With
numbers 100 are enough: on Titanic and red wine the best came in the first third."""

STEPS_OF_CLASSES = 3_500
DROPOUT_OF_CLASSES, DECAY_OF_CLASSES = 0.3, 0.1
"""Of large tables whose target is a class, which is learned by heart sooner than a
number is. On two draws of Adult's training rows the log loss was .2780 and .2727 with
these, .2820 and .2767 with 0.1, 3e-4 and 6,000 steps; on one of five ranges of
California's prices .630 in place of .645."""

FEWEST_EPOCHS = 30
"""With fewer, a smaller network does better."""

SMALL = 2_000
"""Training rows; with fewer, a large network learns them by heart."""

Size = tuple[tuple[int, int], int]

SIZES: tuple[Size, ...] = (
    ((256, 256), 8),
    ((256, 256), 4),
    ((128, 128), 4),
    ((128, 128), 2),
    ((64, 64), 2),
)
SMALL_SIZES: tuple[Size, ...] = (
    ((128, 128), 16),
    ((128, 128), 4),
    ((64, 64), 2),
)
"""Hidden layers and members, the best first; the first that the budget allows."""

FOLDED, SMALL_FOLDED = SIZES[1], SMALL_SIZES[0]
"""Of folds; where the budget has no time for them, one network is trained. On three
draws of white wine the RMSE was .714 with 4 members of 256, and .716 with 8. On three
of red wine it was .614 with 16 members of 128, less each time than the .618 of one
network, which five of 4 members do not reach (.620)."""

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

PICTURE_CHANNELS = ((32, 64, 128), (16, 32, 64), (8, 16, 32))
"""Of the network that reads them: the most work first."""

FOLDS = 5

FEWEST_FOLDED, MOST_FOLDED = 50, 10_000
"""Rows that are not tested, of which folds are made. With fewer a fold has hardly any;
with more a val part is little of them, and five networks take long."""

FEWEST_GROUPS = 20
"""Of which folds are made, each in one of them."""

FEWEST_DISTINCT = 50
"""Latitudes or longitudes; rows at fewer places have no 20 others near them."""

COORDINATES = {
    "latitude": ("lat|latitude|위도", 90),
    "longitude": ("lon|lng|long|longitude|경도", 180),
}
"""How coordinates are called, and their limits in degrees."""


def design_table(case: Case) -> Design:
    """Choose preparation, network and training for a table.

    Raises:
        DataError: No column is left to learn from.
    """
    prepare = _prepare(case)
    pictures = [c for c in case.inspection.columns if c.role == "picture"]
    network: TabularMLP | PictureTableNet
    for folds in (FOLDS, 0) if _may_fold(case, prepare) else (0,):
        rows = replace(case, num_train=case.num_left) if folds else case
        batch_size = choose_batch_size(rows, large=256)
        if pictures:
            network, macs, seconds = _with_pictures(rows, len(pictures), batch_size)
        else:
            network, macs, seconds = _network(rows, prepare, batch_size, folds)
        if _fits(seconds, case):
            break
    most, lr, decay, worth = MOST_EPOCHS, 4e-3, 3e-4, STEPS_WORTH
    if _is_small_of_categories(rows):
        most, lr = MOST_CATEGORY_EPOCHS, 5e-3
    elif rows.num_train < SMALL:
        most, lr = MOST_SMALL_EPOCHS, 2e-3
    elif _has_classes(rows) and not pictures:
        decay, worth = DECAY_OF_CLASSES, STEPS_OF_CLASSES
    case.reasons["optimizer"] = "a steady choice for tables"
    case.reasons["schedule"] = "a short warm-up, then a cosine to almost zero"
    return Design(
        prepare=prepare,
        network=network,
        optimizer=AdamW(lr=lr, weight_decay=decay),
        schedule=OneCycleLR(pct_start=0.05, cycle_momentum=False),
        batch_size=batch_size,
        epochs=choose_epochs(rows, batch_size, seconds, most, worth=worth),
        threads=choose_threads(macs * batch_size, case),
        folds=folds,
    )


def _fits(epoch_seconds: float, case: Case) -> bool:
    return FEWEST_EPOCHS * epoch_seconds <= TRAINING_SHARE * case.budget


def has_few_groups(inspection: Inspection, group: str | None) -> bool:
    """Whether a column holds too few groups to make folds of them."""
    columns = inspection.columns
    return any(c.name == group and c.distinct < FEWEST_GROUPS for c in columns)


def _may_fold(case: Case, prepare: Sequence[Step]) -> bool:
    """Whether folds can be made of the rows, and are worth the time of five networks.

    What neighbours are worth was found out from rows of all folds. Of few rows of
    nothing but categories a network learns all that there is, in many epochs: on car
    evaluation one of 16 members was right on .9988, five of 4 on .9977.
    """
    inspection = case.inspection
    return (
        FEWEST_FOLDED <= case.num_left <= MOST_FOLDED
        and not _is_small_of_categories(case)
        and inspection.time is None
        and not inspection.given.get("val")
        and not has_few_groups(inspection, inspection.group)
        and not any(isinstance(step, NeighbourTarget) for step in prepare)
        and not any(column.role == "picture" for column in inspection.columns)
    )


def _is_small_of_categories(case: Case) -> bool:
    roles = {column.role for column in case.inspection.columns} - {"ignore"}
    return case.num_train < SMALL and roles == {"category"}


def _prepare(case: Case) -> tuple[Step, ...]:
    steps: list[Step] = []

    def add(step: Step, reason: str) -> None:
        case.reasons[f"prepare.{len(steps)}"] = reason
        steps.append(step)

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
        add(
            EncodeCategories(encoding="codes"),
            f"for embeddings: {_names(categories)}",
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
            "a network learns targets around 0 best"
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


def _network(
    case: Case, prepare: tuple[Step, ...], batch_size: int, folds: int
) -> tuple[TabularMLP, int, float]:
    inspection = case.inspection
    used = [c for c in inspection.columns if c.role != "ignore"]
    if not used:
        raise DataError(
            f"{inspection.source}: no column is left to learn from (all are set "
            "aside); give columns a role in the plan's data.columns"
        )
    num_categories = sum(c.role == "category" for c in used)
    num_words = sum(_num_words(step, used) for step in prepare)
    num_numbers = sum(c.role not in ("category", "text") for c in used) + num_words
    features = num_numbers + sum(_added(step, case) for step in prepare)
    small = case.num_train < SMALL
    sizes = SMALL_SIZES if small else SIZES
    if folds:
        sizes = (SMALL_FOLDED if small else FOLDED,)
    for hidden, members in sizes:
        network = TabularMLP(
            hidden=hidden,
            dropout=_dropout(case, num_numbers),
            bins=_bins(case, num_numbers),
            number_embedding=16 if num_numbers else 8,
            members=members,
        )
        macs = table_macs(network, features, num_categories)
        seconds = table_epoch_seconds(
            macs, case.num_train, batch_size, case.machine, members, folds
        )
        if _fits(seconds, case):
            break
    num_texts = sum(c.role == "text" for c in used)
    words = f", words of {num_texts}" if num_words else ""
    case.reasons["network"] = (
        f"{num_numbers - num_words} numbers and {num_categories} categories{words}, "
        f"{case.num_train:,} training rows"
    )
    case.reasons["network.TabularMLP.members"] = (
        f"{members} networks in one err less than one, and cost less than {members}"
        if (hidden, members) == sizes[0]
        else f"as large as {FEWEST_EPOCHS} epochs allow in {case.budget:g} s"
    )
    return network, macs, seconds


def _with_pictures(
    case: Case, num_pictures: int, batch_size: int
) -> tuple[PictureTableNet, int, float]:
    """Choose a network for a table of which some columns name pictures."""
    size = (3, PICTURE_SIDE, PICTURE_SIDE)
    for channels in PICTURE_CHANNELS:
        network = PictureTableNet(
            channels=channels, dropout=0.2 if case.num_train < SMALL else 0.1
        )
        macs = num_pictures * conv_macs(ConvNet(channels=channels), *size)
        seconds = conv_epoch_seconds(macs, case.num_train, batch_size, case.machine)
        if _fits(seconds, case):
            break
    noun = "column" if num_pictures == 1 else "columns"
    case.reasons["network"] = (
        f"{num_pictures} {noun} of pictures beside the others, "
        f"{case.num_train:,} training rows"
    )
    return network, macs, seconds


def _has_classes(case: Case) -> bool:
    return case.target.task != "regression"


def _dropout(case: Case, num_numbers: int) -> float:
    if case.num_train < SMALL:
        return 0.2 if num_numbers else 0.1
    return DROPOUT_OF_CLASSES if _has_classes(case) else 0.1


def _bins(case: Case, num_numbers: int) -> int:
    """Choose few bins where there are few rows to fill them."""
    if not 0 < num_numbers <= MOST_EMBEDDED:
        return 0
    return 16 if case.num_train < SMALL else 48


def _added(step: Step, case: Case) -> int:
    """Return how many features a step adds to the numbers."""
    if isinstance(step, RotatePlace):
        return len(step.angles)
    if isinstance(step, NeighbourTarget):
        classes = len(case.target.classes)
        return len(step.neighbours) * (1 if classes <= 2 else classes)
    return 0


def _num_words(step: Step, columns: Sequence[ColumnFacts]) -> int:
    """Return how many 0/1 columns a step makes of texts, gaps of them included."""
    if not isinstance(step, BagOfWords):
        return 0
    texts = [column for column in columns if column.role == "text"]
    return sum(min(c.words, step.most) + (c.missing > 0) for c in texts)


def _names(columns: list[ColumnFacts]) -> str:
    names = [f"'{column.name}'" for column in columns]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
