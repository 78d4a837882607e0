"""How much memory there is, and what does not fit into it."""

import os
import re
from pathlib import Path

from torchsmith.core.errors import DataError

MEMORY_VARIABLE = "TORCHSMITH_MEMORY"
"""Names the memory that may be used, such as `8GB`, instead of what is free."""

COPIES = 3
"""Of data that is kept in memory: as read, as taken for a part, and as prepared."""

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def is_large(num_bytes: int) -> bool:
    """Whether three copies of so many bytes do not fit into the available memory."""
    return num_bytes * COPIES > available_memory()


def do_not_fit() -> str:
    """Say of data that is too large, behind its size, how much memory there is."""
    free = amount_of(available_memory())
    return f"of which three copies do not fit into the {free} that are available"


def available_memory() -> int:
    """Return how many bytes may be used: as set, as free, or as a container allows.

    Raises:
        DataError: `TORCHSMITH_MEMORY` is no amount of memory.
    """
    text = os.environ.get(MEMORY_VARIABLE, "").strip()
    if text:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?B?)", text.upper())
        unit = found and _UNITS.get(
            found[2] if found[2][-1:] == "B" else found[2] + "B"
        )
        if not found or not unit:
            raise DataError(
                f"{MEMORY_VARIABLE}: {text!r} is no amount of memory; write a number "
                "of bytes, or one such as 500MB or 8GB"
            )
        return int(float(found[1]) * unit)
    return min(_free(), _left_in_container())


def amount_of(num_bytes: float) -> str:
    """Write a number of bytes as a person does.

    >>> amount_of(1_500_000_000)
    '1.5 GB'
    """
    for unit in ("TB", "GB", "MB", "KB"):
        if num_bytes >= _UNITS[unit]:
            return f"{num_bytes / _UNITS[unit]:.3g} {unit}"
    return f"{num_bytes:.0f} bytes"


def _free() -> int:
    """Return what Linux can give without swapping, else half of what there is."""
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _left_in_container() -> int:
    """Return what a control group leaves; files that it holds in memory can go."""
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
        stat = dict(
            line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines()
        )
    except (OSError, ValueError):  # none, or the word "max"
        return 2**63 - 1
    return max(limit - used + int(stat.get("file", 0)), 0)
