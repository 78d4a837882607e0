import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchsmith.core.errors import DataError
from torchsmith.data.load import load


def _save(folder, **arrays):
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def test_values_and_lengths_are_ragged_sequences(tmp_path):
    path = _save(
        tmp_path,
        values=np.arange(10.0).reshape(5, 2),
        lengths=[2, 3],
        labels=[1, 0],
        classes=["sit", "walk"],
        channels=["x", "y"],
        subjects=["f1", "m1"],
        weights=[50.5, 60],
        files=["b.txt", "a.txt"],
        rate=np.array(32),
    )
    data = load(path)
    sequences = data.inputs
    assert data.kind == "sequences"
    assert sequences.at(1).tolist() == [[4, 5], [6, 7], [8, 9]]
    assert sequences.channels == ("x", "y")
    assert sequences.names == ("b.txt", "a.txt")
    assert sequences.columns["subjects"].texts() == ["f1", "m1"]
    assert sequences.columns["weights"].values.tolist() == [50.5, 60]
    assert data.target.texts() == ["walk", "sit"]
    assert data.reading["not_used"] == "rate"
    assert data.reading["no inputs"] == "subjects, weights"


def test_an_array_called_sequences_has_channels_before_steps(tmp_path):
    array = np.arange(24.0).reshape(2, 3, 4)
    data = load(_save(tmp_path, sequences=array, y=[0, 1]))
    assert data.inputs.at(1).T.tolist() == array[1].tolist()
    flat = load(_save(tmp_path, sequences=array[:, 0], y=[0, 1]))
    assert flat.inputs.at(1).T.tolist() == [array[1, 0].tolist()]


def test_arrays_of_other_names_are_sequences_where_asked(tmp_path):
    path = _save(
        tmp_path, x_train=np.eye(4), y_train=[0, 1, 0, 1], x_test=np.eye(4)[:1]
    )
    with pytest.raises(DataError, match="has no labels"):
        load(path, kind="sequences")
    path = _save(tmp_path, x=np.eye(4), y=[0, 1, 0, 1])
    assert load(path).kind == "table"
    assert load(path, kind="sequences").inputs.lengths.tolist() == [4] * 4


def test_parts_and_padding_are_taken_apart(tmp_path):
    padded = np.arange(12.0).reshape(2, 2, 3)
    path = _save(
        tmp_path,
        sequences_train=padded,
        lengths_train=[3, 1],
        y_train=[0, 1],
        person_train=["a", "b"],
        sequences_test=padded[:1],
        lengths_test=[2],
        y_test=[1],
        person_test=["c"],
    )
    data = load(path)
    assert data.given.tolist() == [0, 0, 2]
    assert data.inputs.lengths.tolist() == [3, 1, 2]
    assert data.inputs.at(1).T.tolist() == [[6], [9]]
    assert data.inputs.columns["person"].texts() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"values": np.zeros((5, 2)), "lengths": [2, 2]},
            r"array 'values': shape \(5, 2\), but the 2 lengths add up to 4 steps",
        ),
        ({"values": np.zeros(2), "lengths": [2, 0]}, "1 of 2 sequences have no steps"),
        ({"values": np.zeros(2), "lengths": [3, -1]}, "length of sequence 1 is -1"),
        ({"values": np.zeros(2), "lengths": [1.0, 1.0]}, "must be whole numbers"),
        ({"sequences": np.zeros((2, 1, 3)), "lengths": [2, 4]}, "lengths up to 4"),
        ({"sequences": np.zeros(3)}, r"shape \(3,\) is not understood"),
        ({"lengths": [1, 2]}, "no array of sequences among lengths"),
        ({"sequences": np.zeros((0, 1, 3))}, "holds no sequences"),
        ({"sequences": np.array([["a"]])}, "values are of type <U1"),
        (
            {"sequences": np.array([[0, 1], [np.inf, 1]])},
            "first: sequence 1, step 0, channel 0",
        ),
        (
            {"sequences": np.zeros((2, 3, 4)), "channels": ["a", "b", "c", "d"]},
            "4 names for 3 channels.*channels before steps",
        ),
        ({"sequences": np.zeros((2, 3)), "y": [1]}, "2 inputs, but labels of shape"),
        (
            {
                "sequences_train": np.zeros((2, 1, 3)),
                "sequences_test": np.zeros((2, 3, 3)),
            },
            "the parts differ in their channels",
        ),
        ({"sequences_test": np.zeros((2, 3))}, "but none to train on"),
        (
            {
                "sequences_train": np.zeros((2, 3)),
                "person_train": ["a", "b"],
                "sequences_test": np.zeros((2, 3)),
            },
            "differ in what they say of each sequence",
        ),
    ],
)
def test_arrays_that_make_no_sequences_are_refused(tmp_path, arrays, message):
    with pytest.raises(DataError, match=message):
        load(_save(tmp_path, **arrays))


