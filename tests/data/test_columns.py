import numpy as np
import pytest

import torchsmith as ts
from tests.data.reading import changes, column_of, columns, read
from torchsmith.core.errors import DataError
from torchsmith.data.tables import read_with_formats, table_from_rows
from torchsmith.inspect.values import find_changes
from torchsmith.plan.file import parse_plan
from torchsmith.plan.text import plan_text

NAN = np.nan


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["1", "-2", "+3"], [1, -2, 3]),
        (["1.5", ".5", "2.", "1e3", "-1E-2"], [1.5, 0.5, 2, 1000, -0.01]),
        ([" 7 ", "8"], [7, 8]),
        (["1,234,567", "12"], [1234567, 12]),
        (["1,395", "477"], [1395, 477]),
        (["1.234,56", "7,5"], [1234.56, 7.5]),
        (["0,123", "0,500"], [0.123, 0.5]),
        (["1 234", "12"], [1234, 12]),
        (["12\u00a0345,6", "1"], [12345.6, 1]),
        (["$1,200.50", "-$3", "$ 4"], [1200.5, -3, 4]),
        (["₩100,000", "₩5"], [100000, 5]),
        (["12%", "3.5 %"], [12, 3.5]),
        (["1e400", "-inf", "3"], [np.inf, -np.inf, 3]),
        (["(5.3)", "2", "-1", "(.5)"], [-5.3, 2, -1, -0.5]),
        (["($1,200.50)", "-$3", "$ 4", "($ 7)"], [-1200.5, -3, 4, -7]),
        (["(5 %)", "3%"], [-5, 3]),
        (["(1.234,5)", "7,25", "(0,5)"], [-1234.5, 7.25, -0.5]),
        (["\u22120.5", "2", "-1"], [-0.5, 2, -1]),
        (["\u2212$3", "-$\u00a04"], [-3, -4]),
        (["50 kg", "7.5kg"], [50, 7.5]),
        (["23k", "-1k", "(2k)"], [23, -1, -2]),
        (["90 km/h", "12 km/h"], [90, 12]),
    ],
)
def test_numbers_are_read_in_every_common_form(tmp_path, texts, values) -> None:
    column = column_of(tmp_path, *texts)

    assert column.kind == "number"
    assert column.values.tolist() == values


@pytest.mark.parametrize(
    "texts",
    [
        ["00501", "10001"],
        ["9007199254740993", ""],
        ["1" * 4301, "2"],
        ["1_000", "2"],
        ["１２", "3"],
        ["1,2,3", "4"],
        ["12,34,567", "1"],
        ["0x1f", "2"],
        ["5 kg", "7 lb"],
        ["007A", "012A"],
        ["12a", "12b"],
        ["-$-5", "$3"],
        ["110-15", "9"],
        ["inf", "nan"],
        ["12%", "5"],
        ["(5.3)", "(b)"],
        ["(02)", "(031)"],
        ["(-5)", "3"],
        ["(5", "3)"],
        ["(inf)", "3"],
    ],
)
def test_what_would_change_as_a_number_stays_text(tmp_path, texts) -> None:
    column = column_of(tmp_path, *texts)

    assert column.kind == "text"
    assert column.texts() == texts


def test_decimal_commas_elsewhere_settle_what_a_comma_means(tmp_path) -> None:
    clear = "a;b\n1,5;1,234\n2,25;5,678\n"
    unclear = "a;b\n1.5;1,234\n2.25;5,678\n"

    assert columns(read(tmp_path, clear))["b"].values.tolist() == [1.234, 5.678]
    assert columns(read(tmp_path, unclear))["b"].values.tolist() == [1234, 5678]


