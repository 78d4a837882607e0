"""What the doctor sees of a training, and when it says to stop."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import torchsmith as ts
from tests.train.jobs import make_job, make_state
from torchsmith.core.errors import Diverged
from torchsmith.core.run_folder import RunFolder
from torchsmith.doctor.signals import read_signals
from torchsmith.doctor.subject import Subject
from torchsmith.doctor.watch import Watch
from torchsmith.train.loop import fit
from torchsmith.train.session import Session
from torchsmith.train.state import TrainState
from torchsmith.train.watch import TrainingObserver


def watch_of(network, epochs=4, lr=0.01):
    job = make_job(epochs=epochs)
    state = TrainState(network, torch.optim.SGD(network.parameters(), lr))
    return Watch(Subject(job, state)), job, state


def layers_of(network):
    watch, _, _ = watch_of(network)
    assert not watch.left_out
    return {layer.name: layer for layer in watch.signals[0].layers}


def with_dead_units(linear, num):
    with torch.no_grad():
        linear.weight[:num] = 0.0
        linear.bias[:num] = -1.0
    return linear


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = with_dead_units(nn.Linear(4, 8), 6)
        self.out = nn.Linear(8, 1)

    def forward(self, inputs):
        return self.out(F.relu(self.hidden(inputs)))


class Maps(nn.Module):
    """Channels, not places, are what can be dead."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3, padding=1)
        with torch.no_grad():
            self.conv.weight[:3] = 0.0
            self.conv.bias[:] = -1.0
            self.conv.weight[3] = 1.0
        self.out = nn.Linear(16, 1)

    def forward(self, inputs):
        return self.out(self.conv(inputs.unsqueeze(1)).relu().flatten(1))


def test_the_share_of_dead_units_is_seen_of_modules_functions_and_methods():
    modules = nn.Sequential(
        with_dead_units(nn.Linear(4, 8), 2), nn.ReLU(), nn.Linear(8, 1)
    )
    assert layers_of(modules)["1"].dead == 0.25
    assert layers_of(Functional())["relu"].dead == 0.75
    assert layers_of(Maps())["relu"].dead == 0.75


def test_units_are_saturated_at_either_end_but_not_at_the_end_of_the_network():
    hidden = nn.Linear(4, 8)
    with torch.no_grad():
        hidden.weight.mul_(1000.0)
    network = nn.Sequential(hidden, nn.Tanh(), nn.Linear(8, 1), nn.Sigmoid())
    layers = layers_of(network)
    assert layers["1"].saturated == 1.0
    assert layers["3"].saturated is None


def test_a_step_of_a_copy_shows_how_fast_weights_change():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 1))
    before = network[0].weight.detach().clone()
    watch, _, _ = watch_of(network, lr=0.5)
    (layer,) = watch.signals[0].layers
    assert layer.update_rms == pytest.approx(0.5 * layer.grad_rms, rel=1e-4)
    assert layer.weight_rms == pytest.approx(before.square().mean().sqrt().item())
    assert torch.equal(network[0].weight, before)
    assert network[0].weight.grad is None


def test_samples_are_taken_before_training_then_ever_more_rarely_and_last():
    job = make_job(epochs=20)  # of 9 steps each
    state = make_state(job)
    watch = Watch(Subject(job, state))
    fit(job, state, Session(job, observers=[watch]))
    assert [sample.epoch for sample in watch.signals] == [0, 8, 16, 20]
    assert watch.seconds > 0


class Uncopyable(nn.Linear):
    def __deepcopy__(self, memo):
        raise RuntimeError("holds a connection")


def test_a_network_that_cannot_be_copied_trains_without_samples():
    watch, job, state = watch_of(nn.Sequential(Uncopyable(4, 1)))
    fit(job, state, Session(job, observers=[watch]))
    assert state.finished == "all 4 epochs done"
    assert watch.signals == []
    assert watch.left_out == ["samples while training went on: holds a connection"]


class Stubborn(TrainingObserver):
    def __init__(self, epoch):
        self.epoch = epoch

    def reason_to_stop(self, record):
        return "stopped: enough" if record.epoch == self.epoch else ""


def test_an_observer_may_say_why_training_ends():
    job = make_job(epochs=7)
    state = make_state(job)
    fit(job, state, Session(job, observers=[Stubborn(3)]))
    assert (state.epoch, state.ending) == (3, "observer")
    assert state.finished == "stopped: enough"


def numbers(rows=120):
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(rows, 4)).astype(np.float32)
    return inputs, (inputs @ [1.0, -2.0, 0.5, 0.0]).astype(np.float32)


class Notes(TrainingObserver):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


DEAD = {
    "network": {"MLP": {"hidden": [8, 8]}},
    "init": [{"constant_": {"val": -5.0, "params": "*.bias"}}],
    "training.epochs": 40,
    "stopping.patience": 0,
}


def test_a_run_whose_units_are_all_dead_is_stopped_and_kept(tmp_path):
    seen = Notes()
    run = ts.train(numbers(), settings=DEAD, runs=tmp_path, observer=seen)
    assert run.outcome.stopped.startswith("stopped by the doctor (T4): 100 % of the")
    assert len(run.history) in (16, 32)  # at the first sample that can tell
    assert (run.path / "report.html").is_file()
    assert "T4" in [finding.code for finding in run.diagnosis.findings]
    assert any(note.startswith("T4 error") for note in seen.notes)


def test_it_is_not_stopped_where_the_plan_ignores_the_code(tmp_path):
    settings = {**DEAD, "doctor.ignore": ["T4"]}
    run = ts.train(numbers(), settings=settings, runs=tmp_path)
    assert len(run.history) == 40
    assert "T4" in run.diagnosis.ignored


@pytest.mark.parametrize("engine", ["eager", "captured"])
def test_a_loss_that_is_no_number_ends_in_a_diagnosis(engine, tmp_path):
    settings = {
        "network": {"MLP": {"hidden": [8]}},
        "optimizer": {"SGD": {"lr": 1e4}},
        "schedule": None,
        "training.engine": engine,
        "training.clip_grad_norm": 0,
        "split.val": 0.15,
    }
    seen = Notes()
    with pytest.raises(Diverged):
        ts.train(numbers(), settings=settings, runs=tmp_path, observer=seen)
    folder = RunFolder(next(tmp_path.iterdir()))
    last = read_signals(folder.signals)[-1]
    assert last.not_finite == ("0", "1", "2")
    diagnosis = ts.Run(folder.path).diagnosis
    found = next(f for f in diagnosis.findings if f.code == "T1")
    assert found.where == "0"
    assert found.changes["optimizer.lr"] < 1
    assert any(note.startswith("T1 error") for note in seen.notes)
