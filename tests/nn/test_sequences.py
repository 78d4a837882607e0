"""Networks for sequences: padding never changes an answer, and members are averaged."""

import pytest
import torch
from torch import nn

from torchsmith.core.errors import PlanError
from torchsmith.nn.build import InputLayout, build_network
from torchsmith.nn.masked import MaskedBatchNorm
from torchsmith.nn.sequence_bodies import Inception, wave_positions
from torchsmith.nn.sequences import CodedLinear
from torchsmith.plan import sequence_bodies
from torchsmith.plan.activations import GELU
from torchsmith.plan.networks import MLP, SequenceNet, num_members

BODIES = {
    "Inception": sequence_bodies.Inception(width=4, depth=4, kernel_sizes=(3, 9)),
    "GRU": sequence_bodies.GRU(width=5, depth=2),
    "Transformer": sequence_bodies.Transformer(width=16, depth=1, dropout=0.0),
}
LENGTHS = torch.tensor([20, 7, 1, 13])


def ragged(length, channels=3):
    """Four sequences of several lengths and their mask, padded to one length."""
    steps = torch.randn(4, channels, 20, generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(20) < LENGTHS[:, None]).float()[:, None]
    return nn.functional.pad(torch.cat([steps * mask, mask], dim=1), (0, length - 20))


def ragged_net(body, length, features=0):
    layout = InputLayout(
        (4 * length + features,) if features else (4, length),
        sequence=(4, length),
        has_mask=True,
        num_features=features,
    )
    return build_network(SequenceNet(body=body, features=features > 0), layout, 3, 0)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_longer_padding_does_not_change_the_answer(body):
    short, long = (
        ragged_net(body, length).eval()(ragged(length)) for length in (20, 33)
    )
    torch.testing.assert_close(short, long)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_padded_sequence_is_answered_as_it_is_alone(body):
    together = ragged_net(body, 20).eval()(ragged(20))
    alone = ragged_net(body, 7).eval()(ragged(20)[1:2, :, :7])
    torch.testing.assert_close(together[1:2], alone)


def test_neither_training_nor_the_statistics_that_it_leaves_depend_on_padding():
    nets = [ragged_net(BODIES["Inception"], length) for length in (20, 33)]
    outputs = [
        net.train()(ragged(length)) for net, length in zip(nets, (20, 33), strict=True)
    ]
    torch.testing.assert_close(*outputs)
    for name, value in nets[0].named_buffers():
        torch.testing.assert_close(value, dict(nets[1].named_buffers())[name], msg=name)


def test_masked_normalisation_is_that_of_the_steps_that_there_are():
    inputs, mask = torch.randn(2, 3, 1, 5), torch.ones(2, 1, 1, 5)
    mask[1, ..., 2:] = 0
    masked, plain = MaskedBatchNorm(3), nn.BatchNorm2d(3)
    found = masked(inputs * mask, mask)
    steps = torch.cat([inputs[0, :, 0], inputs[1, :, 0, :2]], dim=1)  # (C, 7)
    expected = plain(steps[None, :, None])[0, :, 0]
    torch.testing.assert_close(found[0, :, 0], expected[:, :5])
    torch.testing.assert_close(found[1, :, 0, :2], expected[:, 5:])
    assert not found[1, ..., 2:].any()
    torch.testing.assert_close(masked.running_var, plain.running_var)
    torch.testing.assert_close(masked.running_mean, plain.running_mean)


def test_members_answer_one_by_one_in_training_and_together_afterwards():
    spec = SequenceNet(body=BODIES["GRU"], features=True)
    assert num_members(spec) == 2
    net = ragged_net(spec.body, 20, features=6)
    inputs = torch.cat([ragged(20).flatten(1), torch.randn(4, 6)], dim=1)
    nn.init.normal_(net.features.weight)
    members = net.train()(inputs)
    assert members.shape == (4, 2, 3)
    torch.testing.assert_close(net.eval()(inputs), members.mean(1))
    by_hand = inputs[:, -6:] @ net.features.weight.T / 6**0.5
    torch.testing.assert_close(members[:, 1], by_hand)


