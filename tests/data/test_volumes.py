"""Volumes are read from arrays, and what cannot be read is named."""

import numpy as np
import pytest

from torchsmith.core.errors import DataError
from torchsmith.data.arrays import data_from_arrays, read_npz
from torchsmith.data.load import load

VOXELS = np.arange(3 * 5 * 6 * 7, dtype=np.uint8).reshape(3, 5, 6, 7)
LABELS = np.array([1, 0, 1])


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("shape", "expected", "told"),
    [
        ((2, 5, 6, 7), (2, 1, 5, 6, 7), "(N, D, H, W), read as volumes of one"),
        ((2, 1, 5, 6, 7), (2, 1, 5, 6, 7), "(N, C, D, H, W), read as volumes"),
        ((2, 3, 4, 5, 6), (2, 3, 4, 5, 6), "(N, C, D, H, W), read as volumes"),
        ((2, 5, 6, 7, 3), (2, 3, 5, 6, 7), "(N, D, H, W, C), read as volumes"),
    ],
)
def test_shapes_become_channels_first_and_the_reading_says_how(shape, expected, told):
    inputs = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    data = data_from_arrays(inputs, None)
    assert data.kind == "volumes"
    assert data.inputs.values.shape == expected
    assert data.reading["axes"].startswith(told)
    if shape[-1] == 3:
        np.testing.assert_array_equal(data.inputs.values[1, 2], inputs[1, ..., 2])


@pytest.mark.parametrize("shape", [(2, 9, 9, 3), (2, 9, 9, 1), (2, 3, 9, 9), (2, 9, 9)])
def test_what_can_be_pictures_is_read_as_pictures(shape):
    assert data_from_arrays(np.zeros(shape, np.uint8), None).kind == "images"


@pytest.mark.parametrize("shape", [(2, 9, 9, 2), (2, 9, 9, 4), (2, 4, 9, 9)])
def test_where_a_shape_could_mean_both_the_person_is_told_how_to_decide(shape):
    inputs = np.zeros(shape, np.uint8)
    with pytest.raises(DataError, match=r"set data\.kind: volumes"):
        data_from_arrays(inputs, None)
    data = data_from_arrays(inputs, None, kind="volumes")
    assert data.inputs.values.shape == (2, 1, *shape[1:])


def test_pictures_are_volumes_where_the_person_says_so():
    data = load((np.zeros((4, 8, 8, 3), np.uint8), np.arange(4)), kind="volumes")
    assert data.inputs.values.shape == (4, 1, 8, 8, 3)


def test_given_parts_and_classes_are_read(tmp_path):
    path = saved(
        tmp_path / "a.npz",
        x_train=VOXELS,
        y_train=LABELS,
        x_test=VOXELS[:2],
        y_test=LABELS[:2],
        classes=np.array(["cup", "jug"]),
    )
    data = load(path)
    assert data.given.tolist() == [0, 0, 0, 2, 2]
    assert data.target.texts() == ["jug", "cup", "jug", "jug", "cup"]
    np.testing.assert_array_equal(data.inputs.values[:3, 0], VOXELS)
    assert data.inputs.name(4) == "test volume 1"
    assert data.reading["voxel_range"] == "0..255"


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (np.array([0, 1], bool), np.uint8),
        (np.array([0, 255], np.int16), np.uint8),
        (np.array([-1000, 3000], np.int16), np.float32),
        (np.array([0.5, 1.0], np.float16), np.float32),
    ],
)
def test_voxel_types_keep_their_values(values, kept):
    inputs = np.tile(values, 5 * 5 * 5 // 2 + 1)[:125].reshape(1, 5, 5, 5)
    stored = data_from_arrays(inputs, None).inputs.values
    assert stored.dtype == kept
    np.testing.assert_array_equal(stored[:, 0], inputs)


def test_rounding_to_float32_is_told():
    data = data_from_arrays(np.full((2, 5, 5, 5), 0.1), None)
    (change,) = data.changes
    assert change.what.startswith("voxel values of arrays rounded from float64")
    assert change.count == 250


def test_a_volume_with_nan_is_named():
    inputs = np.zeros((4, 5, 5, 5), np.float32)
    inputs[2, 1, 1, 1] = np.nan
    with pytest.raises(DataError, match=r"1 of 4 volumes hold NaN .* volume 2"):
        data_from_arrays(inputs, None)


def test_parts_of_several_shapes_are_named(tmp_path):
    path = saved(
        tmp_path / "a.npz",
        x_train=VOXELS,
        y_train=LABELS,
        x_test=VOXELS[:, :, :, 1:],
        y_test=LABELS,
    )
    with pytest.raises(DataError, match=r"differ in the volumes' shape .*x_test.*6\)"):
        read_npz(path)


def test_labels_of_another_length_are_refused(tmp_path):
    path = saved(tmp_path / "a.npz", x=VOXELS, y=LABELS[:2])
    with pytest.raises(DataError, match=r"3 inputs, but labels of shape \(2,\)"):
        read_npz(path)


@pytest.mark.parametrize("shape", [(3, 4), (2, 5, 6), (2, 2, 2, 2, 2, 2)])
def test_other_shapes_are_no_volumes(shape):
    with pytest.raises(DataError, match=r"understood as volumes.*; give arrays of"):
        data_from_arrays(np.zeros(shape, np.uint8), None, kind="volumes")


def test_volumes_without_content_are_refused():
    with pytest.raises(DataError, match="holds no volumes"):
        data_from_arrays(np.zeros((0, 5, 5, 5), np.uint8), None)


def test_what_does_not_fit_into_memory_is_refused_with_numbers(monkeypatch):
    monkeypatch.setenv("TORCHSMITH_MEMORY", "10KB")
    with pytest.raises(DataError, match=r"100 volumes take 12\.5 KB .* the 10 KB"):
        data_from_arrays(np.zeros((100, 5, 5, 5), np.uint8), None)
