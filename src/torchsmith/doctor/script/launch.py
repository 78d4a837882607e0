"""Starts a script in a process of its own, and brings back what was found."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from torchsmith.core.errors import DataError, TrainError
from torchsmith.core.observer import Observer
from torchsmith.doctor.diagnosis import Diagnosis

PATIENCE = 90.0
"""Seconds after which a script that does not let itself be stopped is told to."""

GRACE = 20.0
"""Seconds that it then has to say what was found."""


def examine_script(
    path: Path, arguments: Sequence[str] = (), observer: Observer | None = None
) -> Diagnosis:
    """Run a training script under watch for its first steps, and say what is wrong.

    The file is not changed; what the script reads and writes is its own affair, as in
    `python script.py`. It is stopped when it has shown enough, after a minute at most.

    Args:
        path: Of the script.
        arguments: Of the script, as on its command line.
        observer: Is told what is going on, and every line that the script prints.

    Returns:
        Findings with `where` as file and line; what the script did not show stands in
        `left_out`.

    Raises:
        DataError: There is no such file, or it is no Python.
        TrainError: Nothing of a training was seen: the script failed or left before,
            ended its process, or does not train in this one.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; name a Python script")
    try:
        compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise DataError(
            f"{path.name}:{line or 1}: is no Python that can run ({error}); correct it "
            "and try again"
        ) from error
    observer = observer or Observer()
    observer.stage(f"Running {path.name} under watch")
    with tempfile.TemporaryDirectory(prefix="torchsmith-") as folder:
        report = Path(folder) / "diagnosis.json"
        code = _run([str(report), str(path.resolve()), *arguments], observer)
        if not report.is_file():
            raise TrainError(
                f"{path.name}: its process ended with {code} before anything could be "
                f"said of it; see whether it runs: python {path}"
            )
        told = json.loads(report.read_bytes())
        if told["refused"]:
            raise TrainError(told["refused"])
        return Diagnosis.model_validate(told["diagnosis"])


def _run(arguments: list[str], observer: Observer) -> int:
    command = [sys.executable, "-P", "-m", "torchsmith.doctor.script.child"]
    environment = {
        **os.environ,
        "MPLBACKEND": "Agg",
        "PYTHONUNBUFFERED": "1",
        "TORCH_COMPILE_DISABLE": "1",
    }
    with subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
        start_new_session=True,
    ) as process:
        timers = [
            threading.Timer(PATIENCE, process.terminate),
            threading.Timer(PATIENCE + GRACE, _kill, [process]),
        ]
        for timer in timers:
            timer.daemon = True
            timer.start()
        try:
            for line in process.stdout or ():
                observer.line(line.rstrip("\n"))
            return process.wait()
        finally:
            for timer in timers:
                timer.cancel()
            _kill(process)


def _kill(process: "subprocess.Popen[str]") -> None:
    """End the script with all processes that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, ProcessLookupError, PermissionError):
        process.kill()
