"""Facts about this machine, and what is missing on it."""

import os
import platform
import shlex
import shutil
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from re import match, search

from torchsmith.core.environment import usable_cores
from torchsmith.core.record import Record
from torchsmith.core.wording import gigabytes
from torchsmith.data.catalog import data_folders
from torchsmith.inspect.inspection import Finding

LITTLE_MEMORY = 2_000_000_000
LITTLE_DISK = 1_000_000_000


class Environment(Record):
    """What matters about a machine.

    Attributes:
        python: Version.
        system: Operating system and processor.
        cores: That this process may use.
        memory: Free bytes; None where that is not known.
        disk: Free bytes where runs are written.
        runs_folder: Where runs are written.
        runs_writable: Whether that is possible.
        packages: Version of each package that the core needs; None where it is missing.
        devices: What PyTorch can train on; empty without PyTorch.
        threads: That PyTorch computes with where a plan does not say; 0 without it.
        compiler: The C++ compiler of the engine `compiled`; empty where there is none.
        data_folders: The folders that `TORCHSMITH_DATA` names.
    """

    python: str
    system: str
    cores: int
    memory: int | None
    disk: int
    runs_folder: str
    runs_writable: bool
    packages: dict[str, str | None]
    devices: tuple[str, ...]
    threads: int
    compiler: str
    data_folders: tuple[str, ...]


def look_around(runs_folder: Path) -> Environment:
    """Return facts about this machine.

    Args:
        runs_folder: Where runs would be written.
    """
    folder = runs_folder.absolute()
    place = next(p for p in (folder, *folder.parents) if p.exists())
    return Environment(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cores=usable_cores(),
        memory=_free_memory(),
        disk=shutil.disk_usage(place).free,
        runs_folder=str(runs_folder),
        runs_writable=place.is_dir() and os.access(place, os.W_OK),
        packages=_packages(),
        devices=_devices(),
        threads=_threads(),
        compiler=_compiler(),
        data_folders=tuple(map(str, data_folders())),
    )


def judge(environment: Environment) -> list[Finding]:
    """Return what is missing or short, the worst first.

    Args:
        environment: What `look_around` returned.
    """
    findings = [
        Finding(
            code="E1",
            severity="error",
            message=f"{name} is not installed.",
            where=name,
            remedy=f"Install it: python -m pip install {name}",
        )
        for name, installed in environment.packages.items()
        if installed is None
    ]
    if not environment.runs_writable:
        findings.append(
            Finding(
                code="E2",
                severity="error",
                message=f"{environment.runs_folder} cannot be written.",
                where=environment.runs_folder,
                remedy="Choose another folder with --runs.",
            )
        )
    if environment.memory is not None and environment.memory < LITTLE_MEMORY:
        findings.append(_little("E3", "memory", environment.memory, LITTLE_MEMORY))
    if environment.disk < LITTLE_DISK:
        findings.append(_little("E4", "disk space", environment.disk, LITTLE_DISK))
    findings += [
        Finding(
            code="E5",
            severity="warning",
            message=f"TORCHSMITH_DATA names {name}, which is not a folder.",
            where=name,
            remedy="Correct the variable, or make the folder.",
        )
        for name in environment.data_folders
        if not Path(name).is_dir()
    ]
    if environment.devices == ("cpu",):
        findings.append(
            Finding(
                code="E6",
                severity="note",
                message="PyTorch sees no GPU; training runs on the CPU.",
                evidence=f"{environment.cores} cores",
                remedy="Fine for tables and small pictures.",
            )
        )
    if not environment.compiler:
        findings.append(_no_compiler())
    return findings


def _little(code: str, what: str, free: int, safe: int) -> Finding:
    return Finding(
        code=code,
        severity="warning",
        message=f"There is little free {what}.",
        evidence=f"{gigabytes(free)} free; {gigabytes(safe)} is safe",
        remedy=f"Free some {what}, or train on less data.",
    )


def _free_memory() -> int | None:
    table = Path("/proc/meminfo")
    if not table.exists():
        return None
    found = search(r"MemAvailable: +(\d+) kB", table.read_text())
    return int(found[1]) * 1024 if found else None


def _packages() -> dict[str, str | None]:
    found: dict[str, str | None] = {"torchsmith": version("torchsmith")}
    for requirement in requires("torchsmith") or []:
        name = match(r"[\w.-]+", requirement)
        if name is None or "extra ==" in requirement:
            continue
        try:
            found[name[0]] = version(name[0])
        except PackageNotFoundError:
            found[name[0]] = None
    return found


def _devices() -> tuple[str, ...]:
    try:
        import torch
    except ImportError:
        return ()
    gpus = (
        f"cuda:{i} ({torch.cuda.get_device_name(i)})"
        for i in range(torch.cuda.device_count())
    )
    mps = ("mps",) if torch.backends.mps.is_available() else ()
    return ("cpu", *gpus, *mps)


def _threads() -> int:
    try:
        import torch
    except ImportError:
        return 0
    return torch.get_num_threads()


def _no_compiler() -> Finding:
    if named := os.environ.get("CXX", "").strip():
        message = f"CXX is {named!r}, which is no compiler that can be run here."
        remedy = "Set CXX to one that is, or unset it for the system's own."
    else:
        message = "There is no C++ compiler; the engine compiled needs one."
        remedy = "Install g++ or clang if long runs of small networks matter."
    return Finding(code="E7", severity="note", message=message, remedy=remedy)


def _compiler() -> str:
    try:
        from torchsmith.train.engines.engine import Unsupported
        from torchsmith.train.engines.native.library import find_compiler
    except ImportError:
        return ""
    try:
        return shlex.join(find_compiler())
    except Unsupported:
        return ""
