import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchsmith.core.errors import DataError, PlanError
from torchsmith.data.data import MISSING_TARGET, Series
from torchsmith.data.load import load
from torchsmith.data.sequence_tables import sequences_of_long_table
from torchsmith.data.tables import read_table

LONG = """person,t,x,on,age,mood,kind
ann,1,0.5,yes,30,calm,walk
ann,2,1.5,no,30,glad,walk
bob,1,2.5,no,40,sad,sit
bob,2,,yes,40,sad,sit
bob,3,4.5,yes,40,sad,sit
"""
SERIES = Series(id="person", time="t")


def _write(folder, text):
    path = folder / "a.csv"
    path.write_text(text)
    return path


def test_rows_of_one_id_are_a_sequence(tmp_path):
    data = load(_write(tmp_path, LONG), target="kind", series=SERIES)
    sequences = data.inputs
    assert data.kind == "sequences"
    assert sequences.channels == ("x", "on")
    assert sequences.at(0).tolist() == [[0.5, 1], [1.5, 0]]
    assert np.isnan(sequences.at(1)[1, 0])
    assert sequences.names == ("ann", "bob")
    assert sequences.series == SERIES.model_copy(update={"step": 1.0})
    assert data.target.texts() == ["walk", "sit"]


def test_what_stays_the_same_is_known_of_the_sequence_and_texts_are_counted(tmp_path):
    data = load(_write(tmp_path, LONG), target="kind", series=SERIES)
    assert data.inputs.columns["age"].values.tolist() == [30, 40]
    assert [*data.inputs.columns] == ["age"]
    (change,) = [change for change in data.changes if change.column == "mood"]
    assert change.what == "text that changes within a sequence: no channel"
    assert change.count == 5


def test_ids_of_many_digits_stay_apart(tmp_path):
    ids = [1234567890123456, 1234567890123457, 1234567890123458]
    rows = [f"{i},{i % 7 + t},{i % 2}" for i in ids for t in (0, 0.5)]
    path = _write(tmp_path, "\n".join(["device,x,y", *rows]))
    data = load(path, target="y", series=Series(id="device"))
    assert data.inputs.names == tuple(map(str, ids))


def test_rows_in_memory_are_sequences_too():
    rows = {"who": ["a", "a", "b"], "x": [1.0, 2, 3], "y": ["u", "u", "v"]}
    data = load(rows, target="y", series=Series(id="who"))
    assert data.inputs.lengths.tolist() == [2, 1]
    assert data.target.texts() == ["u", "v"]


@pytest.mark.parametrize(
    ("text", "series", "message"),
    [
        (
            LONG + "ann,3,1,no,30,calm,walk\n",
            SERIES,
            r"line 7: person 'ann' comes back",
        ),
        (
            LONG + "bob,3,1,no,40,sad,sit\n",
            SERIES,
            r"column 't': 3 repeats within one 'person' in 1 of 6 rows \(line 7\)",
        ),
        (LONG + "bob,1,1,no,40,sad,sit\n", SERIES, r"1 goes back.*\(line 7\); sort"),
        (
            LONG + ",4,1,no,40,sad,sit\n",
            SERIES,
            r"column 'person': no value in 1.*line 7",
        ),
        (LONG + "bob,,1,no,40,sad,sit\n", SERIES, r"column 't': no value in 1.*line 7"),
        (
            LONG + "bob,4,1,no,40,sad,walk\n",
            SERIES,
            r"line 7: the target 'kind' changes from 'sit' to 'walk'.*'bob'",
        ),
        (
            LONG,
            Series(id="person", time="mood"),
            r"'mood': holds text \(first: 'calm', line 2\); data.time needs dates or "
            "numbers; dates are read in forms such as 2026-11-20",
        ),
        ("p,x,kind\na,1,u\nb,2,v\n", Series(id="p"), "no column of numbers changes"),
    ],
)
def test_rows_that_make_no_sequences_are_refused_with_their_line(
    tmp_path, text, series, message
):
    with pytest.raises(DataError, match=message):
        load(_write(tmp_path, text), target="kind", series=series)


def test_new_rows_are_not_advised_to_set_what_predicting_has_no_settings_for(tmp_path):
    rows = read_table(_write(tmp_path, LONG + "bob,4,1,no,40,sad,walk\n"))
    with pytest.raises(DataError, match=r"a sequence has one target$"):
        sequences_of_long_table(rows, SERIES, target="kind", channels=["x"])


@pytest.mark.parametrize(
    ("series", "message"),
    [
        (Series(id="persn"), "data.id: .* no column 'persn'; did you mean 'person'"),
        (Series(id="person", time="tt"), "data.time: .* no column 'tt'"),
        (Series(time="t"), "data.time: needs data.id.*or data.window"),
    ],
)
def test_settings_that_name_no_column_are_refused(tmp_path, series, message):
    with pytest.raises(PlanError, match=message):
        load(_write(tmp_path, LONG), target="kind", series=series)


