"""What the examination before training costs, and that it looks at all."""

import subprocess
import sys

import torch
from torch import nn

from tests.doctor.subjects import own
from torchsmith.core.spec import members
from torchsmith.doctor.subject import trial
from torchsmith.nn.optimizers import build_optimizer
from torchsmith.plan.optimizers import Optimizer

EXAMINE = """
import sys
import torch
from torch import nn
from tests.doctor.subjects import own
from torchsmith.doctor.examine import examine
torch.set_num_threads(1)
made = own(
    nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3)),
    (torch.randn(120, 4), torch.arange(120) % 3),
    nn.CrossEntropyLoss(),
    epochs=20,
)
before = set(sys.modules)
found = examine(made, 20.0)
assert found.left_out == [], found.left_out
print(*sorted({name.split(".")[1] for name in set(sys.modules) - before
               if name.startswith("torch.")}))
"""


def test_it_imports_nothing_of_pytorch_that_takes_long() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXAMINE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    heavy = {"_dynamo", "_inductor", "compiler", "export", "fx", "onnx"}
    assert not heavy & set(done.stdout.split())


def test_every_optimizer_can_be_tried_on_a_copy() -> None:
    for choice in members(Optimizer):
        made = own(
            nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)),
            (torch.randn(12, 4), torch.arange(12) % 3),
            nn.CrossEntropyLoss(),
        )
        network = made.state.network
        made.state.optimizer = build_optimizer(choice(), network.named_parameters())
        before = [parameter.clone() for parameter in network.parameters()]
        copied = trial(made)
        copied.network(torch.randn(12, 4)).sum().backward()
        copied.optimizer.step()
        for parameter, was in zip(network.parameters(), before, strict=True):
            assert torch.equal(parameter, was)
        for parameter, was in zip(copied.network.parameters(), before, strict=True):
            assert not torch.equal(parameter, was)
