"""What mattered, on networks of which it is known."""

import numpy as np
import pytest
import torch
from torch import nn

from torchsmith.explain import attributions
from torchsmith.explain.attributions import (
    column_attribution,
    column_groups,
    pixel_attribution,
    usual_row,
)
from torchsmith.nn.tabular import TabularMLP

pytest.importorskip("captum")


def linear(*weights):
    network = nn.Linear(len(weights), 1)
    with torch.no_grad():
        network.weight[:] = torch.tensor(weights)
    return network.eval()


def test_of_a_linear_network_each_column_adds_weight_times_change():
    found = column_attribution(
        linear(2.0, -3.0, 5.0),
        torch.tensor([[1.0, 1.0, 1.0]]),
        torch.tensor([[0.0, 2.0, 1.0]]),
        0,
        columns={"a": [0], "b": [1, 2]},
        has_codes=False,
    )
    assert found.columns == ("a", "b")
    np.testing.assert_allclose(found.values, [2.0, 3.0], rtol=1e-5)
    assert found.output - found.baseline == pytest.approx(5.0)
    assert found.method == "IntegratedGradients"


def test_codes_of_categories_are_put_in_column_by_column():
    network = TabularMLP(1, (3, 4), 2, hidden=(6,)).eval()
    inputs = torch.tensor([[0.5, 2.0, 3.0]])
    plain = torch.tensor([[0.0, 1.0, 3.0]])
    columns = {"size": [0], "colour": [1], "kind": [2]}
    found = [
        column_attribution(
            network, inputs, plain, 1, columns=columns, has_codes=True, seed=4
        )
        for _ in range(2)
    ]
    assert found[0].method == "ShapleyValueSampling"
    assert found[0].values.sum() == pytest.approx(
        found[0].output - found[0].baseline, abs=1e-5
    )
    # 'kind' is as in the plain row, so it cannot have added anything.
    assert found[0].values[2] == pytest.approx(0, abs=1e-6)
    np.testing.assert_array_equal(found[0].values, found[1].values)


def test_of_a_linear_network_each_pixel_adds_weight_times_brightness():
    network = nn.Sequential(nn.Flatten(), linear(1.0, 0.0, -2.0, 4.0)).eval()
    picture = torch.tensor([[[[0.5, 1.0], [1.0, 0.0]]]])
    found = pixel_attribution(network, picture, torch.zeros_like(picture), 0)
    np.testing.assert_allclose(found.values[0], [[0.5, 0], [-2, 0]], atol=1e-6)
    np.testing.assert_allclose(found.saliency[0], [[1, 0], [2, 4]], atol=1e-6)


def test_numbers_that_are_drawn_elsewhere_are_not_touched():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    network = TabularMLP(0, (3,), 1, hidden=(2,)).eval()
    torch.manual_seed(0)
    code = torch.tensor([[1.0]])
    column_attribution(network, code, 0 * code, 0, columns={"a": [0]}, has_codes=True)
    assert torch.equal(torch.rand(3), expected)


def test_columns_that_share_features_are_one_group():
    places = {"x": [0, 2], "lat": [1, 3], "lon": [4, 3], "gone": []}
    assert column_groups(places) == {"x": (0, 2), "lat, lon": (1, 3, 4)}


def test_a_usual_row_has_means_and_commonest_codes():
    rows = np.array([[1, 0, 2], [2, 0, 1], [6, 0, 1]], np.float32)
    np.testing.assert_array_equal(usual_row(rows, 2), [[3, 0, 1]])


def test_without_captum_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr(attributions, "find_spec", lambda _name: None)
    assert not attributions.available()
    assert "pip install 'torchsmith[explain]'" in attributions.MISSING


def test_stretches_of_a_sequence_add_up_and_only_what_counts_counts():
    """The output is the sum of one channel's steps: each stretch adds its own."""
    steps = np.arange(12.0).reshape(6, 2)

    def answer(kept):
        sums = (kept * steps)[:, :, 1].sum(axis=1)
        return torch.from_numpy(np.stack([-sums, sums], axis=1))

    found = attributions.step_attribution(
        answer, num_steps=6, num_channels=2, place=1, seed=0
    )
    assert found.edges == tuple(range(7))
    np.testing.assert_allclose(found.values[0], 0, atol=1e-9)
    np.testing.assert_allclose(found.values[1], steps[:, 1])
    assert (found.output, found.baseline) == (36.0, 0.0)


def test_a_long_sequence_is_cut_into_stretches_that_cover_all_of_it():
    found = attributions.step_attribution(
        lambda kept: torch.from_numpy(kept.sum(axis=(1, 2), dtype=float))[:, None],
        num_steps=1_001,
        num_channels=3,
        place=0,
    )
    assert found.values.shape == (3, 16)
    assert (found.edges[0], found.edges[-1]) == (0, 1_001)
    assert found.values.sum() == pytest.approx(3_003)
    np.testing.assert_allclose(found.values[0], np.diff(found.edges))
