"""Equal inputs have equal keys, and a split can keep them out of two parts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.build import number, pictures, table, text
from torchsmith.core.errors import DataError
from torchsmith.data.data import Column, ColumnFormat, Data, Images, Volumes
from torchsmith.data.same import input_keys, keys_of_rows
from torchsmith.data.split import Split, split_rows
from torchsmith.inspect.examine import inspect

SAME = [0, 1, 2, 0, 4, 1]
"""Example 3 equals example 0, example 5 equals example 1."""


def groups(keys):
    """The first place of each key, which is what equal keys mean."""
    return [keys.tolist().index(key) for key in keys]


def saved(folder, pictures):
    """Picture files of these pixels, no two of them packed alike."""
    files = []
    for row, pixels in enumerate(pictures):
        files.append(folder / f"{row}.png")
        Image.fromarray(pixels).save(files[-1], compress_level=row)
    sizes = np.array([pixels.shape for pixels in pictures], np.int32)
    return Images(sizes=sizes, channels=1, files=tuple(files))


def volumes(numbers, given=None, dtype=np.uint8):
    values = np.zeros((len(numbers), 1, 2, 3, 2), dtype)
    values[:, 0, 1, 2, 1] = numbers
    labels = Column(
        ColumnFormat(name="y", kind="number"), np.zeros(len(numbers), np.float64)
    )
    part = None if given is None else np.array(given, np.int8)
    return Data("volumes", Volumes(values), labels, part)


def test_equal_volumes_have_equal_keys():
    assert groups(input_keys(volumes(SAME).inputs, {})) == SAME


def test_both_zeros_are_equal():
    data = volumes([0.0, -0.0, 1.0], dtype=np.float32)
    assert groups(input_keys(data.inputs, {})) == [0, 0, 2]


def test_equal_pictures_have_equal_keys_in_memory_and_as_files(tmp_path):
    pixels = np.array(SAME, np.uint8)[:, None, None, None] * np.ones((6, 2, 2, 1), "u1")
    assert groups(input_keys(pictures(pixels).inputs, {})) == SAME
    images = saved(tmp_path, [np.full((40, 50), 9 * value, "u1") for value in SAME])
    assert groups(input_keys(images, {})) == SAME
    decoded = replace(images, pixels=np.zeros((6, 8, 8, 1), np.uint8))
    assert groups(input_keys(decoded, {})) == SAME


def test_pictures_of_other_sizes_are_others(tmp_path):
    grey = [np.full(shape, 9, "u1") for shape in ((40, 50), (50, 40), (40, 50))]
    assert groups(input_keys(saved(tmp_path, grey), {})) == [0, 1, 0]


def test_copies_that_were_saved_anew_leave_the_training_part(tmp_path):
    made = [np.full((20, 20), 9 * value, "u1") for value in [1, 2, 3, 4, 2, 3]]
    labels = Column(ColumnFormat(name="y", kind="number"), np.zeros(6))
    given = np.int8([0, 0, 0, 0, 2, 2])
    data = Data("pictures", saved(tmp_path, made), labels, given)
    found = inspect(data).findings
    assert (
        "2 pictures of the test part"
        in next(f for f in found if f.code == "D8").message
    )
    parts = split_rows(data, Split(test="given", val=0.5, drop_shared=True))
    assert sorted([*parts.train, *parts.val]) == [0, 3]


def test_a_file_that_is_gone_is_named(tmp_path):
    images = Images(
        sizes=np.ones((1, 2), np.int32), channels=1, files=(Path(tmp_path / "no.png"),)
    )
    with pytest.raises(DataError, match=r"no\.png: cannot be decoded"):
        input_keys(images, {})


def test_rows_are_equal_where_all_their_columns_are():
    nan = float("nan")
    data = table(
        number("a", [1, 2, nan, 1, nan, 1]), text("b", ["x", "x", "", "x", "", "z"])
    )
    assert groups(input_keys(data.inputs, {})) == [0, 1, 2, 0, 2, 5]


def test_what_a_later_part_has_is_left_out_of_an_earlier_one():
    data = volumes([1, 2, 3, 4, 2, 5, 3, 6], given=[0, 0, 0, 0, 1, 1, 2, 2])
    spec = Split(test="given", val="given", drop_shared=True)
    parts = split_rows(data, spec)
    assert parts.train.tolist() == [0, 3]
    assert parts.val.tolist() == [4, 5]
    assert parts.test.tolist() == [6, 7]
    plain = split_rows(data, spec.model_copy(update={"drop_shared": False}))
    assert plain.train.tolist() == [0, 1, 2, 3]


def test_val_gives_up_what_the_test_part_has():
    data = volumes([1, 2, 3, 3, 4], given=[0, 0, 1, 2, 1])
    parts = split_rows(data, Split(test="given", val="given", drop_shared=True))
    assert parts.val.tolist() == [4]


def test_copies_of_a_drawn_val_part_are_left_out_of_train():
    data = volumes([i // 2 for i in range(60)])
    parts = split_rows(data, Split(test=0.2, val=0.2, drop_shared=True))
    keys = input_keys(data.inputs, {})
    kept = [set(keys[rows].tolist()) for rows in (parts.train, parts.val, parts.test)]
    assert not kept[0] & kept[1]
    assert not kept[0] & kept[2]
    assert not kept[1] & kept[2]
    assert len(parts.test) == 12


def test_a_part_of_which_nothing_is_left_is_refused():
    data = volumes([1, 1, 1], given=[0, 0, 2])
    with pytest.raises(DataError, match=r"split\.drop_shared: all 1 examples of the"):
        split_rows(data, Split(test="given", val=0.5, drop_shared=True))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("width", [1, 8, 13])
def test_rows_have_the_keys_of_the_rows_that_they_equal(dtype, width):
    first = np.zeros((8, width), dtype)
    first[:6, -1] = SAME
    first[6:, 0] = [7, 9]
    assert groups(keys_of_rows(first)) == [*SAME, 6, 7]


def test_rows_that_differ_in_one_byte_or_in_its_place_have_other_keys():
    rows = np.concatenate([np.eye(784, dtype=np.uint8), 255 * np.eye(784, dtype="u1")])
    assert len(set(keys_of_rows(rows).tolist())) == len(rows)


def test_rows_are_equal_whatever_the_sign_of_zero():
    rows = np.array([[0.0, 1], [-0.0, 1], [0, -1]], np.float32)
    assert groups(keys_of_rows(rows)) == [0, 0, 2]
