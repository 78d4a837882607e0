"""Worker processes: the same batches as one process, and no trace when they end."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, Subset, TensorDataset

import torchsmith as ts
from tests.train.jobs import CPU, same_weights
from torchsmith.core.errors import DataError, Interrupted, TrainError
from torchsmith.train.batches import DatasetBatches
from torchsmith.train.session import Session

ROWS = 23


class Noisy(Dataset):
    """Draws from all three sources of global random numbers for each item."""

    def __len__(self):
        return ROWS

    def __getitem__(self, index):
        noise = torch.tensor([random.gauss(0, 1), np.random.normal(), torch.rand(())])  # noqa: NPY002
        return {"x": noise.float() + index, "name": f"n{index}"}, torch.tensor([index])


class Inputs(Noisy):
    """The same, as a network takes it."""

    def __getitem__(self, index):
        inputs, target = super().__getitem__(index)
        return inputs["x"] / ROWS, target / ROWS


class Broken(Inputs):
    def __getitem__(self, index):
        if index == 17:
            raise KeyError("no label")
        return super().__getitem__(index)


class Ragged(Inputs):
    def __getitem__(self, index):
        return torch.zeros(2 + (index == 17)), torch.zeros(1)


class Deadly(Inputs):
    """Ends the process that reads example 17, unless it is the one that trains."""

    def __init__(self, end):
        self.parent, self.end = os.getpid(), end

    def __getitem__(self, index):
        if index == 17 and os.getpid() != self.parent:
            self.end()
        return super().__getitem__(index)


def kill_oneself():
    os.kill(os.getpid(), signal.SIGKILL)


def stream(dataset, num_workers, *, epoch=0, seed=0, sizes=(4, 4, 4, 4, 4, 3)):
    batches = DatasetBatches(dataset, CPU, seed=seed, num_workers=num_workers)
    try:
        yield from batches.stream(torch.arange(ROWS).flip(0).split(sizes), epoch)
    finally:
        batches.close()


def same(left, right):
    """Whether batches of `Noisy` are equal."""
    return all(
        torch.equal(a["x"], b["x"]) and a["name"] == b["name"] and torch.equal(t, u)
        for (a, t), (b, u) in zip(left, right, strict=True)
    )


def fit(dataset, num_workers, **options):
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Linear(3, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1)
    )
    options = {"runs": None, "epochs": 2, "batch_size": 4} | options
    return ts.fit(
        module, dataset, dataset, loss="MSELoss", num_workers=num_workers, **options
    )


@pytest.fixture(autouse=True)
def _no_process_is_left():
    yield
    assert multiprocessing.active_children() == []


def test_any_number_of_workers_gives_the_same_batches_in_the_same_order():
    expected = list(stream(Noisy(), 0))
    assert same(stream(Noisy(), 1), expected)
    assert same(stream(Noisy(), 4), expected)


def test_what_an_item_draws_depends_on_seed_and_epoch_and_not_on_its_batch():
    sizes = (7, 7, 7, 2)
    once = torch.cat([i["x"] for i, _ in stream(Noisy(), 0)])
    again = torch.cat([i["x"] for i, _ in stream(Noisy(), 0, sizes=sizes)])
    assert torch.equal(once, again)
    for other in ({"epoch": 1}, {"seed": 1}):
        drawn = torch.cat([i["x"] for i, _ in stream(Noisy(), 0, **other)])
        assert not (drawn == once).any()


def test_the_validation_part_draws_other_numbers_than_the_training_part():
    rows = torch.arange(4)
    train, val = (DatasetBatches(Noisy(), CPU, part=part) for part in ("train", "val"))
    assert not (train.take(rows)[0]["x"] == val.take(rows)[0]["x"]).any()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_reading_leaves_the_random_numbers_of_the_process_alone(num_workers):
    before = random.getstate(), np.random.get_state()[1], torch.get_rng_state()  # noqa: NPY002
    threads = torch.get_num_threads()
    list(stream(Noisy(), num_workers))
    after = random.getstate(), np.random.get_state()[1], torch.get_rng_state()  # noqa: NPY002
    assert before[0] == after[0]
    assert (before[1] == after[1]).all()
    assert torch.equal(before[2], after[2])
    assert torch.get_num_threads() == threads


def test_a_fit_ends_with_the_same_weights_for_any_number_of_workers():
    alone = fit(Inputs(), 0)
    for num_workers in (1, 4):
        done = fit(Inputs(), num_workers)
        assert same_weights(done.module, alone.module)
        assert [h.val_loss for h in done.history] == [h.val_loss for h in alone.history]


def stop_at(monkeypatch, step):
    """Ask to stop after a number of steps, as Ctrl-C does."""
    original = Session.after_step

    def after_step(session, state):
        if state.step == step:
            os.kill(os.getpid(), signal.SIGINT)
        original(session, state)

    monkeypatch.setattr(Session, "after_step", after_step)


def test_a_fit_that_was_stopped_at_any_step_goes_on_with_any_number_of_workers(
    tmp_path, monkeypatch
):
    whole = fit(Inputs(), 0)
    for step in range(1, 12):
        workers = (0, 1, 3)[step % 3], (2, 0, 1)[step % 3]
        runs = tmp_path / str(step)
        with monkeypatch.context() as patch:
            stop_at(patch, step)
            with pytest.raises(Interrupted, match="everything is saved"):
                fit(Inputs(), workers[0], runs=runs)
        assert multiprocessing.active_children() == []
        resumed = fit(Inputs(), workers[1], runs=runs, resume="last")
        assert same_weights(resumed.module, whole.module), step


def test_a_run_goes_on_with_another_number_of_workers_in_its_plan(
    tmp_path, monkeypatch
):
    settings = {"training.epochs": 2}
    with monkeypatch.context() as patch:
        stop_at(patch, 5)
        with pytest.raises(Interrupted):
            ts.train("iris", runs=tmp_path, settings=settings)
    (plan,) = tmp_path.glob("*/plan.yaml")
    text = plan.read_text()
    assert "num_workers: 0" in text
    plan.write_text(text.replace("num_workers: 0", "num_workers: 2"))
    assert len(ts.train(resume="last", runs=tmp_path).history) == 2


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_exception_of_a_data_set_is_told_with_its_index(num_workers):
    message = r"Broken\[17\] \(train part\) raised KeyError: 'no label'; correct"
    batches = stream(Broken(), num_workers)
    next(batches)
    with pytest.raises(DataError, match=message) as caught:
        next(batches)
    cause = caught.value.__cause__
    assert "no label" in str(cause)
    assert num_workers == 0 or "in __getitem__" in str(cause)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_an_item_of_another_shape_is_told_with_its_number(num_workers):
    with pytest.raises(DataError, match=r"item 17 .* others.* same shapes"):
        list(stream(Ragged(), num_workers))


def test_batches_before_a_broken_example_are_given_first():
    batches = stream(Broken(), 4)
    expected = next(stream(Inputs(), 0))
    assert torch.equal(next(batches)[0], expected[0])
    batches.close()


def test_a_worker_that_was_killed_is_told_as_such():
    message = r"worker \d of 2 was killed by SIGKILL .* 18, 17.* out of memory"
    with pytest.raises(TrainError, match=message):
        list(stream(Deadly(kill_oneself), 2))


def test_a_worker_that_ends_itself_is_told_with_its_exit_code():
    with pytest.raises(TrainError, match="ended with exit code 3 while it read"):
        list(stream(Deadly(lambda: os._exit(3)), 2))


def test_a_stream_that_is_left_in_its_middle_leaves_no_trace_in_the_next():
    batches = DatasetBatches(Noisy(), CPU, num_workers=2)
    rows = torch.arange(ROWS).split(4)
    first = batches.stream(rows)
    next(first)
    again = list(batches.stream(rows, 1))
    batches.close()
    assert same(again, DatasetBatches(Noisy(), CPU).stream(rows, 1))


def test_workers_ignore_the_signals_that_stop_training():
    batches = DatasetBatches(Noisy(), CPU, num_workers=1)
    rows = torch.arange(ROWS).split(4)
    stream = batches.stream(rows)
    next(stream)
    (child,) = multiprocessing.active_children()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(child.pid, number)
    assert len(list(stream)) == len(rows) - 1
    batches.close()


IN_A_STREAM = """
import os, signal, sys, torch
from tests.train.test_workers import CPU, ROWS, DatasetBatches, Noisy
batches = DatasetBatches(Noisy(), CPU, num_workers=3)
stream = batches.stream(torch.arange(ROWS).split(2))
next(stream)
print("reading", flush=True)
os.kill(os.getpid(), int(sys.argv[1]))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_when_the_process_that_trains_is_killed(number):
    command = [sys.executable, "-c", IN_A_STREAM, str(int(number))]
    # The workers hold the same output: it ends when the last of them does.
    done = subprocess.run(command, check=False, capture_output=True, timeout=60)
    assert done.returncode == -number
    assert done.stdout == b"reading\n", done.stderr


