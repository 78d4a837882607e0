"""Schedules, accumulation and averages, step by step against loops written by hand."""

import copy
import signal

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler, swa_utils

from tests.train.jobs import (
    SGD,
    make_job,
    make_state,
    regression_data,
    same_weights,
)
from torchsmith.core.errors import Interrupted
from torchsmith.core.run_folder import RunFolder
from torchsmith.core.seeds import derive_seed
from torchsmith.plan import schedules
from torchsmith.plan.averaging import EMA, SWA
from torchsmith.plan.plan import Stopping
from torchsmith.train.batches import epoch_order
from torchsmith.train.loop import fit
from torchsmith.train.session import Session

WARM_UP = schedules.SequentialLR(
    schedulers=(
        schedules.LinearLR(start_factor=0.1, total_iters=4),
        schedules.MultiStepLR(milestones=(2, 6)),
        schedules.CosineAnnealingLR(),
    ),
    milestones=(4, 13),
    interval="step",
)


def warm_up_by_hand(optimizer):
    members = [
        lr_scheduler.LinearLR(optimizer, 0.1, total_iters=4),
        lr_scheduler.MultiStepLR(optimizer, [2, 6]),
        lr_scheduler.CosineAnnealingLR(optimizer, T_max=36 - 13),
    ]
    return lr_scheduler.SequentialLR(optimizer, members, milestones=[4, 13])


def keep_last(job):
    object.__setattr__(job, "stopping", Stopping(patience=0, restore_best=False))
    return job


def train_by_hand(network, job, *, each_step=None, each_epoch=None, clip_value=0.0):
    """The textbook loop with accumulation; what is called by step and epoch is given.

    `each_step` and `each_epoch` take the optimizer and return what is called.
    """
    inputs, targets = regression_data()
    loss_of, size, num = nn.MSELoss(), job.training.batch_size, job.training.accumulate
    parameters = network.parameters()
    optimizer = torch.optim.SGD(parameters, lr=0.05, momentum=0.9, fused=True)
    after_step = each_step(optimizer) if each_step else lambda: None
    after_epoch = each_epoch(optimizer) if each_epoch else lambda _: None
    step = 0
    for epoch in range(job.training.epochs):
        network.train()
        batches = epoch_order(83, job.training.seed, epoch).split(size)
        for start in range(0, len(batches), num):
            group = batches[start : start + num]
            torch.manual_seed(derive_seed(job.training.seed, "step", step))
            optimizer.zero_grad()
            for rows in group:
                loss = loss_of(network(inputs[rows]), targets[rows])
                share = len(rows) / sum(len(part) for part in group)
                (loss * share).backward()
            if clip_value:
                nn.utils.clip_grad_value_(network.parameters(), clip_value)
            optimizer.step()
            after_step()
            step += 1
        after_epoch(epoch)
    return step


def trained(job, **options):
    """Our loop on the same network and optimizer, and a copy for the loop by hand."""
    state = make_state(job, optimizer=SGD(lr=0.05, momentum=0.9), **options)
    by_hand = copy.deepcopy(state.network)
    fit(job, state, Session(job))
    return state, by_hand


@pytest.mark.parametrize("size", [10, 7])
def test_accumulation_is_the_loop_written_by_hand(size):
    job = keep_last(make_job(epochs=2, batch_size=size, accumulate=4))
    spec = schedules.ExponentialLR(gamma=0.9, interval="step")
    state, by_hand = trained(job, schedule=spec)
    steps = train_by_hand(
        by_hand, job, each_step=lambda o: lr_scheduler.ExponentialLR(o, 0.9).step
    )
    assert same_weights(state.network, by_hand)
    assert state.step == steps == 2 * job.steps_per_epoch == 6
    assert state.history[-1].step == 6
    assert state.lr == pytest.approx(0.05 * 0.9**5)


def test_accumulated_batches_are_one_large_batch_with_uneven_groups_too():
    small = keep_last(make_job(epochs=3, batch_size=7, accumulate=4))
    large = keep_last(make_job(epochs=3, batch_size=28))
    options = {"dropout": 0.0, "batch_norm": False}
    spec = schedules.StepLR(step_size=1)
    accumulated, _ = trained(small, schedule=spec, **options)
    at_once, _ = trained(large, schedule=spec, **options)
    assert accumulated.step == at_once.step == 9
    pairs = zip(
        accumulated.network.parameters(), at_once.network.parameters(), strict=True
    )
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    for ours, theirs in zip(accumulated.history, at_once.history, strict=True):
        assert ours.train_loss == pytest.approx(theirs.train_loss, rel=1e-4)


