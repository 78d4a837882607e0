"""The run folder: the only place that knows its file names.

```
runs/2026-11-20-1432-mnist/
  plan.yaml  inspection.json  environment.json        what was asked, of what, on what
  metrics.jsonl  tensorboard/                         as it went
  checkpoints/000600/{state.safetensors,state.json,manifest.json}
  model/{network.safetensors,model.json,manifest.json}
  evaluation.json  report.html                        what came out
```
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from torchsmith.core.errors import DataError, TrainError
from torchsmith.core.files import committed_folder, damage, sync_folder, write_atomic


class RunFolder:
    """Paths of one run, and what may be done with them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    plan = property(lambda self: self.path / "plan.yaml")
    inspection = property(lambda self: self.path / "inspection.json")
    environment = property(lambda self: self.path / "environment.json")
    metrics = property(lambda self: self.path / "metrics.jsonl")
    tensorboard = property(lambda self: self.path / "tensorboard")
    checkpoints = property(lambda self: self.path / "checkpoints")
    model = property(lambda self: self.path / "model")
    evaluation = property(lambda self: self.path / "evaluation.json")
    report = property(lambda self: self.path / "report.html")


__all__ = [
    "DataError",
    "Iterator",
    "Mapping",
    "RunFolder",
    "TrainError",
    "committed_folder",
    "contextmanager",
    "damage",
    "datetime",
    "fcntl",
    "os",
    "re",
    "shutil",
    "sync_folder",
    "write_atomic",
]
