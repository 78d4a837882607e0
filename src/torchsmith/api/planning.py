"""Steps 1 to 3 of the flow: read, inspect, plan."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

from torchsmith.api.budget import require_budget
from torchsmith.api.feasible import check_on_data
from torchsmith.api.inspected import check_fingerprint
from torchsmith.core.errors import DataError, PlanError, nearest
from torchsmith.core.observer import QUIET, Observer
from torchsmith.core.vocabulary import WORDS, ColumnRole, Kind, Metric, Task
from torchsmith.data import load as reading
from torchsmith.data.data import MISSING_TARGET, Data, Series
from torchsmith.inspect.examine import inspect as examine
from torchsmith.inspect.inspection import Inspection
from torchsmith.plan.decide import decide
from torchsmith.plan.design import Pace
from torchsmith.plan.design_tables import has_few_groups
from torchsmith.plan.machine import Machine, machine_for, measure
from torchsmith.plan.other_names import why_not_here
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import (
    as_divided,
    asked_settings,
    asked_splits,
    set_values,
)

FEW_MISSING = 0.05
"""Of the rows may lack a target and are left out without being asked."""

Source = str | Path | Data | Any
"""A path, the name of a set, `Data`, a data frame, or a pair of arrays (X, y)."""


_READING = ("kind", "id", "time", "window", "drop_missing_target", "skip_damaged")
"""What of a plan's `data` says how a source is read."""

_OF_VAL = ("split", "split.val", "network")
"""Settings with which a default plan has no folds."""

_IN_MEMORY = ("rows", "columns", "arrays", "texts")
"""What sources are called that are no files."""


@dataclass(frozen=True)
class Anew:
    """What a plan was made with that was not there before.

    Attributes:
        machine: That was measured.
        settings: That the person asked for.
    """

    machine: Machine
    settings: Mapping[str, object]


@dataclass(frozen=True)
class Planned:
    """A plan with what it was made from.

    Attributes:
        data: All examples.
        inspection: What is known about them.
        plan: What is to be done.
        default: What Torchsmith would do by itself.
        anew: How the plan was made for this very run; None for one that was given.
    """

    data: Data
    inspection: Inspection
    plan: Plan
    default: Plan
    anew: Anew | None = None


def load(
    source: Source,
    *,
    target: str | int | None = None,
    settings: Mapping[str, object] | None = None,
    observer: Observer = QUIET,
) -> Data:
    """Read a table, images, sequences, volumes, or a built-in or downloadable set.

    Args:
        source: A path, the name of a set such as `"digits"`, a data frame, or arrays.
        target: The column to predict; built-in sets and images know theirs.
        settings: How to read it, such as `{"data.kind": "sequences"}`.
        observer: Is told what is going on.

    Raises:
        DataError: The source cannot be read as asked; says where and what to do.
        PlanError: A setting says nothing about reading.

    >>> len(load("iris"))
    150
    """
    known = [f"data.{name}" for name in _READING]
    settings = asked_settings(settings)
    for path in settings:
        if path not in known and not path.startswith("data.columns."):
            why = why_not_here(path.rpartition(".")[2], (), of_spec=False)
            near = f"; {why}" if why else nearest(path, known)
            raise PlanError(
                f"{path}: says nothing about how data is read{near}"
                f"; what does is {', '.join(known)} and data.columns.NAME"
            )
    return _read(source, target, settings, observer)


def inspect(
    source: Source,
    *,
    target: str | int | None = None,
    settings: Mapping[str, object] | None = None,
    observer: Observer = QUIET,
) -> Inspection:
    """Find out what the data is, and what a careful person would notice about it.

    Args:
        source: As for `load`.
        target: The column to predict; without it, what needs a target is left out.
        settings: As for `load`.
        observer: Is told what is going on.

    Raises:
        DataError: The source cannot be read.
        PlanError: A setting says nothing about reading.

    >>> inspect("iris").target.task
    'multiclass'
    """
    data = load(source, target=target, settings=settings, observer=observer)
    return examine(data, observer, roles=asked_roles(settings or {}))


