import gzip
import hashlib
import io
import tarfile
import threading
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from torchsmith.core.errors import DataError
from torchsmith.core.observer import Observer
from torchsmith.data.catalog import ENTRIES, NAMES, RemoteFile, entries, entry_named
from torchsmith.data.catalog_sets import derive_california, obtain, read_set


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.delenv("TORCHSMITH_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "torchsmith"


@pytest.fixture
def at_hand(monkeypatch, shared_data):
    monkeypatch.setenv("TORCHSMITH_DATA", f"/nowhere:{shared_data}")
    return shared_data


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def publishing(entry, folder, contents):
    """Give the entry with its files served from a folder on this machine."""
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    handler = partial(Quiet, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        base = f"http://127.0.0.1:{server.server_port}"
        remote = tuple(
            RemoteFile(f"{base}/{n}", n, sha256=hashlib.sha256(c).hexdigest())
            for n, c in contents.items()
        )
        try:
            yield replace(entry, remote=remote)
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "entry", [e for e in ENTRIES if not e.folder], ids=lambda e: e.name
)
def test_built_in_sets_need_no_network(entry):
    data = read_set(entry)
    assert (data.kind, len(data), data.target.name) == (
        entry.kind,
        *entry.rows,
        entry.target,
    )
    assert data.fingerprint == read_set(entry).fingerprint


def test_digits_keep_their_values_from_0_to_16():
    data = read_set(entry_named("digits"))
    assert data.inputs.pixels.shape == (1797, 8, 8, 1)
    assert data.inputs.pixels.dtype == np.uint8
    assert data.reading["pixel_range"] == "0..16"
    assert data.reading["pixel_max"] == "16"
    assert data.target.values[:4].tolist() == [0, 1, 2, 3]


def test_built_in_tables_have_named_columns_and_classes():
    data = read_set(entry_named("breast-cancer"))
    assert "mean radius" in data.inputs.columns
    assert sorted(data.target.levels) == ["benign", "malignant"]
    diabetes = read_set(entry_named("Diabetes"))
    assert diabetes.inputs.columns["age"].values[:2].tolist() == [59, 48]
    assert diabetes.target.values[:2].tolist() == [151, 75]


def test_another_column_can_be_the_target():
    data = read_set(entry_named("iris"), target="petal width (cm)")
    assert data.target.kind == "number"
    assert "species" in data.inputs.columns
    with pytest.raises(DataError, match=r"no column 'specis'.*'species'"):
        read_set(entry_named("iris"), target="specis")


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("mnist", ()),
        ("california_housing", ()),
        ("car_evaluation", ("unacc", "acc", "vgood", "good")),
        ("adult", ("<=50K", ">50K")),
    ],
)
def test_local_copies_are_found_and_whole(at_hand, name, levels):
    entry = entry_named(name)
    data = read_set(entry)
    assert data.kind == entry.kind
    counts = [len(data)] if data.given is None else np.bincount(data.given)
    assert tuple(c for c in counts if c) == entry.rows
    assert data.target.name == entry.target
    assert data.target.levels == levels
    assert data.source == name
    assert data.reading["found"].startswith(str(at_hand))


def test_the_parts_of_adult_are_read_alike(at_hand):
    data = read_set(entry_named("adult"))
    work = data.inputs.columns["workclass"]
    assert work.missing.sum() == 1836 + 963
    assert work.texts(slice(32_561, 32_563)) == ["Private", "Private"]
    missing = {c.what: c.count for c in data.changes if c.column == "workclass"}
    assert missing == {
        "'?' read as missing in adult_train.csv": 1836,
        "'?' read as missing in adult_test.csv": 963,
    }


def adult_files(folder):
    """Return rows of the set as the publisher writes them."""
    files = {}
    for name, part in (("adult.data", "train"), ("adult.test", "test")):
        lines = (folder / "adult" / f"adult_{part}.csv").read_text().splitlines()[1:]
        lines = [line.replace(",", ", ") for line in lines]
        if part == "test":
            lines = ["|1x3 Cross validator", *(f"{line}." for line in lines), ""]
        files[name] = "\n".join([*lines, ""]).encode()
    return files


def test_adult_as_published_is_the_same_data(at_hand, monkeypatch, tmp_path):
    local = read_set(entry_named("adult"))
    monkeypatch.delenv("TORCHSMITH_DATA")
    entry = entry_named("adult")
    with publishing(entry, tmp_path, adult_files(at_hand)) as published:
        data = read_set(published)
    assert data.fingerprint == local.fingerprint
    assert data.target.levels == ("<=50K", ">50K")
    (change,) = [c for c in data.changes if c.column == "income"]
    assert change.count == 16_281
    assert change.lines[:2] == (2, 3)


