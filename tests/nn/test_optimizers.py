"""Optimizers are PyTorch's, with every option."""

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from torchsmith.core.spec import members
from torchsmith.nn.optimizers import build_optimizer
from torchsmith.plan import optimizers
from torchsmith.plan.optimizers import Optimizer

OPTIMIZERS = [
    optimizers.SGD(lr=0.2, momentum=0.9, weight_decay=0.1, nesterov=True),
    optimizers.SGD(lr=0.2, momentum=0.9, dampening=0.1),
    optimizers.Adam(lr=0.2, betas=(0.5, 0.6), eps=0.1, weight_decay=0.1, amsgrad=True),
    optimizers.AdamW(lr=0.2, betas=(0.5, 0.6), eps=0.1, weight_decay=0.1, amsgrad=True),
    optimizers.RMSprop(
        lr=0.2, alpha=0.5, eps=0.1, weight_decay=0.1, momentum=0.3, centered=True
    ),
]


def test_every_optimizer_has_a_case():
    assert {type(spec) for spec in OPTIMIZERS} == set(members(Optimizer))


@pytest.mark.parametrize("spec", OPTIMIZERS, ids=lambda s: s.spec_name())
def test_every_option_reaches_the_optimizer(spec):
    built = build_optimizer(spec, [nn.Parameter(torch.zeros(1))])
    assert type(built) is getattr(torch.optim, spec.spec_name())
    for name, value in spec.model_dump()[spec.spec_name()].items():
        assert built.param_groups[0][name] == value


@pytest.mark.parametrize("spec", members(Optimizer), ids=lambda s: s.spec_name())
def test_an_optimizer_without_options_has_pytorchs_defaults(spec):
    ours = build_optimizer(spec(), [nn.Parameter(torch.zeros(1))])
    theirs = getattr(torch.optim, spec.spec_name())([nn.Parameter(torch.zeros(1))])
    how = {"params", "fused", "foreach"}
    for name, value in theirs.param_groups[0].items():
        if name not in how:
            assert ours.param_groups[0][name] == value, name


@pytest.mark.parametrize("spec", OPTIMIZERS, ids=lambda s: s.spec_name())
def test_a_choice_comes_back_from_its_written_form(spec):
    adapter = TypeAdapter(Optimizer)
    assert adapter.validate_python(adapter.dump_python(spec, mode="json")) == spec
