"""Cutting row numbers into parts: by class, by sets of equal rows, by group, by time.

Each function takes one number for each row and returns places in it: one array for each
count, and what is left as the last.
"""

from collections.abc import Sequence

import numpy as np

from torchsmith.core.errors import DataError

GREEDY_STEPS = 20_000
"""Looks at a group, in all draws together."""

MOST_DRAWS = 200


def part_sizes(num_rows: int, shares: Sequence[float]) -> list[int]:
    """Return how many rows each share takes, at least one each, one left over.

    Args:
        num_rows: To divide.
        shares: Each of what those before it leave.

    Raises:
        DataError: There are fewer rows than parts.
    """
    if num_rows < len(shares) + 1:
        raise DataError(
            f"{num_rows} rows are too few to make {len(shares) + 1} parts of them; "
            "add rows"
        )
    counts: list[int] = []
    left = num_rows
    for place, share in enumerate(shares):
        still_needed = len(shares) - place
        counts.append(min(max(round(share * left), 1), left - still_needed))
        left -= counts[-1]
    return counts


def cut_classes(
    codes: np.ndarray,
    counts: Sequence[int],
    random: np.random.Generator,
    sets: np.ndarray | None,
) -> list[np.ndarray]:
    """Draw the rows of each part, the same share of each class.

    Where sets stay together, each counts as of the class of its first row, and the
    rows of a class in a part are as many as its sets, in the order in which they were
    drawn, come nearest to; sets larger than a part are drawn last.

    Args:
        codes: `(n,)` class codes without gaps.
        counts: Rows of each part but the last.
        random: Draws.
        sets: `(n,)` whole numbers without gaps, equal for rows that stay in one part;
            None where each row is by itself.
    """
    firsts = np.arange(len(codes))
    sizes = np.ones(len(codes), np.int64)
    if sets is not None:
        firsts = np.sort(np.unique(sets, return_index=True)[1])
        sizes = np.bincount(sets)[sets]
    members = []
    ordered = firsts[np.argsort(codes[firsts], kind="stable")]
    sizes_of_classes = np.bincount(codes[firsts], minlength=int(codes.max()) + 1)
    for rows in np.split(ordered, np.cumsum(sizes_of_classes)[:-1]):
        drawn = random.permutation(rows)
        large = sizes[drawn] > min(counts)
        members.append(drawn[np.argsort(large, kind="stable")])
    parts = []
    for place, count in enumerate(counts):
        still_needed = len(counts) - place
        rows_of_classes = np.array([sizes[rows].sum() for rows in members])
        take = apportion(rows_of_classes, count, reserve=still_needed)
        numbers = [
            _nearest(sizes[rows], wanted, still_needed)
            for rows, wanted in zip(members, take.tolist(), strict=True)
        ]
        pairs = list(zip(members, numbers, strict=True))
        parts.append(np.concatenate([rows[:number] for rows, number in pairs]))
        members = [rows[number:] for rows, number in pairs]
    parts.append(np.concatenate(members))
    return parts if sets is None else [whole_sets(rows, sets) for rows in parts]


