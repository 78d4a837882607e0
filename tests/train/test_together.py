"""Many networks in lockstep: each has the bits that it has alone."""

import importlib
import shutil
import signal
import threading

import pytest
import torch
from torch import nn

from tests.train.jobs import (
    CPU,
    SGD,
    AdamW,
    CosineAnnealingLR,
    make_state,
    regression_data,
)
from torchsmith.core.errors import Interrupted, TrainError
from torchsmith.core.run_folder import RunFolder
from torchsmith.nn.build import InputLayout, build_network
from torchsmith.nn.losses import build_loss
from torchsmith.nn.optimizers import build_optimizer
from torchsmith.plan import activations, averaging, layers, losses, optimizers
from torchsmith.plan.activations import LogSoftmax, ReLU, Tanh
from torchsmith.plan.networks import MLP, ConvNet, Sequential, TabularMLP
from torchsmith.plan.normalisation import BatchNorm1d
from torchsmith.plan.plan import Stopping, Training
from torchsmith.plan.schedules import ReduceLROnPlateau
from torchsmith.train.batches import TensorBatches
from torchsmith.train.engines.choose import build_engine
from torchsmith.train.engines.engine import Unsupported
from torchsmith.train.engines.together import (
    TogetherMember,
    fit_beside,
    fit_together,
    require_together,
)
from torchsmith.train.loop import Job, fit
from torchsmith.train.session import Session, Stop
from torchsmith.train.state import TrainState
from torchsmith.train.watch import TrainingObserver

SEEDS = (0, 3, 7, 8, 12)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Data:
    """Examples that all members of a company share."""

    def __init__(self, inputs, targets, loss):
        self.train = TensorBatches(inputs[:83], targets[:83])
        self.val = TensorBatches(inputs[83:], targets[83:])
        self.loss = loss

    def job(self, seed, *, patience=0, epochs=3, val=True, **options):
        options = {"batch_size": 10, "threads": 1} | options
        return Job(
            train=self.train,
            val=self.val if val else None,
            loss=self.loss,
            training=Training(epochs=epochs, seed=seed, **options),
            stopping=Stopping(patience=patience),
            device=CPU,
            augment=nn.Sequential(),
        )


def jobs_of(data, **options):
    return [data.job(seed, **options) for seed in SEEDS]


def numbers(loss=None):
    return Data(*regression_data(), loss or nn.MSELoss())


def classes(num=3, loss=None, shape=(4,)):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(103, *shape, generator=generator)
    targets = (inputs.flatten(1)[:, 0] * 2).round().long().clamp(0, num - 1)
    return Data(inputs, targets, build_loss(loss or losses.CrossEntropyLoss()))


def network_state(spec, shape, num_outputs, optimizer=AdamW(lr=0.01)):  # noqa: B008
    def build(job):
        network = build_network(
            spec, InputLayout(shape, shape[0]), num_outputs, job.training.seed
        )
        return TrainState(
            network, build_optimizer(optimizer, network.named_parameters())
        )

    return build


def together(jobs, states, *, lanes=1, folders=None, observers=None):
    """Train all at once, and return the members."""
    stop = Stop()
    folders = folders or [None] * len(jobs)
    observers = observers or [()] * len(jobs)
    members = [
        TogetherMember(job, state, Session(job, folder, seen, stop=stop))
        for job, state, folder, seen in zip(
            jobs, states, folders, observers, strict=True
        )
    ]
    require_together(jobs, [state.network for state in states])
    fit_together(members, stop, lanes=lanes)
    return members


def alone(job, state):
    fit(job, state, Session(job))
    return state


def bits(state):
    """All that training changes, and that does not depend on the clock."""
    history = [
        record.model_copy(update={"seconds": 0.0, "examples_per_second": 0.0})
        for record in state.history
    ]
    kept = state.optimizer.state_dict()["state"]
    tensors = {f"network.{k}": v for k, v in state.network.state_dict().items()}
    tensors |= {
        f"optimizer.{number}.{key}": value
        for number, values in kept.items()
        for key, value in values.items()
        if isinstance(value, torch.Tensor)
    }
    return history, {k: v.numpy().tobytes() for k, v in tensors.items()}, state.finished


def assert_same(state, other):
    (history, tensors, finished), wanted = bits(state), bits(other)
    assert finished == wanted[2]
    assert history == wanted[0]
    assert tensors.keys() == wanted[1].keys()
    assert [name for name in tensors if tensors[name] != wanted[1][name]] == []


