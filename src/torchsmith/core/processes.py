"""Which of several processes this one is, as `torchrun` says in the environment.

Source: https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables
"""

import os
from dataclasses import dataclass

from torchsmith.core.errors import PlanError

_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
_START = "torchrun --nproc-per-node 2 -m torchsmith train plan.yaml"


@dataclass(frozen=True)
class Place:
    """This process among those that work on one training.

    Attributes:
        rank: Its number; 0 is the first, which alone writes and speaks.
        world_size: How many there are.
        local_rank: Its number among those of this machine.
        local_world_size: How many there are on this machine.
    """

    rank: int
    world_size: int
    local_rank: int
    local_world_size: int

    @property
    def is_first(self) -> bool:
        """Whether this process writes and speaks."""
        return self.rank == 0

    @property
    def cores(self) -> int:
        """How many cores each process of this machine has for itself, at least 1."""
        from torchsmith.core.environment import usable_cores

        return max(1, usable_cores() // self.local_world_size)


def place() -> Place | None:
    """Return which of several processes this is; None where it is alone.

    Raises:
        PlanError: The environment names several processes, but not which this is.
    """
    if os.environ.get("WORLD_SIZE", "1") == "1" or "RANK" not in os.environ:
        return None
    found = {name: os.environ.get(name, "") for name in _VARIABLES}
    for name, value in found.items():
        if not value.isdigit():
            raise PlanError(
                f"the environment has RANK and WORLD_SIZE, as torchrun sets them, but "
                f"{name} is {value!r}, not a number; start with: {_START}"
            )
    return Place(*map(int, found.values()))


def is_silent() -> bool:
    """Whether the first of several processes speaks for this one."""
    alone = os.environ.get("WORLD_SIZE", "1") == "1"
    return not alone and os.environ.get("RANK", "0") != "0"


def require_alone(what: str) -> None:
    """Refuse what several processes cannot do together.

    Args:
        what: Such as `"a study"`.

    Raises:
        PlanError: This process is one of several.
    """
    if (here := place()) is not None:
        raise PlanError(
            f"{what} is trained by one process, and torchrun started "
            f"{here.world_size}; start it without torchrun. Several processes train "
            f"one plan: {_START}"
        )
