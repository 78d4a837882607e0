"""What is named in place of a run, and what to name instead."""

import os
from collections.abc import Sequence
from pathlib import Path

from torchsmith.core.commands import listing
from torchsmith.core.errors import DataError, nearest


def require_name(run: object) -> None:
    """Refuse what cannot name a run.

    Raises:
        DataError: It is no text and no path.
    """
    if not isinstance(run, str | os.PathLike):
        raise DataError(f"{run!r} is no run; give its path, its name, or 'last'")


def no_run(run: str | Path, names: Sequence[str], runs: Path) -> DataError:
    """Return the error of a name behind which no run stands.

    Args:
        run: What was named.
        names: Of the runs that there are; near ones are offered.
        runs: Their folder.
    """
    if Path(run).is_file():
        hint = ", which is a file, and a run is a folder"
    else:
        hint = nearest(str(run), names)
    return DataError(f"no run at {run}{hint}; list them with: {listing(runs)}")
