"""Schedules are PyTorch's, with every option."""

import inspect

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from torchsmith.core.errors import PlanError
from torchsmith.core.spec import members
from torchsmith.nn.schedules import build_schedule, learning_rates
from torchsmith.plan import schedules
from torchsmith.plan.schedules import Schedule, interval_of

SCHEDULES = {
    "LambdaLR": (
        schedules.LambdaLR(lr_lambda="0.9 ** epoch if epoch < 3 else 0.1"),
        lambda o: torch.optim.lr_scheduler.LambdaLR(
            o, lambda epoch: 0.9**epoch if epoch < 3 else 0.1
        ),
    ),
    "ConstantLR": (
        schedules.ConstantLR(factor=0.5, total_iters=2),
        lambda o: torch.optim.lr_scheduler.ConstantLR(o, 0.5, 2),
    ),
    "LinearLR": (
        schedules.LinearLR(start_factor=0.1, end_factor=0.7, total_iters=3),
        lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.1, 0.7, 3),
    ),
    "PolynomialLR": (
        schedules.PolynomialLR(total_iters=4, power=2),
        lambda o: torch.optim.lr_scheduler.PolynomialLR(o, 4, 2),
    ),
    "CosineAnnealingWarmRestarts": (
        schedules.CosineAnnealingWarmRestarts(T_0=2, T_mult=2, eta_min=0.01),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 2, 2, 0.01),
    ),
    "SequentialLR": (
        schedules.SequentialLR(
            schedulers=(
                schedules.LinearLR(total_iters=2),
                schedules.MultiStepLR(milestones=(1,)),
                schedules.CosineAnnealingLR(),
            ),
            milestones=(2, 3),
        ),
        lambda o: torch.optim.lr_scheduler.SequentialLR(
            o,
            [
                torch.optim.lr_scheduler.LinearLR(o, total_iters=2),
                torch.optim.lr_scheduler.MultiStepLR(o, [1]),
                torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=2),
            ],
            [2, 3],
        ),
    ),
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
            three_phase=True,
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
            three_phase=True,
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


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"OneCycleLR"}))
def test_defaults_are_pytorchs(name):
    spec, _ = SCHEDULES[name]
    theirs = inspect.signature(getattr(torch.optim.lr_scheduler, name)).parameters
    for argument, field in type(spec).model_fields.items():
        if argument not in ("interval", "T_max", "milestones", "schedulers"):
            ours = inspect.Parameter.empty if field.is_required() else field.default
            assert ours == theirs[argument].default


def test_a_schedule_by_steps_lasts_all_steps():
    spec = schedules.CosineAnnealingLR(interval="step")
    assert interval_of(spec) == "step"
    assert rates(lambda o: build_schedule(spec, o, 5, 3), 15) == rates(
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=15), 15
    )


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("1 - epoch / 3", r"LambdaLR\.lr_lambda: is -0\.333333 at epoch = 4"),
        ("1 / (epoch - 2)", "is -0.5 at epoch = 0; a factor of the learning rate is"),
        ("1 / abs", "unknown name"),
        ("log(epoch + 1) / (epoch // 4 - 1) ** 2", "has no value at epoch = 4"),
        ("2 ** (epoch * 400)", "has no value at epoch = 3"),
        ("1e308 * 10 ** epoch", "is inf at epoch = 1"),
    ],
)
def test_a_factor_that_is_no_rate_is_refused_with_its_epoch(expression, message):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    with pytest.raises((PlanError, ValidationError), match=message):
        build_schedule(schedules.LambdaLR(lr_lambda=expression), optimizer, 5, 3)


def test_a_factor_is_looked_at_only_where_it_is_used():
    spec = schedules.LambdaLR(lr_lambda="sqrt(4 - epoch)")
    assert rates(lambda o: build_schedule(spec, o, 5, 3), 5)[-1][0] == 0


def test_by_steps_all_steps_are_looked_at():
    spec = schedules.LambdaLR(lr_lambda="sqrt(9 - epoch)", interval="step")
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    with pytest.raises(PlanError, match="no value at epoch = 10"):
        build_schedule(spec, optimizer, 5, 3)


def test_the_rates_of_all_steps_are_known_before_training():
    by_epoch = learning_rates(schedules.StepLR(step_size=1, gamma=0.5), 1.0, 2, 3)
    assert by_epoch == [1, 1, 1, 0.5, 0.5, 0.5]
    ramp = schedules.LambdaLR(lr_lambda="epoch", interval="step")
    assert learning_rates(ramp, 1.0, 2, 3) == [0, 1, 2, 3, 4, 5]
    assert learning_rates(ramp, 1.0, 100, 100, most=3) == [0, 5000, 9999]
    assert learning_rates(None, 0.3, 1, 2) == [0.3, 0.3]
    assert learning_rates(schedules.ReduceLROnPlateau(), 0.3, 1, 2) == [0.3, 0.3]
    assert max(learning_rates(schedules.OneCycleLR(), 0.3, 4, 25)) == 0.3


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


@pytest.mark.parametrize(("rise", "steps"), [(0.05, 20), (0.25, 4), (0.1, 10)])
def test_one_cycle_may_rise_in_a_single_step(rise, steps):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)
    built = build_schedule(schedules.OneCycleLR(pct_start=rise), optimizer, steps, 1)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        built.step()
    assert rates[0] == pytest.approx(0.1 / 25)
    assert max(rates) < 0.1
    assert rates[1:] == sorted(rates[1:], reverse=True)


def test_no_schedule_keeps_the_rate():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    assert build_schedule(None, optimizer, 5, 3) is None


@pytest.mark.parametrize(
    "spec", [spec for spec, _ in SCHEDULES.values()], ids=lambda s: s.spec_name()
)
def test_a_choice_comes_back_from_its_written_form(spec):
    adapter = TypeAdapter(Schedule)
    assert adapter.validate_python(adapter.dump_python(spec, mode="json")) == spec
