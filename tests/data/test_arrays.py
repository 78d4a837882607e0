import io
import zipfile

import numpy as np
import pytest

from torchsmith.core.errors import DataError
from torchsmith.data.arrays import data_from_arrays, read_npy, read_npz, read_npz_folder
from torchsmith.data.load import load

PIXELS = np.arange(4 * 2 * 3, dtype=np.uint8).reshape(4, 2, 3)
LABELS = np.array([1, 0, 2, 1])


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("inputs", "labels"),
    [("x", "y"), ("X", "labels"), ("images", "targets"), ("data", "target")],
)
def test_usual_names_of_inputs_and_labels_are_known(tmp_path, inputs, labels):
    path = saved(tmp_path / "a.npz", **{inputs: PIXELS, labels: LABELS})
    data = read_npz(path)
    np.testing.assert_array_equal(data.inputs.pixels[..., 0], PIXELS)
    assert data.target.values.tolist() == LABELS.tolist()
    assert data.target.kind == "number"
    assert data.target.name == "label"


@pytest.mark.parametrize(
    "style",
    [
        "x_train y_train x_test y_test",
        "train_images train_labels test_images test_labels",
    ],
)
def test_parts_in_one_file_are_given(tmp_path, style):
    arrays = [PIXELS, LABELS, PIXELS[:1], LABELS[:1]]
    path = saved(tmp_path / "a.npz", **dict(zip(style.split(), arrays, strict=True)))
    data = read_npz(path)
    assert data.given.tolist() == [0, 0, 0, 0, 2]
    assert data.target.values.tolist() == [*LABELS, LABELS[0]]


def test_train_and_test_files_of_a_folder_are_given(tmp_path):
    names = np.array(["ant", "bee", "cow"])
    for name, end in (("train", 4), ("valid", 1), ("test", 2)):
        saved(tmp_path / f"{name}.npz", x=PIXELS[:end], y=LABELS[:end], classes=names)
    data = read_npz_folder(tmp_path)
    assert data.given.tolist() == [0] * 4 + [1] + [2] * 2
    assert data.target.texts()[:4] == ["bee", "ant", "cow", "bee"]


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_whole_numbers_that_lose_digits_are_told(tmp_path, dtype):
    values = np.array([[2**53, 1], [2**53 + 1, 2], [2**60 + 1, 3]], dtype)
    data = read_npz(saved(tmp_path / "a.npz", x=values, y=np.array([0, 1, 0])))
    (change,) = data.changes
    assert (change.column, change.lines, change.unit) == ("x0", (2, 3), "row")
    assert change.what == "rounded to the nearest 64-bit number"


def test_an_array_that_is_not_used_is_told(tmp_path):
    path = saved(tmp_path / "a.npz", x=PIXELS, y=LABELS, extra=LABELS)
    assert read_npz(path).reading["not_used"] == "extra"


def test_the_target_may_be_any_array(tmp_path):
    path = saved(tmp_path / "a.npz", x=PIXELS, y=LABELS, age=LABELS + 7)
    data = read_npz(path, target="age")
    assert data.target.name == "age"
    assert data.target.values.tolist() == [8, 7, 9, 8]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((2, 5, 6), (2, 5, 6, 1)),
        ((2, 5, 6, 3), (2, 5, 6, 3)),
        ((2, 3, 5, 6), (2, 5, 6, 3)),
        ((2, 1, 5, 6), (2, 5, 6, 1)),
        ((2, 3, 5, 3), (2, 3, 5, 3)),
    ],
)
def test_shapes_become_channels_last(shape, expected):
    inputs = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    data = data_from_arrays(inputs, None)
    assert data.inputs.pixels.shape == expected
    assert data.inputs.channels == expected[-1]
    moved = shape[1] == expected[-1] and len(shape) == 4 and shape[-1] not in (1, 3)
    assert ("axes" in data.reading) == moved
    if moved:
        np.testing.assert_array_equal(
            data.inputs.pixels[1, 2, 4, 0], inputs[1, 0, 2, 4]
        )


