"""What a person's `Dataset` gives when it is read again, and what that changes."""

import re
from collections.abc import Iterator, Sized
from time import thread_time
from typing import Any, cast

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset, Subset

from torchsmith.core.errors import DataError
from torchsmith.core.wording import percent
from torchsmith.doctor.probes.repeated import (
    LEAST_READ,
    READ,
    Read,
    find_repeated,
    line_of,
    read_item,
)
from torchsmith.doctor.subject import Allowance, Subject
from torchsmith.inspect.inspection import Finding, Severity
from torchsmith.train.batches import DatasetBatches
from torchsmith.train.items import Items
from torchsmith.train.workers import map_leaves

MOST_SECONDS = 0.5
"""That reading may take in any case; slow items are read less often."""

MOST_COPIED = 16 * 2**20
"""Bytes of an array that is looked at for changes."""


def find_in_datasets(
    subject: Subject, allowance: Allowance, left_out: list[str]
) -> Iterator[Finding]:
    """Find C7, C8 and D8 in data sets of a person.

    Args:
        subject: At step 0; its data sets are copies, where they can be copied.
        allowance: How long reading may take.
        left_out: Is told what was not read, and why.
    """
    train, val = subject.job.train, subject.job.val
    if isinstance(train, DatasetBatches):
        if isinstance(val, DatasetBatches):
            yield from _shared(train.items.dataset, val.items.dataset)
        with train.items.without_trace():
            yield from _reading(train.items, len(train), allowance, left_out)
    if isinstance(val, DatasetBatches):
        with val.items.without_trace():
            yield from _validation(val.items, len(val), allowance, left_out)


def _shared(train: Dataset[Any], val: Dataset[Any]) -> Iterator[Finding]:
    """Find examples that are in both parts, by their numbers."""
    same, num, total = train is val, 0, len(cast("Sized", val))
    if isinstance(train, Subset) and isinstance(val, Subset):
        if train.dataset is val.dataset:
            num = len(set(train.indices) & set(val.indices))
    elif isinstance(val, Subset) and val.dataset is train:
        num = len(set(val.indices))
    elif isinstance(train, Subset) and train.dataset is val:
        num = len(set(train.indices))
    if same:
        num = total
    if num:
        share = num / total
        yield Finding(
            code="D8",
            severity="error" if share > 0.01 else "warning",
            message="The network is validated on examples that it is trained on.",
            where="val part",
            evidence=f"{num:,} examples ({percent(share)} of val) are in train, too.",
            remedy="Divide the examples once, with torch.utils.data.random_split.",
        )


def _reading(
    items: Items, num: int, allowance: Allowance, left_out: list[str]
) -> Iterator[Finding]:
    """Read some items several times."""
    try:
        items.item(num - 1, 0)
    except DataError as error:
        yield _unreadable(items, num, error)
        return
    rows = _rows(items, num, allowance, left_out)
    if not rows:
        return
    before = _stored(items.dataset)
    first = [read_item(items, row, 0) for row in rows]
    second = [read_item(items, row, 0) for row in rows]
    changed = _changed(before, _stored(items.dataset))
    pairs = list(zip(first, second, strict=True))
    steady = all(a.same_inputs(b) and a.same_targets(b) for a, b in pairs)
    if not steady:
        yield _unsteady(items, pairs, changed)
        return
    aliased = list(_overwritten(items, rows[0], rows[-1]))
    yield from aliased
    if changed and not aliased:
        yield _changing(items, changed, "warning", "Read again, items are the same")
    later = [read_item(items, row, 1) for row in rows]
    yield from _drawn(items, list(zip(first, later, strict=True)))
    yield from find_repeated(items, rows, first, later)


def _unreadable(items: Items, num: int, error: DataError) -> Finding:
    return Finding(
        code="C7",
        severity="error",
        message=f"{items.name} says it has {num:,} items, and the last cannot be read.",
        where=line_of(items.dataset, r"def __len__"),
        evidence=str(error),
        remedy="Return in __len__ how many items __getitem__ can give.",
    )


def _rows(
    items: Items, num: int, allowance: Allowance, left_out: list[str]
) -> list[int]:
    """Return rows to read: neighbours, and others that are spread over all."""
    begin = thread_time()
    items.item(0, 0)
    seconds = max(thread_time() - begin, 1e-6)
    most = int(max(allowance.left / 4, MOST_SECONDS) / seconds / 4)
    if most < LEAST_READ:
        what = f"{items.name} ({items.part} part)"
        left_out.append(f"{what}: an item takes {seconds:.2g} s")
        return []
    near = list(range(min(num, most, READ)))
    far = np.linspace(0, num - 1, min(num, most, READ)).astype(int).tolist()
    return list(dict.fromkeys([*near, *far]))