def test_whatever_is_taken_off_a_number_is_counted(tmp_path) -> None:
    data = read(tmp_path, 'x;y;z\n"$1,200";5%;inf\n"$3";2%;1.5\n')
    commas = read(tmp_path, "x;y\n1,5;a\n2;b\n")

    assert changes(data, "x")["thousands separator ',' removed"].lines == (2,)
    assert changes(data, "x")["'$' removed from numbers"].count == 2
    assert changes(data, "y")["'%' removed from numbers"].count == 2
    account = read(tmp_path, "x;y\n1.5;a\n (2.5);b\n3;c\n(4);c\n")
    change = changes(account, "x")["brackets read as a minus sign"]
    assert (change.count, change.lines, change.example) == (2, (3, 5), " (2.5)")
    form = columns(account)["x"].format
    again = read_with_formats(tmp_path / "table.csv", [form])
    assert columns(again)["x"].values.tolist() == [1.5, -2.5, 3, -4]
    assert changes(data, "z")["infinite value"].count == 1
    assert changes(commas, "x")["decimal comma read as a point"].example == "1,5"


@pytest.mark.parametrize(
    ("texts", "values", "words"),
    [
        (["true", "FALSE", "true"], [1, 0, 1], ("FALSE", "true")),
        (["yes", "no", "Yes", "yes"], [1, 0, 1, 1], ("no", "yes")),
        (["N", "Y", ""], [0, 1, NAN], ("N", "Y")),
        (["t", "f", "NA"], [1, 0, NAN], ("f", "t")),
    ],
)
def test_two_words_for_yes_and_no_are_boolean(tmp_path, texts, values, words) -> None:
    column = column_of(tmp_path, *texts)

    assert (column.kind, column.format.words) == ("boolean", words)
    np.testing.assert_array_equal(column.values, values)


@pytest.mark.parametrize("texts", [["yes", "yes"], ["yes", "no", "maybe"], ["y", "no"]])
def test_other_words_are_text(tmp_path, texts) -> None:
    assert column_of(tmp_path, *texts).kind == "text"


def test_zero_and_one_are_numbers(tmp_path) -> None:
    assert column_of(tmp_path, "0", "1").kind == "number"


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["2020-01-05", "1999-12-31"], "2020-01-05"),
        (["1907.10.1", "1907.10.12"], "1907-10-01"),
        (["2020/1/5", "2020/12/31"], "2020-01-05"),
        (["2020. 1. 5", "2020. 12. 31"], "2020-01-05"),
        (["2020년 1월 5일", "2020년 12월 31일"], "2020-01-05"),
        (["25/12/2020", "01/02/2020"], "2020-12-25"),
        (["12/25/2020", "01/02/2020"], "2020-12-25"),
        (["24.12.2020", "01.02.2020"], "2020-12-24"),
        (["05-Jan-2020", "31-dec-2020"], "2020-01-05"),
        (["2020-01-05 07:30", "2020-01-05 23:59"], "2020-01-05T07:30:00"),
        (["2020-01-05T07:30:15Z"], "2020-01-05T07:30:15"),
        ([f"202001{day}" for day in range(10, 21)], "2020-01-10"),
        (["2024-02-29", ""], "2024-02-29"),
    ],
)
def test_dates_are_read_in_every_common_form(tmp_path, texts, first) -> None:
    column = column_of(tmp_path, *texts)

    assert column.kind == "date"
    assert column.values[0] == np.datetime64(first)
    assert column.missing.tolist() == [not text for text in texts]


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-29",
        "2020-13-01",
        "2020-00-10",
        "0000-01-01",
        "01/02/20",
        "2020-01-05 25:00",
    ],
)
def test_what_is_no_date_is_text(tmp_path, text) -> None:
    assert column_of(tmp_path, text, text).kind == "text"


def test_eight_digits_are_numbers_without_more_evidence(tmp_path) -> None:
    early = [f"17000{month}0{day}" for month in range(1, 4) for day in range(1, 5)]

    assert column_of(tmp_path, "20200105", "20200106").kind == "number"
    assert column_of(tmp_path, *early).kind == "number"


def test_day_and_month_that_cannot_be_told_apart_are_noted(tmp_path) -> None:
    data = read(tmp_path, "d,x\n01/02/2020,1\n03/04/2020,2\n")

    assert columns(data)["d"].values[0] == np.datetime64("2020-01-02")
    assert "column 'd': '01/02/2020'" in data.reading["date note"]
    assert "read with the month first" in data.reading["date note"]


