"""What a person's own module may do in `fit`: draw numbers, differentiate, count."""

import random
import signal

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import torchsmith as ts
from torchsmith.train.watch import TrainingObserver

INPUTS = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
TARGETS = (INPUTS.sum(1) > 0).long()


def fit(module, data=(INPUTS, TARGETS), val=None, **given):
    given = {"loss": "CrossEntropyLoss", "epochs": 2, "batch_size": 10} | given
    return ts.fit(module, data, val, **{"runs": None} | given)


def weights(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


class StopAfter(TrainingObserver):
    """Asks to stop after an epoch, as Ctrl-C does."""

    def on_epoch_end(self, record):
        del record
        signal.raise_signal(signal.SIGINT)


class Deep(nn.Module):
    """Leaves a layer out at random, by numbers that are not PyTorch's."""

    def __init__(self, draw):
        super().__init__()
        torch.manual_seed(0)
        self.draw = draw
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 2)])

    def forward(self, inputs):
        first, last = self.layers
        if not self.training or self.draw() < 0.5:
            inputs = inputs + first(inputs).relu()
        return last(inputs)


def of_numpy():
    return np.random.rand()  # noqa: NPY002


@pytest.mark.parametrize("draw", [random.random, of_numpy], ids=["python", "numpy"])
@pytest.mark.parametrize("data", [(INPUTS, TARGETS), TensorDataset(INPUTS, TARGETS)])
def test_what_a_module_draws_is_a_function_of_the_step(tmp_path, data, draw):
    given = {"data": data, "epochs": 3}
    expected = weights(fit(Deep(draw), **given).module)
    draw()
    assert torch.equal(weights(fit(Deep(draw), **given).module), expected)
    with pytest.raises(ts.Interrupted):
        fit(Deep(draw), observer=StopAfter(), runs=tmp_path, **given)
    [run] = tmp_path.iterdir()
    draw()
    resumed = fit(Deep(draw), resume=run, **given)
    assert torch.equal(weights(resumed.module), expected)