def _overwritten(items: Items, first: int, last: int) -> Iterator[Finding]:
    """Find items that are changed when another is read, before they are collated."""
    if first == last:
        return
    alone = read_item(items, first, 0)
    together = items.read([first, last], 0)
    again = Read(*(_head(part) for part in together))
    if alone.same_inputs(again) and alone.same_targets(again):
        return
    yield Finding(
        code="C7",
        severity="error",
        message=f"{items.name} changes an item when it reads another.",
        where=line_of(items.dataset, r"def __getitem__"),
        evidence=(
            f"Item {first} is another when item {last} is read after it in one batch: "
            "both are the same memory."
        ),
        remedy="Return a new tensor or array from __getitem__, or a copy.",
    )


def _unsteady(
    items: Items, pairs: list[tuple[Read, Read]], changed: list[str]
) -> Finding:
    labels = sum(not a.same_targets(b) for a, b in pairs)
    inputs = sum(not a.same_inputs(b) for a, b in pairs)
    seen = (
        f"Read twice in one epoch, {inputs} of {len(pairs)} items have other inputs "
        f"and {labels} other targets"
    )
    if changed:
        return _changing(items, changed, "error", seen)
    return Finding(
        code="C7",
        severity="error" if labels else "note",
        message=f"{items.name} gives another item each time it is read.",
        where=line_of(items.dataset, r"rand|choice|shuffle", r"def __getitem__"),
        evidence=f"{seen}, with the same seeds of random, NumPy and PyTorch.",
        remedy=(
            "Draw from random, NumPy's or PyTorch's global numbers, which are seeded "
            "for each item, or from a generator that is made of the index."
        ),
    )


def _changing(
    items: Items, changed: list[str], severity: Severity, seen: str
) -> Finding:
    name = changed[0]
    return Finding(
        code="C7",
        severity=severity,
        message=f"Reading {items.name} changes {', '.join(changed)} in it.",
        where=line_of(
            items.dataset,
            rf"self\.{re.escape(name)}\b.*[^=!<>]=[^=]",
            r"([-+*/]=|\.\w+_\(|out\s*=|\]\s*=)",
            rf"self\.{re.escape(name)}",
        ),
        evidence=f"{seen}, and {name} is no longer what it was before.",
        remedy="Change a copy in __getitem__: x = x / 255, not x /= 255.",
    )


def _drawn(items: Items, pairs: list[tuple[Read, Read]]) -> Iterator[Finding]:
    """Find targets that are another in each epoch."""
    other = [(a, b) for a, b in pairs if not a.same_targets(b)]
    alone = sum(a.same_inputs(b) for a, b in other)
    if not other:
        return
    part = "validation" if items.part == "val" else "training"
    yield Finding(
        code="C7",
        severity="error" if alone else "warning",
        message=f"Targets of the {part} part are another in each epoch.",
        where=line_of(items.dataset, r"rand|choice|shuffle", r"def __getitem__"),
        evidence=(
            f"Of {len(pairs)} items {len(other)} have another target in the next "
            f"epoch, {alone} of them with the same inputs."
        ),
        remedy="Take the target of an item from where its inputs come from.",
    )


def _validation(
    items: Items, num: int, allowance: Allowance, left_out: list[str]
) -> Iterator[Finding]:
    """Find a validation part that is another in each epoch."""
    rows = _rows(items, num, allowance, left_out)
    pairs = [(read_item(items, row, 0), read_item(items, row, 1)) for row in rows]
    labels = sum(not a.same_targets(b) for a, b in pairs)
    inputs = sum(not a.same_inputs(b) for a, b in pairs)
    if labels or inputs:
        yield Finding(
            code="C8",
            severity="error" if labels else "warning",
            message="The validation part is another in each epoch.",
            where=line_of(items.dataset, r"[Rr]and|choice|shuffle", r"def __get"),
            evidence=(
                f"Of {len(pairs)} items {inputs} have other inputs in the next epoch, "
                f"and {labels} other targets."
            ),
            remedy="Give val no augmentation, so that its scores can be compared.",
        )


def _stored(dataset: Dataset[Any]) -> dict[str, np.ndarray]:
    """Return copies of the arrays that a data set holds."""
    if isinstance(dataset, Subset):
        return _stored(dataset.dataset)
    found = {}
    for name, value in getattr(dataset, "__dict__", {}).items():  # a list has none
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
        if not isinstance(array, np.ndarray) or array.dtype.hasobject:
            continue
        if array.nbytes <= MOST_COPIED:
            found[name] = array.copy()
    return found


def _changed(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> list[str]:
    """Return which arrays were changed where they held something: no empty caches."""
    names = []
    for name, array in before.items():
        now = after.get(name)
        if now is None or now.shape != array.shape or now.dtype != array.dtype:
            continue
        different = (now != array) & (array != 0)
        if array.dtype.kind == "f":
            different &= ~np.isnan(array)
        if different.any():
            names.append(name)
    return names


def _head(part: object) -> object:
    """Return the first example of what was collated."""
    return map_leaves(part, Tensor, lambda leaf: leaf[:1])
