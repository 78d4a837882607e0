import csv
from dataclasses import replace

import numpy as np
import pytest

from torchsmith.api.predictions import Predictions


def numbers(*values):
    where = tuple(map(str, range(len(values))))
    return Predictions("t", (), where, None, np.array(values, dtype=np.float64))


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize(
    "values",
    [
        (1600000001.0, 1600000700.25),
        (1600000001.25,),
        (1013.0000001, 1013.0000002),
        (0.1, -2e-9, 3e30),
    ],
)
def test_the_file_holds_the_very_numbers(tmp_path, values):
    rows = rows_of(numbers(*values).write(tmp_path / "o.csv"))
    assert [float(number) for _, number in rows[1:]] == list(values)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ((0.123456789, 2 / 3), ["0.1234568", "0.6666667"]),
        ((123456.789, 387654.321), ["123456.8", "387654.3"]),
        ((1600000001.0, 1600000700.25), ["1600000001", "1600000700.25"]),
        ((1600000219.63,), ["1600000220"]),
        ((3.0, 3.0), ["3", "3"]),
        ((0.0,), ["0"]),
        ((1e30, 2.0), ["1e+30", "2"]),
        ((float("nan"), 0.5), ["nan", "0.5"]),
        ((float("nan"),), ["nan"]),
        ((), []),
    ],
)
def test_numbers_are_shown_with_the_digits_that_they_differ_in(values, texts):
    assert numbers(*values).texts == texts


def test_a_class_and_a_kept_column_of_negative_numbers_stay_as_they_are(tmp_path):
    found = Predictions(
        target="y",
        classes=("-1", "1"),
        where=("2", "3"),
        probabilities=np.array([[0.75, 0.25], [0.25, 0.75]]),
        values=None,
        kept={"lon": ("-119.7943", "2"), "note": ("=1+1", "-")},
    )
    header, *rows = rows_of(found.write(tmp_path / "o.csv"))
    assert header[:4] == ["example", "lon", "note", "y"]
    assert [row[:4] for row in rows] == [
        ["2", "-119.7943", "'=1+1", "-1"],
        ["3", "2", "'-", "1"],
    ]


def test_a_target_called_example_leaves_the_places_in_the_file(tmp_path):
    found = replace(numbers(0.5, 1.5), target="example")
    rows = rows_of(found.write(tmp_path / "o.csv"))
    assert rows == [["place", "example"], ["0", "0.5"], ["1", "1.5"]]
