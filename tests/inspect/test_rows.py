import numpy as np
import pytest

from tests.inspect.build import found, labels, noise, table
from torchsmith.inspect.examine import inspect
from torchsmith.inspect.leaks import measure
from torchsmith.inspect.profile import build_profile


def dates(num, start="2020-01-01"):
    return np.datetime64(start) + np.arange(num)


def test_repeated_rows_are_counted_with_lines():
    x, y = noise(), noise(seed=2)
    x[150], y[150] = x[3], y[3]
    (finding,) = found(table({"x": x}, y), "D27")
    assert finding.severity == "note"
    assert finding.message == "1 row (0.5 %) repeats an earlier one."
    assert (finding.where, finding.evidence) == ("line 152", "first: line 152 = line 5")


def test_many_repeated_rows_are_a_warning():
    x, y = np.tile(noise(100), 2), np.tile(noise(100, 2), 2)
    (finding,) = found(table({"x": x}, y), "D27")
    assert finding.severity == "warning"
    assert "100 rows (50.0 %)" in finding.message


def test_few_categories_must_repeat_and_are_no_warning():
    data = table({"a": ["x", "y"] * 100, "b": [1, 2, 3, 4] * 50}, labels())
    (finding,) = found(data, "D27")
    assert finding.severity == "note"
    assert "to be expected" in finding.remedy


def test_rows_that_differ_in_the_target_only_do_not_repeat():
    x = noise()
    x[150] = x[3]
    assert not found(table({"x": x}, noise(seed=2)), "D27")


def test_an_id_does_not_hide_that_rows_repeat():
    x, y = np.tile(noise(100), 2), np.tile(noise(100, 2), 2)
    assert found(table({"id": list(range(200)), "x": x}, y), "D27")


def test_missing_values_repeat_each_other():
    x = [None, None, *noise(198).tolist()]
    y = [1.5, 1.5, *noise(198, 2).tolist()]
    assert len(found(table({"x": x}, y), "D27")) == 1


def test_equal_inputs_with_different_classes_are_found():
    x, y = noise(), labels()
    one, other = y.index("a"), y.index("b")
    x[other] = x[one]
    (finding,) = found(table({"x": x}, y), "D12")
    assert finding.severity == "warning"
    assert "2 rows (1.0 %)" in finding.message
    assert f"line {one + 2} is 'a'" in finding.evidence
    assert f"line {other + 2} is 'b'" in finding.evidence


def test_equal_inputs_with_one_class_or_with_numbers_do_not_contradict():
    x, y = noise(), labels()
    first, second = np.flatnonzero(np.array(y) == "a")[:2]
    x[second] = x[first]
    assert not found(table({"x": x}, y), "D12")
    assert not found(table({"x": x}, noise(seed=2)), "D12")


def test_rows_of_the_test_part_that_are_in_the_training_part_are_a_warning():
    x = noise()
    x[150] = x[3]
    data = table({"x": x}, noise(seed=2), given=[0] * 100 + [2] * 100)
    (finding,) = found(data, "D8")
    assert finding.severity == "warning"
    assert "1 row of the test part (1.0 %) is in the training part" in finding.message
    assert finding.where == "line 152"
    assert not found(data, "D27")


def test_parts_without_common_rows_are_fine():
    data = table({"x": noise()}, noise(seed=2), given=[0] * 100 + [1] * 50 + [2] * 50)
    inspection = inspect(data)
    assert inspection.given == {"train": 100, "val": 50, "test": 50}
    assert not found(inspection, "D8")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([0] * 100 + [2] * 100, "The test part has no example of 'b'"),
        ([2] * 100 + [0] * 100, "The train part has no example of 'b'"),
    ],
)
def test_a_class_that_a_part_lacks_is_a_warning(parts, message):
    target = ["a", "b"] * 50 + ["a"] * 100
    (finding,) = found(table({"x": noise()}, target, given=parts), "D6")
    assert finding.severity == "warning"
    assert message in finding.message


def test_a_category_that_the_training_part_lacks_is_a_note():
    values = ["u", "v"] * 50 + ["u", "w"] * 50
    data = table({"c": values}, labels(), given=[0] * 100 + [2] * 100)
    (finding,) = found(data, "D6")
    assert finding.severity == "note"
    assert "50 rows of the test part have a 'c'" in finding.message
    assert "'w'" in finding.message