def test_another_column_settles_whether_the_day_comes_first(tmp_path) -> None:
    data = read(tmp_path, "d,e\n01/02/2020,25/12/2020\n03/04/2020,26/12/2020\n")

    assert columns(data)["d"].values[0] == np.datetime64("2020-02-01")
    assert "read with the day first" in data.reading["date note"]


def test_an_unclear_date_is_named_where_the_first_one_is_missing(tmp_path) -> None:
    data = read(tmp_path, "d,x\n,1\nNA,2\n01/02/2020,3\n03/04/2020,4\n")

    assert "column 'd': '01/02/2020' may have" in data.reading["date note"]


def test_a_fraction_of_a_second_is_cut_off_and_said(tmp_path) -> None:
    data = read(tmp_path, "t,x\n2020-01-01 00:00:00.5,1\n2020-01-01 00:00:01.0,2\n")

    assert columns(data)["t"].kind == "date"
    assert changes(data, "t")["fraction of a second cut off"].lines == (2,)


@pytest.mark.parametrize(
    "marker", ["?", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "-", "--", "."]
)
def test_markers_among_numbers_are_missing_and_counted(tmp_path, marker) -> None:
    data = read(tmp_path, f"x,y\n1,a\n{marker},b\n3,c\n{marker},d\n")

    assert columns(data)["x"].missing.tolist() == [False, True, False, True]
    assert columns(data)["x"].format.missing == ("", marker)
    change = changes(data, "x")[f"{marker!r} read as missing"]
    assert (change.count, change.lines, change.example) == (2, (3, 5), marker)


def test_a_question_mark_is_missing_among_texts_but_not_among_signs(tmp_path) -> None:
    assert column_of(tmp_path, "private", "?").missing.tolist() == [False, True]
    assert column_of(tmp_path, "!", "?").missing.tolist() == [False, False]


@pytest.mark.parametrize("word", ["NA", "null", "None", "NaN"])
def test_a_word_for_nothing_among_texts_stays_text(tmp_path, word) -> None:
    assert column_of(tmp_path, "Seoul", word).texts() == ["Seoul", word]


def test_a_marker_of_numbers_marks_texts_too_but_not_short_codes(tmp_path) -> None:
    data = read(tmp_path, "age,city,country\n1,NA,NA\nNA,Seoul,KR\n3,Busan,DE\n")

    assert columns(data)["city"].missing.tolist() == [True, False, False]
    assert columns(data)["country"].texts() == ["NA", "KR", "DE"]
    assert changes(data, "city")["'NA' read as missing"].lines == (2,)


def test_a_few_strays_among_numbers_make_text_and_are_told(tmp_path) -> None:
    rows = [str(i) for i in range(100)]
    rows[40], rows[90] = "n.a.", "abc"

    data = read(tmp_path, "x,y\n" + "".join(f"{row},1\n" for row in rows))

    assert columns(data)["x"].kind == "text"
    [change] = changes(data, "x").values()
    assert change.what.startswith("2 of 100 values are not numbers")
    assert (change.count, change.lines, change.example) == (2, (42, 92), "n.a.")


def test_a_word_for_a_gap_in_many_rows_makes_text_and_is_told(tmp_path) -> None:
    rows = ["unknown" if i % 3 == 0 else f"{i}.5" for i in range(90)]

    data = read(tmp_path, "x,y\n" + "".join(f"{row},1\n" for row in rows))

    [change] = changes(data, "x").values()
    assert change.what.startswith("30 of 90 values are not numbers")
    assert (change.count, change.example) == (30, "unknown")


@pytest.mark.parametrize("form", ["{}:30", "{}:05:09", "{}:10 PM"])
def test_times_without_a_date_are_told_where_they_are_many(tmp_path, form) -> None:
    rows = "".join(f"{form},{i // 8}:00\n".format(1 + i) for i in range(24))

    data = read(tmp_path, "t,shift\n" + rows)

    [change] = changes(data, "t").values()
    assert change.what == "times without a date, so the column is read as text"
    [finding] = find_changes([change])
    assert (finding.severity, "such as 9.5 for 9:30" in finding.remedy) == (
        "warning",
        True,
    )
    assert changes(data, "shift") == {}


