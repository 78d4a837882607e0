"""Schedules are PyTorch's, with every option."""

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from torchsmith.core.spec import members
from torchsmith.nn.schedules import build_schedule
from torchsmith.plan import schedules
from torchsmith.plan.schedules import Schedule

SCHEDULES = {
    "StepLR": (
        schedules.StepLR(step_size=2, gamma=0.5),
        lambda o: torch.optim.lr_scheduler.StepLR(o, 2, gamma=0.5),
    ),
    "MultiStepLR": (
        schedules.MultiStepLR(milestones=(1, 3), gamma=0.5),
        lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [1, 3], gamma=0.5),
    ),
    "ExponentialLR": (
        schedules.ExponentialLR(gamma=0.7),
        lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.7),
    ),
    "CosineAnnealingLR": (
        schedules.CosineAnnealingLR(eta_min=0.01),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 5, eta_min=0.01),
    ),
    "OneCycleLR": (
        schedules.OneCycleLR(
            max_lr=0.4,
            pct_start=0.4,
            anneal_strategy="linear",
            base_momentum=0.8,
            max_momentum=0.9,
            div_factor=10,
            final_div_factor=100,
        ),
        lambda o: torch.optim.lr_scheduler.OneCycleLR(
            o,
            max_lr=0.4,
            total_steps=15,
            pct_start=0.4,
            anneal_strategy="linear",
            base_momentum=0.8,
            max_momentum=0.9,
            div_factor=10,
            final_div_factor=100,
        ),
    ),
}


def rates(make, steps):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.5)
    schedule = make(optimizer)
    found = []
    for _ in range(steps):
        group = optimizer.param_groups[0]
        found.append((group["lr"], group["momentum"]))
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_gives_pytorchs_rates(name):
    spec, by_hand = SCHEDULES[name]
    steps = 14 if name == "OneCycleLR" else 5
    assert rates(lambda o: build_schedule(spec, o, 5, 3), steps) == rates(
        by_hand, steps
    )


def test_every_schedule_has_a_case():
    names = {member.spec_name() for member in members(Schedule)}
    assert names == {*SCHEDULES, "ReduceLROnPlateau"}


def test_every_option_reaches_the_plateau_schedule():
    options = {
        "factor": 0.3,
        "patience": 2,
        "threshold": 0.1,
        "threshold_mode": "abs",
        "cooldown": 3,
        "min_lr": 0.01,
        "eps": 0.001,
    }
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    built = build_schedule(schedules.ReduceLROnPlateau(**options), optimizer, 5, 3)
    for name, value in options.items():
        found = built.min_lrs[0] if name == "min_lr" else getattr(built, name)
        assert found == value


def test_one_cycle_takes_the_optimizers_rate_as_its_highest():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)
    built = build_schedule(schedules.OneCycleLR(), optimizer, 5, 3)
    assert built.optimizer.param_groups[0]["max_lr"] == 0.1


def test_no_schedule_keeps_the_rate():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    assert build_schedule(None, optimizer, 5, 3) is None


@pytest.mark.parametrize(
    "spec", [spec for spec, _ in SCHEDULES.values()], ids=lambda s: s.spec_name()
)
def test_a_choice_comes_back_from_its_written_form(spec):
    adapter = TypeAdapter(Schedule)
    assert adapter.validate_python(adapter.dump_python(spec, mode="json")) == spec
