import csv
import gzip
import hashlib
import io
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.reading import changes, columns, read
from torchsmith.core.errors import DataError, PlanError
from torchsmith.core.observer import Observer
from torchsmith.data.data import ColumnFormat, Data, Series
from torchsmith.data.load import load
from torchsmith.data.retarget import with_target
from torchsmith.data.tables import read_table, read_with_formats

TRAIN = "age,city,y\n1,Seoul,0\n,Busan,1\n3,Seoul,0\n"


def formats(data: Data) -> list[ColumnFormat]:
    return [column.format for column in columns(data).values()]


def test_the_target_is_taken_out_of_the_inputs(tmp_path) -> None:
    data = read(tmp_path, TRAIN, target="y")

    assert [*columns(data)] == ["age", "city"]
    assert data.target is not None
    assert data.target.values.tolist() == [0, 1, 0]
    assert (len(data), data.kind) == (3, "table")


def test_the_fingerprint_is_of_the_content_whether_compressed_or_not(tmp_path) -> None:
    plain = read(tmp_path, TRAIN)
    packed = read(tmp_path, gzip.compress(TRAIN.encode()))

    digest = hashlib.sha256(TRAIN.encode()).hexdigest()
    assert plain.fingerprint == packed.fingerprint == f"sha256:{digest}"
    assert packed.inputs.columns.keys() == plain.inputs.columns.keys()


def test_the_observer_is_told_what_is_read(tmp_path) -> None:
    class Told(Observer):
        titles: tuple[str, ...] = ()

        def stage(self, title: str, total: int | None = None) -> None:
            assert total is None
            self.titles += (title,)

    observer = Told()
    read(tmp_path, TRAIN, observer=observer)

    assert observer.titles == ("Reading table.csv",)


def test_a_file_that_is_not_there_is_named_with_its_neighbour(tmp_path) -> None:
    (tmp_path / "housing.csv").write_text(TRAIN)

    with pytest.raises(DataError, match=r"no such file: .*did you mean 'housing\.csv'"):
        read_table(tmp_path / "housin.csv")
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "nowhere" / "x.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04rest", "an Excel workbook; save the table as CSV"),
        (b"\x89PNG\r\n", "a PNG picture"),
        (gzip.compress(TRAIN.encode(), mtime=0)[:-9], "damaged or cut off"),
        (b"\x1f\x8bnonsense", "damaged or cut off"),
        (b"PAR1 and no more", "cannot be read as Parquet"),
        (b"", "the file is empty"),
        ("\ufeff".encode("utf-16-le"), "the file is empty"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, message) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


def test_a_target_that_is_not_there_is_named_with_its_neighbour(tmp_path) -> None:
    with pytest.raises(
        DataError, match=r"no target column 'ciyt'; did you mean 'city'"
    ):
        read(tmp_path, TRAIN, target="ciyt")
    with pytest.raises(DataError, match="the columns are: age, city, y"):
        read(tmp_path, TRAIN, target="zzz")
    told = r"data\.columns\.agee: .*: no column 'agee'; did you mean 'age'"
    with pytest.raises(PlanError, match=told):
        read(tmp_path, TRAIN, roles={"agee": "number"})


def test_a_missing_target_is_refused_or_left_out_as_asked(tmp_path) -> None:
    with pytest.raises(DataError, match=r"'age' is missing in 1 of 3 rows \(line 3\)"):
        read(tmp_path, TRAIN, target="age")

    data = read(tmp_path, TRAIN, target="age", drop_missing_target=True)

    assert columns(data)["city"].texts() == ["Seoul", "Seoul"]
    assert data.inputs.lines.numbers.tolist() == [2, 4]
    assert changes(data, "age")["row left out: its target is missing"].lines == (3,)


def test_a_target_without_any_value_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="missing in every row, so there is nothing"):
        read(tmp_path, "a,y\n1,\n2,\n", target="y", drop_missing_target=True)


def predict(folder: Path, train: Data, content: str, **options) -> Data:
    file = folder / "new.csv"
    file.write_text(content)
    return read_with_formats(file, formats(train), **options)