def assert_as_alone(jobs, new_state, **options):
    members = together(jobs, [new_state(job) for job in jobs], **options)
    for job, member in zip(jobs, members, strict=True):
        assert member.failed is None
        assert_same(member.state, alone(job, new_state(job)))
    return members


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_members_have_the_bits_that_they_have_alone(dropout, batch_norm, lanes):
    def new_state(job):
        return make_state(job, dropout=dropout, batch_norm=batch_norm)

    members = assert_as_alone(jobs_of(numbers()), new_state, lanes=lanes)
    weights = {member.state.network[0].weight.sum().item() for member in members}
    assert len(weights) == len(SEEDS), "the seeds made no difference"


@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.SGD(lr=0.01),
        optimizers.SGD(lr=0.01, momentum=0.9, nesterov=True, weight_decay=0.1),
        optimizers.Adam(lr=0.01, weight_decay=0.1),
        optimizers.AdamW(lr=0.01, amsgrad=True),
        optimizers.AdamW(
            lr=0.01, groups=(optimizers.Group(params="*.bias", weight_decay=0.0),)
        ),
        optimizers.RMSprop(lr=0.01, momentum=0.5, centered=True),
        optimizers.Adagrad(lr=0.01, lr_decay=0.1),
        optimizers.Adadelta(),
        optimizers.NAdam(lr=0.01),
        optimizers.RAdam(lr=0.01),
        optimizers.Muon(lr=0.01),
    ],
    ids=lambda spec: spec.spec_name(),
)
def test_every_optimizer_has_the_bits_that_it_has_alone(optimizer):
    def new_state(job):
        return make_state(job, optimizer=optimizer, schedule=CosineAnnealingLR())

    assert_as_alone(jobs_of(numbers()), new_state)


@pytest.mark.parametrize(
    "activation",
    [
        activations.ReLU(),
        activations.LeakyReLU(negative_slope=0.02),
        activations.ELU(),
        activations.GELU(),
        activations.SELU(),
        activations.SiLU(),
        activations.Mish(),
        activations.Sigmoid(),
        activations.Tanh(),
    ],
    ids=lambda spec: spec.spec_name(),
)
@pytest.mark.parametrize("width", [8, 13])
def test_every_activation_has_the_bits_that_it_has_alone(activation, width):
    spec = MLP(hidden=(width, 5), activation=activation)
    assert_as_alone(jobs_of(classes()), network_state(spec, (4,), 3))


@pytest.mark.parametrize(
    ("loss", "num_outputs"),
    [
        (losses.CrossEntropyLoss(), 3),
        (losses.CrossEntropyLoss(label_smoothing=0.1), 3),
        (losses.CrossEntropyLoss(weight=(1.0, 2.0, 3.0)), 3),
        (losses.CrossEntropyLoss(reduction="sum"), 3),
        (losses.MSELoss(), 3),
        (losses.BCEWithLogitsLoss(), 3),
    ],
)
def test_every_loss_of_classes_has_the_bits_that_it_has_alone(loss, num_outputs):
    data = classes(loss=loss)
    assert_as_alone(jobs_of(data), network_state(MLP(hidden=(8,)), (4,), num_outputs))


@pytest.mark.parametrize(
    "loss",
    [
        losses.MSELoss(),
        losses.MSELoss(reduction="sum"),
        losses.L1Loss(),
        losses.SmoothL1Loss(),
        losses.HuberLoss(),
    ],
)
def test_every_loss_of_numbers_has_the_bits_that_it_has_alone(loss):
    data = numbers(build_loss(loss))
    assert_as_alone(jobs_of(data), network_state(MLP(hidden=(8,)), (4,), 1))


@pytest.mark.parametrize(
    "spec",
    [
        Sequential(
            layers=(
                layers.Flatten(),
                layers.Linear(out_features=16),
                ReLU(),
                layers.Dropout(p=0.2),
                layers.Linear(out_features=3),
            )
        ),
        Sequential(
            layers=(
                layers.Flatten(),
                layers.Linear(out_features=16, bias=False),
                BatchNorm1d(),
                Tanh(),
                layers.Linear(out_features=3),
                LogSoftmax(),
            )
        ),
    ],
)
def test_pictures_and_layers_have_the_bits_that_they_have_alone(spec):
    ends_in_logs = isinstance(spec.layers[-1], LogSoftmax)
    loss = losses.NLLLoss() if ends_in_logs else losses.CrossEntropyLoss()
    data = classes(shape=(2, 4, 4), loss=loss)
    assert_as_alone(jobs_of(data), network_state(spec, (2, 4, 4), 3))


def test_a_network_for_tables_of_numbers_has_the_bits_that_it_has_alone():
    spec = TabularMLP(hidden=(8, 8), dropout=0.1)
    jobs = jobs_of(classes(), clip_grad_norm=0.5, clip_grad_value=0.1)
    assert_as_alone(jobs, network_state(spec, (4,), 3))


