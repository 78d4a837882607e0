"""How long a step will be, beside what the learning rate says."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from tests.doctor.subjects import own, planned
from torchsmith.doctor.rules_step import find_in_step
from torchsmith.doctor.subject import Subject
from torchsmith.inspect.inspection import Finding

Parameters = list[nn.Parameter]


def data() -> tuple[Tensor, Tensor]:
    inputs = torch.randn(128, 6, generator=torch.manual_seed(0))
    return inputs, (inputs[:, 0] > 0).long()


def subject(
    optimizer: Callable[[Parameters], Optimizer],
    loss: nn.Module | None = None,
    **settings: object,
) -> Subject:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
    made = own(network, data(), loss or nn.CrossEntropyLoss(), epochs=50, **settings)
    state = replace(made.state, optimizer=optimizer(list(network.parameters())))
    return replace(made, state=state)


def found(made: Subject) -> dict[str, Finding]:
    findings = {finding.code: finding for finding in find_in_step(made)}
    assert all(f.severity == "warning" and f.remedy for f in findings.values())
    return findings


@pytest.mark.parametrize(
    ("rate", "momentum", "codes"),
    [
        (0.1, 0.9, set()),
        (0.5, 0.0, set()),
        (1.0, 0.9, {"P1"}),
        (0.3, 0.98, {"P1"}),
        (30.0, 0.0, {"P1"}),
    ],
)
def test_steps_of_sgd_that_are_as_long_as_the_weights_are_too_long(
    rate: float, momentum: float, codes: set[str]
) -> None:
    assert set(found(subject(lambda p: SGD(p, rate, momentum)))) == codes


def test_the_sum_of_a_batch_is_to_blame_for_steps_that_are_too_long() -> None:
    summed = nn.CrossEntropyLoss(reduction="sum")
    assert set(found(subject(lambda p: SGD(p, 0.05, 0.9), summed))) == {"C12"}
    assert found(subject(lambda p: SGD(p, 0.001, 0.9), summed)) == {}


def test_clipping_that_leaves_little_of_a_gradient_makes_steps_short() -> None:
    def clipped(limit: float, rate: float) -> dict[str, Finding]:
        return found(subject(lambda p: SGD(p, rate, 0.9), clip_grad_norm=limit))

    assert set(clipped(0.01, 0.05)) == {"P2"}
    assert clipped(1.0, 0.05) == {}
    assert clipped(0.01, 5.0) == {}, "a high rate makes up for it"
    assert found(subject(lambda p: Adam(p, 1e-3), clip_grad_norm=0.01)) == {}


@pytest.mark.parametrize(
    ("rate", "eps", "codes"),
    [
        (0.001, 1e-8, set()),
        (0.001, 1e-3, set()),
        (0.001, 1.0, {"P2"}),
        (1.0, 1.0, set()),
    ],
)
def test_an_eps_that_is_larger_than_gradients_makes_steps_short(
    rate: float, eps: float, codes: set[str]
) -> None:
    assert set(found(subject(lambda p: Adam(p, rate, eps=eps)))) == codes


def test_large_steps_of_few_examples_are_noise_unless_the_rate_falls() -> None:
    def of(rate: float, size: int) -> set[str]:
        return set(found(subject(lambda p: Adam(p, rate), batch_size=size)))

    assert of(0.01, 8) == {"P4"}
    assert of(0.001, 8) == set()
    assert of(0.01, 32) == set()


def test_what_steps_as_they_are_is_let_be_where_a_network_breaks() -> None:
    made = subject(lambda p: SGD(p, 30.0))
    broken = nn.Sequential(nn.Linear(9, 2))
    state = replace(made.state, network=broken, optimizer=SGD(broken.parameters(), 30))
    assert found(replace(made, state=state)) == {}


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": {"Adam": {"lr": 0.001, "eps": 1.0}}},
        {"optimizer": {"SGD": {"lr": 3.0, "momentum": 0.96}}},
        {"optimizer": {"SGD": {"lr": 0.01}}, "training.clip_grad_norm": 0.001},
        {"optimizer": {"AdamW": {"lr": 0.02}}, "training.batch_size": 8},
    ],
)
def test_what_is_to_be_changed_makes_the_finding_go(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    inputs, targets = data()
    lines = [
        ",".join([*(f"{x:.4f}" for x in row), "ab"[one]])
        for row, one in zip(inputs.tolist(), targets.tolist(), strict=True)
    ]
    rows = tmp_path / "rows.csv"
    rows.write_text("\n".join(["u,v,w,x,y,z,kind", *lines]))
    settings = {
        "schedule": None,
        "network": {"MLP": [8]},
        "training.batch_size": 32,
        "training.epochs": 200,
        **settings,
    }
    (finding,) = find_in_step(planned(rows, "kind", settings))
    assert finding.changes
    assert not [*find_in_step(planned(rows, "kind", {**settings, **finding.changes}))]