def test_features_alone_need_no_steps():
    spec = SequenceNet(body=None, features=True)
    layout = InputLayout((6,), sequence=(0, 0), num_features=6)
    net = build_network(spec, layout, 3, 0)
    assert num_members(spec) == 1
    assert net.train()(torch.randn(4, 6)).shape == (4, 3)


def test_a_layer_of_codes_is_a_linear_layer_of_what_they_stand_for():
    layer, dense = CodedLinear(9, 3), torch.randn(4, 9)
    nn.init.normal_(layer.weights.weight)
    dense[:, torch.randperm(9)[:4]] = 0
    dense[3] = 0
    codes, numbers = torch.zeros(2, 4, 6)
    for row in range(4):
        places = dense[row].nonzero().flatten()
        codes[row, : len(places)] = places + 1.0
        numbers[row, : len(places)] = dense[row, places]
    found = layer(torch.cat([codes, numbers], dim=1))
    expected = dense @ layer.weights.weight[1:] + layer.bias
    torch.testing.assert_close(found, expected)
    found.square().sum().backward()
    assert not layer.weights.weight.grad[0].any()  # 0 is no place


def test_codes_of_runs_are_read_beside_the_text():
    layout = InputLayout(
        (2 * 9 + 2 * 4,),
        sequence=(2, 9),
        has_mask=True,
        num_symbols=5,
        num_features=2 * 4,
        num_runs=30,
    )
    net = build_network(SequenceNet(body=BODIES["GRU"], features=True), layout, 3, 0)
    steps = torch.ones(2, 2, 9).flatten(1)
    pairs = torch.tensor([[30.0, 2, 0, 0, 0.6, 0.8, 0, 0], [1, 0, 0, 0, 1, 0, 0, 0]])
    with pytest.raises(PlanError, match="MLP cannot take the codes of runs"):
        build_network(MLP(), layout, 3, 0)
    members = net.train()(torch.cat([steps, pairs], dim=1))
    assert members.shape == (2, 2, 3)
    assert not members[:, 1].any()  # the layer begins at nothing
    weights = net.features.weights.weight
    nn.init.normal_(weights)
    members = net(torch.cat([steps, pairs], dim=1))
    expected = torch.stack([0.6 * weights[30] + 0.8 * weights[2], weights[1]])
    torch.testing.assert_close(members[:, 1], expected)


def test_texts_are_embedded_and_padding_counts_for_nothing():
    layout = InputLayout((2, 9), sequence=(2, 9), has_mask=True, num_symbols=5)
    spec = SequenceNet(body=BODIES["GRU"], embedding=7)
    net = build_network(spec, layout, 3, 0).eval()
    assert net.symbols.weight.shape == (5, 7)
    codes = torch.tensor([[[1.0, 4, 2, 0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0, 0, 0]]])
    other = codes.clone()
    other[0, 0, 3:] = 3
    torch.testing.assert_close(net(codes), net(other))


def test_every_option_of_a_body_reaches_it():
    net = ragged_net(
        sequence_bodies.Inception(
            width=4, depth=3, kernel_sizes=(3, 9), activation=GELU()
        ),
        20,
    )
    assert [tuple(c.kernel_size) for c in net.body.inception[0].branches] == [
        (1, 3),
        (1, 9),
    ]
    assert len(net.body.inception) == 3
    assert net.body.inception[0].norm.num_features == 4 * 3
    assert sum(isinstance(m, nn.GELU) for m in net.modules()) == 4
    gru = ragged_net(sequence_bodies.GRU(width=5, depth=2, dropout=0.3), 20).body.gru
    assert (gru.hidden_size, gru.num_layers, gru.dropout) == (5, 2, 0.3)
    assert gru.bidirectional
    spec = sequence_bodies.Transformer(width=16, depth=3, num_heads=2, dropout=0.4)
    encoder = ragged_net(spec, 20).body.encoder
    assert len(encoder.layers) == 3
    assert encoder.layers[0].self_attn.num_heads == 2
    assert encoder.layers[0].linear1.in_features == 16
    assert encoder.layers[0].dropout.p == 0.4


