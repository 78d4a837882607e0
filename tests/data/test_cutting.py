"""Whole sets of equal rows, and whole groups, are cut near to the asked shares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.build import number, pictures, table, text
from torchsmith.core.errors import DataError, PlanError
from torchsmith.data.split import Split, hold_out, split_rows

TOGETHER = {"test": 0.2, "val": 0.25, "keep_together": True}


def parts_of(data, roles=None, **spec):
    parts = split_rows(data, Split(**spec), roles or {})
    every = np.concatenate([parts.train, parts.val, parts.test])
    assert np.array_equal(np.sort(every), np.arange(len(data)))
    return parts.train, parts.val, parts.test


def assert_apart(parts, keys):
    keys = np.array(keys)
    sets = [set(keys[part].tolist()) for part in parts]
    assert sum(map(len, sets)) == len(set(keys.tolist()))


@settings(max_examples=30)
@given(
    keys=st.lists(st.integers(0, 40), min_size=20, max_size=200).filter(
        lambda keys: len(set(keys)) >= 6
    ),
    stratify=st.booleans(),
    seed=st.integers(0, 3),
)
def test_rows_with_equal_inputs_stay_in_one_part_and_none_is_lost(keys, stratify, seed):
    labels = [f"c{key % 2}" for key in keys]
    if min(len({k for k in keys if k % 2 == odd}) for odd in (0, 1)) < 3:
        stratify = False
    data = table(
        number("x", [key * 1.5 for key in keys]),
        text("w", [f"w{key // 7}" for key in keys]),
        target=text("y", labels if stratify else ["a", *labels[1:]]),
    )
    parts = parts_of(data, **TOGETHER, stratify=stratify, seed=seed)
    assert_apart(parts, keys)
    assert all(map(len, parts))


def test_shares_and_classes_are_kept_where_copies_stay_together():
    keys = [i // 2 if i < 200 else i for i in range(1000)]
    labels = ["rare" if key % 10 == 0 else "usual" for key in keys]
    data = table(number("x", keys), target=text("y", labels))
    parts = parts_of(data, **TOGETHER, stratify=True)
    assert_apart(parts, keys)
    assert [len(part) for part in parts] == pytest.approx([600, 200, 200], abs=2)
    rare = np.array(labels) == "rare"
    for part in parts:
        assert rare[part].sum() == pytest.approx(rare.mean() * len(part), abs=2)


def test_a_set_larger_than_a_part_is_trained_on():
    keys = [0] * 300 + [*range(1, 701)]
    train, val, test = parts_of(table(number("x", keys)), **TOGETHER)
    assert set(range(300)) <= set(train.tolist())
    assert len(val) == len(test) == 200


def test_without_copies_nothing_changes():
    data = table(number("x", range(50)), target=text("y", list("ab") * 25))
    for stratify in (False, True):
        plain = parts_of(data, stratify=stratify)
        together = parts_of(data, stratify=stratify, keep_together=True)
        assert all(map(np.array_equal, plain, together))


def test_what_is_ignored_does_not_tell_rows_apart():
    keys = [i // 3 for i in range(90)]
    data = table(number("id", range(90)), number("x", keys))
    with pytest.raises(AssertionError):
        assert_apart(parts_of(data, **TOGETHER), keys)
    assert_apart(parts_of(data, {"id": "ignore"}, **TOGETHER), keys)
    left, held_out = hold_out(data, Split(**TOGETHER), 0.2, {"id": "ignore"})
    assert_apart((left, held_out), keys)


def test_missing_values_and_both_zeros_are_equal_inputs():
    x = [float("nan"), 0.0, -0.0, float("nan"), *range(1, 9)]
    parts = parts_of(table(number("x", x)), test=0.5, val=0.5, keep_together=True)
    assert any({0, 3} <= set(part.tolist()) for part in parts)
    assert any({1, 2} <= set(part.tolist()) for part in parts)


def test_copies_of_given_rows_do_not_hold_others_back():
    keys = [*range(40), *range(20)]
    data = table(number("x", keys), given=[0] * 40 + [2] * 20)
    parts = parts_of(data, test="given", val=0.25, keep_together=True)
    assert parts[2].tolist() == [*range(40, 60)]
    assert len(parts[1]) == 10


def test_arrays_are_kept_together_as_well():
    keys = [i // 2 for i in range(60)]
    pixels = np.array(keys, np.uint8)[:, None, None, None]
    assert_apart(parts_of(pictures(pixels), **TOGETHER), keys)


def test_too_few_different_rows_are_refused():
    data = table(number("x", [1, 1, 1, 2, 2, 2]), target=text("y", list("aaabbb")))
    message = "too few different examples to make 3 parts of them; set split.keep"
    with pytest.raises(DataError, match=message):
        parts_of(data, **TOGETHER)
    with pytest.raises(DataError, match="too few different examples of each class"):
        parts_of(data, **TOGETHER, stratify=True)


def test_groups_that_share_a_row_are_kept_in_one_part():
    people = ["a", "a", "b", "b", *(f"p{i // 3}" for i in range(60))]
    x = [1, 2, 2, 3, *range(10, 70)]
    data = table(text("who", people), number("x", x))
    roles = {"who": "ignore"}
    parts = parts_of(data, roles, **TOGETHER, group="who")
    assert_apart(parts, people)
    assert_apart(parts, x)
    few = table(text("who", list("aabbcc")), number("x", [1, 2, 2, 3, 3, 4]))
    with pytest.raises(DataError, match="too few groups without copies"):
        parts_of(few, roles, **TOGETHER, group="who")


def test_a_time_is_not_combined_with_copies():
    with pytest.raises(PlanError, match="time and keep_together cannot be combined"):
        parts_of(table(number("t", range(9))), **TOGETHER, time="t")


@pytest.mark.parametrize("seed", range(3))
def test_groups_keep_their_classes_in_each_part(seed):
    # Each of 12 people does four of five things, the first two the rarest.
    people, things = [], []
    for person in range(12):
        doing = [i for i in range(5) if i != person % 5]
        doing = [i for i in doing if i > 1 or person < 6]
        for thing in doing:
            people += [f"p{person}"] * 5
            things += [f"t{thing}"] * 5
    data = table(text("who", people), target=text("y", things))
    parts = parts_of(data, group="who", stratify=True, test=0.25, val=0.25, seed=seed)
    assert_apart(parts, people)
    assert all(len(set(np.array(things)[part])) == 5 for part in parts)
    assert [len(part) for part in parts] == pytest.approx([110, 40, 50], abs=20)


@pytest.mark.parametrize("seed", range(3))
def test_many_groups_come_close_to_each_class_share(seed):
    random = np.random.default_rng(seed)
    keys = random.integers(0, 500, 3000)
    labels = np.where(random.random(3000) < 0.1 + 0.3 * (keys % 2), "a", "b")
    data = table(number("who", keys), target=text("y", labels.tolist()))
    shares = {"group": "who", "test": 0.2, "val": 0.25}
    parts = parts_of(data, **shares, stratify=True)
    assert_apart(parts, keys)
    assert [len(part) for part in parts] == pytest.approx([1800, 600, 600], abs=30)
    plain = parts_of(data, **shares)
    ours, theirs = (
        max(abs((labels[part] == "a").mean() - (labels == "a").mean()) for part in cut)
        for cut in (parts, plain)
    )
    assert ours < max(0.015, 0.6 * theirs)


def test_one_group_in_each_part_is_enough():
    data = table(text("who", list("aabbcc")), target=text("y", list("xyxyxy")))
    parts = parts_of(data, group="who", stratify=True)
    assert [len(part) for part in parts] == [2, 2, 2]
