import datetime as dt
from decimal import Decimal

import numpy as np
import pytest

from tests.data.reading import changes, columns, read
from torchsmith.core.errors import DataError
from torchsmith.data.data import Data
from torchsmith.data.tables import table_from_rows

NAN = np.nan


class Frame:
    """Looks like a data frame of pandas or polars."""

    def __init__(self, **data: np.ndarray) -> None:
        self.columns = [*data]
        self._data = data

    def __getitem__(self, name: str) -> "Frame":
        return Frame(only=self._data[name])

    def to_numpy(self) -> np.ndarray:
        return self._data["only"]


def one(values: object) -> object:
    return columns(table_from_rows({"x": values}))["x"]  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, 2.5, None], "number", [1, 2.5, NAN]),
        ([Decimal("1.5"), np.float32(2)], "number", [1.5, 2]),
        (np.array([1, 2], dtype=np.uint8), "number", [1, 2]),
        (np.ma.masked_array([1, 2], [False, True]), "number", [1, NAN]),
        (np.array([True, False]), "boolean", [1, 0]),
        ([True, None, np.False_], "boolean", [1, NAN, 0]),
        (["1", "2", ""], "number", [1, 2, NAN]),
        (["yes", "no", None], "boolean", [1, 0, NAN]),
        ([1, "2", 3.0], "number", [1, 2, 3]),
        (np.array(["a", NAN, "b"], dtype=object), "text", [0, -1, 1]),
        (np.array(["b", "a", "b"]), "text", [0, 1, 0]),
        ([2**60, 1], "text", [0, 1]),
        (np.array([2**60, 1]), "text", [0, 1]),
        ([], "number", None),
    ],
)
def test_values_become_columns(values, kind, expected) -> None:
    if expected is None:
        with pytest.raises(DataError, match="the table has no rows"):
            one(values)
        return
    column = one(values)

    assert column.kind == kind
    np.testing.assert_array_equal(column.values, expected)


@pytest.mark.parametrize(
    "values",
    [
        np.array(["2020-01-05", "NaT"], dtype="datetime64[ns]"),
        [dt.date(2020, 1, 5), None],
        [dt.datetime.fromisoformat("2020-01-05"), np.datetime64("NaT")],
        ["2020-01-05", ""],
    ],
)
def test_points_in_time_become_dates(values) -> None:
    column = one(values)

    assert (column.kind, column.format.date_format) == ("date", "%Y-%m-%d")
    assert column.texts() == ["2020-01-05", ""]


SEOUL = dt.timezone(dt.timedelta(hours=9))
TIMES = [
    dt.datetime(2020, 1, 5, 9, tzinfo=SEOUL),
    None,
    dt.datetime(2020, 1, 5, 9, 0, 1, 700_000, tzinfo=dt.UTC),
    dt.datetime(9999, 12, 31, 23, tzinfo=dt.timezone(-dt.timedelta(hours=5))),
]


def test_times_with_an_offset_are_read_as_utc_and_cut_to_seconds() -> None:
    data = table_from_rows({"x": TIMES})

    assert columns(data)["x"].texts()[:3] == [
        "2020-01-05T00:00:00",
        "",
        "2020-01-05T09:00:01",
    ]
    assert changes(data, "x")["times with offsets read as UTC"].lines == (1, 4)
    assert changes(data, "x")["fraction of a second cut off"].lines == (3,)


@pytest.mark.parametrize(
    "values",
    [
        [dt.date(1960, 1, 5), dt.datetime.fromisoformat("1960-01-05T00:00:00.000005")],
        np.array(["1960-01-05", "1960-01-05T00:00:00.5"], dtype="datetime64[ms]"),
    ],
)
def test_a_fraction_of_a_second_is_cut_off_and_said(values) -> None:
    data = table_from_rows({"x": values})

    assert columns(data)["x"].texts() == ["1960-01-05", "1960-01-05"]
    assert changes(data, "x")["fraction of a second cut off"].lines == (2,)


@pytest.mark.parametrize(
    "rows",
    [
        {"a": [1, 2], "b": ["u", "v"]},
        [{"a": 1, "b": "u"}, {"b": "v", "a": 2}],
        Frame(a=np.array([1, 2]), b=np.array(["u", "v"], dtype=object)),
    ],
)
def test_tables_in_memory_are_read_whatever_holds_them(rows) -> None:
    data = table_from_rows(rows, target="b")

    assert columns(data)["a"].values.tolist() == [1, 2]
    assert data.target is not None
    assert data.target.texts() == ["u", "v"]
    assert data.inputs.lines.numbers.tolist() == [1, 2]
    assert data.fingerprint.startswith("sha256:")


