"""A fit that was stopped and goes on ends as if it had never stopped."""

import json
import random
import re
import signal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.optim import lr_scheduler
from torch.utils.data import Dataset

import torchsmith as ts
from torchsmith.core.errors import Interrupted, PlanError, TrainError
from torchsmith.plan.plan import Stopping
from torchsmith.train.state import TrainState

NEW = ("loss.", "hidden.")
NUM = 40
INPUTS = torch.randn(NUM, 3, generator=torch.Generator().manual_seed(0))
TARGETS = (INPUTS.sum(dim=1) > 0).long()


class Pairs(Dataset):
    """Presses Ctrl-C when so many examples were read in training."""

    def __init__(self, stop_at=0):
        self.left = stop_at

    def __len__(self):
        return NUM

    def __getitem__(self, index):
        is_training = signal.getsignal(signal.SIGINT) != signal.default_int_handler
        self.left -= is_training
        if is_training and self.left == 0:
            signal.raise_signal(signal.SIGINT)
        return INPUTS[index], TARGETS[index]


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))


def made_with(loss, optimizer=torch.optim.SGD, schedule=None, module=network, **given):
    """Return what makes the arguments of `fit`, anew each time."""

    def make():
        network, criterion = module(), loss()
        parameters = [*network.parameters(), *criterion.parameters()]
        given_optimizer = optimizer(parameters, **{"lr": 0.5, **given})
        arguments = {"module": network, "loss": criterion, "optimizer": given_optimizer}
        if schedule is not None:
            arguments["schedule"] = schedule(given_optimizer)
        return arguments

    return make


def fit(data=None, val=None, **given):
    given = {
        "module": given.get("module") or network(),
        "train": Pairs() if data is None else data,
        "val": val,
        "loss": "CrossEntropyLoss",
        "epochs": 3,
        "batch_size": 8,
        "doctor": {"examine": False},
        **given,
    }
    return ts.fit(**given)


def interrupted(runs, stop_at=60, **given):
    """Return the run folder of a fit that was stopped."""
    with pytest.raises(Interrupted) as told:
        fit(Pairs(stop_at), runs=runs, **given)
    [found] = re.findall(r"resume='(.*)'", str(told.value))
    return found


def tensors(done, make):
    """Return all that a fit has trained, of module and of loss."""
    modules = (done.module, make["loss"])
    return {
        f"{place}.{name}": tensor
        for place, module in enumerate(modules)
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]
    }


class Tempered(nn.Module):
    """A loss that learns how sharp it is."""

    def __init__(self):
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(0.5))

    def forward(self, outputs, targets):
        outputs = outputs * torch.exp(self.sharpness)
        return nn.functional.cross_entropy(outputs, targets) + self.sharpness**2


class Centred(nn.Module):
    """A loss that follows the mean of the outputs."""

    def __init__(self, persistent=True):
        super().__init__()
        self.register_buffer("mean", torch.zeros(2), persistent=persistent)

    def forward(self, outputs, targets):
        self.mean.mul_(0.9).add_(0.1 * outputs.detach().mean(0))
        return nn.functional.cross_entropy(outputs - self.mean, targets)


