"""Deciding what the texts of each column are, on the whole column."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torchsmith.core.errors import DataError
from torchsmith.core.vocabulary import ColumnRole
from torchsmith.data.cells import Cells, Sheet
from torchsmith.data.convert import MARKERS, to_cells
from torchsmith.data.data import Change, Column, ColumnFormat
from torchsmith.data.dates import find_date_formats
from torchsmith.data.numerals import (
    best_number_format,
    find_number_format,
    looks_like_code,
)
from torchsmith.data.strays import find_strays

_WORDS = (("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"), ("off", "on"))
_LONGEST_NAME = 1000
"""Characters of a column's name in a plan: a key of YAML has 1,024 at most."""

_KINDS = {
    "number": "number",
    "boolean": "boolean",
    "date": "date",
    "category": "text",
    "text": "text",
    "picture": "text",
}


@dataclass(frozen=True)
class Decided:
    """What was decided about a sheet.

    Attributes:
        formats: For every column, how its texts become values.
        changes: Columns that are nearly numbers or dates but are read as text.
        notes: What could not be told for certain.
    """

    formats: Mapping[str, ColumnFormat]
    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def decide_formats(sheet: Sheet, roles: Mapping[str, ColumnRole]) -> Decided:
    """Decide the format of every column.

    A column is a date, number or boolean only if every value is; numbers that would
    lose leading zeros or digits stay text. A marker such as "NA" is missing where all
    other values of the column are numbers, dates or booleans. In a column of texts "?"
    is missing; another marker is only if it marks a missing number, date or boolean
    elsewhere in the file, and the texts are not all short codes like it (a country
    "NA" is Namibia).

    Args:
        sheet: The columns.
        roles: What some columns must be; the others are decided by their texts.

    Raises:
        DataError: A column cannot be what its role says, or has too long a name.
    """
    _refuse_long_names(sheet)
    natural = {name: _natural(raw) for name, raw in sheet.columns.items()}
    natural = _with_decimal_commas(sheet, natural)
    natural, notes = _settle_date_orders(sheet, natural)
    marks = {
        m for form in natural.values() if form.kind != "text" for m in form.missing
    }
    formats: dict[str, ColumnFormat] = {}
    changes: list[Change] = []
    for name, raw in sheet.columns.items():
        form = _with_file_markers(raw, natural[name], marks)
        role = roles.get(name)
        if role is None:
            changes += find_strays(raw, form, sheet)
        elif role != "ignore" and form.kind != _KINDS[role]:
            form = _forced(raw, form, role, sheet)
        formats[name] = form
    return Decided(formats, tuple(changes), notes)


def _refuse_long_names(sheet: Sheet) -> None:
    """Refuse a name that could not be read back from a plan."""
    for number, name in enumerate(sheet.columns, 1):
        # In quotes, a quote takes two characters and what cannot be shown up to ten.
        written = sum(
            (2 if c in "'\"\\" else 1) if c.isprintable() else 10 for c in name
        )
        if written <= _LONGEST_NAME:
            continue
        more = f", {written:,} as a plan writes it" if written > len(name) else ""
        is_text = sheet.lines.unit == "line"
        hint = "; if it is a value, put a header above it" * is_text
        start = " ".join(name[:30].split())
        raise DataError(
            f"{sheet.source}: the name of column {number}, '{start}…', has "
            f"{len(name):,} characters{more}; it may have at most "
            f"{_LONGEST_NAME:,}: give it a shorter name{hint}"
        )


def _natural(raw: Cells | Column) -> ColumnFormat:
    """Decide by the texts of one column alone."""
    if isinstance(raw, Column):
        return raw.format
    name, texts = raw.name, _filled(raw)
    marked = [text for text in texts if text in MARKERS]
    markers = ("", *marked)
    rest = [text for text in texts if text not in MARKERS] if marked else texts
    if any(any(map(str.isdigit, text)) for text in rest):
        dates = find_date_formats(rest)
        if dates and (dates[0] != "%Y%m%d" or _likely_years(rest)):
            return ColumnFormat(
                name=name, kind="date", missing=markers, date_format=dates[0]
            )
        number = find_number_format(rest, name)
        if number is not None and not looks_like_code(rest, number):
            return number.model_copy(update={"missing": markers})
    if words := _boolean_words(raw, rest):
        return ColumnFormat(name=name, kind="boolean", missing=markers, words=words)
    has_mark = "?" in texts and any(map(str.isalnum, "".join(rest)))
    return ColumnFormat(
        name=name, kind="text", missing=("", "?") if has_mark else ("",)
    )


def _filled(cells: Cells) -> list[str]:
    """Return the distinct texts without surrounding spaces, but not the empty one."""
    texts = dict.fromkeys(map(str.strip, cells.texts))
    texts.pop("", None)
    return [*texts]


