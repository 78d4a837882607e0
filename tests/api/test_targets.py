"""How a person names the target from Python."""

import numpy as np
import pytest

import torchsmith as ts

ROWS = np.random.default_rng(0).normal(size=(60, 3))


class Frame(dict):
    """A data frame as far as reading looks, whose columns are called 0, 1, 2."""

    columns = (0, 1, 2)

    def __init__(self):
        super().__init__(enumerate(ROWS.T))


@pytest.mark.parametrize("target", [2, np.int64(2), "2"])
def test_a_column_that_is_called_by_a_number_is_a_target(target):
    assert ts.plan(Frame(), target=target).problem.target == "2"
    data = ts.load(Frame(), target=target)
    assert data.target.values.tolist() == ROWS[:, 2].tolist()
    assert ts.inspect(data, target=target).target.name == "2"


def test_a_number_that_is_no_column_is_told():
    with pytest.raises(ts.DataError, match="no target column '3'; the columns are: 0"):
        ts.plan(Frame(), target=3)


@pytest.mark.parametrize("what", [ts.load, ts.inspect, ts.plan, ts.train, ts.doctor])
@pytest.mark.parametrize("target", [ROWS[:, 0], [1, 2], True])
def test_values_are_no_name_of_a_target(what, target):
    with pytest.raises(ts.DataError, match=r"target: must be .* as a pair: \(X, y\)"):
        what(ROWS, target=target)
