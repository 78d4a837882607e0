"""Initial weights are those of `torch.nn.init`, with every option."""

import inspect

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from torchsmith.core.errors import PlanError
from torchsmith.core.seeds import derive_seed
from torchsmith.core.spec import members
from torchsmith.nn.init import initialise, matching
from torchsmith.plan import init
from torchsmith.plan.init import Init

OPTIONS = {
    "uniform_": {"a": -3.0, "b": -2.0},
    "normal_": {"mean": 5.0, "std": 0.1},
    "constant_": {"val": 0.3},
    "ones_": {},
    "zeros_": {},
    "eye_": {},
    "dirac_": {"groups": 2},
    "xavier_uniform_": {"gain": 0.5},
    "xavier_normal_": {"gain": 0.5},
    "kaiming_uniform_": {"a": 0.3, "mode": "fan_out", "nonlinearity": "leaky_relu"},
    "kaiming_normal_": {"a": 0.3, "mode": "fan_out", "nonlinearity": "relu"},
    "trunc_normal_": {"mean": 1.0, "std": 0.5, "a": 0.5, "b": 1.5},
    "orthogonal_": {"gain": 2.0},
    "sparse_": {"sparsity": 0.5, "std": 0.2},
}
SPECS = {spec.spec_name(): spec for spec in members(Init)}


def make_network(name="eye_"):
    torch.manual_seed(1)
    if name == "dirac_":
        return nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4))
    return nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def test_every_initialiser_has_a_case():
    assert set(SPECS) == set(OPTIONS)


@pytest.mark.parametrize("name", OPTIONS)
def test_the_defaults_are_pytorchs(name):
    theirs = inspect.signature(getattr(nn.init, name)).parameters
    for argument, field in SPECS[name].model_fields.items():
        if argument != "params":
            ours = inspect.Parameter.empty if field.is_required() else field.default
            assert ours == theirs[argument].default


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_reaches_the_weights(name):
    network, by_hand = make_network(name), make_network(name)
    initialise(network, (SPECS[name](**OPTIONS[name]),), seed=3)
    torch.manual_seed(derive_seed(3, "initialisers"))
    for parameter in by_hand.parameters():
        if parameter.ndim >= 2:
            getattr(nn.init, name)(parameter, **OPTIONS[name])
    for ours, theirs in zip(network.parameters(), by_hand.parameters(), strict=True):
        assert torch.equal(ours, theirs)
        assert ours.requires_grad


@pytest.mark.parametrize("name", OPTIONS)
def test_an_initialiser_comes_back_from_its_written_form(name):
    adapter = TypeAdapter(Init)
    spec = SPECS[name](**OPTIONS[name], params="*.weight")
    written = adapter.dump_python(spec, mode="json")
    assert list(written) == [name]
    assert adapter.validate_python(written) == spec


def test_a_pattern_fills_exactly_what_it_fits_and_the_last_one_wins():
    network = make_network()
    before = network[2].weight.detach().clone()
    initialise(
        network,
        (
            init.Constant(val=2, params="*.bias"),
            init.Ones(params="0.*"),
            init.Constant(val=3, params="1.weight"),
        ),
        seed=0,
    )
    values = {n: p.flatten()[0].item() for n, p in network.named_parameters()}
    del values["2.weight"]
    assert values == {
        "0.weight": 1,
        "0.bias": 1,
        "1.weight": 3,
        "1.bias": 2,
        "2.bias": 2,
    }
    assert torch.equal(network[2].weight, before)


def test_the_weights_of_recurrent_layers_are_found():
    assert set(matching(nn.LSTM(3, 4), None)) == {"weight_ih_l0", "weight_hh_l0"}


def test_the_random_numbers_of_the_program_stay_and_the_seed_decides():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    weights = []
    for seed in (0, 0, 1):
        network = nn.Linear(3, 2)
        state = torch.get_rng_state()
        initialise(network, (init.Normal(),), seed)
        assert torch.equal(torch.get_rng_state(), state)
        weights.append(network.weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])
    torch.manual_seed(5)
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            init.Zeros(params="*.wieght"),
            r"^init\.0: zeros_: params '\*\.wieght' fits no parameter; .*0\.weight",
        ),
        (init.Dirac(), r"^init\.0: dirac_ cannot fill 0\.weight of shape \(4, 6\)"),
        (
            init.KaimingNormal(params="*weight"),
            r"cannot fill 1\.weight of shape \(4,\) .* choose others with params",
        ),
        (init.Eye(params="0.bias"), r"cannot fill 0\.bias of shape \(4,\)"),
    ],
)
def test_what_cannot_be_filled_is_named(spec, message):
    with pytest.raises(PlanError, match=message):
        initialise(make_network(), (spec,), seed=0)


def test_a_network_without_matrices_is_told():
    with pytest.raises(PlanError, match="finds no weight; there are: weight, bias"):
        initialise(nn.BatchNorm1d(2), (init.Ones(),), seed=0)
