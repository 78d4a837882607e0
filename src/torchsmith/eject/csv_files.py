"""How a delimited file is opened in plain Python, and what its cells hold."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torchsmith.core.errors import DataError
from torchsmith.data.cells import Cells
from torchsmith.data.data import ColumnFormat
from torchsmith.data.delimited import find_dialect, read_delimited
from torchsmith.data.encoding import decode
from torchsmith.data.numerals import MINUS
from torchsmith.eject.code import quoted

_MARKS = {
    "utf-8": (b"\xef\xbb\xbf", "utf-8-sig"),
    "utf-16-le": (b"\xff\xfe", "utf-16"),
    "utf-16-be": (b"\xfe\xff", "utf-16"),
    "utf-32-le": (b"\xff\xfe\x00\x00", "utf-32"),
    "utf-32-be": (b"\x00\x00\xfe\xff", "utf-32"),
}


LONGEST = 131_072
"""Characters of a field that Python's `csv` reads if it is not told otherwise."""


@dataclass(frozen=True)
class CsvFile:
    """A delimited file.

    Attributes:
        opened: The call that opens it as text, with `{path}` for the path.
        reader: The call that reads its rows from `file`.
        named: Whether a line above the table names the delimiter.
        cells: The texts of each column.
        names: Of all columns, in the order of the file.
        headed: Whether the first row is a header that names all columns as they are.
        first_row: Whether there is a header at all.
        has_blank_lines: Whether lines must be passed over.
        has_spaces: Whether cells stand between spaces.
        longest: Characters of the longest cell.
    """

    opened: str
    reader: str
    named: bool
    cells: Mapping[str, Cells]
    names: tuple[str, ...]
    headed: bool
    first_row: bool
    has_blank_lines: bool
    has_spaces: bool
    longest: int


def look_at(path: Path) -> CsvFile:
    """Find out how a delimited file is read.

    Raises:
        DataError: It is not there or cannot be read any more.
    """
    try:
        raw = path.read_bytes()
        packed = raw.startswith(b"\x1f\x8b")
        raw = gzip.decompress(raw) if packed else raw
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    decoded = decode(raw, str(path))
    mark, name = _MARKS.get(decoded.encoding, (b"\xff" * 9, ""))
    encoding = quoted(name if raw.startswith(mark) else decoded.encoding)
    opener = 'gzip.open({path}, "rt", ' if packed else "open({path}, "
    dialect = find_dialect(decoded.text)
    sheet = read_delimited(decoded.text, str(path))
    cells = {n: c for n, c in sheet.columns.items() if isinstance(c, Cells)}
    first = next(dialect.reader(decoded.text), [])
    headed = sheet.reading["header"] == "first row"
    texts = [text for column in cells.values() for text in column.texts]
    return CsvFile(
        opened=f'{opener}encoding={encoding}, newline="")',
        reader=_reader(dialect.delimiter, dialect.quote, dialect.skip_space, texts),
        named=dialect.named,
        cells=cells,
        names=tuple(cells),
        headed=headed and first == list(cells),
        first_row=headed,
        has_blank_lines=any("blank line" in change.what for change in sheet.changes),
        has_spaces=any(text != text.strip() for text in texts),
        longest=max(map(len, texts), default=0),
    )


def _reader(delimiter: str, quote: str, skip_space: bool, texts: list[str]) -> str:  # noqa: FBT001
    options = ["file"]
    if delimiter.isprintable() or delimiter == "\t":
        options += [f"delimiter={quoted(delimiter)}"] if delimiter != "," else []
    if quote != '"':
        options.append(f"quotechar={quoted(quote)}")
    if skip_space and any(texts):
        options.append("skipinitialspace=True")
    return f"csv.reader({', '.join(options)})"


def number_source(form: ColumnFormat, cells: Cells) -> str:
    """Return the expression that makes a number of `text`, NaN where it is missing."""
    texts = list(dict.fromkeys(map(str.strip, cells.texts)))
    gaps = gaps_of(form, cells)
    known = "".join(text for text in texts if text not in form.missing)
    source = "text"
    for mark, becomes in (
        (MINUS, "-"),
        (form.prefix, ""),
        (form.suffix, ""),
        (" " if form.prefix or form.suffix else "", ""),
        (form.thousands, ""),
        (form.decimal if form.decimal != "." else "", "."),
        ("(" if form.brackets else "", "-"),
        (")" if form.brackets else "", ""),
    ):
        if mark and mark in known:
            source += f".replace({quoted(mark)}, {quoted(becomes)})"
    if not gaps and not (cells.codes < 0).any():
        return f"float({source})"
    if gaps in ([], [""]):
        return f'float({source} or "nan")'
    listed = ", ".join(map(quoted, gaps))
    test = f"text in ({listed})" if len(gaps) > 1 else f"text == {listed}"
    return f'float("nan" if {test} else {source})'


def gaps_of(form: ColumnFormat, cells: Cells) -> list[str]:
    """Return the texts that mean "no value" and that a column holds."""
    return [t for t in dict.fromkeys(map(str.strip, cells.texts)) if t in form.missing]
