"""Arrays that are larger than memory are read as they are taken, and are the same."""

import os
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import torchsmith as ts
from tests.train.jobs import same_weights
from torchsmith.core.errors import DataError
from torchsmith.core.memory import amount_of, available_memory, is_large
from torchsmith.data.load import load
from torchsmith.data.npy_files import load_npy
from torchsmith.data.on_disk import (
    FileArray,
    OnDisk,
    chunks,
    extremes,
    one_after_the_other,
)
from torchsmith.train.batches import PreparedBatches


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setenv("TORCHSMITH_MEMORY", "2KB")


def on_disk(path, array):
    np.save(path, array)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCHSMITH_MEMORY", "1")
        found = load_npy(path)
    assert isinstance(found, OnDisk)
    return found


pictures = arrays.arrays(
    st.sampled_from([np.uint8, np.bool_, ">i2", "<f4", ">f8"]),
    st.tuples(st.integers(1, 40), st.integers(1, 5), st.integers(1, 4)),
    elements=st.integers(0, 1),
)


@given(pictures, st.data())
@settings(deadline=None, max_examples=60)
def test_any_rows_in_any_order_are_those_of_the_array_in_memory(
    tmp_path_factory, array, data
):
    stored = on_disk(tmp_path_factory.mktemp("rows") / "x.npy", array)
    index = st.lists(st.integers(0, len(array) - 1), max_size=60)
    rows = np.array(data.draw(index), np.int64)
    assert stored.shape == array.shape
    assert np.array_equal(stored[rows], array[rows])
    assert stored[rows].dtype == array.dtype.newbyteorder("=")
    again = np.array(data.draw(index), np.int64) % max(len(rows), 1)
    if len(rows):
        assert np.array_equal(stored.at(rows)[again], array[rows][again])
    assert np.array_equal(stored[1:7], array[1:7])
    assert np.array_equal(
        stored.transpose(0, 2, 1)[rows], array.transpose(0, 2, 1)[rows]
    )
    both = one_after_the_other([stored, array, stored.at(rows)])
    whole = np.concatenate([array, array, array[rows]])
    assert np.array_equal(both[np.arange(len(both))[::-1]], whole[::-1])


def test_chunks_pass_over_all_rows_once(tmp_path, monkeypatch):
    monkeypatch.setattr("torchsmith.data.on_disk.CHUNK_BYTES", 50)
    array = np.arange(42, dtype=np.uint8).reshape(14, 3)
    stored = on_disk(tmp_path / "x.npy", array)
    for either in (stored, array):
        found = list(chunks(either))
        assert np.array_equal(np.concatenate([rows for _, rows in found]), array)
        assert [first for first, _ in found] == [0]
        assert extremes(either) == (0, 41)
    monkeypatch.setattr("torchsmith.data.on_disk.CHUNK_BYTES", 7)
    assert [first for first, _ in chunks(stored)] == list(range(0, 14, 2))


def write(folder, kind, array, labels):
    match kind:
        case "npz":
            np.savez(folder / "x.npz", x=array, y=labels)
            return folder / "x.npz"
        case "npz in parts":
            half = len(array) // 2
            np.savez(
                folder / "x.npz",
                x_train=array[:half],
                y_train=labels[:half],
                x_test=array[half:],
                y_test=labels[half:],
            )
            return folder / "x.npz"
        case "npz of (N, C, H, W)":
            turned = np.ascontiguousarray(array.transpose(0, 3, 1, 2))
            np.savez(folder / "x.npz", x=turned, y=labels)
            return folder / "x.npz"
        case "npz folder":
            for part in ("train", "test"):
                np.savez(folder / f"{part}.npz", x=array, y=labels)
            return folder
        case "npy":
            np.save(folder / "x.npy", array)
            return folder / "x.npy"
        case _:
            for part in ("train", "t10k"):
                for what, values in (("images", array[..., 0]), ("labels", labels)):
                    head = bytes([0, 0, 8, values.ndim])
                    sizes = np.array(values.shape, ">u4").tobytes()
                    name = f"{part}-{what}-idx{values.ndim}-ubyte"
                    (folder / name).write_bytes(head + sizes + values.tobytes())
            return folder


