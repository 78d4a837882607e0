import numpy as np
import pytest

from tests.data.build import number, sequences
from torchsmith.core.errors import DataError, PlanError
from torchsmith.data.data import Sequences
from torchsmith.data.prepare import fit
from torchsmith.data.sequence_gaps import interpolated, means_of
from torchsmith.data.steps import Interpolate, Standardize

NAN = np.nan


def _ragged(*rows):
    return Sequences(
        values=np.array([x for row in rows for x in row], np.float32)[:, None],
        starts=np.concatenate([[0], np.cumsum([len(row) for row in rows])]),
        channels=("x",),
    )


def _of(filled, *places):
    return [filled.at(place)[:, 0].tolist() for place in places]


def test_gaps_are_filled_on_the_line_between_their_neighbours():
    filled = interpolated(_ragged([0, NAN, NAN, 6], [NAN, 2, NAN]), (9.0,))
    assert _of(filled, 0, 1) == [[0, 2, 4, 6], [2, 2, 2]]


def test_nothing_is_taken_from_another_sequence_but_the_mean_where_there_is_nothing():
    training = _ragged([1, 3], [NAN, NAN])
    assert means_of(training) == (2.0,)
    assert _of(interpolated(training, means_of(training)), 1) == [[2, 2]]


def test_the_channels_are_filled_apart():
    both = Sequences(
        values=np.array([[0, NAN], [NAN, 1], [4, 1]], np.float32),
        starts=np.array([0, 3]),
        channels=("a", "b"),
    )
    assert interpolated(both, (0.0, 0.0)).values.tolist() == [[0, 1], [2, 1], [4, 1]]
    assert np.isnan(both.values).sum() == 2


def _fit(data, *steps):
    rows = np.arange(len(data))
    options = {"roles": {}, "task": "regression", "classes": ()}
    return fit(data, rows, steps, **options)


def test_missing_values_are_refused_unless_the_plan_fills_them():
    data = sequences([2, 3])
    data = type(data)(data.source, _ragged([0, 2], [0, NAN, 4]), number("y", [1, 2]))
    message = r"1 values are missing in 1 of 2 sequences \(sequence 1\).*Interpolate"
    with pytest.raises(DataError, match=message):
        _fit(data, Standardize())
    whole = type(data)("whole.csv", _ragged([0, 2], [0, 1, 4]), data.target)
    with pytest.raises(DataError, match=f"^{data.source}: {message}"):
        _fit(whole, Standardize()).inputs(data)
    fitted = _fit(data, Interpolate())
    assert fitted.inputs(data)[1, 0].tolist() == [0, 2, 4]


def test_interpolation_is_for_sequences_only():
    from tests.data.build import table

    data = table(number("x", range(4)), target=number("y", range(4)))
    with pytest.raises(PlanError, match="Interpolate is not for tables"):
        _fit(data, Interpolate())
