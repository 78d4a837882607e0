"""What Torchsmith would do by itself where the fault of a finding may lie."""

from collections.abc import Mapping

from pydantic import JsonValue

from torchsmith.core.errors import PlanError
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import set_values
from torchsmith.plan.text import document

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "D3": ("prepare",),
    "D4": ("prepare",),
    "D5": ("loss",),
    "P1": ("optimizer schedule",),
    "P2": ("optimizer schedule",),
    "P3": ("stopping", "averaging"),
    "P4": ("training.batch_size",),
    "P5": ("network loss",),
    "P6": ("network",),
    "P7": ("network", "optimizer", "augment"),
    "P10": ("augment",),
    "P11": ("network",),
    "P12": ("optimizer",),
    "P13": ("schedule",),
    "C6": ("averaging", "network"),
    "C9": ("network",),
    "C10": ("init", "network"),
    "C12": ("loss",),
    "T1": ("optimizer schedule",),
    "T2": ("optimizer schedule", "init", "network"),
    "T3": ("init", "network"),
    "T4": ("optimizer schedule", "init", "network"),
    "T5": ("init", "network"),
    "T6": ("optimizer schedule", "network"),
    "T7": ("optimizer schedule", "training.batch_size", "stopping"),
    "T8": ("stopping", "network", "optimizer", "augment"),
}
"""Where the fault of each code may lie, and what is then set, together, as Torchsmith
would by itself."""

WHOLE = (
    "prepare augment network init loss optimizer schedule averaging stopping "
    "training.epochs training.batch_size training.clip_grad_norm"
)
"""All that decides how well a network learns."""

_LISTS = ("prepare", "augment", "init", "robustness")


def as_usual(
    plan: Plan, default: Plan, sections: str
) -> tuple[dict[str, JsonValue], Plan] | None:
    """Return settings that make sections of a plan those of the default, and that plan.

    What of the default stands and falls with another of its sections, such as weight
    decay of a part of its network, is left out where that is not taken over.

    Args:
        plan: To be changed.
        default: What Torchsmith would do with the data by itself.
        sections: Names, with a space between; a setting right below one has a point.

    Returns:
        None where they do not fit what the person chose elsewhere.
    """
    ours, names = document(plan), sections.split()
    theirs = _fitting(document(default), ours, names)
    changes: dict[str, JsonValue] = {}
    for name in names:
        if (value := _standing(theirs, name)) != _standing(ours, name):
            changes[name] = value
    try:
        return changes, set_values(plan, changes)
    except PlanError:
        return None


def _fitting(
    theirs: Mapping[str, JsonValue], ours: Mapping[str, JsonValue], names: list[str]
) -> Mapping[str, JsonValue]:
    """Return the default as far as it fits where only some of its sections are taken.

    A network that reads computed features needs the step that computes them, and groups
    of an optimizer need the parameters of their own network.
    """
    content = dict(theirs)
    if "prepare" not in names and theirs.get("prepare") != ours.get("prepare"):
        content["network"] = _without(theirs["network"], "features", "SequenceNet")
    network = content["network"] if "network" in names else ours["network"]
    if network != theirs["network"]:
        content["optimizer"] = _without(theirs["optimizer"], "groups")
    return content


def _without(spec: JsonValue, name: str, only: str = "") -> JsonValue:
    """Return a spec, or only one of a kind, without one of its arguments."""
    if not isinstance(spec, dict):
        return spec
    return {
        kind: {key: value for key, value in given.items() if key != name}
        if isinstance(given, dict) and only in ("", kind)
        else given
        for kind, given in spec.items()
    }


def _standing(content: Mapping[str, JsonValue], name: str) -> JsonValue:
    """Return a section, or a setting right below one; what is left out is empty."""
    section, _, below = name.partition(".")
    value = content.get(section, [] if section in _LISTS else None)
    return value[below] if below and isinstance(value, dict) else value
