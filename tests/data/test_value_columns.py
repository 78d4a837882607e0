"""Numbers of which exact values recur get codes beside the number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.build import number, table
from torchsmith.api.evaluating import feature_places
from torchsmith.core.errors import PlanError
from torchsmith.data.prepare import Preparation, fit
from torchsmith.data.steps import EncodeCategories, EncodeValues, FillMissing
from torchsmith.data.tabular import TablePreparation
from torchsmith.data.value_columns import ValueColumn

GAIN = [0, 0, 0, 5178, 5178, 12, np.nan]
FILL = FillMissing(value=0, flag=False)


def rows(gain=GAIN):
    ages = [*range(len(gain))]
    return table(number("age", ages), number("gain", gain), target=number("y", ages))


def fitted(steps, roles=None, data=None):
    data = data or rows()
    return fit(
        data,
        np.arange(len(data)),
        steps,
        roles=roles or {"age": "number", "gain": "number"},
        task="regression",
        classes=(),
    )


def test_values_that_recur_get_codes_beside_the_number():
    preparation = fitted([FILL, EncodeValues(columns=("gain",), min_count=2)])
    made = preparation.table.apply(rows().inputs)
    np.testing.assert_array_equal(made[:, 1], [0, 0, 0, 5178, 5178, 12, 0])
    np.testing.assert_array_equal(made[:, 2], [1, 1, 1, 2, 2, 0, 0])
    assert preparation.table.cardinalities == (3,)
    assert preparation.num_numbers == 2
    assert feature_places(preparation.table) == {"age": [0], "gain": [1, 2]}


def test_another_value_has_code_0_and_is_not_called_unseen():
    preparation = fitted([FILL, EncodeValues(columns=("gain",), min_count=2)])
    new = rows([0, 12, 13, 5178, 5178.5])
    np.testing.assert_array_equal(
        preparation.table.apply(new.inputs)[:, 2], [1, 0, 0, 2, 0]
    )
    assert preparation.table.unseen(new.inputs) == preparation.table.unseen(
        rows([0, 12, 12, 5178, 5178.5]).inputs
    )


def test_a_number_that_is_new_is_told_where_training_rows_all_have_codes():
    steps = [FILL, EncodeValues(columns=("gain",), min_count=1)]
    preparation = fitted(steps)
    new = rows([0, 12, 13, 5178, np.nan])
    (change,) = [
        change
        for change in preparation.table.unseen(new.inputs)
        if "number that the training part does not have" in change.what
    ]
    assert (change.column, change.count, change.lines) == ("gain", 1, (4,))


def test_codes_of_values_come_after_those_of_categories_and_survive_a_file():
    preparation = fitted(
        [FILL, EncodeCategories(), EncodeValues(columns=("gain",), min_count=1)],
        {"age": "category", "gain": "number"},
    )
    again = Preparation.model_validate_json(preparation.model_dump_json())
    assert again == preparation
    np.testing.assert_array_equal(
        again.table.apply(rows().inputs)[:, 1:],
        [
            [1, 1],
            [2, 1],
            [3, 1],
            [4, 3],
            [5, 3],
            [6, 2],
            [7, 0],
        ],
    )
    assert isinstance(again.table, TablePreparation)
    assert again.table.coded == ("age", "gain")


@pytest.mark.parametrize(
    ("columns", "count", "words"),
    [
        (("gian",), 2, "EncodeValues.columns.0: there is no number column 'gian'; did"),
        (("gain", "age"), 3, "no value of column 'age' has 3 training rows; lower"),
        (("gain", "kind"), 2, "EncodeValues.columns.1: there is no number column"),
    ],
)
def test_columns_that_have_no_such_values_are_named(columns, count, words):
    with pytest.raises(PlanError, match=words.replace(".", r"\.")):
        fitted([FILL, EncodeValues(columns=columns, min_count=count)])


@given(
    st.lists(st.sampled_from([0.0, -0.0, 0.5, 1e300, np.nan]), min_size=1),
    st.lists(st.floats(allow_infinity=False), max_size=20),
)
def test_each_code_stands_for_one_value(train, new):
    column = number("x", [*train, 7, 7])
    fit_to = ValueColumn.fit(column, EncodeValues(columns=("x",), min_count=2))
    codes = fit_to.codes(number("x", [*new, 7, 8]))
    assert codes[-2] == len(fit_to.values) - (max(fit_to.values) > 7)
    for code, value in zip(codes, [*new, 7, 8], strict=True):
        assert (code > 0) == (value in fit_to.values)
        assert not code or fit_to.values[code - 1] == value