class Force(nn.Module):
    """Returns minus the gradient of an energy, as networks of physics do."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.energy = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))

    def forward(self, places):
        with torch.enable_grad():
            places = places.detach().requires_grad_()
            energy = self.energy(places).sum()
            return -torch.autograd.grad(energy, places, create_graph=True)[0]


def scripted():
    torch.manual_seed(0)
    return torch.jit.script(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 4)))


def far(outputs, targets):
    return float(np.abs(outputs.numpy() - targets.numpy()).max())


@pytest.mark.parametrize("module", [Force, scripted])
@pytest.mark.parametrize("averaging", [None, {"SWA": {"start": 0.1}}])
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_module_that_differentiates_or_is_scripted_is_validated(
    tmp_path, module, averaging
):
    data = INPUTS, -2 * INPUTS
    given = {"loss": "MSELoss", "metrics": [far], "runs": tmp_path, "epochs": 4}
    done = fit(module(), data, data, averaging=averaging, **given)
    first, *_, last = done.history
    assert last.val_loss < first.val_loss
    assert last.metrics["far"] > 0
    assert done.module(INPUTS).shape == INPUTS.shape


class Remembering(nn.Module):
    """Remembers a number and a mean where no checkpoint sees them."""

    def __init__(self):
        super().__init__()
        self.first, self.last = Norm(), nn.Linear(4, 2)
        self._count, self.steps, self.width = 0, 0.0, 4
        self.shown = None
        self.register_buffer("times", torch.zeros(()))

    def forward(self, inputs):
        self.shown = self.last(self.first(inputs))
        self._count += 1
        self.times += 1
        return self.shown


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean = torch.zeros(4)

    def forward(self, inputs):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * inputs.mean(dim=0)
        return inputs - self.mean


class Notes(TrainingObserver):
    def __init__(self):
        self.told = []

    def note(self, text):
        self.told.append(text)


def told_of(module, **given):
    notes = Notes()
    fit(module, observer=notes, **given)
    return [note for note in notes.told if "buffer" in note]


def test_what_a_checkpoint_does_not_hold_is_told_once(tmp_path):
    module = Remembering()
    words = "changes in training and is no buffer: use register_buffer, or a resumed fi"
    told = told_of(module, runs=tmp_path)
    assert [note.partition(words)[0] for note in told] == [
        "attribute _count of Remembering ",
        "attribute mean of Norm ",
    ]
    assert not told_of(Remembering())


class CountingLoss(nn.CrossEntropyLoss):
    """Smooths less and less, by a number that no checkpoint sees."""

    count = 0

    def forward(self, outputs, targets):
        self.count += 1
        self.label_smoothing = 0.1 / self.count
        return super().forward(outputs, targets)


class CountingSGD(torch.optim.SGD):
    """Steps less and less, by a number that no checkpoint sees."""

    def __init__(self, parameters):
        super().__init__(parameters, lr=0.1)
        self.count, self.largest = 0, 0.0

    def step(self, closure=None):
        self.count += 1
        groups = self.param_groups
        gradients = [p.grad for group in groups for p in group["params"]]
        self.largest = max(float(each.abs().max()) for each in gradients)
        for each in gradients:
            each /= self.count
        return super().step(closure)


def test_what_a_loss_remembers_is_told(tmp_path):
    module = Shell(nn.Linear(4, 4))
    told = told_of(module, loss=CountingLoss(), runs=tmp_path)
    assert [note.partition(" changes")[0] for note in told] == [
        "attribute label_smoothing of CountingLoss",
        "attribute count of CountingLoss",
    ]


@pytest.mark.parametrize("is_scheduled", [False, True])
def test_what_an_optimizer_remembers_is_told(tmp_path, is_scheduled):
    module = Shell(nn.Linear(4, 4))
    optimizer = CountingSGD(module.parameters())
    before = weights(module)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1) if is_scheduled else None

    class Look(Notes):
        def on_start(self, num_epochs, num_examples, num_parameters, device):
            super().on_start(num_epochs, num_examples, num_parameters, device)
            assert torch.equal(weights(module), before)
            assert optimizer.count == 0

    notes = Look()
    given = {"runs": tmp_path, "observer": notes, "doctor": False}
    fit(module, optimizer=optimizer, schedule=schedule, **given)
    assert notes.told == [
        "attribute count of CountingSGD changes in training and is in no checkpoint: "
        "keep it in param_groups, or a resumed fit ends otherwise"
    ]


class Box:
    """Is neither a tensor nor a number."""


class BoxSGD(torch.optim.SGD):
    def step(self, closure=None):
        super().step(closure)
        for parameter in self.param_groups[0]["params"]:
            self.state[parameter]["box"] = Box()


def test_a_state_that_no_checkpoint_holds_is_refused_before_training(tmp_path):
    module = Shell(nn.Linear(4, 4))
    optimizer = BoxSGD(module.parameters(), lr=0.1)
    with pytest.raises(ts.TrainError, match="holds a Box, which a checkpoint of plain"):
        fit(module, optimizer=optimizer, runs=tmp_path / "runs")
    assert not list(tmp_path.iterdir())
    assert fit(module, optimizer=optimizer).history


class Shell(nn.Module):
    """Makes a layer of PyTorch one of a person's own module."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, inputs):
        found = self.layer(inputs)
        return (found[0] if isinstance(found, tuple) else found)[:, :2]


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize(
    "layer",
    [
        lambda: nn.BatchNorm1d(4, momentum=None),
        lambda: nn.LSTM(4, 4),
        lambda: nn.TransformerEncoderLayer(4, 2, 8),
        lambda: nn.LazyLinear(4),
        lambda: nn.Sequential(nn.Dropout(), nn.RReLU(), nn.Linear(4, 4)),
        lambda: nn.utils.spectral_norm(nn.Linear(4, 4)),
        lambda: nn.utils.weight_norm(nn.Linear(4, 4)),
        lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4)),
    ],
)
def test_layers_of_pytorch_forget_nothing(tmp_path, layer):
    torch.manual_seed(0)
    module = Shell(layer())
    module(INPUTS)
    if not list(module.parameters()):
        module.scale = nn.Parameter(torch.ones(()))
    assert told_of(module, runs=tmp_path, epochs=1, doctor=False) == []


@pytest.mark.parametrize("averaging", ["EMA", {"SWA": {"start": 0.5}}])
def test_lazy_layers_are_averaged_and_go_on_where_they_were(tmp_path, averaging):
    def lazy():
        torch.manual_seed(0)
        layers = nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.Linear(8, 2)
        return nn.Sequential(*layers)

    given = {"averaging": averaging, "epochs": 3, "val": (INPUTS, TARGETS)}
    expected = fit(lazy(), **given).module.state_dict()
    with pytest.raises(ts.Interrupted):
        fit(lazy(), observer=StopAfter(), runs=tmp_path, **given)
    [run] = tmp_path.iterdir()
    resumed = fit(lazy(), resume=run, **given).module.state_dict()
    for name, value in expected.items():
        assert torch.equal(resumed[name], value)


class Sharpened(nn.Module):
    """A loss that could learn how sharp it is."""

    def __init__(self):
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(0.5))

    def forward(self, outputs, targets):
        return nn.functional.cross_entropy(outputs * self.sharpness.exp(), targets)


@pytest.mark.parametrize("case", ["by name", "frozen", "of both"])
def test_parameters_of_a_loss_that_no_optimizer_has_are_told(case):
    module, loss, lines = nn.Linear(4, 2), Sharpened(), []
    loss.requires_grad_(case != "frozen")
    both = torch.optim.SGD([*module.parameters(), *loss.parameters()], lr=0.1)
    optimizer = both if case == "of both" else "SGD"
    fit(module, loss=loss, optimizer=optimizer, observer=lines.append)
    what = "1 parameter of the loss is not trained"
    assert any(what in line for line in lines) == (case == "by name")
