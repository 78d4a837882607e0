"""From specs to optimizers."""

import inspect
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, TypeVar, assert_never

import torch
from torch import nn

from torchsmith.core.errors import PlanError
from torchsmith.nn.muon import MuonWithAdamW
from torchsmith.plan import optimizers
from torchsmith.plan.optimizers import Group, Optimizer

MARKED_FOR_COMPILING = (
    "step",
    "zero_grad",
    "add_param_group",
    "state_dict",
    "load_state_dict",
)
"""Methods that PyTorch marks for `torch.compile`, which it imports when one is called.

That takes as long as importing torch itself, and nothing here is compiled by it.
"""

Kind = TypeVar("Kind", bound=torch.optim.Optimizer)
Named = Iterable[tuple[str, nn.Parameter]]
"""Parameters with their names, as `nn.Module.named_parameters` gives them."""


def build_optimizer(spec: Optimizer, named_parameters: Named) -> torch.optim.Optimizer:
    """Build an optimizer; `fused` where PyTorch has it, which is one call a step.

    Args:
        spec: The plan's `optimizer` section; its fields are PyTorch's arguments.
        named_parameters: What it changes, `network.named_parameters()`.

    Raises:
        PlanError: A group has no parameters, or `Muon` no matrices.
    """
    named = list(named_parameters)
    if isinstance(spec, optimizers.Muon):
        return _build_muon(spec, named)
    parameters = parameter_groups(named, spec.groups)
    arguments = spec.arguments
    fused = all(p.is_floating_point() for _, p in named)  # not of complex numbers
    match spec:
        case optimizers.SGD():
            return unmarked(torch.optim.SGD)(parameters, **arguments, fused=fused)
        case optimizers.Adam():
            return unmarked(torch.optim.Adam)(parameters, **arguments, fused=fused)
        case optimizers.AdamW():
            return unmarked(torch.optim.AdamW)(parameters, **arguments, fused=fused)
        case optimizers.RMSprop():
            return unmarked(torch.optim.RMSprop)(parameters, **arguments, foreach=True)
        case optimizers.Adagrad():
            return unmarked(torch.optim.Adagrad)(parameters, **arguments, foreach=True)
        case optimizers.Adadelta():
            return unmarked(torch.optim.Adadelta)(parameters, **arguments, foreach=True)
        case optimizers.NAdam():
            return unmarked(torch.optim.NAdam)(parameters, **arguments, foreach=True)
        case optimizers.RAdam():
            return unmarked(torch.optim.RAdam)(parameters, **arguments, foreach=True)
        case _:
            assert_never(spec)


def planned_rate(spec: Optimizer, named_parameters: Named) -> float:
    """Return the rate that a schedule begins from, of the group that a run records.

    That is the first group; where `groups` name all parameters, it is one of theirs,
    and the optimizer's own rate is nobody's.

    Args:
        spec: The plan's `optimizer` section.
        named_parameters: What it changes, `network.named_parameters()`.

    Raises:
        PlanError: A group has no parameters, or `Muon` no matrices.
    """
    return float(build_optimizer(spec, named_parameters).param_groups[0]["lr"])


def unmarked(kind: type[Kind]) -> type[Kind]:
    """Return an optimizer's class with the methods that PyTorch wrapped in marks."""
    methods = {
        name: inspect.unwrap(getattr(kind, name)) for name in MARKED_FOR_COMPILING
    }
    methods["step"] = torch.no_grad()(methods["step"])
    names = {"__module__": kind.__module__, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), methods | names)


def _build_muon(
    spec: optimizers.Muon, named: list[tuple[str, nn.Parameter]]
) -> torch.optim.Optimizer:
    matrices = [(name, p) for name, p in named if p.ndim == 2]
    others = [(name, p) for name, p in named if p.ndim != 2]
    if not matrices:
        raise PlanError(
            "optimizer: Muon changes matrices, and this network has none; use AdamW"
        )
    muon = unmarked(torch.optim.Muon)(
        parameter_groups(matrices, spec.groups), **spec.arguments
    )
    if not others:
        return muon
    own = parameter_groups(others, spec.others.groups, "optimizer.others.groups")
    adamw = unmarked(torch.optim.AdamW)(own, **spec.others.arguments, fused=True)
    return unmarked(MuonWithAdamW)(muon, adamw)


def parameter_groups(
    named: list[tuple[str, nn.Parameter]],
    groups: tuple[Group, ...],
    where: str = "optimizer.groups",
) -> list[dict[str, Any]]:
    """Sort parameters into groups by their names; the first match wins.

    Args:
        named: Parameters with their names.
        groups: Patterns of names, with arguments of their own.
        where: The groups stand in the plan.

    Returns:
        As PyTorch's optimizers take them: first the parameters that no pattern matches,
        if there are any, then those of each pattern.

    Raises:
        PlanError: A pattern matches nothing; names some parameters that there are.
    """
    left, sorted_out = named, []
    for place, group in enumerate(groups):
        taken = [(name, p) for name, p in left if fnmatchcase(name, group.params)]
        if not taken:
            raise PlanError(_no_match(f"{where}.{place}", group.params, named))
        left = [(name, p) for name, p in left if not fnmatchcase(name, group.params)]
        sorted_out.append({"params": [p for _, p in taken], **group.arguments})
    rest = [{"params": [p for _, p in left]}] if left else []
    return [*rest, *sorted_out]


def _no_match(group: str, pattern: str, named: list[tuple[str, nn.Parameter]]) -> str:
    where = f"{group}.params: '{pattern}'"
    matched = [name for name, _ in named if fnmatchcase(name, pattern)]
    if matched:
        return f"{where} matches only what a group above has; move it up, or remove it"
    names = ", ".join(name for name, _ in named[:6])
    more = ", …" if len(named) > 6 else ""
    return f"{where} matches no parameter; there are: {names}{more}"
