"""Networks side by side are seen by the first of them."""

import pytest
import torch
from torch import nn

from torchsmith.explain.activations import activations
from torchsmith.explain.layers import layer_graph
from torchsmith.explain.weights import weights_over_time
from torchsmith.nn.folds import Folds
from torchsmith.nn.summarize import summarize


@pytest.fixture
def network() -> Folds:
    layers = ([nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)] for _ in range(5))
    return Folds([nn.Sequential(*each) for each in layers], 4)


NAMES = ["networks.0.0", "networks.0.1", "networks.0.2"]


def test_the_first_is_drawn_and_all_are_counted(network: Folds) -> None:
    graph = layer_graph(network, torch.zeros(2, 4))
    assert [layer.name for layer in graph.layers] == ["input", "0", "1", "2", "output"]
    assert graph.copies == 5
    assert graph.num_parameters == 5 * sum(one.num_parameters for one in graph.layers)


def test_the_first_is_listed_and_all_are_counted(network: Folds) -> None:
    found = summarize(network, (4,))
    assert [layer.name for layer in found.layers] == ["0", "1", "2"]
    assert found.num_parameters == 5 * sum(one.num_parameters for one in found.layers)


def test_what_the_first_gives_is_shown(network: Folds) -> None:
    inputs = torch.randn(1, 4)
    seen = activations(network, inputs)
    assert [one.name for one in seen] == NAMES
    first = network.networks[0](inputs)[0].tolist()
    assert seen[-1].values.tolist() == pytest.approx(first)


def test_the_weights_of_the_first_are_shown_before_and_after(network: Folds) -> None:
    name = "networks.0.0.weight"
    epochs = {1: network.state_dict()[name].numpy() + 1}
    found = weights_over_time(network, network, between=epochs, parameter=name)
    assert [one.name for one in found] == [name, "networks.0.2.weight"]
    assert list(found[0].states) == ["before training", "epoch 1", "after training"]