@pytest.mark.parametrize("shape", [(2, 5, 6, 2), (2, 4, 5, 6), (0, 5, 6), (2, 0, 6)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(DataError, match="shape"):
        data_from_arrays(np.zeros(shape, np.uint8), None)


@pytest.mark.parametrize(
    ("values", "dtype", "kept"),
    [
        ([0, 255], np.int64, np.uint8),
        ([0, 256], np.uint16, np.float32),
        ([-1, 1], np.int8, np.float32),
        ([0.5, 1], np.float64, np.float32),
        ([0.5, 1], np.float16, np.float32),
        ([False, True], bool, np.uint8),
    ],
)
def test_pixel_types_keep_their_values(values, dtype, kept):
    inputs = np.array(values, dtype).reshape(1, 1, 2)
    data = data_from_arrays(inputs, None)
    assert data.inputs.pixels.dtype == kept
    assert data.inputs.pixels.ravel().tolist() == [float(v) for v in values]
    assert data.changes == ()


def test_rounding_to_float32_is_counted():
    data = data_from_arrays(np.array([[[0.1, 0.5]]]), None)
    (change,) = data.changes
    assert change.count == 1
    assert "float64 to float32" in change.what


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([[[1.0, np.nan]]]), "1 of 1 pictures hold NaN"),
        (np.array([[[1e300, 1.0]]]), "too large for float32"),
        (np.array([[[2**40, 1]]]), "can be kept exactly"),
        (np.array([[[1j, 1]]]), "type complex128"),
        (np.array([[["a", "b"]]]), "type <U1"),
    ],
)
def test_values_that_are_no_pixels_are_refused(values, message):
    with pytest.raises(DataError, match=message):
        data_from_arrays(values, None)


def test_two_dimensions_are_a_table_with_missing_values():
    data = data_from_arrays(np.array([[1.0, np.nan], [3, 4]]), np.array([0.5, 1.5]))
    assert list(data.inputs.columns) == ["x0", "x1"]
    assert data.inputs.columns["x1"].missing.tolist() == [True, False]
    assert data.target.name == "y"
    assert data.target.values.tolist() == [0.5, 1.5]


def test_infinite_values_of_a_table_are_placed():
    with pytest.raises(DataError, match="row 1, column 0"):
        data_from_arrays(np.array([[1.0, 2], [np.inf, 4]]), None)


@pytest.mark.parametrize(
    ("labels", "values"),
    [
        (np.array([[1], [0]]), [1, 0]),
        (np.array([[0, 1], [1, 0]]), [1, 0]),
        (np.array([True, False]), [1, 0]),
        (np.array(["b", "a"]), ["b", "a"]),
    ],
)
def test_labels_come_in_several_forms(labels, values):
    target = data_from_arrays(np.zeros((2, 3)), labels).target
    assert (
        target.texts() if target.kind == "text" else target.values.tolist()
    ) == values


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([1, 2, 3]), "2 inputs, but labels of shape"),
        (np.array([[1, 2], [3, 4]]), "one 1 in each row"),
        (np.array([1, np.inf]), "1 of 2 labels are infinite"),
        (np.array([1j, 2]), "labels are of type complex128"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(DataError, match=message):
        data_from_arrays(np.zeros((2, 3)), labels)


def test_a_label_without_a_name_is_refused(tmp_path):
    path = saved(tmp_path / "a.npz", x=PIXELS, y=LABELS, classes=np.array(["a", "b"]))
    with pytest.raises(DataError, match="label 2 has no name"):
        read_npz(path)


def test_python_objects_are_never_unpickled(tmp_path):
    objects = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "a.npz", x=objects)
    with pytest.raises(DataError, match=r"array 'x': holds Python objects"):
        read_npz(tmp_path / "a.npz")
    np.save(tmp_path / "a.npy", objects)
    with pytest.raises(DataError, match="holds Python objects"):
        read_npy(tmp_path / "a.npy")


def absurd_npy() -> bytes:
    file = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


