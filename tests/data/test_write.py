import csv
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchsmith.core.errors import DataError, TrainError
from torchsmith.data.write import write_table


def test_a_table_is_written_as_utf8(tmp_path) -> None:
    write_table(tmp_path / "o.csv", {"이름": ["김, 민", 'a "b"'], "p": [-0.5, 2]})

    text = (tmp_path / "o.csv").read_bytes().decode()
    assert text == '이름,p\n"김, 민",-0.5\n"a ""b""",2\n'


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-x", "-1\n", "@x", "\tx", "\rx"])
def test_texts_that_spreadsheets_would_run_are_quoted(tmp_path, text) -> None:
    write_table(tmp_path / "o.csv", {text: [text, "safe"], "n": [-1, 1.5]})

    with (tmp_path / "o.csv").open(newline="") as file:
        rows = [*csv.reader(file)]
    assert rows == [["'" + text, "n"], ["'" + text, "-1"], ["safe", "1.5"]]


def test_texts_that_are_numbers_stay_as_they_are(tmp_path) -> None:
    texts = ["-1", "1", "-119.79", "+.5", "-2.", "-1e-7"]
    write_table(tmp_path / "o.csv", {"-1": texts})

    assert (tmp_path / "o.csv").read_text().split() == ["-1", *texts]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_no_text_begins_like_a_formula(tmp_path_factory, texts) -> None:
    path = tmp_path_factory.mktemp("written", numbered=True) / "o.csv"
    write_table(path, {"text": texts, "n": range(len(texts))})

    with path.open(newline="", encoding="utf-8") as file:
        _, *rows = csv.reader(file)
    assert [text.removeprefix("'") for text, _ in rows] == [
        text.removeprefix("'") for text in texts
    ]
    assert not any(
        text.startswith(("=", "+", "-", "@", "\t", "\r"))
        for text, _ in rows
        if not re.fullmatch(r"[+-][0-9.]+([eE][+-]?[0-9]+)?", text)
    )


def test_an_empty_cell_alone_is_no_blank_line(tmp_path) -> None:
    write_table(tmp_path / "o.csv", {"a": ["", "x"]})

    assert (tmp_path / "o.csv").read_text() == 'a\n""\nx\n'


def test_columns_of_several_lengths_are_a_mistake(tmp_path) -> None:
    with pytest.raises(ValueError, match="shorter"):
        write_table(tmp_path / "o.csv", {"a": [1, 2], "b": [1]})
    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_is_not_there_is_said(tmp_path) -> None:
    with pytest.raises(TrainError, match="cannot be written"):
        write_table(tmp_path / "no" / "o.csv", {"a": [1]})


def test_a_table_is_not_written_under_the_name_of_another_format(tmp_path) -> None:
    with pytest.raises(DataError, match=r"o\.xlsx: what is written is a \.csv file"):
        write_table(tmp_path / "o.xlsx", {"a": [1]})
    write_table(tmp_path / "o", {"a": [1]})

    assert [path.name for path in tmp_path.iterdir()] == ["o"]