def test_dropout_stands_before_the_last_layer():
    layout = InputLayout((3, 9), sequence=(3, 9))
    net = build_network(SequenceNet(body=BODIES["GRU"], dropout=0.2), layout, 3, 0)
    assert net.last[0].p == 0.2


def test_an_inception_module_is_branches_side_by_side_normalised_together():
    body = Inception(2, 3, 1, (1, 5)).eval()
    module, steps = body.inception[0], torch.randn(4, 2, 8)
    branches = [
        nn.functional.conv1d(steps, conv.weight[:, :, 0], padding=conv.padding[1])
        for conv in module.branches
    ]
    pooled = nn.functional.max_pool1d(steps, 3, stride=1, padding=1)
    branches.append(nn.functional.conv1d(pooled, module.pooled.weight[:, :, 0]))
    by_hand = (torch.cat(branches, dim=1) / (1 + module.norm.eps) ** 0.5).relu()
    torch.testing.assert_close(body(steps, None), by_hand.mean(2))


def test_positions_are_the_papers_waves():
    waves = wave_positions(torch.zeros(1, 5, 6))
    angle = 3 / 10_000 ** (4 / 6)
    torch.testing.assert_close(
        waves[3, 4:],
        torch.tensor([angle])
        .sin()
        .new_tensor([torch.tensor(angle).sin(), torch.tensor(angle).cos()]),
    )


@pytest.mark.parametrize(
    ("spec", "layout", "message"),
    [
        (SequenceNet(), InputLayout((6,)), r"takes sequences \(C, L\); use TabularMLP"),
        (
            SequenceNet(features=True),
            InputLayout((2, 9), sequence=(2, 9)),
            "features: there are none; add RandomConvolutions",
        ),
        (
            SequenceNet(),
            InputLayout((18 + 84,), sequence=(2, 9), num_features=84),
            "features: is false, but a step in prepare",
        ),
        (
            SequenceNet(features=True),
            InputLayout((84,), sequence=(0, 0), num_features=84),
            "body: there are no steps to read",
        ),
        (
            SequenceNet(body=sequence_bodies.Transformer(width=12)),
            InputLayout((2, 9), sequence=(2, 9)),
            r"width: 12 is not divisible by 2 \* num_heads = 8",
        ),
    ],
)
def test_what_cannot_be_built_is_refused_with_what_to_change(spec, layout, message):
    with pytest.raises(PlanError, match=message):
        build_network(spec, layout, 3, 0)


def test_a_network_that_reads_nothing_and_an_even_kernel_are_refused():
    with pytest.raises(ValueError, match="there is nothing to read; name a body"):
        SequenceNet(body=None)
    with pytest.raises(ValueError, match="10 is even; only an odd size has a middle"):
        sequence_bodies.Inception(kernel_sizes=(10,))


def test_a_linear_layer_of_all_steps_begins_at_nothing_and_is_added():
    spec = SequenceNet(body=BODIES["Inception"], skip=True)
    layout = InputLayout((2, 9), sequence=(2, 9))
    net = build_network(spec, layout, 1, 0).eval()
    inputs = torch.randn(5, 2, 9, generator=torch.Generator().manual_seed(0))
    alone = build_network(SequenceNet(body=spec.body), layout, 1, 0).eval()
    assert torch.equal(net(inputs), alone(inputs))
    with torch.no_grad():
        net.skip.weight[0, 8] = 2.0  # of the last step of the first channel
    torch.testing.assert_close(net(inputs), alone(inputs) + 2 * inputs[:, 0, 8:])


def test_steps_are_weighed_by_their_place_only_where_all_have_the_same_places():
    spec = SequenceNet(body=BODIES["GRU"], skip=True)
    layout = InputLayout((4, 20), sequence=(4, 20), has_mask=True)
    with pytest.raises(PlanError, match=r"SequenceNet\.skip: .*several lengths"):
        build_network(spec, layout, 3, 0)
    with pytest.raises(ValueError, match="skip is added to what a body says"):
        SequenceNet(body=None, features=True, skip=True)
