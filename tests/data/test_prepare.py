"""Preparation is fitted on training rows only, and is the same for every row."""

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import preprocessing

from tests.data.build import boolean, date, number, pictures, table, text
from torchsmith.core.errors import DataError, PlanError
from torchsmith.data.data import Data, Images
from torchsmith.data.prepare import Preparation, fit
from torchsmith.data.steps import (
    EncodeCategories,
    FillMissing,
    QuantileScale,
    Resize,
    RobustScale,
    RotatePlace,
    Standardize,
    StandardizeTarget,
    ToFloat,
)

NAN = float("nan")
ROLE_OF_KIND = {
    "number": "number",
    "boolean": "boolean",
    "date": "date",
    "text": "category",
}


def fitted(data, steps, rows=None, task="regression", classes=(), **roles):
    """Fit with roles by kind; a regression target is made up where there is none."""
    if data.target is None:
        target = number("y", np.arange(len(data)))
        data = Data(source=data.source, inputs=data.inputs, target=target)
    if data.kind == "table":
        found = {c.name: ROLE_OF_KIND[c.kind] for c in data.inputs.columns.values()}
        roles = {**found, **roles}
    rows = np.arange(len(data)) if rows is None else np.asarray(rows)
    return fit(data, rows, steps, roles=roles, task=task, classes=classes)


def mixed(extreme: bool = False) -> Data:
    """Twelve rows; the last four are not for training."""
    tail = [1e9, -1e9, NAN, 5] if extreme else [1, 2, 3, 4]
    words = ["new", "", "other", "red"] if extreme else ["red", "blue", "red", ""]
    days = ["1950-01-01", "2090-05-05", "NaT", "2026-01-01"]
    return table(
        number("age", [1, 2, 3, 4, NAN, 6, 7, 8, *tail]),
        text("color", ["red", "blue", "red", "", "blue", "red", "red", "blue", *words]),
        date(
            "day",
            ["2026-03-02", "2026-03-04"] * 4 + (days if extreme else days[:1] * 4),
        ),
        boolean("own", [0, 1, 1, 0, 1, 0, 1, 0, *([NAN] * 4 if extreme else [1] * 4)]),
        target=number("y", [*range(8), *([1e12] * 4 if extreme else [1] * 4)]),
    )


STEPS = [FillMissing(), Standardize(), EncodeCategories(), StandardizeTarget()]


def test_rows_outside_of_the_training_part_leave_no_trace():
    rows = np.arange(8)
    assert fitted(mixed(), STEPS, rows) == fitted(mixed(extreme=True), STEPS, rows)
    assert fitted(mixed(), STEPS, rows) != fitted(mixed(extreme=True), STEPS)


def test_a_preparation_survives_json_and_then_does_the_same():
    data = mixed()
    first = fitted(data, STEPS)
    again = Preparation.model_validate(json.loads(first.model_dump_json()))
    assert again == first
    np.testing.assert_array_equal(again.inputs(data), first.inputs(data))
    np.testing.assert_array_equal(again.targets(data), first.targets(data))


def test_the_layout_is_numbers_then_flags_then_codes():
    preparation = fitted(mixed(), STEPS)
    inputs = preparation.inputs(mixed())
    assert preparation.feature_names == (
        "age",
        "day: days",
        "day: year",
        "day: month sin",
        "day: month cos",
        "day: weekday sin",
        "day: weekday cos",
        "own",
        "age is missing",
    )
    assert preparation.num_numbers == 9
    assert preparation.cardinalities == (3,)
    assert preparation.input_shape == (10,)
    assert inputs.dtype == np.float32
    assert inputs.shape == (12, 10)
    assert inputs[:, -1].tolist() == [2, 1, 2, 0, 1, 2, 2, 1, 2, 1, 2, 0]
    assert inputs[:, 8].tolist() == [0] * 4 + [1] + [0] * 7
    assert inputs[:, 7].tolist() == [0, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1]


