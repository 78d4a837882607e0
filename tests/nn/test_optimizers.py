"""Optimizers are PyTorch's, with every option, for all parameters or groups of them."""

import copy
import inspect

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from torchsmith.core.errors import PlanError
from torchsmith.core.spec import members
from torchsmith.nn.muon import MuonWithAdamW
from torchsmith.nn.optimizers import build_optimizer
from torchsmith.plan import optimizers
from torchsmith.plan.optimizers import Group, Optimizer

DECAY = {"lr": 0.2, "weight_decay": 0.1}
ADAM = {**DECAY, "betas": (0.5, 0.6), "eps": 0.1}
OPTIMIZERS = [
    optimizers.SGD(**DECAY, momentum=0.9, nesterov=True),
    optimizers.SGD(lr=0.2, momentum=0.9, dampening=0.1),
    optimizers.Adam(**ADAM, amsgrad=True),
    optimizers.AdamW(**ADAM, amsgrad=True),
    optimizers.RMSprop(**DECAY, alpha=0.5, eps=0.1, momentum=0.3, centered=True),
    optimizers.Adagrad(**DECAY, lr_decay=0.1, initial_accumulator_value=0.1, eps=0.1),
    optimizers.Adadelta(**DECAY, rho=0.5, eps=0.1),
    optimizers.NAdam(**ADAM, momentum_decay=0.1, decoupled_weight_decay=True),
    optimizers.RAdam(**ADAM, decoupled_weight_decay=True),
    optimizers.Muon(
        **DECAY,
        momentum=0.5,
        nesterov=False,
        ns_coefficients=(3.0, -4.0, 2.0),
        eps=0.1,
        ns_steps=3,
        adjust_lr_fn="match_rms_adamw",
    ),
]
EVERY = pytest.mark.parametrize("spec", members(Optimizer), ids=lambda s: s.__name__)


def matrix():
    return [("weight", nn.Parameter(torch.ones(2, 2)))]


def make_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.LayerNorm(8), nn.Linear(8, 3))


def names_in(optimizer, network):
    names = {id(p): name for name, p in network.named_parameters()}
    return [[names[id(p)] for p in g["params"]] for g in optimizer.param_groups]


def test_every_optimizer_has_a_case():
    assert {type(spec) for spec in OPTIMIZERS} == set(members(Optimizer))


@pytest.mark.parametrize("spec", OPTIMIZERS, ids=lambda s: s.spec_name())
def test_every_option_reaches_the_optimizer(spec):
    built = build_optimizer(spec, matrix())
    assert isinstance(built, getattr(torch.optim, spec.spec_name()))
    assert len(built.param_groups) == 1
    for name, value in spec.arguments.items():
        assert built.param_groups[0][name] == value


@EVERY
def test_the_arguments_and_their_defaults_are_pytorchs(spec):
    theirs = inspect.signature(getattr(torch.optim, spec.__name__)).parameters
    how = {"params", "maximize", "foreach", "fused", "capturable", "differentiable"}
    if spec is optimizers.Adam:
        how.add("decoupled_weight_decay")  # this is AdamW
    expected = {n: p.default for n, p in theirs.items() if n not in how}
    assert spec().arguments == expected


@EVERY
def test_an_optimizer_changes_every_parameter(spec):
    network = make_network()
    before = copy.deepcopy(network.state_dict())
    optimizer = build_optimizer(spec(), network.named_parameters())
    for _ in range(2):
        optimizer.zero_grad()
        network(torch.randn(5, 4)).square().sum().backward()
        optimizer.step()
    for name, value in network.state_dict().items():
        assert value.isfinite().all()
        assert not torch.equal(value, before[name]), name


def test_parameters_are_grouped_by_the_first_pattern_that_matches():
    network = make_network()
    groups = (
        Group(params="0.*", lr=0.5),
        Group(params="*.bias", weight_decay=0.0),
    )
    spec = optimizers.AdamW(lr=0.1, weight_decay=0.3, groups=groups)
    built = build_optimizer(spec, network.named_parameters())
    assert names_in(built, network) == [
        ["2.weight", "3.weight"],
        ["0.weight", "0.bias"],
        ["2.bias", "3.bias"],
    ]
    found = [(g["lr"], g["weight_decay"]) for g in built.param_groups]
    assert found == [(0.1, 0.3), (0.5, 0.3), (0.1, 0.0)]


def test_patterns_may_match_everything():
    groups = (Group(params="*.bias", lr=0.2), Group(params="*", lr=0.1))
    network = make_network()
    built = build_optimizer(optimizers.SGD(groups=groups), network.named_parameters())
    assert [g["lr"] for g in built.param_groups] == [0.2, 0.1]


@pytest.mark.parametrize("spec", OPTIMIZERS, ids=lambda s: s.spec_name())
def test_a_group_can_have_every_argument_of_its_own(spec):
    own = {k: v for k, v in spec.arguments.items() if k in Group.model_fields}
    assert set(spec.arguments) - set(own) <= {"initial_accumulator_value"}
    changed = type(spec)(groups=(Group(params="*", **own),))
    group = build_optimizer(changed, matrix()).param_groups[0]
    for name, value in own.items():
        assert group[name] == value


def test_a_pattern_that_matches_nothing_names_some_parameters():
    spec = optimizers.SGD(groups=(Group(params="bias", lr=0.1),))
    with pytest.raises(
        PlanError,
        match=r"optimizer.groups.0.params: 'bias' matches no parameter; there are: "
        r"0.weight, 0.bias, 2.weight",
    ):
        build_optimizer(spec, make_network().named_parameters())


