"""Texts of few rows each: whether rows that share one are often of one class."""

from dataclasses import replace

import numpy as np
import pytest

from tests.inspect.build import noise, table
from torchsmith.inspect import exact
from torchsmith.inspect.examine import inspect

ROWS = 600
HOUSE = np.sort(np.random.default_rng(1).integers(0, 240, ROWS))
"""Of each row; a house has 2.5 on average, a tenth of the houses has one."""

NAMES = [f"{house * 7919 % 1009} {'AB'[house % 2]}" for house in HOUSE.tolist()]
PRICES = noise(240, 2)[HOUSE] + noise(ROWS, 3)
AREA = noise(ROWS, 4)


def role(found):
    return next(c.role for c in found.columns if c.name == "house")


def classes(values):
    return [f"c{value > 0:d}" for value in values]


def houses(target=PRICES):
    target = None if target is None else classes(target)
    return table({"house": NAMES, "area": AREA}, target)


def test_texts_whose_rows_are_often_of_one_class_become_categories():
    found = inspect(houses())
    house = found.columns[0]
    assert house.role == "category"
    assert 0.1 < house.alike < 0.6
    assert house.reason.endswith("and rows that share one are often of one class")
    told = [f for f in found.findings if f.where == "column 'house'"]
    assert [f.code for f in told] == ["D9"]
    shared = np.unique(HOUSE, return_counts=True)[1]
    several = shared[shared > 1]
    assert f"{several.sum()} rows share {len(several)} texts" in told[0].message
    assert "split.group: house" in told[0].remedy


def test_several_classes_are_told_too():
    answer = [f"c{i}" for i in np.digitize(PRICES, [-0.7, 0.7])]
    assert role(inspect(table({"house": NAMES, "area": AREA}, answer))) == "category"


def test_of_numbers_nothing_is_measured():
    assert role(inspect(table({"house": NAMES, "area": AREA}, PRICES))) != "category"


@pytest.mark.parametrize("seed", range(5))
def test_texts_that_say_nothing_stay_what_they_are(seed):
    assert role(inspect(houses(noise(ROWS, 10 + seed)))) != "category"


def test_rows_of_one_case_are_not_told_apart_by_its_name():
    assert role(inspect(houses(noise(240, 2)[HOUSE]))) != "category"


def test_copies_of_rows_are_no_reason():
    names = [f"n{i}" for i in range(ROWS // 2)] * 2
    copied = table(
        {"house": names, "area": np.tile(AREA[: ROWS // 2], 2)},
        2 * classes(PRICES[: ROWS // 2]),
    )
    assert role(inspect(copied)) != "category"


def test_a_given_test_part_is_not_looked_at():
    given = (2 * (HOUSE % 2)).astype(np.int8)
    hidden = np.where(given == 0, noise(ROWS, 5), PRICES)
    assert role(inspect(houses(hidden))) == "category"
    assert role(inspect(replace(houses(hidden), given=given))) != "category"


def test_who_asks_for_another_role_gets_it():
    asked = {"house": "text", "area": "number"}
    assert role(inspect(houses(), roles=asked)) == "text"
    assert role(inspect(houses(), roles={"house": "ignore"})) == "ignore"
    house = inspect(houses(), roles={"house": "category"}).columns[0]
    assert (house.reason, house.alike > 0.1) == ("asked for", True)


def test_without_a_target_nothing_is_measured():
    assert role(inspect(houses(target=None))) != "category"


def test_of_many_rows_whole_groups_are_drawn(monkeypatch):
    share = inspect(houses()).columns[0].alike
    monkeypatch.setattr(exact, "MAX_ROWS", 300)
    assert inspect(houses()).columns[0].alike == pytest.approx(share, abs=0.1)
    monkeypatch.setattr(exact, "MOST_NAMES", 100)
    assert inspect(houses()).columns[0].alike == 0
