"""Examples of a person that are no finite numbers are named."""

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import torchsmith as ts
from torchsmith.core.errors import TrainError
from torchsmith.train.watch import TrainingObserver

INPUTS = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
TARGETS = INPUTS.sum(dim=1, keepdim=True)


def spoilt(values, *rows, by=float("nan")):
    values = values.clone()
    values[list(rows), 0] = by
    return values


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))


def fit(train, val=(INPUTS, TARGETS), **given):
    given = {"module": network(), "loss": "MSELoss", "epochs": 2} | given
    settings = {"runs": None, "batch_size": 10, "doctor": False} | given
    return ts.fit(settings.pop("module"), train, val, **settings)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            [(spoilt(INPUTS, 50), TARGETS)],
            "the inputs of train hold NaN .* seen: example 50.; fill these in, or lea",
        ),
        (
            [(INPUTS, spoilt(TARGETS, *range(50, 57)))],
            r"the targets of train hold NaN .*\(examples 50, 51, 52, 53, 54 and 2 more",
        ),
        (
            [(INPUTS, TARGETS), (spoilt(INPUTS, 70, by=float("inf")), TARGETS)],
            r"the inputs of val hold NaN or infinite values \(first seen: example 70\)",
        ),
    ],
)
def test_tensors_that_are_not_finite_are_refused_before_training(
    tmp_path, parts, words
):
    with pytest.raises(TrainError, match=words):
        fit(*parts, runs=tmp_path)
    assert not [*tmp_path.iterdir()]


class Filling(nn.Module):
    """Knows what to do with NaN."""

    def __init__(self):
        super().__init__()
        self.network = network()

    def forward(self, inputs):
        return self.network(inputs.nan_to_num())


def of_the_known(outputs, targets):
    return (outputs - targets)[~targets.isnan()].square().mean()


def test_a_module_and_a_loss_that_take_nan_may_have_it():
    data = spoilt(INPUTS, *range(30, 60)), spoilt(TARGETS, *range(80, 85))
    done = fit(data, data, module=Filling(), loss=of_the_known)
    assert done.history[-1].val_loss < 10


def test_a_data_set_that_is_not_finite_is_blamed_for_a_loss_that_is_not():
    data = TensorDataset(spoilt(INPUTS, 50, 60), TARGETS)
    words = r"step 10, lr .*; the inputs of train hold .*first seen: example 50\); fill"
    with pytest.raises(TrainError, match=words):
        fit(data)
    with pytest.raises(TrainError, match="lower the learning rate"):
        fit((INPUTS, TARGETS), optimizer={"SGD": {"lr": 1e30}})


class Notes(TrainingObserver):
    def __init__(self):
        self.told = []

    def note(self, message):
        self.told.append(message)


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_val_part_that_is_not_finite_is_named_once(tmp_path, in_memory):
    val, notes = TensorDataset(spoilt(INPUTS, 50), TARGETS), Notes()
    fit((INPUTS, TARGETS), val, observer=notes, runs=None if in_memory else tmp_path)
    [told] = [note for note in notes.told if "val_loss" in note]
    assert told.startswith("val_loss is not finite: the inputs of val hold NaN or")
    assert "example 50" in told


@pytest.mark.parametrize("engine", ["eager", "captured"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, r"^all targets of a batch are ignore_index \(-100\): .* batch_size$"),
        ({"weight": torch.tensor([0.0, 1.0])}, "or of classes with weight 0: "),
    ],
)
def test_a_batch_without_a_target_is_told_and_not_the_learning_rate(
    options, words, engine
):
    classes = torch.arange(64) % 2
    targets = (
        classes if options else torch.where(torch.arange(64) % 3 > 0, -100, classes)
    )
    with pytest.raises(TrainError, match=words):
        ts.fit(
            nn.Linear(1, 2),
            (torch.linspace(-1, 1, 64).unsqueeze(1), targets),
            loss=nn.CrossEntropyLoss(**options),
            batch_size=2,
            epochs=1,
            runs=None,
            engine=engine,
        )