def test_a_stray_is_told_beside_markers_of_missing_values(tmp_path) -> None:
    numbers = [str(i / 4) for i in range(100)]
    days = [f"2026-01-{1 + i % 28:02}" for i in range(100)]
    numbers[:20], numbers[40] = ["NA"] * 20, "abc"
    days[:20], days[50] = ["-"] * 20, "soon"
    pairs = zip(numbers, days, strict=True)

    data = read(tmp_path, "x,d\n" + "".join(f"{x},{d}\n" for x, d in pairs))

    for name, what, line in (("x", "numbers", 42), ("d", "dates", 52)):
        [change] = changes(data, name).values()
        assert change.what.startswith(f"1 of 80 values are not {what}")
        assert change.lines == (line,)


def test_times_whose_offset_changes_are_read_as_utc_and_said(tmp_path) -> None:
    hours = [f"2021-10-31T0{hour}:00:00+02:00" for hour in range(3)]
    hours += [f"2021-10-31T0{hour}:00:00+01:00" for hour in range(2, 6)]

    data = read(tmp_path, "t,y\n" + "".join(f"{hour},1\n" for hour in hours))

    times = columns(data)["t"].values
    assert times[0] == np.datetime64("2021-10-30T22:00:00")
    assert (np.diff(times) == np.timedelta64(1, "h")).all()
    [change] = changes(data, "t").values()
    assert (change.what, change.count) == ("times with offsets read as UTC", 7)
    again = read_with_formats(tmp_path / "table.csv", [columns(data)["t"].format])
    assert columns(again)["t"].values.tolist() == times.tolist()


def test_an_offset_that_some_times_lack_is_told(tmp_path) -> None:
    days = [f"2021-10-{day:02}T00:00:00+02:00" for day in range(1, 29)]
    days[5:9] = [day.removesuffix("+02:00") for day in days[5:9]]

    data = read(tmp_path, "t,y\n" + "".join(f"{day},1\n" for day in days))

    assert columns(data)["t"].kind == "text"
    [change] = changes(data, "t").values()
    assert change.what.endswith("so the column is read as text")
    assert (change.count, change.lines[0]) == (4, 7)


def test_years_of_two_digits_are_told(tmp_path) -> None:
    data = read(tmp_path, "t,y\n01-Jan-69,1\n01-Feb-19,2\n")
    assert columns(data)["t"].texts() == ["1969-01-01", "2019-02-01"]
    [change] = changes(data, "t").values()
    assert change.what == "years of two digits read as 1969 to 2039"


def test_years_of_two_digits_are_of_training_and_new_rows_the_same(tmp_path) -> None:
    form = columns(read(tmp_path, "t,y\n01-Jan-39,1\n01-Feb-19,2\n"))["t"].format
    (tmp_path / "new.csv").write_text("t,y\n01-Jan-40,1\n")
    with pytest.raises(DataError, match=r"not dates of the form %d-%b-%y .*01-Jan-40"):
        read_with_formats(tmp_path / "new.csv", [form])


@pytest.mark.parametrize(
    "form",
    ["{}. März 2024", "{} de marzo de 2024", "{} juin 2024", "{}. Mai 2024 9:30"],
)
def test_dates_with_months_of_other_languages_are_told(tmp_path, form) -> None:
    data = read(
        tmp_path, "d;y\n" + "".join(f"{form};1\n".format(i) for i in range(1, 29))
    )
    [change] = changes(data, "d").values()
    assert change.what.startswith("dates of no form that is read")


def test_dates_with_times_have_them_at_midnight_too(tmp_path) -> None:
    times = column_of(tmp_path, "2025-05-12 00:00", "2025-05-12 00:10", "")
    days = column_of(tmp_path, "2025-05-12 00:00", "2025-05-13 00:00", "")
    whole = ["2025-05-12T00:00:00", "2025-05-12T00:10:00", ""]
    assert times.texts() == whole
    assert times.texts(np.array([0])) == whole[:1]
    assert days.texts() == ["2025-05-12", "2025-05-13", ""]


