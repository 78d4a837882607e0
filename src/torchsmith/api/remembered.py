"""What was measured of a plan on this machine: a run of it again repeats the choice."""

import hashlib
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from torchsmith.core.environment import environment
from torchsmith.core.errors import TrainError
from torchsmith.core.files import write_atomic
from torchsmith.core.record import Record
from torchsmith.core.vocabulary import EngineName
from torchsmith.plan.plan import Plan

if TYPE_CHECKING:
    from torchsmith.train.engines.automatic import Choice
    from torchsmith.train.loop import Job
    from torchsmith.train.state import TrainState


class _Measured(Record):
    """A choice as it is kept.

    Attributes:
        measured: The day, as in 2026-11-22.
    """

    engine: EngineName
    threads: int
    engine_reason: str
    threads_reason: str
    measured: str


def recall(file: Path, job: "Job", state: "TrainState") -> "Choice | None":
    """Return what was chosen for a plan before; None where it is to be measured.

    That is where another plan, data of another size, or another environment was
    trained, and where the engine cannot do it now.

    Args:
        file: Of the plan, by `file_of`.
        job: Made of it.
        state: Is not changed.
    """
    from torchsmith.train.engines.automatic import Choice
    from torchsmith.train.engines.choose import build_engine
    from torchsmith.train.engines.engine import Unsupported

    try:
        kept = _Measured.model_validate_json(file.read_bytes())
        build_engine(kept.engine, job, state)
    except (OSError, ValidationError, Unsupported):
        return None
    as_then = f"; as measured on {kept.measured}"
    return Choice(
        kept.engine,
        kept.threads,
        engine_reason=kept.engine_reason and kept.engine_reason + as_then,
        threads_reason=kept.threads_reason and kept.threads_reason + as_then,
    )


def remember(file: Path, choice: "Choice") -> None:
    """Keep a choice that was measured, where the folder can be written."""
    kept = _Measured(
        engine=choice.engine,
        threads=choice.threads,
        engine_reason=choice.engine_reason,
        threads_reason=choice.threads_reason,
        measured=f"{datetime.now(UTC):%Y-%m-%d}",
    )
    with suppress(OSError, TrainError):  # then it is measured again
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(file, kept.model_dump_json().encode())


def file_of(plan: Plan, job: "Job") -> Path:
    """Return where a plan's choice is kept: a name for all that decides of a step.

    Args:
        plan: As it leaves engine or threads open.
        job: Made of it.
    """
    from torchsmith.train.engines.native.library import cache_folder

    told = {
        "plan": plan.model_dump(mode="json", exclude={"reasons"}),
        "examples": len(job.train),
        "environment": environment(),
    }
    key = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    return cache_folder().parent / "choices" / f"{key[:32]}.json"
