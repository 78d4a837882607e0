"""A trained run on other files, from Python."""

import numpy as np
import pytest

import torchsmith as ts
from torchsmith.core.errors import DataError

ROWS = 40


def _numbers():
    noise = np.arange(ROWS * 3).reshape(ROWS, 3) * 37 % 101 / 100
    noise[:, 1] = 1  # says nothing, so it is no input
    return noise, np.arange(ROWS) % 2


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arrays")
    inputs, labels = _numbers()
    np.savez(folder / "table.npz", x=inputs, y=labels)
    np.save(folder / "table.npy", inputs)
    settings = {"training.epochs": 2}
    return ts.train(folder / "table.npz", runs=folder / "runs", settings=settings)


def test_a_table_of_arrays_is_predicted_and_scored_from_files(arrays):
    folder = arrays.path.parents[1]
    expected = arrays.predict(ts.load(folder / "table.npz")).probabilities
    for name in ("table.npz", "table.npy"):
        found = arrays.predict(folder / name)
        np.testing.assert_array_equal(found.probabilities, expected)
        assert found.where[0] == "1"
    assert arrays.evaluate(folder / "table.npz").num_examples["test"] == ROWS


def test_files_of_arrays_that_do_not_fit_are_named(arrays, tmp_path):
    folder = arrays.path.parents[1]
    np.save(tmp_path / "narrow.npy", np.ones((5, 2)))
    with pytest.raises(DataError, match=r"narrow\.npy: no column 'x2'; the columns"):
        arrays.predict(tmp_path / "narrow.npy")
    with pytest.raises(DataError, match=r"an \.npy file has no labels"):
        arrays.evaluate(folder / "table.npy")
    with pytest.raises(DataError, match="a CSV or Parquet file"):
        arrays.predict(folder / "table.npz", keep=["x0"])
