import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.reading import changes, columns, read
from torchsmith.core.errors import DataError
from torchsmith.data.cells import Cells
from torchsmith.data.delimited import read_delimited


def texts(content: str) -> dict[str, list[str]]:
    sheet = read_delimited(content, "t.csv")
    found = {}
    for name, cells in sheet.columns.items():
        assert isinstance(cells, Cells)
        found[name] = [cells.texts[code] for code in cells.codes]
    return found


@pytest.mark.parametrize(
    ("mark", "word"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "pipe")]
)
def test_the_delimiter_is_found_whatever_the_file_is_called(
    tmp_path, mark, word
) -> None:
    data = read(tmp_path, f"a{mark}b\n1{mark}x\n2{mark}y\n")

    assert data.reading["delimiter"] == word
    assert [*columns(data)] == ["a", "b"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("mark", "word"), [(";", "semicolon"), (",", "comma"), ("\t", "tab"), ("^", "'^'")]
)
def test_a_first_line_may_name_the_delimiter(tmp_path, mark, word, end) -> None:
    lines = [f"SEP={mark}", f"a{mark}b", f'1{mark}"x{mark}y"', "", f"2{mark} z"]

    data = read(tmp_path, end.join(lines).encode())

    assert data.reading["delimiter"] == f"{word}, which the first line names"
    assert columns(data)["a"].values.tolist() == [1, 2]
    assert columns(data)["b"].levels == (f"x{mark}y", "z")
    assert data.inputs.lines.numbers.tolist() == [3, 5]
    assert changes(data)["blank line skipped"].lines == (4,)
    assert changes(data, "b")["surrounding spaces removed"].lines == (5,)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("sep=;", "t.csv: the file holds a line that names the delimiter, and nothing"),
        ("sep=;\n\n \n", "a line that names the delimiter, and nothing below"),
        ("sep=;\na;b\n1;2\n3;4;5\n", r"\(first: line 4 has 3\)"),
        ('sep=;\na;b\n1;2\n"3;4\n', "the quote that opens in line 4 is not closed"),
        ("sep=;\na;b\n", "the file has a header .2 columns. but no rows"),
    ],
)
def test_lines_are_counted_from_the_one_that_names_the_delimiter(
    content, words
) -> None:
    with pytest.raises(DataError, match=words):
        read_delimited(content, "t.csv")


def test_one_column_below_a_line_that_names_the_delimiter() -> None:
    assert texts("sep=;\na\n1,5\n2\n") == {"a": ["1,5", "2"]}


def test_a_column_may_be_called_sep() -> None:
    assert texts("sep=a;b\n1;2\n") == {"sep=a": ["1"], "b": ["2"]}


def test_a_delimiter_inside_quotes_does_not_count() -> None:
    assert texts('name;x\n"Smith, J";1\n"Doe, A";2\n') == {
        "name": ["Smith, J", "Doe, A"],
        "x": ["1", "2"],
    }


def test_decimal_commas_do_not_hide_semicolons() -> None:
    assert texts("1,5;2,5\n3,5;4,5\n") == {
        "column_1": ["1,5", "3,5"],
        "column_2": ["2,5", "4,5"],
    }


def test_a_table_of_one_column_is_one_column(tmp_path) -> None:
    data = read(tmp_path, "text\nhello, world\nfoo\nbar; baz\n")

    assert columns(data)["text"].levels == ("hello, world", "foo", "bar; baz")
    assert data.reading["delimiter"] == "none"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_read_and_quoted_ones_are_kept(end: str) -> None:
    content = end.join(["a,b", f'1,"x{end}y"', "2,z", ""])

    sheet = read_delimited(content, "t.csv")

    assert texts(content) == {"a": ["1", "2"], "b": [f"x{end}y", "z"]}
    assert sheet.lines.numbers.tolist() == [2, 4]


def test_blank_lines_are_skipped_counted_and_do_not_shift_line_numbers(
    tmp_path,
) -> None:
    data = read(tmp_path, "\na,b\n\n1,2\n   \n3,4\n\n")

    change = changes(data)["blank line skipped"]
    assert (change.count, change.lines) == (4, (1, 3, 5, 7))
    assert data.inputs.lines.numbers.tolist() == [4, 6]