class Following(nn.Module):
    """A module that follows the mean of its inputs, in a buffer that is not shown."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(3, 2)
        self.register_buffer("mean", torch.zeros(3), persistent=False)

    def forward(self, inputs):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * inputs.mean(0)
        return self.linear(inputs - self.mean)


def tensor_rate(parameters, lr):
    return torch.optim.Adam(parameters, lr=torch.tensor(lr / 10))


def shrinking(optimizer):
    return lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.9**epoch)


MAKERS = {
    "a loss with a parameter": (made_with(Tempered), {}),
    "a loss with a buffer": (made_with(Centred), {}),
    "with the doctor": (made_with(Centred), {"doctor": None}),
    "a loss with a hidden buffer": (made_with(lambda: Centred(persistent=False)), {}),
    "a hidden buffer": (made_with(nn.CrossEntropyLoss, module=Following), {}),
    "averaged": (
        made_with(nn.CrossEntropyLoss, module=Following),
        {"averaging": "EMA"},
    ),
    "a rate in a tensor": (made_with(nn.CrossEntropyLoss, tensor_rate), {}),
    "and a schedule": (made_with(nn.CrossEntropyLoss, tensor_rate, shrinking), {}),
}


@pytest.mark.parametrize(("make", "given"), MAKERS.values(), ids=MAKERS)
def test_all_that_training_changes_is_resumed_bit_for_bit(tmp_path, make, given):
    whole, cut, later = make(), make(), make()
    expected = tensors(fit(runs=tmp_path, **whole, **given), whole)
    run = interrupted(tmp_path, **cut, **given)
    found = tensors(fit(resume=run, **later, **given), later)
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name
    assert found.keys() == expected.keys()


@pytest.mark.parametrize("runs", [True, False])
def test_the_doctor_changes_no_buffer_of_a_loss(tmp_path, runs):
    found = [Centred(), Centred()]
    for loss, doctor in zip(found, (None, {"examine": False}), strict=True):
        runs = tmp_path if runs else None
        fit(loss=loss, doctor=doctor, runs=runs, data=(INPUTS, TARGETS))
    assert torch.equal(found[0].mean, found[1].mean)


def test_an_optimizer_of_parameters_that_nobody_holds_is_refused(tmp_path):
    module, scale = network(), nn.Parameter(torch.ones(4))
    optimizer = torch.optim.SGD([*module.parameters(), scale])
    with pytest.raises(PlanError, match=r"1 of the optimizer's 5 .* the shape \(4,\)"):
        fit(module=module, optimizer=optimizer, runs=tmp_path)
    assert not [*tmp_path.iterdir()]


class Many(Pairs):
    """More than are validated at once."""

    def __len__(self):
        return 1600

    def __getitem__(self, index):
        return super().__getitem__(index % NUM)


class Normed(Following):
    """Has running statistics, too."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Sequential(nn.BatchNorm1d(3), self.linear)


STOPPED = {
    "in validation": (Pairs(), Many(600), {}, 1, 600 - 1024),
    "in validation of averages": (
        Pairs(),
        Many(2200),
        {"averaging": {"SWA": {"start": 0.1}}},
        2,
        600 - 1024,
    ),
    "in averaging": (
        Pairs(130),
        Many(),
        {"averaging": {"SWA": {"start": 0.1}}},
        2,
        -1600,
    ),
}


@pytest.mark.parametrize(
    ("data", "val", "given", "epoch", "left"), STOPPED.values(), ids=STOPPED
)
def test_validation_is_stopped_between_batches_and_goes_on(
    tmp_path, data, val, given, epoch, left
):
    make = made_with(Centred, module=Normed)
    whole, cut, later = make(), make(), make()
    expected = fit(Pairs(), Many(), runs=None, **whole, **given)
    with pytest.raises(Interrupted, match=f"in epoch {epoch}, at step {epoch * 5}; e"):
        fit(data, val, runs=tmp_path, **cut, **given)
    assert val.left == left  # what was read beyond the signal is a batch at most
    [run] = tmp_path.iterdir()
    found = fit(Pairs(), Many(), resume=run, **later, **given)
    assert [r.val_loss for r in found.history] == [r.val_loss for r in expected.history]
    ours = tensors(found, later)
    for name, tensor in tensors(expected, whole).items():
        assert torch.equal(tensor, ours[name]), name


