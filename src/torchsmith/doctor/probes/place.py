"""Where in a person's code something is."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from torch import nn

OURS = ("torch", "torchsmith")
"""Packages whose modules are no person's own."""


def line_with(network: nn.Module, *patterns: str) -> str:
    """Return file and line where a person's modules say something; empty if nowhere.

    Args:
        network: Of which the classes of all modules are read.
        patterns: Regular expressions; the first that is found anywhere counts.
    """
    lines = list(_lines(network))
    for pattern in patterns:
        for place, line in lines:
            if re.search(pattern, line.partition("#")[0]):
                return place
    return ""


def forward_of(network: nn.Module, name: str) -> str:
    """Return file and line of the `forward` in which a module is called.

    Args:
        network: The whole.
        name: Of a module in it; the person's class nearest above it counts.
    """
    parts = name.split(".") if name else []
    for end in range(len(parts), -1, -1):
        kind = type(network.get_submodule(".".join(parts[:end])))
        if _is_own(kind):
            try:
                lines, start = inspect.getsourcelines(kind.forward)
            except (OSError, TypeError):
                return ""
            del lines
            return f"{_file(kind)}:{start}"
    return ""


def at(name: str, place: str) -> str:
    """Return a module's name with file and line, as a finding shows it."""
    return f"{name}, {place}" if name and place else name or place


def _lines(network: nn.Module) -> Iterator[tuple[str, str]]:
    kinds = dict.fromkeys(type(module) for module in network.modules())
    for kind in filter(_is_own, kinds):
        try:
            lines, start = inspect.getsourcelines(kind)
        except (OSError, TypeError):
            continue
        for offset, line in enumerate(lines):
            yield f"{_file(kind)}:{start + offset}", line


def _is_own(kind: type) -> bool:
    return kind.__module__.partition(".")[0] not in OURS


def _file(kind: type) -> str:
    return Path(inspect.getsourcefile(kind) or kind.__module__).name
