"""Contenders in processes of their own, which train in turns."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from benchmarks.peers.contenders import Contender
from benchmarks.peers.work import JOBS

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 300.0
"""Seconds that a contender may take for an epoch, or to get ready."""


class FailedError(Exception):
    """A contender ended, or took too long; says what it said last."""


class Contestant:
    """A contender in its process; it trains an epoch when told to.

    Args:
        contender: Who.
        name: Of it.
        job: The name of what it trains.
        epochs: That it will be told to train.

    Attributes:
        notes: What it says of how it trains, once it is ready.
        seconds: Of each epoch.
    """

    def __init__(self, contender: Contender, name: str, job: str, epochs: int) -> None:
        self.contender = contender
        threads = contender.threads or JOBS[job].threads
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by `stop`
        arguments = ["epochs", name, job, str(epochs), str(threads)]
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "benchmarks.peers.worker",
                *arguments,
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            bufsize=0,
        )
        self._read = b""
        self.notes = ""
        self.seconds: list[float] = []

    def get_ready(self) -> None:
        """Wait until it has read its data and built its network.

        Raises:
            FailedError: It cannot.
        """
        self.notes = self._next_message()["notes"]

    def train(self, epochs: int = 1) -> float:
        """Let it train, and return the seconds.

        Raises:
            FailedError: It cannot.
        """
        before = len(self.seconds)
        for _ in range(epochs):
            try:
                self._process.stdin.write(b"\n")
            except OSError as error:
                raise FailedError(self._last_words()) from error
            self.seconds.append(self._next_message()["seconds"])
        return sum(self.seconds[before:])

    def result(self) -> dict[str, Any]:
        """Return what it tells after its last epoch.

        Raises:
            FailedError: It cannot.
        """
        return self._next_message()

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._said.close()

    def _next_message(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while b"\n" not in self._read:
            left = end - time.monotonic()
            pipe = self._process.stdout.fileno()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise FailedError(f"took more than {PATIENCE:.0f} s")
            if not (some := os.read(pipe, 65536)):
                raise FailedError(self._last_words())
            self._read += some
        line, self._read = self._read.split(b"\n", 1)
        return json.loads(line)

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "ended without a word"


def why_not(contender: Contender, job: str) -> str:
    """Say why a contender cannot run here; an empty text where it can."""
    if job not in contender.jobs:
        return "cannot train this"
    if contender.bf16 and not has_bf16():
        return "not run: the processor has no instructions for bfloat16"
    places = [Path(sys.prefix) / contender.package / contender.package]
    if find_spec(contender.package) is None and not any(p.is_dir() for p in places):
        return f"not run: {contender.package} is not installed"
    return ""


def has_bf16() -> bool:
    """Whether the processor has instructions for bfloat16."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


class Contest:
    """Contenders of one job, of whom one trains at a time.

    Args:
        job: The name of what they train.
        epochs: That each will be told to train.
        say: Is told how it goes, as text.

    Attributes:
        running: Those that have not failed, by name.
        why_not: Of those that cannot take part, or failed, by name.
    """

    def __init__(self, job: str, epochs: int, say: Callable[[str], None]) -> None:
        self._job, self._epochs, self._say = job, epochs, say
        self.running: dict[str, Contestant] = {}
        self.why_not: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for contestant in self.running.values():
            contestant.stop()

    def enter(self, name: str, contender: Contender) -> None:
        """Start a contender and wait until it is ready."""
        if reason := why_not(contender, self._job):
            self.why_not[name] = reason
            return
        begin = time.monotonic()
        self.running[name] = Contestant(contender, name, self._job, self._epochs)
        self._attempt(name, Contestant.get_ready)
        self._say(f"{self._job}: {name} ready in {time.monotonic() - begin:.1f} s")

    def train(self, epochs: int) -> dict[str, float]:
        """Let each train in turn; return the seconds by name."""
        return self._each(lambda contestant: contestant.train(epochs))

    def results(self) -> dict[str, Any]:
        """Return what each tells after its last epoch, by name."""
        return self._each(Contestant.result)

    def _each(self, do: Callable[[Contestant], Any]) -> dict[str, Any]:
        done = {name: self._attempt(name, do) for name in list(self.running)}
        return {name: done[name] for name in self.running}

    def _attempt(self, name: str, do: Callable[[Contestant], Any]) -> Any:
        try:
            return do(self.running[name])
        except FailedError as error:
            self.running.pop(name).stop()
            self.why_not[name] = f"failed: {error}"[:200]
            self._say(f"{self._job}: {name} failed: {error}")
            return None
