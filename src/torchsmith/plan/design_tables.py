"""The default for tables `(N, C)`."""

import re
from collections.abc import Sequence

from torchsmith.core.errors import DataError
from torchsmith.data.steps import (
    EncodeCategories,
    FillMissing,
    RobustScale,
    RotatePlace,
    StandardizeTarget,
    Step,
)
from torchsmith.inspect.inspection import ColumnFacts
from torchsmith.plan.cost import table_epoch_seconds, table_macs
from torchsmith.plan.design import (
    Case,
    Design,
    choose_batch_size,
    choose_epochs,
    choose_threads,
)
from torchsmith.plan.networks import TabularMLP
from torchsmith.plan.optimizers import AdamW
from torchsmith.plan.schedules import OneCycleLR

MOST_EPOCHS = 100

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
    batch_size = choose_batch_size(case, large=256)
    network, macs, seconds = _network(case, prepare, batch_size)
    case.reasons["optimizer"] = "a steady choice for tables"
    case.reasons["schedule"] = "warms up, then anneals to almost zero over all epochs"
    return Design(
        prepare=prepare,
        network=network,
        optimizer=AdamW(lr=2e-3, weight_decay=0.05),
        schedule=OneCycleLR(),
        batch_size=batch_size,
        epochs=choose_epochs(case, batch_size, seconds, MOST_EPOCHS),
        threads=choose_threads(macs * batch_size, case),
    )


def _prepare(case: Case) -> tuple[Step, ...]:
    steps: list[Step] = []

    def add(step: Step, reason: str) -> None:
        case.reasons[f"prepare.{len(steps)}"] = reason
        steps.append(step)

    used = [c for c in case.inspection.columns if c.role != "ignore"]
    gaps = [c for c in used if c.role != "category" and c.missing]
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
    if any(c.role != "category" for c in used):
        add(RobustScale(clip=3.0), "outliers lose their grip; fitted on train only")
    categories = [c for c in used if c.role == "category"]
    if categories:
        add(
            EncodeCategories(encoding="codes"),
            f"for embeddings: {_names(categories)}",
        )
    if case.target.task == "regression":
        add(StandardizeTarget(), "a network learns targets around 0 best")
    return tuple(steps)


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
    case: Case, prepare: tuple[Step, ...], batch_size: int
) -> tuple[TabularMLP, int, float]:
    inspection = case.inspection
    used = [c for c in inspection.columns if c.role != "ignore"]
    if not used:
        raise DataError(
            f"{inspection.source}: no column is left to learn from (all are set "
            "aside); give columns a role in the plan's data.columns"
        )
    num_categories = sum(c.role == "category" for c in used)
    num_numbers = len(used) - num_categories
    small = case.num_train < 2_000
    waves = 0 if small or num_numbers > 100 else 48
    network = TabularMLP(
        hidden=(128, 128) if small else (384, 384),
        dropout=0.1 if small else 0.2,
        frequencies=waves,
        frequency_scale=0.05,
        number_embedding=16 if waves else 8,
    )
    case.reasons["network"] = (
        f"{num_numbers} numbers and {num_categories} categories, "
        f"{case.num_train:,} training rows"
        + ("; waves of each number (frequencies) catch steep changes" if waves else "")
    )
    features = num_numbers + sum(
        len(step.angles) for step in prepare if isinstance(step, RotatePlace)
    )
    macs = table_macs(network, features, num_categories)
    seconds = table_epoch_seconds(macs, case.num_train, batch_size, case.machine)
    return network, macs, seconds


def _names(columns: list[ColumnFacts]) -> str:
    names = [f"'{column.name}'" for column in columns]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