@pytest.mark.parametrize("batch_size", [1, 7, 83, 200])
def test_every_batch_size_has_the_bits_that_it_has_alone(batch_size):
    jobs = jobs_of(classes(), batch_size=batch_size, epochs=2)
    assert_as_alone(jobs, network_state(MLP(hidden=(8,)), (4,), 3))


def test_a_single_number_between_layers_has_the_bits_that_it_has_alone():
    jobs = jobs_of(classes(), batch_size=1, epochs=1)
    assert_as_alone(jobs, network_state(MLP(hidden=(1, 17)), (4,), 3))


@pytest.mark.parametrize("spec", [averaging.EMA(decay=0.9), averaging.SWA(start=0.3)])
def test_averaged_weights_have_the_bits_that_they_have_alone(spec):
    def new_state(job):
        return make_state(job, averaging=spec)

    assert_as_alone(jobs_of(numbers()), new_state)


def test_members_stop_early_at_their_own_epochs():
    def new_state(job):
        return make_state(
            job, optimizer=SGD(lr=0.1, momentum=0.9), schedule=CosineAnnealingLR()
        )

    jobs = jobs_of(numbers(), patience=1, epochs=12)
    members = assert_as_alone(jobs, new_state)
    assert len({len(member.state.history) for member in members}) > 1


def test_members_whose_learning_rates_part_have_the_bits_that_they_have_alone():
    def new_state(job):
        rate = 0.01 * (1 + job.training.seed % 2)
        return make_state(
            job,
            optimizer=SGD(lr=rate, momentum=0.9),
            schedule=ReduceLROnPlateau(patience=0, factor=0.5),
        )

    members = assert_as_alone(jobs_of(numbers(), epochs=8), new_state)
    assert len({member.state.lr for member in members}) > 2


def test_members_with_different_optimizers_have_the_bits_that_they_have_alone():
    def new_state(job):
        spec = SGD(lr=0.01) if job.training.seed % 2 else AdamW(lr=0.01)
        return make_state(job, optimizer=spec, schedule=CosineAnnealingLR())

    assert_as_alone(jobs_of(numbers()), new_state)


def test_without_a_val_part_members_have_the_bits_that_they_have_alone():
    assert_as_alone(jobs_of(numbers(), val=False), make_state)


class Press(TrainingObserver):
    """Presses Ctrl-C when a member has come to a step."""

    def __init__(self, state, step):
        self._state = state
        self._step = step

    def on_progress(self, progress):
        if progress.step == self._step:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture
def every_step(monkeypatch):
    """Tell observers of every step, rather than ten times a second."""
    module = importlib.import_module("torchsmith.train.session")
    monkeypatch.setattr(module, "PROGRESS_SECONDS", 0.0)


def run_folders(tmp_path, name):
    return [
        RunFolder.create(tmp_path / name, f"m{n}", {"plan.yaml": ""})
        for n in range(len(SEEDS))
    ]


def load(state, folder):
    newest, _ = folder.newest_checkpoint()
    if newest is not None:
        state.load(newest)
    return state


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("step", [1, 5, 8, 9, 16, 20])
@pytest.mark.usefixtures("every_step")
def test_interrupted_members_go_on_and_end_with_the_same_bits(tmp_path, step, lanes):
    data = numbers()
    whole = [alone(job, make_state(job)) for job in jobs_of(data)]
    jobs, folders = jobs_of(data), run_folders(tmp_path, "runs")
    states = [make_state(job) for job in jobs]
    observers = [(Press(states[0], step),), *[()] * (len(jobs) - 1)]
    with pytest.raises(Interrupted, match="everything is saved"):
        together(jobs, states, lanes=lanes, folders=folders, observers=observers)
    steps = [int(f.newest_checkpoint()[0].name.split("-")[0]) for f in folders]
    assert steps[0] == step
    if lanes == 1:
        assert set(steps) == {step}, "saved in lockstep"
    states = [load(make_state(j), f) for j, f in zip(jobs, folders, strict=True)]
    together(jobs, states, lanes=lanes, folders=folders)
    assert [bits(state) for state in states] == [bits(state) for state in whole]


def test_members_that_are_behind_catch_up_and_end_with_the_same_bits(tmp_path):
    """As after kill -9 between the saves of two members."""
    data = numbers()
    whole = [alone(job, make_state(job)) for job in jobs_of(data)]
    jobs, folders = jobs_of(data), run_folders(tmp_path, "runs")
    for place, (job, folder) in enumerate(zip(jobs, folders, strict=True)):
        state = make_state(job)
        if place:  # the first has no checkpoint at all
            _stopped_at(job, state, folder, 4 * place)
    states = [load(make_state(j), f) for j, f in zip(jobs, folders, strict=True)]
    assert [state.step for state in states] == [0, 4, 8, 12, 16]
    together(jobs, states, folders=folders)
    assert [bits(state) for state in states] == [bits(state) for state in whole]