def plan(
    source: Source,
    *,
    target: str | int | None = None,
    budget: float | None = None,
    settings: Mapping[str, object] | None = None,
    observer: Observer = QUIET,
) -> Plan:
    """Choose a plan for the data, with a reason for every choice.

    Args:
        source: As for `load`.
        target: The column to predict; built-in sets and images know theirs.
        budget: Seconds for the whole run, 180 where not given.
        settings: Values to set by dotted path, such as `{"training.epochs": 3}`.
        observer: Is told what is going on.

    Raises:
        DataError: The source cannot be read, or cannot be learned from.
        PlanError: A setting does not exist, or does not fit the others or the data.

    >>> plan("iris").problem.metric
    'accuracy'
    """
    planned = make_plan(
        source, target=target, budget=budget, settings=settings, observer=observer
    )
    check_on_data(planned.plan, planned.data, settings or {}, observer)
    return planned.plan


def _read(
    source: Source,
    target: str | int | None,
    settings: Mapping[str, object],
    observer: Observer,
) -> Data:
    """Read a source as the settings say.

    A few rows without a target are left out, which the plan then says; more than that
    is refused, unless the settings ask for it.
    """
    target = reading.target_name(target)
    if isinstance(source, Data):
        return _with_target(reading.load(source, series=_series(settings)), target)
    roles = asked_roles(settings)
    asked = _truth(settings, "data.drop_missing_target")
    skip = _truth(settings, "data.skip_damaged")
    kind = settings.get("data.kind")
    if kind is not None:
        _one_of(kind, "data.kind", get_args(Kind))

    def read(*, drop: bool, told: Observer = observer) -> Data:
        return reading.load(
            source,
            target=target,
            roles=roles,
            drop_missing_target=drop,
            skip_damaged=skip is True,
            kind=cast("Kind | None", kind),
            series=_series(settings),
            observer=told,
        )

    if asked is False:
        return _of_kind(read(drop=False), kind)
    data = _of_kind(read(drop=True), kind)
    dropped = sum(c.count for c in data.changes if c.what == MISSING_TARGET)
    many = dropped >= FEW_MISSING * (dropped + len(data))
    if asked is None and dropped and many:
        return read(drop=False, told=QUIET)  # refused, with the places
    return data


def _of_kind(data: Data, kind: object) -> Data:
    """Refuse data that is not of the kind that was asked for."""
    if kind not in (None, data.kind):
        raise DataError(
            f"{data.source}: data.kind is {kind}, but it holds {WORDS[data.kind]}; "
            "leave data.kind out"
        )
    return data


def _with_target(data: Data, target: str | None) -> Data:
    """Refuse to take another column as the target of data that was read already."""
    own = None if data.target is None else data.target.name
    if target not in (None, own):
        raise DataError(
            f"{data.source}: was loaded with the target {own!r}, not {target!r}; load "
            f"it again with target={target!r}"
        )
    return data


def asked_roles(settings: Mapping[str, object]) -> dict[str, ColumnRole]:
    """Return the roles of columns that the settings ask for."""
    roles: dict[str, ColumnRole] = {}
    for path, role in settings.items():
        name = path.removeprefix("data.columns.")
        if name != path:
            roles[name] = cast("ColumnRole", _one_of(role, path, get_args(ColumnRole)))
    return roles


def _series(settings: Mapping[str, object]) -> Series | None:
    """Return how the settings say that the rows of a table make sequences."""
    names = {name: settings.get(f"data.{name}") for name in ("id", "time")}
    window = str(settings.get("data.window", 0))
    if not window.isdecimal():
        raise PlanError(f"data.window: must be a number of rows, got {window!r}")
    if not any(names.values()) and not int(window):
        return None
    known = {name: str(value) for name, value in names.items() if value is not None}
    return Series.model_validate({**known, "window": int(window)})


def _truth(settings: Mapping[str, object], path: str) -> bool | None:
    """Return what a setting says that is needed before there is a plan."""
    if path not in settings:
        return None
    return _one_of(str(settings[path]).lower(), path, ("true", "false")) == "true"


