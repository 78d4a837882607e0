"""A pair of tensors reaches the module as it is, as from a `TensorDataset`."""

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import torchsmith as ts
from torchsmith.core.errors import TrainError
from torchsmith.plan.plan import Stopping, Training
from torchsmith.train.batches import TensorBatches
from torchsmith.train.engines.choose import build_engine, choose_engine
from torchsmith.train.engines.engine import Unsupported
from torchsmith.train.loop import Job
from torchsmith.train.state import TrainState

INPUTS = torch.linspace(-1, 1, 64).unsqueeze(1)
TARGETS = (INPUTS[:, 0] > 0).long()


class Seen(nn.Module):
    """Notes the inputs it is given, and makes one number of each."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.last = nn.Linear(1, 2)
        self.inputs = []

    def forward(self, inputs):
        self.inputs.append(inputs.clone())
        return self.last(inputs.flatten(1)[:, :1].abs().float())


@pytest.mark.parametrize(
    "inputs",
    [
        torch.complex(torch.zeros(64, 1), INPUTS),
        (2**25 + torch.arange(64)).unsqueeze(1),
        INPUTS.double() / 3,
        torch.arange(64, dtype=torch.uint8).unsqueeze(1),
        torch.arange(64.0).reshape(64, 1, 1, 1).expand(64, 3, 2, 2).contiguous(),
    ],
    ids=["complex", "codes", "double", "bytes", "pictures"],
)
def test_tensors_are_given_to_the_module_unchanged(inputs):
    given = {"loss": "CrossEntropyLoss", "epochs": 2, "batch_size": 16, "runs": None}
    pair, dataset = Seen(), Seen()
    ts.fit(pair, (inputs, TARGETS), (inputs, TARGETS), **given)
    ts.fit(dataset, *[TensorDataset(inputs, TARGETS)] * 2, **given)
    assert torch.equal(pair.last.weight, dataset.last.weight)
    assert {each.dtype for each in pair.inputs} == {inputs.dtype}
    assert {each.is_contiguous() for each in pair.inputs} == {True}
    assert torch.equal(pair.inputs[-1], inputs)


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_a_module_of_another_precision_takes_inputs_of_it(kind):
    module = nn.Linear(1, 2).to(kind)
    done = ts.fit(
        module, (INPUTS.to(kind), TARGETS), loss="CrossEntropyLoss", epochs=1, runs=None
    )
    assert done.module.weight.dtype == kind


@pytest.mark.parametrize("engine", ["auto", "eager", "captured"])
def test_codes_reach_an_embedding(engine):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Embedding(64, 4), nn.Flatten(), nn.Linear(4, 2))
    codes = torch.arange(64).unsqueeze(1)
    done = ts.fit(
        module,
        (codes, TARGETS),
        loss="CrossEntropyLoss",
        optimizer={"Adam": {"lr": 0.1}},
        epochs=5,
        runs=None,
        engine=engine,
    )
    assert done.history[-1].train_loss < done.history[0].train_loss


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16, torch.complex64])
def test_engines_that_compute_in_float32_refuse_other_inputs(kind):
    inputs, module = INPUTS.to(kind), nn.Linear(1, 2)
    job = Job(
        train=TensorBatches(inputs, TARGETS),
        val=None,
        loss=nn.CrossEntropyLoss(),
        training=Training(),
        stopping=Stopping(),
        device=torch.device("cpu"),
    )
    state = TrainState(module, torch.optim.SGD(module.parameters()))
    for name in ("captured", "compiled"):
        with pytest.raises(Unsupported, match=f"inputs .*{kind}"):
            build_engine(name, job, state)
    assert choose_engine(job, state).name == "eager"


@pytest.mark.parametrize(
    ("module", "inputs", "words"),
    [
        (nn.Linear(1, 2), INPUTS.double(), r"inputs with .to\(torch.float32\)$"),
        (nn.Linear(1, 2).half(), INPUTS, r"inputs with .to\(torch.float16\)$"),
        (
            nn.Sequential(nn.Embedding(9, 2), nn.Flatten(), nn.Linear(2, 2)),
            TARGETS.float().unsqueeze(1),
            r"convert the inputs with .long\(\)$",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten()),
            torch.zeros(64, 1, 1, 1, dtype=torch.uint8),
            r"convert the inputs with .to\(torch.float32\)$",
        ),
        (nn.Linear(1, 2), torch.complex(INPUTS, INPUTS), "dtype, but got [A-Za-z ]+$"),
    ],
)
def test_inputs_of_another_type_are_refused_with_what_to_do(module, inputs, words):
    with pytest.raises(TrainError, match=words):
        ts.fit(module, (inputs, TARGETS), loss="CrossEntropyLoss", runs=None)


def test_complex_outputs_reach_loss_and_metrics_whole():
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.turn = nn.Parameter(torch.ones(1, dtype=torch.complex64))

        def forward(self, inputs):
            return inputs * self.turn

    inputs = torch.complex(INPUTS, INPUTS)
    module = Turned()
    done = ts.fit(
        module,
        (inputs, 2 * inputs),
        (inputs, 2 * inputs),
        loss=lambda outputs, targets: (outputs - targets).abs().mean(),
        optimizer=torch.optim.SGD(module.parameters(), lr=0.1),
        metrics={"widest": lambda outputs, _: outputs.imag.abs().max()},
        epochs=1,
        runs=None,
    )
    assert done.history[0].metrics["widest"] > 1
