"""What is near says much of a place, and a row's own target is not among it."""

import numpy as np
import pytest
from sklearn.neighbors import BallTree

from tests.data.build import number, table, text
from torchsmith.core.errors import PlanError
from torchsmith.data.data import Data
from torchsmith.data.neighbours import unit_vectors
from torchsmith.data.prepare import Preparation, fit
from torchsmith.data.steps import NeighbourTarget, QuantileScale

NEAR = NeighbourTarget(latitude="lat", longitude="lon", neighbours=(2, 3))


def towns(num=40, values=None, seed=0, same=0):
    """Return rows at random places; the first `same` of them at one place."""
    draw = np.random.default_rng(seed)
    lat, lon = draw.uniform(-89, 89, num), draw.uniform(-180, 180, num)
    lat[:same], lon[:same] = 10.0, 20.0
    target = number("y", draw.normal(size=num) if values is None else values)
    inputs = table(number("lat", lat), number("lon", lon)).inputs
    return Data(source="towns", inputs=inputs, target=target)


def fitted(data, rows, steps=(NEAR,), task="regression", classes=()):
    roles = {"lat": "number", "lon": "number"}
    return fit(data, rows, steps, roles=roles, task=task, classes=classes)


def by_hand(data, rows, count):
    """Return the mean target of the nearest of these rows, by great circles."""
    place = np.deg2rad(
        np.stack([data.inputs.columns[c].values for c in ("lat", "lon")], axis=1)
    )
    near = BallTree(place[rows], metric="haversine").query(place, count)[1]
    return data.target.values[rows][near].mean(axis=1)


def test_a_new_row_gets_the_mean_target_of_the_nearest_training_rows():
    data, rows = towns(), np.arange(30)
    preparation = fitted(data, rows)
    assert preparation.feature_names[2:] == (
        "mean target at the 2 nearest places",
        "mean target at the 3 nearest places",
    )
    found = preparation.inputs(data, np.arange(30, 40))
    np.testing.assert_allclose(found[:, 2], by_hand(data, rows, 2)[30:], rtol=1e-5)
    np.testing.assert_allclose(found[:, 3], by_hand(data, rows, 3)[30:], rtol=1e-5)


@pytest.mark.parametrize("same", [0, 3, 12])
def test_no_training_row_sees_its_own_target(same):
    rows = np.arange(30)
    data = towns(same=same)
    before = fitted(data, rows).inputs(data, rows)
    seen = 0
    for row in range(same + 1):
        values = data.target.values.copy()
        values[row] += 1000
        other = towns(values=values, same=same)
        after = fitted(other, rows).inputs(other, rows)
        np.testing.assert_array_equal(after[row], before[row])
        seen += not np.array_equal(after, before)
    assert seen


def test_a_training_row_has_the_others_as_its_neighbours():
    data, rows = towns(), np.arange(40)
    found = fitted(data, rows).inputs(data, rows)
    for row in rows:
        others = np.delete(rows, row)
        expected = by_hand(data, others, 2)[row]
        assert found[row, 2] == pytest.approx(expected, rel=1e-5)


def test_rows_at_one_place_tell_nothing_of_each_other():
    data, rows = towns(same=12), np.arange(40)
    values = data.target.values.copy()
    values[:12] += 1000
    other = towns(values=values, same=12)
    found = fitted(data, rows).inputs(data)
    np.testing.assert_array_equal(fitted(other, rows).inputs(other)[:12], found[:12])
    assert len({*found[:12, 2].tolist()}) == 1


def test_neighbours_come_from_the_training_part_alone():
    data, rows = towns(), np.arange(30)
    values = data.target.values.copy()
    values[30:] = 1e6
    other = towns(values=values)
    expected = fitted(data, rows).inputs(data)
    np.testing.assert_array_equal(fitted(other, rows).inputs(other), expected)


def test_the_date_line_divides_no_neighbours():
    east, west, far = unit_vectors(np.array([0, 0, 0]), np.array([179.9, -179.9, 90]))
    assert np.linalg.norm(east - west) < 0.01 < np.linalg.norm(east - far)


@pytest.mark.parametrize(
    ("classes", "names"),
    [
        (("a", "b"), ["b"]),
        (("a", "b", "c"), ["a", "b", "c"]),
    ],
)
def test_classes_of_neighbours_become_shares(classes, names):
    data = towns()
    words = [classes[i % len(classes)] for i in range(40)]
    data = Data(source="towns", inputs=data.inputs, target=text("y", words))
    rows = np.arange(30)
    preparation = fitted(data, rows, task="multiclass", classes=classes)
    shares = [
        name for name in preparation.feature_names if name.endswith("3 nearest places")
    ]
    assert shares == [f"share of '{name}' at the 3 nearest places" for name in names]
    found = preparation.inputs(data)[:, 2 + len(names) :]
    thirds = found * 3
    np.testing.assert_allclose(thirds, thirds.round(), atol=1e-5)
    if len(names) > 2:
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)


def test_neighbours_survive_the_file_of_the_model():
    data, rows = towns(), np.arange(30)
    preparation = fitted(data, rows, (NEAR, QuantileScale()))
    again = Preparation.model_validate_json(preparation.model_dump_json())
    np.testing.assert_array_equal(again.inputs(data), preparation.inputs(data))


def test_more_neighbours_than_rows_are_refused():
    with pytest.raises(PlanError, match=r"NeighbourTarget.neighbours: 3 .*there are 3"):
        fitted(towns(), np.arange(3))


def test_neighbours_need_a_place():
    wrong = NeighbourTarget(latitude="latt", longitude="lon")
    with pytest.raises(PlanError, match=r"NeighbourTarget.latitude: .*'latt'; did you"):
        fitted(towns(), np.arange(30), (wrong,))
