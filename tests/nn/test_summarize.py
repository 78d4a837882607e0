"""The summary lists layers in the order in which they run."""

import torch

from torchsmith.explain.layers import layer_graph
from torchsmith.nn.build import InputLayout, build_network
from torchsmith.nn.summarize import summarize
from torchsmith.plan import layers, sequence_bodies
from torchsmith.plan.activations import ReLU
from torchsmith.plan.networks import ConvNet, SequenceNet, Sequential, TabularMLP
from torchsmith.plan.sequences import LSTM, TransformerEncoder


def test_layers_have_their_shapes_and_parameters():
    network = build_network(
        ConvNet(channels=(4, 8), pool=2), InputLayout((1, 8, 8)), 3, 0
    )
    found = summarize(network, (1, 8, 8))
    rows = [(row.type, row.output_shape, row.num_parameters) for row in found.layers]
    assert rows == [
        ("Conv2d(kernel_size=3, padding=1)", (4, 8, 8), 36),
        ("BatchNorm2d", (4, 8, 8), 8),
        ("ReLU", (4, 8, 8), 0),
        ("MaxPool2d(kernel_size=2, stride=2)", (4, 4, 4), 0),
        ("Conv2d(kernel_size=3, padding=1)", (8, 4, 4), 288),
        ("BatchNorm2d", (8, 4, 4), 16),
        ("ReLU", (8, 4, 4), 0),
        ("AdaptiveAvgPool2d", (8, 2, 2), 0),
        ("Flatten", (32,), 0),
        ("Linear", (3,), 99),
    ]
    assert found.num_parameters == sum(p.numel() for p in network.parameters()) == 447


def test_a_network_for_tables_adds_up_and_keeps_its_mode():
    layout = InputLayout((5,), num_numbers=3, cardinalities=(4, 11))
    network = build_network(
        TabularMLP(hidden=(9,), frequencies=4), layout, 3, 0
    ).train()
    network.categories[0].weight.requires_grad_(False)
    found = summarize(network, (5,))
    assert network.training
    assert sum(row.num_parameters for row in found.layers) == found.num_parameters
    frozen = network.categories[0].weight.numel()
    assert found.num_trainable == found.num_parameters - frozen


def test_buffers_are_not_changed_by_summarizing():
    network = build_network(ConvNet(channels=(4,)), InputLayout((1, 8, 8)), 3, 0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    summarize(network, (1, 8, 8))
    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_recurrent_layers_are_one_row_and_blocks_end_in_the_row_of_their_sum():
    spec = Sequential(
        layers=(
            layers.Flatten(start_dim=1, end_dim=2),
            TransformerEncoder(nhead=2, num_layers=2, dim_feedforward=4),
            LSTM(hidden_size=3, num_layers=2, bidirectional=True),
            layers.Residual(layers=(layers.Linear(out_features=6), ReLU())),
        )
    )
    network = build_network(spec, InputLayout((1, 8, 8)), 6, 0)
    found = summarize(network, (1, 8, 8))
    rows = [(row.name, row.type, row.output_shape) for row in found.layers]
    assert rows == [
        ("0", "Flatten", (8, 8)),
        ("1", "TransformerEncoder(num_layers=2)", (8, 8)),
        ("2", "LSTM(hidden_size=3, num_layers=2, bidirectional=True)", (6,)),
        ("3.layers.0", "Linear", (6,)),
        ("3.layers.1", "ReLU", (6,)),
        ("3", "Residual", (6,)),
    ]
    assert sum(row.num_parameters for row in found.layers) == found.num_parameters
    assert found.layers[-1].num_parameters == 0


def test_a_recurrent_layer_of_packed_sequences_has_the_shape_of_a_step():
    layout = InputLayout((3, 20), sequence=(3, 20), has_mask=True)
    spec = SequenceNet(body=sequence_bodies.GRU(width=5, depth=2))
    network = build_network(spec, layout, 3, 0)
    [row] = [r for r in summarize(network, (3, 20)).layers if r.name == "body.gru"]
    assert row.output_shape == (10,)
    graph = layer_graph(network, torch.zeros(2, 3, 20))
    assert (10,) in [one.shape for one in graph.layers if one.name == "body.gru"]


def test_members_that_share_layers_are_counted_once():
    network = build_network(
        TabularMLP(hidden=(9, 7), members=4), InputLayout((5,), num_numbers=5), 3, 0
    )
    found = summarize(network, (5,))
    assert sum(row.num_parameters for row in found.layers) == found.num_parameters
