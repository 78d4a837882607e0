"""On what a run was made: why another machine may give other bits."""

import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from torchsmith.core.rounding import VARIABLE

PACKAGES = (
    "torchsmith",
    "torch",
    "numpy",
    "scikit-learn",
    "pillow",
    "safetensors",
    "pydantic",
)


ALONE = "1"
"""Processes that train together where `torchrun` started none."""


def environment() -> dict[str, str]:
    """Return versions, processor and settings by name, without importing torch."""
    found = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(os.cpu_count()),
    }
    if (processes := os.environ.get("WORLD_SIZE", ALONE)) != ALONE:
        found["processes"] = processes
    if mode := os.environ.get(VARIABLE):
        found[VARIABLE] = mode
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    if (torch := sys.modules.get("torch")) is not None:
        found["cpu capability"] = torch.backends.cpu.get_cpu_capability()
        found["torch threads"] = str(torch.get_num_threads())
        if torch.cuda.is_available():
            found["gpu"] = torch.cuda.get_device_name()
            found["cuda"] = str(torch.version.cuda)
    return found


def usable_cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


def differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Name the lines that differ, such as `"torch: 2.13.0 then, 2.14.0 now"`."""
    absent = {"processes": ALONE, VARIABLE: "not set"}
    found = {
        name: [each.get(name, absent.get(name, "unknown")) for each in (before, now)]
        for name in dict.fromkeys([*before, *now])
    }
    return [
        f"{name}: {then} then, {here} now"
        for name, (then, here) in found.items()
        if then != here
    ]


def read_environment(file: Path) -> dict[str, str]:
    """Return the environment that a run was begun in; empty where it cannot be read.

    Args:
        file: The run's `environment.json`.
    """
    try:
        found = json.loads(file.read_bytes())
        return {str(name): str(value) for name, value in found.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def changes_since(file: Path) -> list[str]:
    """Name what differs from the environment that a run was begun in.

    Args:
        file: The run's `environment.json`.

    Returns:
        Sentences for the person; none where all is the same.
    """
    if before := read_environment(file):
        lines = differences(before, environment())
    else:
        lines = [f"{file.name} cannot be read"]
    return [f"the environment differs, so the weights may too: {x}" for x in lines]


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:  # noqa: PTH123 -- a kernel file
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", maxsplit=1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
