"""Items of a person's `Dataset` that should differ, and do not."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, Subset

from torchsmith.doctor.examples import leaves
from torchsmith.inspect.inspection import Finding
from torchsmith.train.items import Items

READ = 16
"""Items that are read again, from one place of a data set and spread over it."""

LEAST_READ = 4
MOST_EQUAL = 0.5
"""Share of neighbouring items that may be equal to another."""

ALMOST, MEANS, SHRINKS = 1.2, 4, 0.9
"""Items that differ by so many times what one differs by from epoch to epoch are looked
at in several epochs; the same in all, they differ less by the root of that number."""


@dataclass(frozen=True)
class Read:
    """One item, as a batch of one.

    Attributes:
        inputs: As collated.
        targets: As collated.
    """

    inputs: Any
    targets: Any

    def same_inputs(self, other: "Read") -> bool:
        """Whether another reading gave the same inputs, bit for bit."""
        return _equal(self.inputs, other.inputs)

    def same_targets(self, other: "Read") -> bool:
        """Whether another reading gave the same targets, bit for bit."""
        return _equal(self.targets, other.targets)


def read_item(items: Items, row: int, epoch: int) -> Read:
    """Return one item as it is in an epoch."""
    inputs, targets = items.read([row], epoch)
    return Read(inputs, targets)


def find_repeated(
    items: Items, rows: list[int], read: list[Read], later: list[Read]
) -> Iterator[Finding]:
    """Find an index that does not move, or moves too slowly: C7.

    Args:
        items: Of the data set.
        rows: Numbers of those that were read, neighbours first.
        read: They, in epoch 0.
        later: They, in epoch 1.
    """
    equal = list(_equal_items(items, rows, read))
    yield from equal or _same_but_for_noise(items, rows, read, later)


def _equal_items(items: Items, rows: list[int], read: list[Read]) -> Iterator[Finding]:
    for what, places in (
        ("all over the data set", range(len(rows))),
        ("neighbouring", [i for i, row in enumerate(rows) if row < READ]),
    ):
        chosen = [read[i] for i in places]
        if len(chosen) < LEAST_READ * 2:
            continue
        keys = [_key(each.inputs) for each in chosen]
        distinct = len(set(keys))
        by_key: dict[bytes, set[bytes]] = {}
        for key, each in zip(keys, chosen, strict=True):
            by_key.setdefault(key, set()).add(_key(each.targets))
        conflicts = sum(len(targets) > 1 for targets in by_key.values())
        few = 1 if what.startswith("all") else MOST_EQUAL * len(chosen)
        if distinct > few or not (conflicts or distinct == 1):
            continue
        yield _stands(
            items,
            f"{len(chosen)} items {what} have {distinct} different inputs; "
            f"{conflicts} of these have more than one target.",
        )
        return


def _same_but_for_noise(
    items: Items, rows: list[int], first: list[Read], later: list[Read]
) -> Iterator[Finding]:
    """Find items that differ from each other only as one does from epoch to epoch."""
    if len({_key(each.targets) for each in first}) < 2 or len(rows) < 2 * LEAST_READ:
        return
    once, twice = _stacked(first), _stacked(later)
    if once is None or twice is None or torch.equal(once, twice):
        return
    noise = (once - twice).abs().mean().item()
    if _between(once) > ALMOST * noise:
        return
    epochs = [
        [read_item(items, row, epoch) for row in rows] for epoch in range(2, MEANS)
    ]
    stacks = [once, twice, *(s for s in map(_stacked, epochs) if s is not None)]
    if len(stacks) < MEANS:
        return
    # The mean of several readings has less noise; what tells items apart stays.
    less = _between(once) / max(_between(torch.stack(stacks).mean(dim=0)), 1e-30)
    if less < SHRINKS * MEANS**0.5:
        return
    yield _stands(
        items,
        f"{len(rows)} items differ from each other by {_between(once):.3g} in the "
        f"mean, and one by {noise:.3g} from epoch to epoch; what they have in the "
        f"mean of {MEANS} epochs differs {less:.1f} times less.",
    )


def _stands(items: Items, evidence: str) -> Finding:
    return Finding(
        code="C7",
        severity="error",
        message=f"{items.name} gives the same inputs for different items.",
        where=line_of(items.dataset, r"//|\bint\(|\[0\]|% ", r"def __getitem__"),
        evidence=evidence,
        remedy="See in __getitem__ how the index is used.",
    )


def _stacked(read: list[Read]) -> Tensor | None:
    """Return the first tensor of each item's inputs, `(n, D)`."""
    tensors = [next(leaves(each.inputs), None) for each in read]
    found = [t.float().flatten() for t in tensors if t is not None]
    if len(found) < len(read) or len({len(tensor) for tensor in found}) > 1:
        return None
    return torch.stack(found)


def _between(stacked: Tensor) -> float:
    return (stacked - stacked.roll(1, dims=0)).abs().mean().item()


def _equal(first: object, second: object) -> bool:
    ones, others = list(leaves(first)), list(leaves(second))
    return len(ones) == len(others) and all(
        torch.equal(a.nan_to_num(), b.nan_to_num())
        if a.is_floating_point() and a.shape == b.shape
        else torch.equal(a, b)
        for a, b in zip(ones, others, strict=True)
    )


def _key(value: object) -> bytes:
    digest = blake2b(digest_size=8)
    for leaf in leaves(value):
        digest.update(leaf.detach().cpu().float().numpy().tobytes())
    return digest.digest()


def line_of(dataset: Dataset[Any], *patterns: str) -> str:
    """Return file and line where the class of a data set says something."""
    if isinstance(dataset, Subset):
        return line_of(dataset.dataset, *patterns)
    kind = type(dataset)
    if kind.__module__.partition(".")[0] == "torch":
        return ""
    try:
        lines, start = inspect.getsourcelines(kind)
        file = Path(inspect.getsourcefile(kind) or "").name
    except (OSError, TypeError):
        return ""
    # What a constructor says is said once; a fault is in what is done for each item.
    begins = [i for i, line in enumerate(lines) if "def __getitem__" in line]
    after = begins[0] if begins else 0
    for pattern in patterns:
        for offset, line in enumerate(lines):
            if "def __len__" not in pattern and offset < after:
                continue
            if re.search(pattern, line.partition("#")[0]):
                return f"{file}:{start + offset}"
    return ""
