"""Errors that a script ends with, where they say what is wrong with its numbers."""

from collections.abc import Iterator

from torchsmith.doctor.script.facts import Facts
from torchsmith.doctor.script.found import found
from torchsmith.doctor.script.reading import Sources
from torchsmith.inspect.inspection import Finding

_TYPES = (
    "must have the same dtype",
    "expected scalar type",
    "expected target dtype",
    "Found dtype",
    "mat1 and mat2 to have the same dtype",
    "not implemented for 'Long'",
    "not implemented for 'Int'",
    "not implemented for 'Byte'",
    "Only Tensors of floating point",
)
_DEVICES = ("on the same device", "should be the same")
_LOGITS = "all elements of input should be between 0 and 1"
_LABELS = ("is out of bounds", "0D or 1D target tensor expected")


def find_in_error(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find C11, D7 and P5 in the error that ended a script.

    Args:
        facts: That were seen.
        sources: Of the script.
    """
    del sources
    error = facts.error
    evidence = f"The script ended there with {error.splitlines()[0]}" if error else ""
    if facts.ended != "failed" or not error.startswith(("RuntimeError", "IndexError")):
        return
    if any(text in error for text in _TYPES):
        told = (
            "Numbers of different types meet.",
            evidence,
            "Give the network float32, as x.float() does; give CrossEntropyLoss "
            "classes as whole numbers, y.long(), and other losses y.float().",
        )
        yield found(facts, "C11", "error", facts.error_place, told)
    elif any(text in error for text in _DEVICES) and "device" in error:
        told = (
            "Numbers on different devices meet.",
            evidence,
            "Move the network, inputs and targets to one device: x = x.to(device).",
        )
        yield found(facts, "C11", "error", facts.error_place, told)
    elif error.startswith("IndexError: Target") and _LABELS[0] in error:
        told = (
            "A class is none of those that the network has outputs for.",
            evidence,
            "Number the classes from 0, and give the last layer one output for each.",
        )
        yield found(facts, "D7", "error", facts.error_place, told)
    elif _LABELS[1] in error:
        told = (
            "The loss takes one class for each example, but gets a table.",
            evidence,
            "Give it targets of shape (N,), as y.squeeze(1) does; or of one hot rows, "
            "y.argmax(1).",
        )
        yield found(facts, "D7", "error", facts.error_place, told)
    elif _LOGITS in error and not facts.losses:  # later it may be NaN
        told = (
            "BCELoss takes probabilities, but gets logits.",
            evidence,
            "Use BCEWithLogitsLoss, or end the network with a sigmoid.",
        )
        yield found(facts, "P5", "error", facts.error_place, told)
