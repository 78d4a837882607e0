import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchsmith.core.errors import DataError
from torchsmith.data.load import load

HEADER = "#a comment\n@problemName A\n@timeStamps false\n@classLabel true a b\n"


def _write(folder, content, name="A_TRAIN.ts"):
    path = folder / name
    path.write_text(content)
    return path


def test_channels_and_labels_stand_between_colons(tmp_path):
    data = load(_write(tmp_path, HEADER + "@data\n1,2,3:4,5,6:a\n\n7,8:9,10:b\n"))
    assert data.kind == "sequences"
    assert data.inputs.at(0).tolist() == [[1, 4], [2, 5], [3, 6]]
    assert data.inputs.at(1).tolist() == [[7, 9], [8, 10]]
    assert data.target.texts() == ["a", "b"]
    assert data.inputs.names == ("line 6", "line 8")


def test_quantities_and_files_without_labels_are_read(tmp_path):
    data = load(_write(tmp_path, "@targetLabel true\n@data\n1,2:0.5\n3,4:2\n"))
    assert data.target.values.tolist() == [0.5, 2]
    data = load(_write(tmp_path, "@classLabel false\n@data\n1,2\n3,4\n"))
    assert data.target is None


def test_a_question_mark_is_a_missing_value(tmp_path):
    data = load(_write(tmp_path, HEADER + "@missing true\n@data\n1,?,3:a\n1,2:b\n"))
    assert np.isnan(data.inputs.values[:, 0]).tolist() == [False, True, *[False] * 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("@dimensions 2\n@data\n1,2:a\n", r"line 7: 1 channels, but @dimensions says"),
        ("@univariate true\n@data\n1:2:a\n", r"line 7: 2 channels, but @dimensions"),
        ("@univariate true\n@dimensions 2\n@data\n1:2:a\n", "@univariate true, but"),
        ("@data\n1:2:a\n1:a\n", "line 7: 1 channels, but the first line has 2"),
        ("@equalLength true\n@data\n1,2:a\n1:a\n", "line 8: 1 steps.*@equalLength"),
        ("@seriesLength 3\n@data\n1,2:a\n", "line 7: 2 steps, but by @seriesLength"),
        ("@missing false\n@data\n1,?:a\n", "line 7: step 1 of channel 0 is missing"),
        ("@data\n1,2:c\n", "line 6: the class 'c' is not among"),
        ("@data\n1,2:3:a\n", "line 6: channel 1 has 1 steps, channel 0 has 2"),
        ("@data\n1,x:a\n", "line 6: step 1 of channel 0 is 'x', no number"),
        ("@data\na\n", "line 6: holds a label only"),
        ("@data\n:a\n", r"1 of 1 sequences have no steps \(line 6\)"),
        ("@data\n", "holds no sequences"),
        ("@data\n?,?:a\n", r"have no value at all, all are missing \(line 6\)"),
        ("@timeStamps true\n@data\n(0,1):a\n", "@timeStamps true is not read"),
        ("@targetLabel true\n@data\n1:2\n", "a class or a quantity, not both"),
        ("@classLable true a\n@data\n", "not a header of .ts; did you mean 'classla"),
        ("@dimensions no\n@data\n", "line 5: @dimensions is 'no'"),
        ("@missing 1\n@data\n", "@missing is '1'; it must be true or false"),
        ("1,2:a\n", "line 5: '1,2:a' stands before @data"),
        ("", "has no line @data"),
    ],
)
def test_a_header_that_contradicts_its_data_is_named(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        load(_write(tmp_path, HEADER + content))


def test_a_class_label_line_without_classes_is_refused(tmp_path):
    with pytest.raises(DataError, match="names no classes"):
        load(_write(tmp_path, "@classLabel true\n@data\n1:a\n"))


def test_a_label_that_is_no_quantity_is_refused(tmp_path):
    with pytest.raises(DataError, match="'up' is no number, as @targetLabel says"):
        load(_write(tmp_path, "@targetLabel true\n@data\n1:up\n"))


_NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.integers(1, 3), st.data())
def test_what_is_written_is_read_again(tmp_path_factory, channels, draw):
    lengths = draw.draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    items = [
        draw.draw(
            st.lists(
                st.lists(_NUMBERS, min_size=length, max_size=length),
                min_size=channels,
                max_size=channels,
            )
        )
        for length in lengths
    ]
    lines = [":".join(",".join(map(str, c)) for c in item) + ":a" for item in items]
    folder = tmp_path_factory.mktemp("ts")
    data = load(_write(folder, HEADER + "@data\n" + "\n".join(lines)))
    assert data.inputs.lengths.tolist() == lengths
    for place, item in enumerate(items):
        assert data.inputs.at(place).T.tolist() == item


@pytest.mark.parametrize(
    ("name", "counts", "channels", "lengths", "classes"),
    [
        ("BasicMotions", (40, 40), 6, (100, 100), 4),
        ("JapaneseVowels", (270, 370), 12, (7, 29), 9),
    ],
)
def test_sets_of_several_channels_are_read(
    shared_data, name, counts, channels, lengths, classes
):
    data = load(shared_data / "ucr" / name)
    assert np.bincount(data.given)[[0, 2]].tolist() == list(counts)
    assert len(data.inputs.channels) == channels
    assert (data.inputs.lengths.min(), data.inputs.lengths.max()) == lengths
    assert len(data.target.levels) == classes
