"""What of the doctor a plan sets."""

from typing import Annotated

from pydantic import AfterValidator

from torchsmith.core.codes import KNOWN, no_code
from torchsmith.core.record import Record


def _code(value: str) -> str:
    if value not in KNOWN:
        raise ValueError(no_code(value))
    return value


class Doctor(Record):
    """What the doctor does beside a run; it changes no weight.

    Attributes:
        examine: Whether it looks at the plan, the first steps, the run and its result.
        ignore: Codes, such as `T4`, that it does not report, and for which it does not
            stop a run.
    """

    examine: bool = True
    ignore: tuple[Annotated[str, AfterValidator(_code)], ...] = ()
