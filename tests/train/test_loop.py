"""The loop does what the loop on every PyTorch page does, and nothing else."""

import copy
import math
import warnings
from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.train.jobs import (
    make_job,
    make_state,
    regression_data,
    same_weights,
)
from torchsmith.core.errors import TrainError
from torchsmith.core.seeds import derive_seed
from torchsmith.nn.losses import MeanOverMembers, build_loss
from torchsmith.plan.losses import MSELoss
from torchsmith.plan.optimizers import SGD
from torchsmith.plan.plan import Stopping
from torchsmith.plan.schedules import (
    CosineAnnealingLR,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)
from torchsmith.train.batches import TensorBatches, batch_starts, epoch_order
from torchsmith.train.loop import evaluate_loss, fit
from torchsmith.train.monitor import is_better, monitored
from torchsmith.train.randomness import own_randomness
from torchsmith.train.session import Session
from torchsmith.train.state import TrainState


def train_by_hand(network, job, schedule_of, *, clip=0.0):
    """The textbook loop, written out; per-step schedules only."""
    inputs, targets = regression_data()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01, fused=True)
    schedule = schedule_of(optimizer)
    losses, step = [], 0
    for epoch in range(job.training.epochs):
        network.train()
        order = epoch_order(83, job.training.seed, epoch)
        total = 0.0
        for start in range(0, 83, job.training.batch_size):
            torch.manual_seed(derive_seed(job.training.seed, "step", step))
            rows = order[start : start + job.training.batch_size]
            loss = nn.functional.mse_loss(network(inputs[rows]), targets[rows])
            optimizer.zero_grad()
            loss.backward()
            if clip:
                nn.utils.clip_grad_norm_(network.parameters(), clip)
            optimizer.step()
            schedule.step()
            total += loss.item() * len(rows)
            step += 1
        network.eval()
        with torch.inference_mode():
            val = nn.functional.mse_loss(network(inputs[83:]), targets[83:]).item()
        losses.append((total / 83, val))
    return losses


def test_training_gives_the_weights_of_the_loop_written_by_hand():
    job = make_job()
    state = make_state(job)
    by_hand = copy.deepcopy(state.network)
    steps = len(job.starts) * job.training.epochs
    losses = train_by_hand(
        by_hand,
        job,
        lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=0.01, total_steps=steps
        ),
    )
    object.__setattr__(job, "stopping", Stopping(patience=0, restore_best=False))
    fit(job, state, Session(job))
    assert same_weights(state.network, by_hand)
    ours = [(record.train_loss, record.val_loss) for record in state.history]
    assert ours == [pytest.approx(pair, rel=1e-6) for pair in losses]


def test_clipping_reaches_the_gradients():
    job = make_job(clip_grad_norm=0.05)
    state = make_state(job)
    by_hand = copy.deepcopy(state.network)
    steps = len(job.starts) * job.training.epochs
    object.__setattr__(job, "stopping", Stopping(patience=0, restore_best=False))
    train_by_hand(
        by_hand,
        job,
        lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=0.01, total_steps=steps
        ),
        clip=0.05,
    )
    fit(job, state, Session(job))
    assert same_weights(state.network, by_hand)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    first, second = make_job(), make_job()
    a, b = make_state(first), make_state(second)
    fit(first, a, Session(first))
    torch.rand(7)  # what the program draws in between does not matter
    fit(second, b, Session(second))
    assert same_weights(a.network, b.network)
    other = make_job()
    object.__setattr__(other, "training", other.training.model_copy(update={"seed": 4}))
    c = make_state(other)
    fit(other, c, Session(other))
    assert not same_weights(a.network, c.network)


def test_training_leaves_the_random_numbers_of_the_program_alone():
    job = make_job(epochs=1)
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    fit(job, make_state(job), Session(job))
    assert torch.equal(torch.rand(3), expected)


