"""The default for tables `(N, C)`."""

from collections.abc import Sequence
from dataclasses import replace

from torchsmith.core.errors import DataError
from torchsmith.data.steps import (
    EncodeValues,
    NeighbourTarget,
    Step,
)
from torchsmith.inspect.inspection import Inspection
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
from torchsmith.plan.design_table_steps import (
    MOST_EMBEDDED,
    PICTURE_SIDE,
    num_added,
    num_words,
    prepare_table,
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

PICTURE_CHANNELS = ((32, 64, 128), (16, 32, 64), (8, 16, 32))
"""Of the network that reads them: the most work first."""

FOLDS = 5

FEWEST_FOLDED, MOST_FOLDED = 50, 10_000
"""Rows that are not tested, of which folds are made. With fewer a fold has hardly any;
with more a val part is little of them, and five networks take long."""

FEWEST_GROUPS = 20
"""Of which folds are made, each in one of them."""


def design_table(case: Case) -> Design:
    """Choose preparation, network and training for a table.

    Raises:
        DataError: No column is left to learn from.
    """
    prepare = prepare_table(case)
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
    words = sum(num_words(step, used) for step in prepare)
    num_numbers = sum(c.role not in ("category", "text") for c in used) + words
    features = num_numbers + sum(num_added(step, case) for step in prepare)
    num_values = sum(
        len(step.columns) for step in prepare if isinstance(step, EncodeValues)
    )
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
        macs = table_macs(network, features, num_categories + num_values)
        seconds = table_epoch_seconds(
            macs, case.num_train, batch_size, case.machine, members, folds
        )
        if _fits(seconds, case):
            break
    num_texts = sum(c.role == "text" for c in used)
    of_texts = f", words of {num_texts}" if words else ""
    case.reasons["network"] = (
        f"{num_numbers - words} numbers and {num_categories} categories{of_texts}, "
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