def test_dates_of_no_form_that_is_read_are_told(tmp_path) -> None:
    days = [f"{month}/{day}/21" for month in range(1, 13) for day in range(1, 28)]

    data = read(tmp_path, "t,y\n" + "".join(f"{day},1\n" for day in [*days, "soon"]))

    [change] = changes(data, "t").values()
    words = "dates of no form that is read, so the column is read as text"
    assert (change.what, change.count) == (words, len(days))
    assert (change.lines[0], change.example) == (2, "1/1/21")
    [finding] = find_changes([change])
    assert (finding.code, finding.severity) == ("D17", "warning")
    assert "in one form that is read: 2026-11-20, " in finding.remedy


def test_many_different_strays_are_a_text_and_not_told(tmp_path) -> None:
    rows = [str(i) for i in range(2000)] + [f"word {i}" for i in range(51)]

    data = read(tmp_path, "x,y\n" + "".join(f"{row},1\n" for row in rows))

    assert columns(data)["x"].kind == "text"
    assert changes(data, "x") == {}


def test_a_damaged_date_among_dates_is_told(tmp_path) -> None:
    days = [f"2020-01-{day:02}" for day in range(1, 31)] + ["2020-02-30"]

    data = read(tmp_path, "d,y\n" + "".join(f"{day},1\n" for day in days))

    [change] = changes(data, "d").values()
    assert change.what.startswith("1 of 31 values are not dates")
    assert change.lines == (32,)


def test_spaces_around_texts_are_removed_and_counted(tmp_path) -> None:
    data = read(tmp_path, "x,y\n a,1\na,2\nb ,3\n")

    assert columns(data)["x"].levels == ("a", "b")
    assert changes(data, "x")["surrounding spaces removed"].lines == (2, 4)


def test_a_cell_of_spaces_is_missing_and_counted(tmp_path) -> None:
    data = read(tmp_path, "x,y\n  ,1\n5,2\n")

    assert columns(data)["x"].missing.tolist() == [True, False]
    assert changes(data, "x")["'  ' read as missing"].count == 1


def test_a_column_without_values_is_text_without_levels(tmp_path) -> None:
    column = column_of(tmp_path, "", "")

    assert (column.kind, column.levels, column.missing.all()) == ("text", (), True)


def test_a_role_makes_numbers_categories_with_their_own_texts(tmp_path) -> None:
    column = column_of(tmp_path, "1.0", "02", "NA", roles={"x": "category"})
    as_category = column_of(tmp_path, "1.0", "2", "NA", roles={"x": "category"})

    assert column.levels == ("1.0", "02", "NA")
    assert as_category.levels == ("1.0", "2")
    assert as_category.missing.tolist() == [False, False, True]


def test_a_role_makes_codes_numbers(tmp_path) -> None:
    column = column_of(tmp_path, "00501", "10001", roles={"x": "number"})

    assert column.values.tolist() == [501, 10001]


def test_digits_lost_to_a_role_are_counted(tmp_path) -> None:
    data = read(tmp_path, "x,y\n9007199254740993,1\n", roles={"x": "number"})

    assert changes(data, "x")["rounded to the nearest 64-bit number"].count == 1


def test_a_minus_sign_of_typography_may_stand_before_many_digits(tmp_path) -> None:
    data = read(tmp_path, "x,y\n\u22129007199254740993,1\n", roles={"x": "number"})

    assert columns(data)["x"].values.tolist() == [-(2.0**53)]
    assert changes(data, "x")["rounded to the nearest 64-bit number"].count == 1


def test_a_role_makes_zero_and_one_boolean(tmp_path) -> None:
    column = column_of(tmp_path, "0", "1", "?", roles={"x": "boolean"})

    assert (column.kind, column.format.words) == ("boolean", ("0", "1"))
    np.testing.assert_array_equal(column.values, [0, 1, NAN])


@pytest.mark.parametrize(
    ("role", "texts", "message"),
    [
        (
            "number",
            ["1", "2", "abc"],
            r"'x': 1 of 3 .* not numbers \(first: 'abc', line 4",
        ),
        ("date", ["2020-01-01", "soon"], r"not dates of the form %Y-%m-%d .*'soon'"),
        ("boolean", ["red", "blue"], r"'x' cannot be boolean: .*'red', 'blue'"),
    ],
)
def test_a_role_that_does_not_fit_is_refused(tmp_path, role, texts, message) -> None:
    with pytest.raises(DataError, match=message):
        column_of(tmp_path, *texts, roles={"x": role})


