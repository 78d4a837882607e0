"""Ejected scripts in processes that are forked: each saves the import of PyTorch."""

import os
import runpy
import sys
from contextlib import contextmanager

import pytest

from tests.processes import PROCESSES
from torchsmith.core.errors import TrainError
from torchsmith.eject import lessons, verify


@contextmanager
def forked_scripts():
    """Verify so; that a new process does the same is tested through the command."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (verify, lessons):
            patch.setattr(module, "run_driver", run_forked)
        yield


def run_forked(program, script, folder, tell):
    """As `run_driver`."""
    lines, output = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=_run, args=(program, script, folder, output))
    process.start()
    output.close()
    last = ""
    with os.fdopen(os.dup(lines.fileno()), encoding="utf-8") as printed:
        for line in printed:
            last = line.rstrip() or last
            tell(line.rstrip())
    process.join()
    if process.exitcode:
        raise TrainError(f"the script failed when it was run: {last}")


def _run(program, script, folder, output):
    sys.stdout = sys.stderr = os.fdopen(
        os.dup(output.fileno()), "w", buffering=1, encoding="utf-8"
    )
    sys.argv = [program, str(script), str(folder)]
    runpy.run_path(program, run_name="__main__")
