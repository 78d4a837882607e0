"""Reading CSV and its relatives: delimiter, header and rows, by evidence."""

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from torchsmith.core.errors import DataError
from torchsmith.data.cells import Collector, Sheet
from torchsmith.data.data import Change
from torchsmith.data.encoding import line_at
from torchsmith.data.header import has_header, name_columns
from torchsmith.data.lines import Lines

_DELIMITERS = {"\t": "tab", ";": "semicolon", "|": "pipe", ",": "comma"}
_NONE = "\x1f"
_NAMED = re.compile(r"sep=([^\w\"'\r\n])(?:\r\n?|\n|$)", re.IGNORECASE)
"""A first line by which spreadsheets name the delimiter."""
_SAMPLE = 1 << 17  # characters that decide the delimiter
_BLOCK = 4096  # rows at a time, so that a large file is never all in pieces


@dataclass(frozen=True)
class Dialect:
    """How fields are separated.

    Attributes:
        delimiter: One character; one that no text holds where there is one column.
        quote: The character around fields that hold delimiters.
        skip_space: Whether delimiters are followed by spaces before quotes.
        width: How many fields the first row has.
        named: Whether a line above the table names the delimiter.
    """

    delimiter: str
    quote: str
    skip_space: bool
    width: int
    named: bool = False

    def reader(self, text: str, *, strict: bool = True) -> "Iterator[list[str]]":
        """Read rows; the reader's `line_num` counts lines, whatever ends them."""
        rows = csv.reader(
            io.StringIO(text, newline=""),
            delimiter=self.delimiter,
            quotechar=self.quote,
            skipinitialspace=self.skip_space,
            strict=strict,
        )
        if self.named:
            next(rows)
        return rows


def read_delimited(text: str, source: str, known: Collection[str] = ()) -> Sheet:
    """Read a delimited text into columns of texts.

    Args:
        text: The whole file.
        source: What to call the file in messages.
        known: Names that columns are known to have; a first row that holds one of them
            is a header.

    Raises:
        DataError: The file is empty, has no rows, a ragged row, an unclosed quote, a
            NUL, or two columns of one name; says where.
    """
    if not text.strip():
        raise DataError(f"{source}: the file is empty; expected a table with a header")
    if (position := text.find("\0")) >= 0:
        raise DataError(
            f"{source}: line {line_at(text, position)} holds a NUL character; "
            "is this a text table? remove it, or save the table as CSV again"
        )
    dialect = find_dialect(text)
    if dialect.width == 0:
        raise DataError(
            f"{source}: the file holds a line that names the delimiter, and nothing "
            "below; expected a table with a header"
        )
    rows = _Rows(text, dialect, source)
    block = rows.take(_BLOCK)
    if not block:
        rows.refuse_ragged(headed=False)
        raise DataError(f"{source}: the file holds no rows, only blank lines")
    headed = has_header(block[:1000], known)
    names, changes = name_columns(block.pop(0) if headed else None, rows.width, source)
    first_row = int(headed)
    collectors = [Collector(name) for name in names]
    while block:
        for collector, column in zip(collectors, zip(*block, strict=True), strict=True):
            collector.add(column)
        block = rows.take(_BLOCK)
    rows.refuse_ragged(headed=headed)
    if len(rows.starts) == first_row:
        raise DataError(
            f"{source}: the file has a header ({len(names)} column"
            f"{'s' * (len(names) > 1)}) but no rows"
        )
    return Sheet(
        source=source,
        columns={name: c.cells() for name, c in zip(names, collectors, strict=True)},
        lines=Lines.of_text(rows.starts[first_row:]),
        reading=_describe(dialect, text, headed=headed),
        changes=(*changes, *rows.changes()),
    )


def find_dialect(text: str) -> Dialect:
    """Find the delimiter and the quote of a table, whatever its file is called.

    A delimiter must stand in the first row and in most others. Of several, the one by
    which most rows have as many fields as the first wins; then tab, semicolon and pipe
    before comma, which also is a decimal mark. A first line such as `sep=;` decides.
    """
    if named := _NAMED.match(text):
        return _named_dialect(text[named.end() : _SAMPLE], named[1])
    body = text.lstrip("\r\n ")  # no tab: a header may begin with an empty field
    sample = body[:_SAMPLE]
    if len(sample) < len(body):
        sample = sample[: 1 + max(sample.rfind("\n"), sample.rfind("\r"))] or sample
    best, best_score = Dialect(_NONE, '"', skip_space=False, width=1), 0.0
    for delimiter in _DELIMITERS:
        dialect = _with_quotes(sample, delimiter)
        rows = dialect.reader(sample, strict=False)
        widths = [len(row) for row in rows if len(row) > 1 or any(map(str.strip, row))]
        most = Counter(widths[1:] or widths).most_common(1)[0][0] if widths else 0
        # A title above the header: chosen all the same, so that its row is refused.
        titled = most > 2 and len(widths) > 5 and widths.count(most) > 0.8 * len(widths)
        if most < 2 or (widths[0] < 2 and not titled):
            continue
        score = widths.count(widths[0]) / len(widths)
        if score > best_score:
            best = Dialect(delimiter, dialect.quote, dialect.skip_space, widths[0])
            best_score = score
    return best


