"""NIfTI files are read as volumes, turned as their headers say."""

import numpy as np
import pytest

from torchsmith.core.errors import DataError
from torchsmith.data.load import load

nibabel = pytest.importorskip("nibabel")

RIGHT_FRONT_UP = np.diag([1.0, 1.0, 2.0, 1.0])
LEFT_FRONT_UP = np.diag([-1.0, 1.0, 2.0, 1.0])


def write(path, voxels, affine=RIGHT_FRONT_UP):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(voxels, affine), path)
    return path


def scan(seed, shape=(3, 4, 5), dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, 200, shape).astype(dtype)


def classes(folder, shape=(3, 4, 5)):
    for number, name in enumerate(["ill", "well"]):
        for place in range(3):
            write(folder / name / f"{place}.nii.gz", scan(10 * number + place, shape))
    return folder


def test_class_folders_become_labels_and_axes_are_turned(tmp_path):
    data = load(classes(tmp_path))
    assert data.kind == "volumes"
    assert data.inputs.values.shape == (6, 1, 5, 4, 3)
    assert data.inputs.values.dtype == np.uint8
    assert data.target.texts() == ["ill"] * 3 + ["well"] * 3
    np.testing.assert_array_equal(data.inputs.values[4, 0], scan(11).transpose(2, 1, 0))
    assert data.inputs.name(4) == "well/1.nii.gz"
    assert data.reading["voxel_size"] == "1 x 1 x 2"
    assert data.fingerprint.startswith("sha256:")


def test_scans_that_were_saved_in_other_directions_are_the_same(tmp_path):
    one = write(tmp_path / "a.nii", scan(1))
    other = write(tmp_path / "b.nii", scan(1)[::-1], LEFT_FRONT_UP)
    np.testing.assert_array_equal(load(one).inputs.values, load(other).inputs.values)


def test_given_parts_are_read(tmp_path):
    classes(tmp_path / "train")
    write(tmp_path / "test" / "ill" / "9.nii", scan(3))
    write(tmp_path / "test" / "well" / "9.nii", scan(4))
    assert load(tmp_path).given.tolist() == [0] * 6 + [2] * 2


def test_a_fourth_dimension_holds_channels(tmp_path):
    data = load(write(tmp_path / "a.nii", scan(1, (3, 4, 5, 2), np.int16) * 100))
    assert data.inputs.values.shape == (1, 2, 5, 4, 3)
    assert data.inputs.values.dtype == np.float32
    assert data.target is None


def test_rounding_to_float32_is_told(tmp_path):
    data = load(write(tmp_path / "a.nii", scan(1, dtype=np.float64) + 0.1))
    assert data.inputs.values.dtype == np.float32
    assert [c.count for c in data.changes if "rounded from float64" in c.what] == [60]


def test_other_files_are_passed_over_and_told(tmp_path):
    (classes(tmp_path) / "ill" / "notes.txt").write_text("x")
    (change,) = load(tmp_path).changes
    assert change.what == "files that are no volumes left out"


def test_volumes_of_several_shapes_are_named_with_their_files(tmp_path):
    for name in ("7.nii", "8.nii"):
        write(classes(tmp_path) / "ill" / name, scan(1, (3, 4, 6)))
    odd = r"2 shapes .*3 x 4 x 6: ill/7\.nii, ill/8\.nii\)"
    with pytest.raises(DataError, match=odd):
        load(tmp_path)


def test_shapes_are_compared_as_axes_are_turned(tmp_path):
    swapped = RIGHT_FRONT_UP[:, [1, 0, 2, 3]]
    write(classes(tmp_path) / "ill" / "7.nii", scan(1, (4, 3, 5)), swapped)
    assert len(load(tmp_path)) == 7
    write(tmp_path / "ill" / "7.nii", scan(1), swapped)
    with pytest.raises(DataError, match=r"4 x 3 x 5: ill/7\.nii\)"):
        load(tmp_path)


def test_a_flat_picture_is_no_volume(tmp_path):
    with pytest.raises(DataError, match=r"a\.nii has 2 dimensions"):
        load(write(tmp_path / "a.nii", scan(1, (3, 4))))


def test_damaged_files_are_named_and_left_out_only_where_asked(tmp_path):
    (classes(tmp_path) / "ill" / "0.nii.gz").write_bytes(b"no scan at all")
    with pytest.raises(DataError, match=r"1 of 6 files cannot be read: ill/0\.nii\.gz"):
        load(tmp_path)
    with pytest.raises(DataError, match=r"Replace or remove them$"):
        load(tmp_path, skip_damaged=None)
    data = load(tmp_path, skip_damaged=True)
    assert len(data) == 5
    assert data.changes[0].what == "damaged volumes left out: ill/0.nii.gz"


def test_a_file_that_is_cut_off_is_named_and_left_out_where_asked(tmp_path):
    path = classes(tmp_path) / "well" / "2.nii"
    write(path, scan(1))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"1 of 7 files .*well/2\.nii .*skip_damaged"):
        load(tmp_path)
    data = load(tmp_path, skip_damaged=True)
    assert data.changes[0].what == "damaged volumes left out: well/2.nii"
    assert len(data) == len(data.inputs.names) == 6


@pytest.mark.parametrize("affine", [RIGHT_FRONT_UP, LEFT_FRONT_UP])
def test_a_packed_file_with_a_wrong_checksum_is_damaged(tmp_path, affine):
    path = write(tmp_path / "a.nii.gz", scan(1, (16, 16, 16)), affine)
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.nii\.gz \(CRC check failed"):
        load(path)


def test_a_header_without_the_direction_of_an_axis_is_damaged(tmp_path):
    image = nibabel.Nifti1Image(scan(1), None)
    image.header.set_sform(np.diag([1.0, 1.0, 0.0, 1.0]), code=1)
    path = tmp_path / "a.nii"
    nibabel.save(image, path)
    with pytest.raises(DataError, match=r"a\.nii \(its header gives an axis no"):
        load(path)


def test_values_that_are_not_finite_are_refused_with_their_files(tmp_path):
    voxels = scan(1, dtype=np.float32)
    voxels[0, 0, 0] = np.nan
    write(classes(tmp_path) / "ill" / "7.nii", voxels)
    with pytest.raises(DataError, match=r"1 of 7 volumes hold NaN .*\(ill/7\.nii\)"):
        load(tmp_path)


def test_without_nibabel_the_person_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("torchsmith.data.nifti.find_spec", lambda _: None)
    with pytest.raises(DataError, match=r'pip install "torchsmith\[volumes\]"'):
        load(classes(tmp_path))


def test_what_does_not_fit_into_memory_is_refused_before_it_is_read(
    tmp_path, monkeypatch
):
    classes(tmp_path)
    monkeypatch.setenv("TORCHSMITH_MEMORY", "500B")
    with pytest.raises(DataError, match="6 volumes take 360 bytes in memory"):
        load(tmp_path)
