"""Every spec builds what PyTorch builds, and every option reaches it."""

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from torchsmith.core.errors import PlanError
from torchsmith.core.spec import members
from torchsmith.nn.build import (
    InputLayout,
    build_activation,
    build_layer,
    build_network,
)
from torchsmith.plan import layers
from torchsmith.plan.layers import Activation, Layer
from torchsmith.plan.networks import MLP, ConvNet, Network, Sequential, TabularMLP

FLAT, IMAGE = (6,), (3, 8, 8)

# For each layer: arguments that are not PyTorch's defaults, and an input shape.
CASES = {
    "Linear": ({"out_features": 5, "bias": False}, FLAT),
    "Conv2d": (
        {
            "out_channels": 6,
            "kernel_size": (3, 2),
            "stride": 2,
            "padding": 1,
            "dilation": 2,
            "groups": 3,
            "bias": False,
        },
        IMAGE,
    ),
    "MaxPool2d": ({"kernel_size": 3, "stride": 2, "padding": 1}, IMAGE),
    "AvgPool2d": ({"kernel_size": 3, "stride": 2, "padding": 1}, IMAGE),
    "AdaptiveAvgPool2d": ({"output_size": (2, 3)}, IMAGE),
    "BatchNorm1d": ({"eps": 0.1, "momentum": 0.3, "affine": False}, FLAT),
    "BatchNorm2d": ({"eps": 0.1, "momentum": 0.3, "affine": False}, IMAGE),
    "LayerNorm": ({"eps": 0.1, "elementwise_affine": False}, FLAT),
    "Dropout": ({"p": 0.25}, FLAT),
    "Flatten": ({}, IMAGE),
    "ReLU": ({}, FLAT),
    "LeakyReLU": ({"negative_slope": 0.2}, FLAT),
    "ELU": ({"alpha": 0.5}, FLAT),
    "GELU": ({"approximate": "tanh"}, FLAT),
    "SELU": ({}, FLAT),
    "SiLU": ({}, FLAT),
    "Mish": ({}, FLAT),
    "Sigmoid": ({}, FLAT),
    "Tanh": ({}, FLAT),
    "Softmax": ({"dim": 0}, FLAT),
    "LogSoftmax": ({"dim": 0}, FLAT),
    "Identity": ({}, FLAT),
}
LAYERS = {member.spec_name(): member for member in members(Layer)}


def test_every_layer_has_a_case():
    assert CASES.keys() == LAYERS.keys()


@pytest.mark.parametrize("name", CASES)
def test_a_layer_is_pytorchs_own_with_every_option(name):
    arguments, shape = CASES[name]
    built = build_layer(LAYERS[name](**arguments), shape)
    assert type(built) is getattr(nn, name)
    for option, value in arguments.items():
        found = getattr(built, option, None)
        if option == "bias":
            assert (found is not None) is value
        elif isinstance(found, tuple) and not isinstance(value, tuple):
            assert set(found) == {value}
        else:
            assert found == value


@pytest.mark.parametrize("name", CASES)
def test_a_layer_without_options_has_pytorchs_defaults(name):
    required = {
        key: value
        for key, value in CASES[name][0].items()
        if LAYERS[name].model_fields[key].is_required()
    }
    built = build_layer(LAYERS[name](**required), CASES[name][1])
    by_hand = {
        "Linear": lambda: nn.Linear(6, 5),
        "Conv2d": lambda: nn.Conv2d(3, 6, 3),
        "MaxPool2d": lambda: nn.MaxPool2d(3),
        "AvgPool2d": lambda: nn.AvgPool2d(3),
        "AdaptiveAvgPool2d": lambda: nn.AdaptiveAvgPool2d((2, 3)),
        "BatchNorm1d": lambda: nn.BatchNorm1d(6),
        "BatchNorm2d": lambda: nn.BatchNorm2d(3),
        "LayerNorm": lambda: nn.LayerNorm(6),
        "Softmax": lambda: nn.Softmax(dim=1),
        "LogSoftmax": lambda: nn.LogSoftmax(dim=1),
    }.get(name, getattr(nn, name))()
    assert repr(built) == repr(by_hand)


