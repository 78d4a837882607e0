import numpy as np
import pytest

from tests.inspect.build import found, labels, noise, table
from torchsmith.data.data import Change
from torchsmith.inspect.examine import inspect


def look(values, name="c", num_others=1):
    others = {f"x{i}": noise(len(values), 7 + i) for i in range(num_others)}
    inspection = inspect(table({**others, name: values}, noise(len(values), 99)))
    return next(facts for facts in inspection.columns if facts.name == name)


@pytest.mark.parametrize(
    ("name", "values", "role", "reason"),
    [
        ("c", noise(), "number", "200 different numbers"),
        ("c", [i % 3 for i in range(200)], "number", "3 different whole numbers"),
        ("c", [True, False] * 100, "boolean", "'false' or 'true'"),
        ("c", np.arange(200).astype("M8[D]"), "date", "200 different dates"),
        ("c", ["a", "b"] * 100, "category", "2 different texts in 200 rows"),
        ("c", [f"v{i % 40}" for i in range(200)], "category", "40 different"),
        ("c", [f"v{i % 41}" for i in range(200)], "ignore", "too few rows each"),
        ("c", list(range(200)), "ignore", "rises by 1"),
        ("c", [f"text {i}" for i in range(200)], "ignore", "free text or an id"),
        ("PassengerId", list(range(0, 400, 2)), "ignore", "an id"),
        ("row_id", [f"r{i}" for i in range(200)], "ignore", "an id"),
        ("고객번호", [5 * i for i in range(200)], "ignore", "an id"),
        ("year", list(range(1800, 2000)), "number", "whole numbers"),
        ("humid", [5 * i for i in range(200)], "number", "whole numbers"),
        ("c", [7] * 200, "ignore", "'7' in every row"),
        ("c", [None] * 200, "ignore", "every value is missing"),
        ("c", [1] * 100 + [None] * 100, "number", "1 different"),
    ],
)
def test_role_follows_from_values_and_name(name, values, role, reason):
    facts = look(values, name)
    assert facts.role == role
    assert reason in facts.reason


TITLES = ["Mr.", "Mrs.", "Miss"]


@pytest.mark.parametrize(
    ("name", "values", "role", "reason"),
    [
        ("c", [f"{TITLES[i % 3]} N{i}" for i in range(200)], "text", "3 words of"),
        ("c", [f"{'ABCDE'[i % 5]}{i // 10}" for i in range(200)], "text", "5 words of"),
        ("c", [f"{'AB'[i % 2]}{i}" for i in range(200)], "ignore", "text or an id"),
        ("ticket no", [f"P {i % 90} of {i % 2}" for i in range(200)], "ignore", "few"),
        ("c", [f"in {i}" for i in range(200)], "ignore", "free text or an id"),
        ("c", [f"{'ab'[i % 2]}{i or 8}" for i in range(200)], "ignore", "too few rows"),
        ("c", [f"{'ab'[i % 2]}{i}" if i else None for i in range(200)], "ignore", ""),
        ("c", [f"Mr. {i}" if i > 185 else f"M {i}" for i in range(200)], "ignore", ""),
        ("c", [f"Mr {i}" if i % 2 else None for i in range(200)], "text", "1 word of"),
    ],
)
def test_texts_are_used_where_words_recur_in_some_rows(name, values, role, reason):
    facts = look(values, name)
    assert facts.role == role
    assert reason in facts.reason


def test_facts_of_texts_are_their_words():
    facts = look([f"{TITLES[i % 3]} Nr. {i}" for i in range(200)])
    assert [(b.label, b.count) for b in facts.bins] == [
        ("mr", 67),
        ("mrs", 67),
        ("miss", 66),
    ]
    assert facts.words == 3


def test_a_word_that_gives_the_answer_away_is_found():
    y = labels()
    notes = [f"{'granted' if one == 'a' else 'refused'} {i}" for i, one in enumerate(y)]
    (finding,) = found(table({"x": noise(), "note": notes}, y), "D10")
    assert "'note' alone predicts 'y' almost perfectly" in finding.message


def test_gaps_of_texts_are_said_to_become_a_column():
    notes = [f"{TITLES[i % 3]} N{i}" if i % 9 else None for i in range(200)]
    (finding,) = found(table({"note": notes}, noise()), "D16")
    assert finding.remedy == "Torchsmith adds a column that says so."


