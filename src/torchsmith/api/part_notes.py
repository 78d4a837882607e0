"""What happens to examples when a source is divided into parts, in words."""

from typing import TYPE_CHECKING

import numpy as np

from torchsmith.core.vocabulary import NOUNS
from torchsmith.core.wording import amount, in_quotes
from torchsmith.data.data import Data, Images, Sequences, Volumes
from torchsmith.data.split import split_rows
from torchsmith.inspect.values import left_out
from torchsmith.inspect.wording import agree, quoted
from torchsmith.plan.plan import Plan

if TYPE_CHECKING:
    from torchsmith.train.setup import Setup


def part_notes(plan: Plan, data: Data, setup: "Setup") -> tuple[str, ...]:
    """Say which examples were not read, or left a part, or are not used as they are.

    Args:
        plan: What was set up.
        data: All examples.
        setup: What was made of them.
    """
    return (
        *(told for change in data.changes if (told := left_out(change))),
        *_looking_ahead(plan, data),
        *_left_out(plan, data, setup),
        *_lacking(plan, data, setup),
        *_changed(data, setup),
    )


def _looking_ahead(plan: Plan, data: Data) -> list[str]:
    series = data.inputs.series if isinstance(data.inputs, Sequences) else None
    if series is None or not series.window or plan.split.time is not None:
        return []
    return [
        "windows of one part hold what another part predicts, which flatters the "
        f"scores: set split.time: {series.time}"
    ]


def _left_out(plan: Plan, data: Data, setup: "Setup") -> list[str]:
    spec = plan.split
    if not spec.drop_shared:
        return []
    uncut = spec.model_copy(update={"drop_shared": False})
    whole = split_rows(data, uncut, plan.data.columns)
    later = {"train": "val or test", "val": "test"}
    notes = []
    for part, beside in later.items():
        before = len(getattr(whole, part))
        if lost := before - len(getattr(setup.parts, part)):
            what = f"{amount(lost, NOUNS[data.kind])} of {before:,}"
            notes.append(
                f"split.drop_shared left {what} out of the {part} part: the same "
                f"inputs are in {beside}"
            )
    return notes


def _lacking(plan: Plan, data: Data, setup: "Setup") -> list[str]:
    """Name the classes that a part lacks because groups are not divided."""
    group, classes = plan.split.group, np.array(plan.problem.classes)
    if group is None or not len(classes) or isinstance(data.inputs, Images | Volumes):
        return []
    parts = {name: rows for name, rows in setup.parts.apart.items() if len(rows)}
    every = np.concatenate([*parts.values()])
    codes = setup.preparation.targets(data, every)
    groups = np.array(data.inputs.columns[group].texts(every))
    notes = []
    for part, rows in parts.items():
        lacking = np.setdiff1d(codes, codes[np.isin(every, rows)])
        if len(lacking):
            having = len(np.unique(groups[np.isin(codes, lacking)]))
            notes.append(
                f"the {part} part has no example of {quoted(classes[lacking])}: "
                f"split.group divides no '{group}', and {having:,} "
                f"{agree(having, 'has', 'have')} one"
            )
    return notes


def _changed(data: Data, setup: "Setup") -> list[str]:
    preparation = setup.preparation.sequences
    if preparation is None or not isinstance(data.inputs, Sequences):
        return []
    noun = NOUNS[data.kind]
    return [
        f"{part} part: {amount(change.count, noun)}: {change.what} "
        f"(first: {in_quotes(change.example)})"
        for part, rows in (("val", setup.parts.val), ("test", setup.parts.test))
        if len(rows)
        for change in preparation.unseen(data.inputs.take(rows))
    ]
