"""A run that stops anywhere goes on as if it had not."""

import json
import random
import signal

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from tests.train.jobs import make_job, make_state, same_weights
from torchsmith.core.errors import Interrupted, TrainError
from torchsmith.core.run_folder import RunFolder
from torchsmith.core.spec import members
from torchsmith.nn.optimizers import build_optimizer
from torchsmith.plan.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Group,
    Muon,
    NAdam,
    Optimizer,
    RAdam,
    RMSprop,
)
from torchsmith.plan.schedules import (
    CosineAnnealingLR,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)
from torchsmith.train.batches import DatasetBatches, TensorBatches
from torchsmith.train.ending import ending_of
from torchsmith.train.loop import fit
from torchsmith.train.session import Session
from torchsmith.train.state import TrainState
from torchsmith.train.watch import TrainingObserver


class StopAt(TrainingObserver):
    """Asks to stop, as Ctrl-C does, when a session reaches a step."""

    def __init__(self, session, step):
        self.session, self.step = session, step
        self.inner = session.after_step
        session.after_step = self.after_step

    def after_step(self, state):
        if state.step == self.step:
            signal.raise_signal(signal.SIGINT)
        self.inner(state)


@pytest.fixture
def folder(tmp_path):
    return RunFolder.create(tmp_path, "job", {"plan.yaml": ""})


def interrupt(job, state, folder, step):
    session = Session(job, folder)
    StopAt(session, step)
    with pytest.raises(Interrupted, match="Go on with: torchsmith train --resume"):
        fit(job, state, session)


CHOICES = [
    (AdamW(lr=0.01), OneCycleLR()),
    (Adam(lr=0.01, amsgrad=True), CosineAnnealingLR()),
    (SGD(lr=0.01, momentum=0.9, nesterov=True), StepLR(step_size=1)),
    (RMSprop(lr=0.001), ReduceLROnPlateau(patience=0)),
]

GROUPS = (Group(params="*.bias", weight_decay=0.0), Group(params="*1.*", lr=0.002))
MATRICES = (Group(params="4.*", lr=0.002),)
OPTIMIZERS = [
    SGD(lr=0.01, momentum=0.9, groups=GROUPS),
    Adam(lr=0.01, groups=(Group(params="*.bias", betas=(0.5, 0.6)),)),
    AdamW(lr=0.01, groups=GROUPS),
    RMSprop(lr=0.01, momentum=0.5, centered=True),
    Adagrad(lr=0.1, initial_accumulator_value=0.1, lr_decay=0.1),
    Adadelta(lr=0.5),
    NAdam(lr=0.01, decoupled_weight_decay=True, weight_decay=0.1),
    RAdam(lr=0.1),
    Muon(lr=0.1, groups=MATRICES, others=AdamW(lr=0.1, betas=(0.5, 0.6))),
]


@pytest.mark.parametrize(("optimizer", "schedule"), CHOICES)
@pytest.mark.parametrize("step", [1, 8, 9, 10, 23])
def test_an_interrupted_run_ends_with_the_same_bits(folder, optimizer, schedule, step):
    job = make_job(epochs=3, patience=5)
    straight = make_state(job, optimizer=optimizer, schedule=schedule)
    fit(job, straight, Session(job))
    stopped = make_state(job, optimizer=optimizer, schedule=schedule)
    interrupt(job, stopped, folder, step)
    resumed = make_state(job, optimizer=optimizer, schedule=schedule)
    newest, problems = folder.newest_checkpoint()
    assert not problems
    resumed.load(newest)
    assert resumed.step == step
    fit(job, resumed, Session(job, folder))
    assert same_weights(resumed.network, straight.network)
    same = ("epoch", "step", "train_loss", "val_loss", "lr", "grad_norm", "best")
    for ours, theirs in zip(resumed.history, straight.history, strict=True):
        assert [getattr(ours, n) for n in same] == [getattr(theirs, n) for n in same]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda s: s.spec_name())