def test_the_only_column_is_used_even_if_it_counts_the_rows():
    inspection = inspect(table({"x": list(range(50))}, noise(50)))
    assert inspection.columns[0].role == "number"
    assert not found(inspection, "D35")


def test_without_any_usable_column_training_is_refused():
    (finding,) = found(table({"x": [1] * 50, "t": ["a"] * 50}, noise(50)), "D35")
    assert finding.severity == "error"


def test_facts_are_those_of_the_values():
    facts = look([1, 2, 3, None, 94] * 10)
    assert (facts.low, facts.high, facts.mean, facts.median) == (1, 94, 25, 2.5)
    assert (facts.missing, facts.distinct) == (10, 4)
    assert [(b.label, b.count) for b in facts.bins][-1] == ("94", 10)


def test_the_bins_of_many_numbers_hold_all_of_them():
    facts = look(noise())
    assert sum(b.count for b in facts.bins) == 200
    assert len(facts.bins) == 12


def test_dates_have_a_first_and_a_last():
    facts = look(np.arange("2020-01-01", "2020-07-19", dtype="M8[D]"))
    assert (facts.first_date, facts.last_date) == ("2020-01-01", "2020-07-18")
    assert facts.bins[0].label == "2020-01-01"


def test_the_most_frequent_level_stands_first():
    facts = look(["a"] * 20 + ["b"] * 60 + ["c"] * 20)
    assert [(b.label, b.count) for b in facts.bins] == [("b", 60), ("a", 20), ("c", 20)]


def test_a_second_equal_column_is_left_out():
    same = [round(v, 1) for v in noise()]
    inspection = inspect(
        table({"a": same, "b": same, "c": noise(seed=3)}, noise(seed=4))
    )
    assert [facts.role for facts in inspection.columns] == [
        "number",
        "ignore",
        "number",
    ]
    (finding,) = found(inspection, "D28")
    assert "'b' is equal to 'a'" in finding.message


def test_a_column_in_other_words_is_noted_and_kept():
    codes = [i * i % 7 for i in range(200)]
    words = [f"word {code}" for code in codes]
    inspection = inspect(table({"a": words, "b": codes}, noise()))
    (finding,) = found(inspection, "D28")
    assert "'b' repeats 'a' in other words" in finding.message
    assert [facts.role for facts in inspection.columns] == ["category", "number"]


def test_columns_that_differ_in_one_row_do_not_repeat_each_other():
    codes = [i * i % 7 for i in range(200)]
    words = [f"word {code}" for code in codes]
    words[50] = "word 0" if words[50] != "word 0" else "word 1"
    assert not found(table({"a": words, "b": codes}, noise()), "D28")


def test_infinite_values_are_an_error_with_lines():
    values = noise()
    values[[0, 5]] = np.inf, -np.inf
    (finding,) = found(table({"x": values}, labels()), "D1")
    assert finding.severity == "error"
    assert "2 infinite values" in finding.message
    assert finding.where == "column 'x', lines 2, 7"


def test_numbers_too_large_for_32_bits_are_an_error():
    values = noise()
    values[3] = 1e39
    (finding,) = found(table({"x": values}, labels()), "D1")
    assert finding.message == "'x' has 1 value beyond ±3.4e+38."


@pytest.mark.parametrize("bad", [-np.inf, np.inf, -1e39, 1e308])
def test_unusable_values_among_positive_ones_do_not_stop_inspection(bad):
    values = np.abs(noise()) + 3
    values[0], values[1] = bad, 1e6
    inspection = inspect(table({"x": values}, noise(seed=3)))
    assert found(inspection, "D1")
    assert found(inspection, "D18")


def test_a_column_of_infinite_values_only_is_left_out():
    inspection = inspect(table({"x": [np.inf] * 30, "z": noise(30)}, noise(30)))
    assert not found(inspection, "D1")
    assert found(inspection, "D2")[0].message == "'x' has 'inf' in every row."


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([3] * 2000, "'3' in every row"),
        ([None] * 2000, "no value"),
        ([3] * 1998 + [4] * 2, "all but 2 rows"),
    ],
)
def test_columns_that_do_not_vary_are_noted(values, message):
    (finding,) = found(table({"x": noise(2000), "c": values}, noise(2000, 3)), "D2")
    assert message in finding.message


