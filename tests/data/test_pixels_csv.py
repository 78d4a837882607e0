import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from torchsmith.core.errors import DataError
from torchsmith.data.pixels_csv import find_layout, read_pixels_csv

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 64))
LABELS = np.array([3, 0, 9, 1, 3])
TABLE = np.column_stack([LABELS, PIXELS])


def csv(table, *, header=True, delimiter=",", end="\n") -> str:
    lines = [delimiter.join(map(str, row)) for row in table]
    if header:
        names = ["label", *(f"pixel{i}" for i in range(len(table[0]) - 1))]
        lines.insert(0, delimiter.join(names))
    return end.join(lines) + end


def read(path, content, **options):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    layout = find_layout(path, **options)
    return layout and read_pixels_csv(path, layout, **options)


@pytest.mark.parametrize(
    "content",
    [
        csv(TABLE),
        csv(TABLE, header=False),
        csv(TABLE, end="\r\n"),
        csv(TABLE, delimiter=";"),
        csv(TABLE).rstrip("\n"),
        csv(TABLE) + "\n\n",
        "\ufeff" + csv(TABLE),
        csv(TABLE).replace("pixel", "1x"),
        csv([[f'"{cell}"' for cell in row] for row in TABLE]).replace(
            '"label"', "label"
        ),
        gzip.compress(csv(TABLE).encode(), mtime=0),
    ],
)
def test_every_form_gives_the_same_pictures(tmp_path, content):
    data = read(tmp_path / "x.csv", content)
    np.testing.assert_array_equal(data.inputs.pixels.reshape(5, 64), PIXELS)
    assert data.target.values.tolist() == LABELS.tolist()
    assert data.target.name == "label"
    assert data.inputs.sizes.tolist() == [[8, 8]] * 5


def test_a_file_of_pixels_only_has_no_target(tmp_path):
    lines = csv(TABLE).replace("label,", "").splitlines()
    content = "\n".join([lines[0], *(line.split(",", 1)[1] for line in lines[1:])])
    data = read(tmp_path / "x.csv", content)
    assert data.target is None
    np.testing.assert_array_equal(data.inputs.pixels.reshape(5, 64), PIXELS)


def test_the_label_may_be_called_and_stand_otherwise(tmp_path):
    turned = np.column_stack([PIXELS, LABELS])
    header = ",".join([*(f"p{i}" for i in range(64)), "digit"])
    content = f"{header}\n{csv(turned, header=False)}"
    data = read(tmp_path / "x.csv", content, target="digit")
    assert data.target.name == "digit"
    assert data.target.values.tolist() == LABELS.tolist()
    np.testing.assert_array_equal(data.inputs.pixels.reshape(5, 64), PIXELS)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "label,a,b\n1,2,3\n",
        csv(TABLE[:, :-1]),
        csv(TABLE.astype(float)),
        csv(np.minimum(TABLE + 200, 256)),
        csv(TABLE).splitlines()[0],
        csv(TABLE).replace("label", "age").replace("pixel", "count of "),
        csv(TABLE).replace("\n", "\r"),  # of the csv module: no line at all
        b"\xff\xfe\x00",
        gzip.compress(csv(TABLE).encode(), mtime=0)[:40],
    ],
)
def test_other_files_are_left_to_the_tables(tmp_path, content):
    assert read(tmp_path / "x.csv", content) is None


@pytest.mark.parametrize("target", [None, "age"])
def test_small_whole_numbers_that_are_not_called_pixels_are_a_table(tmp_path, target):
    content = csv(TABLE).replace("label", "age").replace("pixel", "answer to ")
    assert read(tmp_path / "x.csv", content, target=target) is None


@pytest.mark.parametrize("name", ["1x", "px_", "pixel_0_", "X1.", "0.", ""])
def test_pixels_are_called_in_several_ways(tmp_path, name):
    content = csv(TABLE).replace("pixel", name)
    assert read(tmp_path / "x.csv", content).target.values.tolist() == LABELS.tolist()


def test_the_kind_that_is_asked_for_decides(tmp_path):
    survey = tmp_path / "survey.csv"
    survey.write_text(csv(TABLE).replace("label", "age").replace("pixel", "answer to "))
    assert find_layout(survey, target="age", kind="images").label == 0
    last = np.column_stack([PIXELS // 20, LABELS])
    survey.write_text(csv(last, header=False))
    assert find_layout(survey, target="column_65") is None
    assert find_layout(survey, target="column_65", kind="images").label == 64
    digits = tmp_path / "digits.csv"
    digits.write_text(csv(TABLE))
    assert find_layout(digits, kind="table") is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("7,", "7x,", r"line 300, column 'pixel1': '7x' is no pixel"),
        ("7,", "256,", r"line 300, column 'pixel1': '256' is no pixel"),
        ("7,", "-1,", r"line 300, column 'pixel1': '-1'"),
        ("7,", "0.5,", r"line 300, column 'pixel1': '0.5'"),
        ("7,", ",", r"line 300, column 'pixel1': ''"),
        ("7,", "", r"line 300: 64 cells, but the first line has 65"),
        ("7,", "7,7,", r"line 300: 66 cells"),
        ("7,", "7\n", r"line 300: 3 cells"),
        ("5,6,", "x,6,", r"column 'label': 'x' is no label"),
    ],
)
def test_a_malformed_cell_is_placed(tmp_path, old, new, message):
    lines = csv(np.tile(TABLE, (100, 1))).splitlines()
    whole = "5,6,7," + ",".join(["8"] * 62)
    lines[299] = whole.replace(old, new, 1)
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path / "x.csv", "\n".join(lines))
    assert "\n" not in str(caught.value)


def test_numbers_that_are_written_otherwise_are_still_exact(tmp_path):
    lines = csv(np.tile(TABLE, (100, 1))).splitlines()
    lines[400] = ",".join(["4.0", " 17", "1e2", *["8"] * 62])
    data = read(tmp_path / "x.csv", "\n".join(lines))
    assert data.inputs.pixels.reshape(500, 64)[399, :3].tolist() == [17, 100, 8]
    assert data.target.values[399] == 4


@given(
    arrays.arrays(np.int64, (3, 65), elements=st.integers(0, 255)),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_written_is_read(tmp_path_factory, table, end):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    data = read(path, csv(table, end=end))
    np.testing.assert_array_equal(data.inputs.pixels.reshape(3, 64), table[:, 1:])
    assert data.target.values.tolist() == table[:, 0].tolist()


def test_chunks_end_anywhere(tmp_path, monkeypatch):
    expected = read(tmp_path / "x.csv", csv(TABLE))
    monkeypatch.setattr("torchsmith.data.pixels_csv._CHUNK", 37)
    data = read(tmp_path / "x.csv", csv(TABLE))
    assert data.fingerprint == expected.fingerprint


def test_lines_are_counted_across_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr("torchsmith.data.pixels_csv._CHUNK", 370)
    lines = csv(np.tile(TABLE, (100, 1))).splitlines()
    lines[299] = "x" + lines[299]
    with pytest.raises(DataError, match="line 300, column 'label'"):
        read(tmp_path / "x.csv", "\n".join(lines))
