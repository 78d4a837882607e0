"""A run with the doctor ends with the same weights as one without, to the last bit."""

import copy
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import Dataset

import torchsmith as ts
from tests.train.jobs import make_job, make_state, same_weights
from torchsmith.core.errors import Interrupted
from torchsmith.core.run_folder import RunFolder
from torchsmith.doctor.signals import read_signals
from torchsmith.doctor.subject import Subject
from torchsmith.doctor.watch import Watch
from torchsmith.plan.averaging import EMA
from torchsmith.plan.schedules import CosineAnnealingLR
from torchsmith.train.batches import DatasetBatches
from torchsmith.train.loop import fit
from torchsmith.train.session import Session
from torchsmith.train.state import TrainState

SHORT = {"training.epochs": 5, "training.batch_size": 16, "stopping.patience": 0}

PLANS = {
    "eager, normalised, dropped out, averaged": {
        "training.engine": "eager",
        "network": {"MLP": {"hidden": [16], "batch_norm": True, "dropout": 0.3}},
        "averaging": {"EMA": {"decay": 0.9}},
    },
    "captured, normalised": {
        "training.engine": "captured",
        "network": {"MLP": {"hidden": [16], "batch_norm": True}},
        "training.clip_grad_norm": 1.0,
        "split.val": 0.15,
    },
    "compiled": {
        "training.engine": "compiled",
        "network": {"MLP": {"hidden": [16]}},
        "schedule": "OneCycleLR",
        "split.val": 0.15,
    },
    "members": {
        "training.engine": "eager",
        "network": {"TabularMLP": {"hidden": [16], "members": 3, "dropout": 0.2}},
    },
    "accumulating, by SGD, averaged late": {
        "training.engine": "eager",
        "network": {"MLP": {"hidden": [16], "dropout": 0.1}},
        "optimizer": {"SGD": {"lr": 0.05, "momentum": 0.9}},
        "averaging": {"SWA": {"start": 0.5}},
        "training.accumulate": 2,
    },
}


def numbers(rows=150):
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(rows, 6)).astype(np.float32)
    targets = inputs[:, 0] * 2 + inputs[:, 1] ** 2
    return inputs, (targets + draw.normal(size=rows) / 4).astype(np.float32)


def pictures(rows=90):
    draw = np.random.default_rng(0)
    inputs = draw.integers(0, 255, size=(rows, 3, 8, 8), dtype=np.uint8)
    return inputs, np.where(inputs[:, 0].mean(axis=(1, 2)) > 127, "light", "dark")


def weights_with_and_without(source, settings, tmp_path):
    """Train once with the doctor and once without."""
    before = random.getstate(), torch.get_rng_state()
    runs = []
    for examine in (True, False):
        asked = {**SHORT, **settings, "doctor.examine": examine}
        random.setstate(before[0])
        torch.set_rng_state(before[1])
        runs.append(ts.train(source, settings=asked, runs=tmp_path / str(examine)))
    assert (runs[0].path / "signals.jsonl").stat().st_size
    assert not (runs[1].path / "signals.jsonl").exists()
    return [load_file(run.path / "model/network.safetensors") for run in runs]


def equal(ours, theirs):
    return ours.keys() == theirs.keys() and all(
        torch.equal(ours[name], theirs[name]) for name in ours
    )


@pytest.mark.parametrize("name", PLANS)
def test_a_run_of_a_table_is_the_same_without_the_doctor(name, tmp_path):
    assert equal(*weights_with_and_without(numbers(), PLANS[name], tmp_path))


def test_a_run_of_pictures_is_the_same_without_the_doctor(tmp_path):
    settings = {
        "network": {"ConvNet": {"channels": [4, 8]}},
        "augment": ["RandomHorizontalFlip"],
        "training.epochs": 2,
    }
    assert equal(*weights_with_and_without(pictures(), settings, tmp_path))


class Noisy(Dataset):
    """Draws from all random numbers there are, and changes as it is read."""

    def __init__(self):
        self.inputs, self.targets = map(torch.from_numpy, numbers(60))
        self.reads = 0

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, index):
        self.reads += 1
        drawn = random.random() + np.random.rand() + torch.rand(()).item()  # noqa: NPY002
        shift = drawn / 100 + self.reads / 1e4
        return self.inputs[index] + shift, self.targets[index : index + 1]


def test_a_fit_of_a_data_set_that_changes_as_it_is_read_is_the_same():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1)
    )
    fits = []
    for examine in (True, False):
        made = copy.deepcopy(module)
        ts.fit(
            made,
            Noisy(),
            loss="MSELoss",
            epochs=3,
            batch_size=20,
            runs=None,
            doctor={"examine": examine},
        )
        fits.append(made)
    assert same_weights(*fits)


class StopAt:
    """Asks to stop, as Ctrl-C does, when a session reaches a step."""

    def __init__(self, session, step):
        self.step, self.inner, self.session = step, session.after_step, session
        session.after_step = self

    def __call__(self, state):
        if state.step == self.step:
            self.session.ask_to_stop()
        self.inner(state)


def watched(folder, stop_at=0, doctor=True):
    """Train, or go on; returns the state and the watch."""
    job = make_job(epochs=6, batch_size=4)
    averaging = EMA(decay=0.9)
    schedule = CosineAnnealingLR()
    state = make_state(job, schedule=schedule, averaging=averaging)
    newest, _ = folder.newest_checkpoint()
    if newest is not None:
        state.load(newest)
    watch = None
    if doctor:
        watch = Watch(Subject(job, state), path=folder.signals)
    session = Session(job, folder, [watch] if watch else [])
    if stop_at:
        StopAt(session, stop_at)
    fit(job, state, session)
    return state, watch


def without_seconds(samples):
    return [sample.model_copy(update={"seconds": 0.0}) for sample in samples]


def test_a_resumed_run_is_the_same_and_has_the_same_signals(tmp_path):
    bare, _ = watched(RunFolder.create(tmp_path, "bare", {}), doctor=False)
    whole, watch = watched(RunFolder.create(tmp_path, "whole", {}))
    folder = RunFolder.create(tmp_path, "cut", {})
    with pytest.raises(Interrupted):
        watched(folder, stop_at=70)
    cut = len(read_signals(folder.signals))
    resumed, _ = watched(folder)
    assert cut < len(watch.signals)
    assert same_weights(whole.network, bare.network)
    assert same_weights(resumed.network, bare.network)
    after = read_signals(folder.signals)
    assert without_seconds(after) == without_seconds(watch.signals)


def test_samples_after_the_state_that_training_goes_on_from_are_cut(tmp_path):
    folder = RunFolder.create(tmp_path, "run", {})
    _, watch = watched(folder)
    lines = folder.signals.read_text().splitlines()
    job = make_job(epochs=6, batch_size=4)
    state = make_state(job)
    state.step, state.epoch = watch.signals[1].step, watch.signals[1].epoch
    folder.signals.write_text("\n".join([*lines, '{"epoch": 9, "st']))
    assert Watch(Subject(job, state), path=folder.signals).signals == watch.signals[:2]
    assert folder.signals.read_text().splitlines() == lines[:2]


def test_the_examples_of_a_data_set_are_read_once():
    job, data, network = make_job(epochs=4), Noisy(), nn.Linear(6, 1)
    job = replace(job, train=DatasetBatches(data, job.device))
    state = TrainState(network, torch.optim.SGD(network.parameters(), 0.01))
    before = data.reads
    watch = Watch(Subject(job, state))
    assert data.reads == before + job.training.batch_size
    watch.sample()
    assert data.reads == before + job.training.batch_size
    assert len(watch.signals) == 2