def test_one_hot_columns_are_named_and_follow_the_flags():
    preparation = fitted(mixed(), [FillMissing(), EncodeCategories(encoding="one_hot")])
    assert preparation.feature_names[-3:] == (
        "age is missing",
        "color = blue",
        "color = red",
    )
    assert preparation.cardinalities == ()
    red = preparation.inputs(mixed())[:, -1]
    assert red.tolist() == [1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 0]


def test_a_prepared_table_that_is_too_large_for_memory_is_refused(monkeypatch):
    levels = [f"level {i}" for i in range(400)]
    data = table(number("age", [*range(400)]), text("city", levels))
    preparation = fitted(data, [EncodeCategories(encoding="one_hot")])
    monkeypatch.setenv("TORCHSMITH_MEMORY", "1MB")
    with pytest.raises(DataError, match=r"'city' makes 400 of .* encoding: codes"):
        preparation.inputs(data)
    few = np.arange(100)
    assert preparation.inputs(data, few).shape == (100, 401)


def test_only_the_asked_rows_are_returned_in_order():
    preparation = fitted(mixed(), STEPS)
    rows = np.array([5, 0, 11])
    np.testing.assert_array_equal(
        preparation.inputs(mixed(), rows), preparation.inputs(mixed())[rows]
    )
    np.testing.assert_array_equal(
        preparation.targets(mixed(), rows), preparation.targets(mixed())[rows]
    )


NUMBERS = st.lists(
    st.floats(-1e6, 1e6, width=32).filter(lambda x: x == 0 or abs(x) > 1e-3),
    min_size=2,
    max_size=30,
)


@settings(deadline=None)
@given(NUMBERS)
def test_standardize_agrees_with_scikit_learn(values):
    data = table(number("x", values))
    ours = fitted(data, [Standardize()]).inputs(data)
    theirs = preprocessing.StandardScaler().fit_transform(np.array(values)[:, None])
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@settings(deadline=None)
@given(NUMBERS)
def test_robust_scale_agrees_with_scikit_learn_before_it_clips(values):
    low, high = np.percentile(values, (25, 75))
    if high - low < 1e-3:
        return
    data = table(number("x", values))
    theirs = preprocessing.RobustScaler().fit_transform(np.array(values)[:, None])
    plain = fitted(data, [RobustScale(clip=0)]).inputs(data)
    np.testing.assert_allclose(plain, theirs, rtol=1e-5, atol=1e-5)
    clipped = fitted(data, [RobustScale(clip=3)]).inputs(data)
    np.testing.assert_allclose(
        clipped, theirs / np.sqrt(1 + (theirs / 3) ** 2), rtol=1e-5, atol=1e-5
    )
    assert np.abs(clipped).max() <= 3


PLACE = RotatePlace(latitude="lat", longitude="lon", angles=(0, 45, 90))


def places():
    lat, lon = [1.0, NAN, 3.0, 8.0], [10.0, 20.0, 30.0, 5.0]
    return table(number("lat", lat), number("lon", lon), number("age", [1, 2, 3, 4]))


def test_a_place_is_seen_along_other_directions():
    data = places()
    preparation = fitted(data, [FillMissing(), PLACE])
    assert preparation.feature_names == (
        *("lat", "lon", "age"),
        *("lon and lat at 0°", "lon and lat at 45°", "lon and lat at 90°"),
        "lat is missing",
    )
    inputs = preparation.inputs(data)
    assert inputs.shape == (4, preparation.num_numbers)
    lat, lon = np.array([1, 3, 3, 8]), np.array([10, 20, 30, 5])
    np.testing.assert_allclose(inputs[:, 3], lon, rtol=1e-6)
    np.testing.assert_allclose(inputs[:, 4], (lon + lat) / np.sqrt(2), rtol=1e-6)
    np.testing.assert_allclose(inputs[:, 5], lat, rtol=1e-6, atol=1e-6)


