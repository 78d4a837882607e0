"""What the first steps, tried on a copy, say of learning rate and initial weights."""

import pytest
import torch
from torch import nn

from tests.doctor.probes.modules import NUMBERS, Net, X, said, told
from tests.doctor.subjects import planned
from torchsmith.doctor.diagnosis import UNKNOWN, Reference
from torchsmith.doctor.probes import find_by_probing
from torchsmith.doctor.probes.steps import others_within
from torchsmith.doctor.subject import Allowance

LONG = {"epochs": 12, "allowance": 2.0}


def filled(fill):
    module = Net()
    for parameter in module.parameters():
        fill(parameter)
    return module


@pytest.mark.parametrize(
    "given",
    [
        {"optimizer": {"Adam": {"lr": 1e-3}}},
        {"optimizer": {"Adam": {"lr": 0.03}}},
        {"optimizer": {"SGD": {"lr": 0.3, "momentum": 0.9}}},
        {"optimizer": {"AdamW": {"lr": 0.03}}, "schedule": {"OneCycleLR": {}}},
        {"accumulate": 2, "clip_grad_norm": 1.0},
    ],
)
def test_healthy_rates_have_nothing(given):
    assert said(Net(), **LONG, **given) == {}


@pytest.mark.parametrize("optimizer", [{"Adam": {"lr": 1.0}}, {"SGD": {"lr": 30.0}}])
def test_a_rate_that_is_too_high_is_told_before_training(optimizer):
    chance = Reference(chance_loss=0.9)
    found = said(Net(), optimizer=optimizer, reference=chance, **LONG)["P1"]
    assert found.severity == "error"
    assert "with 1/10" in found.evidence


def test_a_sum_whose_steps_are_too_large_is_the_cause():
    chance = Reference(chance_loss=9.0)
    given = {"optimizer": {"SGD": {"lr": 0.1}}, "reference": chance, **LONG}
    assert said(Net(1), (X, NUMBERS), "MSELoss", **given) == {}
    total = nn.MSELoss(reduction="sum")
    found = said(Net(1), (X, NUMBERS), total, **given)
    assert list(found) == ["C12", "P1"]
    assert "gradients 32 times those of the mean" in found["C12"].evidence


@pytest.mark.parametrize("rate", [1e-6, 1e-5])
def test_a_rate_that_is_too_low_is_told_before_training(rate):
    found = said(Net(), optimizer={"Adam": {"lr": rate}}, **LONG)["P2"]
    assert found.severity == "error"
    assert "times the learning rate" in found.evidence


def test_a_low_rate_that_has_long_enough_is_healthy():
    optimizer = {"SGD": {"lr": 1e-3, "momentum": 0.9}}
    assert "P2" not in said(
        Net(1), (X, NUMBERS), "MSELoss", optimizer=optimizer, epochs=300
    )


def test_a_plan_is_given_the_rate_that_is_better():
    settings = {
        "split.val": 0.15,
        "training.epochs": 20,
        "optimizer": {"Adam": {"lr": 5.0}},
        "schedule": None,
    }
    made = planned("iris", settings=settings)
    found = find_by_probing(made, UNKNOWN, Allowance(5.0), [])
    (rate,) = (f for f in found if f.code == "P1")
    assert rate.where == "optimizer.lr"
    assert 0 < rate.changes["optimizer.lr"] < 5


@pytest.mark.parametrize("fill", [nn.init.zeros_, lambda p: nn.init.constant_(p, 0.1)])
def test_weights_that_are_all_the_same_are_told(fill):
    found = said(filled(fill), **LONG)["C10"]
    assert found.severity == "error"
    assert found.evidence.startswith("3 of 3 layers have equal rows of weights")


def test_weights_that_are_far_too_large_are_compared_with_others():
    found = said(filled(lambda p: nn.init.normal_(p, std=3)), **LONG)["C10"]
    assert "far too large" in found.message
    assert "with weights that PyTorch draws" in found.evidence


@pytest.mark.parametrize("deviation", [0.05, 0.2, 0.5])
def test_usual_weights_are_healthy(deviation):
    def fill(parameter):
        torch.manual_seed(0)
        nn.init.normal_(parameter, std=deviation)

    assert "C10" not in said(filled(fill), **LONG)


class Logarithm(Net):
    def forward(self, x):
        return torch.log(super().forward(x))


def test_outputs_that_are_no_numbers_are_told_with_where_they_begin():
    heard = told(Logarithm())
    assert "T1 error: The untrained network gives outputs that are no finite" in heard


def test_other_learning_rates_are_tried_only_while_there_is_time():
    left_out = []
    assert list(others_within(Allowance(60), left_out)(10.0)) == [10, 100, 1e3, 1e4]
    assert left_out == []
    assert list(others_within(Allowance(-60), left_out)(10.0)) == []
    assert left_out == ["other learning rates: no time was left"]


def test_a_layer_of_one_weight_has_no_units_that_are_alike():
    module = nn.Sequential(nn.Linear(6, 1), nn.ReLU(), nn.Linear(1, 1), nn.Linear(1, 3))
    assert "C10" not in said(module, **LONG)


def deep(activation, count):
    torch.manual_seed(0)
    hidden = [
        layer for _ in range(count) for layer in (nn.Linear(16, 16), activation())
    ]
    return nn.Sequential(nn.Linear(6, 16), activation(), *hidden, nn.Linear(16, 3))


@pytest.mark.parametrize(
    ("activation", "count", "code"),
    [(nn.ReLU, 9, "C10"), (nn.Sigmoid, 5, "T3"), (nn.ReLU, 1, ""), (nn.Tanh, 3, "")],
)
def test_a_signal_that_fades_in_depth_is_tried_with_weights_that_keep_it(
    activation, count, code
):
    chance = Reference(chance_loss=1.0, initial_loss=1.1)
    given = {"optimizer": {"SGD": {"lr": 0.05, "momentum": 0.9}}, "reference": chance}
    found = said(deep(activation, count), **given, **LONG)
    assert {"C10", "T3"} & set(found) == ({code} if code else set())
    if code:
        assert "as large in" in found[code].evidence
