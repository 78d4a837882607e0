"""The part of a script that divides the examples into train, val and test."""

from collections.abc import Sequence

import numpy as np

from torchsmith.data.cutting import apportion
from torchsmith.data.data import Column, Sequences, Table
from torchsmith.data.split import part_sizes
from torchsmith.eject.code import Section, comment, function, joined, literal, quoted
from torchsmith.eject.copies import copies_of
from torchsmith.eject.subject import Subject
from torchsmith.eject.window_reading import is_windows, split_windows
from torchsmith.eject.wording import number_text, ordinal_share

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


def split_section(subject: Subject) -> Section:
    """Write how the examples are divided, as the plan's `split` section says.

    Raises:
        PlanError: A script cannot tell which examples have the same inputs.
    """
    copies = copies_of(subject)
    subject = copies.cut
    split = subject.plan.split
    if is_windows(subject):
        code, argument = split_windows(subject), "begins, ends"
    elif split.group is not None:
        code, argument = _groups(subject), "groups"
        if subject.is_table:
            argument = f"table[{quoted(split.group)}]"
    elif split.time is not None:
        code, argument = _times(subject), "times"
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
    return Section(
        title="Split",
        about=(
            "Training learns from one part, validation chooses the best epoch, and the "
            "test part is looked at once, at the end."
        ),
        code=joined([*copies.code, code]),
        steps=(
            *copies.before,
            f"train, val, test = split({arguments})",
            *copies.after,
        ),
    )


def cut_parts(subject: Subject) -> dict[str, int]:
    """Return how many rows each part takes that the source does not give."""
    parts = {"test": subject.parts.test, "val": subject.parts.val}
    return {n: len(rows) for n, rows in parts.items() if n not in subject.given}


def _random(subject: Subject) -> str:
    seed = subject.plan.split.seed
    if seed == subject.plan.training.seed:
        return 'random = generator("split")'
    return f'random = generator("split", seed={seed})'


def _rest(subject: Subject) -> list[str]:
    """Return the statement that takes off what the source gives, if it does."""
    given = [f"is_{part}" for part in subject.given]
    if not given:
        return []
    return [
        f"rest = np.flatnonzero(~({' | '.join(given)}))"
        if len(given) > 1
        else f"rest = np.flatnonzero(~{given[0]})"
    ]


def _returned(subject: Subject, names: dict[str, str]) -> str:
    found = {part: f"np.flatnonzero(is_{part})" for part in subject.given}
    found |= names
    return f"return {found['train']}, {found['val']}, {found['test']}"


def _head(subject: Subject, argument: str) -> str:
    return f"split({', '.join([argument, *(f'is_{p}' for p in subject.given)])})"


def _about(subject: Subject, how: str) -> str:
    given = "".join(
        f" The {part} part is the one that the data comes with."
        for part in subject.given
    )
    return f"Return the rows of train, val and test.\n{how}{given}"


def _plain(subject: Subject) -> str:
    parts = cut_parts(subject)
    rest = _rest(subject)
    body = [_random(subject), *rest]
    size = "len(rest)" if rest else "num_rows"
    body.append(f"order = random.permutation({size})")
    names, begin = {}, 0
    for part, count in parts.items():
        end = begin + count
        names[part] = f"order[{begin or ''}:{end}]"
        begin = end
    names["train"] = f"order[{begin}:]" if begin else "order"
    if not parts:
        return function(
            _head(subject, "num_rows"),
            _about(subject, "").rstrip("\n"),
            [*rest, _returned(subject, {"train": "rest"})],
        )
    lines = [comment(_shares(subject), 1)]
    kept = {}
    for part, taken in names.items():
        source = f"np.sort({taken})"
        lines.append(f"{part} = {'rest[' + source + ']' if rest else source}")
        kept[part] = part
    how = "The rows are shuffled, then cut."
    return function(
        _head(subject, "num_rows"),
        _about(subject, how),
        [*body, *lines, _returned(subject, kept)],
    )