def test_a_column_that_varies_a_little_is_not_noted():
    values = [3] * 1990 + [4] * 10
    assert not found(table({"x": noise(2000), "c": values}, noise(2000, 3)), "D2")


def test_missing_values_are_counted_with_lines_and_how_they_were_written():
    values = noise().tolist()
    values[1] = values[4] = None
    change = Change(column="x", what="'?' read as missing", count=2, lines=(3, 6))
    inspection = inspect(table({"x": values}, noise(seed=4), changes=(change,)))
    (finding,) = found(inspection, "D16")
    assert finding.severity == "note"
    assert finding.message == "'x' is missing in 2 rows (1.0 %)."
    assert finding.where == "column 'x', lines 3, 6"
    assert "'?' read as missing (2)" in finding.evidence
    assert not found(inspection, "D17")


def test_a_column_that_is_mostly_missing_is_a_warning():
    values = [None] * 110 + noise(90).tolist()
    (finding,) = found(table({"x": values}, noise()), "D16")
    assert finding.severity == "warning"


def test_changes_by_reading_are_reported_with_lines():
    change = Change(
        column="x",
        what="thousands separator ',' removed",
        count=1200,
        lines=(2, 3),
        example="1,395",
    )
    (finding,) = found(table({"x": noise()}, noise(seed=2), changes=(change,)), "D17")
    assert "removed in 1,200 values (first: '1,395')" in finding.message
    assert finding.where == "column 'x', lines 2, 3 and 1,198 more"


def test_rows_left_out_for_their_target_are_reported():
    change = Change(
        column="y", what="row left out: its target is missing", count=1, lines=(2,)
    )
    (finding,) = found(table({"x": noise()}, noise(seed=2), changes=(change,)), "D17")
    assert finding.message == "1 row left out: no target."
    assert "drop_missing_target" in finding.remedy


def test_more_changed_values_than_lines_are_known_are_counted_right():
    change = Change(
        column="x", what="'$' removed", count=400, lines=tuple(range(2, 12))
    )
    (finding,) = found(table({"x": noise()}, noise(seed=2), changes=(change,)), "D17")
    assert finding.where == "column 'x', lines 2, 3, 4, 5, 6 and 395 more"


def test_dates_that_are_read_as_text_can_be_mended():
    what = "1 of 200 values are not dates, so the column is read as text"
    change = Change(column="x", what=what, count=1, lines=(7,), example="soon")
    (finding,) = found(table({"x": noise()}, noise(seed=2), changes=(change,)), "D17")
    assert finding.severity == "warning"
    assert finding.message == f"'x': {what} (first: 'soon')."
    assert "then the column holds dates" in finding.remedy


def test_a_number_far_from_all_others_is_noted_with_its_line():
    values = noise()
    values[40] = -500
    (finding,) = found(table({"x": values}, noise(seed=2)), "D18")
    assert "up to -500" in finding.message
    assert finding.where == "column 'x', line 42"


@pytest.mark.parametrize(
    ("code", "severity", "words"),
    [
        (-999, "warning", "-999 in 20 rows and otherwise 21 to 89: it looks like a"),
        (9999, "warning", "9,999 in 20 rows and otherwise 21 to 89: it looks like a"),
        (-80, "note", "-80 in 20 rows and otherwise 21 to 89: it may be meant as a"),
    ],
)
def test_a_far_number_that_recurs_may_be_a_code(code, severity, words):
    values = np.arange(200) % 70 + 20.0
    values[::10] = code
    (finding,) = found(table({"x": values}, noise(seed=2)), "D18")
    assert (finding.severity, finding.where[:19]) == (severity, "column 'x', lines 2")
    assert f"'x' is {words} code for a missing value" in finding.message
    assert "empty these cells of the file: Torchsmith then fills" in finding.remedy


def test_several_codes_and_a_far_number_beside_one_are_told():
    codes, far = np.tile(np.arange(200) % 70 + 20.0, (2, 1))
    codes[::10], codes[1::10], codes[2::10] = -999, -998, 9999
    far[::10], far[3] = -9999, 3000
    data = table({"codes": codes, "far": far}, noise(seed=2))
    told = {f.message.partition(" in ")[0] for f in found(data, "D18")}
    assert told >= {"'codes' is 9,999", "'codes' is -999", "'codes' is -998"}
    assert "'far' is -9,999" in told
    assert any("'far' has 1 value far from all" in text for text in told)


