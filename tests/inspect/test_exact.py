"""Numbers whose exact values tell more than the values around them."""

from dataclasses import replace

import numpy as np
import pytest

from tests.inspect.build import labels, noise, table
from torchsmith.inspect.examine import inspect

ROWS = 4000
SHOPS = np.random.default_rng(1).permutation(60)
"""A property of each shop, which its number does not tell."""


def exact(data):
    return {column.name: column.exact for column in inspect(data).columns}


def shops():
    return np.arange(ROWS) * 7919 % 60


def test_a_number_that_is_a_name_is_told_from_a_measured_one():
    shop, size = shops(), np.round(20 * noise(ROWS, 1))
    sales = SHOPS[shop] / 17 + np.tanh(size / 3) + noise(ROWS, 2)
    found = exact(table({"shop": shop.astype(float), "size": size}, sales))
    assert found["shop"] > 0.2
    assert found["size"] == 0


@pytest.mark.parametrize("kinds", [2, 3])
def test_classes_are_told_too(kinds):
    shop = shops()
    number = SHOPS[shop] * kinds // 60
    wrong = np.random.default_rng(2).random(ROWS) < 0.3
    answer = np.where(wrong, np.arange(ROWS) % kinds, number)
    data = table({"shop": shop.astype(float)}, [f"c{i}" for i in answer])
    assert exact(data)["shop"] > 0.1


def test_copies_of_rows_are_no_reason():
    seen = np.round(noise(ROWS // 4, 1), 3)
    answer = np.round(noise(ROWS // 4, 2), 3)
    data = table({"x": np.repeat(seen, 4)}, np.repeat(answer, 4))
    assert exact(data)["x"] == 0


def test_a_given_test_part_is_not_looked_at():
    shop = shops()
    sales = SHOPS[shop] / 17 + noise(ROWS, 2)
    known = np.arange(ROWS) % 2
    hidden = np.where(known == 0, noise(ROWS, 3), sales)
    data = table({"shop": shop.astype(float)}, hidden)
    assert exact(data)["shop"] > 0
    assert exact(replace(data, given=(2 * known).astype(np.int8)))["shop"] == 0


def test_few_values_and_labels_of_nothing_give_none():
    assert exact(table({"x": np.arange(200.0) % 4}, labels(200)))["x"] == 0
    assert exact(table({"x": noise(200)}, labels(200)))["x"] == 0