def test_an_ignored_column_is_read_as_it_is(tmp_path) -> None:
    rows = "".join(f"{i},1\n" for i in range(50)) + "oops,1\n"

    data = read(tmp_path, "x,y\n" + rows, roles={"x": "ignore"})

    assert columns(data)["x"].kind == "text"
    assert data.changes == ()


def test_words_in_another_case_are_counted(tmp_path) -> None:
    table = read(tmp_path, "a,b\nYes,no\nyes,no\nYes,yes\nNo,no\n")
    assert not changes(table, "b")
    change = changes(table, "a")["read as 'No' or 'Yes' whatever the case"]
    assert (change.count, change.lines, change.example) == (1, (3,), "yes")


def test_dates_that_are_written_in_several_ways_are_told_with_their_lines(
    tmp_path,
) -> None:
    days = [f"2026-01-{day:02d}" for day in range(1, 29)]
    days[4:20] = [f"{day:02d}.01.2026" for day in range(5, 21)]
    table = read(tmp_path, "d,x\n" + "".join(f"{day},1\n" for day in days))
    assert columns(table)["d"].kind == "text"
    (change,) = changes(table, "d").values()
    words = "dates are written in several ways, so the column is read as text"
    assert (change.what, change.count) == (words, 12)
    assert (change.lines[0], change.example) == (2, "2026-01-01")


@pytest.mark.parametrize(
    ("first", "other", "what"),
    [
        ("5.00", "${}.45", "numbers with '$'"),
        ("n.d.", "2026-01-{:02}", "dates"),
    ],
)
def test_a_stray_is_told_in_the_first_row_too(tmp_path, first, other, what) -> None:
    rows = [first, *(other.format(i) for i in range(1, 29))]

    data = read(tmp_path, "x,y\n" + "".join(f"{row},1\n" for row in rows))

    [change] = changes(data, "x").values()
    assert change.what.startswith(f"1 of 29 values are not {what}, so")
    assert (change.lines, change.example) == ((2,), first)


@pytest.mark.parametrize(
    ("forms", "what", "example"),
    [
        (("{},50", "{}.50"), "are written in several ways", "0,50"),
        (("{} kg", "{} kg", "{} lb"), "are written in several ways", "2 lb"),
        (("{}.5-",), "of no form that is read", "0.5-"),
        (("EUR {},-",), "of no form that is read", "EUR 0,-"),
        (("{}", "12,34,{:03}"), "of no form that is read", "12,34,001"),
    ],
)
def test_numbers_that_cannot_be_read_are_told(tmp_path, forms, what, example) -> None:
    rows = [forms[i % len(forms)].format(i) for i in range(60)]

    data = read(tmp_path, "x;y\n" + "".join(f"{row};1\n" for row in rows))

    assert columns(data)["x"].kind == "text"
    [change] = changes(data, "x").values()
    assert change.what == f"numbers {what}, so the column is read as text"
    assert change.example == example
    [finding] = find_changes([change])
    assert finding.severity == "warning"
    assert "in one form that is read: 1234.5, 1,234.50, " in finding.remedy


@pytest.mark.parametrize(
    "form", ["{}a {}b", "{}-{}", "1.{}.{}", "A{}{}", "0{}{}"], ids=str
)
def test_codes_are_not_told_as_numbers(tmp_path, form) -> None:
    rows = [form.format(i % 7, i) for i in range(60)]
    rows = [row.split()[i % len(row.split())] for i, row in enumerate(rows)]

    data = read(tmp_path, "x;y\n" + "".join(f"{row};1\n" for row in rows))

    assert columns(data)["x"].kind == "text"
    assert changes(data, "x") == {}


SALES = "price,share\n" + "".join(f"${i}.5,{i} %\n" for i in range(1, 30))


