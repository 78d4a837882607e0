"""Rows of a text stand on lines; rows of Parquet files and of data in memory do not."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.data.build import number, pictures, table
from torchsmith.core.errors import DataError
from torchsmith.data.builtin import read_iris
from torchsmith.data.data import Change, Data
from torchsmith.data.lines import Lines
from torchsmith.data.load import load
from torchsmith.data.prepare import fit
from torchsmith.data.sequence_wide import sequences_of_wide_table
from torchsmith.data.split import Split, split_rows
from torchsmith.data.steps import EncodeCategories, StandardizeTarget
from torchsmith.data.tables import (
    read_table,
    read_with_formats,
    table_from_rows,
)
from torchsmith.inspect.examine import inspect

COLUMNS = {
    "x": [1.0, np.inf, 3.0, 4.0, 5.0, 6.0],
    "city": ["a", "b", "a", "b", "a", "b"],
    "kind": ["u", "v", "u", "v", "u", "v"],
    "who": [1.0, None, 2.0, None, 3.0, 4.0],
    "price": ["1,000", "2", "3", "4,500", "5", "6"],
}


def parquet(path: Path, columns: dict[str, list]) -> Path:
    duckdb = pytest.importorskip("duckdb")
    rows = zip(*columns.values(), strict=True)
    values = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)
    with duckdb.connect() as connection:
        query = f"SELECT * FROM (VALUES {values}) t({', '.join(columns)})"
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"'{value}'::DOUBLE"
    return f"'{value}'"


@pytest.fixture(params=["memory", "parquet"])
def data(request, tmp_path) -> Data:
    """The same rows, from a source without lines."""
    if request.param == "memory":
        return table_from_rows(COLUMNS, target="kind")
    return read_table(parquet(tmp_path / "t.parquet", COLUMNS), target="kind")


def test_the_first_of_several_places_are_named():
    lines = Lines(np.array([7, 9, 12, 40, 41, 42, 43, 44]), "line")
    assert str(lines) == "lines 7, 9, 12, 40, 41 and 3 more"
    assert str(lines.take(np.array([0]))) == lines.name(0) == "line 7"
    assert str(lines.take(lines.numbers < 10)) == "lines 7, 9"
    assert str(Lines.counted(2)) == "rows 1, 2"
    assert Lines.counted(2).name(1) == "row 2"


def test_places_of_two_sources_are_joined_where_they_count_the_same():
    both = Lines.joined([Lines(np.array([2, 3]), "line"), Lines(np.array([2]), "line")])
    assert (both.numbers.tolist(), both.unit) == ([2, 3, 2], "line")


def test_a_change_says_where_it_was_and_older_ones_count_lines():
    rows = Lines.counted(30).take(np.arange(1, 21))
    change = Change.at(rows, "x", "'$' removed", example="$1")
    assert (change.count, change.lines) == (20, tuple(range(2, 12)))
    assert change.place == "rows 2, 3, 4, 5, 6 and 15 more"
    assert Change.model_validate(json.loads(change.model_dump_json())) == change
    old = {"column": "x", "what": "'?' read as missing", "count": 2, "lines": [3, 6]}
    assert Change.model_validate(old).place == "lines 3, 6"
    assert Change(column="x", what="no name in the header", count=1).place == ""


def test_examples_without_lines_are_named_one_by_one():
    wide = table(number("a", [1, 2]), number("b", [3, 4]))
    made = sequences_of_wide_table(wide).inputs
    assert made.places(np.array([0, 1])) == "line 2, line 3"
    assert wide.inputs.places(np.array([0, 1])) == "lines 2, 3"


def test_infinite_values_stand_in_rows(data):
    roles = dict.fromkeys(data.inputs.columns, "ignore") | {"x": "number"}
    with pytest.raises(DataError, match=r"'x': 1 of 6 values are infinite \(row 2\)"):
        fit(
            data,
            np.arange(6),
            [],
            roles=roles,
            task="multiclass",
            classes=("u", "v"),
        )
    [finding] = [f for f in inspect(data).findings if f.code == "D1"]
    assert finding.where == "column 'x', row 2"


def test_missing_values_by_which_to_split_stand_in_rows(data):
    with pytest.raises(DataError, match=r"no value in 2 of 6 rows \(rows 2, 4\)"):
        split_rows(data, Split(group="who"))


def test_unknown_classes_stand_in_rows(data):
    roles = dict.fromkeys(data.inputs.columns, "ignore") | {"city": "category"}
    preparation = fit(
        data,
        np.arange(0, 6, 2),
        [EncodeCategories()],
        roles=roles,
        task="multiclass",
        classes=("u",),
    )
    told = r"a class that the network does not know: 'v' \(rows 2, 4, 6\)"
    with pytest.raises(DataError, match=told):
        preparation.targets(data, np.arange(6))


def test_missing_and_infinite_targets_stand_in_rows(tmp_path):
    columns = {"x": [1.0, 2.0, 3.0], "y": [1.0, None, 3.0]}
    path = parquet(tmp_path / "t.parquet", columns)
    with pytest.raises(DataError, match=r"'y' is missing in 1 of 3 rows \(row 2\)"):
        read_table(path, target="y")
    infinite = table_from_rows({"x": [1.0, 2.0], "y": [1.0, np.inf]}, target="y")
    with pytest.raises(DataError, match=r"1 values are infinite \(row 2\)"):
        fit(
            infinite,
            np.arange(2),
            [StandardizeTarget()],
            roles={"x": "number"},
            task="regression",
            classes=(),
        )


def test_a_value_that_does_not_fit_stands_in_a_row(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,2\n3,4\n")
    train = read_table(tmp_path / "t.csv")
    formats = [column.format for column in train.inputs.columns.values()]
    new = {"x": ["1", "some", "more"], "y": ["1", "2", "3"]}
    told = r"\(first: 'some', row 2; all: rows 2, 3\)"
    with pytest.raises(DataError, match=told):
        table_from_rows(new, formats=formats)
    with pytest.raises(DataError, match=told):
        read_with_formats(parquet(tmp_path / "n.parquet", new), formats)


def test_changes_and_findings_of_them_tell_rows(data):
    [change] = [c for c in data.changes if c.column == "price"]
    assert (change.unit, change.place) == ("row", "rows 1, 4")
    found = [f.where for f in inspect(data).findings if f.code == "D17"]
    assert "column 'price', rows 1, 4" in found


def test_sequences_of_a_table_without_lines_are_called_by_their_rows(tmp_path):
    wide = {"a": [1.0, 2.0], "b": [3.0, 4.0], "kind": ["u", "v"]}
    path = parquet(tmp_path / "t.parquet", wide)
    made = load(path, target="kind", kind="sequences")
    assert made.inputs.names == ("row 1", "row 2")


def test_tables_of_arrays_and_built_in_ones_have_rows(tmp_path):
    assert read_iris().inputs.name(0) == "row 1"
    np.savez(tmp_path / "t.npz", x=np.ones((4, 3)), y=np.array([0, 1, 0, 1]))
    assert load(tmp_path / "t.npz").inputs.name(3) == "row 4"


def test_infinite_targets_of_pictures_name_the_pictures():
    made = pictures(np.zeros((3, 4, 4, 1), np.uint8))
    target = number("y", [1, 2, np.inf])
    made = Data(source=made.source, inputs=made.inputs, target=target)
    [finding] = [f for f in inspect(made).findings if f.code == "D1"]
    assert finding.where == "column 'y', image 2"


def test_examples_of_arrays_keep_their_numbers_among_others(tmp_path):
    grey = np.arange(64, dtype=np.uint8).reshape(4, 4, 4)
    for name, x, noun in (
        ("pictures", grey, "image"),
        ("volumes", np.stack([grey] * 4).repeat(2, axis=2), "volume"),
        ("sequences", np.arange(40.0).reshape(4, 10), "sequence"),
    ):
        word = "sequences" if noun == "sequence" else "x"
        path, y = tmp_path / f"{name}.npz", np.array([0, 1, 0, 1])
        np.savez(path, **{word: x, "y": y})
        kind = "volumes" if noun == "volume" else None
        assert load(path, kind=kind).take(np.array([2])).inputs.name(0) == f"{noun} 2"
        train, test, labels = f"{word}_train", f"{word}_test", {"y_train": y}
        np.savez(path, **{train: x, test: x[:2], "y_test": y[:2]}, **labels)
        parted = load(path, kind=kind).inputs
        assert (parted.name(3), parted.name(5)) == (f"train {noun} 3", f"test {noun} 1")
