"""What a training loads before its first step."""

import subprocess
import sys

IMPORTS = """
import sys, torchsmith as ts
plan = ts.plan("iris", settings={"training.epochs": 1, **%r})
ts.train(plan, runs=%r)
print(*(name for name in ("torch._dynamo", "torch._inductor") if name in sys.modules))
"""


def test_training_never_loads_the_compiler_of_pytorch(tmp_path) -> None:
    # Any method of an optimizer that PyTorch marks would: as long as importing torch.
    settings = {
        "averaging": {"EMA": {}},
        "schedule": {"OneCycleLR": {"max_lr": 0.01}},
        "training.clip_grad_norm": 1.0,
    }
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS % (settings, str(tmp_path))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []
