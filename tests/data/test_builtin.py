"""The sets that scikit-learn ships are read from its files, as it reads them."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn import datasets

from torchsmith.core.errors import DataError
from torchsmith.data import builtin

TABLES = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast_cancer": datasets.load_breast_cancer,
    "diabetes": lambda: datasets.load_diabetes(scaled=False),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_holds_what_scikit_learn_gives(name):
    data, bunch = getattr(builtin, f"read_{name}")(), TABLES[name]()
    columns = data.inputs.columns
    assert list(columns) == list(bunch.feature_names)
    values = np.stack([column.values for column in columns.values()], axis=1)
    assert np.array_equal(values, bunch.data)
    if data.target.levels:
        levels = np.array(data.target.levels)[data.target.values]
        assert np.array_equal(levels, bunch.target_names[bunch.target])
    else:
        assert np.array_equal(data.target.values, bunch.target)


def test_the_digits_are_what_scikit_learn_gives():
    data, bunch = builtin.read_digits(), datasets.load_digits()
    assert data.inputs.pixels.dtype == np.uint8
    assert np.array_equal(data.inputs.pixels[..., 0], bunch.images)
    assert np.array_equal(data.target.values, bunch.target)


def test_a_file_that_scikit_learn_no_longer_keeps_is_named():
    with pytest.raises(DataError, match=r"petals\.csv: is not there, where scikit-"):
        builtin._file("petals.csv")


def test_no_set_needs_scikit_learn_imported():
    reads = f"from torchsmith.data import builtin, load; builtin.read_digits(); \
[getattr(builtin, 'read_' + name)() for name in {list(TABLES)}]; import sys; \
print(*({{'sklearn', 'scipy', 'pandas', 'torch'}} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", reads], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
