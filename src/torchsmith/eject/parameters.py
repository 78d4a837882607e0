"""Parameters by patterns of their names, in a script whose names may be longer."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from torchsmith.core.errors import PlanError
from torchsmith.eject.code import bracketed, function, literal, quoted
from torchsmith.eject.subject import Subject
from torchsmith.nn.picture_table import PictureTableNet
from torchsmith.nn.sequences import SequenceNet
from torchsmith.nn.tabular import PiecewiseLinearEmbedding, TabularMLP

_DEPTH = 7
"""Of a group of parameters, in a list of an optimizer, after its name."""

_OF_FOLD = re.compile(r"networks\.[^.]+\.")
_PARTS = (("categories.", "embeddings."), ("mlp.", "layers."))

SELECT = function(
    "select(network, pattern, but=())",
    "Return the parameters whose names fit a pattern, but none of the others.",
    [
        "return [\n    parameter\n"
        "    for name, parameter in network.named_parameters()\n"
        "    if fnmatchcase(name, pattern)\n"
        "    and not any(fnmatchcase(name, other) for other in but)\n]"
    ],
)


def script_name(subject: Subject, name: str) -> str:
    """Return what a parameter of the run's network is called in the script."""
    network = subject.one_network
    if subject.plan.split.num_folds and (found := _OF_FOLD.match(name)):
        return found[0] + _name_within(network, name.removeprefix(found[0]))
    return _name_within(network, name)


def _name_within(network: nn.Module, name: str) -> str:
    if isinstance(network, PictureTableNet):
        network, name = network.table, name.removeprefix("table.")
    if isinstance(network, SequenceNet):
        return name
    if not isinstance(network, TabularMLP):
        return f"layers.{name}"
    bins = isinstance(network.numbers, PiecewiseLinearEmbedding)
    for ours, theirs in (("numbers.", "bins." if bins else "waves."), *_PARTS):
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    return name


def script_pattern(subject: Subject, pattern: str) -> str:
    """Return the pattern that fits the same parameters in the script.

    It is the same where that fits the same; else it is longer, or lists the names.
    """
    names = [name for name, _ in subject.network.named_parameters()]
    wanted = {script_name(subject, n) for n in names if fnmatchcase(n, pattern)}
    everything = [script_name(subject, name) for name in names]
    longer = [script_name(subject, pattern), f"layers.{pattern}", f"*.{pattern}"]
    for candidate in (pattern, *longer):
        if {name for name in everything if fnmatchcase(name, candidate)} == wanted:
            return candidate
    return ""


def condition(subject: Subject, pattern: str) -> str:
    """Return the expression that tells whether a parameter's `name` fits."""
    found = script_pattern(subject, pattern)
    if found:
        return f"fnmatchcase(name, {quoted(found)})"
    names = [
        script_name(subject, name)
        for name, _ in subject.network.named_parameters()
        if fnmatchcase(name, pattern)
    ]
    return f"name in {literal(names, 2)}"


def selection(subject: Subject, pattern: str, but: Sequence[str]) -> str:
    """Return the call of `select` for the parameters of a group.

    Raises:
        PlanError: There is no pattern for them in the script.
    """
    found, *others = (_certain_pattern(subject, p) for p in (pattern, *but))
    items = ["network", quoted(found)]
    if but:
        items.append(literal(others, _DEPTH, "but="))
    return bracketed("select(", items, ")", _DEPTH)


def _certain_pattern(subject: Subject, pattern: str) -> str:
    found = script_pattern(subject, pattern)
    if not found:
        raise PlanError(
            f"optimizer.groups: the names of a script's parameters are longer, and no "
            f"pattern there fits what '{pattern}' fits; write a simpler one, such as "
            "'*.bias'"
        )
    return found