def _stopped_at(job, state, folder, step):
    """Train a member alone, and save it at a step."""

    class HaltError(Exception):
        pass

    session = Session(job, folder)
    after = session.after_step

    def after_step(state):
        after(state)
        if state.step == step:
            session.save(state)
            raise HaltError

    session.after_step = after_step
    with pytest.raises(HaltError):
        fit(job, state, session)


def test_finished_members_wait_for_none_and_the_others_go_on(tmp_path):
    data = numbers()
    jobs, folders = jobs_of(data), run_folders(tmp_path, "runs")
    states = [make_state(job) for job in jobs]
    together(jobs, states, folders=folders)
    for folder in folders[1:3]:
        shutil.rmtree(folder.checkpoints)
        folder.checkpoints.mkdir()
    again = [load(make_state(j), f) for j, f in zip(jobs, folders, strict=True)]
    assert [bool(state.ending) for state in again] == [True, False, False, True, True]
    together(jobs, again, folders=folders)
    assert [bits(state)[1:] for state in again] == [bits(state)[1:] for state in states]


def test_a_member_that_diverges_leaves_and_the_others_go_on():
    def new_state(job):
        wild = job.training.seed == SEEDS[1]
        return make_state(
            job, optimizer=SGD(lr=1e30 if wild else 0.01), schedule=CosineAnnealingLR()
        )

    jobs = jobs_of(numbers())
    members = together(jobs, [new_state(job) for job in jobs])
    assert "no longer a finite number" in str(members[1].failed)
    for job, member in zip(jobs, members, strict=True):
        if member is not members[1]:
            assert bits(member.state) == bits(alone(job, new_state(job)))


def test_an_error_in_another_thread_is_raised_and_stops_all(tmp_path):
    class Failing(TrainingObserver):
        def on_epoch_end(self, record):  # noqa: ARG002
            raise TrainError("the disk is full")

    jobs = jobs_of(numbers(), epochs=200)
    observers = [(), (Failing(),), (), (), ()]
    folders = run_folders(tmp_path, "runs")
    states = [make_state(job) for job in jobs]
    with pytest.raises(TrainError, match="the disk is full"):
        together(jobs, states, lanes=2, observers=observers, folders=folders)
    assert not any(state.ending for state in states)
    assert threading.active_count() == 1


def test_the_time_of_members_is_shared_not_counted_for_each():
    jobs = jobs_of(numbers())
    first, second = (together(jobs, [make_state(j) for j in jobs]) for _ in "ab")
    for members in (first, second):
        seconds = [member.state.seconds for member in members]
        assert max(seconds) < 0.9 * sum(seconds)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"precision": "bfloat16"}, "precision bfloat16"),
        ({"accumulate": 2}, "accumulate"),
    ],
)
def test_what_cannot_train_together_is_said(change, message):
    jobs = jobs_of(numbers(), **change)
    with pytest.raises(Unsupported, match=message):
        require_together(jobs, [make_state(job).network for job in jobs])


def test_networks_that_cannot_train_together_are_said():
    jobs = jobs_of(classes(shape=(1, 8, 8)))
    build = network_state(ConvNet(channels=(4,)), (1, 8, 8), 3)
    with pytest.raises(Unsupported, match="Conv2d has no case"):
        require_together(jobs, [build(job).network for job in jobs])
    different = [
        network_state(MLP(hidden=(n,)), (4,), 3)(jobs[0]).network for n in (8, 9)
    ]
    with pytest.raises(Unsupported, match="differ"):
        require_together(jobs[:2], different)
    others = [
        network_state(MLP(hidden=(8,), activation=a), (4,), 3)(jobs[0]).network
        for a in (activations.ReLU(), activations.Tanh())
    ]
    with pytest.raises(Unsupported, match="differ"):
        require_together(jobs[:2], others)


@pytest.mark.parametrize("lanes", [1, 2])
def test_compiled_members_beside_each_other_have_the_bits_they_have_alone(lanes):
    def engine(job, state):
        try:
            return build_engine("compiled", job, state).train_epoch
        except Unsupported as error:
            pytest.skip(str(error))

    build = network_state(MLP(hidden=(8, 5)), (4,), 3)
    jobs = jobs_of(classes())
    stop = Stop()
    members = [TogetherMember(job, build(job), Session(job, stop=stop)) for job in jobs]
    engine(jobs[0], build(jobs[0]))
    fit_beside(members, stop, lambda m: engine(m.job, m.state), lanes=lanes)
    for job, member in zip(jobs, members, strict=True):
        state = build(job)
        fit(job, state, Session(job), engine(job, state))
        assert_same(member.state, state)
