"""Splitting examples into train, val and test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from torchsmith.core.errors import DataError, PlanError, nearest
from torchsmith.core.record import Record
from torchsmith.core.seeds import LARGEST_SEED, generator
from torchsmith.core.vocabulary import ColumnRole, Part
from torchsmith.data.cutting import (
    cut_classes,
    cut_groups,
    cut_groups_of_classes,
    cut_times,
    join_sets,
    part_sizes,
)
from torchsmith.data.data import Column, Data, Sequences, Table
from torchsmith.data.same import input_keys

Share = Annotated[float, Field(gt=0, lt=1)]


class Folds(Record):
    """Every example that is not tested is learned from, and validates.

    They are divided into folds, and as many networks are trained as one. Each learns
    from all folds but one, and what it says of that one is its part of the validation.
    Afterwards their outputs are averaged.

    Attributes:
        folds: How many.
    """

    folds: int = Field(ge=2, le=20)


class Split(Record):
    """How the examples are divided; the plan's `split` section.

    Attributes:
        test: `given` where the source comes with a test part, else the share to hold
            out.
        val: `given` where the source comes with a val part, else the share of what is
            not test; or `folds: 5`, so that all of that is trained on and validates,
            for tables.
        stratify: Keep the share of each class the same in all parts; of groups, as
            far as whole groups allow.
        group: A column whose equal values stay in one part (a person, a device); of
            sequences, what is known of each besides.
        time: A column by which rows are ordered; val and test are the latest.
        keep_together: Examples with the same inputs stay in one part of those that
            are not given.
        drop_shared: Leave out of `train` what has the same inputs as an example of
            `val` or `test`, and out of `val` what has those of one of `test`.
        seed: Draws the parts.
    """

    test: Literal["given"] | Share = 0.2
    val: Literal["given"] | Share | Folds = 0.15
    stratify: bool = False
    group: str | None = None
    time: str | None = None
    keep_together: bool = False
    drop_shared: bool = False
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)

    @property
    def num_folds(self) -> int:
        """How many networks each leave a fold out; 0 where there is a val part."""
        return self.val.folds if isinstance(self.val, Folds) else 0

    @property
    def shares(self) -> list[float]:
        """What each draw takes of what those before it leave; of folds all but one."""
        shares = [] if self.test == "given" else [self.test]
        if isinstance(self.val, Folds):
            return [*shares, *(1 / left for left in range(self.val.folds, 1, -1))]
        return shares if self.val == "given" else [*shares, self.val]


@dataclass(frozen=True)
class Parts:
    """Row numbers of each part, each sorted, none in two parts but with folds.

    Attributes:
        train: To learn from.
        val: To choose the best epoch by; with folds the same rows as `train`.
        test: Read once, at the end.
        folds: The fold of each row of `train`, from 0; None without.
    """

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    folds: np.ndarray | None = None

    @property
    def apart(self) -> dict[Part, np.ndarray]:
        """The parts by name; with folds without `val`, which is `train`."""
        val: dict[Part, np.ndarray] = {"val": self.val} if self.folds is None else {}
        return {"train": self.train, **val, "test": self.test}


def contradiction(spec: Split) -> str:
    """Say which settings of a split exclude each other, or return an empty string."""
    asked = {
        "time": spec.time,
        "group": spec.group,
        "stratify": spec.stratify,
        "keep_together": spec.keep_together,
    }
    if spec.num_folds and (spec.time or spec.drop_shared):
        other = "time" if spec.time else "drop_shared"
        return f"folds and {other} cannot be combined; set val to a share, such as 0.15"
    chosen = [name for name, value in asked.items() if value]
    if len(chosen) < 2 or not spec.time:
        return ""
    return f"{' and '.join(chosen)} cannot be combined; keep one of them"


Roles = Mapping[str, ColumnRole]
_NO_ROLES: Roles = {}


def split_rows(data: Data, spec: Split, roles: Roles = _NO_ROLES) -> Parts:
    """Divide the rows of a source; the same data and spec give the same parts.

    A share is of the rows that are still to be divided, rounded to whole rows, and no
    part is empty. With `stratify` every class with at least three rows is in each part
    where the shares leave room. Where a part is given, rows that the source puts into
    no part stay out. A window of a table in time is in the part of its target; its rows
    may reach back into an earlier part, whose values are known by then.

    Args:
        data: The source, with targets where `stratify` is asked.
        spec: The split section of the plan.
        roles: The plan's `data.columns`: what is ignored is no input, by which rows
            would be told apart.

    Returns:
        Row numbers.

    Raises:
        DataError: Too few rows, groups or times; a class with one row; a group or time
            that is missing in some rows; a given part that the source does not have.
        PlanError: A column that does not exist, or settings that exclude each other.
    """
    if problem := contradiction(spec):
        raise PlanError(f"split: {problem}")
    rest = np.arange(len(data))
    test = val = np.empty(0, np.int64)
    if "given" in (spec.test, spec.val):
        given = _given(data, spec)
        rest = np.flatnonzero(given >= 0)
        if spec.test == "given":
            test, rest = rest[given[rest] == 2], rest[given[rest] != 2]
        if spec.val == "given":
            val, rest = rest[given[rest] == 1], rest[given[rest] != 1]
    keys = None
    if spec.keep_together or spec.drop_shared:
        keys = input_keys(data.inputs, roles)
    cut = _cut(data, spec, rest, spec.shares, keys)
    if spec.test != "given":
        test = cut.pop(0)
    if spec.num_folds:
        return _folded(cut, np.sort(test))
    if spec.val != "given":
        val = cut.pop(0)
    parts = Parts(train=cut[0], val=np.sort(val), test=np.sort(test))
    if keys is None or not spec.drop_shared:
        return parts
    return _without_shared(keys, parts)


def _folded(folds: Sequence[np.ndarray], test: np.ndarray) -> Parts:
    rows = np.concatenate(folds)
    numbers = np.repeat(np.arange(len(folds)), [len(fold) for fold in folds])
    order = np.argsort(rows)
    train = rows[order]
    return Parts(train=train, val=train, test=test, folds=numbers[order])


def _without_shared(keys: np.ndarray, parts: Parts) -> Parts:
    val = parts.val[~np.isin(keys[parts.val], keys[parts.test])]
    held_out = np.concatenate([parts.val, parts.test])
    train = parts.train[~np.isin(keys[parts.train], keys[held_out])]
    for name, rows, before in (("train", train, parts.train), ("val", val, parts.val)):
        if len(before) and not len(rows):
            raise DataError(
                f"split.drop_shared: all {len(before)} examples of the {name} part "
                "have the same inputs as one of a later part; nothing is left of it: "
                "give parts of different examples, or set split.drop_shared: false"
            )
    return Parts(train=train, val=val, test=parts.test)


def hold_out(
    data: Data, spec: Split, share: float, roles: Roles = _NO_ROLES
) -> tuple[np.ndarray, np.ndarray]:
    """Divide all rows into two parts, by the group, time or classes of a split.

    Args:
        data: The source, with targets where `stratify` is asked.
        spec: Says by what to divide; its own shares and given parts are not looked at.
        share: Of the rows to hold out, rounded to whole rows, at least one.
        roles: As for `split_rows`.

    Returns:
        The rows that are left, and the rows that are held out.

    Raises:
        DataError: Too few rows, groups or times; a class with one row.
        PlanError: A column that does not exist, or settings that exclude each other.
    """
    if problem := contradiction(spec):
        raise PlanError(f"split: {problem}")
    keys = input_keys(data.inputs, roles) if spec.keep_together else None
    held_out, left = _cut(data, spec, np.arange(len(data)), [share], keys)
    return left, held_out


def _given(data: Data, spec: Split) -> np.ndarray:
    given = np.full(len(data), -1) if data.given is None else data.given
    for name, asked, code in (("test", spec.test, 2), ("val", spec.val, 1)):
        if asked == "given" and not (given == code).any():
            raise DataError(
                f"split.{name}: {data.source} does not come with a {name} part; "
                f"write a share, such as {name}: 0.2"
            )
    return given


def _cut(
    data: Data,
    spec: Split,
    rows: np.ndarray,
    shares: Sequence[float],
    inputs: np.ndarray | None,
) -> list[np.ndarray]:
    """Cut off one sorted part for each share, one after the other; the rest is last."""
    counts = part_sizes(len(rows), shares)
    if not shares:
        return [rows]
    random = generator(spec.seed, "split")
    codes = _classes(data, rows) if spec.stratify else np.zeros(len(rows), np.int64)
    sets = None
    if spec.keep_together and inputs is not None:
        sets = np.unique(inputs[rows], return_inverse=True)[1]
    if spec.group is not None:
        keys = _keys(data, "group", spec.group, rows, len(shares) + 1)
        if sets is not None:
            keys = join_sets(keys, sets)
            _refuse_few(int(keys.max()) + 1, len(shares) + 1, "groups without copies")
        parts = (
            cut_groups_of_classes(keys, codes, counts, random)
            if spec.stratify
            else cut_groups(keys, counts, random)
        )
    elif spec.time is not None:
        keys = _keys(data, "time", spec.time, rows, len(shares) + 1)
        parts = cut_times(keys, counts)
    else:
        parts = cut_classes(codes, counts, random, sets)
        if sets is not None:
            what = "different examples" + (" of each class" if spec.stratify else "")
            _refuse_few(sum(len(part) > 0 for part in parts), len(parts), what)
    return [np.sort(rows[part]) for part in parts]


def _refuse_few(found: int, num_parts: int, what: str) -> None:
    if found < num_parts:
        raise DataError(
            f"split.keep_together: too few {what} to make {num_parts} parts of them; "
            "set split.keep_together: false, or add data"
        )


def _keys(
    data: Data,
    setting: Literal["group", "time"],
    name: str,
    rows: np.ndarray,
    num_parts: int,
) -> np.ndarray:
    """Return `(len(rows),)` whole numbers, equal where the column is, in its order."""
    columns = _columns(data, setting)
    column = columns.get(name)
    if column is None:
        raise PlanError(
            f"split.{setting}: no column '{name}'{nearest(name, columns)}"
            f"; the columns are {', '.join(columns)}"
        )
    if setting == "time" and column.kind not in ("date", "number"):
        raise PlanError(
            f"split.time: column '{name}' holds {column.kind}; only dates and numbers "
            "have an order in time"
        )
    _refuse_missing(column, data, rows[column.missing[rows]], len(rows), setting)
    distinct, keys = np.unique(column.values[rows], return_inverse=True)
    if len(distinct) < num_parts:
        folded = num_parts > len(("train", "val", "test"))
        less = "set split.val to a share" if folded else f"remove split.{setting}"
        raise DataError(
            f"column '{name}': {len(distinct)} distinct values are too few for "
            f"{num_parts} parts; {less}, or add data"
        )
    return keys


def _columns(data: Data, setting: str) -> Mapping[str, Column]:
    if isinstance(data.inputs, Table) or (
        isinstance(data.inputs, Sequences) and data.inputs.columns
    ):
        return data.inputs.columns
    held = (
        "sequences of which nothing else is known" if data.kind == "sequences" else ""
    )
    raise PlanError(
        f"split.{setting}: {data.source} holds {held or data.kind}, not columns"
    )


def _refuse_missing(
    column: Column, data: Data, missing: np.ndarray, num_rows: int, setting: str
) -> None:
    if not len(missing):
        return
    noun = data.inputs.noun
    raise DataError(
        f"column '{column.name}': no value in {len(missing)} of {num_rows} {noun}s "
        f"({data.inputs.places(missing)}); split.{setting} needs one in every {noun}: "
        f"fill them in, remove the {noun}s, or split another way"
    )


def _classes(data: Data, rows: np.ndarray) -> np.ndarray:
    """Return `(len(rows),)` class codes without gaps; every class has two rows."""
    target = data.target
    if target is None:
        raise PlanError("split.stratify: there is no target; set stratify: false")
    if target.missing[rows].any():
        raise DataError(
            f"target '{target.name}': {target.missing[rows].sum()} rows have no value; "
            "leave them out with data.drop_missing_target: true"
        )
    _, codes, sizes = np.unique(
        target.values[rows], return_inverse=True, return_counts=True
    )
    lonely = rows[np.isin(codes, np.flatnonzero(sizes == 1))]
    if len(lonely):
        names = target.texts(lonely)
        shown = ", ".join(
            f"class '{name}' has one example ({data.inputs.name(row)})"
            for name, row in zip(names[:5], lonely.tolist(), strict=False)
        )
        more = f" and {len(names) - 5} classes more" if len(names) > 5 else ""
        raise DataError(
            f"target '{target.name}': {shown}{more}; a class needs at least 2 to be "
            "both learned and tested: remove it or merge it with another"
        )
    return codes
