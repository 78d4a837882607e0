"""What is wrong with the data as the network gets it."""

from collections.abc import Callable, Iterator

from torchsmith.doctor.diagnosis import Reference
from torchsmith.doctor.examples import Examples, take_examples
from torchsmith.doctor.rules_augment import find_in_augmentation
from torchsmith.doctor.rules_inputs import find_in_scale
from torchsmith.doctor.rules_labels import find_wrong_labels
from torchsmith.doctor.rules_pairing import find_misaligned
from torchsmith.doctor.rules_parts import find_in_parts
from torchsmith.doctor.rules_rows import find_in_rows
from torchsmith.doctor.rules_shift import find_in_shift
from torchsmith.doctor.rules_signal import find_in_signal, find_telling_place
from torchsmith.doctor.rules_size import find_small_test
from torchsmith.doctor.subject import Allowance, Subject, without_trace
from torchsmith.inspect.inspection import Finding


def find_in_data(
    subject: Subject, reference: Reference, allowance: Allowance, left_out: list[str]
) -> Iterator[Finding]:
    """Find what is wrong with the data as the network gets it: D3 to D15, P9, P10, Q3.

    Args:
        subject: At step 0; stays as it is.
        reference: With what to compare.
        allowance: How long it may take.
        left_out: Is told what was not looked at, and why.
    """

    def found(
        what: str, rule: Callable[[Examples], Iterator[Finding]]
    ) -> list[Finding]:
        if allowance.is_overdrawn:
            left_out.append(f"{what}: no time was left")
            return []
        try:
            with without_trace(subject, what):
                return list(rule(examples))
        except Exception as error:  # noqa: BLE001 -- of a person's module or data set
            left_out.append(f"{what} ({type(error).__name__}: {error})")
            return []

    yield from find_small_test(subject, reference)
    try:
        taken = take_examples(subject, allowance)
    except Exception as error:  # noqa: BLE001 -- of a person's data set
        left_out.append(f"the data ({type(error).__name__}: {error})")
        return
    if taken is None:
        return  # the reference says so
    examples = taken
    findings = [
        *found("scale", lambda e: find_in_scale(subject, reference, e)),
        *found("parts", lambda e: find_in_parts(subject, e, allowance, left_out)),
        *found("shift", lambda e: find_in_shift(subject, e)),
        *found("augmentation", lambda e: find_in_augmentation(subject, e)),
        *found("telling places", lambda e: find_telling_place(subject, e)),
        *found("pairing", lambda e: find_misaligned(subject, e)),
        *found("labels", find_wrong_labels),
        *found("rows", lambda e: find_in_rows(subject, e)),
    ]
    if all(finding.severity == "note" for finding in findings):
        # Whatever else is wrong hides what inputs say; that is the cause, not this.
        findings += found("signal", lambda e: find_in_signal(subject, reference, e))
    yield from findings
