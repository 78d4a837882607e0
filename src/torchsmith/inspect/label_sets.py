"""Classes that are combinations of labels, as where a row may have several."""

from collections import Counter
from collections.abc import Iterator, Sequence

from torchsmith.core.wording import listed
from torchsmith.inspect.inspection import Finding

_SEPARATORS = "|;,"


def find_label_sets(name: str, classes: Sequence[str], noun: str) -> Iterator[Finding]:
    """Check whether classes are few labels in many combinations.

    Args:
        name: The target.
        classes: Its distinct texts.
        noun: What an example is called.
    """
    for separator in _SEPARATORS:
        sets = [
            {part.strip() for part in text.split(separator)} - {""} for text in classes
        ]
        labels = Counter(label for each in sets for label in each)
        recurring = sum(count > 1 for count in labels.values())
        combined = any(len(each) > 1 for each in sets)
        if combined and len(labels) < len(classes) and 2 * recurring >= len(labels):
            break
    else:
        return
    shown = listed(label for label, _ in labels.most_common())
    yield Finding(
        code="D32",
        severity="note",
        message=f"'{name}' looks like several labels in one cell, with '{separator}' "
        f"between them: {len(labels):,} labels ({shown}) make {len(classes):,} "
        "classes.",
        where=f"column '{name}'",
        evidence=listed(classes, 20),
        remedy=f"Each combination is a class, as a {noun} has one. To predict each "
        "label, give it a column of 0 and 1, and train a run for each.",
    )
