"""What the plan alone tells before training."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.doctor.subjects import own, planned
from torchsmith.doctor.rules_plan import find_in_plan
from torchsmith.doctor.subject import Subject
from torchsmith.inspect.inspection import Finding
from torchsmith.plan.settings import set_values


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(0)
    inputs = random.normal(size=(300, 3))
    target = inputs[:, 0] * 2 + random.normal(size=300) / 5
    lines = [
        ",".join(f"{v:.4f}" for v in (*x, y))
        for x, y in zip(inputs, target, strict=True)
    ]
    path = tmp_path_factory.mktemp("rules") / "numbers.csv"
    path.write_text("\n".join(["a,b,c,target", *lines]))
    return path


def found(subject: Subject) -> dict[str, Finding]:
    return {finding.code: finding for finding in find_in_plan(subject)}


def of_plan(table: Path, settings: Mapping[str, object]) -> dict[str, Finding]:
    """Return findings whose changes are settings of the plan that make them go."""
    base = {"training.epochs": 40, "training.batch_size": 16, "schedule": None}
    subject = planned(table, "target", {**base, **settings})
    findings = found(subject)
    for code, finding in findings.items():
        if finding.changes:
            assert subject.plan is not None
            set_values(subject.plan, finding.changes)
            mended = planned(table, "target", {**base, **settings, **finding.changes})
            assert code not in found(mended)
    return findings


@pytest.mark.parametrize(
    "settings",
    [
        {"schedule": "OneCycleLR"},
        {"schedule": "CosineAnnealingLR"},
        {"schedule": {"MultiStepLR": {"milestones": [15, 25, 35]}}},
        {"schedule": {"OneCycleLR": {"max_lr": 0.3}}},
        {"schedule": {"LinearLR": {"start_factor": 0.01}}},
        {
            "optimizer": {"SGD": {"lr": 1e-3, "groups": [{"params": "*", "lr": 0.1}]}},
            "schedule": "CosineAnnealingLR",
        },
        {"optimizer": {"AdamW": {"lr": 0.01, "weight_decay": 0.05}}},
        {"optimizer": {"SGD": {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-3}}},
        {"network": {"TabularMLP": {"hidden": [64], "dropout": 0.5}}},
        {"network": {"Sequential": [{"Linear": 8}, "ReLU", {"Linear": 1}]}},
    ],
)
def test_healthy_plans_have_no_finding(
    table: Path, settings: Mapping[str, object]
) -> None:
    assert of_plan(table, settings) == {}


def test_a_schedule_in_steps_that_was_meant_in_epochs_is_an_error(table: Path) -> None:
    steps = {"StepLR": {"step_size": 10, "interval": "step"}}
    finding = of_plan(table, {"schedule": steps})["P13"]
    assert finding.severity == "error"
    assert finding.changes == {"schedule.interval": "epoch"}


def test_a_rate_that_sleeps_for_half_of_training_is_a_warning(table: Path) -> None:
    halving = {"ExponentialLR": {"gamma": 0.75}}
    assert of_plan(table, {"schedule": halving})["P13"].severity == "warning"


def test_a_rate_that_is_low_for_most_of_few_steps_is_a_warning(table: Path) -> None:
    falling = {"schedule": {"ExponentialLR": {"gamma": 0.85, "interval": "epoch"}}}
    finding = of_plan(table, {**falling, "training.epochs": 20})["P13"]
    assert finding.severity == "warning"
    assert "are worth" in finding.message
    assert "P13" not in of_plan(table, {**falling, "training.epochs": 5})


def test_a_rate_that_grows_a_hundred_times_is_a_warning(table: Path) -> None:
    growing = {"ExponentialLR": {"gamma": 1.3}}
    assert of_plan(table, {"schedule": growing})["P13"].severity == "warning"


@pytest.mark.parametrize("interval", ["epoch", "step"])
def test_a_training_of_very_many_epochs_is_not_computed_to_its_end(
    table: Path, interval: str
) -> None:
    schedule = {"ExponentialLR": {"gamma": 0.999999, "interval": interval}}
    settings = {"schedule": schedule, "training.epochs": 10**9}
    assert "P13" not in of_plan(table, settings)


def test_a_persons_training_of_very_many_epochs_is_not_computed_to_its_end() -> None:
    tensors = torch.randn(64, 3), torch.randn(64, 1)
    subject = own(nn.Linear(3, 1), tensors, nn.MSELoss(), epochs=10**9)
    optimizer = subject.state.optimizer
    subject.state.schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.999999)
    assert "P13" not in found(subject)


def test_the_schedule_of_a_persons_own_is_tried_on_a_copy() -> None:
    inputs, targets = torch.randn(64, 3), torch.randn(64, 1)
    subject = own(nn.Linear(3, 1), (inputs, targets), nn.MSELoss(), epochs=30)
    optimizer = subject.state.optimizer
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.1)
    subject.state.schedule = schedule
    assert found(subject)["P13"].severity == "error"
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert schedule.last_epoch == 0


@pytest.mark.parametrize(
    ("optimizer", "severity"),
    [
        ({"AdamW": {"lr": 0.01, "weight_decay": 0.5}}, "warning"),
        ({"AdamW": {"lr": 0.01, "weight_decay": 5.0}}, "error"),
        ({"AdamW": {"lr": 0.15, "weight_decay": 0.1}}, "warning"),
        ({"Adam": {"weight_decay": 10.0}}, "error"),
        ({"SGD": {"lr": 0.1, "weight_decay": 10.0}}, "error"),
    ],
)
def test_a_weight_decay_that_wins_over_the_gradient_is_found(
    table: Path, optimizer: object, severity: str
) -> None:
    assert of_plan(table, {"optimizer": optimizer})["P7"].severity == severity


@pytest.mark.parametrize(("share", "severity"), [(0.7, "warning"), (0.9, "error")])
def test_too_much_dropout_is_found(table: Path, share: float, severity: str) -> None:
    network = {"TabularMLP": {"hidden": [64], "dropout": share}}
    finding = of_plan(table, {"network": network})["P7"]
    assert finding.severity == severity
    assert finding.where == "network.TabularMLP.dropout"


def test_an_output_that_cannot_be_negative_is_an_error_for_such_targets(
    table: Path,
) -> None:
    network = {"Sequential": [{"Linear": 8}, "ReLU", {"Linear": 1}, "ReLU"]}
    finding = of_plan(table, {"network": network})["P6"]
    assert finding.severity == "error"
    assert finding.where == "network.Sequential.3"


def test_an_output_from_0_to_1_is_right_for_targets_from_0_to_1() -> None:
    inputs = torch.randn(64, 3)
    network = nn.Sequential(nn.Linear(3, 1), nn.Sigmoid())
    assert (
        found(own(network, (inputs, torch.rand(64, 1)), nn.MSELoss(), epochs=300)) == {}
    )
    far = found(own(network, (inputs, 9 * torch.rand(64, 1)), nn.MSELoss(), epochs=300))
    assert far["P6"].severity == "error"


def test_classes_want_raw_outputs_not_those_of_tanh() -> None:
    inputs, targets = torch.randn(64, 3), torch.arange(64) % 2
    network = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    finding = found(own(network, (inputs, targets), nn.CrossEntropyLoss(), epochs=300))[
        "P6"
    ]
    assert finding.severity == "warning"
    assert finding.where == "1"


def test_batch_normalisation_of_two_examples_is_a_warning_of_six_a_note() -> None:
    inputs, targets = torch.randn(64, 3), torch.arange(64) % 2
    network = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    for size, severity in ((2, "warning"), (6, "note")):
        subject = own(
            network, (inputs, targets), nn.CrossEntropyLoss(), batch_size=size
        )
        assert found(subject)["P4"].severity == severity


def test_few_steps_of_large_batches_are_a_note(table: Path) -> None:
    few = {"training.batch_size": 256, "training.epochs": 5}
    assert of_plan(table, few)["P4"].severity == "note"


@pytest.mark.parametrize(
    ("momentum", "epochs", "codes"),
    [(0.9, 4, set()), (0.99, 4, {"P1"}), (0.99, 60, set()), (0.999, 60, {"P1"})],
)
def test_a_momentum_whose_swings_outlive_training_is_too_much(
    table: Path, momentum: float, epochs: int, codes: set[str]
) -> None:
    heavy = {"optimizer": {"SGD": {"lr": 0.01, "momentum": momentum}}}
    findings = of_plan(table, {**heavy, "training.epochs": epochs})
    assert set(findings) == codes
    if codes:
        assert findings["P1"].changes == {"optimizer.momentum": 0.9}
