"""Folders of pictures that do not fit into memory are decoded once."""

import errno

import numpy as np
import pytest
from PIL import Image

import torchsmith as ts
from tests.train.jobs import same_weights
from torchsmith.core.errors import DataError, TrainError
from torchsmith.core.files import append
from torchsmith.core.observer import Observer
from torchsmith.data.load import load
from torchsmith.data.on_disk import OnDisk
from torchsmith.data.picture_cache import decoded_once
from torchsmith.data.pictures import decode
from torchsmith.data.steps import Resize

STEPS = [Resize(height=9, width=10)]


class Heard(Observer):
    def __init__(self):
        self.stages, self.notes, self.done = [], [], []

    def stage(self, title, total=None):
        self.stages.append((title, total))

    def advance(self, done, seconds_left=None):
        self.done.append((done, seconds_left))

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """120 pictures in three classes, of two sizes; and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    for number in range(120):
        label = number % 3
        shape = (12, 14, 3) if number % 2 else (16, 12, 3)
        pixels = random.integers(0, 80, shape, np.uint8) + np.uint8(80 * label)
        folder = tmp_path / "photos" / "abc"[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "photos"


@pytest.fixture
def data(photos, monkeypatch):
    """The same, when there is little memory."""
    found = load(photos)
    monkeypatch.setenv("TORCHSMITH_MEMORY", "10KB")
    monkeypatch.setattr("torchsmith.data.picture_cache.CHUNK_BYTES", 10_000)
    return found


def the_file(tmp_path):
    (found,) = (tmp_path / "cache" / "torchsmith" / "pictures").glob("*/pixels.npy")
    return found


def test_pictures_that_fit_are_left_as_they_are(photos, tmp_path):
    data = load(photos)
    assert decoded_once(data, STEPS, Observer()) is data
    assert not (tmp_path / "cache").exists()


def test_others_are_decoded_once_and_found_again(data, tmp_path):
    first, second = Heard(), Heard()
    pixels = decoded_once(data, STEPS, first).inputs.pixels
    assert isinstance(pixels, OnDisk)
    expected = decode(data.inputs, np.arange(120), 9, 10)
    assert np.array_equal(pixels[:], expected)
    assert np.array_equal(np.load(the_file(tmp_path)), expected)
    assert first.stages == [("Decoding pictures into the cache", 120)]
    assert first.done[-1] == (120, 0)
    assert all(left is not None for _, left in first.done)
    again = decoded_once(data, STEPS, second)
    assert np.array_equal(again.inputs.pixels[:], expected)
    assert second.done == []


def test_large_arrays_are_resized_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    array = np.random.default_rng(0).integers(0, 256, (60, 12, 14, 3), np.uint8)
    np.save(tmp_path / "x.npy", array)
    inside = load(tmp_path / "x.npy")
    monkeypatch.setenv("TORCHSMITH_MEMORY", "10KB")
    outside = load(tmp_path / "x.npy")
    assert decoded_once(outside, [], Observer()) is outside
    assert decoded_once(inside, STEPS, Observer()) is inside
    resized = decoded_once(outside, STEPS, Observer()).inputs.pixels
    expected = decode(inside.inputs, np.arange(60), 9, 10)
    assert np.array_equal(resized[:], expected)
    assert np.array_equal(np.load(the_file(tmp_path)), expected)


def test_a_damaged_cache_is_told_and_made_again(data, tmp_path):
    expected = decoded_once(data, STEPS, Observer()).inputs.pixels[:]
    content = bytearray(the_file(tmp_path).read_bytes())
    content[-1] ^= 1
    the_file(tmp_path).write_bytes(content)
    heard = Heard()
    again = decoded_once(data, STEPS, heard).inputs.pixels
    assert "does not have the SHA-256" in heard.notes[0]
    assert np.array_equal(again[:], expected)


def test_a_disk_that_gets_full_leaves_nothing_behind(data, tmp_path, monkeypatch):
    def write(path, content):
        if path.exists() and path.stat().st_size > 20_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(path, content)

    monkeypatch.setattr("torchsmith.data.picture_cache.append", write)
    with pytest.raises(TrainError, match=r"the disk is full \(.* bytes free"):
        decoded_once(data, STEPS, Observer())
    assert list((tmp_path / "cache" / "torchsmith" / "pictures").iterdir()) == []


def test_a_cache_folder_that_cannot_be_made_is_told(data, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(TrainError, match="pictures: cannot be written"):
        decoded_once(data, STEPS, Observer())


def test_a_disk_without_enough_room_is_told_before_anything_is_written(
    data, monkeypatch
):
    usage = type("Usage", (), {"free": 5_000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(DataError, match=r"32.4 KB .* 5 KB are free; .* XDG_CACHE_HOME"):
        decoded_once(data, STEPS, Observer())


def test_what_a_killed_process_left_is_removed(data, tmp_path):
    decoded_once(data, STEPS, Observer())
    folder = the_file(tmp_path).parent
    left = folder.with_name(f"{folder.name}.tmp-4194305")
    folder.rename(left)
    decoded_once(data, STEPS, Observer())
    assert not left.exists()


def test_a_run_on_them_is_that_with_all_in_memory(photos, tmp_path, monkeypatch):
    settings = {"training.epochs": 2}
    inside = ts.train(photos, target="label", runs=tmp_path / "a", settings=settings)
    monkeypatch.setenv("TORCHSMITH_MEMORY", "10KB")
    outside = ts.train(photos, target="label", runs=tmp_path / "b", settings=settings)
    assert the_file(tmp_path).is_file()
    assert same_weights(outside.network, inside.network)
    assert outside.evaluation.scores == inside.evaluation.scores
    assert outside.evaluation.mistakes == inside.evaluation.mistakes
    predicted = outside.predict(photos).probabilities
    assert np.array_equal(predicted, inside.predict(photos).probabilities)
