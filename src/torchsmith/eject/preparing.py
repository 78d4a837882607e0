"""The part of a script that turns the columns of a table into numbers."""

from collections.abc import Sequence
from typing import assert_never

import numpy as np

from torchsmith.data.neighbours import NeighbourTargets
from torchsmith.data.steps import (
    EncodeCategories,
    EncodeValues,
    FillMissing,
    QuantileScale,
    RobustScale,
    Standardize,
    Step,
)
from torchsmith.data.tabular import (
    NumberColumn,
    RotatedPlace,
    TablePreparation,
    raw_values,
)
from torchsmith.eject.code import (
    Section,
    block,
    comment,
    function,
    joined,
    literal,
    quoted,
    short,
)
from torchsmith.eject.date_columns import date_functions, expand_name
from torchsmith.eject.neighbours import neighbour_function, neighbour_lines
from torchsmith.eject.picture_columns import picture_functions, picture_lines
from torchsmith.eject.subject import Subject
from torchsmith.eject.targets import loss_targets
from torchsmith.eject.text_columns import word_functions

Scaler = Standardize | RobustScale | QuantileScale


def prepare_section(subject: Subject) -> Section:
    """Write how columns become the inputs of the network."""
    table = subject.preparation.table
    if table is None:
        raise AssertionError(subject.name)
    steps = subject.plan.prepare
    code = [
        _fill_function(subject, table),
        _scale_function(subject, table),
        *date_functions(
            table.numbers, scaled=_scaler(steps) is not None, gaps=_gaps(subject, table)
        ),
        neighbour_function(table),
        _encode_function(subject, table, steps),
        _values_function(steps),
        *word_functions(table, steps),
        *picture_functions(subject, table),
        _prepare_function(subject, table),
    ]
    return Section(
        title="Prepare",
        about=(
            "Whatever is fitted to data (medians, scales, categories) is fitted to the "
            "training part alone, as if the other parts were not known yet."
        ),
        code=joined(code),
        steps=(
            f"inputs = prepare({_prepare_arguments(table)})",
            *loss_targets(subject)[1],
        ),
    )


def _scaler(steps: Sequence[Step]) -> Scaler | None:
    return next((s for s in steps if isinstance(s, Scaler)), None)


def _values(subject: Subject, column: NumberColumn) -> np.ndarray:
    return raw_values(subject.columns[column.name])


def _has_gaps(subject: Subject, columns: Sequence[NumberColumn]) -> bool:
    return any(np.isnan(_values(subject, column)).any() for column in columns)


def _gaps(subject: Subject, table: TablePreparation) -> frozenset[str]:
    return frozenset(c.name for c in table.numbers if _has_gaps(subject, [c]))


def _fill_function(subject: Subject, table: TablePreparation) -> str:
    """Write how gaps are filled, where `prepare` or `scale` needs it."""
    placed = [p for p in (table.place, table.neighbours) if p]
    special = {name for place in placed for name in (place.latitude, place.longitude)}
    fixed = _fixed_fill(subject)
    needed = [
        column
        for column in table.numbers
        if fixed is None or column.role != "number" or column.name in special
    ]
    if not _has_gaps(subject, needed):
        return ""
    fill = next((s for s in subject.plan.prepare if isinstance(s, FillMissing)), None)
    value = fill.value if fill and isinstance(fill.value, str) else "median"
    about = f"Put the {value} of the training part where there is no value."
    made = [
        "known = values[train][~np.isnan(values[train])]",
        f"return np.where(np.isnan(values), np.{value}(known), values)",
    ]
    return function("fill(values, train)", about, made)


def _fixed_fill(subject: Subject) -> float | None:
    """Return the number that stands where a number is missing, if the plan says one."""
    fill = next((s for s in subject.plan.prepare if isinstance(s, FillMissing)), None)
    return None if fill is None or isinstance(fill.value, str) else fill.value


def _filled(subject: Subject, values: str) -> str:
    fixed = _fixed_fill(subject)
    if fixed is None:
        return f"fill({values}, train)"
    return f"np.where(np.isnan({values}), {fixed!r}, {values})"


def _scale_function(subject: Subject, table: TablePreparation) -> str:
    scaler = _scaler(subject.plan.prepare)
    columns = [c for c in table.numbers if c.role != "boolean"]
    if scaler is None or not columns:
        return ""
    known, filled = ["known = values[train]"], "values"
    if _has_gaps(subject, [c for c in columns if c.role == "number"]):
        known = ["known = values[train][~np.isnan(values[train])]"]
        filled = _filled(subject, "values")
    match scaler:
        case Standardize():
            about = "Subtract the mean and divide by the standard deviation."
            body = [f"return ({filled} - known.mean()) / known.std()"]
            if any(_may_be_constant(subject, column) for column in columns):
                body = [
                    "# A column that never changes has no deviation.",
                    "deviation = 1.0 if known.min() == known.max() else known.std()",
                    f"return ({filled} - known.mean()) / deviation",
                ]
        case RobustScale():
            about, body = _robust(subject, columns, scaler, filled)
        case QuantileScale():
            about = (
                "Give each value its place among the quantiles of the training part,\n"
                "evenly from -√3 to √3: the mean is 0, the deviation 1."
            )
            body = _quantile_lines(subject, columns, scaler, filled)
        case _:
            assert_never(scaler)
    return function("scale(values, train)", about, [*known, *body])