def test_spaces_before_quotes_and_single_quotes_are_understood() -> None:
    assert texts('a, b\n1, "x, y"\n2, "z"\n') == {"a": ["1", "2"], "b": ["x, y", "z"]}
    assert texts("'a','b'\n1,'x, y'\n") == {"a": ["1"], "b": ["x, y"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        (" \n\n", "the file is empty"),
        ("a,b\n", r"has a header \(2 columns\) but no rows"),
        ("a,b\n1,2\n3\n4,5,6\n", r"2 rows .* 2 fields .*line 3 has 1; all: lines 3, 4"),
        ("a,b\n1,2,3\n4,5,6\n", r"2 rows do not have the 2 fields of the header"),
        (
            "Sales\na,b,c\n" + "1,2,3\n" * 9,
            r"10 rows .*; if line 1 is a title, delete it",
        ),
        ('a,b\n1,"x\n2,y\n3,z\n', "quote that opens in line 2 is not closed"),
        ('a,b\n1,"x\ny"\n2,"z\n\n', "quote that opens in line 4 is not closed"),
        ('a,b\n1,"x\ny",\n', "1 row does not have the 2 fields"),
        ('a,b,c\n1,"x\ny","z\n', "quote that opens in line 3 is not closed"),
        ('a,b\n1,"x\n2,"y"\n', r"line 3 has text after a closing quote .*line 2"),
        ('a,b\n1,"x" y\n', "line 2 has text after a closing quote"),
        ("a,b\n1,2\n3,x\0y\n", "line 3 holds a NUL"),
        ("a,b,a\n1,2,3\n", r"columns of one name: 'a' \(columns 1, 3\)"),
    ],
)
def test_what_is_malformed_is_refused_with_its_place(
    content: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_delimited(content, "t.csv")


def test_an_unclosed_quote_in_a_long_file_is_found() -> None:
    content = "a,b\n1,2\n3,'x'\n4,\"open\n" + "5,6\n" * 100_000

    with pytest.raises(DataError, match="quote that opens in line 4 is not closed"):
        read_delimited(content, "t.csv")


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_text_of_any_length_is_one_field(quote: str) -> None:
    sheet = read_delimited(f"a,b\n1,x\n2,{quote}{'ab ' * 60_000}{quote}\n", "t.csv")

    assert [len(text) for text in sheet.columns["b"].texts] == [1, 180_000]


def test_a_table_may_begin_after_many_blank_lines() -> None:
    sheet = read_delimited("\n" * 140_000 + "a;b\n1;2\n", "t.csv")

    assert [*sheet.columns] == ["a", "b"]
    assert sheet.lines.numbers.tolist() == [140_002]


def test_many_ragged_rows_are_counted_and_the_first_listed() -> None:
    with pytest.raises(
        DataError, match=r"250 rows .*: lines 2, 3, 4, 5, 6 and 245 more\)"
    ):
        read_delimited("a,b\n" + "1,2,3\n" * 250, "t.csv")


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("1,2,3\n4,5,6\n", ["column_1", "column_2", "column_3"]),
        ("0,1,2\n4,5,6\n", ["0", "1", "2"]),
        ("region,2010,2011\nx,1,2\ny,3,4\n", ["region", "2010", "2011"]),
        ("5.1,setosa\n4.9,setosa\n6.1,other\n", ["column_1", "column_2"]),
        (
            "high,low,2\nlow,low,more\nhigh,low,2\n",
            ["column_1", "column_2", "column_3"],
        ),
        ("name,kind\nx,a\ny,b\n", ["name", "kind"]),
        ("a,b\n,\n", ["a", "b"]),
    ],
)
def test_the_header_is_found_by_evidence(content: str, names: list[str]) -> None:
    sheet = read_delimited(content, "t.csv")

    assert [*sheet.columns] == names
    assert sheet.reading["header"].startswith("none") == (names[0] == "column_1")
    assert len(sheet.lines) == content.count("\n") - (names[0] != "column_1")


def test_a_known_name_makes_the_first_row_a_header() -> None:
    sheet = read_delimited("1,2\n3,4\n", "t.csv", known=["2"])

    assert [*sheet.columns] == ["1", "2"]


def test_names_without_text_or_with_spaces_are_changed_and_said(tmp_path) -> None:
    data = read(tmp_path, "id, size ,\n1,2,3\n")

    assert [*columns(data)] == ["id", "size", "column_3"]
    assert changes(data, "size")["spaces around the column's name removed"].count == 1
    assert any("column 3 has no name" in what for what in changes(data, "column_3"))


def test_rows_beyond_one_block_are_all_read() -> None:
    content = "a,b\n" + "".join(f"{i},x{i % 7}\n" for i in range(10_000))

    read_texts = texts(content)

    assert read_texts["a"] == [str(i) for i in range(10_000)]
    assert read_texts["b"][9_999] == "x3"


@given(
    st.lists(
        st.tuples(*[st.text(st.characters(exclude_characters="\0"))] * 3), min_size=1
    ),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_what_csv_writes_is_read_back(rows, delimiter) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("first name", "second name", "third name"), *rows])

    sheet = read_delimited(
        file.getvalue(), "t.csv", known=["first name", "second name"]
    )

    for place, cells in enumerate(sheet.columns.values()):
        assert isinstance(cells, Cells)
        assert [cells.texts[i] for i in cells.codes] == [row[place] for row in rows]
    assert np.all(np.diff(sheet.lines.numbers) > 0)
