"""Every network is built as its spec says, or refused with the layer and the shapes."""

import pytest
import torch
from torch import nn

from torchsmith.core.errors import PlanError
from torchsmith.core.spec import members
from torchsmith.nn.build import InputLayout, build_network
from torchsmith.plan import layers
from torchsmith.plan.activations import ELU, GELU, ReLU, SiLU
from torchsmith.plan.convolutions import Conv1d, Conv2d, MaxPool2d
from torchsmith.plan.networks import (
    MLP,
    ConvNet,
    Network,
    PictureTableNet,
    ResNet,
    SequenceNet,
    Sequential,
    TabularMLP,
    VolumeNet,
)
from torchsmith.plan.normalisation import GroupNorm, LayerNorm
from torchsmith.plan.sequence_bodies import Inception
from torchsmith.plan.sequences import LSTM, Embedding, TransformerEncoder

NETWORKS = {
    "Sequential": (
        Sequential(layers=(layers.Flatten(), ReLU(), layers.Linear(out_features=3))),
        InputLayout((3, 8, 8)),
    ),
    "MLP": (
        MLP(hidden=(7, 5), dropout=0.2, batch_norm=True, activation=GELU()),
        InputLayout((6,)),
    ),
    "TabularMLP": (
        TabularMLP(
            hidden=(9,), dropout=0.1, batch_norm=True, frequencies=4, number_embedding=3
        ),
        InputLayout((5,), num_numbers=3, cardinalities=(4, 11)),
    ),
    "PictureTableNet": (
        PictureTableNet(channels=(4, 6), depth=2, features=5, hidden=(9,), dropout=0.1),
        InputLayout(
            (2 + 12 + 32 + 2,),
            num_numbers=2 + 12 + 32,
            cardinalities=(4, 11),
            pictures=((1, 3, 4), (2, 4, 4)),
        ),
    ),
    "VolumeNet": (
        VolumeNet(channels=(4, 6), depth=2, dropout=0.1),
        InputLayout((2, 5, 9, 8)),
    ),
    "ConvNet": (
        ConvNet(channels=(4, 6), depth=2, pool=2, dropout=0.1),
        InputLayout((1, 9, 8)),
    ),
    "ResNet": (
        ResNet(channels=(4, 6), depth=2, stride=2, activation=SiLU(), dropout=0.1),
        InputLayout((3, 15, 10)),
    ),
}


NETWORKS["SequenceNet"] = (
    SequenceNet(
        body=Inception(width=4, depth=3, kernel_sizes=(3, 7), activation=ELU())
    ),
    InputLayout((2, 9), sequence=(2, 9)),
)


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


def test_every_option_of_a_picture_table_net_reaches_it():
    spec, layout = NETWORKS["PictureTableNet"]
    network = build_network(spec, layout, 3, seed=0)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert [(m.in_channels, m.out_channels) for m in convolutions] == [
        *((1, 4), (4, 4), (4, 6), (6, 6)),
        *((2, 4), (4, 4), (4, 6), (6, 6)),
    ]
    assert network.table.num_numbers == 2 + 2 * 5
    assert [
        m.out_features for m in network.table.modules() if type(m) is nn.Linear
    ] == [
        9,
        3,
    ]
    assert {m.p for m in network.modules() if isinstance(m, nn.Dropout)} == {0.1}


def test_each_picture_of_a_row_is_read_by_its_own_network():
    spec, layout = NETWORKS["PictureTableNet"]
    network = build_network(spec, layout, 3, seed=0).eval()
    seen = []
    for picture in network.pictures:
        picture.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    inputs = torch.arange(48.0).repeat(2, 1)
    inputs[:, -2:] = 1  # codes
    network(inputs)
    assert torch.equal(seen[0][1], torch.arange(2.0, 14).reshape(1, 3, 4))
    assert torch.equal(seen[1][1], torch.arange(14.0, 46).reshape(2, 4, 4))


def test_a_stage_of_a_conv_net_has_its_own_depth_and_may_pool_first():
    spec = ConvNet(channels=(4, 6), depth=(1, 2), pool_first=True)
    network = build_network(spec, InputLayout((1, 9, 8)), 3, seed=0)
    kinds = [type(m).__name__ for m in network]
    block = ["Conv2d", "BatchNorm2d", "ReLU"]
    assert kinds == [
        *("Conv2d", "MaxPool2d", "BatchNorm2d", "ReLU"),
        *(block * 2),
        *("AdaptiveAvgPool2d", "Flatten", "Linear"),
    ]
    assert [m.out_channels for m in network if isinstance(m, nn.Conv2d)] == [4, 6, 6]