def test_every_optimizer_goes_on_with_the_same_bits(folder, optimizer):
    job = make_job(epochs=2)
    straight = make_state(job, optimizer=optimizer)
    fit(job, straight, Session(job))
    interrupt(job, make_state(job, optimizer=optimizer), folder, 9)
    resumed = make_state(job, optimizer=optimizer)
    resumed.load(folder.newest_checkpoint()[0])
    fit(job, resumed, Session(job, folder))
    assert same_weights(resumed.network, straight.network)
    ours, theirs = resumed.optimizer.state_dict(), straight.optimizer.state_dict()
    assert ours["param_groups"] == theirs["param_groups"]
    torch.testing.assert_close(ours["state"], theirs["state"], rtol=0, atol=0)


def test_every_optimizer_is_resumed_in_a_test():
    assert [type(spec) for spec in OPTIMIZERS] == list(members(Optimizer))


class Noisy(Dataset):
    """A data set that draws from the global generators, as many do."""

    def __len__(self):
        return 21

    def __getitem__(self, index):
        noise = random.random() + np.random.rand() + torch.rand(1)  # noqa: NPY002
        return torch.full((4,), float(index)) + noise, torch.tensor([index / 10])


def test_a_data_set_with_random_augmentation_resumes_to_the_same_bits(folder):
    job = make_job(epochs=3, batch_size=4)
    object.__setattr__(job, "train", DatasetBatches(Noisy(), torch.device("cpu")))
    object.__setattr__(job, "val", DatasetBatches(Noisy(), torch.device("cpu")))
    straight = make_state(job)
    fit(job, straight, Session(job))
    interrupt(job, make_state(job), folder, 8)
    random.seed(99)
    resumed = make_state(job)
    resumed.load(folder.newest_checkpoint()[0])
    fit(job, resumed, Session(job, folder))
    assert same_weights(resumed.network, straight.network)


def test_a_finished_run_is_saved_as_finished(folder):
    job = make_job(epochs=2)
    state = make_state(job)
    fit(job, state, Session(job, folder))
    loaded = make_state(job)
    loaded.load(folder.newest_checkpoint()[0])
    assert (loaded.ending, loaded.finished) == ("epochs", "all 2 epochs done")
    assert same_weights(loaded.network, state.network)


def test_a_finished_run_of_an_older_version_is_not_trained_again(tmp_path):
    job = make_job(epochs=2)
    state = make_state(job)
    fit(job, state, Session(job))
    state.finished = "stopped by the doctor (T4): Units are dead."
    state.save(tmp_path)
    path = tmp_path / "state.json"
    old = json.loads(path.read_text())
    del old["ending"]
    path.write_text(json.dumps(old))
    loaded = make_state(job)
    loaded.load(tmp_path)
    assert loaded.ending == "observer"
    fit(job, loaded, Session(job))
    assert (loaded.epoch, loaded.finished) == (2, state.finished)


@pytest.mark.parametrize(
    ("sentence", "ending"),
    [
        ("", ""),
        ("all 3 epochs done", "epochs"),
        ("1 epoch done", "epochs"),
        (
            "stopped by training.seconds: 60 in epoch 3 of 9, at step 90; another run "
            "may stop at another step",
            "seconds",
        ),
        (
            "stopped early after epoch 9: val_loss has not improved for 3 epochs "
            "(best: epoch 6)",
            "patience",
        ),
        ("stopped by the doctor (T4): 100% of the units are dead", "observer"),
        ("stopped: enough", "observer"),
    ],
)
def test_the_sentence_of_an_older_version_tells_what_ended_it(sentence, ending):
    assert ending_of(sentence) == ending


def test_a_flipped_byte_is_found_and_the_checkpoint_before_is_used(folder):
    job = make_job(epochs=3)
    state = make_state(job)
    interrupt(job, state, folder, 5)
    session = Session(job, folder)
    state.step = 7
    session.save(state)
    newest, _ = folder.newest_checkpoint()
    assert newest.name == "00000007"
    weights = newest / "state.safetensors"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    found, problems = folder.newest_checkpoint()
    assert found.name == "00000005"
    assert problems == [
        "checkpoint 00000007 is damaged: "
        "state.safetensors does not have the SHA-256 of its manifest"
    ]