def _likely_years(texts: Sequence[str]) -> bool:
    return all("1900" <= text[:4] <= "2100" for text in texts)


def _boolean_words(cells: Cells, texts: Sequence[str]) -> tuple[str, str] | None:
    """Return the text of false and of true as the column mostly writes them."""
    found = {text.casefold() for text in texts}
    for no, yes in _WORDS:
        if found == {no, yes}:
            counted = dict.fromkeys(texts, 0)
            for text, count in zip(cells.texts, cells.counts.tolist(), strict=True):
                if text.strip() in counted:
                    counted[text.strip()] += count
            often = sorted(counted, key=counted.__getitem__, reverse=True)
            return (
                next(text for text in often if text.casefold() == no),
                next(text for text in often if text.casefold() == yes),
            )
    return None


def _with_decimal_commas(
    sheet: Sheet, natural: dict[str, ColumnFormat]
) -> dict[str, ColumnFormat]:
    """Read "1,234" as 1.234 if other columns leave no doubt that commas are decimal."""
    numbers = {
        name: _unmarked(raw)
        for name, raw in sheet.columns.items()
        if isinstance(raw, Cells) and natural[name].kind == "number"
    }
    commas = any(natural[name].decimal == "," for name in numbers)
    points = any(
        natural[name].decimal == "." and re.search(r"\.(?!\d{3}\)?$)\d", text)
        for name, texts in numbers.items()
        for text in texts
    )
    if not commas or points:
        return natural
    read_again = {
        name: form.model_copy(update={"missing": natural[name].missing})
        for name, texts in numbers.items()
        if (form := find_number_format(texts, name, comma=True)) is not None
    }
    return natural | read_again


def _unmarked(cells: Cells) -> list[str]:
    return [text for text in _filled(cells) if text not in MARKERS]


def _with_file_markers(
    raw: Cells | Column, form: ColumnFormat, marks: set[str]
) -> ColumnFormat:
    if form.kind != "text" or isinstance(raw, Column):
        return form
    texts = _filled(raw)
    rest = [text for text in texts if text not in marks]
    if all(re.fullmatch("[A-Z]{1,3}", text) for text in rest):
        return form
    missing = (*form.missing, *(t for t in texts if t in marks - {*form.missing}))
    return form.model_copy(update={"missing": missing})


def _settle_date_orders(
    sheet: Sheet, natural: dict[str, ColumnFormat]
) -> tuple[dict[str, ColumnFormat], tuple[str, ...]]:
    """Settle whether the day or the month comes first, and say where nobody can."""
    dates = {
        name: (texts[0], find_date_formats(texts))
        for name, raw in sheet.columns.items()
        if isinstance(raw, Cells) and natural[name].date_format[:2] in {"%d", "%m"}
        for texts in [_unmarked(raw)]
    }
    certain = {found[0] for _, found in dates.values() if len(found) == 1}
    settled, notes = dict(natural), []
    for name, (text, found) in dates.items():
        if len(found) > 1:
            chosen = next((form for form in found if form in certain), found[0])
            settled[name] = natural[name].model_copy(update={"date_format": chosen})
            first = "day" if chosen.startswith("%d") else "month"
            notes.append(
                f"column '{name}': '{text}' may have the day or the month first; "
                f"read with the {first} first"
            )
    return settled, tuple(notes)


def _forced(
    raw: Cells | Column, form: ColumnFormat, role: ColumnRole, sheet: Sheet
) -> ColumnFormat:
    """Return the format by which a column is what its role says.

    What does not fit it is found, with its lines, when the column is read.
    """
    name = form.name
    cells = to_cells(raw) if isinstance(raw, Column) else raw
    rest = _unmarked(cells)
    missing = ("", *(text for text in _filled(cells) if text in MARKERS))
    if role in ("category", "text", "picture"):
        return ColumnFormat(name=name, kind="text", missing=form.missing)
    if role == "number":
        if isinstance(raw, Column) and raw.kind == "boolean":
            return ColumnFormat(name=name, kind="number")
        texts = [text.strip() for text in cells.texts]
        best, _ = best_number_format(texts, cells.counts, name)
        return best.model_copy(update={"missing": missing})
    if role == "boolean":
        if not set(rest) <= {"0", "1"}:
            raise DataError(
                f"{sheet.source}: column '{name}' cannot be boolean: its values are "
                f"not two words such as no and yes, or 0 and 1 (found: "
                f"{', '.join(map(repr, rest[:5]))}); use it as a category"
            )
        return ColumnFormat(
            name=name, kind="boolean", missing=missing, words=("0", "1")
        )
    dates = find_date_formats(rest) or find_date_formats(rest[:1])
    date = dates[0] if dates else "%Y-%m-%d"
    return ColumnFormat(name=name, kind="date", missing=missing, date_format=date)