def test_validation_uses_eval_mode_and_needs_no_gradients():
    seen = []

    class Watching(nn.Linear):
        def forward(self, inputs):
            seen.append((self.training, torch.is_inference_mode_enabled()))
            return super().forward(inputs)

    job = make_job(epochs=2)
    state = make_state(job)
    state.network = nn.Sequential(Watching(4, 1))
    state.optimizer = torch.optim.SGD(state.network.parameters(), lr=0.01)
    state.schedule = None
    fit(job, state, Session(job))
    epoch = [(True, False)] * 9 + [(False, True)]
    assert seen == epoch * 2


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_epoch_losses_are_means_per_example_not_of_batches(reduction):
    inputs = torch.tensor([[0.0], [0.0], [0.0], [0.0], [10.0], [10.0]])
    targets = torch.zeros(6, 1)
    job = make_job(epochs=1, batch_size=4)
    batches = TensorBatches(inputs, targets)
    object.__setattr__(job, "loss", build_loss(MSELoss(reduction=reduction)))
    object.__setattr__(job, "train", batches)
    object.__setattr__(job, "val", batches)
    state = make_state(job)
    state.network = nn.Linear(1, 1, bias=False)
    nn.init.ones_(state.network.weight)
    state.optimizer = torch.optim.SGD(state.network.parameters(), lr=1e-12)
    state.schedule = None
    fit(job, state, Session(job))
    assert state.history[0].train_loss == pytest.approx(200 / 6, rel=1e-5)
    assert state.history[0].val_loss == pytest.approx(200 / 6, rel=1e-5)


def test_an_epoch_schedule_is_stepped_once_an_epoch():
    job = make_job(epochs=4)
    state = make_state(job, optimizer=SGD(lr=0.1), schedule=StepLR(step_size=2))
    fit(job, state, Session(job))
    assert [r.lr for r in state.history] == pytest.approx([0.1, 0.1, 0.01, 0.01])


def test_cosine_annealing_ends_at_its_lowest_rate_after_all_epochs():
    job = make_job(epochs=4)
    state = make_state(job, optimizer=SGD(lr=0.1), schedule=CosineAnnealingLR())
    fit(job, state, Session(job))
    assert state.optimizer.param_groups[0]["lr"] == pytest.approx(0.0, abs=1e-9)


def test_one_cycle_is_stepped_after_every_step():
    job = make_job(epochs=3)
    state = make_state(job, schedule=OneCycleLR())
    fit(job, state, Session(job))
    assert state.history[-1].lr == pytest.approx(0.01 / 25 / 1e4, rel=1e-3)


def test_plateau_lowers_the_rate_when_validation_does_not_improve():
    job = make_job(epochs=4)
    spec = ReduceLROnPlateau(patience=0, factor=0.5, threshold=0.9, eps=0.0)
    state = make_state(job, optimizer=SGD(lr=1e-6), schedule=spec)
    fit(job, state, Session(job))
    assert state.optimizer.param_groups[0]["lr"] == pytest.approx(1e-6 / 8)


def test_training_stops_early_and_restores_the_best_weights():
    job = make_job(epochs=50, patience=2)
    state = make_state(job, optimizer=SGD(lr=1e-12), schedule=StepLR(step_size=99))
    state.network = nn.Linear(4, 1)
    state.optimizer = torch.optim.SGD(state.network.parameters(), lr=5.0)
    state.schedule = None
    object.__setattr__(
        job, "training", job.training.model_copy(update={"clip_grad_norm": 1.0})
    )
    fit(job, state, Session(job))
    best = min(state.history, key=lambda record: record.val_loss)
    assert state.best_epoch == best.epoch
    assert len(state.history) == best.epoch + 2
    assert state.finished.startswith(f"stopped early after epoch {best.epoch + 2}")
    inputs, targets = regression_data()
    with torch.inference_mode():
        loss = nn.functional.mse_loss(state.network(inputs[83:]), targets[83:])
    assert loss.item() == pytest.approx(best.val_loss)


def test_without_restoring_the_last_weights_stay():
    job = make_job(epochs=3)
    object.__setattr__(job, "stopping", Stopping(patience=0, restore_best=False))
    state = make_state(job)
    fit(job, state, Session(job))
    assert state.finished == "all 3 epochs done"


def test_a_loss_that_is_not_finite_is_named_with_a_remedy():
    job = make_job(epochs=5)
    state = make_state(job, optimizer=SGD(lr=1e18), schedule=StepLR(step_size=9))
    with pytest.raises(TrainError, match=r"no longer a finite number \(epoch .*lower"):
        fit(job, state, Session(job))


def test_outputs_that_would_broadcast_against_the_targets_are_refused():
    inputs, targets = regression_data()
    job = make_job()
    flat = TensorBatches(inputs, targets.squeeze(1))
    object.__setattr__(job, "train", flat)
    with pytest.raises(TrainError, match=r"shape \(10, 1\) and the targets \(10,\)"):
        fit(job, make_state(job), Session(job))


def test_a_loss_that_is_no_single_number_is_refused():
    job = make_job()
    object.__setattr__(job, "loss", nn.MSELoss(reduction="none"))
    with pytest.raises(TrainError, match="must be one number"):
        fit(job, make_state(job), Session(job))


