"""From the texts of a column to its values, by a format that is already known."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.wording import in_quotes
from torchsmith.data.cells import Cells, Sheet, collect
from torchsmith.data.data import Change, Column, ColumnFormat
from torchsmith.data.dates import (
    CUT_OFF,
    IN_UTC,
    has_fractions,
    has_offset,
    parse_dates,
)
from torchsmith.data.numerals import (
    MINUS,
    ROUNDED,
    difference,
    extended,
    find_many_digits,
    has_brackets,
    is_rounded,
    may_lack,
    number_text,
    parse_numbers,
)

MARKERS = frozenset(
    (
        *("?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NaT"),
        *("null", "NULL", "None", "none", "-", "--", "."),
    )
)
"""Texts that are no number, date or boolean anywhere: there is no value."""

UNLIKE = "unlike others, "
"""With this begins what was changed about a number that is written in its own way."""

_NOUNS = {
    "number": "numbers",
    "date": "dates",
    "boolean": "one of two words",
    "text": "texts",
}


@dataclass(frozen=True)
class Converted:
    """A column that was read by a format.

    Attributes:
        column: The values; missing where a text does not fit.
        changes: What reading changed.
        misfits: The rows whose text does not fit the format.
        first: The first text that does not fit.
    """

    column: Column
    changes: tuple[Change, ...]
    misfits: np.ndarray
    first: str


def convert(raw: Cells | Column, form: ColumnFormat, sheet: Sheet) -> Converted:
    """Read a column by a format.

    Args:
        raw: A column of `sheet`.
        form: How its texts become values.
        sheet: Where the column stands, for line numbers.
    """
    if isinstance(raw, Column):
        if (column := _retyped(raw, form)) is not None:
            changes = [] if form.kind == "date" else _infinities(column, sheet)
            return Converted(column, tuple(changes), np.empty(0, np.intp), "")
        raw = to_cells(raw)
    texts = [text.strip() for text in raw.texts]
    missing = frozenset(form.missing)
    if form.kind != "text":
        missing |= MARKERS  # rows to predict may have one that training had not
    gone = np.fromiter(map(missing.__contains__, texts), bool, len(texts))
    if form.kind == "text":
        column = _text_column(raw, texts, gone, form)
        fits = np.ones(len(texts), bool)
    else:
        values, fits = _values(texts, form)
        values[gone] = np.array("NaT" if form.kind == "date" else "nan", values.dtype)
        nothing = np.array(["NaT" if form.kind == "date" else "nan"], values.dtype)
        column = Column(form, np.append(values, nothing)[raw.codes])
        fits |= gone
    misfits = raw.rows(~fits)
    changes = [*_marked(raw, gone, sheet), *_edited(raw, gone, column, sheet)]
    first = raw.texts[raw.codes[misfits[0]]] if len(misfits) else ""
    return Converted(column, tuple(changes), misfits, first)


def convert_all(
    raw: Cells | Column, form: ColumnFormat, sheet: Sheet, remedy: str
) -> Converted:
    """Read a column by a format that must fit every value.

    Args:
        raw: A column of `sheet`.
        form: How its texts become values.
        sheet: Where the column stands, for line numbers.
        remedy: What to do about values that do not fit, for the message.

    Raises:
        DataError: Values do not fit; says how many, the first, and the lines.
    """
    converted = convert(raw, form, sheet)
    if len(misfits := converted.misfits):
        what = _NOUNS[form.kind]
        if form.kind == "date":
            what += f" of the form {form.date_format}"
        elif form.decimal == ",":
            what += " with a decimal comma"
        elif form.words:
            what += f" ({form.words[0]}, {form.words[1]})"
        odd = difference(converted.first.strip(), form) if form.kind == "number" else ""
        first = in_quotes(converted.first) + (f" with {odd}" if odd else "")
        every = f"; all: {sheet.lines.take(misfits)}" if len(misfits) > 1 else ""
        raise DataError(
            f"{sheet.source}: column '{form.name}': {len(misfits):,} of "
            f"{len(converted.column.values):,} values are not {what} (first: "
            f"{first}, {sheet.lines.name(misfits[0])}{every}); {remedy}"
        )
    return converted


def to_cells(column: Column) -> Cells:
    """Write a typed column as texts."""
    if column.kind != "number":
        texts = column.texts()
    else:
        distinct, codes = np.unique(column.values, return_inverse=True)
        shown = [number_text(value) for value in distinct.tolist()]
        texts = [shown[code] for code in codes.tolist()]
    known = zip(texts, column.missing.tolist(), strict=True)
    return collect(column.name, [None if gone else text for text, gone in known])


def _retyped(column: Column, form: ColumnFormat) -> Column | None:
    """Return a typed column under the format, if its values already are that."""
    kinds = (column.kind, form.kind)
    as_number = kinds == ("boolean", "number")
    as_boolean = kinds == ("number", "boolean") and bool(
        np.isin(column.values[~column.missing], (0, 1)).all()
    )
    if column.kind == form.kind or as_number or as_boolean:
        return replace(column, format=form)
    return None


def _values(texts: list[str], form: ColumnFormat) -> tuple[np.ndarray, np.ndarray]:
    if form.kind == "number":
        return parse_numbers(texts, form)
    if form.kind == "date":
        return parse_dates(texts, form.date_format)
    no, yes = form.words or ("false", "true")
    worth = {no.casefold(): 0.0, yes.casefold(): 1.0}
    values = np.array([worth.get(text.casefold(), np.nan) for text in texts], float)
    return values, ~np.isnan(values)


def _text_column(
    cells: Cells, texts: list[str], gone: np.ndarray, form: ColumnFormat
) -> Column:
    level: dict[str, int] = {}
    codes = [
        -1 if missing else level.setdefault(text, len(level))
        for text, missing in zip(texts, gone.tolist(), strict=True)
    ]
    values = np.array([*codes, -1], dtype=np.int32)[cells.codes]
    return Column(form, values, tuple(level))


def _marked(cells: Cells, gone: np.ndarray, sheet: Sheet) -> Iterator[Change]:
    """Tell of texts, other than the empty one, that were read as missing."""
    for code in np.flatnonzero(gone):
        if text := cells.texts[code]:
            rows = np.flatnonzero(cells.codes == code)
            what = f"{text!r} read as missing"
            yield sheet.change(cells.name, what, rows, text)


def _edited(
    cells: Cells, gone: np.ndarray, column: Column, sheet: Sheet
) -> Iterator[Change]:
    """Tell of texts that lost something on the way to their value."""
    form = column.format
    if form.kind == "text":
        lost = {"surrounding spaces removed": [t != t.strip() for t in cells.texts]}
    elif form.kind == "date":
        lost = _lost_of_dates(cells, form)
    elif form.kind == "number":
        yield from _infinities(column, sheet)
        lost = _lost_of_numbers(cells, form)
    elif form.words:
        stripped = [text.strip() for text in cells.texts]
        told = f"read as {form.words[0]!r} or {form.words[1]!r} whatever the case"
        lost = {told: [text not in form.words for text in stripped]}
    else:
        return
    for what, where in lost.items():
        chosen = np.array(where, dtype=bool) & ~gone
        if chosen.any():
            rows = cells.rows(chosen)
            yield sheet.change(
                cells.name, what, rows, cells.texts[cells.codes[rows[0]]]
            )


def _lost_of_dates(cells: Cells, form: ColumnFormat) -> dict[str, list[bool]]:
    texts = [text.strip() for text in cells.texts]
    lost = {CUT_OFF: [*map(has_fractions, texts)]}
    if "%z" in form.date_format:
        lost[IN_UTC] = [*map(has_offset, texts)]
    if "%y" in form.date_format:
        told = "years of two digits read as 1969 to 2039"
        lost[told] = [True] * len(texts)
    return lost


def _lost_of_numbers(cells: Cells, form: ColumnFormat) -> dict[str, list[bool]]:
    mark = extended(form).thousands
    removed = {
        f"{'' if form.thousands else UNLIKE}thousands separator {mark!r} removed": mark,
        f"{form.prefix!r} removed from numbers": form.prefix,
        f"{form.suffix!r} removed from numbers": form.suffix,
        "decimal comma read as a point": form.decimal if form.decimal != "." else "",
        f"{MINUS!r} read as a minus sign": MINUS,
    }
    lost = {
        what: [mark in text for text in cells.texts]
        for what, mark in removed.items()
        if mark
    }
    for sign in may_lack(form):
        lost[f"{UNLIKE}read without {sign!r}"] = [sign not in t for t in cells.texts]
    texts = map(str.strip, cells.texts)
    brackets = f"{'' if form.brackets else UNLIKE}brackets read as a minus sign"
    lost[brackets] = [*map(has_brackets, texts)]
    lost[ROUNDED] = _rounded(cells, form)
    return lost


def _rounded(cells: Cells, form: ColumnFormat) -> list[bool]:
    long = find_many_digits(cells.texts)
    rounded = [False] * len(cells.texts)
    if long:
        texts = [cells.texts[code].strip() for code in long]
        values, _ = parse_numbers(texts, form)
        for code, text, value in zip(long, texts, values.tolist(), strict=True):
            rounded[code] = is_rounded(text, value)
    return rounded


def _infinities(column: Column, sheet: Sheet) -> Iterator[Change]:
    rows = np.flatnonzero(np.isinf(column.values))
    if len(rows):
        example = str(column.values[rows[0]])
        yield sheet.change(column.name, "infinite value", rows, example)