def test_a_pattern_for_which_nothing_is_left_is_refused():
    groups = (Group(params="*", lr=0.1), Group(params="*.bias", lr=0.2))
    with pytest.raises(PlanError, match=r"groups.1.params: .* what a group above has"):
        build_optimizer(
            optimizers.SGD(groups=groups), make_network().named_parameters()
        )


def test_a_group_takes_only_arguments_of_its_optimizer():
    with pytest.raises(ValidationError, match="SGD has no argument 'betas'"):
        optimizers.SGD(groups=(Group(params="*", betas=(0.5, 0.6)),))
    with pytest.raises(ValidationError, match="'momentum' for a group; it has lr, bet"):
        optimizers.Adam(groups=(Group(params="*", momentum=0.5),))


def test_muon_changes_matrices_as_pytorchs_and_the_rest_as_adamw():
    ours, theirs = make_network(), make_network()
    spec = optimizers.Muon(lr=0.02, others=optimizers.AdamW(lr=0.05))
    optimizer = build_optimizer(spec, ours.named_parameters())
    assert isinstance(optimizer, MuonWithAdamW)
    matrices = [p for p in theirs.parameters() if p.ndim == 2]
    others = [p for p in theirs.parameters() if p.ndim != 2]
    muon = torch.optim.Muon(matrices, lr=0.02)
    adamw = torch.optim.AdamW(others, lr=0.05, fused=True)
    inputs = torch.randn(5, 4)
    for _ in range(3):
        ours.zero_grad()
        ours(inputs).square().sum().backward()
        optimizer.step()
        theirs.zero_grad()
        theirs(inputs).square().sum().backward()
        muon.step()
        adamw.step()
    for left, right in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(left, right)


def test_muon_groups_matrices_and_others_apart():
    network = make_network()
    spec = optimizers.Muon(
        groups=(Group(params="3.*", lr=0.5),),
        others=optimizers.AdamW(groups=(Group(params="2.*", weight_decay=0.0),)),
    )
    built = build_optimizer(spec, network.named_parameters())
    assert names_in(built, network) == [
        ["0.weight"],
        ["3.weight"],
        ["0.bias", "3.bias"],
        ["2.weight", "2.bias"],
    ]
    assert [g["lr"] for g in built.param_groups] == [1e-3, 0.5, 1e-3, 1e-3]


def test_a_pattern_for_what_is_no_matrix_belongs_to_the_others():
    network = make_network()
    spec = optimizers.Muon(groups=(Group(params="*.bias", lr=0.5),))
    with pytest.raises(PlanError, match=r"groups.0.params: .*: 0.weight, 3.weight$"):
        build_optimizer(spec, network.named_parameters())
    others = optimizers.AdamW(groups=(Group(params="0.weight", lr=0.5),))
    with pytest.raises(PlanError, match=r"optimizer.others.groups.0.params: '0.weight"):
        build_optimizer(optimizers.Muon(others=others), network.named_parameters())


def test_a_schedule_reaches_both_halves_of_muon_and_cycles_its_momentum():
    network = make_network()
    optimizer = build_optimizer(optimizers.Muon(), network.named_parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=[0.1, 0.2], total_steps=10
    )
    before = copy.deepcopy(network.state_dict())
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    network(torch.randn(5, 4)).sum().backward()
    optimizer.step()
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    schedule.step()
    assert optimizer.param_groups[0]["momentum"] < 0.95


def test_muon_computes_a_closure_once():
    parameter = matrix()[0][1]
    bias = nn.Parameter(torch.ones(2))
    named = [("weight", parameter), ("bias", bias)]
    optimizer = build_optimizer(optimizers.Muon(), named)
    calls = []

    def closure():
        calls.append(1)
        loss = parameter.sum() + bias.sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 6
    assert len(calls) == 1


def test_a_copy_of_muon_steps_to_the_same_bits_and_leaves_the_original_alone():
    inputs = torch.randn(5, 4)

    def step(network, optimizer):
        optimizer.zero_grad()
        network(inputs).square().sum().backward()
        optimizer.step()
        return copy.deepcopy(network.state_dict())

    network = make_network()
    optimizer = build_optimizer(optimizers.Muon(), network.named_parameters())
    before = step(network, optimizer)
    twin, its_optimizer = copy.deepcopy((network, optimizer))
    copied = step(twin, its_optimizer)
    after = network.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    own = step(network, optimizer)
    assert all(torch.equal(copied[name], own[name]) for name in own)


def test_muon_without_matrices_is_refused():
    with pytest.raises(PlanError, match="Muon changes matrices, and this network has"):
        build_optimizer(optimizers.Muon(), nn.LayerNorm(3).named_parameters())


@pytest.mark.parametrize(
    "spec",
    [
        *OPTIMIZERS,
        optimizers.SGD(groups=(Group(params="*.bias", weight_decay=0.0),)),
        optimizers.Muon(others=optimizers.AdamW(lr=0.1, betas=(0.5, 0.6))),
    ],
    ids=lambda s: s.spec_name(),
)
def test_a_choice_comes_back_from_its_written_form(spec):
    adapter = TypeAdapter(Optimizer)
    assert adapter.validate_python(adapter.dump_python(spec, mode="json")) == spec


def test_a_group_is_written_with_what_was_chosen():
    spec = optimizers.SGD(groups=(Group(params="*.bias", weight_decay=0.0),))
    written = TypeAdapter(Optimizer).dump_python(spec, mode="json")
    assert written == {"SGD": {"groups": [{"params": "*.bias", "weight_decay": 0.0}]}}
