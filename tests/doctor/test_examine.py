"""What the examination before training costs."""

import subprocess
import sys

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