def test_the_programs_own_random_numbers_go_on_also_after_an_interruption(tmp_path):
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    numbers = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    torchs = torch.get_rng_state()
    module = made_with(nn.CrossEntropyLoss, module=lambda: nn.Linear(3, 2))()
    torch.set_rng_state(torchs)
    interrupted(tmp_path, **module)
    assert numbers == (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002
    assert torch.equal(torchs, torch.get_rng_state())


def step_down(**given):
    return {"StepLR": {"step_size": 1, **given}}


BEGUN = {
    "optimizer": {"SGD": {"lr": 0.1}},
    "averaging": "EMA",
    "loss": nn.CrossEntropyLoss(),
    "schedule": step_down(),
    "data": (INPUTS, TARGETS),
    "val": (INPUTS, TARGETS),
}


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    return fit(runs=tmp_path_factory.mktemp("runs"), **BEGUN).path


def test_a_fit_is_resumed_with_the_same(begun):
    assert fit(resume=begun, **BEGUN).path == begun


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (
            {"data": (INPUTS[:20], TARGETS[:20])},
            "train='40 examples', not '20 examples'; resume",
        ),
        ({"data": (INPUTS + 1, TARGETS)}, "begun with other examples in train; res"),
        ({"val": (INPUTS, 1 - TARGETS)}, "begun with other examples in val; resume"),
        ({"val": None}, "val='40 examples', not None; resume"),
        ({"loss": "MSELoss"}, "loss='CrossEntropyLoss', not 'MSELoss'; resume"),
        (
            {"loss": nn.CrossEntropyLoss(label_smoothing=0.1)},
            "loss.label_smoothing=0.0, not 0.1; resume",
        ),
        (
            {"loss": nn.CrossEntropyLoss(torch.ones(2))},
            r"loss.weight=None, not \[1.0, 1.0\]; resume",
        ),
        ({"optimizer": "Adam"}, "optimizer='SGD', not 'Adam'; resume"),
        ({"optimizer": {"SGD": {"lr": 0.2}}}, "optimizer.lr=0.1, not 0.2; resume"),
        (
            {"optimizer": {"SGD": {"lr": 0.1, "momentum": 0.9}}},
            "optimizer.momentum=0.0, not 0.9; resume",
        ),
        ({"schedule": None}, "schedule='StepLR', not None; resume"),
        (
            {"schedule": "OneCycleLR"},
            "with schedule='StepLR', not 'OneCycleLR'; resume",
        ),
        ({"schedule": step_down(gamma=0.5)}, "schedule.gamma=0.1, not 0.5; resume"),
        ({"averaging": None}, "averaging='EMA', not None; resume"),
        (
            {"averaging": {"EMA": {"decay": 0.5}}},
            "averaging.decay=0.999, not 0.5; resume",
        ),
        ({"batch_size": 10}, "begun with batch_size=8, not 10; resume with the same$"),
        ({"seed": 1}, "begun with seed=0, not 1; resume with the same$"),
        (
            {"batch_size": 10, "data": (INPUTS[:20], TARGETS[:20])},
            "batch_size=8, not 10; train='40 examples', not '20 examples'; resume",
        ),
        ({"stopping": Stopping(patience=3)}, "stopping.patience=0, not 3; resume"),
    ],
)
def test_a_fit_is_not_resumed_with_something_else(begun, other, words):
    with pytest.raises(PlanError, match=words):
        fit(resume=begun, **BEGUN | other)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (
            nn.Linear(3, 2),
            r"\(weight: missing in the checkpoint, \(2, 3\) here; bias: missing .*; "
            r"0.bias: \(8,\) in the checkpoint, missing here; and 3 more\); resume w",
        ),
        (
            nn.Sequential(nn.Linear(3, 9), nn.Tanh(), nn.Linear(9, 2)),
            r"\(0.weight: \(8, 3\) in the checkpoint, \(9, 3\) here; 0.bias: \(8,\) in",
        ),
    ],
)
def test_a_fit_of_another_module_is_told_by_its_weights(begun, module, words):
    with pytest.raises(TrainError, match=words):
        fit(resume=begun, **BEGUN | {"module": module})


def test_a_record_of_an_older_version_has_its_settings_alone(tmp_path):
    begun = fit(runs=tmp_path).path
    record = json.loads((begun / "fit.json").read_text())
    (begun / "fit.json").write_text(json.dumps(record["training"]))
    assert fit(resume=begun).path == begun
    (begun / "diagnosis.json").unlink(missing_ok=True)
    assert ts.doctor(begun).left_out
    with pytest.raises(PlanError, match="begun with epochs=3, not 4; resume"):
        fit(resume=begun, epochs=4)
    (begun / "fit.json").write_text("{")
    with pytest.raises(TrainError, match="is damaged"):
        fit(resume=begun)


def test_a_checkpoint_that_older_versions_wrote_is_read(tmp_path):
    def new_state():
        loss, network = Centred(), Following()
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        return TrainState(network, optimizer, loss=loss)

    state = new_state()
    state.loss.mean += 1
    state.network.mean += 1
    state.save(tmp_path)
    path = tmp_path / "state.safetensors"
    older = {k: v for k, v in load_file(path).items() if not k.startswith(NEW)}
    save_file(older, path)
    read = new_state()
    read.load(tmp_path)
    assert torch.equal(read.network.linear.weight, state.network.linear.weight)
    assert read.loss.mean.tolist() == [0, 0]