def test_columns_may_stand_in_any_order_and_others_are_ignored(tmp_path) -> None:
    train = read(tmp_path, TRAIN, target="y")

    data = predict(tmp_path, train, "z;city;age\n9;Jeju;7\n8;Seoul;\n")

    assert [*columns(data)] == ["age", "city"]
    np.testing.assert_array_equal(columns(data)["age"].values, [7, np.nan])
    assert columns(data)["city"].texts() == ["Jeju", "Seoul"]
    assert data.reading["ignored"] == "column z"
    assert data.target is None


def test_the_target_is_read_when_the_new_file_has_it(tmp_path) -> None:
    train = read(tmp_path, TRAIN, target="y")
    assert train.target is not None

    data = predict(
        tmp_path, train, "y,city,age\n1,Jeju,7\n", target=train.target.format
    )

    assert data.target is not None
    assert data.target.values.tolist() == [1]
    assert "ignored" not in data.reading


def test_a_missing_column_is_named(tmp_path) -> None:
    train = read(tmp_path, TRAIN, target="y")

    with pytest.raises(DataError, match="no column 'age'; did you mean 'Age'"):
        predict(tmp_path, train, "Age,city\n1,Jeju\n")
    with pytest.raises(DataError, match="no columns 'age', 'city'; the columns are: b"):
        predict(tmp_path, train, "b,c\n1,Jeju\n")


@pytest.mark.parametrize("first", ["Sales report 2025;;", ";;"])
def test_a_title_above_the_header_is_told_as_one(tmp_path, first) -> None:
    rows = "".join(f"0.{i};0.{i};{'ab'[i % 2]}\n" for i in range(20))
    with pytest.raises(
        DataError, match=r"no target column 'y'; .*, column_2, "
    ) as told:
        read(tmp_path, f"{first}\na;b;y\n{rows}", target="y")
    end = "column_3; if the first row is a title, or empty, delete it"
    assert str(told.value).endswith(end)


def test_a_value_that_does_not_fit_is_refused_and_never_missing(tmp_path) -> None:
    train = read(tmp_path, TRAIN, target="y")

    with pytest.raises(
        DataError,
        match=r"'age': 2 of 3 values are not numbers \(first: 'some', line 3; all: "
        r"lines 3, 4\)",
    ):
        predict(
            tmp_path,
            train,
            "age,city\n1,Jeju\nsome,Jeju\n1.234,5,Jeju\n".replace("1.234,5", '"1,234"'),
        )


def test_points_where_training_had_commas_are_said_to_be_no_commas(tmp_path) -> None:
    rows = "".join(f"{i},5;{i % 2}\n" for i in range(30))
    train = read(tmp_path, f"x;y\n{rows}", target="y")
    with pytest.raises(DataError, match=r"not numbers with a decimal comma .*'1\.5'"):
        predict(tmp_path, train, "x;z\n1.5;0\n2.5;1\n")


def test_the_formats_of_training_read_the_new_file(tmp_path) -> None:
    train = read(
        tmp_path,
        'price;day;ok;n\n"$1,200";25/12/2020;yes;?\n"$3";01/02/2020;no;5\n',
    )

    data = predict(tmp_path, train, "price,day,ok,n\n$7,03/04/2021,YES,?\n")

    table = columns(data)
    assert table["price"].values.tolist() == [7]
    assert table["day"].values[0] == np.datetime64("2021-04-03")
    assert table["ok"].values.tolist() == [1]
    assert table["n"].missing.tolist() == [True]


@pytest.mark.parametrize(
    ("column", "value"), [("day", "12/25/2020"), ("ok", "maybe"), ("ok", "1")]
)
def test_dates_and_words_that_do_not_fit_are_refused(tmp_path, column, value) -> None:
    train = read(tmp_path, "day,ok\n25/12/2020,yes\n26/12/2020,no\n")
    row = {"day": "25/12/2020", "ok": "yes"} | {column: value}

    with pytest.raises(
        DataError, match=f"column '{column}': 1 of 1 .*'{value}', line 2"
    ):
        predict(tmp_path, train, f"day,ok\n{row['day']},{row['ok']}\n")


