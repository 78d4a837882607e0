"""Fitting the preparation of a table on its training rows."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar, assert_never

import numpy as np

from torchsmith.core.errors import DataError, PlanError, nearest
from torchsmith.core.spec import Spec
from torchsmith.core.vocabulary import ColumnKind, ColumnRole
from torchsmith.data.data import Column, Table
from torchsmith.data.lines import Lines
from torchsmith.data.neighbours import NeighbourTargets, fit_neighbours
from torchsmith.data.picture_columns import PictureColumn, fit_pictures
from torchsmith.data.scaling import Scaling
from torchsmith.data.steps import (
    BagOfWords,
    EncodeCategories,
    EncodeValues,
    FillMissing,
    NeighbourTarget,
    QuantileScale,
    Resize,
    RobustScale,
    RotatePlace,
    Standardize,
    Step,
    named_columns,
)
from torchsmith.data.tabular import (
    DAY,
    CategoryColumn,
    NumberColumn,
    RotatedPlace,
    TablePreparation,
    date_features,
    distinct_texts,
    finite_values,
    rotate,
)
from torchsmith.data.text_columns import TextColumn
from torchsmith.data.value_columns import ValueColumn

KINDS_OF_ROLE: Mapping[ColumnRole, tuple[ColumnKind, ...]] = {
    "number": ("number", "boolean"),
    "boolean": ("boolean", "number"),
    "date": ("date",),
    "category": ("text", "number", "boolean", "date"),
    "text": ("text",),
    "picture": ("text",),
    "ignore": ("text", "number", "boolean", "date"),
}
MAX_ONE_HOT = 10_000

Scaler = Standardize | RobustScale | QuantileScale
NumberRole = Literal["number", "boolean", "date"]
AnyStep = TypeVar("AnyStep", bound=Spec)


def fit_table(
    table: Table,
    steps: Sequence[Step],
    roles: Mapping[str, ColumnRole],
    targets: np.ndarray,
    classes: Sequence[str],
) -> TablePreparation:
    """Fit the steps of a plan on a table of training rows.

    Args:
        table: The training rows, nothing else.
        steps: Checked by `step_problems`.
        roles: What each column is used as.
        targets: `(N,)` of the training rows: numbers, or places of classes.
        classes: All of them; empty for numbers.

    Raises:
        DataError: A column has no values, or infinite ones.
        PlanError: A column without a role, or with one that its kind does not allow; a
            step that the data needs is not there.
    """
    _refuse_roles(table, roles)
    fill = _step(steps, FillMissing)
    scaler = (
        _step(steps, Standardize)
        or _step(steps, RobustScale)
        or _step(steps, QuantileScale)
    )
    encode = _step(steps, EncodeCategories)
    numbers: list[NumberColumn] = []
    categories: list[CategoryColumn] = []
    texts: list[TextColumn] = []
    pictures: list[PictureColumn] = []
    used = [c for c in table.columns.values() if roles[c.name] != "ignore"]
    for column in used:
        role = roles[column.name]
        if column.missing.all() and role != "text":
            raise DataError(
                f"column '{column.name}' has no value in the training part; set its "
                "role to ignore"
            )
        if role == "category":
            categories.append(_fit_category(column, encode))
        elif role == "text":
            texts.append(TextColumn.fit(column, _step(steps, BagOfWords)))
        elif role == "picture":
            pictures.append(fit_pictures(table, column, steps))
        elif role != "ignore":
            numbers.append(_fit_number(column, table.lines, role, fill, scaler))
    if _step(steps, Resize) and not pictures:
        raise PlanError(
            "prepare: Resize is for pictures, and no column of the table has the role "
            "picture; remove it"
        )
    num_one_hot = sum(len(column.levels) for column in categories if column.one_hot)
    if num_one_hot > MAX_ONE_HOT:
        raise PlanError(
            f"EncodeCategories: one_hot would make {num_one_hot:,} columns, at most "
            f"{MAX_ONE_HOT:,} are allowed; use encoding: codes, or a larger min_count"
        )
    fitted = TablePreparation(
        formats=tuple(column.format for column in used),
        numbers=tuple(numbers),
        categories=tuple(categories),
        place=_fit_place(_step(steps, RotatePlace), table, numbers, scaler),
        neighbours=_fit_neighbours(
            _step(steps, NeighbourTarget), table, numbers, scaler, (targets, classes)
        ),
        texts=tuple(texts),
        pictures=tuple(pictures),
        values=_fit_values(_step(steps, EncodeValues), table, numbers),
    )
    if not (fitted.feature_names or fitted.cardinalities):
        raise DataError(
            "no word of the texts recurs in the training part, and there is no other "
            "column to learn from; add columns, or lower min_count of BagOfWords"
        )
    return fitted


def _fit_place(
    step: RotatePlace | None,
    table: Table,
    numbers: Sequence[NumberColumn],
    scaler: Scaler | None,
) -> RotatedPlace | None:
    if step is None:
        return None
    rotated = rotate(*_coordinates(step, table, numbers), step.angles)
    return RotatedPlace(
        latitude=step.latitude,
        longitude=step.longitude,
        angles=step.angles,
        scalings=tuple(_fit_scaling(step.longitude, r, scaler) for r in rotated),
    )


def _fit_neighbours(
    step: NeighbourTarget | None,
    table: Table,
    numbers: Sequence[NumberColumn],
    scaler: Scaler | None,
    known: tuple[np.ndarray, Sequence[str]],
) -> NeighbourTargets | None:
    if step is None:
        return None
    places = _coordinates(step, table, numbers)
    fitted = fit_neighbours(step, places, *known)
    filled = dict(zip((step.latitude, step.longitude), places, strict=True))
    means = fitted.means_near(filled)
    scalings = tuple(_fit_scaling(step.longitude, m, scaler) for m in means)
    return fitted.model_copy(update={"scalings": scalings})


def _fit_values(
    step: EncodeValues | None, table: Table, numbers: Sequence[NumberColumn]
) -> tuple[ValueColumn, ...]:
    if step is None:
        return ()
    _require_numbers(step, numbers)
    return tuple(ValueColumn.fit(table.columns[name], step) for name in step.columns)


def _coordinates(
    step: RotatePlace | NeighbourTarget, table: Table, numbers: Sequence[NumberColumn]
) -> tuple[np.ndarray, np.ndarray]:
    """Return latitudes and longitudes `(N,)`, filled where they are missing."""
    _require_numbers(step, numbers)
    known = {c.name: c for c in numbers}
    filled = []
    for name in (step.latitude, step.longitude):
        values = finite_values(table.columns[name], table.lines)
        filled.append(known[name].filled(values))
    return filled[0], filled[1]


def _require_numbers(step: Step, numbers: Sequence[NumberColumn]) -> None:
    known = {c.name for c in numbers if c.role == "number"}
    for what, name in named_columns(step).items():
        if name not in known:
            raise PlanError(
                f"prepare: {step.spec_name()}.{what}: there is no number column "
                f"'{name}'{nearest(name, known)}"
            )


def _refuse_roles(table: Table, roles: Mapping[str, ColumnRole]) -> None:
    for name in roles:
        if name not in table.columns:
            raise PlanError(
                f"data.columns: no column '{name}'{nearest(name, table.columns)}; the "
                f"columns are {', '.join(table.columns)}"
            )
    for name, column in table.columns.items():
        if name not in roles:
            raise PlanError(
                f"data.columns: column '{name}' has no role; give it one, "
                "such as ignore"
            )
        if column.kind not in KINDS_OF_ROLE[roles[name]]:
            allowed = [r for r, kinds in KINDS_OF_ROLE.items() if column.kind in kinds]
            raise PlanError(
                f"data.columns.{name}: the column holds {column.kind} and cannot be "
                f"used as {roles[name]}; it can be used as {', '.join(allowed)}"
            )
    if all(roles[name] == "ignore" for name in table.columns):
        raise PlanError("data.columns: every column is ignored; nothing to learn from")


def _fit_category(column: Column, encode: EncodeCategories | None) -> CategoryColumn:
    if encode is None:
        raise PlanError(
            f"prepare: column '{column.name}' is used as category, but there is no "
            "EncodeCategories step; add one"
        )
    places, texts = distinct_texts(column)
    counts = np.bincount(places[places >= 0], minlength=len(texts)).tolist()
    levels = sorted(
        text
        for text, count in zip(texts, counts, strict=True)
        if count >= encode.min_count
    )
    if not levels:
        raise PlanError(
            f"EncodeCategories: no category of column '{column.name}' has "
            f"{encode.min_count} training rows; lower min_count, or set the column's "
            "role to ignore"
        )
    return CategoryColumn(
        name=column.name,
        levels=tuple(levels),
        one_hot=encode.encoding == "one_hot",
        gaps=bool((places < 0).any()),
        min_count=encode.min_count,
    )


def _fit_number(
    column: Column,
    lines: Lines,
    role: NumberRole,
    fill: FillMissing | None,
    scaler: Scaler | None,
) -> NumberColumn:
    values = finite_values(column, lines)
    missing = np.isnan(values)
    known = values[~missing]
    if missing.any() and fill is None:
        raise PlanError(
            f"prepare: column '{column.name}' has no value in {missing.sum()} of "
            f"{len(values)} training rows, but there is no FillMissing step; add one"
        )
    clock = False
    if role == "date":
        clock = bool((known % DAY != 0).any())
        features = date_features(known, clock=clock)
        # Days and years have a scale, points on circles are between -1 and 1.
        scalings = [_fit_scaling(column.name, f, scaler) for f in features[:2]]
        scalings += [Scaling()] * len(features[2:])
    elif role == "boolean":
        _refuse_no_boolean(column.name, known)
        scalings = [Scaling()]
    else:
        scalings = [_fit_scaling(column.name, known, scaler)]
    return NumberColumn(
        name=column.name,
        role=role,
        fill=_fill_value(known, role, fill),
        flag=bool(missing.any()) and fill is not None and fill.flag,
        low=float(known.min()),
        high=float(known.max()),
        clock=clock,
        scalings=tuple(scalings),
    )


def _refuse_no_boolean(name: str, known: np.ndarray) -> None:
    other = known[~np.isin(known, (0, 1))]
    if len(other):
        raise PlanError(
            f"data.columns.{name}: the column holds {other[0]:.15g} and cannot be used "
            "as boolean, which is 0 or 1; it can be used as number or category"
        )


def _fill_value(known: np.ndarray, role: NumberRole, fill: FillMissing | None) -> float:
    """Return the value for gaps; a number that is asked for is for number columns."""
    value = "median" if fill is None else fill.value
    if value == "mean":
        return float(np.mean(known))
    if value == "median" or role != "number":
        return float(np.median(known))
    return float(value)


def _fit_scaling(name: str, known: np.ndarray, scaler: Scaler | None) -> Scaling:
    match scaler:
        case None:
            return Scaling()
        case Standardize():
            with np.errstate(over="ignore", invalid="ignore"):
                scaling = Scaling(center=float(known.mean()), scale=_spread(known))
        case RobustScale():
            low, middle, high = np.percentile(known, (25, 50, 75)).tolist()
            # Where half of the values are equal, the range is the measure left.
            width = high - low or float(known.max() - known.min()) / 2
            scaling = Scaling(center=middle, scale=width or 1.0, clip=scaler.clip)
        case QuantileScale():
            shares = np.linspace(0, 1, scaler.quantiles + 1)
            knots = np.unique(np.quantile(known, shares))
            scaling = Scaling(knots=tuple(knots.tolist()))
        case _:
            assert_never(scaler)
    if not np.isfinite([scaling.center, scaling.scale]).all():
        raise DataError(
            f"column '{name}': values up to {np.abs(known).max():.3g} are too large to "
            "be scaled; correct them, or set its role to ignore"
        )
    return scaling


def _spread(known: np.ndarray) -> float:
    """Return the standard deviation, and 1 for a constant."""
    # The deviation of equal values is not always exactly 0 in floating point.
    if known.min() == known.max():
        return 1.0
    return float(known.std()) or 1.0


def _step(steps: Sequence[Step], kind: type[AnyStep]) -> AnyStep | None:
    return next((step for step in steps if isinstance(step, kind)), None)