def test_rotated_coordinates_are_scaled_by_the_training_rows():
    data = places()
    preparation = fitted(data, [FillMissing(), PLACE, Standardize()], rows=[0, 1, 2])
    rotated = preparation.inputs(data)[:3, 3:6]
    np.testing.assert_allclose(rotated.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(rotated.std(axis=0), 1, rtol=1e-5)
    again = Preparation.model_validate_json(preparation.model_dump_json())
    np.testing.assert_array_equal(again.inputs(data), preparation.inputs(data))


def test_a_place_needs_its_number_columns():
    wrong = RotatePlace(latitude="latt", longitude="lon")
    with pytest.raises(
        PlanError, match=r"RotatePlace.latitude: .*'latt'; did you mean"
    ):
        fitted(places(), [FillMissing(), wrong])


def test_quantiles_agree_with_scikit_learn_and_spread_evenly():
    values = np.random.default_rng(0).lognormal(size=400)
    inputs = fitted(table(number("x", values)), [QuantileScale(quantiles=50)]).inputs(
        table(number("x", values))
    )
    theirs = preprocessing.QuantileTransformer(n_quantiles=51, subsample=None)
    shares = theirs.fit_transform(values[:, None])
    np.testing.assert_allclose(inputs, (2 * shares - 1) * 3**0.5, atol=1e-6)
    assert abs(inputs.mean()) < 0.01
    assert inputs.std() == pytest.approx(1, abs=0.01)


def test_what_is_beyond_the_training_values_stays_at_their_end():
    data = table(number("x", [1, 2, 4, -9, 3, 50]))
    preparation = fitted(data, [QuantileScale(quantiles=2)], rows=[0, 1, 2])
    places = preparation.inputs(data)[:, 0] / 3**0.5
    np.testing.assert_allclose(places, [-1, 0, 1, -1, 0.5, 1], rtol=1e-6)


def test_equal_quantiles_count_once_and_a_constant_is_nothing():
    data = table(number("gain", [0] * 90 + [*range(1, 11)]), number("one", [7] * 100))
    inputs = fitted(data, [QuantileScale(quantiles=100)]).inputs(data)
    assert len(set(inputs[:, 0].tolist())) == 11
    assert set(inputs[:, 1].tolist()) == {0.0}


def test_predictions_stay_within_the_training_targets_where_asked():
    data = table(number("x", range(4)))
    outputs = np.array([[-9.0], [0.0], [9.0]])
    free = fitted(data, [StandardizeTarget()])
    held = fitted(data, [StandardizeTarget(clamp=True)])
    assert held.predicted_values(outputs).ravel().tolist() == [0, 1.5, 3]
    np.testing.assert_array_equal(
        free.predicted_values(outputs), held.target_values(outputs)
    )


def test_a_column_that_is_mostly_one_value_is_scaled_by_its_range():
    data = table(number("gain", [0] * 9 + [50]))
    inputs = fitted(data, [RobustScale(clip=0)]).inputs(data)
    assert inputs[:, 0].tolist() == [0] * 9 + [2]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "ä", "가", "c c"]), min_size=2, max_size=20))
def test_categories_agree_with_scikit_learn(values):
    data = table(text("x", values))
    column = np.array(values, object)[:, None]
    codes = fitted(data, [EncodeCategories()]).inputs(data)
    np.testing.assert_array_equal(
        codes, preprocessing.OrdinalEncoder().fit_transform(column) + 1
    )
    one_hot = fitted(data, [EncodeCategories(encoding="one_hot")]).inputs(data)
    expected = preprocessing.OneHotEncoder(sparse_output=False).fit_transform(column)
    np.testing.assert_array_equal(one_hot, expected)