def _shares(subject: Subject) -> str:
    split = subject.plan.split
    told = []
    if split.test != "given":
        told.append(f"{ordinal_share(split.test)} for the test")
    if split.val != "given":
        of = " of the rest" if told else ""
        told.append(f"{ordinal_share(split.val)}{of} for validation")
    return f"{', '.join(told)}; what is left is trained on.".capitalize()


def _classes(subject: Subject) -> str:
    parts = cut_parts(subject)
    counts, simple = class_counts(subject)
    rest = _rest(subject)
    chosen = "targets[rest] == code" if rest else "targets == code"
    where = f"np.flatnonzero({chosen})"
    source = (
        f"rest[random.permutation({where})]"
        if rest
        else (f"random.permutation({where})")
    )
    order = _class_order(subject)
    body = [
        _random(subject),
        *rest,
        f"classes = [\n    {source}\n    for code in {order}\n]"
        if len(source) + len(order) > 45
        else f"classes = [{source} for code in {order}]",
    ]
    if parts:
        body.append(comment(_shares(subject), 1))
    names = {}
    for part, count in parts.items():
        amount = str(count) if simple else literal(counts[part])
        body.append(f"{part}, classes = take(classes, {amount})")
        names[part] = f"np.sort({part})"
    body.append("train = np.concatenate(classes)")
    names["train"] = "np.sort(train)"
    how = "Each class gives the same share of its examples to each part."
    code = function(
        _head(subject, "targets"),
        _about(subject, how),
        [*body, _returned(subject, names)],
    )
    return joined([_SIMPLE_TAKE if simple else _LISTED_TAKE, code] if parts else [code])


def _sets(subject: Subject, sets: np.ndarray, argument: str) -> str:
    """Write a split in which whole sets of examples with the same inputs are drawn."""
    parts = {name: getattr(subject.parts, name) for name in cut_parts(subject)}
    split, rest = subject.plan.split, _rest(subject)
    within = ", ".join(f"{name}[rest]" for name in argument.split(", "))
    body = [_random(subject), *rest, *([f"{argument} = {within}"] if rest else [])]
    body += ["first = np.sort(np.unique(sets, return_index=True)[1])  # one each"]
    body += (
        [
            "classes = [",
            "    random.permutation(first[targets[first] == code])",
            f"    for code in {_class_order(subject)}",
            "]",
        ]
        if split.stratify
        else ["classes = [random.permutation(first)]"]
    )
    pool = np.concatenate([*parts.values(), subject.parts.train])
    shares = [s for s in (split.test, split.val) if s != "given"]
    least = min(part_sizes(len(pool), shares))
    if np.unique(sets[pool], return_counts=True)[1].max() > least:
        body += [
            f"# Sets of more than {least:,} rows go where there is room for them.",
            f"large = np.bincount(sets)[sets] > {least}",
            'classes = [r[np.argsort(large[r], kind="stable")] for r in classes]',
        ]
    body.append(comment(_shares(subject), 1))
    for part, rows in parts.items():
        counts = _sets_of_classes(subject, sets, np.sort(pool), rows)
        body.append(literal(counts, 1, f"{part}, classes = take(classes, ", ")"))
    body.append("train = np.concatenate(classes)")
    names = {}
    for part in (*parts, "train"):
        whole = f"np.flatnonzero(np.isin(sets, sets[{part}]))"
        body.append(f"{part} = {f'rest[{whole}]' if rest else whole}")
        names[part] = part
    how = "Examples with the same inputs stay together."
    head, about = _head(subject, argument), _about(subject, how)
    code = function(head, about, [*body, _returned(subject, names)])
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


