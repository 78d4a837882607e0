"""Whether the test part can tell anything, from its size alone: Q3."""

import math
from collections.abc import Iterator

from torchsmith.core.vocabulary import NOUNS
from torchsmith.core.wording import amount, percent
from torchsmith.doctor.diagnosis import Reference
from torchsmith.doctor.subject import Subject
from torchsmith.inspect.inspection import Finding

Z = 1.96
"""Of a 95 % interval."""

WIDE_SHARE = 0.1
"""Half an interval of a share of right classes, where about so many are right as a
simple model is: it cannot tell 80 % from 90 %."""

WIDE_ERROR = 0.2
"""The same of a root mean squared error, as a share of it, of normal errors."""

USUAL = 0.2
"""Share of the examples that a plan holds out to test, if nothing else is said."""


def find_small_test(subject: Subject, reference: Reference) -> Iterator[Finding]:
    """Find a test part whose score will say hardly anything: Q3.

    Args:
        subject: At step 0; of a plan, else it has no test part.
        reference: With the score to expect.
    """
    if subject.case is None or not len(subject.case.setup.parts.test):
        return
    count = len(subject.case.setup.parts.test)
    split = subject.case.plan.split
    if subject.is_regression:
        half, limit, what = Z / math.sqrt(2 * count), WIDE_ERROR, "its error"
        told = f"± {percent(half)} of it"
    else:
        expected = reference.probe_score
        if expected is None:
            return
        half, limit = half_interval(expected, count), WIDE_SHARE
        what = "the share of right classes"
        told = f"± {half:.2f}, if it is about {expected:.2f} as a simple model's"
    if half <= limit:
        return
    shares = isinstance(split.test, float) and split.test < USUAL
    noun = NOUNS[subject.case.setup.preparation.kind]
    yield Finding(
        code="Q3",
        severity="warning",
        message=f"{amount(count, f'test {noun}')} will hardly tell one network from "
        "another.",
        where="split.test",
        evidence=f"{what} will be known to {told}, with 95 % confidence; for "
        f"± {limit:g} it takes about {math.ceil(count * (half / limit) ** 2):,}",
        remedy="Hold out more, or compare with several seeds and other splits.",
        changes={"split.test": USUAL} if shares else {},
    )


def half_interval(share: float, count: int) -> float:
    """Return half of Wilson's 95 % interval of a share of so many.

    Wilson, Probable inference, the law of succession, and statistical inference (1927),
    https://doi.org/10.1080/01621459.1927.10502953

    >>> round(half_interval(0.9, 100), 3)
    0.06
    """
    spread = share * (1 - share) / count + Z**2 / (4 * count**2)
    return Z / (1 + Z**2 / count) * math.sqrt(spread)