def test_jumps_in_time_are_counted_where_steps_are_even(tmp_path):
    times = [*range(30), *range(35, 60)]
    rows = "".join(f"a,{t},{t % 7}\n" for t in times) + "b,0,1\nb,1,2\n"
    data = load(_write(tmp_path, "id,t,x\n" + rows), series=Series(id="id", time="t"))
    (change,) = data.changes
    assert (change.column, change.count, change.lines) == ("t", 1, (32,))


def test_a_wide_table_is_a_sequence_in_each_row(tmp_path):
    path = _write(tmp_path, "who,t0,t1,t2,kind\nann,1,2,3,u\nbob,4,5,,v\n")
    assert load(path).kind == "table"
    data = load(path, target="kind", kind="sequences")
    assert [data.inputs.at(row)[:, 0].tolist() for row in (0, 1)] == [[1, 2, 3], [4, 5]]
    assert data.inputs.columns["who"].texts() == ["ann", "bob"]
    assert data.target.texts() == ["u", "v"]
    assert data.inputs.names == ("line 2", "line 3")
    (change,) = [change for change in data.changes if "sequence's end" in change.what]
    assert change.lines == (3,)


def test_a_table_without_header_may_have_its_label_last(tmp_path):
    path = _write(tmp_path, "0.5,1,2,0\n3.5,4,5,1\n6.5,7,8,1\n")
    data = load(path, target="column_4", kind="sequences")
    assert data.inputs.lengths.tolist() == [3, 3, 3]
    assert data.target.texts() == ["0", "1", "1"]
    first = load(path, kind="sequences")
    assert first.target.texts() == ["0.5", "3.5", "6.5"]


def test_infinite_values_are_told_with_their_column_and_line(tmp_path):
    text = LONG + "bob,4,inf,no,40,sad,sit\n"
    with pytest.raises(DataError, match=r"column 'x': 1 of 6 .* \(line 7\); correct"):
        load(_write(tmp_path, text), target="kind", series=SERIES)
    path = _write(tmp_path, "a,b,c,kind\n1,2,3,u\n4,1e39,,v\n")
    with pytest.raises(DataError, match=r"column 'b': 1 of 2 .* \(line 3\); correct"):
        load(path, target="kind", kind="sequences")


def test_a_wide_table_of_one_number_is_refused(tmp_path):
    path = _write(tmp_path, "who,x,kind\nann,1,u\nbob,2,v\n")
    with pytest.raises(DataError, match=r"1 columns of numbers.*data\.id"):
        load(path, target="kind", kind="sequences")


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_rows_that_are_written_are_cut_at_their_ids(tmp_path_factory, lengths):
    if max(lengths) == 1:
        lengths = [*lengths, 2]
    rows = [
        f"s{place},{step},{place * 10 + step}.5"
        for place, length in enumerate(lengths)
        for step in range(length)
    ]
    path = _write(tmp_path_factory.mktemp("long"), "\n".join(["id,t,x", *rows]))
    data = load(path, series=Series(id="id", time="t"))
    assert data.inputs.lengths.tolist() == lengths
    for place, length in enumerate(lengths):
        expected = [place * 10 + step + 0.5 for step in range(length)]
        assert data.inputs.at(place)[:, 0].tolist() == expected


@pytest.mark.parametrize("series", [SERIES, None])
def test_sequences_without_a_target_are_refused_or_left_out_and_counted(
    tmp_path, series
):
    kind = "sequences"
    text = LONG.replace(",sit", ",") if series else "a,b,kind\n1,2,u\n3,4,\n5,6,v\n"
    path = _write(tmp_path, text)
    name = "bob" if series else "line 3"
    with pytest.raises(DataError, match=rf"is missing in 1 of \d sequences \({name}\)"):
        load(path, target="kind", series=series, kind=kind)
    data = load(path, target="kind", series=series, kind=kind, drop_missing_target=True)
    assert not data.target.missing.any()
    (change,) = [c for c in data.changes if c.what == MISSING_TARGET]
    assert (change.count, change.example) == (1, name)


def test_a_value_that_is_no_number_is_named_where_it_takes_the_only_channel(tmp_path):
    rows = [
        f"r{row // 4},{row % 4},{row % 7},{'ab'[row // 4 % 2]}" for row in range(80)
    ]
    header = "who,t,x,y"
    series = Series(id="who", time="t")
    rows[13] = "r3,1,oops,b"
    with pytest.raises(DataError, match=r"column 'x': 1 of 80 .*'oops', line 15"):
        load(_write(tmp_path, "\n".join([header, *rows])), target="y", series=series)
    rows[13] = "r3,one,1,b"
    with pytest.raises(DataError, match=r"column 't': 1 of 80 .*'one', line 15"):
        load(_write(tmp_path, "\n".join([header, *rows])), target="y", series=series)
    rows[13] = "r3,1,1,"
    with pytest.raises(DataError, match=r"line 15: .* from 'b' to missing within"):
        load(_write(tmp_path, "\n".join([header, *rows])), target="y", series=series)
