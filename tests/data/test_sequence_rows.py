import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchsmith.core.errors import DataError
from torchsmith.data.load import load
from torchsmith.data.sequence_rows import read_rows


def _write(folder, name, *rows):
    path = folder / name
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return path


def test_a_row_is_a_label_and_the_values_of_one_sequence(tmp_path):
    path = _write(tmp_path, "A_TRAIN.tsv", [1, 0.5, 2, 3], [2, -1, 0, 4e2])
    data = load(path)
    assert data.kind == "sequences"
    assert data.inputs.at(0).tolist() == [[0.5], [2], [3]]
    assert data.inputs.at(1).tolist() == [[-1], [0], [400]]
    assert data.target.texts() == ["1", "2"]
    assert data.given is None
    assert data.inputs.name(1) == "line 2"


def test_the_two_files_of_the_archive_are_given_parts(tmp_path):
    train = _write(tmp_path, "A_TRAIN.tsv", [1, 0, 1], [2, 1, 0])
    test = _write(tmp_path, "A_TEST.tsv", [2, 5, 6])
    for source in (train, tmp_path):
        data = load(source)
        assert data.given.tolist() == [0, 0, 2]
        assert data.target.texts() == ["1", "2", "2"]
        assert data.inputs.name(2) == "A_TEST.tsv line 1"
    assert load(train).fingerprint == load(tmp_path).fingerprint
    assert len(load(test)) == 1


def test_blank_lines_are_counted(tmp_path):
    path = tmp_path / "A_TRAIN.tsv"
    path.write_text("1\t0\t1\n\n2\t1\t0\n \t\n")
    data = load(path)
    (change,) = data.changes
    assert change.what == "blank line left out (A_TRAIN.tsv)"
    assert (len(data), change.count, change.lines) == (2, 2, (2, 4))


def test_a_folder_of_several_sets_lists_them(tmp_path):
    _write(tmp_path, "A_TRAIN.tsv", [1, 0, 1])
    _write(tmp_path, "B_TRAIN.tsv", [1, 0, 1])
    with pytest.raises(DataError, match=r"2 sets \(A, B\); give a file"):
        load(tmp_path)


def test_of_a_set_in_several_formats_one_is_read_and_the_others_are_named(tmp_path):
    _write(tmp_path, "A_TRAIN.txt", [1, 9, 9])
    _write(tmp_path, "A_TRAIN.tsv", [1, 0, 1])
    (tmp_path / "README.md").write_text("about A")
    data = load(tmp_path)
    assert data.inputs.at(0)[:, 0].tolist() == [0, 1]
    assert data.reading["not_used"] == "A_TRAIN.txt, README.md"
    (tmp_path / "A_TRAIN.ts").write_text("@classLabel true a\n@data\n5,6:a\n")
    assert load(tmp_path).inputs.at(0)[:, 0].tolist() == [5, 6]


def test_a_test_part_without_training_part_is_refused(tmp_path):
    _write(tmp_path, "A_TEST.tsv", [1, 0, 1])
    with pytest.raises(DataError, match=r"A_TEST\.tsv but no A_TRAIN\.tsv"):
        load(tmp_path)


def test_rows_of_another_name_are_sequences_only_where_asked(tmp_path):
    path = _write(tmp_path, "beats.tsv", [1, 0, 1], [2, 1, 0])
    assert load(path).kind == "table"
    assert load(path, kind="sequences").inputs.lengths.tolist() == [2, 2]


def test_a_table_of_the_archives_name_is_a_table_where_asked(tmp_path):
    path = _write(tmp_path, "A_TRAIN.tsv", [1, 0, 1], [2, 1, 0], [1, 3, 4])
    assert load(path, kind="table").kind == "table"


def test_a_table_with_a_header_is_no_sequence(tmp_path):
    path = _write(tmp_path, "A_TRAIN.tsv", ["kind", "a", "b"], [1, 0, 1], [2, 1, 0])
    assert load(path).kind == "table"


@pytest.mark.parametrize("mark", ["\t", ",", " ", "  ", ", "])
def test_cells_may_be_separated_in_any_usual_way(tmp_path, mark):
    path = tmp_path / "A_TRAIN.txt"
    path.write_text("".join(mark.join(row) + "\n" for row in (["1", "2", "3"],) * 2))
    assert load(path).inputs.at(1).tolist() == [[2], [3]]