def test_a_conv_net_may_have_hidden_layers_between_its_maps_and_the_output():
    spec = ConvNet(channels=(4, 6), pool=2, hidden=(5,), dropout=0.1)
    network = build_network(spec, InputLayout((1, 9, 8)), 3, seed=0)
    after = [str(m) for m in network][-6:]
    assert after == [
        "Flatten(start_dim=1, end_dim=-1)",
        "Linear(in_features=24, out_features=5, bias=False)",
        str(nn.BatchNorm1d(5)),
        "ReLU()",
        "Dropout(p=0.1, inplace=False)",
        "Linear(in_features=5, out_features=3, bias=True)",
    ]
    assert network(torch.randn(2, 1, 9, 8)).shape == (2, 3)


def test_pooling_first_gives_the_same_as_pooling_last():
    inputs = torch.randn(5, 1, 9, 8)
    outputs = []
    for first in (False, True):
        spec = ConvNet(channels=(4, 6, 5), depth=(1, 2, 1), pool_first=first)
        network = build_network(spec, InputLayout((1, 9, 8)), 3, seed=0).eval()
        for norm in network.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.fill_(0.1)
                norm.bias.data.fill_(0.2)
        outputs.append(network(inputs))
    torch.testing.assert_close(*outputs)


@pytest.mark.parametrize(
    ("spec", "num_outputs", "num_parameters"),
    [
        # Section 4.2: 20 layers; the paper's shortcuts have no weights, these 2,752.
        (ResNet(channels=(16, 32, 64), depth=3), 10, 269_722 + 2_752),
        # ResNet-18 for small pictures: 11.2 million with its first layers of 3x3.
        (ResNet(), 10, 11_173_962),
    ],
)
def test_a_residual_net_has_as_many_parameters_as_its_paper_says(
    spec, num_outputs, num_parameters
):
    network = build_network(spec, InputLayout((3, 32, 32)), num_outputs, seed=0)
    assert sum(p.numel() for p in network.parameters()) == num_parameters


def test_a_residual_net_is_what_it_is_by_hand():
    spec = ResNet(channels=(4, 6), depth=1, stride=2)
    network = build_network(spec, InputLayout((3, 15, 10)), 3, seed=0).eval()
    inputs = torch.randn(2, 3, 15, 10)
    conv, norm, relu, first, _, second, *_, last = network

    def block(x, residual, shortcut):
        a, n, _, b, m = residual.layers
        return relu(m(b(relu(n(a(x))))) + shortcut(x))

    x = relu(norm(conv(inputs)))
    assert conv.kernel_size == (5, 5)
    assert x.shape == (2, 4, 8, 5)
    x = block(x, first, nn.Identity())
    pool, project, norm = second.shortcut
    x = block(x, second, lambda x: norm(project(pool(x))))
    assert x.shape == (2, 6, 4, 3)
    torch.testing.assert_close(last(x.mean((2, 3))), network(inputs))


def test_every_option_of_a_residual_net_reaches_it():
    spec, layout = NETWORKS["ResNet"]
    network = build_network(spec, layout, 3, seed=0)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert network[0].stride == (2, 2)
    assert [m.out_channels for m in convolutions if m.kernel_size == (3, 3)] == [
        *(4, 4, 4, 4),
        *(6, 6, 6, 6),
    ]
    assert sum(isinstance(m, nn.SiLU) for m in network.modules()) == 1 + 4 * 2
    assert [m.p for m in network if isinstance(m, nn.Dropout)] == [0.1]


def test_every_option_of_a_tabular_mlp_reaches_it():
    spec, layout = NETWORKS["TabularMLP"]
    network = build_network(spec, layout, 3, seed=0)
    assert network.numbers.frequencies.shape == (3, 4)
    assert network.numbers.weight.shape == (3, 8, 3)
    assert [table.embedding_dim for table in network.categories] == [3, 7]
    assert network.mlp[0].in_features == 3 + 3 * 3 + 3 + 7
    assert [type(m).__name__ for m in network.mlp] == [
        *("Linear", "BatchNorm1d", "ReLU", "Dropout"),
        "Linear",
    ]
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


CODES = InputLayout((3,), cardinalities=(4, 11, 2))


def test_category_codes_reach_an_embedding_with_a_vector_for_each():
    spec = sequential(
        Embedding(embedding_dim=5),
        layers.Flatten(),
        layers.Linear(out_features=2),
    )
    network = build_network(spec, CODES, 2, seed=0)
    assert network[0].num_embeddings == 11
    assert network(inputs_for(CODES)).shape == (12, 2)


EMBEDDING = Embedding(embedding_dim=5)
IMAGE = InputLayout((3, 8, 8))


