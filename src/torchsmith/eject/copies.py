"""The part of a script that tells which examples have the same inputs."""

from dataclasses import dataclass, replace

import numpy as np

from torchsmith.core.errors import PlanError
from torchsmith.data.data import Images
from torchsmith.data.same import compared_columns, input_keys
from torchsmith.data.split import Parts, split_rows
from torchsmith.eject.code import function, quoted
from torchsmith.eject.subject import Subject
from torchsmith.eject.table_reading import used_formats

_OF_ROWS = function(
    "number_sets(table)",
    "Number the rows; those with the same inputs have the same number.",
    [
        "columns = [np.unique(c, return_inverse=True)[1] for c in table.values()]",
        "return np.unique(columns, axis=1, return_inverse=True)[1].ravel()",
    ],
)
_OF_ARRAYS = function(
    "number_sets(examples)",
    "Number the examples; those with the same inputs have the same number.",
    [
        "keys = [blake2b(one.tobytes()).hexdigest() for one in examples]",
        "return np.unique(keys, return_inverse=True)[1]",
    ],
)
_WITHOUT_SHARED = function(
    "without_shared(sets, train, val, test)",
    "Leave out of train what is in val or test too, and out of val what is in test.",
    [
        "held_out = sets[np.concatenate([val, test])]",
        "train = train[~np.isin(sets[train], held_out)]",
        "return train, val[~np.isin(sets[val], sets[test])], test",
    ],
)


@dataclass(frozen=True)
class Copies:
    """What a script does about examples with the same inputs.

    Attributes:
        cut: The run with its parts as they were before shared examples were left out.
        sets: `(N,)` equal for examples with the same inputs, where they are kept
            together, else None.
        code: Functions.
        before, after: Statements around the split.
    """

    cut: Subject
    sets: np.ndarray | None = None
    code: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def copies_of(subject: Subject) -> Copies:
    """Look at what examples with the same inputs change about a split.

    Raises:
        PlanError: A script cannot tell which examples have the same inputs.
    """
    spec = subject.plan.split
    if not (spec.keep_together or spec.drop_shared):
        return Copies(subject)
    cut = _cut_as(subject, drop_shared=False)
    leaves_out = _differ(subject, cut)
    apart = _cut_as(cut, keep_together=False)
    # Groups are listed in the script, joined or not.
    together = spec.keep_together and spec.group is None and _differ(cut, apart)
    if not (leaves_out or together):
        return Copies(cut)
    code, argument = _numbering(subject)
    sets = None
    if together:
        keys = input_keys(subject.data.inputs, subject.plan.data.columns)
        sets = np.unique(keys, return_inverse=True)[1]
    return Copies(
        cut=cut,
        sets=sets,
        code=(code, *((_WITHOUT_SHARED,) if leaves_out else ())),
        before=(f"sets = number_sets({argument})",),
        after=("train, val, test = without_shared(sets, train, val, test)",)
        if leaves_out
        else (),
    )


def _cut_as(subject: Subject, **changes: bool) -> Subject:
    spec = subject.plan.split.model_copy(update=changes)
    parts = split_rows(subject.data, spec, subject.plan.data.columns)
    return replace(subject, parts=parts)


def _differ(one: Subject, other: Subject) -> bool:
    pairs = zip(_rows_of(one.parts), _rows_of(other.parts), strict=True)
    return not all(np.array_equal(ours, theirs) for ours, theirs in pairs)


def _rows_of(parts: Parts) -> list[np.ndarray]:
    return [parts.train, parts.val if parts.folds is None else parts.folds]


def _numbering(subject: Subject) -> tuple[str, str]:
    """Return the function that numbers sets, and what it is called with."""
    if subject.is_table:
        return _OF_ROWS, _inputs(subject)
    inputs = subject.data.inputs
    name = {"images": "pixels", "volumes": "voxels", "sequences": "sequences"}
    if isinstance(inputs, Images) and inputs.pixels is None:
        raise PlanError(
            "split.keep_together, split.drop_shared: a script cannot tell which "
            "picture files are the same; remove the copies from the data, train on "
            "that, and eject that run"
        )
    return _OF_ARRAYS, name[subject.data.kind]


def _inputs(subject: Subject) -> str:
    """Return the columns by which rows are told apart: not those only split by."""
    roles, split = subject.plan.data.columns, subject.plan.split
    others = [
        form.name
        for form in used_formats(subject)
        if form.name in (split.group, split.time) and roles.get(form.name) == "ignore"
    ]
    used = {form.name for form in used_formats(subject)} - {*others}
    conditions = [f"n != {quoted(name)}" for name in others]
    if len(compared_columns(used, roles)) < len(used):
        conditions.append("n not in TEXTS")
    if not conditions:
        return "table"
    return f"{{n: c for n, c in table.items() if {' and '.join(conditions)}}}"