def test_sums_are_accumulated_as_sums():
    small = keep_last(make_job(epochs=1, batch_size=7, accumulate=4))
    large = keep_last(make_job(epochs=1, batch_size=28))
    found = []
    for job in (small, large):
        object.__setattr__(job, "loss", nn.MSELoss(reduction="sum"))
        state = make_state(job, optimizer=SGD(lr=1e-4), batch_norm=False, dropout=0.0)
        fit(job, state, Session(job))
        found.append(torch.nn.utils.parameters_to_vector(state.network.parameters()))
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-6)


def test_gradients_are_cut_at_a_value():
    job = keep_last(make_job(epochs=2, clip_grad_value=0.01))
    state, by_hand = trained(job, schedule=schedules.StepLR(step_size=9))
    train_by_hand(by_hand, job, clip_value=0.01)
    assert same_weights(state.network, by_hand)


BY_HAND = {
    "LambdaLR": (
        schedules.LambdaLR(lr_lambda="1 / (1 + epoch)", interval="step"),
        lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    ),
    "LinearLR": (
        schedules.LinearLR(total_iters=20, interval="step"),
        lambda o: lr_scheduler.LinearLR(o, total_iters=20),
    ),
    "ConstantLR": (
        schedules.ConstantLR(total_iters=2),
        lambda o: lr_scheduler.ConstantLR(o, total_iters=2),
    ),
    "MultiStepLR": (
        schedules.MultiStepLR(milestones=(1, 3)),
        lambda o: lr_scheduler.MultiStepLR(o, [1, 3]),
    ),
    "PolynomialLR": (
        schedules.PolynomialLR(total_iters=30, interval="step"),
        lambda o: lr_scheduler.PolynomialLR(o, 30),
    ),
    "CosineAnnealingLR": (
        schedules.CosineAnnealingLR(interval="step"),
        lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=36),
    ),
    "CosineAnnealingWarmRestarts": (
        schedules.CosineAnnealingWarmRestarts(T_0=5, T_mult=2, interval="step"),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 5, 2),
    ),
    "SequentialLR": (WARM_UP, warm_up_by_hand),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_schedule_is_stepped_as_pytorch_does_it(name):
    spec, build = BY_HAND[name]
    job = keep_last(make_job())
    state, by_hand = trained(job, schedule=spec)
    if spec.interval == "step":
        train_by_hand(by_hand, job, each_step=lambda o: build(o).step)
    else:

        def after_epochs(optimizer):
            schedule = build(optimizer)
            return lambda _: schedule.step()

        train_by_hand(by_hand, job, each_epoch=after_epochs)
    assert same_weights(state.network, by_hand)


def test_ema_is_the_loop_written_by_hand_and_leaves_the_trained_weights_alone():
    job = keep_last(make_job(epochs=3))
    spec = schedules.StepLR(step_size=1)
    plain, _ = trained(job, schedule=spec)
    state, by_hand = trained(job, schedule=spec, averaging=EMA(decay=0.9))
    average = swa_utils.AveragedModel(
        by_hand, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.9), use_buffers=True
    )

    def each_step(_):
        return lambda: average.update_parameters(by_hand)

    def each_epoch(optimizer):
        schedule = lr_scheduler.StepLR(optimizer, 1)
        return lambda _: schedule.step()

    train_by_hand(by_hand, job, each_step=each_step, each_epoch=each_epoch)
    for ours, theirs in zip(
        state.network.parameters(), average.module.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)
    for ours, theirs in zip(
        state.network.buffers(), average.module.buffers(), strict=True
    ):
        assert not ours.is_floating_point() or torch.equal(ours, theirs)
    losses = [record.train_loss for record in state.history]
    assert losses == [record.train_loss for record in plain.history]
    assert same_weights(plain.network, by_hand)
    average.module.eval()
    inputs, targets = regression_data()
    with torch.inference_mode():
        val = nn.functional.mse_loss(average.module(inputs[83:]), targets[83:])
    assert state.history[-1].val_loss == pytest.approx(val.item(), rel=1e-6)


def test_the_best_weights_are_the_averaged_ones():
    job = make_job(epochs=3)
    state, _ = trained(
        job, schedule=schedules.StepLR(step_size=1), averaging=EMA(decay=0.8)
    )
    best = min(state.history, key=lambda record: record.val_loss)
    assert state.best_epoch == best.epoch
    state.network.eval()
    inputs, targets = regression_data()
    with torch.inference_mode():
        val = nn.functional.mse_loss(state.network(inputs[83:]), targets[83:])
    assert best.val_loss == pytest.approx(val.item(), rel=1e-6)


