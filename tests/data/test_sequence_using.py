"""New sequences: read as those of training were, whatever they look like alone."""

import os

import numpy as np
import pytest

from torchsmith.core.errors import DataError
from torchsmith.core.observer import Observer
from torchsmith.data.data import Series
from torchsmith.data.load import load
from torchsmith.data.sequence_fit import SequencePreparation, fit_sequences
from torchsmith.data.sequence_using import read_new_sequences
from torchsmith.data.steps import Standardize

HOURS = Series(time="time", window=3)
STEPS = Series(id="id", time="t")


def _write(folder, *lines, name="new.csv"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def _learned(source, target, steps=None, **options):
    inputs = load(source, target=target, **options).inputs
    return fit_sequences(inputs, [Standardize()] if steps is None else steps)


def _read(known, source, target="y", *, scored=False):
    return read_new_sequences(
        known, source, target=target, scored=scored, observer=Observer()
    )


def _hour(hour, month=1):
    return f"{1 + hour // 24:02d}/{month:02d}/2024 {hour % 24:02d}:00"


@pytest.fixture
def german(tmp_path):
    """What is known of a forecast whose file has decimal commas and days first."""
    rows = [f"{_hour(hour)};{hour % 7},512" for hour in range(24 * 20)]
    path = _write(tmp_path, "time;y", *rows, name="train.csv")
    return _learned(path, "y", series=HOURS)


def _assert_read_as_in_training(data):
    assert data.inputs.values[:3].ravel().tolist() == [13, 14, 15]
    assert data.inputs.names[0] == "2024-02-01T03:00:00"
    assert len(data) == 48 - 3 + 1


def test_numbers_and_dates_of_a_new_file_are_read_as_in_training(tmp_path, german):
    rows = [f"{_hour(hour, 2)};{13 + hour},000" for hour in range(48)]
    _assert_read_as_in_training(_read(german, _write(tmp_path, "time;y", *rows)))


def test_rows_in_memory_are_read_as_in_training(german):
    rows = [
        {"time": _hour(hour, 2), "y": f"{13 + hour},000", "place": "roof"}
        for hour in range(48)
    ]
    data = _read(german, rows)
    _assert_read_as_in_training(data)
    assert data.reading["ignored"] == "column place"


def test_a_preparation_of_an_older_run_reads_files_as_it_did(tmp_path, german):
    held = german.model_dump(exclude={"formats"})
    old = SequencePreparation.model_validate(held)
    rows = [f"{_hour(hour, 2)};{hour},5" for hour in range(48)]
    path = _write(tmp_path, "time;y", *rows)
    assert len(_read(german, path)) == 46
    assert _read(old, path).inputs.values[1] == 1.5


LONG = [
    f"{person},{step},{'yes' if (person + step) % 3 else 'no'},{step}.5,{person % 2}"
    for person in range(20)
    for step in range(5)
]


def test_a_channel_of_words_may_hold_one_of_them_alone(tmp_path):
    train = _write(tmp_path, "id,t,on,v,y", *LONG, name="train.csv")
    known = _learned(train, "y", series=STEPS)
    new = _write(tmp_path, "id,t,on,v", *(f"1,{step},no,{step}.5" for step in range(5)))
    data = _read(known, new)
    assert data.inputs.values[:, 0].tolist() == [0] * 5
    assert data.target is None


def test_new_ids_may_be_of_another_kind(tmp_path):
    train = _write(tmp_path, "id,t,on,v,y", *LONG, name="train.csv")
    known = _learned(train, "y", series=STEPS)
    rows = [f"{who},{step},no,1" for who in ("007", "b") for step in range(5)]
    data = _read(known, _write(tmp_path, "id,t,on,v", *rows))
    assert data.inputs.names == ("007", "b")


def test_the_target_of_a_new_file_is_read_as_in_training(tmp_path):
    kinds = ("no", "yes")
    rows = [f"{p},{s},{s}.5,{kinds[p % 2]}" for p in range(20) for s in range(5)]
    train = _write(tmp_path, "id,t,v,y", *rows, name="train.csv")
    known = _learned(train, "y", series=STEPS)
    new = _write(tmp_path, "id,t,v,y", *rows[:5])
    data = _read(known, new, scored=True)
    assert data.target.format == load(train, target="y", series=STEPS).target.format
    assert data.target.texts() == ["no"]


@pytest.mark.parametrize("place", [0, 2, 4])
def test_columns_without_header_are_told_though_the_target_is_absent(tmp_path, place):
    cells = [row.split(",") for row in LONG]
    first = [[row[4], *row[:4]] for row in cells]
    rows = [[*row[1 : place + 1], row[0], *row[place + 1 :]] for row in first]
    train = _write(tmp_path, *(",".join(row) for row in rows), name="train.csv")
    names = [f"column_{i}" for i in range(1, 6) if i != place + 1]
    known = _learned(
        train, f"column_{place + 1}", series=Series(id=names[0], time=names[1])
    )
    new = _write(tmp_path, *(",".join(row[:4]) for row in cells))
    data = _read(known, new, f"column_{place + 1}")
    whole = load(
        train, target=f"column_{place + 1}", series=Series(id=names[0], time=names[1])
    )
    assert np.array_equal(known.apply(data.inputs), known.apply(whole.inputs))
    few = _write(tmp_path, *(",".join(row[:3]) for row in cells))
    with pytest.raises(DataError, match="has no header and 3 columns; training had 4"):
        _read(known, few, f"column_{place + 1}")


@pytest.fixture
def wide(tmp_path):
    """What is known of a table with a row for each sequence, of 4 to 8 steps."""
    random = np.random.default_rng(0)
    rows = []
    for row in range(40):
        cells = [f"{x:.3f}" for x in random.normal(size=8)]
        cells[4 + row % 5 :] = [""] * (4 - row % 5)
        rows.append(f"{row:03d},{','.join(cells)},{'ab'[row % 2]}")
    names = ",".join(f"t{step}" for step in range(8))
    path = _write(tmp_path, f"id,{names},y", *rows, name="train.csv")
    return _learned(path, "y", kind="sequences")


def test_what_was_no_step_in_training_is_none_in_a_new_file(tmp_path, wide):
    names = ",".join(f"t{step}" for step in range(8))
    new = _write(tmp_path, f"score,id,{names}", "5,200,1,2,3,4,5,6,7,8")
    data = _read(wide, new)
    assert data.inputs.values.ravel().tolist() == [*range(1, 9)]
    assert data.reading["ignored"] == "columns score, id"


def test_a_wide_table_may_end_early_but_lacks_no_step_before(tmp_path, wide):
    new = _write(tmp_path, "t0,t1,t2", "1,2,3", "4,5,")
    assert _read(wide, new).inputs.lengths.tolist() == [3, 2]
    new = _write(tmp_path, "t0,t1,t3", "1,2,3")
    with pytest.raises(DataError, match="no column 't2'"):
        _read(wide, new)
    new = _write(tmp_path, "a,b", "1,2")
    with pytest.raises(DataError, match="no columns 't0', 't1'"):
        _read(wide, new)


def test_a_label_at_the_end_of_rows_without_header_is_no_step(tmp_path):
    rows = [f"{row / 7:.3f},{row / 5:.3f},{row},{row % 2}" for row in range(40)]
    train = _write(tmp_path, *rows, name="train.csv")
    known = _learned(train, "column_4", kind="sequences")
    scored = _read(known, _write(tmp_path, *rows[:3]), "column_4", scored=True)
    assert scored.target.values.tolist() == [0, 1, 0]
    assert scored.inputs.values[:, 0][3:6] == pytest.approx([0.143, 0.2, 1])
    alone = [row.rpartition(",")[0] for row in rows[:3]]
    data = _read(known, _write(tmp_path, *alone), "column_4")
    assert np.array_equal(data.inputs.values, scored.inputs.values)


def _save(folder, values, channels=None):
    names = {} if channels is None else {"channels": np.array([*channels])}
    labels = np.arange(len(values)) % 2
    np.savez(folder / "a.npz", sequences=values, labels=labels, **names)
    return folder / "a.npz"


def test_channels_are_told_by_their_names_in_whatever_order(tmp_path):
    values = np.random.default_rng(0).normal(size=(40, 3, 10)).astype(np.float32)
    values[:, 2] += 100
    known = _learned(_save(tmp_path, values, "xyz"), None)
    prepared = known.apply(_read(known, _save(tmp_path, values, "xyz")).inputs)
    turned = _read(known, _save(tmp_path, values[:, ::-1], "zyx"))
    assert np.array_equal(known.apply(turned.inputs), prepared)
    nameless = _read(known, _save(tmp_path, values))
    assert np.array_equal(known.apply(nameless.inputs), prepared)
    others = _read(known, _save(tmp_path, values, "abc"))
    with pytest.raises(DataError, match=r"called a, b, c; in training .* x, y, z"):
        known.apply(others.inputs)


def test_an_array_file_of_the_wrong_shape_is_named(tmp_path):
    known = _learned(_save(tmp_path, np.zeros((4, 2, 3))), "label")
    for shape, told in (((2, 3, 4, 4), "not understood"), ((2, 5, 4), "5 channels")):
        path = tmp_path / "new.npy"
        np.save(path, np.zeros(shape))
        with pytest.raises(DataError, match=rf"new\.npy: .*{told}"):
            _read(known, path)


def test_cells_missing_in_a_forecast_are_told_with_their_lines(tmp_path, german):
    rows = [f"{_hour(hour, 2)};{'' if hour in (4, 5) else '1,5'}" for hour in range(48)]
    with pytest.raises(DataError, match=r"'y': 2 of 48 values are .* \(lines 6, 7\)"):
        _read(german, _write(tmp_path, "time;y", *rows))


@pytest.mark.parametrize("every", [1, 2])
def test_steps_in_time_unlike_those_of_training_are_told(tmp_path, german, every):
    rows = [f"{_hour(hour, 2)};{hour},5" for hour in range(0, 48 * every, every)]
    data = _read(german, _write(tmp_path, "time;y", *rows))
    told = [change.what for change in data.changes if "time" in change.what]
    what = "steps of 'time' are unlike those of training (2 hours, not 1 hour): "
    assert told == [f"{what}the network counts rows, not time"] * (every - 1)


def test_recordings_at_another_rate_than_those_of_training_are_told(tmp_path):
    rows = [f"{i},{t / 50},{t % 7},{i % 2}" for i in range(10) for t in range(20)]
    known = _learned(
        _write(tmp_path, "id,t,x,y", *rows, name="train.csv"), "y", series=STEPS
    )
    new = [{"id": "a", "t": t / 100, "x": t} for t in range(20)]
    (change,) = _read(known, new).changes
    assert "unlike those of training (0.01, not 0.02)" in change.what


def _piped(*lines):
    """Return the path of a pipe that gives these lines, once."""
    reads, writes = os.pipe()
    os.write(writes, ("\n".join(lines) + "\n").encode())
    os.close(writes)
    return f"/dev/fd/{reads}"


def test_a_table_and_texts_are_read_from_a_pipe(german):
    rows = [f"{_hour(hour, 2)};{13 + hour},000" for hour in range(48)]
    _assert_read_as_in_training(_read(german, _piped("time;y", *rows)))
    texts = _learned((["ab", "ba"], ["x", "y"]), None, kind="sequences", steps=[])
    assert len(_read(texts, _piped("a", "b"))) == 2


def test_rows_of_numbers_from_a_pipe_are_refused_rather_than_read_in_part():
    values = np.random.default_rng(0).normal(size=(20, 1, 8))
    known = _learned((values, [0, 1] * 10), None, kind="sequences")
    with pytest.raises(DataError, match="is no file; save what it gives as one"):
        _read(known, _piped(*["1\t2\t3"] * 3))