def test_numbers_and_booleans_may_be_categories():
    data = table(number("rooms", [3, 1, NAN, 3]), boolean("own", [1, 0, 1, NAN]))
    preparation = fitted(data, [EncodeCategories()], rooms="category", own="category")
    assert preparation.table is not None
    assert [c.levels for c in preparation.table.categories] == [
        ("1", "3"),
        ("no", "yes"),
    ]
    assert preparation.inputs(data).tolist() == [[2, 2], [1, 1], [0, 2], [2, 0]]


def test_dates_may_be_categories_with_times_or_without():
    days = ["2026-03-02", "2026-03-02T12:00", "2026-03-04"]
    data = table(date("day", days), number("x", [1, 2, 3]))
    prepared = fitted(data, [EncodeCategories()], day="category")
    midnights = data.take(np.array([0, 2]))
    assert prepared.inputs(data)[:, 1].tolist() == [1, 2, 3]
    assert prepared.inputs(midnights)[:, 1].tolist() == [1, 3]
    prepared = fitted(data, [EncodeCategories()], [0, 2], day="category")
    assert prepared.inputs(data)[:, 1].tolist() == [1, 0, 2]


def test_rare_categories_count_as_unknown():
    data = table(text("x", ["a", "a", "b", "b", "c"]))
    preparation = fitted(data, [EncodeCategories(min_count=2)])
    assert preparation.inputs(data)[:, 0].tolist() == [1, 1, 2, 2, 0]
    with pytest.raises(
        PlanError, match="no category of column 'x' has 9 training rows"
    ):
        fitted(data, [EncodeCategories(min_count=9)])


@pytest.mark.parametrize(
    ("fill", "expected"), [("median", 2.0), ("mean", 4.0), (-1.0, -1.0)]
)
def test_gaps_are_filled_as_asked(fill, expected):
    data = table(number("x", [1, 2, 9, NAN]))
    inputs = fitted(data, [FillMissing(value=fill)]).inputs(data)
    assert inputs.tolist() == [[1, 0], [2, 0], [9, 0], [expected, 1]]
    without = fitted(data, [FillMissing(value=fill, flag=False)]).inputs(data)
    assert without[:, 0].tolist() == [1, 2, 9, expected]
    assert without.shape == (4, 1)


def test_a_date_becomes_days_and_points_on_circles():
    data = table(date("d", ["2026-01-05", "2026-07-01T06:00:00"]))
    preparation = fitted(data, [])
    assert preparation.feature_names[-2:] == ("d: hour sin", "d: hour cos")
    monday, wednesday = preparation.inputs(data)
    np.testing.assert_allclose(monday, [20458, 2026, 0, 1, 0, 1, 0, 1], atol=1e-6)
    turn = 2 * np.pi * 2 / 7
    np.testing.assert_allclose(
        wednesday,
        [20635.25, 2026, 0, -1, np.sin(turn), np.cos(turn), 1, 0],
        atol=1e-6,
    )


def test_dates_before_1970_and_missing_ones_are_handled():
    data = table(date("d", ["1969-12-31", "1960-02-29", "NaT"]))
    inputs = fitted(data, [FillMissing()]).inputs(data)
    assert inputs[:2, 0].tolist() == [-1, -3594]
    assert inputs[:2, 1].tolist() == [1969, 1960]
    assert np.isfinite(inputs).all()
    assert inputs[:, -1].tolist() == [0, 0, 1]


@settings(deadline=None)
@given(st.floats(-1e12, 1e12), st.integers(1, 9))
def test_a_constant_column_becomes_zero(value, size):
    data = table(number("x", [value] * size + [value]))
    for step in (Standardize(), RobustScale()):
        target = number("y", range(size + 1))
        both = Data(source="s", inputs=data.inputs, target=target)
        inputs = fitted(both, [step]).inputs(both)
        np.testing.assert_allclose(inputs, 0, atol=max(1e-3, abs(value) * 1e-12))


