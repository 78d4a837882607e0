"""Schedules of PyTorch in `fit`: when they are stepped, how long they are."""

import signal

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

import torchsmith as ts
from torchsmith.core.errors import PlanError
from torchsmith.train.watch import TrainingObserver

INPUTS = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
TARGETS = (INPUTS.sum(dim=1) > 0).long()


def fit(schedule, **given):
    """Train 3 epochs of 4 steps with what `schedule` makes for an optimizer."""
    torch.manual_seed(0)
    module = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    given = {"epochs": 3, "batch_size": 10, "runs": None, "doctor": False} | given
    return ts.fit(
        module,
        (INPUTS, TARGETS),
        (INPUTS, TARGETS),
        loss="CrossEntropyLoss",
        optimizer=optimizer,
        schedule=schedule(optimizer),
        **given,
    )


def rates(done):
    return [record.lr for record in done.history]


def cycle(steps):
    return lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=steps)


def triangle(optimizer):
    return lr_scheduler.CyclicLR(optimizer, 0.0, 1.0, step_size_up=4)


def warm_up(optimizer):
    return lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 8))


class StopAfter(TrainingObserver):
    def on_epoch_end(self, record):
        del record
        signal.raise_signal(signal.SIGINT)


def late_cycle(optimizer):
    first = lr_scheduler.ConstantLR(optimizer, 0.5)
    last = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=7)
    return lr_scheduler.SequentialLR(optimizer, [first, last], [4])


@pytest.mark.parametrize(
    ("schedule", "has", "steps"), [(cycle(3), 3, 12), (late_cycle, 7, 8)]
)
def test_a_cycle_that_is_shorter_than_training_is_refused(
    tmp_path, schedule, has, steps
):
    words = (
        f"OneCycleLR has {has} of its total_steps={has} left, and this training steps "
        rf"it {steps} times \(3 epochs of 4 steps\); make it anew with total_steps="
        f"{steps}$"
    )
    with pytest.raises(PlanError, match=words):
        fit(schedule, runs=tmp_path)
    assert not [*tmp_path.iterdir()]


def test_a_cycle_as_long_as_its_part_of_training_is_taken():
    assert rates(fit(cycle(12)))[-1] == pytest.approx(4e-7)
    assert len(rates(fit(cycle(20)))) == 3
    fit(cycle(8), averaging={"SWA": {"start": 0.7, "swa_lr": 0.05}})


def test_schedules_for_batches_are_stepped_after_each():
    assert rates(fit(triangle)) == pytest.approx([0.75, 0.25, 0.75])
    each = lambda optimizer: (warm_up(optimizer), "step")  # noqa: E731
    assert rates(fit(warm_up)) == pytest.approx([0.0125, 0.025, 0.0375])
    assert rates(fit(each)) == pytest.approx([0.05, 0.1, 0.1])
    slow = lambda optimizer: (triangle(optimizer), "epoch")  # noqa: E731
    assert rates(fit(slow)) == pytest.approx([0.0, 0.25, 0.5])


@pytest.mark.parametrize("schedule", [triangle, cycle(12)])
def test_a_schedule_for_batches_goes_on_where_it_was(tmp_path, schedule):
    expected = fit(schedule)
    with pytest.raises(ts.Interrupted):
        fit(schedule, observer=StopAfter(), runs=tmp_path)
    [run] = tmp_path.iterdir()
    resumed = fit(schedule, resume=run)
    assert rates(resumed) == rates(expected)
    assert torch.equal(resumed.module.weight, expected.module.weight)


def test_a_schedule_is_resumed_with_the_same_interval(tmp_path):
    run = fit(warm_up, runs=tmp_path).path
    words = "schedule.interval='epoch', not 'step'; resume with the same"
    with pytest.raises(PlanError, match=words):
        fit(lambda optimizer: (warm_up(optimizer), "step"), resume=run)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (lambda o: (warm_up(o), "batch"), "'epoch' or once a 'step', not 'batch'"),
        (lambda o: (warm_up(o),), r"\(LambdaLR\) is no schedule and its interval"),
        (lambda _: ("LinearLR", "step"), r"\(str, str\) is no schedule and its"),
        (
            lambda o: (lr_scheduler.ReduceLROnPlateau(o), "step"),
            "ReduceLROnPlateau looks at what is known after an epoch; leave 'step'",
        ),
    ],
)
def test_an_interval_that_does_not_exist_is_refused(schedule, words):
    with pytest.raises(PlanError, match=words):
        fit(schedule)


def plateau(optimizer):
    return lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", patience=0)


def test_a_plateau_of_high_values_follows_the_score_that_is_monitored():
    stopping = {"monitor": "val_accuracy"}
    done = fit(plateau, stopping=stopping)
    best, rate, expected = -1.0, 0.1, []
    for record in done.history:
        expected.append(rate)
        if record.metrics["accuracy"] > best * (1 + 1e-4):
            best = record.metrics["accuracy"]
        else:
            rate *= 0.1
    assert rates(done) == pytest.approx(expected)
    values = iter([0.1, 0.2, 0.3])
    rising = {"up": lambda outputs, targets: next(values)}  # noqa: ARG005
    done = fit(plateau, stopping={"monitor": "val_up"}, metrics=rising)
    assert rates(done) == [0.1, 0.1, 0.1]


def test_a_plateau_of_high_values_does_not_follow_a_loss(tmp_path):
    words = "ReduceLROnPlateau.*and that is 'val_loss', of which low values are good; w"
    with pytest.raises(PlanError, match=words):
        fit(plateau, runs=tmp_path)
    assert not [*tmp_path.iterdir()]