def test_missing_values_stay_missing_and_at_the_end_they_end_the_sequence(tmp_path):
    path = _write(
        tmp_path, "A_TRAIN.tsv", [1, "NaN", 2, 3], [2, 1, "NaN", "NaN"], [1, 4, 5, 6]
    )
    data = load(path)
    assert data.inputs.lengths.tolist() == [3, 1, 3]
    assert np.isnan(data.inputs.at(0)[0, 0])
    (change,) = data.changes
    assert change.lines == (2,)
    assert "read as the sequence's end" in change.what


def test_labels_that_are_not_whole_are_quantities_and_texts_are_classes(tmp_path):
    path = _write(tmp_path, "A_TRAIN.tsv", [0.5, 1, 2], [2, 1, 0])
    assert load(path).target.values.tolist() == [0.5, 2]
    path = _write(tmp_path, "A_TRAIN.tsv", ["up", 1, 2], ["down", 1, 0])
    assert load(path).target.texts() == ["up", "down"]
    path = _write(tmp_path, "A_TRAIN.tsv", ["1.0000000e+00", 1, 2], [-1, 1, 0])
    assert load(path).target.texts() == ["1", "-1"]


def test_a_row_of_the_length_that_is_known_has_no_label(tmp_path):
    path = _write(tmp_path, "new.tsv", [5, 6, 7], [8, 9, 10])
    data = read_rows([(None, path)], source="new", length=3)
    assert data.target is None
    assert data.inputs.at(0).tolist() == [[5], [6], [7]]
    labelled = read_rows([(None, path)], source="new", length=2)
    assert labelled.target.texts() == ["5", "8"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, 2, 3], [1, 2]], r"A_TRAIN\.tsv, line 2: 2 cells.*have 3"),
        ([[1, 2, 3], [1, 2, "x"]], r"A_TRAIN\.tsv, line 2: value 2 is 'x', no number"),
        ([[1, 2, 3], [1, 2, "1_0"]], r"line 2: value 2 is '1_0', no number"),
        ([[1, 2, 3], [1, "NaN", ""]], r"1 of 2 sequences have no steps.*line 2"),
        ([[1, 2, 3], [1, 2, "inf"]], r"infinite.*first: line 2, step 1, channel 0"),
        ([[1, 2, 3], [1, 2, "1e39"]], r"too large for float32.*line 2"),
    ],
)
def test_rows_that_are_no_sequence_are_refused_with_their_line(tmp_path, rows, message):
    path = _write(tmp_path, "A_TRAIN.tsv", *rows)
    with pytest.raises(DataError, match=message):
        load(path)


@given(
    st.integers(1, 6).flatmap(
        lambda length: st.lists(
            st.lists(
                st.floats(width=32, allow_nan=False, allow_infinity=False),
                min_size=length,
                max_size=length,
            ),
            min_size=1,
            max_size=6,
        )
    )
)
def test_what_is_written_as_rows_is_read_again(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("rows") / "new.tsv"
    _write(path.parent, path.name, *([i, *row] for i, row in enumerate(rows)))
    data = read_rows([(None, path)], source="new")
    assert data.inputs.values[:, 0].tolist() == [x for row in rows for x in row]
    assert data.target.texts() == [str(i) for i in range(len(rows))]


@pytest.mark.parametrize(
    ("name", "shape", "num_classes"),
    [
        ("GunPoint", (50, 150, 150), 2),
        ("ItalyPowerDemand", (67, 1029, 24), 2),
        ("SyntheticControl", (300, 300, 60), 6),
        ("SwedishLeaf", (500, 625, 128), 15),
        ("PhalangesOutlinesCorrect", (1800, 858, 80), 2),
    ],
)
def test_sets_of_the_archive_are_read_with_their_parts(
    shared_data, name, shape, num_classes
):
    data = load(shared_data / "ucr" / name)
    counts = np.bincount(data.given, minlength=3)
    assert (counts[0], counts[2], data.inputs.lengths.max()) == shape
    assert data.inputs.same_length
    assert len(data.target.levels) == num_classes


def test_the_nearest_neighbour_errs_as_published(shared_data):
    data = load(shared_data / "ucr" / "GunPoint")
    values = data.inputs.values.reshape(200, 150).astype(np.float64)
    train, test = values[data.given == 0], values[data.given == 2]
    nearest = ((test[:, None] - train) ** 2).sum(2).argmin(1)
    labels = data.target.values
    wrong = labels[data.given == 0][nearest] != labels[data.given == 2]
    assert wrong.mean() == pytest.approx(0.0867, abs=5e-5)