def test_rows_sorted_by_class_are_noted():
    (finding,) = found(table({"x": noise()}, ["a"] * 100 + ["b"] * 100), "D26")
    assert "sorted by 'y': 2 runs" in finding.message


def test_rows_grouped_by_class_are_noted():
    target = (["a"] * 10 + ["b"] * 10) * 20
    (finding,) = found(table({"x": noise(400)}, target), "D26")
    assert "grouped by 'y'" in finding.message


def test_rows_in_random_order_are_not_noted():
    for seed in range(20):
        assert not found(table({"x": noise()}, labels(names="abc", seed=seed)), "D26")
        assert not found(table({"x": noise()}, noise(seed=seed + 50)), "D26")


def test_alternating_classes_are_not_noted():
    assert not found(table({"x": noise()}, ["a", "b"] * 100), "D26")


def test_parts_that_are_each_in_random_order_are_not_noted():
    target = labels(400) + ["b"] * 30
    data = table({"x": noise(430)}, target, given=[0] * 400 + [2] * 30)
    assert not found(data, "D26")


def test_neighbours_with_similar_targets_are_noted():
    (finding,) = found(table({"x": noise()}, np.cumsum(noise(seed=2))), "D26")
    assert "Neighbouring rows have similar values of 'y'" in finding.message


def test_rows_in_the_order_of_dates_are_a_time_series():
    data = table({"day": dates(200), "x": noise()}, np.cumsum(noise(seed=2)))
    inspection = inspect(data)
    assert inspection.time == "day"
    (finding,) = found(inspection, "D9")
    assert "time series in the order of 'day'" in finding.message
    assert finding.evidence == "2020-01-01 to 2020-07-18"
    assert not found(inspection, "D26")


def test_falling_dates_are_a_time_series_too():
    assert (
        inspect(table({"day": dates(200)[::-1], "x": noise()}, noise())).time == "day"
    )


def test_shuffled_dates_and_repeated_dates_are_no_time_series():
    shuffled = dates(200)[np.random.default_rng(0).permutation(200)]
    inspection = inspect(table({"day": shuffled, "x": noise()}, noise()))
    assert inspection.time is None
    assert not found(inspection, "D9")
    repeated = np.repeat(dates(20), 10)
    inspection = inspect(table({"day": repeated, "x": noise()}, noise()))
    assert inspection.time is None
    (finding,) = found(inspection, "D9")
    assert "split.time: day" in finding.remedy


def test_rows_in_the_order_of_years_are_noted():
    years = np.repeat([2010, 2011, 2012, 2013], 50)
    (finding,) = found(table({"year": years, "x": noise()}, noise(seed=2)), "D9")
    assert "stand in the order of 'year'" in finding.message
    assert not found(table({"size": years, "x": noise()}, noise(seed=2)), "D9")


@pytest.mark.parametrize("name", ["patient_id", "subject", "userId", "고객번호"])
def test_a_column_of_people_groups_the_rows(name):
    who = [i * 7 % 40 for i in range(200)]
    inspection = inspect(table({name: who, "x": noise()}, labels()))
    assert inspection.group == name
    assert inspection.columns[0].role == "ignore"
    (finding,) = found(inspection, "D9")
    assert "40 values, about 5 rows each" in finding.message


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("age", [i * 7 % 40 for i in range(200)]),
        ("patient_id", list(range(200))),
        ("user", [0.5 + i % 40 for i in range(200)]),
    ],
)
def test_other_columns_do_not_group_the_rows(name, who):
    assert inspect(table({name: who, "x": noise()}, labels())).group is None


@pytest.mark.parametrize(
    ("num", "severity"), [(9, "error"), (10, "warning"), (99, "warning"), (100, None)]
)
def test_too_few_rows_are_found(num, severity):
    findings = found(table({"x": noise(num)}, noise(num, 2)), "D25")
    assert [finding.severity for finding in findings] == (
        [severity] if severity else []
    )


def test_too_many_columns_for_the_rows_are_a_warning():
    columns = {f"x{i}": noise(seed=i) for i in range(21)}
    (finding,) = found(table(columns, noise(seed=50)), "D25")
    assert "200 rows for 21 columns" in finding.message


def test_a_table_without_rows_is_refused_by_a_finding():
    inspection = inspect(table({"x": []}, []))
    assert {f.code for f in inspection.findings if f.severity == "error"} >= {"D25"}