def test_a_guard_of_seconds_stops_training_and_says_so():
    job = make_job(epochs=5, seconds=1e-9)
    state = make_state(job)
    fit(job, state, Session(job))
    assert state.ending == "seconds"
    assert state.finished.startswith("stopped by training.seconds: 1e-09 in epoch 1")
    assert len(state.history) == 1


def test_who_has_done_all_epochs_when_the_guard_is_crossed_was_not_cut_off():
    job = make_job(epochs=2, seconds=1000)
    state = make_state(job)

    def slow(network):  # called before each validation
        state.seconds += 600

    fit(replace(job, settle=slow), state, Session(job))
    assert (state.ending, state.finished) == ("epochs", "all 2 epochs done")


def test_who_is_out_of_patience_when_the_guard_is_crossed_was_not_cut_off():
    job = make_job(epochs=5, seconds=1000)
    job = replace(job, stopping=Stopping(patience=1, min_delta=1e9))
    state = make_state(job)

    def slow(network):
        state.seconds += 600

    fit(replace(job, settle=slow), state, Session(job))
    assert state.ending == "patience"
    assert state.finished.startswith("stopped early after epoch 2")


def test_the_guard_that_cuts_the_last_epoch_off_is_named():
    job = make_job(epochs=2, seconds=1000)
    state = make_state(job)

    def slow(inputs):
        state.seconds += 600 * (state.epoch == 1)
        return inputs

    fit(replace(job, augment=slow), state, Session(job))
    assert state.ending == "seconds"
    assert state.finished.startswith(
        "stopped by training.seconds: 1000 in epoch 2 of 2"
    )
    assert state.step == job.steps_per_epoch + 2


def test_the_whole_data_is_seen_once_an_epoch_in_another_order():
    orders = [epoch_order(50, 0, epoch) for epoch in range(3)]
    assert all(sorted(order.tolist()) == list(range(50)) for order in orders)
    assert not torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], epoch_order(50, 1, 0))
    assert torch.equal(orders[2], epoch_order(50, 0, 2))


@pytest.mark.parametrize(
    ("rows", "size", "starts"),
    [
        (10, 4, [0, 4, 8]),
        (9, 4, [0, 4]),
        (1, 4, [0]),
        (8, 4, [0, 4]),
        (5, 1, [0, 1, 2, 3, 4]),
    ],
)
def test_a_last_batch_of_one_joins_the_one_before_unless_all_are_so(rows, size, starts):
    assert batch_starts(rows, size) == starts


@pytest.mark.parametrize(
    ("monitor", "value", "best", "better"),
    [
        ("val_loss", 0.9, 1.0, True),
        ("val_loss", 1.1, 1.0, False),
        ("val_accuracy", 0.9, 0.8, True),
        ("val_rmse", 0.9, 0.8, False),
        ("train_loss", 0.7, 0.8, True),
    ],
)
def test_what_is_better_depends_on_the_monitor(monitor, value, best, better):
    assert is_better(Stopping(monitor=monitor), value, best) is better


def test_nan_is_never_the_best():
    stopping = Stopping(monitor="val_loss")
    assert not is_better(stopping, math.nan, None)
    assert not is_better(stopping, math.nan, 1.0)
    assert is_better(stopping, 0.5, None)


def test_a_val_loss_that_is_always_nan_is_told_and_the_last_weights_stay():
    job = make_job(epochs=5, patience=2)
    inputs, targets = regression_data()
    inputs[90] = math.nan
    job = replace(job, val=TensorBatches(inputs[83:], targets[83:]))
    state = make_state(job)
    fit(job, state, Session(job))
    assert state.best_epoch == 0
    assert "it was NaN in every epoch: look for NaN in the val part" in state.finished
    assert all(weight.isfinite().all() for weight in state.network.parameters())


def test_large_examples_are_validated_in_small_batches():
    seen = []

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, inputs):
            if not self.training:
                seen.append(len(inputs))
            return inputs.flatten(1)[:, :1] * self.scale

    large, targets = torch.zeros(70, 1, 64, 64, 64), torch.zeros(70, 1)
    job = replace(
        make_job(epochs=1, batch_size=4),
        train=TensorBatches(large[:8], targets[:8]),
        val=TensorBatches(large[8:], targets[8:]),
    )
    network = Net()
    state = TrainState(network, torch.optim.SGD(network.parameters()), None, "step")
    fit(job, state, Session(job))
    assert sum(seen) == 62
    assert max(seen) == 16
    assert make_job(batch_size=600).val_batch_size == 600
    assert make_job(batch_size=4).val_batch_size == 512