def test_what_training_did_not_have_is_counted():
    preparation = fitted(mixed(), STEPS, np.arange(8))
    changes = {
        (c.column, c.what.split(",")[0]): c for c in preparation.unseen(mixed(True))
    }
    unknown = changes["color", "category that the training part does not have"]
    assert (unknown.count, unknown.lines, unknown.example) == (2, (10, 12), "new")
    outside = changes["age", "outside of the range of the training part"]
    assert (outside.count, outside.lines) == (2, (10, 11))
    filled = changes["own", "missing"]
    assert (filled.count, filled.lines) == (4, (10, 11, 12, 13))
    assert ("age", "missing") not in changes
    assert changes["day", "missing"].lines == (12,)
    assert preparation.unseen(mixed().take(np.arange(8))) == ()
    assert np.isfinite(preparation.inputs(mixed(extreme=True))).all()


def test_a_missing_category_is_counted_where_training_had_none():
    whole = table(text("color", ["red", "blue", "red", "blue"]))
    some = table(text("color", ["red", "", "red", ""]))
    step = EncodeCategories()
    (change,) = fitted(whole, [step]).unseen(some)
    assert (change.column, change.count, change.lines) == ("color", 2, (3, 5))
    assert change.what.startswith("missing, taken as")
    assert fitted(some, [step]).unseen(some) == ()


def test_a_category_that_too_few_training_rows_had_is_told_as_such():
    some = table(text("color", ["red", "blue", "red"]))
    (change,) = fitted(some, [EncodeCategories(min_count=2)]).unseen(some)
    assert (change.count, change.example) == (1, "blue")
    assert change.what == "category of fewer than 2 training rows, taken as unknown"


def test_columns_may_come_in_any_order_and_others_are_ignored():
    data = table(number("a", [1, 2]), number("b", [3, 4]))
    swapped = table(text("c", ["x", "y"]), number("b", [3, 4]), number("a", [1, 2]))
    preparation = fitted(data, [])
    assert preparation.inputs(swapped).tolist() == [[1, 3], [2, 4]]


def test_formats_are_gone_through_once_however_many_columns_there_are():
    class Counted(tuple):
        passes = 0

        def __iter__(self):
            Counted.passes += 1
            return super().__iter__()

    data = table(*(number(f"x{i}", [1, 2, 3]) for i in range(40)))
    prepared = fitted(data, [Standardize()]).table
    prepared = prepared.model_copy(update={"formats": Counted(prepared.formats)})
    assert prepared.apply(data.inputs).shape == (3, 40)
    assert Counted.passes == 1


def test_a_column_that_is_not_there_is_named():
    preparation = fitted(table(number("age", [1, 2])), [])
    with pytest.raises(DataError, match="'age' is not there; did you mean 'Age'"):
        preparation.inputs(table(number("Age", [1])))
    with pytest.raises(DataError, match="'age' holds text, in training it held number"):
        preparation.inputs(table(text("age", ["1"])))


def test_infinite_values_are_refused_with_their_lines():
    data = table(number("x", [1, np.inf, 3, -np.inf]))
    message = r"'x': 2 of 4 values are infinite \(lines 3, 5\); correct them, or leave"
    with pytest.raises(DataError, match=message) as error:
        fitted(data, [])
    assert str(error.value).startswith(f"{data.source}: column 'x': ")
    preparation = fitted(data, [], rows=[0, 2])
    message = rf"^{data.source}: column 'x': 1 of 1 values are infinite \(line 3\)"
    with pytest.raises(DataError, match=message):
        preparation.inputs(data, np.array([1]))
    other = table(number("x", [np.inf, 0]), number("z", [1, 2]))
    assert fitted(other, [], x="ignore").inputs(other).tolist() == [[1], [2]]


def test_values_beyond_float32_are_refused_not_made_infinite():
    data = table(number("x", [1.0, 2.0, 1e300]))
    with pytest.raises(DataError, match=r"too large for float32 \(line 4\)"):
        fitted(data, [], rows=[0, 1]).inputs(data)
    with pytest.raises(DataError, match="too large to be scaled"):
        fitted(data, [Standardize()])
    squashed = fitted(data, [RobustScale()], rows=[0, 1]).inputs(data)
    assert squashed[2, 0] == pytest.approx(3)