def _named_dialect(sample: str, delimiter: str) -> Dialect:
    found = Dialect(delimiter, '"', skip_space=False, width=0)
    if sample.strip():
        found = _with_quotes(sample, delimiter)
    rows = found.reader(sample, strict=False)
    width = next((len(row) for row in rows if any(map(str.strip, row))), 0)
    return replace(found, width=width, named=True)


def _with_quotes(sample: str, delimiter: str) -> Dialect:
    spaced = f'{delimiter} "' in sample
    first = next(filter(str.strip, sample.splitlines()), "")
    single = all(
        len(field) > 1 and field[0] == field[-1] == "'"
        for field in first.split(delimiter)
    )
    return Dialect(delimiter, "'" if single else '"', skip_space=spaced, width=0)


class _Rows:
    """Reads rows block by block, and remembers what was wrong with them."""

    def __init__(self, text: str, dialect: Dialect, source: str) -> None:
        self.starts: list[int] = []
        self.width = dialect.width
        self._text, self._source, self._quote = text, source, dialect.quote
        # The limit, 131,072 characters, is one of the program: it is never lowered.
        csv.field_size_limit(max(csv.field_size_limit(), len(text)))
        self._reader = dialect.reader(text)
        self._line = int(dialect.named)
        self._blank: list[int] = []
        self._ragged: list[tuple[int, int]] = []

    def take(self, count: int) -> list[list[str]]:
        """Return up to `count` well-formed rows."""
        return list(islice(self._well_formed(), count))

    def changes(self) -> tuple[Change, ...]:
        """Return what was left out."""
        if not self._blank:
            return ()
        return (Change.at(Lines.of_text(self._blank), "", "blank line skipped"),)

    def refuse_ragged(self, *, headed: bool) -> None:
        """Raise DataError if rows have another number of fields than the first."""
        if not self._ragged:
            return
        line, found = self._ragged[0]
        first = "the header" if headed else "the first row"
        fields = f"{self.width} field{'s' * (self.width > 1)}"
        rows = (
            "1 row does" if len(self._ragged) == 1 else f"{len(self._ragged):,} rows do"
        )
        every = f"; all: {Lines.of_text([line for line, _ in self._ragged])}"
        remedy = "quote fields that hold the delimiter, or correct these lines"
        agreed = len({width for _, width in self._ragged}) == 1
        if agreed and len(self._ragged) > max(1, len(self.starts)):
            at = f"line {self.starts[0]}" if self.starts else first
            remedy = f"if {at} is a title, delete it; if it lacks a name, add it"
        raise DataError(
            f"{self._source}: {rows} not have the {fields} of "
            f"{first} (first: line {line} has {found}"
            f"{every if len(self._ragged) > 1 else ''}); {remedy}"
        )

    def _well_formed(self) -> Iterator[list[str]]:
        while True:
            try:
                row = next(self._reader, None)
            except csv.Error as error:
                raise self._unreadable(error) from error
            if row is None:
                return
            start, self._line = self._line + 1, self._reader.line_num  # type: ignore[attr-defined]
            if len(row) == self.width:
                self.starts.append(start)
                yield row
            elif not any(map(str.strip, row)) and len(row) < 2:
                self._blank.append(start)
            else:
                self._ragged.append((start, len(row)))

    def _unreadable(self, error: csv.Error) -> DataError:
        """Say which quote is not closed."""
        start, end = self._line + 1, self._reader.line_num  # type: ignore[attr-defined]
        lines = islice(io.StringIO(self._text, newline=""), start, end)
        opened, last = start, end if "expected after" in str(error) else end + 1
        for number, line in enumerate(lines, start + 1):
            # A row that goes on past a line ends it inside quotes; a lone quote in the
            # line closed them, so they were opened again.
            if number < last and self._quote in line.replace(self._quote * 2, ""):
                opened = number
        if "expected after" in str(error):
            return DataError(
                f"{self._source}: line {end} has text after a closing quote (the "
                f"field opens in line {opened}); a quote inside a quoted field is "
                'written twice: ""'
            )
        return DataError(
            f"{self._source}: the quote that opens in line {opened} is not closed "
            f"(read as far as line {end}); close it, or write a quote inside a quoted "
            'field twice: ""'
        )


def _describe(dialect: Dialect, text: str, *, headed: bool) -> dict[str, str]:
    delimiter = _DELIMITERS.get(dialect.delimiter, "none")
    if dialect.named:
        known = _DELIMITERS.get(dialect.delimiter, repr(dialect.delimiter))
        delimiter = f"{known}, which the first line names"
    if dialect.quote not in text:
        quote = "none"
    else:
        quote = "double" if dialect.quote == '"' else "single"
    header = "first row" if headed else "none; columns are named column_1, column_2, …"
    return {"delimiter": delimiter, "quote": quote, "header": header}
