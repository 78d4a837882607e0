import shutil

import numpy as np
import pytest
from PIL import Image

from torchsmith.core.errors import DataError, PlanError
from torchsmith.core.observer import Observer
from torchsmith.data.data import Series
from torchsmith.data.load import load


@pytest.fixture(autouse=True)
def _no_data_folders(monkeypatch, tmp_path):
    monkeypatch.delenv("TORCHSMITH_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_csv_file_is_a_table(tmp_path):
    (tmp_path / "a.csv").write_text("size,price\n1,10\n2,30\n3,20\n")
    data = load(tmp_path / "a.csv", target="price")
    assert data.kind == "table"
    assert data.source == str(tmp_path / "a.csv")
    assert data.target.values.tolist() == [10, 30, 20]


def test_a_csv_file_of_pixels_is_pictures(tmp_path):
    table = np.random.default_rng(0).integers(0, 256, (3, 65))
    lines = [",".join(["label", *(f"p{i}" for i in range(64))])]
    lines += [",".join(map(str, row)) for row in table.tolist()]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    assert load(tmp_path / "a.csv").inputs.pixels.shape == (3, 8, 8, 1)
    asked = load(tmp_path / "a.csv", target="label", kind="table")
    assert asked.kind == "table"
    assert len(asked.inputs.columns) == 64


def test_content_counts_and_not_the_ending(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 3, 4), np.uint8))
    (tmp_path / "a.npy").rename(tmp_path / "a.csv")
    assert load(tmp_path / "a.csv").kind == "images"
    Image.new("L", (2, 2)).save(tmp_path / "b.png")
    (tmp_path / "b.png").rename(tmp_path / "b.data")
    assert load(tmp_path / "b.data").inputs.names == ("b.data",)


def test_a_folder_of_arrays_or_pictures_is_told_by_what_it_holds(tmp_path):
    np.savez(tmp_path / "train.npz", x=np.zeros((2, 3, 4), np.uint8), y=[0, 1])
    assert load(tmp_path).reading["format"] == "arrays"
    (tmp_path / "pets" / "cat").mkdir(parents=True)
    Image.new("L", (2, 2)).save(tmp_path / "pets" / "cat" / "1.png")
    assert load(tmp_path / "pets", target="animal").target.name == "animal"


def test_a_folder_of_tables_lists_them(tmp_path):
    for name in ("a.csv", "b.csv.gz"):
        (tmp_path / name).write_text("x\n1\n")
    with pytest.raises(DataError, match=r"folder of 2 files \(a\.csv, b\.csv\.gz\)"):
        load(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="is an empty folder"):
        load(tmp_path / "empty")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.xlsx", "save the sheet as CSV"),
        ("a.zip", "unpack it"),
        ("a.tar.gz", "unpack it"),
        ("a.json", "save it as CSV"),
        ("a.pkl", "never opened"),
        ("A.PT", "never opened"),
        ("a.h5", "numpy.savez"),
        ("a.mp4", "not read"),
    ],
)
def test_formats_that_are_not_read_are_refused_with_what_to_do(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"PK\x03\x04 content")
    with pytest.raises(DataError, match=message):
        load(tmp_path / name)


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"")
    with pytest.raises(DataError, match=r"a\.csv: is empty \(0 bytes\)"):
        load(tmp_path / "a.csv")


def test_a_misspelt_file_or_set_gets_the_nearest_names(tmp_path):
    (tmp_path / "housing.csv").write_text("x\n1\n")
    with pytest.raises(DataError, match=r"no such file.*did you mean 'housing\.csv'"):
        load(tmp_path / "housin.csv")
    with pytest.raises(DataError, match="did you mean 'iris'"):
        load("irsi")
    with pytest.raises(DataError, match="known sets are digits, iris"):
        load("qqqq")
    with pytest.raises(DataError, match="there is no folder"):
        load(tmp_path / "no" / "x.csv")


@pytest.mark.parametrize("source", ["", "  ", 5, None, b"x"])
def test_what_names_nothing_is_refused(source):
    with pytest.raises(DataError, match=r"names nothing|is no source"):
        load(source)


def test_a_path_wins_over_a_known_set_and_this_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "iris").write_text("a,b\n1,2\n3,4\n")
    data = load("iris")
    assert len(data) == 2
    assert "rename it" in data.reading["name"]