def test_columns_without_a_training_value_are_refused():
    for column in (number("x", [NAN, NAN, 3]), text("x", ["", "", "a"])):
        with pytest.raises(DataError, match="'x' has no value in the training part"):
            fitted(table(column), [FillMissing(), EncodeCategories()], rows=[0, 1])


def test_steps_that_the_data_needs_are_asked_for():
    with pytest.raises(PlanError, match=r"no value in 1 of 2 .* no FillMissing step"):
        fitted(table(number("x", [1, NAN])), [])
    with pytest.raises(PlanError, match=r"'x' is used as category.*EncodeCategories"):
        fitted(table(text("x", ["a", "b"])), [])


def test_roles_must_fit_the_columns():
    data = table(text("x", ["a", "b"]), number("n", [0, 7]))
    target = Data(source="s", inputs=data.inputs, target=number("y", [0, 1]))
    cases = [
        (
            {"x": "number", "n": "number"},
            "x: the column holds text .* as category, text, picture, ign",
        ),
        ({"x": "ignore", "n": "boolean"}, "n: the column holds 7 and cannot be used"),
        ({"x": "ignore", "n": "ignore"}, "every column is ignored"),
        ({"x": "category"}, "column 'n' has no role"),
        (
            {"x": "ignore", "n": "number", "nn": "number"},
            "no column 'nn'; did you mean",
        ),
    ]
    for roles, message in cases:
        with pytest.raises(PlanError, match=message):
            fit(target, np.arange(2), [], roles=roles, task="regression", classes=())


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([Resize(height=2, width=2)], "prepare: Resize is for pictures, and no column"),
        ([Standardize(), Standardize()], "prepare.1: Standardize stands twice"),
        ([Standardize(), RobustScale()], "prepare.1: Standardize, .* exclude"),
        ([Standardize(), FillMissing()], "prepare.1: FillMissing stands too late"),
    ],
)
def test_steps_that_do_not_fit_tables_are_refused(steps, message):
    with pytest.raises(PlanError, match=message):
        fitted(table(number("x", [1, 2])), steps)


def test_classes_become_places_in_the_order_of_the_plan():
    data = table(number("x", [1, 2, 3]), target=text("y", ["b", "a", "b"]))
    preparation = fitted(data, [], task="binary", classes=["b", "a"])
    assert preparation.classes == ("b", "a")
    targets = preparation.targets(data)
    assert targets.dtype == np.int64
    assert targets.tolist() == [0, 1, 0]
    numbers = table(number("x", [1, 2, 3]), target=number("y", [0, 10, 2]))
    ten = fitted(numbers, [], task="multiclass", classes=["0", "2", "10"])
    assert ten.targets(numbers).tolist() == [0, 2, 1]


def test_an_unknown_class_is_named_with_its_lines():
    data = table(number("x", [1, 2, 3]), target=text("y", ["cat", "dog", "cta"]))
    preparation = fitted(data, [], [0, 1], task="binary", classes=["cat", "dog"])
    message = r"1 of 3 examples have a class .*'cta' \(line 4\); did you mean 'cat'"
    with pytest.raises(DataError, match=message):
        preparation.targets(data)
    with pytest.raises(DataError, match="'cta'"):
        fitted(data, [], task="binary", classes=["cat", "dog"])


def test_missing_and_infinite_and_constant_targets_are_refused():
    x = number("x", [1, 2, 3])
    for target, message in (
        (number("y", [1, NAN, 2]), r"1 of 3 rows have no value \(line 3\)"),
        (number("y", [1, np.inf, 2]), r"1 values are infinite \(line 3\)"),
        (number("y", [5, 5, 5]), "is 5 in every training row"),
        (number("y", [1, 2, 1e200]), r"1 of 3 values are too large .*\(line 4\)"),
        (number("y", [1e-200, 2e-200, 3e-200]), "from 1e-200 to 3e-200, .* equal in"),
        (text("y", ["a", "b", "c"]), "regression needs numbers"),
    ):
        with pytest.raises(DataError, match=message):
            fitted(table(x, target=target), [])


