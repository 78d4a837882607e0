"""Small trainings for the native engine, and the same by the eager one."""

import copy

import torch

from tests.train.jobs import CPU
from torchsmith.nn.optimizers import build_optimizer
from torchsmith.nn.schedules import build_schedule
from torchsmith.plan.optimizers import Adam
from torchsmith.plan.plan import Stopping, Training
from torchsmith.plan.schedules import interval_of
from torchsmith.train.batches import TensorBatches
from torchsmith.train.engines.compiled import Compiled
from torchsmith.train.loop import Job, fit
from torchsmith.train.session import Session
from torchsmith.train.state import TrainState


def numbers(rows=83, columns=13, outputs=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(rows, columns, generator=generator)
    noise = torch.randn(rows, outputs, generator=generator)
    return inputs, inputs[:, :1] * 2 + inputs[:, 1:2] ** 2 + noise


def classes(rows=83, columns=13, num=5, seed=0):
    inputs, _ = numbers(rows, columns, seed=seed)
    generator = torch.Generator().manual_seed(seed + 1)
    return inputs, torch.randint(0, num, (rows,), generator=generator)


def pixels(rows=83, channels=3, size=5, num=5, seed=0):
    """Images of which about half of the pixels are 0, and their classes."""
    generator = torch.Generator().manual_seed(seed)
    wide = torch.randn(rows, channels, size, size, generator=generator) * 150
    targets = torch.randint(0, num, (rows,), generator=generator)
    return wide.clamp(0, 255).to(torch.uint8), targets


def job_of(data, loss, *, batch_size=10, epochs=2, offset=(), factor=(), **options):
    options = {"seed": 3, **options}
    return Job(
        train=TensorBatches(*data, offset=offset, factor=factor),
        val=None,
        loss=loss,
        training=Training(epochs=epochs, batch_size=batch_size, **options),
        stopping=Stopping(patience=0, restore_best=False),
        device=CPU,
    )


def state_of(job, network, optimizer=None, schedule=None):
    """A state of a copy of the network."""
    network = copy.deepcopy(network)
    built = build_optimizer(optimizer or Adam(lr=0.01), network.named_parameters())
    if schedule is None:
        return TrainState(network, built)
    epochs, steps = job.training.epochs, job.steps_per_epoch
    made = build_schedule(schedule, built, epochs, steps)
    return TrainState(network, built, made, interval_of(schedule))


def by_eager(job, network, optimizer=None, schedule=None):
    state = state_of(job, network, optimizer, schedule)
    fit(job, state, Session(job))
    return state


def by_compiled(job, network, optimizer=None, schedule=None, **options):
    state = state_of(job, network, optimizer, schedule)
    engine = Compiled(job, state, **options)
    fit(job, state, Session(job), engine.train_epoch)
    return state


def assert_close(ours, eager, *, rtol=1e-4, atol=1e-5):
    """All that a state holds is the same but for rounding."""
    close = {"rtol": rtol, "atol": atol}
    pairs = list(
        zip(ours.network.parameters(), eager.network.parameters(), strict=True)
    )
    for mine, theirs in pairs:
        torch.testing.assert_close(mine.data, theirs.data, **close)
        torch.testing.assert_close(mine.grad, theirs.grad, **close)
        ours_kept = ours.optimizer.state[mine]
        theirs_kept = eager.optimizer.state[theirs]
        assert ours_kept.keys() == theirs_kept.keys()
        for key, value in theirs_kept.items():
            torch.testing.assert_close(ours_kept[key], value, **close)
    for mine, theirs in zip(ours.history, eager.history, strict=True):
        torch.testing.assert_close(mine.train_loss, theirs.train_loss, **close)
        torch.testing.assert_close(mine.grad_norm, theirs.grad_norm, **close)
        assert (mine.lr, mine.step) == (theirs.lr, theirs.step)


def bits_of(state):
    """Every tensor of a state, by name."""
    names = dict(state.network.named_parameters())
    tensors = {name: p.data.clone() for name, p in names.items()}
    tensors |= {f"{name}.grad": p.grad.clone() for name, p in names.items()}
    for name, parameter in names.items():
        for key, value in state.optimizer.state[parameter].items():
            tensors[f"{name}.{key}"] = value.clone()
    return {**tensors, "loss_sum": state.loss_sum.clone()}


def assert_same_bits(left, right):
    ours, theirs = bits_of(left), bits_of(right)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []
    losses = [[r.train_loss for r in state.history] for state in (left, right)]
    assert losses[0] == losses[1]