def test_a_folder_that_is_a_copy_of_a_set_is_read_as_this_set(
    shared_data, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(shared_data / "adult", tmp_path / "adult")
    assert len(load("adult")) == 48_842


def test_arrays_become_data():
    pictures = load((np.zeros((2, 3, 4), np.uint8), [0, 1]))
    assert pictures.inputs.pixels.shape == (2, 3, 4, 1)
    table = load((np.eye(2), np.array(["a", "b"], dtype=object)), target="kind")
    assert table.target.name == "kind"
    assert table.target.texts() == ["a", "b"]
    with pytest.raises(DataError, match="y: holds int, str"):
        load((np.eye(2), np.array([1, "b"], dtype=object)))
    with pytest.raises(DataError, match="X: rows differ in length"):
        load(([[[1, 2], [3]], [4]], [0, 1]))


def test_examples_of_another_shape_are_named():
    rows = [[1, 2], [3], [4, 5]]
    with pytest.raises(DataError, match=r"most have \(2,\), but 1 has \(1,\) \(0 = fi"):
        load((rows, [0, 1, 0]))
    colour = [np.zeros((4, 5, 3), np.uint8) for _ in range(4)]
    mixed = np.empty(4, dtype=object)
    mixed[:] = colour
    assert load((mixed, [0, 1, 0, 1])).inputs.channels == 3
    mixed[2] = colour[2][..., 0]
    for pictures in (mixed, list(mixed)):
        with pytest.raises(DataError, match=r"\(4, 5, 3\), but 2 has \(4, 5\)"):
            load((pictures, [0, 1, 0, 1]))


def test_columns_and_frames_become_tables():
    columns = {"size": [1, 2, 3], "kind": ["a", "b", "a"]}
    assert load(columns, target="kind").target.texts() == ["a", "b", "a"]

    class Frame(dict):
        columns = ("size",)

    frame = Frame(size=np.array([1.0, 2.0]))
    data = load((frame, [5, 6]))
    assert data.target.name == "y"
    assert list(data.inputs.columns) == ["size"]
    with pytest.raises(DataError, match="already has a column 'size'"):
        load((frame, [5, 6]), target="size")


def test_a_frame_with_labels_beside_it_is_read_as_is_asked():
    class Frame(dict):
        columns = ("size",)

    frame = Frame(size=np.array([1.0, 2.0, 1.0]))
    labels = np.array([5, 6, np.nan])
    data = load((frame, labels), roles={"size": "category"}, drop_missing_target=True)
    assert len(data) == 2
    assert data.inputs.columns["size"].texts() == ["1", "2"]


def test_columns_of_steps_in_memory_are_what_is_asked():
    rows = {"who": ["a", "a"], "when": [1, 2], "x": ["007", "011"]}
    series = Series(id="who", time="when")
    data = load(rows, series=series, roles={"x": "number"})
    assert data.inputs.values.tolist() == [[7], [11]]


def test_damaged_pictures_are_skipped_when_asked(tmp_path):
    (tmp_path / "cat").mkdir()
    Image.new("L", (2, 2)).save(tmp_path / "cat" / "1.png")
    (tmp_path / "cat" / "2.png").write_bytes(b"")
    with pytest.raises(DataError, match="1 of 2 pictures"):
        load(tmp_path)
    assert len(load(tmp_path, skip_damaged=True)) == 1


class Recorder(Observer):
    def __init__(self):
        self.told = []

    def stage(self, title, total=None):
        self.told.append((title, total))


def test_reading_is_told_to_the_observer(shared_data):
    recorder = Recorder()
    load(shared_data / "catdog", observer=recorder)
    assert recorder.told == [("Checking pictures", 96)]


def test_a_name_that_no_file_can_have_is_refused():
    with pytest.raises(DataError, match="File name too long"):
        load("x" * 300)


def test_a_sign_for_a_home_folder_may_begin_a_file_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="no such file, folder or set: ~nobody"):
        load("~nobody.csv")
    (tmp_path / "~nobody.csv").write_text("size,price\n1,10\n2,30\n")
    assert len(load("~nobody.csv")) == 2


def test_settings_of_a_table_in_time_are_refused_of_what_is_none(tmp_path):
    series = Series(id="who", time="day", window=3)
    folder = tmp_path / "pictures" / "cat"
    folder.mkdir(parents=True)
    Image.new("L", (2, 2)).save(folder / "1.png")
    np.savez(tmp_path / "vol.npz", x=np.zeros((2, 9, 9, 9)), y=[0, 1])
    np.savez(tmp_path / "seq.npz", values=np.zeros((5, 1)), lengths=[2, 3], y=[0, 1])
    told = "data.id, data.time, data.window: are for tables with a row for each step"
    for name, held in (
        ("pictures", "images"),
        ("vol.npz", "volumes"),
        ("seq.npz", "sequences"),
    ):
        with pytest.raises(PlanError, match=rf"{told}, but .* holds {held}; leave"):
            load(tmp_path / name, series=series)
        with pytest.raises(PlanError, match=f"holds {held}"):
            load(load(tmp_path / name), series=series)
    with pytest.raises(PlanError, match=r"data\.time: is for .* but iris is read as a"):
        load("iris", series=Series(time="day"))