@pytest.mark.parametrize(("scale", "word"), [(1e-200, "small"), (1e200, "large")])
def test_targets_that_cannot_be_scaled_are_refused(scale, word):
    target = number("y", np.array([1, 2, 4]) * scale)
    with pytest.raises(DataError, match=f"target 'y' goes from .* too {word} to be"):
        fitted(table(number("x", [1, 2, 3]), target=target), [StandardizeTarget()])


def test_regression_targets_come_back_in_their_own_units():
    values = [100.0, 250.0, 400.0]
    data = table(number("x", [1, 2, 3]), target=number("y", values))
    preparation = fitted(data, [StandardizeTarget()])
    targets = preparation.targets(data)
    assert targets.dtype == np.float32
    assert targets.shape == (3, 1)
    np.testing.assert_allclose(targets.mean(), 0, atol=1e-6)
    np.testing.assert_allclose(targets.std(), 1, rtol=1e-6)
    np.testing.assert_allclose(
        preparation.target_values(targets)[:, 0], values, rtol=1e-6
    )
    plain = fitted(data, [])
    assert plain.targets(data)[:, 0].tolist() == values


def images(count=6, size=4, channels=3, dtype=np.uint8) -> np.ndarray:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (count, size, size, channels))
    return pixels.astype(dtype)


def test_images_keep_their_stored_pixels_and_one_map_scales_them():
    pixels = images()
    data = pictures(pixels)
    steps = [ToFloat(), Standardize()]
    preparation = fitted(data, steps, rows=[0, 1, 2])
    inputs = preparation.inputs(data)
    assert inputs.dtype == np.uint8
    assert inputs.shape == (6, 3, 4, 4)
    assert preparation.input_shape == (3, 4, 4)
    offset, factor = (np.array(v)[:, None, None] for v in preparation.pixel_scale)
    scaled = (inputs - offset) * factor
    unit = pixels.transpose(0, 3, 1, 2) / 255
    train = unit[:3]
    mean = train.mean(axis=(0, 2, 3), keepdims=True)
    deviation = train.std(axis=(0, 2, 3), keepdims=True)
    np.testing.assert_allclose(scaled, (unit - mean) / deviation, rtol=1e-9)
    only = fitted(data, [ToFloat()]).pixel_scale
    assert only == ((0.0,) * 3, (1 / 255,) * 3)
    assert fitted(data, []).pixel_scale == ((0.0,) * 3, (1.0,) * 3)


def test_statistics_do_not_depend_on_how_images_are_chunked(monkeypatch):
    data = pictures(images(count=7, dtype=np.float32))
    whole = fitted(data, [Standardize()]).pixel_scale
    monkeypatch.setattr("torchsmith.data.pixels.CHUNK", 2)
    np.testing.assert_allclose(
        fitted(data, [Standardize()]).pixel_scale, whole, rtol=1e-12
    )


def test_a_constant_channel_does_not_divide_by_nothing():
    pixels = images()
    pixels[..., 1] = 7
    offset, factor = fitted(pictures(pixels), [ToFloat(), Standardize()]).pixel_scale
    assert offset[1] == 7
    assert factor[1] == pytest.approx(1 / 255)


def test_resize_gives_the_asked_size_and_others_are_counted():
    data = pictures(images(size=4))
    resized = fitted(data, [Resize(height=2, width=3)])
    assert resized.inputs(data).shape == (6, 3, 2, 3)
    assert resized.unseen(data) == ()
    plain = fitted(data, [])
    assert plain.unseen(data) == ()
    (change,) = plain.unseen(pictures(images(size=5)))
    assert change.count == 6
    assert "resized to 4 x 4" in change.what
    assert plain.inputs(pictures(images(size=5))).shape == (6, 3, 4, 4)