def _one_of(value: object, path: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise PlanError(
            f"{path}: must be one of {', '.join(allowed)}, got {str(value)!r}"
            f"{nearest(str(value), allowed)}"
        )
    return str(value)


def make_plan(
    source: Source,
    *,
    target: str | int | None = None,
    budget: float | None = None,
    settings: Mapping[str, object] | None = None,
    observer: Observer = QUIET,
) -> Planned:
    """Read, inspect and plan, keeping what the plan was made from."""
    settings = asked_settings(settings)
    _refuse_other_data(settings)
    require_budget(budget)
    data = _read(source, target, settings, observer)
    asked = settings.get("problem.task")
    if asked is not None:
        _one_of(asked, "problem.task", get_args(Task))
    inspection = examine(
        data,
        observer,
        task=cast("Task | None", asked),
        roles=asked_roles(settings),
    )
    machine = measure(settings.get("training.device", "auto"))
    default, chosen = decide_with(settings, inspection, machine, budget)
    return Planned(data, inspection, chosen, default, Anew(machine, settings))


def decide_with(
    settings: Mapping[str, object],
    inspection: Inspection,
    machine: Machine,
    budget: float | None = None,
    pace: Pace | None = None,
) -> tuple[Plan, Plan]:
    """Return what `decide` chooses, and the same with settings.

    A small table has folds where they go with the settings. A network of the person's
    own is trained as it is. The metric that is asked for decides of the loss, and by
    what the rows are to be divided of what else divides them.

    Raises:
        PlanError: A setting does not exist or does not fit.
    """
    facts, machine = as_divided(inspection, settings), machine_for(settings, machine)
    asked, metric = asked_splits(settings), asked_metric(settings)
    decided = partial(decide, facts, machine, budget, pace, metric=metric, asked=asked)
    if settings.keys().isdisjoint(_OF_VAL):
        with suppress(PlanError):  # What is wrong without folds too is told below.
            default = decided()
            chosen = set_values(default, settings)
            split = chosen.split
            if not (split.num_folds and has_few_groups(inspection, split.group)):
                return default, chosen
    default = decided(folds=False)
    return default, set_values(default, settings)


def asked_metric(settings: Mapping[str, object]) -> Metric | None:
    """Return the metric that settings ask for, if there is one of this name."""
    asked = settings.get("problem.metric")
    return next((name for name in get_args(Metric) if name == asked), None)


def _refuse_other_data(settings: Mapping[str, object]) -> None:
    """Refuse settings that name other data than what is read for the plan."""
    if "problem.target" in settings:
        raise PlanError(
            "problem.target: cannot be set while the plan is made; name the column "
            "with --target (target= in Python)"
        )
    for path in ("data.source", "data.fingerprint"):
        if path in settings:
            raise PlanError(
                f"{path}: cannot be set while the plan is made; name the source "
                "itself, or change the plan file"
            )
    for path in ("data", "data.columns", "problem"):
        if path in settings:
            raise PlanError(f"{path}: set its values one by one: {path}.NAME=VALUE")


def is_in_memory(plan: Plan) -> bool:
    """Whether a plan was made of data in memory; a path of the same name wins."""
    return plan.data.source in _IN_MEMORY and not Path(plan.data.source).exists()


def load_planned(
    plan: Plan,
    observer: Observer = QUIET,
    source: Source | None = None,
    *,
    resumes: bool = False,
) -> Data:
    """Read the data that a plan names, as the plan says.

    Args:
        plan: Says what to read and how.
        observer: Is told what is going on.
        source: The same data from somewhere else, such as arrays in memory.
        resumes: Whether training on it has begun.

    Raises:
        DataError: It is not there, does not fit the plan, or is not the same any more.
    """
    if source is None and is_in_memory(plan):
        raise DataError(
            f"the plan was made of {plan.data.source} in memory, which it does not "
            "hold, and no file or folder is called so; train on these themselves, with "
            "the plan's values as settings, or save them as a file first"
        )
    data = reading.load(
        plan.data.source if source is None else source,
        target=plan.problem.target,
        roles=plan.data.columns,
        drop_missing_target=plan.data.drop_missing_target,
        skip_damaged=plan.data.skip_damaged,
        kind=plan.data.kind,
        series=plan.data.series,
        observer=observer,
    )
    check_fingerprint(plan, data, resumes=resumes)
    return _of_kind(data, plan.data.kind)