def _quantile_lines(
    subject: Subject,
    columns: Sequence[NumberColumn],
    scaler: QuantileScale,
    filled: str,
) -> list[str]:
    bound = "3**0.5"
    if any(_may_be_constant(subject, column) for column in columns):
        bound = "3**0.5 * (len(knots) > 1)  # 0 for a column that never changes"
    return [
        f"shares = np.linspace(0, 1, {scaler.quantiles + 1})",
        "knots = np.unique(np.quantile(known, shares))",
        f"bound = {bound}",
        "places = np.linspace(-bound, bound, len(knots))",
        f"return np.interp({filled}, knots, places)",
    ]


def _may_be_constant(subject: Subject, column: NumberColumn) -> bool:
    if column.role == "date":
        return True  # the years may well be all the same
    known = _values(subject, column)[subject.parts.train]
    known = known[~np.isnan(known)]
    return bool(known.min() == known.max())


def _robust(
    subject: Subject,
    columns: Sequence[NumberColumn],
    scaler: RobustScale,
    filled: str,
) -> tuple[str, list[str]]:
    about = "Subtract the median and divide by the distance of the quartiles."
    body = ["low, middle, high = np.percentile(known, (25, 50, 75))"]
    width = "(high - low)"
    if any(_has_no_width(subject, column) for column in columns):
        body += [
            "# Where half of the values are equal, half of the range is the measure.",
            "width = (high - low) or (known.max() - known.min()) / 2 or 1.0",
        ]
        width = "width"
    if not scaler.clip:
        return about, [*body, f"return ({filled} - middle) / {width}"]
    bound = short(scaler.clip)
    about += f"\nOutliers are drawn in smoothly, so that none is beyond {bound}."
    scaled = "scaled / np.hypot(1.0, scaled)"
    if bound != 1:
        scaled = f"scaled / np.hypot(1.0, scaled / {bound})"
    return about, [*body, f"scaled = ({filled} - middle) / {width}", f"return {scaled}"]


def _has_no_width(subject: Subject, column: NumberColumn) -> bool:
    if column.role == "date":
        return True  # the years of a part may well be half equal
    known = _values(subject, column)[subject.parts.train]
    low, high = np.percentile(known[~np.isnan(known)], (25, 75)).tolist()
    return bool(low == high)


def _encode_function(
    subject: Subject, table: TablePreparation, steps: Sequence[Step]
) -> str:
    encode = next((s for s in steps if isinstance(s, EncodeCategories)), None)
    if encode is None or not table.categories:
        return ""
    names = [column.name for column in table.categories]
    gaps = any(subject.columns[name].missing.any() for name in names)
    less = ' - {""}' if gaps else ""
    known = [f"levels = sorted(set(values[train].tolist()){less})"]
    if encode.min_count > 1:
        known = [
            "counts = Counter(values[train].tolist())",
            "levels = sorted(level for level, count in counts.items() "
            f"if level and count >= {encode.min_count})",
        ]
    if encode.encoding == "codes":
        about = "Number the categories of the training part from 1.\n"
        about += "0 stands for a missing one, and for one that it does not have."
        body = [
            *known,
            "codes = {level: code for code, level in enumerate(levels, start=1)}",
            "return np.array([codes.get(value, 0) for value in values.tolist()])",
        ]
        return function("encode(values, train)", about, body)
    about = "Make a column of 0 and 1 of each category that the training part has."
    body = [*known, "return [values == level for level in levels]"]
    return function("one_hot(values, train)", about, body)


def _values_function(steps: Sequence[Step]) -> str:
    step = next((s for s in steps if isinstance(s, EncodeValues)), None)
    if step is None:
        return ""
    about = "Number the values that recur in the training part from 1.\n"
    about += "0 stands for any other, and for a missing one."
    body = [
        "found, counts = np.unique(values[train], return_counts=True)",
        f"known = found[(counts >= {step.min_count}) & ~np.isnan(found)]",
        "codes = {value: code for code, value in enumerate(known.tolist(), start=1)}",
        "return np.array([codes.get(value, 0) for value in values.tolist()])",
    ]
    return function("encode_values(values, train)", about, body)


