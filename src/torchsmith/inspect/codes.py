"""The checks that inspection makes, and the codes of what each may find.

The codes are explained in `docs/findings.md`. D1 to D15 are shared with the catalogue
of training faults; those that are missing here need a plan or a network to be seen.
"""

from typing import NamedTuple

from torchsmith.core.vocabulary import Kind


class Check(NamedTuple):
    """One line of the checklist.

    Attributes:
        title: What is true when the check passes.
        codes: What the check may find.
        kind: The kind of data that it applies to; None for any.
        needs_target: Whether it can be made only where a target is known.
        needs_parts: Whether it can be made only where the source comes in parts.
        needs_classes: Whether the target must hold classes, or must hold quantities;
            None for any.
    """

    title: str
    codes: tuple[str, ...]
    kind: Kind | None = None
    needs_target: bool = False
    needs_parts: bool = False
    needs_classes: bool | None = None


CHECKS = (
    Check("the target can be predicted", ("D7", "D19", "D20"), needs_target=True),
    Check("the task is unambiguous", ("D32",), needs_target=True),
    Check(
        "every class has enough examples",
        ("D23", "D24"),
        needs_target=True,
        needs_classes=True,
    ),
    Check("the classes are balanced", ("D5",), needs_target=True, needs_classes=True),
    Check(
        "the target is neither capped nor skewed",
        ("D21", "D22"),
        needs_target=True,
        needs_classes=False,
    ),
    Check("there are enough examples", ("D25",)),
    Check("no column gives the answer away", ("D10",), "table", needs_target=True),
    Check("equal inputs have equal targets", ("D12",), needs_target=True),
    Check("no example stands there twice", ("D27",)),
    Check("the given parts are fit for an honest test", ("D6", "D8"), needs_parts=True),
    Check("the order of the examples means nothing", ("D26",), needs_target=True),
    Check("the rows are independent of each other", ("D9",), "table"),
    Check("no value is infinite", ("D1",), "table"),
    Check("no value is missing", ("D16", "D38"), "table"),
    Check("values are written alike, and read as written", ("D17",)),
    Check("no number is far from all others", ("D18",), "table"),
    Check("every column varies", ("D2", "D35"), "table"),
    Check("no column repeats another", ("D28",), "table"),
    Check("every column is a property of the row", ("D29", "D30"), "table"),
    Check("every category has enough rows", ("D31",), "table"),
    Check("every picture shows something", ("D13",), "images"),
    Check("the files are what their names say", ("D33",), "images"),
    Check("all pictures have one size", ("D34",), "images"),
    Check(
        "the lengths do not give the answer away",
        ("D10",),
        "sequences",
        needs_target=True,
    ),
    Check("the sequences are independent of each other", ("D9",), "sequences"),
    Check("no value is infinite", ("D1",), "sequences"),
    Check("no value is missing", ("D16",), "sequences"),
    Check("every channel varies", ("D2",), "sequences"),
    Check("every sequence shows something", ("D13",), "sequences"),
    Check("the channels have comparable scales", ("D36",), "sequences"),
    Check("the lengths are alike", ("D37",), "sequences"),
    Check("every volume shows something", ("D13",), "volumes"),
    Check("every channel varies", ("D2",), "volumes"),
)
