"""Columns that a person gives a role: the plan is designed for it."""

import numpy as np
import pytest

import torchsmith as ts

ROWS = 120
COLOURS = np.array(["red", "green", "blue"])


@pytest.fixture
def table(tmp_path):
    numbers = np.random.default_rng(0)
    colour, size = numbers.integers(0, 3, ROWS), numbers.random(ROWS)
    code = np.arange(ROWS) % 40
    kinds = np.where((colour == 0) != (size > 0.5), "a", "b")
    lines = ["colour,size,code,kind"]
    for place, kind in enumerate(kinds):
        given = "inf" if place == 7 else code[place]
        lines.append(f"{COLOURS[colour[place]]},{size[place]:.3f},{given},{kind}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    return tmp_path / "table.csv"


def planned(table, **roles):
    settings = {f"data.columns.{name}": role for name, role in roles.items()}
    return ts.plan(table, target="kind", settings={"training.epochs": 2, **settings})


def steps_of(plan):
    return [type(step).__name__ for step in plan.prepare]


def test_a_plan_that_leaves_a_column_with_infinite_values_out_is_carried_out(
    table, tmp_path
):
    with pytest.raises(ts.DataError, match="'code' has 1 infinite value"):
        planned(table)
    plan = planned(table, code="ignore")
    run = ts.train(plan, runs=tmp_path / "runs")
    assert run.plan.data.columns["code"] == "ignore"


@pytest.mark.parametrize(
    ("role", "steps"),
    [
        ("category", ["QuantileScale", "EncodeCategories"]),
        ("text", ["QuantileScale", "BagOfWords"]),
        ("ignore", ["QuantileScale"]),
    ],
)
def test_the_steps_of_a_plan_follow_the_roles_that_are_set(
    table, tmp_path, role, steps
):
    plan = planned(table, code="ignore", colour=role)
    assert steps_of(plan) == steps
    assert plan.reasons["data.columns.colour"] == "set with --set"
    assert ts.train(plan, runs=tmp_path / "runs").plan.prepare == plan.prepare


def test_what_was_to_be_a_category_is_scaled_once_it_is_a_number(tmp_path):
    lines = ["on,kind", *(f"{i % 2},{'ab'[i * 7 % 3 % 2]}" for i in range(ROWS))]
    (tmp_path / "table.csv").write_text("\n".join(lines))
    plan = planned(tmp_path / "table.csv", on="number")
    assert steps_of(plan) == ["QuantileScale"]
    assert plan.reasons["network"].startswith("1 numbers and 0 categories")


def test_of_two_equal_columns_the_other_is_used_where_one_is_left_out(tmp_path):
    lines = ["one,two,kind"]
    lines += [f"{i % 37},{i % 37},{'ab'[i % 37 > 20]}" for i in range(ROWS)]
    (tmp_path / "table.csv").write_text("\n".join(lines))
    both = ts.plan(tmp_path / "table.csv", target="kind")
    assert both.data.columns == {"one": "number", "two": "ignore"}
    other = planned(tmp_path / "table.csv", one="ignore")
    assert other.data.columns == {"one": "ignore", "two": "number"}
    again = planned(tmp_path / "table.csv", two="number")
    assert again.data.columns == {"one": "number", "two": "number"}
