"""Steps 1 to 3 of the flow: read, inspect, plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchsmith.core.observer import Observer
from torchsmith.data import load as reading
from torchsmith.data.data import Data
from torchsmith.inspect.examine import inspect as examine
from torchsmith.inspect.inspection import Inspection
from torchsmith.plan.check import check
from torchsmith.plan.decide import decide
from torchsmith.plan.machine import measure
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import set_values

QUIET = Observer()

Source = str | Path | Data | Any
"""A path, the name of a set, `Data`, a data frame, or a pair of arrays (X, y)."""


@dataclass(frozen=True)
class Planned:
    """A plan with what it was made from."""

    data: Data
    inspection: Inspection
    plan: Plan
    default: Plan


def load(
    source: Source, *, target: str | None = None, observer: Observer = QUIET
) -> Data:
    """Read a table, images, or a built-in or downloadable set.

    Args:
        source: A path, the name of a set such as `"digits"`, a data frame, or arrays.
        target: The column to predict; built-in sets and images know theirs.
        observer: Is told what is going on.

    Raises:
        DataError: The source cannot be read as asked; says where and what to do.

    >>> len(load("iris"))
    150
    """
    if isinstance(source, Data):
        return source
    return reading.load(source, target=target, observer=observer)


def inspect(
    source: Source, *, target: str | None = None, observer: Observer = QUIET
) -> Inspection:
    """Find out what the data is, and what a careful person would notice about it.

    Args:
        source: As for `load`.
        target: The column to predict; without it, what needs a target is left out.
        observer: Is told what is going on.

    Raises:
        DataError: The source cannot be read.

    >>> inspect("iris").target.task
    'multiclass'
    """
    return examine(load(source, target=target, observer=observer), observer)


def plan(
    source: Source,
    *,
    target: str | None = None,
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
        PlanError: A setting does not exist or does not fit.

    >>> plan("iris").problem.metric
    'accuracy'
    """
    return make_plan(
        load(source, target=target, observer=observer), budget, settings, observer
    ).plan


def make_plan(
    data: Data,
    budget: float | None = None,
    settings: Mapping[str, object] | None = None,
    observer: Observer = QUIET,
) -> Planned:
    """Inspect data and plan for it, keeping what the plan was made from."""
    observer.stage(f"Inspecting {data.source}")
    inspection = examine(data, observer)
    default = decide(inspection, measure(), budget)
    chosen = set_values(default, settings) if settings else default
    check(chosen)
    return Planned(data, inspection, chosen, default)