def test_rows_may_call_their_columns_by_numbers() -> None:
    data = table_from_rows([{0: 1, 1: "u"}, {1: "v", 0: 2}])

    assert [*columns(data)] == ["0", "1"]


def test_one_row_is_a_mapping_of_values() -> None:
    data = table_from_rows({"a": 1, "b": "text"})

    assert (len(data), columns(data)["b"].texts()) == (1, ["text"])


@pytest.mark.parametrize("rows", [np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]])
def test_arrays_get_names(rows) -> None:
    assert columns(table_from_rows(rows))["x1"].values.tolist() == [2, 4]


def test_equal_tables_have_equal_fingerprints() -> None:
    first = table_from_rows({"a": [1, 2], "b": ["u", "v"]})
    same = table_from_rows([{"a": 1, "b": "u"}, {"a": 2, "b": "v"}])
    other = table_from_rows({"a": [1, 2], "b": ["u", "w"]})

    assert first.fingerprint == same.fingerprint != other.fingerprint


def trained(tmp_path) -> Data:
    return read(tmp_path, "n,ok,d,c\n1,yes,2020-01-05,u\n2,no,2021-01-01,v\n")


@pytest.mark.parametrize(
    "row",
    [
        {"n": 5, "ok": True, "d": dt.date(2022, 2, 2), "c": "u", "more": 1},
        {"c": "u", "d": "2022-02-02", "ok": "yes", "n": "5"},
        {"n": 5.0, "ok": 1, "d": np.datetime64("2022-02-02"), "c": "u"},
    ],
)
def test_formats_of_training_read_rows_for_prediction(tmp_path, row) -> None:
    formats = [column.format for column in columns(trained(tmp_path)).values()]

    table = columns(table_from_rows([row], formats=formats))

    assert [table[name].values.tolist()[0] for name in ("n", "ok")] == [5, 1]
    assert table["d"].texts() == ["2022-02-02"]
    assert table["c"].texts() == ["u"]


def test_numbers_for_a_category_are_written_as_in_the_file(tmp_path) -> None:
    data = read(tmp_path, "c,y\n1,a\n2,b\n", roles={"c": "category"})

    table = table_from_rows(
        {"c": [2.0, 1.0, None]}, formats=[columns(data)["c"].format]
    )

    assert columns(table)["c"].texts() == ["2", "1", ""]


def test_arrays_for_prediction_take_the_names_of_training(tmp_path) -> None:
    data = read(tmp_path, "b,a\n1,2\n3,4\n")
    formats = [column.format for column in columns(data).values()]

    table = columns(table_from_rows(np.array([[5, 6]]), formats=formats))

    assert {name: c.values[0] for name, c in table.items()} == {"b": 5, "a": 6}
    with pytest.raises(DataError, match="has 3 columns; expected 2: b, a"):
        table_from_rows(np.ones((1, 3)), formats=formats)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"a": [1, 2], "b": [1]}, "columns differ in length: a 2, b 1"),
        ([{"a": 1}, {"b": 1}], "row 1 has no 'b'"),
        ({"a": [1, [2]]}, "column 'a', row 2 holds a list.* or leave the column out"),
        ({"a": [dt.timedelta(1)]}, "column 'a', row 1 holds a timedelta"),
        (
            {"a": np.array([np.timedelta64(1, "D")], object)},
            "column 'a', row 1 holds a timedelta64",
        ),
        ({"a": np.ones((2, 2))}, "values of 1 dimensions"),
        ({"a": np.ones(2, dtype=complex)}, "column 'a' holds complex128"),
        (np.ones(3), r"got ndarray of shape \(3,\)"),
        ([[1, 2], [3]], "got list"),
        (5, "got int"),
        ([], "expected a mapping of columns"),
        (Frame(a=np.ones(0)), "no rows"),
    ],
)
def test_what_is_no_table_is_refused(rows, message) -> None:
    with pytest.raises(DataError, match=message):
        table_from_rows(rows)


def test_values_that_do_not_fit_are_named_by_row(tmp_path) -> None:
    formats = [column.format for column in columns(trained(tmp_path)).values()]
    rows = {"n": ["1", "x"], "ok": [True, 3], "d": [None, None], "c": ["u", "v"]}

    with pytest.raises(DataError, match=r"'n': 1 of 2 .* \(first: 'x', row 2"):
        table_from_rows(rows, formats=formats)
    with pytest.raises(DataError, match=r"'ok': .*\(no, yes\)"):
        table_from_rows(rows | {"n": [1, 2]}, formats=formats)
    with pytest.raises(DataError, match="no column 'c'"):
        table_from_rows({"n": 1, "ok": True, "d": None}, formats=formats)
