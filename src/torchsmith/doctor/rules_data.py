"""What is wrong with the data as the network gets it."""

from collections.abc import Iterator

from torchsmith.doctor.diagnosis import Reference
from torchsmith.doctor.subject import Allowance, Subject
from torchsmith.inspect.inspection import Finding


def find_in_data(
    subject: Subject, reference: Reference, allowance: Allowance, left_out: list[str]
) -> Iterator[Finding]:
    """Find what is wrong with the data as the network gets it: D3, D4, D11, D13 to D15.

    Args:
        subject: At step 0; stays as it is.
        reference: With what to compare.
        allowance: How long it may take.
        left_out: Is told what was not looked at, and why.
    """
    del subject, reference, allowance, left_out
    yield from ()