@pytest.mark.parametrize("content", ["7,8,9\n", "7,8,9\n1,2,3\n"])
def test_a_file_without_header_goes_with_training_without_header(
    tmp_path, content
) -> None:
    train = read(tmp_path, "1,2,3\n4,5,6\n7,8,9\n")

    data = predict(tmp_path, train, content)

    assert [column.values[0] for column in columns(data).values()] == [7, 8, 9]


def test_a_file_without_header_may_lack_the_target(tmp_path) -> None:
    train = read(tmp_path, "1,2,3\n4,5,6\n7,8,9\n", target="column_1")

    data = predict(tmp_path, train, "8,9\n")

    assert {n: c.values[0] for n, c in columns(data).items()} == {
        "column_2": 8,
        "column_3": 9,
    }


def test_columns_that_training_ignored_count_where_there_is_no_header(tmp_path) -> None:
    train = read(tmp_path, "1,2,3,4\n5,6,7,8\n9,8,7,6\n", target="column_1")
    assert train.target is not None
    used = [form for form in formats(train) if form.name != "column_3"]
    (tmp_path / "new.csv").write_text("6,0,8\n7,0,9\n")

    data = read_with_formats(
        tmp_path / "new.csv",
        used,
        target=train.target.format,
        columns=["column_4", "column_3", "column_2"],
    )

    assert {n: c.values.tolist() for n, c in columns(data).items()} == {
        "column_2": [6, 7],
        "column_4": [8, 9],
    }
    assert data.target is None
    assert data.reading["ignored"] == "column column_3"


@pytest.mark.parametrize("row", ["6,8", "1,2,3,4,5"])
def test_a_file_without_header_of_another_width_is_refused(tmp_path, row) -> None:
    train = read(tmp_path, "1,2,3,4\n5,6,7,8\n9,8,7,6\n", target="column_1")
    assert train.target is not None

    with pytest.raises(DataError, match=r"training had 3 and the target 'column_1'"):
        predict(tmp_path, train, f"{row}\n", target=train.target.format)


cells = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["", "NA", "?", "yes", "No", "2020-01-05", "1,234", "1.5%"]),
    st.text(
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8
    ),
)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=12), st.booleans())
def test_nothing_changes_without_being_counted(tmp_path_factory, rows, same) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([("first", "second"), *[(a, a if same else b) for a, b in rows]])
    folder = tmp_path_factory.mktemp("round-trip", numbered=True)
    file = folder / "table.csv"
    file.write_bytes(text.getvalue().encode())
    data = read_table(file)
    again = read_with_formats(file, formats(data))
    for place, (name, column) in enumerate(columns(data).items()):
        np.testing.assert_array_equal(
            column.values, columns(again)[name].values, strict=True
        )
        said = " ".join(changes(data, name))
        for (row, shown), line in zip(
            enumerate(column.texts()), data.inputs.lines.numbers.tolist(), strict=True
        ):
            first, second = rows[row]
            original = first if same or place == 0 else second
            if shown != original and column.kind == "text":
                assert "removed" in said or "missing" in said, (original, shown, line)
            if column.missing[row] and original:
                assert "read as missing" in said
            if column.kind == "number" and not column.missing[row] and not said:
                assert float(original) == column.values[row]


@given(
    st.one_of(
        st.binary(),
        st.text('a1,;"\n\r\t.0 \0é가').map(str.encode),
        st.text('a1,;"\n\r.').map(lambda text: text.encode("utf-16-le")),
    )
)
def test_whatever_the_bytes_only_our_error_is_raised(tmp_path_factory, raw) -> None:
    file = tmp_path_factory.mktemp("bytes", numbered=True) / "t.csv"
    file.write_bytes(raw)
    try:
        data = read_table(file)
    except DataError:
        return
    assert len(data) > 0
    assert {len(c.values) for c in columns(data).values()} == {len(data)}


