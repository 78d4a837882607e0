"""What a training loads before its first step."""

import subprocess
import sys

TRAIN = """
import os, sys, torchsmith as ts
from torchsmith.train.watch import TrainingObserver

class Watcher(TrainingObserver):
    def on_progress(self, progress):
        print(*sys.modules, flush=True)
        if %r:
            os._exit(0)

plan = ts.plan(%r, settings={"training.epochs": 1, **%r})
ts.train(plan, runs=%r, observer=Watcher())
print(*sys.modules)
"""

LATER = {
    "torch._dynamo",
    "torch._inductor",
    "sklearn",
    "scipy",
    "pandas",
    "matplotlib",
    "tensorboardX",
}
"""What takes a tenth of a second and more to import, and no step needs."""


def modules_of(tmp_path, source, settings, *, until_first_step):
    """Return what is loaded when progress is first heard of, and at the end."""
    code = TRAIN % (until_first_step, source, settings, str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    return set(lines[0].split()), set(lines[-1].split())


def test_the_first_step_on_pictures_waits_for_nothing_that_it_does_not_need(tmp_path):
    first, _ = modules_of(tmp_path, "digits", {}, until_first_step=True)
    assert "torch" in first
    assert not first & LATER


def test_training_on_a_table_never_loads_the_compiler_of_pytorch(tmp_path):
    # Any method of an optimizer that PyTorch marks would: as long as importing torch.
    settings = {
        "averaging": {"EMA": {}},
        "schedule": {"OneCycleLR": {"max_lr": 0.01}},
        "training.clip_grad_norm": 1.0,
    }
    first, end = modules_of(tmp_path, "iris", settings, until_first_step=False)
    assert not first & LATER
    assert not end & {"torch._dynamo", "torch._inductor"}
