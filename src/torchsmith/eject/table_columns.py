"""The expressions that turn what a file holds into the columns of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from torchsmith.core.errors import PlanError
from torchsmith.data.cells import Cells
from torchsmith.data.data import Column, ColumnFormat
from torchsmith.data.numerals import parse_numbers
from torchsmith.eject.code import function, literal, quoted
from torchsmith.eject.csv_files import gaps_of, number_source

Raw = Cells | Column
"""A column as its file holds it: texts, or values that have a type already."""

_MOST_WORDS = 100
_ROOM = 84  # characters of a statement within a function


@dataclass(frozen=True)
class Conversion:
    """Columns that are converted alike.

    Attributes:
        names: Of the columns.
        source: The expression; `NAME` stands for the column's name.
    """

    names: tuple[str, ...]
    source: str


def numbers_first(formats: Sequence[ColumnFormat]) -> list[ColumnFormat]:
    """Return formats in the order in which a script converts their columns."""
    rank = {"number": 0, "boolean": 1, "date": 2, "text": 3}
    return sorted(formats, key=lambda form: rank[form.kind])


def conversions(
    formats: Sequence[ColumnFormat], raw: Mapping[str, Raw]
) -> list[Conversion]:
    """Return how each column becomes an array, columns of one kind together."""
    found: dict[str, list[str]] = {}
    shared = {
        "number": _shared_number_source(formats, raw),
        "text": _shared_text_source(formats, raw),
    }
    for form in formats:
        source = shared.get(form.kind, "")
        found.setdefault(source or _source(form, raw[form.name]), []).append(form.name)
    return [Conversion(tuple(names), source) for source, names in found.items()]


def _shared_number_source(
    formats: Sequence[ColumnFormat], raw: Mapping[str, Raw]
) -> str:
    """Return the expression that fits all columns of numbers, or an empty string."""
    forms = [form for form in formats if form.kind == "number"]
    held = [raw[form.name] for form in forms]
    cells = [column for column in held if isinstance(column, Cells)]
    styles = {(form.decimal, form.prefix, form.suffix) for form in forms}
    marks = {form.thousands for form in forms} - {""}
    if len(cells) < len(held) or len(styles) != 1 or len(marks) > 1:
        return ""
    texts = tuple(text for column in cells for text in column.texts)
    missing = tuple(dict.fromkeys(text for form in forms for text in form.missing))
    shared = {
        "thousands": "".join(marks),
        "missing": missing,
        "brackets": any(form.brackets for form in forms),
    }
    form = forms[0].model_copy(update=shared)
    # Codes tell of cells that are not there at all, which a delimited file has not.
    return _array(number_source(form, Cells("", cells[0].codes, texts)))


def _shared_text_source(formats: Sequence[ColumnFormat], raw: Mapping[str, Raw]) -> str:
    """Return the expression that fits all columns of texts, or an empty string."""
    held = [
        (form, cells)
        for form in formats
        if form.kind == "text" and isinstance(cells := raw[form.name], Cells)
    ]
    marks = {mark for form, cells in held for mark in gaps_of(form, cells)}
    for form, cells in held:
        if marks & {*map(str.strip, cells.texts)} - {*form.missing}:
            return ""  # what is a gap in one column is a category of this one
    return _text_source(sorted(marks))


def _text_source(gaps: Sequence[str]) -> str:
    marks = [gap for gap in gaps if gap]
    if not marks:
        return "np.array(texts[NAME])"
    listed = quoted(marks[0]) if len(marks) == 1 else literal(tuple(marks))
    test = f"text {'==' if len(marks) == 1 else 'in'} {listed}"
    return _array(f'"" if {test} else text')


def _source(form: ColumnFormat, raw: Raw) -> str:
    if isinstance(raw, Column):
        return _typed_source(form, raw)
    match form.kind:
        case "number":
            return _array(number_source(form, raw))
        case "boolean":
            return _array(_truth_source(form, raw))
        case "date":
            return "to_seconds(texts[NAME])"
        case "text":
            return _text_source(gaps_of(form, raw))
        case _:
            assert_never(form.kind)


def _typed_source(form: ColumnFormat, raw: Column) -> str:
    match raw.kind:
        case "number" | "boolean":
            values = "columns[NAME].astype(np.float64)"
            return f"np.ma.filled({values}, np.nan)" if raw.missing.any() else values
        case "date":
            return "to_seconds(columns[NAME])"
        case "text":
            raise AssertionError(form.name)
        case _:
            assert_never(raw.kind)


def _array(item: str) -> str:
    return f"np.array([{item} for text in texts[NAME]])"


def _truth_source(form: ColumnFormat, cells: Cells) -> str:
    no, yes = form.words or ("false", "true")
    texts = list(dict.fromkeys(map(str.strip, cells.texts)))
    gaps = gaps_of(form, cells)
    if not gaps and len(texts) == 2:
        return f"float(text == {quoted(yes)})"
    worth = {no.casefold(): "0.0", yes.casefold(): "1.0"}
    pairs = [
        f"{quoted(text)}: {'np.nan' if text in gaps else worth[text.casefold()]}"
        for text in texts
    ]
    return f"{{{', '.join(pairs)}}}[text]"


def conversion_lines(
    found: Sequence[Conversion], lists: Mapping[tuple[str, ...], str]
) -> list[str]:
    """Return the statements that make the table.

    Args:
        found: From `conversions`.
        lists: Names of constants that list columns, by these columns.
    """
    lines = []
    for place, conversion in enumerate(found):
        listed = lists.get(conversion.names) or literal(conversion.names)
        source = conversion.source.replace("NAME", "name")
        if len(conversion.names) == 1 and place and conversion.names not in lists:
            name = quoted(conversion.names[0])
            source = conversion.source.replace("NAME", name)
            lines.append(assigned(f"table[{name}]", source))
            continue
        before = "table |= {" if place else "table = {"
        one = f"{before}name: {source} for name in {listed}}}"
        if len(one) <= _ROOM:
            lines.append(one)
            continue
        item = f"name: {source}"
        if len(item) > _ROOM - 4:
            inner = source.removeprefix("np.array(").removesuffix(")")
            item = f"name: np.array(\n        {_comprehension(inner, 2)}\n    )"
        lines.append(f"{before}\n    {item}\n    for name in {listed}\n}}")
    return lines


def assigned(variable: str, source: str) -> str:
    """Write an assignment within a function, on several lines where it is long."""
    one = f"{variable} = {source}"
    inner = source.removeprefix("np.array(").removesuffix(")")
    if len(one) <= _ROOM or inner == source:
        return one
    return f"{variable} = np.array(\n    {_comprehension(inner, 1)}\n)"


def _comprehension(source: str, depth: int) -> str:
    """Write a list of what is made of each text as tools do, where it is long."""
    room, gap = _ROOM - 4 * depth, "\n" + 4 * depth * " "
    inner = source[1:-1]
    if len(source) <= room:
        return source
    if len(inner) <= room - 4:
        return f"[{gap}    {inner}{gap}]"
    item, _, rows = inner.rpartition(" for text in ")
    if len(item) > room - 4 and item.startswith("float("):
        lines = _chained(item.removeprefix("float(")[:-1], room - 8)
        item = f"float({''.join(f'{gap}        {line}' for line in lines)}{gap}    )"
    return f"[{gap}    {item}{gap}    for text in {rows}{gap}]"


def _chained(source: str, room: int) -> list[str]:
    """Write what is replaced in a text, one step on a line where it is long."""
    if len(source) <= room:
        return [source]
    before, after = [], []
    if source.startswith('"nan" if '):
        test, _, source = source.rpartition(" else ")
        before, source = ['"nan"', test.removeprefix('"nan" ')], f"else {source}"
    elif source.endswith(' or "nan"'):
        source, after = source.removesuffix(' or "nan"'), ['or "nan"']
    steps = [source]
    if len(source) > room:
        steps = source.replace(").replace(", ")\n.replace(").split("\n")
    return [*before, *steps, *after]


def target_source(
    column: Column, raw: Raw, classes: Sequence[str]
) -> tuple[str, tuple[str, ...]]:
    """Return the expression of the targets, and the constants that it needs.

    Raises:
        PlanError: The target cannot be written down in plain Python.
    """
    if not classes:
        if isinstance(raw, Cells):  # rows without a target are left out, or refused
            missing = column.format.missing
            known = tuple(text for text in raw.texts if text.strip() not in missing)
            raw = Cells(raw.name, raw.codes[raw.codes >= 0], known)
        return _source(column.format, raw).replace("NAME", "TARGET"), ()
    if isinstance(raw, Column):
        values = "columns[TARGET]"
        if raw.missing.any():  # those rows are left out
            values = "np.ma.getdata(columns[TARGET])"
        return _typed_classes(column, classes, values), ()
    texts = list(dict.fromkeys(map(str.strip, raw.texts)))
    texts = [text for text in texts if text not in column.format.missing]
    if set(texts) <= set(classes):
        return "np.array([CLASSES.index(text) for text in texts[TARGET]])", ()
    if len(texts) > _MOST_WORDS:
        raise PlanError(
            f"target '{column.name}': {len(texts)} spellings of its classes are too "
            "many to be written into a script; write the classes alike in the file"
        )
    codes = {text: _code(text, column, classes) for text in texts}
    lines = literal(codes, 0, "CODES = ")
    note = "# how each class is written in the file"
    return "np.array([CODES[text] for text in texts[TARGET]])", (f"{note}\n{lines}",)


def _code(text: str, column: Column, classes: Sequence[str]) -> int:
    """Return the code of a class that the file writes otherwise than we do."""
    if column.kind == "number":
        values, _ = parse_numbers([text], column.format)
        return classes.index(Column(column.format, values).texts()[0])
    by_fold = {name.casefold(): code for code, name in enumerate(classes)}
    return by_fold[text.removesuffix(".").casefold()]


def _typed_classes(column: Column, classes: Sequence[str], values: str) -> str:
    codes = [str(code) for code in range(len(classes))]
    if column.kind == "boolean" or list(classes) == codes:
        return f"{values}.astype(np.int64)"
    whole = all(name.removeprefix("-").isdigit() for name in classes)
    text = "str(int(value))" if whole else 'f"{value:.15g}"'
    return f"np.array([CLASSES.index({text}) for value in {values}])"


def to_seconds(formats: Sequence[ColumnFormat], raw: Mapping[str, Raw]) -> str:
    """Return the function that reads dates, or an empty string where there are none.

    Raises:
        PlanError: The file writes its dates in several ways.
    """
    dates = [form for form in formats if form.kind == "date"]
    if not dates:
        return ""
    texts = [(form, c) for form in dates if isinstance(c := raw[form.name], Cells)]
    ways = {form.date_format for form, _ in texts}
    if len(ways) > 1 or 0 < len(texts) < len(dates):
        raise PlanError(
            "the dates of several columns are written in several ways; a script reads "
            "one way only: set all of these columns but one to ignore"
        )
    gaps = {gap for form, cells in texts for gap in gaps_of(form, cells)}
    may_miss = bool(gaps) or not ways  # a typed column does not tell
    about = "Turn dates into seconds since 1970."
    if may_miss:
        about = "Turn dates into seconds since 1970; a missing one becomes NaN."
    way = ways.pop() if ways else ""
    if "%z" in way:
        lines = _with_offsets(way, sorted(gaps))
        return function("to_seconds(values)", about, lines)
    moments = ['moments = np.ma.filled(values.astype("datetime64[s]"), "NaT")']
    if way:
        moments = _parsed_dates("moments", _moment(way), '"NaT"', sorted(gaps))
        moments.append('moments = np.array(moments, dtype="datetime64[s]")')
    seconds = "moments.astype(np.int64).astype(np.float64)"
    if may_miss:
        moments.append(f"seconds = {seconds}")
        seconds = "np.where(np.isnat(moments), np.nan, seconds)"
    return function("to_seconds(values)", about, [*moments, f"return {seconds}"])


def _with_offsets(way: str, gaps: Sequence[str]) -> list[str]:
    lines = []
    if ".%f" in way:  # `strptime` reads 6 digits at most, and whole seconds are kept
        way = way.replace(".%f", "")
        cut = 're.sub("[.][0-9]+(?=[-+Z])", "", text)'
        lines = [f"values = [{cut} for text in values]"]
    parsed = f"datetime.strptime(text, {quoted(way)}).timestamp()"
    lines += _parsed_dates("seconds", parsed, "np.nan", gaps)
    return [*lines, "return np.array(seconds)"]


def _moment(way: str) -> str:
    text = "text"
    if ".%f" in way:  # `strptime` reads 6 digits at most, and whole seconds are kept
        way, text = way.partition(".%f")[0], 'text.rpartition(".")[0]'
    return f"datetime.strptime({text}, {quoted(way)})"


def _parsed_dates(
    name: str, parsed: str, nothing: str, gaps: Sequence[str]
) -> list[str]:
    pieces = [parsed]
    if gaps == [""]:
        pieces = [parsed, "if text", f"else {nothing}"]
    elif gaps:
        pieces = [nothing, f"if text in {literal(tuple(gaps))}", f"else {parsed}"]
    item, loop = " ".join(pieces), "for text in values"
    one = f"{name} = [{item} {loop}]"
    if len(one) > _ROOM:
        gap = " " if len(f"{item} {loop}") <= _ROOM - 4 else "\n    "
        item = item if len(item) <= _ROOM - 4 else "\n    ".join(pieces)
        one = f"{name} = [\n    {item}{gap}{loop}\n]"
    return [one]