def test_an_improvement_must_exceed_min_delta():
    stopping = Stopping(min_delta=0.1)
    assert not is_better(stopping, 0.95, 1.0)
    assert is_better(stopping, 0.85, 1.0)


def test_an_unknown_monitor_is_named_with_what_there_is():
    with pytest.raises(
        TrainError, match="no 'val_f1'; there are: train_loss, val_loss"
    ):
        monitored("val_f1", 1.0, 2.0, {})


def test_without_a_val_part_the_training_loss_is_monitored():
    job = make_job(epochs=2, val=False)
    state = make_state(job)
    fit(job, state, Session(job))
    assert state.history[-1].val_loss is None
    assert state.best_value == min(r.train_loss for r in state.history)


def test_pixels_are_scaled_as_they_are_taken():
    pixels = torch.tensor([[[[0, 255]]], [[[51, 102]]]], dtype=torch.uint8)
    batches = TensorBatches(pixels, torch.tensor([0, 1]), offset=[51.0], factor=[0.5])
    inputs, targets = batches.take(torch.tensor([1, 0]))
    assert inputs.dtype == torch.float32
    assert inputs.flatten().tolist() == [0.0, 25.5, -25.5, 102.0]
    assert targets.tolist() == [1, 0]


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("most", [1, 2, 3, 4, 100])
def test_the_first_steps_are_those_of_the_whole_epoch(accumulate, most):
    job = make_job(batch_size=10, accumulate=accumulate)
    order = epoch_order(len(job.train), 0, 0)
    first = [[*map(torch.Tensor.tolist, step)] for step in job.steps(order, most)]
    whole = [[*map(torch.Tensor.tolist, step)] for step in job.steps(order)]
    assert first == whole[:most]


WEIGHTED = [
    (nn.CrossEntropyLoss(weight=torch.tensor([0.5, 4.0])), [0.5, 4.0]),
    (nn.CrossEntropyLoss(ignore_index=0), [0.0, 1.0]),
    (nn.NLLLoss(weight=torch.tensor([3.0, 0.25]), ignore_index=-1), [3.0, 0.25]),
    (MeanOverMembers(nn.NLLLoss(weight=torch.tensor([3.0, 1.0]))), [3.0, 1.0]),
    (nn.CrossEntropyLoss(), [1.0, 1.0]),
]
"""Losses, and what each class weighs in their means."""


@pytest.mark.parametrize(("loss", "weights"), WEIGHTED)
def test_the_val_loss_of_weighted_classes_is_that_of_the_whole_part(loss, weights):
    logs = torch.randn(1300, 2, generator=torch.Generator().manual_seed(0))
    logs = logs.log_softmax(1)
    classes = (torch.arange(1300) >= 1000).long()  # sorted, as files often are
    job = replace(make_job(), loss=loss, val=TensorBatches(logs, classes))
    found, _, _ = evaluate_loss(job, nn.Identity(), job.val)
    weight = torch.tensor(weights, dtype=torch.float64)[classes]
    exact = -(weight * logs[torch.arange(1300), classes]).sum() / weight.sum()
    assert found == pytest.approx(exact.item(), rel=1e-6)


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize(("loss", "weights"), WEIGHTED)
def test_the_train_loss_of_weighted_classes_is_that_of_the_whole_part(
    loss, weights, accumulate
):
    logs = torch.randn(130, 2, generator=torch.Generator().manual_seed(0))
    logs = logs.log_softmax(1)
    classes = (torch.arange(130) % 3 > 0).long()
    job = make_job(epochs=1, batch_size=13, val=False, accumulate=accumulate)
    job = replace(job, loss=loss, train=TensorBatches(logs, classes))
    network = nn.Linear(2, 2, bias=False)
    nn.init.eye_(network.weight)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-12)
    state = TrainState(network, optimizer)
    fit(job, state, Session(job))
    weight = torch.tensor(weights, dtype=torch.float64)[classes]
    exact = -(weight * logs[torch.arange(130), classes]).sum() / weight.sum()
    assert state.history[0].train_loss == pytest.approx(exact.item(), rel=1e-6)


def test_gpus_that_are_not_used_are_not_asked_for_their_numbers(monkeypatch):
    monkeypatch.setattr(
        torch.accelerator, "current_accelerator", lambda: torch.device("cuda")
    )
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda _: pytest.fail("was asked"))
    before = torch.get_rng_state()
    with warnings.catch_warnings(action="error"), own_randomness():
        torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)
