"""Several networks in one are as many networks; bins are what they are called."""

import pytest
import torch
from torch import nn

from torchsmith.data.steps import QUANTILE_BOUND
from torchsmith.nn.build import InputLayout, build_network
from torchsmith.nn.losses import MeanOverMembers
from torchsmith.nn.members import MemberMLP
from torchsmith.nn.tabular import PiecewiseLinearEmbedding, TabularMLP
from torchsmith.plan import networks


def members(**options):
    torch.manual_seed(0)
    return MemberMLP((2, 3), (7, 6), 2, members=4, **options)


def alone(network, member):
    """Return one member as a network of its own."""
    first, *others = network.shared
    own = nn.Linear(first.in_features, first.out_features)
    # A scaled input is a scaled column of the first weight.
    own.weight.data = first.weight.data * network.factors.data[member]
    own.bias.data = first.bias.data
    last = nn.Linear(*network.weight.shape[1:])
    last.weight.data = network.weight.data[member].T
    last.bias.data = network.bias.data[member]
    return nn.Sequential(own, *others, last)


def test_each_member_is_a_network_of_its_own():
    network, inputs = members(), torch.randn(5, 5)
    outputs = network(inputs)
    assert outputs.shape == (5, 4, 2)
    for member in range(4):
        expected = alone(network, member)(inputs)
        torch.testing.assert_close(outputs[:, member], expected)


def test_in_eval_mode_members_answer_together():
    network, inputs = members().eval(), torch.randn(5, 5)
    expected = torch.stack([alone(network, m)(inputs) for m in range(4)]).mean(dim=0)
    torch.testing.assert_close(network(inputs), expected)


def test_factors_begin_as_one_number_for_each_group_of_inputs():
    factors = members().factors.detach()
    assert all(len(set(row.tolist())) == 2 for row in factors)
    assert torch.equal(factors[:, 0], factors[:, 1])
    assert torch.equal(factors[:, 2], factors[:, 4])


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_loss_of_members_is_the_mean_of_their_losses(reduction):
    loss = nn.CrossEntropyLoss(reduction=reduction)
    outputs, targets = torch.randn(5, 4, 3), torch.tensor([0, 1, 2, 0, 1])
    alone = torch.stack([loss(outputs[:, m], targets) for m in range(4)])
    torch.testing.assert_close(MeanOverMembers(loss)(outputs, targets), alone.mean())
    assert MeanOverMembers(loss)(outputs[:, 0], targets) == alone[0]


def test_members_learn_each_from_its_own_error():
    network, inputs, targets = (
        members(),
        torch.randn(5, 5),
        torch.tensor([0, 1, 1, 0, 1]),
    )
    MeanOverMembers(nn.CrossEntropyLoss())(network(inputs), targets).backward()
    found = network.weight.grad.clone()
    network.zero_grad()
    for member in range(4):
        nn.CrossEntropyLoss()(network(inputs)[:, member], targets).div(4).backward()
    torch.testing.assert_close(network.weight.grad, found)


def test_members_drop_out_and_normalise_as_they_are_told():
    network = members(dropout=0.3, batch_norm=True, activation=nn.SiLU)
    names = [type(layer).__name__ for layer in network.shared]
    assert names == ["Linear", "BatchNorm1d", "SiLU", "Dropout"] * 2
    assert network.shared[3].p == 0.3


def test_a_bin_is_passed_reached_in_part_or_not_at_all():
    embed = PiecewiseLinearEmbedding(1, 4, 4)
    embed.weight.data = torch.eye(4).unsqueeze(0)
    embed.slope.data.zero_()
    embed.bias.data.zero_()
    # The bins of -√3 to √3 begin at -√3, -√3/2, 0, √3/2.
    numbers = torch.tensor([-2.0, -0.75, 0.0, 0.25, 2.0]).unsqueeze(1)
    numbers[1:4] *= QUANTILE_BOUND
    expected = [
        [0, 0, 0, 0],
        [0.5, 0, 0, 0],
        [1, 1, 0, 0],
        [1, 1, 0.5, 0],
        [1, 1, 1, 1],
    ]
    torch.testing.assert_close(embed(numbers), torch.tensor(expected))


def test_bins_begin_as_a_straight_line_of_each_column():
    embed, numbers = PiecewiseLinearEmbedding(3, 8, 2), torch.randn(5, 3)
    expected = numbers.unsqueeze(2) * embed.slope + embed.bias
    torch.testing.assert_close(embed(numbers), expected.flatten(1))


@pytest.mark.parametrize("count", [1, 3])
def test_a_tabular_network_takes_bins_and_members_from_its_options(count):
    network = TabularMLP(
        2, (4,), 3, hidden=(5,), bins=6, number_embedding=3, members=count
    )
    inputs = torch.tensor([[0.1, -0.4, 3.0], [1.0, 0.2, 0.0]])
    assert network.numbers.weight.shape == (2, 6, 3)
    shape = (2, 3) if count == 1 else (2, count, 3)
    assert network(inputs).shape == shape
    assert network.eval()(inputs).shape == (2, 3)
    if count > 1:
        # Numbers, their embeddings, and the embedding of four codes.
        assert network.mlp.groups == (1, 1, 3, 3, 3)


def test_a_plan_says_bins_and_members_and_all_of_them_learn():
    spec = networks.TabularMLP(hidden=(5,), bins=6, number_embedding=3, members=4)
    layout = InputLayout((3,), num_numbers=2, cardinalities=(4,))
    network = build_network(spec, layout, 2, seed=0)
    assert network.numbers.weight.shape == (2, 6, 3)
    assert len(network.mlp.factors) == networks.num_members(spec) == 4
    inputs = torch.tensor([[0.1, -0.4, 3.0], [1.0, 0.2, 0.0]])
    targets = torch.tensor([0, 1])
    MeanOverMembers(nn.CrossEntropyLoss())(network(inputs), targets).backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())