def test_whole_numbers_that_are_rounded_are_counted(tmp_path):
    data = load(_save(tmp_path, sequences=np.array([[2**24 + 1, 5]])))
    (change,) = data.changes
    assert (change.count, "rounded to float32" in change.what) == (1, True)


def test_arrays_from_python_are_sequences_where_asked():
    array = np.arange(24.0).reshape(2, 3, 4)
    data = load((array, ["a", "b"]), kind="sequences")
    assert data.inputs.at(1).T.tolist() == array[1].tolist()
    assert data.target.texts() == ["a", "b"]
    ragged = load([array[0], array[1, :, :2]], kind="sequences")
    assert ragged.inputs.lengths.tolist() == [4, 2]
    assert load([[1, 2, 3], [4]], kind="sequences").inputs.lengths.tolist() == [3, 1]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            [np.zeros((2, 5)), np.zeros((4, 2))],
            r"sequence 1: shape \(4, 2\).*2 channels",
        ),
        ([[[1, 2], [3]]], "sequence 0: its channels differ in length"),
        ([np.zeros((1, 2, 3))], r"shape \(1, 2, 3\)"),
        ([[1, 2], []], "1 of 2 sequences have no steps"),
        ([], "holds no sequences"),
        (7, "holds no sequences"),
        (np.zeros((2, 3, 4, 5)), "is not understood"),
        (["ab", ""], "1 of 2 sequences have no steps"),
        (["a\ud800"], "half of a character"),
    ],
)
def test_objects_that_are_no_sequences_are_refused(inputs, message):
    with pytest.raises(DataError, match=message):
        load(inputs, kind="sequences")


@given(st.lists(st.integers(1, 6), min_size=1, max_size=8), st.integers(1, 3))
def test_lengths_cut_the_values_as_they_were_joined(
    tmp_path_factory, lengths, channels
):
    values = np.arange(sum(lengths) * channels, dtype=np.float32)
    values = values.reshape(-1, channels)
    pieces = np.split(values, np.cumsum(lengths)[:-1])
    folder = tmp_path_factory.mktemp("npz")
    stored = load(_save(folder, values=values, lengths=lengths))
    given = load([piece.T for piece in pieces], kind="sequences")
    for data in (stored, given):
        assert data.inputs.lengths.tolist() == lengths
        for place, piece in enumerate(pieces):
            assert data.inputs.at(place).tolist() == piece.tolist()
    assert stored.fingerprint == given.fingerprint


def test_recordings_of_people_are_read_with_their_person(shared_data):
    data = load(shared_data / "hmp" / "hmp_wrist_accelerometer.npz")
    assert (len(data), data.inputs.values.shape) == (839, (446_529, 3))
    assert (data.inputs.lengths.min(), data.inputs.lengths.max()) == (125, 9318)
    assert len(data.inputs.columns["subjects"].levels) == 16
    assert len(data.target.levels) == 14