def _class_order(subject: Subject) -> str:
    """Return the order in which the classes draw their random numbers."""
    values = subject.target.values
    rest = np.setdiff1d(
        np.arange(len(values)),
        np.concatenate([*subject.given.values(), []]).astype(int),
    )
    distinct = np.unique(values[rest], return_index=True)[1]
    names = subject.target.texts(rest[distinct])
    codes = [subject.classes.index(name) for name in names]
    if codes == list(range(len(subject.classes))):
        return "range(len(CLASSES))"
    everything = dict.fromkeys(subject.target.texts())
    if [subject.classes.index(name) for name in everything] == codes:
        return "dict.fromkeys(targets.tolist())"
    return literal(codes)


def class_counts(subject: Subject) -> tuple[dict[str, list[int]], bool]:
    """Return how many rows of each class each part takes, and whether `take` does so.

    The classes stand in the order in which they draw. `take` leaves out what only
    matters where a class has hardly any rows.
    """
    values = subject.target.values
    parts = {name: getattr(subject.parts, name) for name in cut_parts(subject)}
    pool = np.concatenate([*parts.values(), subject.parts.train])
    distinct = np.unique(values[pool])
    sizes = np.array([(values[pool] == value).sum() for value in distinct])
    counts, simple = {}, True
    for place, (name, rows) in enumerate(parts.items()):
        own = [int((values[rows] == value).sum()) for value in distinct]
        counts[name] = own
        quota = sizes * (len(rows) / sizes.sum())
        plain = np.floor(quota).astype(int)
        most = np.argsort(plain - quota, kind="stable")[: len(rows) - plain.sum()]
        plain[most] += 1
        simple &= plain.tolist() == own
        simple &= own == apportion(sizes, len(rows), len(parts) - place).tolist()
        sizes = sizes - own
    return counts, bool(simple)


def _times(subject: Subject) -> str:
    parts = cut_parts(subject)
    total = sum(parts.values()) + len(subject.parts.train)
    cuts, end = {}, total
    for part, count in parts.items():
        cuts[part], end = (end - count, end), end - count
    rest = _rest(subject)
    values = "times[rest]" if rest else "times"
    body = [*rest, f'order = np.argsort({values}, kind="stable")']
    body += ["order = rest[order]"] if rest else []
    names = {
        part: f"np.sort(order[{begin}:{last if last < total else ''}])"
        for part, (begin, last) in cuts.items()
    }
    names["train"] = f"np.sort(order[:{end}])"
    body += [comment(_shares(subject), 1)] if parts else []
    body += [f"{part} = {source}" for part, source in names.items()]
    how = "The latest rows are for the test, those before them for validation; rows "
    how += "of one time are in one part."
    return function(
        _head(subject, "times"),
        _about(subject, how),
        [*body, _returned(subject, {part: part for part in names})],
    )


def _groups(subject: Subject) -> str:
    split = subject.plan.split
    inputs = subject.data.inputs
    if not isinstance(inputs, Table | Sequences):
        raise TypeError(subject.name)
    column = inputs.columns[split.group or ""]
    parts = {name: getattr(subject.parts, name) for name in cut_parts(subject)}
    body = []
    names = {}
    for part, rows in parts.items():
        held = list(dict.fromkeys(_as_read(column.take(rows))))
        body.append(literal(held, 1, f"{part} = np.isin(groups, ", ")"))
        names[part] = f"np.flatnonzero({part})"
    given = [f"is_{part}" for part in subject.given]
    held_out = " | ".join([*parts, *given])
    body.append(f"train = ~({held_out})")
    names["train"] = "np.flatnonzero(train)"
    how = f"All rows of one {number_text(split.group or '')} are in one part. "
    units = ", in seconds since 1970," if column.kind == "date" else ""
    how += f"Those below{units} were drawn at random; all others are trained on."
    return function(
        _head(subject, "groups"),
        _about(subject, how),
        [*body, _returned(subject, names)],
    )


def _as_read(column: Column) -> Sequence[str | float]:
    """Return values as the script's table holds them, whole numbers without a point."""
    if column.kind == "text":
        return column.texts()
    values = column.values
    if column.kind == "date":
        values = values.astype("datetime64[s]").astype(np.float64)
    return [int(n) if n.is_integer() else n for n in values.tolist()]