@pytest.mark.parametrize("name", CASES)
def test_gradients_reach_every_parameter_of_a_layer(name):
    arguments, shape = CASES[name]
    arguments = {k: v for k, v in arguments.items() if k not in ("affine", "bias")}
    arguments.pop("elementwise_affine", None)
    built = build_layer(LAYERS[name](**arguments), shape)
    inputs = torch.randn(4, *shape, requires_grad=True)
    (built(inputs) ** 2).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in built.parameters())
    assert inputs.grad is not None


@pytest.mark.parametrize("name", CASES)
def test_a_layer_comes_back_from_its_written_form(name):
    spec = LAYERS[name](**CASES[name][0])
    adapter = TypeAdapter(Layer)
    assert adapter.validate_python(adapter.dump_python(spec, mode="json")) == spec


@pytest.mark.parametrize("spec", members(Activation), ids=lambda s: s.spec_name())
def test_every_activation_builds(spec):
    assert type(build_activation(spec())) is getattr(nn, spec.spec_name())


NETWORKS = {
    "Sequential": (
        Sequential(
            layers=(layers.Flatten(), layers.ReLU(), layers.Linear(out_features=3))
        ),
        InputLayout((3, 8, 8)),
    ),
    "MLP": (
        MLP(hidden=(7, 5), dropout=0.2, batch_norm=True, activation=layers.GELU()),
        InputLayout((6,)),
    ),
    "TabularMLP": (
        TabularMLP(hidden=(9,), dropout=0.1, frequencies=4, number_embedding=3),
        InputLayout((5,), num_numbers=3, cardinalities=(4, 11)),
    ),
    "ConvNet": (
        ConvNet(channels=(4, 6), depth=2, pool=2, dropout=0.1),
        InputLayout((1, 9, 8)),
    ),
}


def inputs_for(layout):
    inputs = torch.randn(12, *layout.shape)
    for place, codes in enumerate(layout.cardinalities, start=layout.num_numbers):
        inputs[:, place] = torch.arange(12) % codes
    return inputs


def test_every_network_has_a_case():
    assert NETWORKS.keys() == {member.spec_name() for member in members(Network)}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_maps_examples_to_outputs_and_learns_with_all_of_it(name):
    spec, layout = NETWORKS[name]
    network = build_network(spec, layout, 3, seed=0)
    outputs = network(inputs_for(layout))
    assert outputs.shape == (12, 3)
    (outputs**2).sum().backward()
    dead = [n for n, p in network.named_parameters() if p.grad is None]
    assert not dead


