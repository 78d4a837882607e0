"""The part of a script that divides the examples into train, val and test."""

import numpy as np

from torchsmith.data.cutting import apportion, part_sizes
from torchsmith.eject.code import (
    Section,
    block,
    comment,
    function,
    joined,
    literal,
    quoted,
)
from torchsmith.eject.copies import copies_of
from torchsmith.eject.cutting import (
    about,
    cut_of,
    head,
    no_fold_line,
    random_line,
    rest_lines,
    returned,
    taken_folds,
    told_shares,
)
from torchsmith.eject.split_columns import split_by_groups, split_by_time
from torchsmith.eject.subject import Subject

_SIMPLE_TAKE = function(
    "take(classes, count)",
    "Take `count` rows off the classes, in proportion to their sizes.",
    [
        "sizes = np.array([len(rows) for rows in classes])",
        "quota = sizes * (count / sizes.sum())",
        "counts = np.floor(quota).astype(int)",
        "# What rounding down leaves over goes to those that it took the most from.",
        'most = np.argsort(counts - quota, kind="stable")[: count - counts.sum()]',
        "counts[most] += 1",
        "taken = [rows[:number] for rows, number in zip(classes, counts)]",
        "left = [rows[number:] for rows, number in zip(classes, counts)]",
        "return np.concatenate(taken), left",
    ],
)
_LISTED_TAKE = function(
    "take(classes, counts)",
    "Take so many rows off each class.",
    [
        "taken = [rows[:number] for rows, number in zip(classes, counts)]",
        "left = [rows[number:] for rows, number in zip(classes, counts)]",
        "return np.concatenate(taken), left",
    ],
)

_PARTS = (
    "Training learns from one part, validation judges each epoch, and the test "
    "part is looked at once, at the end."
)
_FOLDS = (
    "The test part is looked at once, at the end. All other rows are divided into "
    "folds, and as many networks learn side by side. Each network leaves one fold out; "
    "what it says of that fold is its part of the validation, which chooses the best "
    "epoch. So every row is learned from, and every row validates."
)
_VALIDATED = "val = train  # each row, by the network that leaves its fold out"


def split_section(subject: Subject) -> Section:
    """Write how the examples are divided, as the plan's `split` section says.

    Raises:
        PlanError: A script cannot tell which examples have the same inputs.
    """
    copies = copies_of(subject)
    subject = copies.cut
    split = subject.plan.split
    if split.group is not None:
        code, argument = split_by_groups(subject), "groups"
        if subject.is_table:
            argument = f"table[{quoted(split.group)}]"
    elif split.time is not None:
        code, argument = split_by_time(subject), "times"
        if subject.is_table:
            argument = f"table[{quoted(split.time)}]"
    elif split.stratify:
        code, argument = _classes(subject), "targets"
    else:
        code, argument = _plain(subject), "len(targets)"
    if copies.sets is not None:
        argument = "sets, targets" if split.stratify else "sets"
        code = _sets(subject, copies.sets, argument)
    arguments = ", ".join([argument, *(f"is_{part}" for part in subject.given)])
    told, steps = _PARTS, [f"train, val, test = split({arguments})"]
    if split.num_folds:
        told, steps = _FOLDS, [f"train, folds, test = split({arguments})", _VALIDATED]
    return Section(
        title="Split",
        about=told,
        code=joined([*copies.code, code]),
        steps=(*copies.before, *steps, *copies.after),
    )


def _plain(subject: Subject) -> str:
    cut, rest = cut_of(subject), rest_lines(subject)
    if not cut.drawn:
        return function(
            head(subject, "num_rows"),
            about(subject, "").rstrip("\n"),
            [*rest, *returned(subject, {"train": "rest"})],
        )
    size = "len(rest)" if rest else "num_rows"
    body = [random_line(subject), *rest, f"order = random.permutation({size})"]
    names, begin = {}, 0
    for part, rows in cut.parts.items():
        end = begin + len(rows)
        names[part] = f"order[{begin or ''}:{end}]"
        begin = end
    left = f"order[{begin}:]" if begin else "order"
    if not cut.folds:
        names["train"] = left
    body.append(comment(told_shares(subject), 1))
    kept = {}
    for part, taken in names.items():
        source = f"np.sort({taken})"
        body.append(f"{part} = {'rest[' + source + ']' if rest else source}")
        kept[part] = part
    if cut.folds:
        cuts = np.cumsum([len(rows) for rows in cut.folds]).tolist()
        numbered = f"folds[{'rest[rows]' if rest else 'rows'}] = fold"
        body += [
            no_fold_line(subject, "num_rows"),
            literal(cuts, 1, f"parts = np.split({left}, ", ")"),
            block("for fold, rows in enumerate(parts):", [numbered]),
        ]
    return function(
        head(subject, "num_rows"),
        about(subject, "The rows are shuffled, then cut."),
        [*body, *returned(subject, kept)],
    )