def test_the_real_tables_hold_what_is_known_about_them(shared_data: Path) -> None:
    housing = read_table(
        shared_data / "housing" / "housing.csv", target="median_house_value"
    )
    table = columns(housing)
    assert (len(housing), len(table)) == (20640, 9)
    assert table["total_bedrooms"].missing.sum() == 207
    assert table["ocean_proximity"].texts().count("ISLAND") == 5
    assert housing.changes == ()

    titanic = read_table(shared_data / "titanic" / "train.csv", target="Survived")
    missing = {n: int(c.missing.sum()) for n, c in columns(titanic).items()}
    assert len(titanic) == 891
    assert {n: m for n, m in missing.items() if m} == {
        "Age": 177,
        "Cabin": 687,
        "Embarked": 2,
    }
    assert columns(titanic)["Name"].levels[0] == "Braund, Mr. Owen Harris"

    california = read_table(shared_data / "california" / "california_housing.csv")
    capped = columns(california)["MedHouseVal"].values == 5.00001
    assert capped.sum() == 965
    raw = read_table(shared_data / "california" / "cal_housing.data.gz")
    assert (len(raw), len(columns(raw))) == (20640, 9)


def test_the_korean_tables_are_read_right(shared_data: Path) -> None:
    weather = read_table(shared_data / "korean" / "seoul_daily_temperature.csv")
    table = columns(weather)
    assert weather.reading["encoding"] == "cp949"
    assert table["날짜"].kind == "date"
    assert table["날짜"].values[0] == np.datetime64("1907-10-01")
    gaps = [int(table[name].missing.sum()) for name in [*table][2:]]
    assert (len(weather), gaps) == (40836, [756, 757, 758])

    crime = read_table(shared_data / "korean" / "crime_in_seoul.csv")
    assert columns(crime)["절도 발생"].values[0] == 1395
    assert changes(crime, "절도 발생")["thousands separator ',' removed"].count == 27

    flats = read_table(
        shared_data / "korean" / "jongno_apartment_sales_2010_2019.csv",
        target="거래금액",
    )
    assert flats.target is not None
    assert (len(flats), flats.target.values[0]) == (6261, 100_000)
    assert columns(flats)["지번"].kind == "text"


def test_the_other_real_tables_are_read_right(shared_data: Path) -> None:
    adult = columns(read_table(shared_data / "adult" / "adult_train.csv"))
    assert [c.kind for c in adult.values()].count("number") == 6
    assert adult["workclass"].missing.sum() == 1836

    bank = read_table(shared_data / "bank" / "bank-full.csv.gz", target="y")
    assert bank.target is not None
    assert (len(bank), bank.target.format.words) == (45211, ("no", "yes"))
    assert 0.11 < bank.target.values.mean() < 0.12

    for colour, rows in (("red", 1599), ("white", 4898)):
        wine = read_table(shared_data / "wine" / f"winequality-{colour}.csv")
        assert len(wine) == rows
        assert {c.kind for c in columns(wine).values()} == {"number"}

    car = columns(read_table(shared_data / "car" / "car_evaluation.csv"))
    assert car["doors"].levels == ("2", "3", "4", "5more")


def test_a_table_is_read_quickly(shared_data: Path) -> None:
    began = time.process_time()
    read_table(shared_data / "adult" / "adult_train.csv")

    assert time.process_time() - began < 2  # 0.4 s here; room for a slow machine


def test_several_targets_are_refused_as_such(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("day,a,b\n" + "".join(f"2020-01-0{i},{i},2\n" for i in range(1, 9)))
    told = "'a, b'; one target at a time is supported: a or b; the columns are"
    with pytest.raises(DataError, match=f"no target column {told}:"):
        read_table(path, target="a, b")
    with pytest.raises(PlanError, match=f"has no column {told}"):
        load(path, target="a, b", series=Series(time="day", window=2))
    with pytest.raises(DataError, match=f"no column {told}"):
        with_target(read_table(path, target="a"), "a, b")
    with pytest.raises(DataError, match="'a,c'; the columns are: day, a, b"):
        read_table(path, target="a,c")