@pytest.mark.parametrize("name", NETWORKS)
def test_initial_weights_are_a_function_of_the_seed(name):
    spec, layout = NETWORKS[name]
    first, again, other = (
        list(build_network(spec, layout, 3, seed=seed).parameters())
        for seed in (0, 0, 1)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_building_leaves_the_random_numbers_of_the_program_alone():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    build_network(*NETWORKS["MLP"], 3, seed=0)
    assert torch.equal(torch.rand(2), expected)


def test_every_option_of_an_mlp_reaches_it():
    spec, layout = NETWORKS["MLP"]
    network = build_network(spec, layout, 3, seed=0)
    assert [type(m).__name__ for m in network] == [
        *("Linear", "BatchNorm1d", "GELU", "Dropout") * 2,
        "Linear",
    ]
    assert [m.out_features for m in network if isinstance(m, nn.Linear)] == [7, 5, 3]
    assert {m.p for m in network if isinstance(m, nn.Dropout)} == {0.2}


def test_every_option_of_a_conv_net_reaches_it():
    spec, layout = NETWORKS["ConvNet"]
    network = build_network(spec, layout, 3, seed=0)
    widths = [m.out_channels for m in network if isinstance(m, nn.Conv2d)]
    assert widths == [4, 4, 6, 6]
    assert sum(isinstance(m, nn.MaxPool2d) for m in network) == 1
    assert network[-1].in_features == 6 * 2 * 2
    assert [m.p for m in network if isinstance(m, nn.Dropout)] == [0.1]


def test_every_option_of_a_tabular_mlp_reaches_it():
    spec, layout = NETWORKS["TabularMLP"]
    network = build_network(spec, layout, 3, seed=0)
    assert network.numbers.frequencies.shape == (3, 4)
    assert network.numbers.weight.shape == (3, 8, 3)
    assert [table.embedding_dim for table in network.categories] == [3, 7]
    assert network.mlp[0].in_features == 3 + 3 * 3 + 3 + 7
    plain = build_network(TabularMLP(embedding=5), layout, 3, seed=0)
    assert plain.numbers is None
    assert [table.embedding_dim for table in plain.categories] == [5, 5]
    wide = build_network(
        TabularMLP(frequencies=400, frequency_scale=5.0), layout, 3, seed=0
    )
    assert wide.numbers.frequencies.std().item() == pytest.approx(5.0, rel=0.1)


def test_a_periodic_embedding_is_waves_then_a_linear_layer():
    spec, layout = NETWORKS["TabularMLP"]
    embed = build_network(spec, layout, 3, seed=0).numbers
    numbers = torch.randn(5, 3)
    waves = 2 * torch.pi * embed.frequencies[1] * numbers[2, 1]
    by_hand = torch.cat([waves.cos(), waves.sin()]) @ embed.weight[1] + embed.bias[1]
    torch.testing.assert_close(embed(numbers)[2, 3:6], by_hand.relu())


def test_an_mlp_takes_images_by_flattening_them():
    network = build_network(MLP(hidden=(4,)), InputLayout((1, 3, 3)), 2, seed=0)
    assert network(torch.zeros(5, 1, 3, 3)).shape == (5, 2)


def sequential(*specs):
    return Sequential(layers=specs)


@pytest.mark.parametrize(
    ("spec", "layout", "message"),
    [
        (
            sequential(layers.Linear(out_features=3)),
            InputLayout((3, 8, 8)),
            r"layer 1, Linear: takes \(features,\) .* gets \(3, 8, 8\); put Flatten",
        ),
        (
            sequential(layers.Flatten(), layers.Conv2d(out_channels=2)),
            InputLayout((3, 8, 8)),
            r"layer 2, Conv2d: takes images \(C, H, W\), but gets \(192,\); it cannot",
        ),
        (
            sequential(layers.MaxPool2d(kernel_size=9)),
            InputLayout((3, 8, 8)),
            r"layer 1, MaxPool2d: cannot take \(3, 8, 8\)",
        ),
        (
            sequential(layers.Linear(out_features=4)),
            InputLayout((6,)),
            r"last layer, Linear, gives \(4,\) .* needs \(3,\); end with Linear: 3",
        ),
        (
            sequential(layers.BatchNorm1d()),
            InputLayout((3, 8, 8)),
            "use BatchNorm2d",
        ),
        (
            sequential(layers.Conv2d(out_channels=4, groups=2)),
            InputLayout((3, 8, 8)),
            "layer 1, Conv2d: .*divisible by groups",
        ),
        (TabularMLP(), InputLayout((1, 8, 8)), "TabularMLP takes tables"),
        (MLP(), InputLayout((2,), 1, (3,)), "use TabularMLP, or prepare with"),
        (ConvNet(), InputLayout((6,)), r"ConvNet: takes images .* gets \(6,\)"),
        (ConvNet(), InputLayout((1, 3, 3)), "at least 4 x 4 pixels, but gets 3 x 3"),
    ],
)
def test_a_network_that_cannot_be_built_names_the_layer_and_the_shapes(
    spec, layout, message
):
    with pytest.raises(PlanError, match=message):
        build_network(spec, layout, 3, seed=0)