def test_california_as_published_is_the_same_data(at_hand, monkeypatch, tmp_path):
    raw = gzip.decompress((at_hand / "california" / "cal_housing.data.gz").read_bytes())
    raw = raw.split(b"\n", 1)[1]  # the publisher has no header
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        info = tarfile.TarInfo("CaliforniaHousing/cal_housing.data")
        info.size = len(raw)
        tar.addfile(info, io.BytesIO(raw))
    local = read_set(entry_named("california_housing"))
    monkeypatch.delenv("TORCHSMITH_DATA")
    contents = {"cal_housing.tgz": archive.getvalue()}
    with publishing(entry_named("california_housing"), tmp_path, contents) as entry:
        data = read_set(entry)
    for name, column in local.inputs.columns.items():
        np.testing.assert_allclose(
            data.inputs.columns[name].values, column.values, rtol=1e-12
        )
    np.testing.assert_allclose(data.target.values, local.target.values)


def test_ratios_are_per_household():
    text = derive_california(b"-122.23,37.88,41,880,129,322,126,8.3252,452600\n")
    names, row = (line.split(",") for line in text.splitlines())
    assert dict(zip(names, map(float, row), strict=True)) == {
        "MedInc": 8.3252,
        "HouseAge": 41,
        "AveRooms": 880 / 126,
        "AveBedrms": 129 / 126,
        "Population": 322,
        "AveOccup": 322 / 126,
        "Latitude": 37.88,
        "Longitude": -122.23,
        "MedHouseVal": 4.526,
    }


def test_a_set_is_downloaded_once(at_hand, monkeypatch, tmp_path, cache):
    lines = (at_hand / "car" / "car_evaluation.csv").read_bytes()
    contents = {"car.data": lines.split(b"\n", 1)[1]}
    assert hashlib.sha256(contents["car.data"]).hexdigest() == (
        entry_named("car_evaluation").remote[0].sha256
    )
    monkeypatch.delenv("TORCHSMITH_DATA")
    with publishing(entry_named("car_evaluation"), tmp_path, contents) as entry:
        first = read_set(entry)
    assert read_set(entry).fingerprint == first.fingerprint
    assert (cache / "car" / "car_evaluation.csv").read_bytes() == lines


def test_without_network_the_message_says_which_file_to_put_where(monkeypatch):
    unreachable = RemoteFile("http://127.0.0.1:9/car.data", "car.data", sha256="0")
    entry = replace(entry_named("car_evaluation"), remote=(unreachable,))
    with pytest.raises(DataError) as caught:
        obtain(entry, Observer())
    message = str(caught.value)
    assert "put car_evaluation.csv into a folder 'car'" in message
    assert "TORCHSMITH_DATA is not set" in message
    assert "\n" not in message
    monkeypatch.setenv("TORCHSMITH_DATA", "/nowhere:/else")
    with pytest.raises(DataError, match="looked in /nowhere/car, /else/car"):
        obtain(entry, Observer())


def test_a_local_copy_with_other_rows_is_refused(monkeypatch, tmp_path):
    (tmp_path / "car").mkdir()
    (tmp_path / "car" / "car_evaluation.csv").write_text("a,output\n1,x\n2,y\n")
    monkeypatch.setenv("TORCHSMITH_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"holds \[2\] rows, but .* has \[1728\]"):
        read_set(entry_named("car_evaluation"))


def test_fashion_has_class_names(monkeypatch, tmp_path):
    folder = tmp_path / "fashion_mnist"
    folder.mkdir()
    for part, count in (("train", 60_000), ("t10k", 10_000)):
        size = count.to_bytes(4, "big")
        images = b"\0\0\x08\x03" + size + b"\0\0\0\x01\0\0\0\x01" + bytes(count)
        labels = b"\0\0\x08\x01" + size + bytes(range(10)) * (count // 10)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(images)
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    monkeypatch.setenv("TORCHSMITH_DATA", str(tmp_path))
    data = read_set(entry_named("fashion_mnist"))
    assert data.target.texts(slice(0, 2)) == ["T-shirt/top", "Trouser"]


def test_the_list_says_where_each_set_is(at_hand):
    states = {listing.entry.name: listing for listing in entries()}
    assert tuple(states) == NAMES
    assert states["iris"].state == "built in"
    assert states["mnist"].path == at_hand / "mnist"
    assert states["fashion_mnist"].state == "to download"
    assert states["fashion_mnist"].size == 30_878_645


@pytest.mark.parametrize(
    "entry", [e for e in ENTRIES if e.folder], ids=lambda e: e.name
)
def test_every_download_has_a_hash_and_every_entry_is_described(entry):
    for file in entry.remote:
        assert len(file.sha256) == 64 or len(file.md5) == 32
    assert all((entry.about, entry.publisher, entry.licence, entry.target, entry.local))
