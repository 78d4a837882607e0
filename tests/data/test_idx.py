import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from torchsmith.core.errors import DataError
from torchsmith.data.idx import read_idx, read_idx_source

CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}


def idx(array: np.ndarray, code: str = "u1") -> bytes:
    head = bytes([0, 0, CODES[code], array.ndim])
    return (
        head
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.astype(code).tobytes()
    )


PIXELS = np.arange(5 * 3 * 4, dtype=np.uint8).reshape(5, 3, 4)
LABELS = np.array([3, 1, 4, 1, 5], np.uint8)


def mnist(folder, style="{}-ubyte", pack=lambda content: content):
    for part, end in (("train", 5), ("t10k", 2)):
        for what, array in (("images-idx3", PIXELS), ("labels-idx1", LABELS)):
            name = style.format(f"{part}-{what}")
            (folder / name).write_bytes(pack(idx(array[:end])))
    return folder


@given(
    st.sampled_from(list(CODES)).flatmap(
        lambda code: st.tuples(
            st.just(code),
            arrays.arrays(np.dtype(code), arrays.array_shapes(max_dims=4, max_side=4)),
        )
    )
)
def test_what_is_written_is_read(tmp_path_factory, case):
    code, array = case
    path = tmp_path_factory.getbasetemp() / "any.idx"
    path.write_bytes(idx(array, code))
    np.testing.assert_array_equal(read_idx(path), array)
    assert read_idx(path).dtype.isnative


@given(st.binary(max_size=40))
def test_other_bytes_are_refused_in_one_line(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "other.idx"
    path.write_bytes(b"\x00\x01" + content)
    with pytest.raises(DataError, match="is not an IDX file") as caught:
        read_idx(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx(LABELS)[:6], "ends within its header"),
        (idx(LABELS)[:-1], "5 bytes, but 4 follow"),
        (idx(LABELS) + b"x", "5 bytes, but more follow"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "at most"),
        (gzip.compress(idx(LABELS), mtime=0)[:-6], "cannot be read"),
        (b"", "begins with nothing"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, content, message):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(tmp_path / "x")


@pytest.mark.parametrize(
    ("style", "pack"),
    [
        ("{}-ubyte", bytes),
        ("{}-ubyte.gz", gzip.compress),
        ("emnist-{}-ubyte", bytes),
    ],
)
def test_a_folder_like_that_of_mnist_gives_its_parts(tmp_path, style, pack):
    data = read_idx_source(mnist(tmp_path, style, pack))
    np.testing.assert_array_equal(data.inputs.pixels[:5, ..., 0], PIXELS)
    assert data.target.values.tolist() == [*LABELS, *LABELS[:2]]
    assert data.given.tolist() == [0] * 5 + [2] * 2
    assert data.reading["pixel_max"] == "59"


def test_names_with_a_dot_are_known(tmp_path):
    (tmp_path / "train-images.idx3-ubyte").write_bytes(idx(PIXELS))
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(idx(LABELS))
    data = read_idx_source(tmp_path)
    assert len(data) == 5
    assert data.given is None


def test_compressed_and_plain_files_have_one_fingerprint(tmp_path):
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    plain.mkdir()
    packed.mkdir()
    first = read_idx_source(mnist(plain))
    second = read_idx_source(mnist(packed, "{}-ubyte.gz", gzip.compress))
    assert first.fingerprint == second.fingerprint


def test_one_file_takes_its_labels_from_beside_it(tmp_path):
    mnist(tmp_path)
    data = read_idx_source(tmp_path / "t10k-images-idx3-ubyte")
    assert data.target.values.tolist() == [3, 1]
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    assert read_idx_source(tmp_path / "t10k-images-idx3-ubyte").target is None


def test_missing_labels_are_named(tmp_path):
    (mnist(tmp_path) / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="labels train-labels-idx1-ubyte are not"):
        read_idx_source(tmp_path)


def test_more_labels_than_pictures_are_refused(tmp_path):
    (mnist(tmp_path) / "train-labels-idx1-ubyte").write_bytes(idx(LABELS[:3]))
    with pytest.raises(DataError, match=r"5 inputs, but labels of shape \(3,\)"):
        read_idx_source(tmp_path)


def test_two_sets_in_one_folder_are_refused(tmp_path):
    mnist(tmp_path)
    mnist(tmp_path, "other-{}-ubyte")
    with pytest.raises(DataError, match="several sets"):
        read_idx_source(tmp_path)


def test_mnist_is_read_whole(shared_data):
    data = read_idx_source(shared_data / "mnist")
    assert data.inputs.pixels.shape == (70_000, 28, 28, 1)
    assert np.bincount(data.given).tolist() == [60_000, 0, 10_000]
    assert data.target.values[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.inputs.pixels[0].sum() == 27525
