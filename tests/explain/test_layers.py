"""A network is its layers, and what feeds what."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.doctor.subjects import planned
from tests.inspect import build
from torchsmith.core.errors import DataError
from torchsmith.data.load import load
from torchsmith.explain.layers import constructor, kind_of, layer_graph
from torchsmith.nn.tabular import TabularMLP


class Residual(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return x + self.body(x)


def table_of_pictures(folder):
    rows = ["photo,size,kind"]
    for number in range(80):
        pixels = np.full((8, 8), 3 * number, np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        rows.append(f"{number}.png,{number % 7},{'ab'[number % 2]}")
    (folder / "photos.csv").write_text("\n".join(rows))
    return load(folder / "photos.csv", target="kind")


SOURCES = {
    "numbers": lambda _: "iris",
    "numbers and categories": lambda _: build.table(
        {"size": build.noise(), "colour": build.labels()}, build.labels(seed=3)
    ),
    "a number to predict": lambda _: "diabetes",
    "pictures": lambda _: "digits",
    "a table of pictures": table_of_pictures,
    "sequences": lambda _: build.sequences(
        [build.noise(36, row).reshape(12, 3) for row in range(200)], build.labels()
    ),
    "texts": lambda _: build.texts(
        [5 * "ab"[row % 2] + "cde"[row % 3] for row in range(200)], build.labels()
    ),
    "volumes": lambda _: build.volumes(
        np.random.default_rng(0).random((90, 1, 5, 6, 7), np.float32),
        build.labels(90),
    ),
}


def inputs_by_name(graph):
    names = [layer.name for layer in graph.layers]
    return {layer.name: [names[i] for i in layer.inputs] for layer in graph.layers}


def test_layers_in_a_row_feed_each_other():
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 500), nn.ReLU())
    graph = layer_graph(network, torch.zeros(2, 1, 28, 28))
    assert inputs_by_name(graph) == {
        "input": [],
        "0": ["input"],
        "1": ["0"],
        "2": ["1"],
        "output": ["2"],
    }
    assert [layer.shape for layer in graph.layers] == [
        (1, 28, 28),
        (784,),
        (500,),
        (500,),
        (500,),
    ]
    assert [layer.num_parameters for layer in graph.layers] == [0, 0, 392_500, 0, 0]


def test_a_shortcut_is_a_second_way():
    network = nn.Sequential(nn.Linear(3, 3), Residual(nn.Linear(3, 3)), nn.ReLU())
    found = inputs_by_name(layer_graph(network, torch.zeros(2, 3)))
    assert found["1.body"] == ["0"]
    assert found["2"] == ["0", "1.body"]


def test_numbers_and_embeddings_meet():
    network = TabularMLP(3, (4, 11), 2, hidden=(9,), frequencies=4)
    graph = layer_graph(network, torch.zeros(2, 5))
    found = inputs_by_name(graph)
    assert found["mlp.0"] == ["input", "numbers", "categories.0", "categories.1"]
    own = sum(layer.num_parameters for layer in graph.layers)
    assert graph.copies * own == graph.num_parameters


def test_a_layer_with_parameters_that_calls_others_comes_after_them():
    network = TabularMLP(3, (), 2, hidden=(9,), frequencies=4, members=5)
    graph = layer_graph(network, torch.zeros(2, 3))
    found = inputs_by_name(graph)
    assert list(found)[-3:] == ["mlp.shared.1", "mlp", "output"]
    assert found["mlp.shared.0"] == ["input", "numbers"]
    assert found["mlp"] == ["mlp.shared.1"]
    assert found["output"] == ["mlp"]
    own = [network.mlp.factors, network.mlp.weight, network.mlp.bias]
    assert graph.layers[-2].num_parameters == sum(one.numel() for one in own)


@pytest.mark.parametrize("kind", SOURCES)
def test_the_layers_of_default_networks_hold_all_parameters(kind, tmp_path):
    subject = planned(SOURCES[kind](tmp_path))
    shape = subject.case.setup.preparation.input_shape
    graph = layer_graph(subject.state.network, torch.zeros(2, *shape))
    own = sum(layer.num_parameters for layer in graph.layers)
    assert graph.copies * own == graph.num_parameters


def test_a_layer_that_is_called_again_has_no_parameters_again():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.step = nn.Linear(2, 2)

        def forward(self, x):
            return self.step(self.step(x))

    graph = layer_graph(Twice(), torch.zeros(1, 2))
    assert [layer.num_parameters for layer in graph.layers] == [0, 6, 0, 0]
    assert graph.num_parameters == 6


def test_the_network_is_left_as_it_was():
    network = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(), nn.Linear(3, 1)).train()
    network[1].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    layer_graph(network, torch.ones(4, 3))
    assert [module.training for module in network] == [True, False, True]
    assert not any(module._forward_hooks for module in network.modules())
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())


def test_whole_numbers_may_be_the_input():
    network = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 1))
    graph = layer_graph(network, torch.zeros(1, 2, dtype=torch.long))
    assert inputs_by_name(graph)["0"] == ["input"]


def test_an_input_that_does_not_fit_is_said():
    with pytest.raises(DataError, match=r"Linear cannot take an input of shape \(1, 4"):
        layer_graph(nn.Linear(3, 2), torch.zeros(1, 4))


@pytest.mark.parametrize(
    ("module", "text", "kind"),
    [
        (nn.Linear(3, 2), "Linear(in_features=3, out_features=2)", "linear"),
        (
            nn.Linear(3, 2, bias=False),
            "Linear(in_features=3, out_features=2, bias=False)",
            "linear",
        ),
        (nn.Conv2d(1, 8, 5), "Conv2d(1, 8, kernel_size=5)", "convolution"),
        (
            nn.Conv2d(1, 8, (3, 5), stride=2),
            "Conv2d(1, 8, kernel_size=(3, 5), stride=2)",
            "convolution",
        ),
        (nn.BatchNorm2d(8), "BatchNorm2d(8)", "normalisation"),
        (nn.LayerNorm(8), "LayerNorm((8,))", "normalisation"),
        (nn.MaxPool2d(2), "MaxPool2d(kernel_size=2, stride=2)", "pooling"),
        (nn.LeakyReLU(0.02), "LeakyReLU(negative_slope=0.02)", "activation"),
        (nn.ReLU(), "ReLU()", "activation"),
        (nn.Dropout(0.4), "Dropout(p=0.4)", "dropout"),
        (nn.LSTM(3, 4), "LSTM(3, 4)", "recurrent"),
        (nn.Flatten(), "Flatten()", "shape"),
        (nn.Embedding(5, 3), "Embedding(5, 3)", "embedding"),
        (Residual(nn.ReLU()), "Residual()", "other"),
    ],
)
def test_a_layer_is_written_as_in_pytorch(module, text, kind):
    assert constructor(module) == text
    assert kind_of(module) == kind