def test_numbers_that_recur_near_others_are_no_codes():
    zeros = np.where(noise() > 0, 0, 50 + 20 * noise(seed=3))
    choices = np.tile([-1.0, 0.0, 1.0, 9.0], 50)
    data = table({"zeros": np.abs(zeros), "choices": choices}, noise(seed=2))
    assert not found(data, "D18")


def test_categories_that_differ_in_case_or_blanks_are_told():
    values = ["New York"] * 150 + ["new  york"] * 20 + ["Rome"] * 30
    (finding,) = found(table({"c": values, "x": noise()}, noise(seed=4)), "D17")
    assert finding.severity == "warning"
    assert finding.message == (
        "'c' has 1 category that differs from another in case or blanks only: "
        "'New York' and 'new  york'."
    )
    assert finding.where == "column 'c', lines 152, 153, 154, 155, 156 and 15 more"
    values = ["New York"] * 150 + ["New-York"] * 50
    assert not found(table({"c": values, "x": noise()}, noise(seed=4)), "D17")


def test_long_tails_and_counts_of_mostly_zero_are_not_extreme():
    tail = np.exp(1.3 * noise(5000))
    zeros = np.where(noise(5000, 3) > 2, 9999.0, 0.0)
    data = table({"tail": tail, "zeros": zeros}, noise(5000, 4))
    assert not found(data, "D18")


def test_a_value_that_is_extreme_among_positive_numbers_is_found():
    values = 3 + 0.3 * noise(5000)
    values[9] = 1243.25
    (finding,) = found(table({"x": np.abs(values)}, noise(5000, 4)), "D18")
    assert "up to 1,243.25" in finding.message


@pytest.mark.parametrize(
    ("name", "noted"), [("fnlwgt", True), ("sample_weight", True), ("weight", False)]
)
def test_a_weight_is_noted_by_its_name(name, noted):
    data = table({name: np.abs(noise()), "x": noise(seed=3)}, noise(seed=4))
    assert bool(found(data, "D30")) == noted


def test_rare_categories_are_noted_with_their_counts():
    values = ["INLAND"] * 195 + ["ISLAND"] * 5
    (finding,) = found(table({"c": values, "x": noise()}, noise(seed=4)), "D31")
    assert (
        "1 of 2 categories of 'c' has fewer than 10 rows (ISLAND: 5)" in finding.message
    )
    values = ["INLAND"] * 190 + ["ISLAND"] * 10
    assert not found(table({"c": values, "x": noise()}, noise(seed=4)), "D31")


def test_columns_set_aside_are_named_with_examples():
    names = [f"Mr. {i}" for i in range(200)]
    (finding,) = found(table({"Name": names, "x": noise()}, noise(seed=4)), "D29")
    assert finding.message.startswith("'Name' is set aside: a different text")
    assert "'Mr. 0'" in finding.evidence


def test_a_number_at_some_distance_is_not_extreme():
    values = noise()
    values[40] = 20
    assert not found(table({"x": values}, noise(seed=2)), "D18")


def test_columns_that_begin_alike_are_not_equal():
    one = [float(i % 40) for i in range(200)]
    other = [v + 100 if v == 39 else v for v in one]
    inspection = inspect(table({"a": one, "b": other}, noise()))
    assert [facts.role for facts in inspection.columns] == ["number", "number"]


def test_a_column_that_is_left_out_stands_in_nobodys_way():
    values = [np.inf, *noise(199)]
    data = table({"a": noise(), "b": values}, noise())
    inspection = inspect(data, roles={"b": "ignore"})
    assert "D1" not in {finding.code for finding in inspection.findings}
    assert inspection.columns[1].role == "ignore"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (Change(column="", what="blank line skipped", count=3), "skipped (3)."),
        (
            Change(column="", what="CMYK converted", count=2, example="a.jpg"),
            "CMYK converted (2, first: 'a.jpg').",
        ),
        (
            Change(column="x", what="column 1 has no name in the header", count=1),
            "'x': column 1 has no name in the header.",
        ),
        (
            Change(column="t", what="'t' jumps here", count=4),
            "'t': 't' jumps here (4).",
        ),
    ],
)
def test_what_is_no_value_is_not_counted_in_values(change, message):
    (finding,) = found(table({"x": noise()}, noise(seed=2), changes=(change,)), "D17")
    assert finding.message.endswith(message)
