"""Splits are disjoint, complete, drawn from the seed, and as large as asked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.build import date, number, pictures, sequences, table, text
from torchsmith.core.errors import DataError, PlanError
from torchsmith.data.data import Data
from torchsmith.data.split import Parts, Split, hold_out, split_rows

SHARE = st.floats(0.05, 0.45)


def rows_of(size: int) -> Data:
    return table(number("x", range(size)))


def assert_partition(parts: Parts, size: int) -> None:
    together = np.concatenate([parts.train, parts.val, parts.test])
    assert np.array_equal(np.sort(together), np.arange(size))
    for part in (parts.train, parts.val, parts.test):
        assert len(part)
        assert np.array_equal(part, np.sort(part))


@given(size=st.integers(3, 300), test=SHARE, val=SHARE, seed=st.integers(0, 9))
def test_random_parts_are_disjoint_complete_and_within_one_row(size, test, val, seed):
    parts = split_rows(rows_of(size), Split(test=test, val=val, seed=seed))
    assert_partition(parts, size)
    assert abs(len(parts.test) - test * size) <= 1
    assert abs(len(parts.val) - val * (size - len(parts.test))) <= 1


def test_the_seed_alone_draws_the_parts():
    data = rows_of(50)
    first, again = (split_rows(data, Split(seed=3)) for _ in range(2))
    other = split_rows(data, Split(seed=4))
    assert np.array_equal(first.test, again.test)
    assert np.array_equal(first.val, again.val)
    assert not np.array_equal(first.test, other.test)
    assert not np.array_equal(first.test, np.arange(40, 50))


@given(
    sizes=st.lists(st.integers(2, 60), min_size=2, max_size=6), test=SHARE, val=SHARE
)
def test_stratified_classes_keep_their_share_and_are_in_each_part(sizes, test, val):
    labels = [f"c{i}" for i, size in enumerate(sizes) for _ in range(size)]
    data = table(target=text("y", labels))
    parts = split_rows(data, Split(test=test, val=val, stratify=True))
    target = np.array(labels)
    together = np.concatenate([parts.train, parts.val, parts.test])
    assert np.array_equal(np.sort(together), np.arange(len(labels)))
    three = [f"c{i}" for i, size in enumerate(sizes) if size >= 3]
    for share, part, rest in (
        (test, parts.test, together),
        (val, parts.val, np.concatenate([parts.train, parts.val])),
    ):
        room = round(share * len(rest)) >= len(sizes)
        for name in three if room else ():
            taken, there = np.sum(target[part] == name), np.sum(target[rest] == name)
            assert taken >= 1
            assert abs(taken - share * there) < len(sizes)
    assert set(target[parts.train]) == set(labels)


def test_stratified_counts_are_largest_remainders():
    labels = ["a"] * 50 + ["b"] * 30 + ["c"] * 20
    parts = split_rows(
        table(target=text("y", labels)), Split(test=0.2, val=0.25, stratify=True)
    )
    count = {name: labels.index(name) for name in "abc"}
    starts = np.array(sorted(count.values()))
    for part, expected in ((parts.test, [10, 6, 4]), (parts.val, [10, 6, 4])):
        classes = np.searchsorted(starts, part, side="right") - 1
        assert np.bincount(classes).tolist() == expected


def test_a_class_with_three_rows_is_in_every_part():
    labels = ["a"] * 200 + ["rare"] * 3
    data = table(target=text("y", labels))
    parts = split_rows(data, Split(test=0.1, val=0.1, stratify=True))
    for part in (parts.train, parts.val, parts.test):
        assert (part >= 200).sum() == 1
    assert len(parts.test) == 20


def test_a_class_with_one_example_is_named_with_its_line():
    data = table(target=text("y", ["a", "a", "x", "b", "b"]))
    message = r"target 'y': class 'x' has one example \(line 4\).*remove it or merge it"
    with pytest.raises(DataError, match=message):
        split_rows(data, Split(stratify=True))
    images = pictures(np.zeros((5, 2, 2, 1), np.uint8), ["a", "a", "x", "b", "b"])
    with pytest.raises(DataError, match=r"class 'x' has one example \(image 2\)"):
        split_rows(images, Split(stratify=True))


def test_stratify_needs_a_target_in_every_row():
    with pytest.raises(PlanError, match="there is no target"):
        split_rows(rows_of(9), Split(stratify=True))
    data = table(target=text("y", ["a", "a", "", "b", "b"]))
    with pytest.raises(DataError, match=r"1 rows have no value.*drop_missing_target"):
        split_rows(data, Split(stratify=True))


@given(
    groups=st.lists(st.integers(0, 12), min_size=6, max_size=200).filter(
        lambda groups: len(set(groups)) >= 3
    ),
    test=SHARE,
    val=SHARE,
)
def test_groups_stay_together(groups, test, val):
    data = table(number("person", groups))
    parts = split_rows(data, Split(test=test, val=val, group="person"))
    assert_partition(parts, len(groups))
    keys = np.array(groups)
    sets = [set(keys[part]) for part in (parts.train, parts.val, parts.test)]
    assert sum(map(len, sets)) == len(set(groups))


def test_many_small_groups_come_close_to_the_asked_shares():
    data = table(text("person", [f"p{i // 4}" for i in range(400)]))
    parts = split_rows(data, Split(test=0.2, val=0.25, group="person"))
    assert len(parts.test) == 80
    assert len(parts.val) == 80


def test_too_few_groups_are_refused():
    data = table(text("person", ["a", "a", "b", "b", "b"]))
    with pytest.raises(
        DataError, match="'person': 2 distinct values are too few for 3"
    ):
        split_rows(data, Split(group="person"))


def test_a_column_that_does_not_exist_is_refused_with_the_nearest():
    data = table(text("person", list("abcdef")), number("age", range(6)))
    message = "split.group: no column 'persn'; did you mean 'person'"
    with pytest.raises(PlanError, match=message):
        split_rows(data, Split(group="persn"))
    with pytest.raises(PlanError, match="holds images, not columns"):
        split_rows(pictures(np.zeros((9, 2, 2, 1), np.uint8)), Split(group="person"))


def test_sequences_are_split_by_what_is_known_of_each():
    people = text("person", list("aabbccddee"))
    parts = split_rows(sequences([2] * 10, people), Split(group="person"))
    assert_partition(parts, 10)
    assert all(part.tolist()[0] + 1 == part.tolist()[1] for part in (parts.test,))
    days = number("day", range(10, 0, -1))
    parts = split_rows(sequences([2] * 10, days), Split(test=0.2, time="day"))
    assert parts.test.tolist() == [0, 1]


def test_sequences_without_the_column_are_refused():
    with pytest.raises(PlanError, match="of which nothing else is known, not columns"):
        split_rows(sequences([2] * 9), Split(group="person"))
    data = sequences([2] * 9, text("person", [*"aabbcc", "", "dd", "e"]))
    message = r"no value in 1 of 9 sequences \(sequence 6\); split.group needs one"
    with pytest.raises(DataError, match=message):
        split_rows(data, Split(group="person"))


@given(
    times=st.lists(st.integers(0, 30), min_size=5, max_size=100).filter(
        lambda times: len(set(times)) >= 3
    )
)
def test_the_latest_rows_are_the_test_part_and_ties_stay_together(times):
    data = table(number("t", times))
    parts = split_rows(data, Split(test=0.2, val=0.2, time="t"))
    assert_partition(parts, len(times))
    t = np.array(times)
    assert t[parts.train].max() < t[parts.val].min()
    assert t[parts.val].max() < t[parts.test].min()


def test_dates_are_cut_at_the_asked_share():
    days = [f"2026-01-{1 + i:02d}" for i in range(20)]
    parts = split_rows(
        table(date("day", days[::-1])), Split(test=0.2, val=0.25, time="day")
    )
    assert parts.test.tolist() == [0, 1, 2, 3]
    assert parts.val.tolist() == [4, 5, 6, 7]


def test_every_part_gets_a_time_of_its_own_where_ties_are_large():
    parts = split_rows(table(number("t", [1, 1, 1, 2, 3])), Split(test=0.6, time="t"))
    assert parts.train.tolist() == [0, 1, 2]
    assert parts.val.tolist() == [3]
    assert parts.test.tolist() == [4]


def test_a_missing_time_is_refused_with_its_lines():
    data = table(number("t", [1, np.nan, 3, 4, np.nan, 6]))
    with pytest.raises(DataError, match=r"no value in 2 of 6 rows \(lines 3, 6\)"):
        split_rows(data, Split(time="t"))


def test_a_text_is_no_time():
    with pytest.raises(
        PlanError, match="column 'x' holds text; only dates and numbers"
    ):
        split_rows(table(text("x", list("abcde"))), Split(time="x"))


def test_given_parts_are_taken_and_rows_of_no_part_stay_out():
    data = table(number("x", range(8)), given=[0, 0, 0, 0, 1, 2, 2, -1])
    parts = split_rows(data, Split(test="given", val="given"))
    assert parts.train.tolist() == [0, 1, 2, 3]
    assert parts.val.tolist() == [4]
    assert parts.test.tolist() == [5, 6]
    drawn = split_rows(data, Split(test="given", val=0.4))
    assert drawn.test.tolist() == [5, 6]
    assert sorted([*drawn.train, *drawn.val]) == [0, 1, 2, 3, 4]
    assert len(drawn.val) == 2


def test_given_val_and_a_drawn_test_part():
    data = table(number("x", range(8)), given=[0, 0, 0, 0, 0, 0, 1, 1])
    parts = split_rows(data, Split(test=0.5, val="given"))
    assert parts.val.tolist() == [6, 7]
    assert len(parts.test) == len(parts.train) == 3


def test_a_part_that_is_not_given_is_refused():
    message = "split.val: rows.csv does not come with a val part; write a share"
    with pytest.raises(DataError, match=message):
        split_rows(
            table(number("x", range(4)), given=[0, 0, 2, 2]),
            Split(test="given", val="given"),
        )
    with pytest.raises(DataError, match=r"split\.test"):
        split_rows(rows_of(9), Split(test="given"))


def test_too_few_rows_are_refused():
    with pytest.raises(DataError, match="2 rows are too few to make 3 parts"):
        split_rows(rows_of(2), Split())
    no_train = table(number("x", range(2)), given=[1, 2])
    with pytest.raises(DataError, match="0 rows are too few"):
        split_rows(no_train, Split(test="given", val="given"))


@settings(max_examples=20)
@given(st.sampled_from(["stratify", "group"]))
def test_settings_that_exclude_each_other_are_refused(other):
    spec = Split(time="x", **{other: True if other == "stratify" else "g"})
    with pytest.raises(PlanError, match=f"time and {other} cannot be combined"):
        split_rows(rows_of(9), spec)


@given(size=st.integers(2, 300), share=SHARE, seed=st.integers(0, 9))
def test_rows_that_are_held_out_are_a_share_of_all_rows(size, share, seed):
    left, held_out = hold_out(rows_of(size), Split(seed=seed), share)
    assert np.array_equal(np.sort(np.concatenate([left, held_out])), np.arange(size))
    assert len(left)
    assert abs(len(held_out) - max(share * size, 1)) <= 1


def test_rows_are_held_out_by_time_group_and_class():
    days = table(number("day", [5, 1, 4, 2, 3]))
    left, latest = hold_out(days, Split(time="day"), 0.4)
    assert (left.tolist(), latest.tolist()) == ([1, 3, 4], [0, 2])
    people = table(text("who", list("aabbccdd")))
    _, held_out = hold_out(people, Split(group="who"), 0.25)
    assert held_out[0] + 1 == held_out[1]
    classes = table(target=text("y", ["a"] * 18 + ["b"] * 2))
    _, held_out = hold_out(classes, Split(stratify=True), 0.1)
    assert len(held_out) == 2
    assert (held_out >= 18).sum() == 1
    with pytest.raises(PlanError, match="cannot be combined"):
        hold_out(classes, Split(stratify=True, time="x"), 0.1)