@pytest.mark.parametrize(
    ("text", "value", "told"),
    [
        ("$1,234.00", 1234, "unlike others, thousands separator ',' removed"),
        ("$1,234,567", 1234567, "unlike others, thousands separator ',' removed"),
        ("343.52", 343.52, "unlike others, read without '$'"),
        ("1234", 1234, "unlike others, read without '$'"),
        ("($5.00)", -5, "unlike others, brackets read as a minus sign"),
        ("-$5", -5, "'$' removed from numbers"),
    ],
)
def test_new_rows_may_extend_the_form_of_training(tmp_path, text, value, told) -> None:
    form = columns(read(tmp_path, SALES))["price"].format
    (tmp_path / "new.csv").write_text(f'price,x\n$2.5,1\n"{text}",1\n')

    data = read_with_formats(tmp_path / "new.csv", [form])

    assert columns(data)["price"].values.tolist() == [2.5, value]
    assert 3 in changes(data, "price")[told].lines


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("€343.52", "with '€' in place of '$'"),
        ("343,52", "with ',' where '.' is the decimal mark"),
        ("1,234", "with a ',' that may part thousands or decimals"),
        ("5 kg", "with 'kg'"),
    ],
)
def test_new_rows_in_a_form_that_is_not_clear_are_refused(tmp_path, text, why) -> None:
    form = columns(read(tmp_path, SALES))["price"].format
    (tmp_path / "new.csv").write_text(f'price,x\n$2.5,1\n"{text}",1\n')

    with pytest.raises(DataError) as caught:
        read_with_formats(tmp_path / "new.csv", [form])

    assert f"not numbers (first: '{text}' {why}, line 3);" in str(caught.value)


def test_new_rows_may_extend_decimal_commas_but_not_leave_out_a_unit(tmp_path) -> None:
    rows = "".join(f"{i},5 €;{i} kg\n" for i in range(30))
    data = read(tmp_path, f"x;w\n{rows}")
    forms = [columns(data)[name].format for name in ("x", "w")]
    (tmp_path / "new.csv").write_text("x;w\n1.234,00 €;5 kg\n1.234;7 kg\n")
    (tmp_path / "bare.csv").write_text("x;w\n1,5;5\n1,5;7\n")

    again = read_with_formats(tmp_path / "new.csv", forms)

    assert columns(again)["x"].values.tolist() == [1234, 1234]
    with pytest.raises(DataError, match=r"first: '5' with no 'kg', line 2"):
        read_with_formats(tmp_path / "bare.csv", forms)


def test_whole_numbers_keep_all_their_digits_as_text(tmp_path):
    whole = [1234567890123456, 1234567890123457, -(2**53), 10**15]
    column = column_of(tmp_path, *map(str, whole))
    assert column.kind == "number"
    assert column.texts() == [*map(str, whole)]


FITTING = ("it's", "'" * 500, "x\n" * 90, "x" * 1000)


@pytest.mark.parametrize("name", FITTING)
def test_a_name_that_is_not_too_long_can_be_read_back_from_a_plan(name) -> None:
    rows = {name: [1.0, 2.0] * 20, "y": ["a", "b"] * 20}
    made = ts.plan(rows, target="y", settings={f"data.columns.{name}": "number"})
    assert parse_plan(plan_text(made)).data == made.data


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x" * 1001, f"'{'x' * 30}…', has 1,001 characters; it may have at most 1,000"),
        ("'" * 501, "has 501 characters, 1,002 as a plan writes it; it may have at"),
        ("x\n" * 100, "has 199 characters, 1,090 as a plan writes it; it may have"),
    ],
)
def test_a_name_that_a_plan_cannot_hold_is_refused(tmp_path, name, words) -> None:
    rows = f'a,"{name}",y\n' + "1,2,3\n" * 9
    with pytest.raises(DataError, match="the name of column 2, ") as caught:
        read(tmp_path, rows, target="y")
    assert words in str(caught.value)
    hint = "give it a shorter name; if it is a value, put a header above it"
    assert str(caught.value).endswith(hint)
    with pytest.raises(DataError, match=r"column 2, .*give it a shorter name$"):
        table_from_rows({"a": [1, 2], name.strip(): [1, 2], "y": [0, 1]}, target="y")
