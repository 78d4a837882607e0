"""What of the doctor a plan sets."""

import re
from typing import Annotated

from pydantic import AfterValidator

from torchsmith.core.record import Record


def _code(value: str) -> str:
    if not re.fullmatch(r"[A-Z][0-9]+", value):
        raise ValueError("a code is a letter and a number, such as T4")
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
