from pathlib import Path

import numpy as np
import pytest

from tests.data.reading import columns
from torchsmith.core.errors import DataError
from torchsmith.data.tables import read_table, read_with_formats, texts_of_columns

duckdb = pytest.importorskip("duckdb")


def write(path: Path, query: str) -> Path:
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path


TYPES = """
    SELECT * FROM (VALUES
        (1, 1.5, true, DATE '2020-01-05', 'u', '00501', 9007199254740993),
        (NULL, NULL, NULL, NULL, NULL, '10001', 2)
    ) t(whole, part, flag, day, word, zip, big)
"""


def test_types_and_gaps_are_read(tmp_path) -> None:
    data = read_table(write(tmp_path / "t.parquet", TYPES), target="zip")

    table = columns(data)
    kinds = [column.kind for column in table.values()]
    assert kinds == ["number", "number", "boolean", "date", "text", "text"]
    for name in ("whole", "part", "flag", "day", "word"):
        assert table[name].missing.tolist() == [False, True]
    assert table["big"].texts() == ["9007199254740993", "2"]
    assert table["day"].values[0] == np.datetime64("2020-01-05")
    assert data.target is not None
    assert data.target.texts() == ["00501", "10001"]
    assert data.reading == {"format": "parquet"}


def test_a_parquet_file_is_told_by_content_and_its_name_is_no_pattern(tmp_path) -> None:
    write(tmp_path / "a1xx.csv", "SELECT 1 AS x, 'other' AS y")
    path = write(tmp_path / "plain", "SELECT 2 AS x, 'this' AS y")
    path = path.rename(tmp_path / "a[1]*?.csv")

    assert columns(read_table(path))["y"].texts() == ["this"]


def test_a_csv_model_predicts_on_parquet(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("x,ok,d\n1,yes,2020-01-05\n2,no,2020-01-06\n")
    train = columns(read_table(tmp_path / "t.csv"))
    new = write(tmp_path / "n.parquet", "SELECT true ok, DATE '2021-01-01' d, 7 x")

    table = columns(read_with_formats(new, [c.format for c in train.values()]))

    assert table["x"].values.tolist() == [7]
    assert table["ok"].texts() == ["yes"]
    assert table["d"].texts() == ["2021-01-01"]


def test_nested_columns_are_refused(tmp_path) -> None:
    path = write(tmp_path / "t.parquet", "SELECT [1, 2] AS pair, 3 AS x")

    with pytest.raises(DataError, match="column 'pair', row 1 holds a"):
        read_table(path)


def test_columns_that_are_copied_keep_all_digits(tmp_path) -> None:
    query = (
        "SELECT * FROM (VALUES (1234567890123456, 0.1), (1234567890123457, 2)) t(a, b)"
    )
    path = write(tmp_path / "t.parquet", query)

    kept = texts_of_columns(path, ["a", "b"])
    assert kept == {"a": ("1234567890123456", "1234567890123457"), "b": ("0.1", "2")}


def test_a_name_that_a_plan_cannot_hold_is_refused(tmp_path) -> None:
    path = write(tmp_path / "t.parquet", f'SELECT 1 AS a, 2 AS "{"x" * 1100}"')
    with pytest.raises(DataError, match=r"column 2, 'x+…', has 1,100 characters;"):
        read_table(path)
