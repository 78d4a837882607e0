"""Groups of test rows that do worse than all others beyond noise."""

import numpy as np
import pytest

from tests.evaluate.cases import BINARY, VALUES, sure
from torchsmith.data.data import Column, ColumnFormat, Table
from torchsmith.data.lines import Lines
from torchsmith.evaluate.groups import failing_groups
from torchsmith.evaluate.rivals import RivalOutputs

ROWS = 400


def table(**columns):
    made = {}
    for name, (kind, values, levels) in columns.items():
        form = ColumnFormat(name=name, kind=kind)
        made[name] = Column(form, np.asarray(values), levels)
    return Table(made, Lines(np.arange(2, ROWS + 2), "line"))


def ages():
    return np.arange(ROWS) % 80 + 1.0


def rival(targets, wrong=()):
    said = targets.copy()
    said[list(wrong)] = 1 - said[list(wrong)]
    return RivalOutputs("linear", sure(said, 2), 700, 700, 0.1)


def case(failing):
    """Targets, and outputs that are wrong for half of the failing rows."""
    targets = np.arange(ROWS) % 2
    said = targets.copy()
    rows = np.flatnonzero(failing & (np.arange(ROWS) // 8 % 2 == 0))
    said[rows] = 1 - said[rows]
    return targets, sure(said, 2), rows


def test_a_range_of_a_column_that_fails_is_named_with_the_best_rival_there():
    failing = ages() > 60
    targets, outputs, _ = case(failing)
    inputs = table(age=("number", ages(), ()))
    [group] = failing_groups(BINARY, targets, outputs, inputs, [rival(targets)])
    assert (group.column, group.name, group.rows) == ("age", "61 to 80", 100)
    assert group.error == 0.4
    assert group.others == 0.0
    assert group.excess.low > 0
    assert group.rival == "linear model"
    assert group.rival_gain.low > 0


def test_a_rival_that_fails_on_the_same_rows_gains_nothing():
    targets, outputs, wrong = case(ages() > 60)
    inputs = table(age=("number", ages(), ()))
    [group] = failing_groups(BINARY, targets, outputs, inputs, [rival(targets, wrong)])
    assert group.rival_gain.low < 0 <= group.rival_gain.high


def test_a_level_and_missing_values_are_groups():
    places = np.arange(ROWS) % 4
    codes = np.where(places == 3, -1, places).astype(np.int32)
    inputs = table(deck=("text", codes, ("A", "B", "C")))
    for failing, name in ((places == 1, "B"), (places == 3, "missing")):
        targets, outputs, _ = case(failing)
        assert failing_groups(BINARY, targets, outputs, inputs)[0].name == name


def test_a_class_is_a_group():
    targets = np.arange(ROWS) % 2
    outputs = sure(np.zeros(ROWS, int), 2)
    [group] = failing_groups(BINARY, targets, outputs, None)
    assert (group.column, group.name) == ("", BINARY.classes[1])
    assert group.rival_gain is None


def test_of_many_random_groups_none_stands_out():
    random = np.random.default_rng(0)
    columns = {f"c{i}": ("number", random.normal(size=ROWS), ()) for i in range(40)}
    targets = random.integers(0, 2, ROWS)
    said = np.where(random.random(ROWS) < 0.2, 1 - targets, targets)
    assert failing_groups(BINARY, targets, sure(said, 2), table(**columns)) == ()


def test_few_rows_are_no_group():
    failing = np.arange(ROWS) < 20
    codes = failing.astype(np.int32)
    targets, outputs, _ = case(failing)
    inputs = table(deck=("text", codes, ("rest", "few")))
    assert failing_groups(BINARY, targets, outputs, inputs) == ()


def test_a_column_of_names_costs_no_pass_for_each_name(monkeypatch):
    named = []
    told = Column.texts
    monkeypatch.setattr(Column, "texts", lambda *of: named.append(of) or told(*of))
    targets, outputs, _ = case(np.arange(ROWS) < 80)
    names = tuple(f"name {number}" for number in range(ROWS))
    decks = (np.arange(ROWS) // 80).astype(np.int32)
    inputs = table(
        name=("text", np.arange(ROWS, dtype=np.int32), names),
        deck=("text", decks, tuple("ABCDE")),
    )
    [group] = failing_groups(BINARY, targets, outputs, inputs)
    assert (group.column, group.name, group.rows) == ("deck", "A", 80)
    assert len(named) == 5


def test_values_fail_by_their_absolute_error():
    random = np.random.default_rng(0)
    targets = random.normal(size=ROWS)
    noise = np.where(ages() > 60, 5.0, 1.0) * random.normal(size=ROWS)
    inputs = table(age=("number", ages(), ()))
    [group] = failing_groups(VALUES, targets, targets + noise, inputs)
    assert group.name == "61 to 80"
    assert 3 < group.error / group.others < 7


def test_a_group_without_any_error_tells_nothing_of_small_targets():
    """Its errors are compared in units of all errors, whatever the target's are."""
    targets = np.random.default_rng(0).normal(size=ROWS)
    noise = np.where(ages() > 60, 1.0, 0.0) * np.sign(targets)
    inputs = table(age=("number", ages(), ()))
    found = [
        failing_groups(VALUES, unit * targets, unit * (targets + noise), inputs)
        for unit in (1e-5, 1.0, 1e5)
    ]
    assert [[group.name for group in groups] for groups in found] == [["61 to 80"]] * 3
    assert found[0][0].excess.low == pytest.approx(1e-5 * found[1][0].excess.low)
    assert found[2][0].excess.low == pytest.approx(1e5 * found[1][0].excess.low)


def test_a_rival_that_is_worse_elsewhere_is_not_named():
    """It divides its mistakes in another way, as one that says '1' more often does."""
    targets, outputs, _ = case(ages() > 60)
    inputs = table(age=("number", ages(), ()))
    elsewhere = rival(targets, wrong=np.flatnonzero(ages() < 20))
    [group] = failing_groups(BINARY, targets, outputs, inputs, [elsewhere])
    assert (group.rival, group.rival_gain) == ("", None)


def test_a_group_says_how_much_of_a_constant_guess_s_error_is_gone():
    targets, outputs, _ = case(ages() > 60)
    inputs = table(age=("number", ages(), ()))
    [group] = failing_groups(BINARY, targets, outputs, inputs)
    assert abs(group.skill.value - 0.2) < 1e-9
    assert group.skill_others.value == 1.0
    [group] = failing_groups(BINARY, targets, outputs, inputs, [rival(targets)])
    assert group.skill.value == 1.0


def test_a_class_has_no_skill_as_a_constant_guess_is_right():
    targets = np.arange(ROWS) % 2
    said = np.where(np.arange(ROWS) % 4 == 1, 0, targets)
    [group] = failing_groups(BINARY, targets, sure(said, 2), None)
    assert (group.name, group.skill) == ("yes", None)
