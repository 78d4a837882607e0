"""What the plan alone tells."""

from collections.abc import Iterator

from torchsmith.doctor.subject import Subject
from torchsmith.inspect.inspection import Finding


def find_in_plan(subject: Subject) -> Iterator[Finding]:
    """Find settings that cannot work well: P4 to P10, P13.

    Args:
        subject: At step 0; stays as it is.
    """
    del subject
    yield from ()