def test_a_column_that_gives_the_answer_away_is_a_warning():
    y = labels()
    leak = [3.0 if label == "a" else 5.0 for label in y]
    (finding,) = found(table({"x": noise(), "leak": leak}, y), "D10")
    assert finding.severity == "warning"
    assert finding.where == "column 'leak'"
    assert finding.changes == {"data.columns.leak": "ignore"}
    assert finding.only_if == "'leak' is not known when a prediction is needed"


def test_a_copy_of_a_heavy_tailed_target_is_found():
    y = np.exp(3 * noise(2000))
    (finding,) = found(table({"x": noise(2000, 3), "copy": 2 * y + 1}, y), "D10")
    assert "'copy' alone predicts 'y' almost perfectly" in finding.message


def test_a_good_column_is_no_leak():
    x, other = noise(2000), noise(2000, 3)
    assert not found(table({"x": x, "z": other}, x + 0.5 * other), "D10")
    y = np.where(x + noise(2000, 4) > 0, "a", "b").tolist()
    assert not found(table({"x": x, "z": other}, y), "D10")


@pytest.mark.parametrize("rows", [60, 150, 400])
def test_a_rescaled_copy_of_a_number_is_a_leak_however_few_rows_there_are(
    rows: int,
) -> None:
    y = noise(rows, 2)
    copy = np.where(np.arange(rows) % 40 == 7, np.nan, 5 - y**3)
    honest = noise(rows, 3) + y
    (finding,) = found(table({"x": honest, "copy": copy}, y), "D10")
    assert "'copy' alone predicts" in finding.message
    rough = y + 0.2 * noise(rows, 4)
    assert not found(table({"x": honest, "rough": rough}, y), "D10")


def test_a_column_far_stronger_than_all_others_is_a_warning():
    x = noise(2000)
    y = np.where(x + noise(2000, 4) > 0, "a", "b").tolist()
    columns = {f"z{i}": noise(2000, 10 + i) for i in range(4)}
    (finding,) = found(table({"after": x, **columns}, y), "D10")
    assert "'after' tells far more about 'y' than any other column" in finding.message


def test_a_column_of_many_levels_is_not_taken_for_a_leak():
    levels = [f"v{i % 40}" for i in range(200)]
    assert not found(table({"c": levels, "x": noise()}, labels()), "D10")


def test_a_table_of_very_many_columns_is_inspected():
    columns = {f"x{i}": [(i * 7 + j * j) % 97 for j in range(60)] for i in range(400)}
    assert len(inspect(table(columns, labels(60))).columns) == 400


def test_a_missing_target_contradicts_nothing():
    x, y = noise(), labels()
    x[5], y[5] = x[4], None
    assert not found(table({"x": x}, y), "D12")


def test_classes_that_are_only_slightly_grouped_are_not_noted():
    draw = np.random.default_rng(0)
    y = (np.cumsum(draw.random(20_000) < 0.45) % 2).astype(float)
    assert not found(table({"x": noise(20_000)}, y), "D26")


def test_a_column_without_any_bearing_scores_like_chance():
    columns = {"c": ["u", "v"] * 2000}
    data = table(columns, labels(4000))
    target = build_profile(data.target)
    (strength,) = measure(
        [build_profile(data.inputs.columns["c"])], target, inspect(data).target
    )
    assert strength.score == pytest.approx(0.5, abs=0.03)
    assert strength.explained == pytest.approx(0, abs=0.01)


def test_a_column_that_is_missing_wherever_the_target_is_known_tells_nothing():
    known = [i < 200 for i in range(400)]
    x = [None if there else float(i) for i, there in enumerate(known)]
    y = [f"c{i % 2}" if there else None for i, there in enumerate(known)]
    assert not found(table({"x": x}, y), "D10")


def test_equal_inputs_are_counted_and_what_chance_would_make_of_them():
    x, y = np.tile(noise(100), 2), noise(200, 2)
    z = np.tile(noise(100, 3), 2)
    copies = inspect(table({"id": list(range(200)), "x": x, "z": z}, y))
    assert (copies.repeats, copies.usual_repeats < 20) == (100, True)
    coarse = inspect(table({"a": ["u", "v"] * 100, "b": ["s", "t", "t", "t"] * 50}, y))
    assert (coarse.repeats, coarse.usual_repeats) == (197, 196)
    apart = inspect(table({"x": noise(200)}, y))
    assert (apart.repeats, apart.usual_repeats) == (0, 0)


