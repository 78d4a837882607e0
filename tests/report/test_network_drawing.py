"""A drawn network names every layer, and many layers stay readable."""

import re
from importlib.resources import files

import torch
from torch import nn

from torchsmith.explain.layers import layer_graph
from torchsmith.nn.tabular import TabularMLP
from torchsmith.report.blocks import blocks
from torchsmith.report.network_drawing import draw_network


def drawn(network, *shape):
    return draw_network(layer_graph(network, torch.zeros(2, *shape)))


def test_a_drawing_says_text_shape_and_parameters():
    svg = drawn(nn.Sequential(nn.Flatten(), nn.Linear(784, 500)), 1, 28, 28)
    assert ">Linear(in_features=784, out_features=500)</text>" in svg
    assert ">1 · (N, 500) · 392,500 parameters</text>" in svg
    assert ">(N, 1, 28, 28)</text>" in svg
    assert '<span class="kind-key linear">linear</span>' in svg
    assert "activation" not in svg


def test_every_layer_of_a_usual_network_is_named():
    network = TabularMLP(3, (4, 11), 2, hidden=(9, 7), dropout=0.1, frequencies=4)
    svg = drawn(network, 5)
    names = [name for name, m in network.named_modules() if not list(m.children())]
    assert len(names) == 10
    assert all(f">{name} · " in svg for name in names)


def test_many_equal_layers_are_counted():
    layers = [m for _ in range(28) for m in (nn.Linear(64, 64), nn.ReLU())]
    svg = drawn(
        nn.Sequential(nn.Linear(5, 64), nn.ReLU(), *layers, nn.Linear(64, 2)), 5
    )
    assert "28 times in a row; in all 116,480 parameters" in svg
    assert len(re.findall('class="edge"', svg)) == 4


def test_many_layers_side_by_side_are_counted():
    svg = drawn(TabularMLP(0, (4,) * 30, 2, hidden=(9,)), 30)
    assert "… and 27 more; in all 360 parameters" in svg


def test_a_shortcut_stays_a_way_of_its_own():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(3, 3)

        def forward(self, x):
            return x + self.body(x)

    network = nn.Sequential(nn.Linear(3, 3), Residual(), nn.ReLU())
    found = blocks(layer_graph(network, torch.zeros(2, 3)))
    assert [block.rows[0].name for block in found] == [
        "input",
        "0",
        "1.body",
        "2",
        "output",
    ]
    assert [block.inputs for block in found] == [(), (0,), (1,), (1, 2), (3,)]


def test_no_two_kinds_of_layers_have_one_colour():
    style = files("torchsmith.report").joinpath("templates/style.css").read_text()
    colours = re.findall("--kind: (#[0-9a-f]+)", style)
    assert len(colours) == len(set(colours)) > 8