class Large(Dataset):
    """Items of 1 MB, not contiguous, and of other types."""

    def __len__(self):
        return ROWS

    def __getitem__(self, index):
        picture = torch.full((1, 3, 512, 512), index, dtype=torch.uint8)
        picture = picture.contiguous(memory_format=torch.channels_last)[0]
        rest = (
            torch.tensor(index > 3),
            torch.zeros(0),
            torch.ones((), dtype=torch.bfloat16),
        )
        return picture, rest


def test_large_batches_keep_their_values_types_and_layout():
    left, right = stream(Large(), 2), stream(Large(), 0)
    for (inputs, rest), (expected, others) in zip(left, right, strict=True):
        assert torch.equal(inputs, expected)
        assert inputs.stride() == expected.stride()
        for value, other in zip(rest, others, strict=True):
            assert torch.equal(value, other)
            assert value.dtype == other.dtype


def test_a_data_set_that_spawned_workers_cannot_take_is_refused(monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda **_: "spawn")
    message = r"Deadly \(train part\) cannot be sent .*'spawn'.*num_workers to 0"
    with pytest.raises(TrainError, match=message):
        list(stream(Deadly(lambda: None), 1))


def test_own_data_sets_of_pytorch_are_read_without_seeding(monkeypatch):
    tensors = TensorDataset(torch.arange(4.0), torch.arange(4))
    batches = DatasetBatches(Subset(tensors, [3, 1]), CPU)
    with monkeypatch.context() as patch:
        patch.setattr(random, "seed", lambda _: pytest.fail("was seeded"))
        assert batches.take(torch.arange(2))[1].tolist() == [3, 1]


def test_a_negative_number_of_workers_is_refused():
    with pytest.raises(ts.PlanError, match="num_workers"):
        fit(Inputs(), -1)