def test_a_table_of_few_categories_that_was_copied_whole_is_a_warning():
    random = np.random.default_rng(0)
    columns = {f"c{i}": random.integers(0, 4, 100).astype(str) for i in range(3)}
    y = random.choice(["no", "yes"], 100)
    once = found(table(columns, y), "D27")
    assert {finding.severity for finding in once} == {"note"}
    twice = {name: np.tile(column, 2) for name, column in columns.items()}
    (finding,) = found(table(twice, np.tile(y, 2)), "D27")
    assert finding.severity == "warning"


def told(share):
    """Columns that hang together, and one that says the answer as often as that."""
    random = np.random.default_rng(0)
    size = random.normal(size=600)
    columns = {f"x{i}": size + random.normal(size=600) for i in range(4)}
    y = np.where(size + random.normal(size=600) > 0, "yes", "no")
    wrong = random.random(600) >= share
    answer = np.where(wrong, random.choice(["no", "yes"], 600), y)
    columns["x3"][:200] = np.inf
    return table({**columns, "answer": answer}, y)


def test_a_column_that_goes_with_the_answer_and_nothing_else_is_named():
    (finding,) = found(told(0.6), "D10")
    assert "goes with no other column" in finding.message
    assert "'answer'" in finding.where


def test_a_column_that_goes_with_others_may_tell_much():
    random = np.random.default_rng(0)
    size = random.normal(size=600)
    columns = {f"x{i}": size + random.normal(size=600) / (4 - i) for i in range(4)}
    y = np.where(size + random.normal(size=600) / 2 > 0, "yes", "no")
    assert not found(table(columns, y), "D10")


def test_columns_that_know_nothing_of_each_other_may_tell_much():
    y = np.resize(["no", "yes"], 600)
    columns = {f"x{i}": noise(600, i) + (y == "yes") * (2 + i) / 2 for i in range(5)}
    assert not found(table(columns, y), "D10")


def test_a_column_of_noisy_copies_of_a_number_is_named():
    random = np.random.default_rng(0)
    size = random.normal(size=1000)
    columns = {f"x{i}": size + random.normal(size=1000) / 2 for i in range(4)}
    y = size + random.normal(size=1000) / 2
    settled = y + random.normal(size=1000) / 5
    (finding,) = found(table({**columns, "settled": settled}, y), "D10")
    assert "goes with no other column" in finding.message
    assert "'settled'" in finding.where
    assert not found(table(columns, y), "D10")


def test_a_column_that_measures_nearly_all_of_a_number_with_others_is_no_leak():
    random = np.random.default_rng(0)
    size, other = random.normal(size=(2, 1000))
    y = size + other / 4
    columns = {f"x{i}": other + random.normal(size=1000) / 2 for i in range(4)}
    assert not found(table({**columns, "size": size}, y), "D10")


def steps(num=20, length=4, **changed):
    rows = np.arange(num * length)
    columns = {
        "recording": [f"r{row}" for row in rows // length],
        "t": (rows % length).tolist(),
        "x": noise(len(rows)),
    }
    return table(columns | changed, ["ab"[row // length % 2] for row in rows])


def test_rows_that_look_like_steps_of_sequences_are_told_with_the_settings():
    (finding,) = found(steps(), "D9")
    assert finding.severity == "warning"
    assert "the steps of 20 sequences: those of each 'recording'" in finding.message
    assert "--set data.id=recording --set data.time=t" in finding.remedy
    assert "`split.group: recording`" in finding.remedy


@pytest.mark.parametrize(
    "changed",
    [
        {"t": list(range(80))},  # never begins again
        {"t": noise(80, 3)},
        {"recording": [f"r{row % 20}" for row in range(80)]},  # do not stand together
        {"recording": [f"r{row // 3}" for row in range(80)]},  # of several classes
    ],
)
def test_rows_that_are_no_steps_of_sequences_are_not_taken_for_them(changed):
    assert not [f for f in found(steps(**changed), "D9") if f.severity == "warning"]


def test_examples_of_a_class_that_training_lacks_are_named():
    y = labels()
    y[150:] = ["new"] * 50
    given = np.repeat(np.int8([0, 2]), [150, 50])
    (train, _) = found(table({"x": noise()}, y, given=given), "D6")
    assert "The train part has no example of 'new'" in train.message
    assert train.where.startswith("train part; in other parts lines 152, 153")
    assert train.evidence == "50 rows in the other parts"
    assert "scores count these as wrong" in train.remedy