def test_absurd_claims_are_refused_before_memory_is_taken(tmp_path):
    (tmp_path / "a.npy").write_bytes(absurd_npy())
    with pytest.raises(DataError, match=r"claims shape .* at most"):
        read_npy(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", absurd_npy())
    with pytest.raises(DataError, match=r"claims shape .* at most"):
        read_npz(tmp_path / "a.npz")


def test_damaged_files_are_refused(tmp_path):
    whole = saved(tmp_path / "a.npz", x=PIXELS, y=LABELS).read_bytes()
    for wrong in (
        whole[:100],
        b"PK nothing",
        whole.replace(b"\x05\x06\x07", b"abc", 1),
    ):
        (tmp_path / "b.npz").write_bytes(wrong)
        with pytest.raises(DataError, match=r"b\.npz"):
            read_npz(tmp_path / "b.npz")
    np.save(tmp_path / "a.npy", PIXELS)
    whole = (tmp_path / "a.npy").read_bytes()
    for wrong in (whole[:-1], whole + b"x", whole[:20], b"no array"):
        (tmp_path / "b.npy").write_bytes(wrong)
        with pytest.raises(DataError, match=r"b\.npy"):
            read_npy(tmp_path / "b.npy")


def test_names_that_are_not_understood_are_listed(tmp_path):
    path = saved(tmp_path / "a.npz", foo=PIXELS, bar=LABELS)
    with pytest.raises(DataError, match=r"foo \(4, 2, 3\), bar \(4,\)"):
        read_npz(path)
    path = saved(tmp_path / "b.npz", x=PIXELS, images=PIXELS)
    with pytest.raises(DataError, match="x and images could both be meant"):
        read_npz(path)


def test_parts_of_different_size_are_refused(tmp_path):
    path = saved(tmp_path / "a.npz", x_train=PIXELS, x_test=PIXELS[:, :1])
    with pytest.raises(DataError, match="differ in picture size"):
        read_npz(path)


def test_an_npy_file_has_no_labels(tmp_path):
    np.save(tmp_path / "a.npy", np.asfortranarray(PIXELS.astype(">i2")))
    data = read_npy(tmp_path / "a.npy")
    np.testing.assert_array_equal(data.inputs.pixels[..., 0], PIXELS)
    assert data.target is None
    with pytest.raises(DataError, match="has no labels"):
        read_npy(tmp_path / "a.npy", target="label")


def test_cifar_is_read_with_its_class_names(shared_data):
    data = read_npz_folder(shared_data / "cifar10_small")
    assert data.inputs.pixels.shape == (3600, 32, 32, 3)
    assert np.bincount(data.given).tolist() == [3000, 0, 600]
    assert len(data.target.levels) == 10
    assert "airplane" in data.target.levels


def test_of_narrow_pictures_it_is_said_that_they_may_be_sequences():
    data = data_from_arrays(np.zeros((4, 6, 128), np.float32), LABELS)
    assert "pictures of 6 x 128; if these are sequences" in data.reading["axes"]
    wide = np.zeros((4, 6, 8), np.float32)
    assert "axes" not in data_from_arrays(wide, LABELS).reading


def test_byte_strings_are_texts_in_utf_8(tmp_path):
    labels = np.array(["가".encode(), b"b", "가".encode()])
    assert load((np.eye(3), labels)).target.texts() == ["가", "b", "가"]
    with pytest.raises(DataError, match=r"y.*b'.xb0.xa1' is not UTF-8; save texts"):
        load((np.eye(3), np.array([b"\xb0\xa1", b"b", b"c"])))
    names = np.array(["가".encode(), b"b"])
    np.savez(tmp_path / "a.npz", x=np.eye(3), y=[0, 1, 0], classes=names)
    assert load(tmp_path / "a.npz").target.texts() == ["가", "b", "가"]
    np.savez(tmp_path / "s.npz", sequences=np.eye(3), y=labels, channels=names[:1])
    assert load(tmp_path / "s.npz").inputs.channels == ("가",)


@pytest.mark.parametrize(
    ("shape", "kept"),
    [
        ((20, 8, 8, 4), "x[..., :3]"),
        ((20, 4, 8, 8), "x[:, :3]"),
        ((20, 8, 8, 2), "x[..., :1]"),
    ],
)
def test_pictures_with_alpha_are_refused_with_what_to_do(shape, kept):
    arrays = (np.zeros(shape, np.uint8), np.arange(20) % 2)
    with pytest.raises(DataError, match=r"pictures of [24] channels") as caught:
        load(arrays)
    assert f"leave it out: {kept}; if these are volumes" in str(caught.value)