def whole_sets(rows: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """Return all rows of the sets of which `rows` are some, sorted."""
    chosen = np.zeros(int(sets.max()) + 1, bool)
    chosen[sets[rows]] = True
    return np.flatnonzero(chosen[sets])


def join_sets(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return `(n,)` whole numbers without gaps, equal for rows of joined sets.

    Sets are joined where they have a row in common, and so on.

    Args:
        one: `(n,)` whole numbers without gaps.
        other: Likewise.
    """
    joined = one
    while True:
        lowest = joined
        for sets in (other, one):
            of_set = np.full(int(sets.max()) + 1, len(sets))
            np.minimum.at(of_set, sets, lowest)
            lowest = of_set[sets]
        if np.array_equal(lowest, joined):
            return np.unique(joined, return_inverse=True)[1]
        joined = lowest


def _nearest(sizes: np.ndarray, wanted: int, reserve: int) -> int:
    """Return how many sets of a class together have about so many rows.

    At least one where a row is wanted, and never those that `apportion` reserves.
    """
    most = len(sizes) - (reserve if len(sizes) > reserve else 1)
    if wanted == 0 or most < 1:
        return 0
    return min(int(np.abs(np.cumsum(sizes) - wanted).argmin()) + 1, most)


def apportion(sizes: np.ndarray, count: int, reserve: int) -> np.ndarray:
    """Divide `count` rows over classes by their sizes, by largest remainders.

    Args:
        sizes: `(K,)` rows of each class.
        count: Rows to take in all.
        reserve: Rows that each class keeps back for other parts if it has that many
            and one more; every class keeps one.

    Returns:
        `(K,)` rows to take of each class; their sum is `count` where the reserves
        leave so many. A class that has more than its reserve gives at least one row if
        `count` suffices for all of these.
    """
    rich = sizes > reserve
    most = np.maximum(sizes - np.where(rich, reserve, 1), 0)
    least = np.where(rich & (rich.sum() <= count), 1, 0)
    quota = sizes * (count / max(int(sizes.sum()), 1))
    take = np.clip(np.floor(quota).astype(np.int64), least, most)
    while take.sum() < count and (take < most).any():
        take[np.argmax(np.where(take < most, quota - take, -np.inf))] += 1
    while take.sum() > count and (take > least).any():
        take[np.argmax(np.where(take > least, take - quota, -np.inf))] -= 1
    return take


def cut_groups(
    keys: np.ndarray, counts: Sequence[int], random: np.random.Generator
) -> list[np.ndarray]:
    """Draw whole groups until each part has about its count of rows.

    Args:
        keys: `(n,)` the group of each row, without gaps.
        counts: Rows of each part but the last.
        random: Draws.
    """
    sizes = np.bincount(keys)
    order = random.permutation(len(sizes)).tolist()
    parts = []
    for place, count in enumerate(counts):
        still_needed = len(counts) - place
        chosen: list[int] = []
        size = 0
        for group in order:
            if len(order) - len(chosen) == still_needed:
                break
            if abs(size + sizes[group] - count) < abs(size - count):
                chosen.append(group)
                size += sizes[group]
        chosen = chosen or [min(order, key=sizes.__getitem__)]
        taken = set(chosen)
        order = [group for group in order if group not in taken]
        parts.append(np.flatnonzero(np.isin(keys, chosen)))
    return [*parts, np.flatnonzero(np.isin(keys, order))]


def cut_groups_of_classes(
    keys: np.ndarray,
    codes: np.ndarray,
    counts: Sequence[int],
    random: np.random.Generator,
) -> list[np.ndarray]:
    """Draw whole groups so that each part has about its share of each class.

    The parts are drawn several times, of few groups more often: a draw takes each group
    that brings the part closer to its share of every class. Of the draws in which parts
    lack the fewest classes, the first with the best sizes and then shares is taken.

    Args:
        keys: `(n,)` the group of each row, without gaps.
        codes: `(n,)` class codes without gaps.
        counts: Rows of each part but the last.
        random: Draws.
    """
    num_classes = int(codes.max()) + 1
    table = np.bincount(keys * num_classes + codes)
    table = np.pad(table, (0, -len(table) % num_classes)).reshape(-1, num_classes)
    draws = min(MOST_DRAWS, -(-GREEDY_STEPS // len(table)))
    drawn = [_draw(table, counts, random) for _ in range(draws)]
    best = min(drawn, key=lambda parts: _cost(table, parts, counts))
    return [np.flatnonzero(np.isin(keys, groups)) for groups in best]


def _draw(
    table: np.ndarray, counts: Sequence[int], random: np.random.Generator
) -> list[np.ndarray]:
    """Return the groups of each part; those that are left last."""
    left, parts = random.permutation(len(table)), []
    for place, count in enumerate(counts):
        most = len(left) - (len(counts) - place)
        chosen = _take_groups(table, left, count, most)
        left = left[~np.isin(left, chosen)]
        parts.append(np.array(chosen))
    return [*parts, left]


def _take_groups(
    table: np.ndarray, order: np.ndarray, count: int, most: int
) -> list[int]:
    """Take groups, in this order, that bring a part closer to its classes."""
    whole = table[order].sum(axis=0)
    wanted = whole * (count / whole.sum())
    scale = 1 / np.maximum(wanted, 1e-9)
    chosen: list[int] = []
    gap = -wanted
    for group in order.tolist():
        rows = table[group]
        if len(chosen) == most or gap.sum() >= 0:
            break
        if ((2 * gap + rows) * rows * scale).sum() < 0:
            gap = gap + rows
            chosen.append(group)
    return chosen or [int(order[table[order].sum(axis=1).argmin()])]


def _cost(
    table: np.ndarray, parts: Sequence[np.ndarray], counts: Sequence[int]
) -> tuple[int, int, int]:
    """Return how many classes the parts lack, and how far sizes and classes are off.

    A class that cannot be learned counts twice. Sizes are in tenths, the share of rows
    whose class is not in proportion in hundredths.
    """
    found = np.array([table[groups].sum(axis=0) for groups in parts])
    lacking = (found == 0).sum(axis=1)
    off = np.abs(found[:-1].sum(axis=1) - counts) / np.array(counts)
    shares = found / found.sum(axis=1, keepdims=True)
    apart = np.abs(shares - table.sum(axis=0) / table.sum()).sum(axis=1) / 2
    return (
        int(lacking.sum() + lacking[-1]),
        round(10 * float(off.max())),
        round(100 * float(apart.max())),
    )


def cut_times(keys: np.ndarray, counts: Sequence[int]) -> list[np.ndarray]:
    """Cut off the latest rows; those of one time stay in one part.

    Args:
        keys: `(n,)` whole numbers in the order of time.
        counts: Rows of each part but the last.
    """
    order = np.argsort(keys, kind="stable")
    parts = []
    for place, count in enumerate(counts):
        changes = np.flatnonzero(np.diff(keys[order])) + 1
        # Each later part, and the training part, needs a time of its own.
        allowed = changes[len(counts) - place - 1 :]
        wanted = len(order) - count
        cut = allowed[np.argmin(np.abs(allowed - wanted))]
        parts.append(order[cut:])
        order = order[:cut]
    return [*parts, order]
