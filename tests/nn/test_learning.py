"""Losses, optimizers and schedules are PyTorch's, with every option."""

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from torchsmith.core.spec import members
from torchsmith.nn.learning import (
    build_loss,
    build_optimizer,
    build_schedule,
    num_outputs,
)
from torchsmith.plan import learning
from torchsmith.plan.learning import Loss, Optimizer, Schedule

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3]])
LABELS = torch.tensor([0, 2])
VALUES, TRUTH = torch.tensor([[0.2], [3.0]]), torch.tensor([[0.0], [1.0]])


@pytest.mark.parametrize(
    ("spec", "outputs", "targets", "by_hand"),
    [
        (learning.CrossEntropyLoss(), LOGITS, LABELS, nn.CrossEntropyLoss()),
        (
            learning.CrossEntropyLoss(label_smoothing=0.3),
            LOGITS,
            LABELS,
            nn.CrossEntropyLoss(label_smoothing=0.3),
        ),
        (learning.MSELoss(), VALUES, TRUTH, nn.MSELoss()),
        (learning.L1Loss(), VALUES, TRUTH, nn.L1Loss()),
        (learning.SmoothL1Loss(beta=0.5), VALUES, TRUTH, nn.SmoothL1Loss(beta=0.5)),
        (learning.HuberLoss(delta=0.5), VALUES, TRUTH, nn.HuberLoss(delta=0.5)),
    ],
)
def test_a_loss_gives_what_pytorchs_gives(spec, outputs, targets, by_hand):
    assert torch.equal(build_loss(spec)(outputs, targets), by_hand(outputs, targets))


def test_one_logit_is_compared_with_class_indices():
    found = build_loss(learning.BCEWithLogitsLoss())(VALUES, torch.tensor([0, 1]))
    assert torch.equal(found, nn.BCEWithLogitsLoss()(VALUES, TRUTH))


def test_balanced_weights_are_one_over_the_share_of_the_class():
    counts = torch.tensor([10, 30, 60])
    loss = build_loss(learning.CrossEntropyLoss(weight="balanced"), counts)
    torch.testing.assert_close(loss.weight, 100 / (3 * counts.float()))


def test_an_uninformed_classifier_has_the_log_of_the_number_of_classes():
    loss = build_loss(learning.CrossEntropyLoss())(torch.zeros(5, 7), torch.arange(5))
    assert loss.item() == pytest.approx(torch.tensor(7.0).log().item())


def test_the_loss_says_how_many_outputs_there_are():
    assert num_outputs(learning.CrossEntropyLoss(), 4) == 4
    assert num_outputs(learning.BCEWithLogitsLoss(), 2) == 1
    assert num_outputs(learning.MSELoss(), 0) == 1


OPTIMIZERS = [
    learning.SGD(lr=0.2, momentum=0.9, weight_decay=0.1, nesterov=True),
    learning.SGD(lr=0.2, momentum=0.9, dampening=0.1),
    learning.Adam(lr=0.2, betas=(0.5, 0.6), eps=0.1, weight_decay=0.1, amsgrad=True),
    learning.AdamW(lr=0.2, betas=(0.5, 0.6), eps=0.1, weight_decay=0.1, amsgrad=True),
    learning.RMSprop(
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


SCHEDULES = {
    "StepLR": (
        learning.StepLR(step_size=2, gamma=0.5),
        lambda o: torch.optim.lr_scheduler.StepLR(o, 2, gamma=0.5),
    ),
    "MultiStepLR": (
        learning.MultiStepLR(milestones=(1, 3), gamma=0.5),
        lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [1, 3], gamma=0.5),
    ),
    "ExponentialLR": (
        learning.ExponentialLR(gamma=0.7),
        lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.7),
    ),
    "CosineAnnealingLR": (
        learning.CosineAnnealingLR(eta_min=0.01),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 5, eta_min=0.01),
    ),
    "OneCycleLR": (
        learning.OneCycleLR(
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
    built = build_schedule(learning.ReduceLROnPlateau(**options), optimizer, 5, 3)
    for name, value in options.items():
        found = built.min_lrs[0] if name == "min_lr" else getattr(built, name)
        assert found == value


def test_one_cycle_takes_the_optimizers_rate_as_its_highest():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)
    built = build_schedule(learning.OneCycleLR(), optimizer, 5, 3)
    assert built.optimizer.param_groups[0]["max_lr"] == 0.1


def test_no_schedule_keeps_the_rate():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    assert build_schedule(None, optimizer, 5, 3) is None


@pytest.mark.parametrize(
    "kind", [Loss, Optimizer, Schedule], ids=["loss", "optimizer", "schedule"]
)
def test_choices_come_back_from_their_written_form(kind):
    adapter = TypeAdapter(kind)
    examples = [*OPTIMIZERS, *(spec for spec, _ in SCHEDULES.values())]
    examples += [learning.CrossEntropyLoss(weight="balanced"), learning.HuberLoss()]
    known = [spec for spec in examples if type(spec) in members(kind)]
    assert known
    for spec in known:
        assert adapter.validate_python(adapter.dump_python(spec, mode="json")) == spec
