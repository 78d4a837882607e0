"""Folds: each row that is not tested is learned from, and left out once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.build import number, table, text
from torchsmith.core.errors import DataError, PlanError
from torchsmith.data.split import Folds, Split, split_rows


def folds_of(parts):
    return [parts.train[parts.folds == fold] for fold in range(parts.folds.max() + 1)]


@given(
    size=st.integers(30, 300),
    test=st.floats(0.05, 0.4),
    folds=st.integers(2, 9),
    seed=st.integers(0, 9),
)
def test_every_row_that_is_not_tested_is_in_one_fold(size, test, folds, seed):
    data = table(number("x", range(size)))
    spec = Split(test=test, val=Folds(folds=folds), seed=seed)
    parts = split_rows(data, spec)
    assert np.array_equal(parts.train, np.setdiff1d(np.arange(size), parts.test))
    assert np.array_equal(parts.val, parts.train)
    sizes = np.bincount(parts.folds)
    assert len(sizes) == folds
    assert sizes.max() - sizes.min() <= 1
    again = split_rows(data, spec)
    assert np.array_equal(again.folds, parts.folds)
    plain = split_rows(data, Split(test=test, seed=seed))
    assert np.array_equal(plain.test, parts.test)  # the test rows are the same ones


def test_each_fold_has_its_share_of_each_class():
    labels = ["a"] * 100 + ["b"] * 50 + ["c"] * 25
    data = table(target=text("y", labels))
    parts = split_rows(data, Split(test=0.2, val=Folds(folds=5), stratify=True))
    for fold in folds_of(parts):
        found = [(np.array(labels)[fold] == name).sum() for name in "abc"]
        assert found == [16, 8, 4]


@given(groups=st.lists(st.integers(0, 30), min_size=60, max_size=200))
def test_groups_and_copies_stay_in_one_fold(groups):
    together = {
        "group": table(number("x", groups)),
        "keep_together": table(number("x", groups)),
    }
    asked = {"group": {"group": "x"}, "keep_together": {"keep_together": True}}
    if len(set(groups)) < 6:
        return
    for how, data in together.items():
        parts = split_rows(data, Split(val=Folds(folds=5), **asked[how]))
        keys = np.array(groups)
        sets = [set(keys[rows]) for rows in (*folds_of(parts), parts.test)]
        assert sum(map(len, sets)) == len(set(groups)), how


def test_a_given_test_part_is_kept_and_the_rest_is_folded():
    given_parts = np.array([0] * 40 + [1] * 10 + [2] * 20)
    data = table(number("x", range(70)), given=given_parts)
    parts = split_rows(data, Split(test="given", val=Folds(folds=5)))
    assert parts.test.tolist() == list(range(50, 70))
    assert parts.train.tolist() == list(range(50))
    assert np.bincount(parts.folds).tolist() == [10] * 5


@pytest.mark.parametrize("other", [{"time": "x"}, {"drop_shared": True}])
def test_what_folds_do_not_go_with_is_refused(other):
    data = table(number("x", range(50)))
    message = f"folds and {next(iter(other))} cannot be combined; set val to a share"
    with pytest.raises(PlanError, match=message):
        split_rows(data, Split(val=Folds(folds=5), **other))


def test_too_few_rows_are_refused():
    with pytest.raises(DataError, match="5 rows are too few to make 6 parts"):
        split_rows(table(number("x", range(5))), Split(val=Folds(folds=5)))


def test_the_rows_of_folds_are_named_once():
    data = table(number("x", range(50)))
    folded = split_rows(data, Split(val=Folds(folds=5))).apart
    assert [*folded] == ["train", "test"]
    assert sum(map(len, folded.values())) == 50
    assert [*split_rows(data, Split()).apart] == ["train", "val", "test"]