KINDS = ["npz", "npz in parts", "npz of (N, C, H, W)", "npz folder", "npy", "idx"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_is_the_same_in_memory_and_on_disk(kind, tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    array = random.integers(0, 256, (40, 6, 5, 3), np.uint8)
    monkeypatch.setattr("torchsmith.data.npy_files.SMALL_BYTES", 1_000)
    source = write(tmp_path, kind, array, np.arange(40, dtype=np.uint8) % 3)
    inside = load(source)
    monkeypatch.setenv("TORCHSMITH_MEMORY", "3KB")
    outside = load(source)
    assert isinstance(outside.inputs.pixels, OnDisk)
    assert isinstance(inside.inputs.pixels, np.ndarray)
    assert np.array_equal(outside.inputs.pixels[:], inside.inputs.pixels)
    assert outside.fingerprint == inside.fingerprint
    assert outside.reading == inside.reading
    assert outside.changes == inside.changes
    rows = np.array([3, 1, 2])
    taken, expected = outside.take(rows), inside.take(rows)
    assert np.array_equal(taken.inputs.pixels[:], expected.inputs.pixels)
    assert (taken.target is None) == (expected.target is None)


@pytest.mark.parametrize("dtype", ["bool", "int16", "float32", "float64", ">f8"])
def test_values_of_other_types_are_turned_as_in_memory(dtype, tmp_path, monkeypatch):
    values = np.random.default_rng(0).integers(0, 2, (50, 4, 4)) * (
        0.1 if "f" in dtype else 300 if "16" in dtype else 1
    )
    np.save(tmp_path / "x.npy", values.astype(dtype))
    inside = load(tmp_path / "x.npy")
    monkeypatch.setenv("TORCHSMITH_MEMORY", "1KB")
    outside = load(tmp_path / "x.npy")
    assert outside.inputs.pixels.dtype == inside.inputs.pixels.dtype
    assert np.array_equal(outside.inputs.pixels[:], inside.inputs.pixels)
    assert outside.fingerprint == inside.fingerprint
    assert outside.changes == inside.changes


def test_a_value_that_is_not_finite_is_told_with_its_picture(tmp_path, little_memory):
    array = np.zeros((100, 4, 4), np.float32)
    array[71, 1, 1] = np.nan
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(DataError, match=r"1 of 100 pictures .*first: picture 71"):
        load(tmp_path / "x.npy")


def large_file(tmp_path):
    path = tmp_path / "x.npy"
    return path, on_disk(path, np.zeros((100, 8, 8), np.uint8))


def test_a_file_that_was_changed_meanwhile_is_refused(tmp_path):
    path, stored = large_file(tmp_path)
    os.utime(path, (1, 1))
    with pytest.raises(DataError, match="was changed since it was first read"):
        stored[:3]


def test_a_file_that_is_gone_is_told(tmp_path):
    path, stored = large_file(tmp_path)
    path.unlink()
    with pytest.raises(
        DataError, match=r"cannot be read .*No such file.* bring it back"
    ):
        stored[:3]


def test_a_file_that_ends_while_it_is_read_is_told(tmp_path, monkeypatch):
    _, stored = large_file(tmp_path)
    monkeypatch.setattr(os, "preadv", lambda *_: 0)
    with pytest.raises(DataError, match="it ends too early"):
        stored[:3]


@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_of_another_length_than_its_header_says_is_refused(
    change, tmp_path, little_memory
):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((100, 8, 8), np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[:-1] if change < 0 else content + b"x")
    with pytest.raises(DataError, match=r"claims shape .* but 6,(399|401) follow"):
        load(path)


def test_a_flipped_byte_in_a_large_npz_is_found(tmp_path, little_memory, monkeypatch):
    monkeypatch.setattr("torchsmith.data.npy_files.SMALL_BYTES", 100)
    path = tmp_path / "x.npz"
    np.savez(path, x=np.zeros((100, 8, 8), np.uint8))
    content = bytearray(path.read_bytes())
    content[3_000] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="Bad CRC"):
        load(path)


def test_what_cannot_be_read_row_by_row_says_what_to_do(tmp_path, little_memory):
    array = np.zeros((2_000, 10, 100), np.uint8)
    np.savez_compressed(tmp_path / "x.npz", x=array)
    with pytest.raises(
        DataError, match=r"2 MB.* compressed; save it with numpy.savez "
    ):
        load(tmp_path / "x.npz")
    np.save(tmp_path / "x.npy", np.asfortranarray(array))
    with pytest.raises(DataError, match=r"saved by column.*ascontiguousarray"):
        load(tmp_path / "x.npy")
    np.save(tmp_path / "t.npy", np.zeros((1_000, 10)))
    with pytest.raises(DataError, match=r"1,000 rows takes 80 KB.*2 KB that are avail"):
        load(tmp_path / "t.npy")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1000", 1000), ("2KB", 2000), ("1.5 gb", 1_500_000_000), ("3M", 3_000_000)],
)
def test_memory_is_an_amount_that_a_person_writes(text, expected, monkeypatch):
    monkeypatch.setenv("TORCHSMITH_MEMORY", text)
    assert available_memory() == expected
    assert is_large(expected)
    assert not is_large(expected // 3)


@pytest.mark.parametrize("text", ["much", "-1", "8 apples", "KB"])
def test_another_text_is_refused(text, monkeypatch):
    monkeypatch.setenv("TORCHSMITH_MEMORY", text)
    with pytest.raises(DataError, match=r"TORCHSMITH_MEMORY.*no amount of memory"):
        available_memory()


def test_the_memory_of_this_machine_is_found(monkeypatch):
    monkeypatch.delenv("TORCHSMITH_MEMORY", raising=False)
    assert 10**7 < available_memory() < 10**15
    assert amount_of(5) == "5 bytes"


PLAN = {
    "training.epochs": 2,
    "training.batch_size": 16,
    "split.val": 0.2,
    "augment": [{"RandomCrop": 10}],
}


def trained(source, runs, **settings):
    return ts.train(source, target="label", runs=runs, settings=PLAN | settings)


def test_a_run_on_data_that_does_not_fit_is_that_on_the_same_data_in_memory(
    tmp_path, monkeypatch
):
    random = np.random.default_rng(0)
    labels = np.arange(150) % 3
    array = random.integers(0, 80, (150, 12, 12, 3), np.uint8) + (labels * 80)[
        :, None, None, None
    ].astype(np.uint8)
    np.savez(tmp_path / "x.npz", x=array, y=labels)
    monkeypatch.setattr("torchsmith.data.npy_files.SMALL_BYTES", 5_000)
    inside = trained(tmp_path / "x.npz", tmp_path / "inside")
    monkeypatch.setenv("TORCHSMITH_MEMORY", "20KB")
    for module in ("data.on_disk", "data.pixels", "inspect.images"):
        # No more than 10 pictures are ever read at once.
        monkeypatch.setattr(
            import_module(f"torchsmith.{module}"), "CHUNK_BYTES", 10 * array[0].size
        )
    read, seen = [], []
    read_rows = FileArray.read
    monkeypatch.setattr(
        FileArray,
        "read",
        lambda self, rows: read.append(len(rows)) or read_rows(self, rows),
    )
    original = PreparedBatches.stream
    monkeypatch.setattr(
        PreparedBatches,
        "stream",
        lambda self, *args: seen.append(len(self)) or original(self, *args),
    )
    for num_workers in (0, 2):
        outside = trained(
            tmp_path / "x.npz",
            tmp_path / f"outside-{num_workers}",
            **{"training.num_workers": num_workers},
        )
        assert same_weights(outside.network, inside.network)
        assert outside.evaluation.scores == inside.evaluation.scores
        assert outside.evaluation.mistakes == inside.evaluation.mistakes
        assert [r.scores for r in outside.evaluation.rivals] == [
            r.scores for r in inside.evaluation.rivals
        ]
        assert outside.inspection == inside.inspection
        predicted = outside.predict(tmp_path / "x.npz").probabilities
        assert np.array_equal(
            predicted, inside.predict(tmp_path / "x.npz").probabilities
        )
    assert len(seen) == 2 * 2 * 2
    assert max(read) <= 10


WITH_LITTLE_MEMORY = """
import resource, sys
import torchsmith as ts, torch, sklearn.ensemble
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
settings = {
    "training.epochs": 1,
    "prepare": [{"ToFloat": {"scale": 255}}, {"Standardize": {}}],
    "network": {"Sequential": ["Flatten", {"Linear": 16}, "ReLU", {"Linear": 4}]},
}
run = ts.train(sys.argv[1], target="label", runs=sys.argv[2], settings=settings)
run.predict(sys.argv[1])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_a_gigabyte_is_inspected_trained_on_and_predicted_in_little_memory(tmp_path):
    count, random = 20_000, np.random.default_rng(0)
    labels = np.arange(count) % 4
    shape = (count, 128, 128, 3)
    array = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, shape)
    for first in range(0, count, 1_000):
        rows = slice(first, first + 1_000)
        shade = (60 * labels[rows]).astype(np.uint8)[:, None, None, None]
        array[rows] = random.integers(0, 60, (1_000, *shape[1:]), np.uint8) + shade
    np.savez(tmp_path / "x.npz", x=array, y=labels)
    command = [sys.executable, "-c", WITH_LITTLE_MEMORY]
    command += [str(tmp_path / "x.npz"), str(tmp_path / "runs")]
    environment = {**os.environ, "TORCHSMITH_MEMORY": "500MB"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment
    )
    assert int(done.stdout.split()[-1]) < 600_000  # KB
