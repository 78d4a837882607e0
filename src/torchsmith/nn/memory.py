"""Networks that are too large for the memory there is."""

import re

from torchsmith.core.errors import PlanError

_UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = re.compile(rf"allocate ([\d.]+) ({'|'.join(_UNITS)})")


def refuse_too_large(where: str, error: Exception) -> None:
    """Say what does not fit into memory, where an error means that.

    Args:
        where: What was being made: its dotted path in the plan, and its name.
        error: What PyTorch raised.

    Raises:
        PlanError: The error says that memory could not be had.
    """
    text = str(error)
    overflow = "overflowed" in text or "Overflow when unpacking" in text
    if not (isinstance(error, MemoryError) or "allocate" in text or overflow):
        return
    size = _SIZE.search(text)
    needs = "it needs more than there is"
    if size:
        wanted = float(size[1]) * _UNITS[size[2]] / 1e9
        about = f"{wanted:,.0f}" if wanted >= 10 else f"{wanted:.1f}"
        needs = f"it needs about {about} GB at once, more than there is"
    raise PlanError(
        f"{where} does not fit into memory: {needs}; make it smaller"
    ) from error