def _classes(subject: Subject) -> str:
    cut, rest = cut_of(subject), rest_lines(subject)
    counts, simple = _class_counts(subject)
    chosen = "targets[rest] == code" if rest else "targets == code"
    where = f"np.flatnonzero({chosen})"
    source = (
        f"rest[random.permutation({where})]"
        if rest
        else (f"random.permutation({where})")
    )
    order = _class_order(subject)
    body = [
        random_line(subject),
        *rest,
        f"classes = [\n    {source}\n    for code in {order}\n]"
        if len(source) + len(order) > 45
        else f"classes = [{source} for code in {order}]",
    ]
    if cut.drawn:
        body.append(comment(told_shares(subject), 1))
    amounts = [len(r) for r in cut.drawn] if simple else counts
    names = {}
    for part, amount in zip(cut.parts, amounts, strict=False):
        body.append(f"{part}, classes = take(classes, {literal(amount)})")
        names[part] = f"np.sort({part})"
    if cut.folds:
        body.append(no_fold_line(subject, "len(targets)"))
        body += taken_folds(amounts[len(names) :], cut)
    else:
        body.append("train = np.concatenate(classes)")
        names["train"] = "np.sort(train)"
    place = "part and fold" if cut.folds else "part"
    how = f"Each class gives the same share of its examples to each {place}."
    code = function(
        head(subject, "targets"),
        about(subject, how),
        [*body, *returned(subject, names)],
    )
    take = _SIMPLE_TAKE if simple else _LISTED_TAKE
    return joined([take, code] if cut.drawn else [code])


def _sets(subject: Subject, sets: np.ndarray, argument: str) -> str:
    """Write a split in which whole sets of examples with the same inputs are drawn."""
    cut, split, rest = cut_of(subject), subject.plan.split, rest_lines(subject)
    within = ", ".join(f"{name}[rest]" for name in argument.split(", "))
    body = [random_line(subject), *rest, *([f"{argument} = {within}"] if rest else [])]
    body += ["first = np.sort(np.unique(sets, return_index=True)[1])  # one each"]
    body += (
        [
            "classes = [",
            "    random.permutation(first[targets[first] == code])",
            f"    for code in {_class_order(subject, of_rest=True)}",
            "]",
        ]
        if split.stratify
        else ["classes = [random.permutation(first)]"]
    )
    pool = np.sort(cut.pool)
    least = min(part_sizes(len(pool), split.shares))
    if np.unique(sets[pool], return_counts=True)[1].max() > least:
        body += [
            f"# Sets of more than {least:,} rows go where there is room for them.",
            f"large = np.bincount(sets)[sets] > {least}",
            'classes = [r[np.argsort(large[r], kind="stable")] for r in classes]',
        ]
    body.append(comment(told_shares(subject), 1))
    counts = [_sets_of_classes(subject, sets, pool, rows) for rows in cut.drawn]
    names = {}
    for part, amount in zip(cut.parts, counts, strict=False):
        body.append(literal(amount, 1, f"{part}, classes = take(classes, ", ")"))
        names[part] = part
    if cut.folds:
        whole = "np.isin(sets, sets[ROWS])"
        body.append(no_fold_line(subject, "len(sets)"))
        body += taken_folds(
            counts[len(names) :], cut, f"rest[{whole}]" if rest else whole
        )
    else:
        body.append("train = np.concatenate(classes)")
        names["train"] = "train"
    for part in names:
        whole = f"np.flatnonzero(np.isin(sets, sets[{part}]))"
        body.append(f"{part} = {f'rest[{whole}]' if rest else whole}")
    how = "Examples with the same inputs stay together."
    code = function(
        head(subject, argument), about(subject, how), [*body, *returned(subject, names)]
    )
    return joined([_LISTED_TAKE, code])


def _sets_of_classes(
    subject: Subject, sets: np.ndarray, pool: np.ndarray, rows: np.ndarray
) -> list[int]:
    """Count the sets of a part; one number for each class, in their order."""
    first = np.sort(pool[np.unique(sets[pool], return_index=True)[1]])
    first = first[np.isin(sets[first], sets[rows])]
    if not subject.plan.split.stratify:
        return [len(first)]
    values = subject.target.values
    return [int((values[first] == value).sum()) for value in np.unique(values[pool])]


def _class_order(subject: Subject, *, of_rest: bool = False) -> str:
    """Return the order in which the classes draw their random numbers.

    Args:
        subject: The run.
        of_rest: Whether `targets` are of the rows alone that are divided.
    """
    values = subject.target.values
    every = np.arange(len(values))
    rest = np.setdiff1d(
        every,
        np.concatenate([*subject.given.values(), []]).astype(int),
    )
    distinct = np.unique(values[rest], return_index=True)[1]
    names = subject.target.texts(rest[distinct])
    codes = [subject.classes.index(name) for name in names]
    if codes == list(range(len(subject.classes))):
        return "range(len(CLASSES))"
    everything = dict.fromkeys(subject.target.texts(rest if of_rest else every))
    if [subject.classes.index(name) for name in everything] == codes:
        return "dict.fromkeys(targets.tolist())"
    return literal(codes)


def _class_counts(subject: Subject) -> tuple[list[list[int]], bool]:
    """Return how many rows of each class each draw takes, and whether `take` does so.

    The classes stand in the order in which they draw. `take` leaves out what only
    matters where a class has hardly any rows.
    """
    values, cut = subject.target.values, cut_of(subject)
    pool = cut.pool
    distinct = np.unique(values[pool])
    sizes = np.array([(values[pool] == value).sum() for value in distinct])
    counts, simple = [], True
    for place, rows in enumerate(cut.drawn):
        own = [int((values[rows] == value).sum()) for value in distinct]
        counts.append(own)
        quota = sizes * (len(rows) / sizes.sum())
        plain = np.floor(quota).astype(int)
        most = np.argsort(plain - quota, kind="stable")[: len(rows) - plain.sum()]
        plain[most] += 1
        simple &= plain.tolist() == own
        reserve = len(cut.drawn) - place
        simple &= own == apportion(sizes, len(rows), reserve).tolist()
        sizes = sizes - own
    return counts, bool(simple)