@pytest.mark.parametrize("name", ["state.json", "state.safetensors", "manifest.json"])
@pytest.mark.parametrize("damage", [lambda c: c[:-3], lambda _: b"", None])
def test_a_torn_or_missing_file_is_found(folder, name, damage):
    job = make_job()
    Session(job, folder).save(make_state(job))
    path = folder.newest_checkpoint()[0] / name
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage(path.read_bytes()))
    newest, problems = folder.newest_checkpoint()
    assert newest is None
    assert len(problems) == 1


def test_only_the_last_two_checkpoints_are_kept(folder):
    job = make_job()
    state = make_state(job)
    for step in (1, 2, 3):
        state.step = step
        Session(job, folder).save(state)
    names = sorted(path.name for path in folder.checkpoints.iterdir())
    assert names == ["00000002", "00000003"]


def test_a_checkpoint_of_another_network_is_refused(folder):
    job = make_job()
    Session(job, folder).save(make_state(job))
    other = make_state(job)
    other.network = nn.Linear(4, 2)
    with pytest.raises(TrainError, match="does not fit this network and optimizer"):
        other.load(folder.newest_checkpoint()[0])


def test_sigterm_saves_and_leaves(folder):
    job = make_job()
    session = Session(job, folder)

    class Terminate(TrainingObserver):
        def on_epoch_end(self, record):  # noqa: ARG002
            signal.raise_signal(signal.SIGTERM)

    session._observers = [Terminate()]
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted, match="in epoch 2, at step 9"):
        fit(job, make_state(job), session)
    assert signal.getsignal(signal.SIGTERM) is before
    assert folder.newest_checkpoint()[0].name == "00000009"


def test_a_terminal_that_goes_away_saves_unless_that_is_ignored(folder):
    session = Session(make_job(), folder)
    with session.signals():
        assert callable(signal.getsignal(signal.SIGHUP))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with session.signals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def press_ctrl_c_twice(session):
    with session.signals():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second one did not leave")


def test_a_second_ctrl_c_leaves_at_once(folder):
    with pytest.raises(KeyboardInterrupt):
        press_ctrl_c_twice(Session(make_job(), folder))


def test_ctrl_c_after_the_last_step_takes_effect_when_all_is_saved(folder):
    job = make_job(epochs=1)
    state = make_state(job)
    session = Session(job, folder)
    save = session.save

    def save_while_ctrl_c_is_pressed(state):
        signal.raise_signal(signal.SIGINT)
        save(state)

    session.save = save_while_ctrl_c_is_pressed
    with pytest.raises(KeyboardInterrupt):
        fit(job, state, session)
    loaded = make_state(job)
    loaded.load(folder.newest_checkpoint()[0])
    assert loaded.finished == "1 epoch done"


def test_a_finished_training_is_not_saved_again(folder):
    job = make_job(epochs=1)
    state = make_state(job)
    fit(job, state, Session(job, folder))
    before = folder.newest_checkpoint()
    fit(job, state, Session(job, folder))
    assert folder.newest_checkpoint() == before


def test_without_a_folder_an_interruption_says_that_nothing_is_saved():
    job = make_job()
    session = Session(job)
    StopAt(session, 2)
    with pytest.raises(Interrupted, match="nothing was saved"):
        fit(job, make_state(job), session)


def make_image_state(job):
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Flatten(), nn.Linear(8, 1)
    ).to(memory_format=torch.channels_last)
    return TrainState(
        network, build_optimizer(AdamW(lr=0.01), network.named_parameters())
    )


def test_convolutions_in_another_memory_layout_end_with_the_same_bits(folder):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(64, 3, 5, 5, generator=generator)
    targets = inputs.mean((1, 2, 3))[:, None]
    job = make_job(epochs=5, val=False)
    object.__setattr__(job, "train", TensorBatches(inputs, targets))
    straight = make_image_state(job)
    fit(job, straight, Session(job))
    interrupt(job, make_image_state(job), folder, 5)
    resumed = make_image_state(job)
    resumed.load(folder.newest_checkpoint()[0])
    fit(job, resumed, Session(job, folder))
    assert same_weights(resumed.network, straight.network)