def test_most_pictures_with_light_and_dark_exchanged_are_told_of():
    ink = np.zeros((20, 8, 8, 1), np.uint8)
    ink[:, 2:6, 3:5] = 255
    fit_on_ink = fitted(pictures(ink), [ToFloat(), Standardize()])
    assert fit_on_ink.unseen(pictures(ink)) == ()
    (change,) = fit_on_ink.unseen(pictures(255 - ink))
    assert "light and dark exchanged" in change.what
    assert change.count == 20
    some = np.concatenate([ink, 255 - ink[:5]])
    assert fit_on_ink.unseen(pictures(some)) == ()
    assert fitted(pictures(ink), [ToFloat()]).unseen(pictures(255 - ink)) == ()


def test_images_of_several_sizes_need_resize():
    data = Data(
        source="folder",
        inputs=Images(sizes=np.array([[2, 3], [5, 4]], np.int32), channels=1),
        target=number("y", [0, 1]),
    )
    with pytest.raises(
        PlanError, match="2 to 5 pixels high and 3 to 4 wide; add a Res"
    ):
        fitted(data, [ToFloat()])


def test_float_pixels_must_be_finite_and_on_the_scale_of_training():
    pixels = images(dtype=np.float32)
    preparation = fitted(pictures(pixels), [])
    pixels[2, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match=r"1 of 6 images hold .* \(first: image 2\)"):
        preparation.inputs(pictures(pixels))
    with pytest.raises(
        DataError, match="pixels are uint8, in training they were float32"
    ):
        preparation.inputs(pictures(images()))


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([FillMissing()], "FillMissing is not for images, which take Resize"),
        ([Standardize(), ToFloat()], "prepare.1: ToFloat stands too late"),
        ([StandardizeTarget()], "StandardizeTarget is for regression; the task is bin"),
    ],
)
def test_steps_that_do_not_fit_images_are_refused(steps, message):
    data = pictures(images(count=2), ["a", "b"])
    with pytest.raises(PlanError, match=message):
        fitted(data, steps, task="binary", classes=["a", "b"])


def test_a_table_is_refused_where_images_are_needed():
    preparation = fitted(pictures(images()), [])
    with pytest.raises(DataError, match="holds a table; the network needs images"):
        preparation.inputs(table(number("x", [1])))
    with pytest.raises(DataError, match="holds images; the network needs a table"):
        fitted(table(number("x", [1, 2])), []).unseen(pictures(images()))


def test_nothing_warns_on_extreme_but_legal_numbers():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = table(number("x", [-1e200, 0, 1e-300, 1e200]))
        assert np.isfinite(fitted(data, [RobustScale()]).inputs(data)).all()


def test_targets_are_taken_without_their_inputs(monkeypatch):
    data = pictures(np.zeros((4, 2, 2, 1), np.uint8), ["a", "b", "a", "b"])
    rows = np.array([3, 0])
    preparation = fit(
        data,
        np.arange(4),
        [ToFloat()],
        roles={},
        task="multiclass",
        classes=["a", "b"],
    )

    def refuse(*_):
        raise AssertionError("pictures were copied")

    monkeypatch.setattr(Images, "take", refuse)
    assert preparation.targets(data, rows).tolist() == [1, 0]


def test_an_unknown_class_is_named_with_its_line_in_the_file():
    data = table(number("x", [1, 2, 3, 4]), target=text("y", ["a", "b", "a", "c"]))
    preparation = fit(
        data,
        np.arange(3),
        [],
        roles={"x": "number"},
        task="multiclass",
        classes=["a", "b"],
    )
    line = data.inputs.lines.numbers[3]
    with pytest.raises(DataError, match=rf"1 of 2 examples .* 'c' \(.*{line}\)"):
        preparation.targets(data, np.array([0, 3]))
