"""What of a plan only its data shows to be impossible, without training it."""

from collections.abc import Mapping

from torchsmith.core.observer import Observer
from torchsmith.data.data import Data
from torchsmith.data.split import split_rows
from torchsmith.plan.plan import Plan


def check_on_data(
    plan: Plan, data: Data, settings: Mapping[str, object], observer: Observer
) -> None:
    """Refuse a split, steps and a network that the data cannot have.

    Only those that settings ask for: what is chosen by itself goes with the data, and a
    plan is made sooner than PyTorch is loaded.

    Args:
        plan: Has the settings.
        data: All examples.
        settings: What the person asked for, by dotted path.
        observer: Is told what is going on.

    Raises:
        DataError: The data cannot be split or prepared as planned.
        PlanError: The network, or a column of the split, does not fit the data.
    """
    asked = {path.partition(".")[0] for path in settings}
    if asked.isdisjoint({"split", "prepare", "network"}):
        return
    observer.stage("Checking the plan on the data")
    parts = split_rows(data, plan.split, plan.data.columns)
    if asked.isdisjoint({"prepare", "network"}):
        return
    from torchsmith.train.setup import fit_planned, initial_network

    initial_network(plan, fit_planned(plan, data, parts.train))