def _prepare_function(subject: Subject, table: TablePreparation) -> str:
    lines = [*_number_lines(subject, table), *_place_lines(subject, table)]
    lines += neighbour_lines(
        table,
        [] if table.place else _coordinate_lines(subject, table, table.neighbours),
        scaled=_scaler(subject.plan.prepare) is not None,
    )
    flagged = [column.name for column in table.numbers if column.flag]
    if flagged:
        lines.append("# Whether a value is missing may tell something, too.")
        lines.append(_listed("features", "np.isnan(table[NAME])", flagged))
    if any(column.one_hot for column in table.categories):
        one_hot = "features += one_hot(table[name], train)"
        lines.append(block("for name in CATEGORIES:", [one_hot]))
    if table.texts:
        words = "features += bag_of_words(table[name], train)"
        lines.append(block("for name in TEXTS:", [words]))
    lines += picture_lines(subject, table)
    if any(not column.one_hot for column in table.categories):
        lines.append("features += [encode(table[name], train) for name in CATEGORIES]")
    if table.values:
        lines.append("# An exact number may mean something of its own.")
        values = [column.name for column in table.values]
        lines.append(_listed("features", "encode_values(table[NAME], train)", values))
    if lines[0].startswith("features += "):
        lines[0] = lines[0].replace("features += ", "features = ", 1)
    else:
        lines.insert(0, "features = []")
    width = len(table.feature_names) + len(table.cardinalities)
    about = f"Return the inputs of the network, (N, {width})."
    if table.feature_names and table.cardinalities:
        pixels = ", then pixels" if table.pictures else ""
        about += f"\nNumbers come first{pixels}, then codes."
    if table.pictures:
        one = "feature.astype(np.float32) for feature in features"
        lines.append(f"return np.column_stack([{one}])")
    else:
        lines.append("return np.stack(features, axis=1).astype(np.float32)")
    return function(f"prepare({_prepare_arguments(table)})", about, lines)


def _prepare_arguments(table: TablePreparation) -> str:
    return "table, targets, train" if table.neighbours else "table, train"


def _listed(target: str, source: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{target} += [{source.replace('NAME', quoted(names[0]))}]"
    one = source.replace("NAME", "name")
    line = f"{target} += [{one} for name in {literal(tuple(names))}]"
    if len(line) <= 84:
        return line
    return f"{target} += [\n    {one}\n    for name in {literal(tuple(names), 2)}\n]"


def _number_lines(subject: Subject, table: TablePreparation) -> list[str]:
    """Return the statements that make the features of number, boolean, date columns."""
    numbers = list(table.numbers)
    if not numbers:
        return []
    if {column.role for column in numbers} == {"number"}:
        source = _number_source(subject, numbers[0], gaps=_has_gaps(subject, numbers))
        return [f"features += [{source.replace('NAME', 'name')} for name in NUMBERS]"]
    items = "".join(
        f"    {source.replace('NAME', quoted(column.name))},\n"
        for column in numbers
        for source in [
            _number_source(subject, column, gaps=_has_gaps(subject, [column]))
        ]
    )
    return [f"features += [\n{items}]"]


def _number_source(subject: Subject, column: NumberColumn, *, gaps: bool) -> str:
    match column.role:
        case "date":
            return f"*{expand_name(clock=column.clock)}(table[NAME], train)"
        case "boolean":
            return "fill(table[NAME], train)" if gaps else "table[NAME]"
        case "number":
            if _scaler(subject.plan.prepare) is not None:
                return "scale(table[NAME], train)"
            return _filled(subject, "table[NAME]") if gaps else "table[NAME]"
        case _:
            assert_never(column.role)


def _place_lines(subject: Subject, table: TablePreparation) -> list[str]:
    if table.place is None:
        return []
    place = table.place
    scaled = _scaler(subject.plan.prepare) is not None
    turned = "np.cos(angle) * longitude + np.sin(angle) * latitude"
    lines = [
        comment(
            "A border between regions rarely runs along a degree of latitude: the "
            "place is added as seen along other directions.",
            1,
        )
    ]
    lines += _coordinate_lines(subject, table, place)
    angles = literal(tuple(short(angle) for angle in place.angles))
    item = "scale(turned, train)" if scaled else "turned"
    return [
        *lines,
        f"for angle in np.deg2rad({angles}):",
        f"    turned = {turned}",
        f"    features.append({item})",
    ]


def _coordinate_lines(
    subject: Subject,
    table: TablePreparation,
    place: RotatedPlace | NeighbourTargets | None,
) -> list[str]:
    """Return the statements that make `latitude` and `longitude`."""
    if place is None:
        return []
    lines = []
    for what, name in (("latitude", place.latitude), ("longitude", place.longitude)):
        column = next(c for c in table.numbers if c.name == name)
        filled = f"table[{quoted(name)}]"
        if np.isnan(_values(subject, column)).any():
            filled = f"fill({filled}, train)"
        lines.append(f"{what} = {filled}")
    return lines