@pytest.mark.parametrize(
    ("spec", "layout", "message"),
    [
        (
            sequential(layers.Linear(out_features=3)),
            IMAGE,
            r"network\.Sequential\.0: Linear takes \(features,\) or \(L, features\) "
            r"for each example, but gets \(3, 8, 8\); put Flatten before it",
        ),
        (
            sequential(layers.Flatten(), Conv2d(out_channels=2)),
            IMAGE,
            r"Sequential\.1: Conv2d takes \(C, H, W\) .* gets \(192,\); put Unflatten",
        ),
        (
            sequential(LSTM(hidden_size=2)),
            IMAGE,
            r"takes \(L, features\) .*; put Flatten: {start_dim: 1, end_dim: 2} before",
        ),
        (
            sequential(MaxPool2d(kernel_size=9)),
            IMAGE,
            r"network\.Sequential\.0: MaxPool2d cannot take \(3, 8, 8\)",
        ),
        (
            sequential(layers.Linear(out_features=4)),
            InputLayout((6,)),
            r"Linear, the last layer, gives \(4,\) .* needs \(3,\); end with Linear: 3",
        ),
        (
            sequential(Conv2d(out_channels=4, groups=2)),
            IMAGE,
            r"Sequential\.0: Conv2d cannot take \(3, 8, 8\) .*divisible by groups",
        ),
        (
            sequential(GroupNorm(num_groups=2)),
            IMAGE,
            r"Sequential\.0: GroupNorm cannot take .*divisible by num_groups",
        ),
        (
            sequential(LayerNorm(normalized_shape=(3, 8))),
            IMAGE,
            r"normalized_shape is \(3, 8\), but each example is \(3, 8, 8\)",
        ),
        (
            sequential(
                layers.Flatten(start_dim=2),
                TransformerEncoder(nhead=6, num_layers=1),
            ),
            IMAGE,
            r"Sequential\.1: TransformerEncoder: nhead 6 does not divide the 64 "
            r"features of \(3, 64\); it can be 1, 2, 4, 8, 16, 32, 64",
        ),
        (
            sequential(layers.Flatten(start_dim=0)),
            IMAGE,
            "Sequential.0: Flatten would mix",
        ),
        (
            sequential(layers.Unflatten(dim=1, unflattened_size=(2, 5))),
            InputLayout((6,)),
            r"network\.Sequential\.0: Unflatten cannot take \(6,\) .*multiply up to",
        ),
        (
            sequential(layers.Residual(layers=(layers.Linear(out_features=4),))),
            InputLayout((6,)),
            r"Sequential\.0: Residual: the layers give \(4,\), but the input is "
            r"\(6,\); .*such as Linear: 4",
        ),
        (
            sequential(
                layers.Residual(
                    layers=(Conv2d(out_channels=4),),
                    shortcut=(Conv2d(out_channels=5),),
                )
            ),
            IMAGE,
            r"give \(4, 6, 6\), but the shortcut gives \(5, 6, 6\); .*out_channels: 4",
        ),
        (
            sequential(ReLU(), layers.Residual(layers=(Conv1d(out_channels=4),))),
            IMAGE,
            r"network\.Sequential\.1\.Residual\.0: Conv1d takes \(C, L\)",
        ),
        (sequential(EMBEDDING), InputLayout((6,)), "num_embeddings is missing"),
        (
            sequential(Embedding(embedding_dim=5, num_embeddings=7)),
            CODES,
            "num_embeddings is 7, but the data has 11 codes; leave it out",
        ),
        (
            sequential(EMBEDDING),
            InputLayout((5,), num_numbers=2, cardinalities=(4, 11, 2)),
            "takes category codes, but there are number columns, too; use TabularMLP",
        ),
        (
            sequential(layers.Linear(out_features=3)),
            CODES,
            "Sequential cannot take category codes; use TabularMLP",
        ),
        (TabularMLP(), InputLayout((1, 8, 8)), "TabularMLP takes tables"),
        (MLP(), InputLayout((2,), 1, (3,)), "use TabularMLP, or prepare with"),
        (ResNet(), InputLayout((6,)), r"ResNet takes images .* gets \(6,\)"),
        (
            ConvNet(depth=(1, 2)),
            IMAGE,
            "ConvNet has 3 stages, but depth names 2; give one number, or one for each",
        ),
        (ConvNet(), InputLayout((6,)), r"ConvNet takes images .* gets \(6,\)"),
        (ConvNet(), InputLayout((1, 3, 3)), "at least 4 x 4 pixels, but gets 3 x 3"),
    ],
)
def test_a_network_that_cannot_be_built_names_the_layer_and_the_shapes(
    spec, layout, message
):
    with pytest.raises(PlanError, match=message):
        build_network(spec, layout, 3, seed=0)