@pytest.mark.parametrize("swa_lr", [None, 0.02])
def test_swa_is_the_loop_written_by_hand(swa_lr):
    job = keep_last(make_job(epochs=6))
    spec = SWA(start=0.5, swa_lr=swa_lr, anneal_epochs=2)
    plan = schedules.ExponentialLR(gamma=0.9)
    state, by_hand = trained(job, schedule=plan, averaging=spec, dropout=0.0)
    average = swa_utils.AveragedModel(by_hand)

    def each_epoch(optimizer):
        schedule = lr_scheduler.ExponentialLR(optimizer, 0.9)
        late = schedule
        if swa_lr:
            late = swa_utils.SWALR(optimizer, swa_lr, anneal_epochs=2)

        def after(epoch):
            if epoch >= 3:
                average.update_parameters(by_hand)
                late.step()
            else:
                schedule.step()

        return after

    train_by_hand(by_hand, job, each_epoch=each_epoch)
    inputs, _ = regression_data()
    swa_utils.update_bn(inputs[:83].split(10), average.module)
    assert same_weights(state.network, average.module)
    assert state.lr == pytest.approx(swa_lr or 0.05 * 0.9**5)


def test_a_cycle_by_steps_gives_way_to_the_rate_of_swa():
    job = keep_last(make_job(epochs=4))
    state, _ = trained(
        job,
        schedule=schedules.OneCycleLR(),
        averaging=SWA(start=0.5, swa_lr=0.03, anneal_epochs=1),
    )
    assert state.history[-1].lr == 0.03
    assert state.schedule.last_epoch == 2 * job.steps_per_epoch


def test_averaging_that_never_began_keeps_what_was_trained():
    job = keep_last(make_job(epochs=4))
    state = make_state(job, averaging=SWA(start=0.75))
    state.ending = "observer"
    before = copy.deepcopy(state.network)
    fit(job, state, Session(job))
    assert same_weights(state.network, before)


RESUMED = {
    "LambdaLR": {"schedule": BY_HAND["LambdaLR"][0]},
    "MultiStepLR": {"schedule": schedules.MultiStepLR(milestones=(1, 2, 2))},
    "CosineAnnealingWarmRestarts": {
        "schedule": BY_HAND["CosineAnnealingWarmRestarts"][0]
    },
    "ConstantLR": {"schedule": schedules.ConstantLR(total_iters=2)},
    "PolynomialLR": {"schedule": BY_HAND["PolynomialLR"][0]},
    "ExponentialLR": {"schedule": schedules.ExponentialLR(gamma=0.5)},
    "SequentialLR": {"schedule": WARM_UP},
    "EMA": {"averaging": EMA(decay=0.8)},
    "SWA": {"averaging": SWA(start=0.4)},
    "SWALR": {
        "schedule": schedules.LinearLR(),
        "averaging": SWA(start=0.2, swa_lr=0.5, anneal_epochs=2),
    },
}


@pytest.mark.parametrize("name", RESUMED)
@pytest.mark.parametrize(("accumulate", "epoch"), [(1, 1), (2, 2), (1, 3)])
def test_an_interrupted_run_ends_with_the_same_bits(tmp_path, name, accumulate, epoch):
    job = make_job(epochs=4, accumulate=accumulate)
    step = epoch * job.steps_per_epoch - 1  # the last but one of an epoch
    straight = make_state(job, **RESUMED[name])
    fit(job, straight, Session(job))
    folder = RunFolder.create(tmp_path, "job", {"plan.yaml": ""})
    session = Session(job, folder)
    inner = session.after_step

    def stop_at(state):
        if state.step == step:
            signal.raise_signal(signal.SIGINT)
        inner(state)

    session.after_step = stop_at
    with pytest.raises(Interrupted):
        fit(job, make_state(job, **RESUMED[name]), session)
    resumed = make_state(job, **RESUMED[name])
    resumed.load(folder.newest_checkpoint()[0])
    assert resumed.step == step
    fit(job, resumed, Session(job, folder))
    assert same_weights(resumed.network, straight.network)
    same = ("step", "train_loss", "val_loss", "lr", "grad_norm", "best")
    for ours, theirs in zip(resumed.history, straight.history, strict=True):
        assert [getattr(ours, n) for n in same] == [getattr(theirs, n) for n in same]
