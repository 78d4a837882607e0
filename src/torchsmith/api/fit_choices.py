"""What `fit` takes as an object of PyTorch, by its name, or as a choice of a plan."""

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

import torch
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from torch import nn
from torch.optim.lr_scheduler import (
    CyclicLR,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
)

from torchsmith.core.errors import PlanError, nearest
from torchsmith.core.record import Record
from torchsmith.core.spec import Spec, members
from torchsmith.core.wording import listed
from torchsmith.nn.losses import ClassTargets, LossFunction, build_loss
from torchsmith.nn.optimizers import build_optimizer
from torchsmith.nn.schedules import build_schedule
from torchsmith.plan.losses import Loss
from torchsmith.plan.optimizers import Optimizer
from torchsmith.plan.other_names import key_hint, spec_names
from torchsmith.plan.plan import Training
from torchsmith.plan.schedules import Interval, Schedule, interval_of
from torchsmith.plan.wrong import fault

Section = TypeVar("Section", bound=Record)

GivenSchedule = (
    LRScheduler | tuple[LRScheduler, Interval] | str | Mapping[str, Any] | Spec | None
)
"""A schedule of PyTorch, perhaps with when it is stepped, or a choice of a plan."""


def section_settings(kind: type[Section], given: Any, what: str) -> Section:  # noqa: ANN401
    """Return a section of a plan, such as `stopping`, given as such or as a mapping.

    Args:
        kind: The section.
        given: What the person gave.
        what: What to call it in messages.

    Raises:
        PlanError: There is no such key, or not with this value.
    """
    if isinstance(given, kind):
        return given
    try:
        return kind.model_validate(dict(given) if isinstance(given, Mapping) else given)
    except ValidationError as error:
        raise PlanError(f"fit: {_wrong_key(kind, error.errors()[0], what)}") from error


def _wrong_key(kind: type[Record], first: ErrorDetails, what: str) -> str:
    """Say what is wrong with one key of a section, or with the section itself."""
    where, takes = ".".join(map(str, (what, *first["loc"]))), list(kind.model_fields)
    if first["type"] == "value_error":
        return f"{where}: {first['ctx']['error']}"
    why = fault(first)
    if first["type"] == "extra_forbidden":
        why = f"unknown key{key_hint(str(first['loc'][-1]), takes)}"
    elif first["loc"]:
        return f"{where}: {why}"
    return f"{where}: {why}; it takes {', '.join(takes)}".replace("?;", "?")


def with_device_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with a `torch.device` as the name that a plan has for it."""
    return {
        key: str(value) if isinstance(value, torch.device) else value
        for key, value in settings.items()
    }


def training_settings(
    training: Training | Mapping[str, Any] | None, settings: Mapping[str, Any]
) -> Training:
    """Return the settings of `training`, with those that are given one by one.

    Raises:
        PlanError: There is no such setting, or not with this value.
    """
    unknown = [key for key in settings if key not in Training.model_fields]
    if unknown:
        names = list(Training.model_fields)
        hint = key_hint(unknown[0], names) or f"; there are: {', '.join(names)}"
        raise PlanError(f"fit: there is no setting {unknown[0]!r}{hint}")
    base: Mapping[str, Any] = {}
    if training is not None:
        if isinstance(training, Mapping):
            training = with_device_names(training)
        base = section_settings(Training, training, "training").model_dump()
    try:
        return Training.model_validate({**base, **with_device_names(settings)})
    except ValidationError as error:
        first = error.errors()[0]
        raise PlanError(f"fit: {first['loc'][0]}: {fault(first)}") from error


def choice(
    kind: Any,  # noqa: ANN401 -- any union of specs
    value: Any,  # noqa: ANN401 -- what a person gives
    what: str,
    besides: str = " an object of PyTorch (not its class), or",
) -> Any:  # noqa: ANN401 -- a member of the union
    """Return a choice as in a plan: a name, or a mapping from one to its arguments.

    Args:
        kind: A union of specs, such as `Loss`.
        value: What the person gave.
        what: What to call it in messages.
        besides: What else may be given, for messages.

    Raises:
        PlanError: There is no such choice, or it does not take these arguments.
    """
    specs = {member.spec_name(): member for member in members(kind)}
    names = list(specs)
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        found = error.errors()
        # A key that is called otherwise here is missing, too: its name says more.
        unknown = (each for each in found if each["type"] == "extra_forbidden")
        first = next(unknown, found[0])
        name = next(iter(value), "") if isinstance(value, Mapping) else value
        if name not in names:
            other = spec_names(getattr(name, "__name__", str(name)), names)
            hint = f"; write '{other[0]}', or" if other else nearest(str(name), names)
            shown = type(name).__name__ if isinstance(name, nn.Module) else repr(name)
            raise PlanError(
                f"fit: unknown {what} {shown}{hint or ';'} give{besides} one of: "
                f"{', '.join(names)}"
            ) from error
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            owner = next(part for part in reversed(first["loc"][:-1]) if part in specs)
            allowed = list(specs[str(owner)].model_fields)
            hint = key_hint(str(first["loc"][-1]), allowed)
            why = f"unknown key{hint}; it takes {', '.join(allowed)}"
            raise PlanError(f"fit: {what} {where}: {why}".replace("?;", "?")) from error
        why = fault(first)
        if first["type"] == "value_error":
            why = f"{first['ctx']['error']}, got {first['input']!r}"
        raise PlanError(f"fit: {what} {where}: {why}") from error


def chosen_loss(
    loss: LossFunction | str | Mapping[str, Any] | Spec, device: torch.device
) -> LossFunction:
    """Return the loss that a person gave or named, on the device.

    Raises:
        PlanError: There is no such loss.
    """
    if isinstance(loss, type) or not callable(loss):
        loss = build_loss(choice(Loss, loss, "loss"))
    if isinstance(loss, nn.BCELoss):
        loss = ClassTargets(loss)  # which says what is wrong in a person's words
    return loss.to(device) if isinstance(loss, nn.Module) else loss


def chosen_optimizer(
    optimizer: torch.optim.Optimizer | str | Mapping[str, Any] | Spec,
    module: nn.Module,
    loss: LossFunction,
) -> torch.optim.Optimizer:
    """Return the optimizer that a person gave or named.

    Raises:
        PlanError: There is no such optimizer, or it is of another module, or has
            parameters that neither the module nor the loss holds.
    """
    if isinstance(optimizer, list | tuple):
        raise PlanError(
            f"fit: takes one optimizer, and there are {len(optimizer)}; give one with "
            "several groups of parameters, and networks that take turns, as in a GAN, "
            "a loop of their own"
        )
    if not isinstance(optimizer, torch.optim.Optimizer):
        spec = choice(Optimizer, optimizer, "optimizer")
        return build_optimizer(spec, module.named_parameters())
    own = {id(p) for p in module.parameters()}
    given = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if not own & given:
        raise PlanError(
            "fit: the optimizer has none of the module's parameters; make it with "
            "module.parameters() of this very module"
        )
    if isinstance(loss, nn.Module):
        own |= {id(p) for p in loss.parameters()}
    changed = [p for group in optimizer.param_groups for p in group["params"]]
    if strangers := [tuple(p.shape) for p in changed if id(p) not in own]:
        what = (
            f"fit: {len(strangers)} of the optimizer's {len(changed)} parameters (the "
            f"first has the shape {strangers[0]}) belong neither to the module nor to "
            "the loss, so no checkpoint would hold them; "
        )
        lacked = [n for n, p in module.named_parameters() if id(p) not in given]
        if lacked:
            raise PlanError(
                f"{what}and it lacks {listed(lacked)}. If a layer was replaced after "
                "the optimizer was made, make the optimizer after that"
            )
        raise PlanError(
            f"{what}make them parameters of the module, or of a loss that is an "
            "nn.Module"
        )
    if why := _step_lacks(optimizer):
        raise PlanError(
            f"fit: {type(optimizer).__name__} cannot be stepped without arguments "
            f"({why}), and fit computes the loss once in each step; give another "
            "optimizer, such as torch.optim.AdamW"
        )
    if any("lr" not in group for group in optimizer.param_groups):
        raise PlanError(
            f"fit: {type(optimizer).__name__} has a group of parameters without 'lr', "
            "which fit records in each epoch; put it into the optimizer's defaults, "
            "such as {'lr': 1.0}"
        )
    return optimizer


def _step_lacks(stepped: torch.optim.Optimizer | LRScheduler) -> str:
    """Say which argument `step` cannot do without; nothing where there is none."""
    try:
        inspect.signature(type(stepped).step).bind(stepped)
    except TypeError as error:
        return str(error)
    return ""


def chosen_schedule(
    schedule: GivenSchedule,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    steps: int,
) -> tuple[LRScheduler | None, Interval]:
    """Return the schedule that a person gave or named, and when it is stepped.

    Raises:
        PlanError: There is no such schedule, it is of another optimizer, or it cannot
            be stepped when the person says.
    """
    if schedule is None:
        return None, "epoch"
    given, interval = schedule, None
    if isinstance(given, tuple):
        given, interval = _with_interval(given)
    if isinstance(given, LRScheduler):
        if given.optimizer is not optimizer:
            raise PlanError(
                "fit: the schedule belongs to another optimizer; make both, and give "
                "both"
            )
        why = _step_lacks(given)
        if why and not isinstance(given, ReduceLROnPlateau):
            raise PlanError(
                f"fit: {type(given).__name__} cannot be stepped without arguments "
                f"({why}), and only ReduceLROnPlateau is told a score; make it a "
                "subclass of that, or give another schedule"
            )
        return given, interval or _usual_interval(given)
    spec = choice(Schedule, schedule, "schedule")
    return build_schedule(spec, optimizer, epochs, steps), interval_of(spec)


def _with_interval(given: tuple[Any, ...]) -> tuple[LRScheduler, Interval]:
    """Return a schedule of PyTorch and when a person wants it to be stepped."""
    kinds = [type(each).__name__ for each in given]
    if len(given) != 2 or not isinstance(given[0], LRScheduler):
        raise PlanError(
            f"fit: schedule: ({', '.join(kinds)}) is no schedule and its interval; "
            "write (schedule, 'step') with an object of torch.optim.lr_scheduler, or "
            "{'LinearLR': {'interval': 'step'}}"
        )
    schedule, interval = given
    if interval not in get_args(Interval):
        raise PlanError(
            f"fit: schedule: {kinds[0]} is stepped once an 'epoch' or once a 'step', "
            f"not {interval!r}"
        )
    if isinstance(schedule, ReduceLROnPlateau) and interval == "step":
        raise PlanError(
            "fit: schedule: ReduceLROnPlateau looks at what is known after an epoch; "
            "leave 'step' out"
        )
    return schedule, interval


def _usual_interval(schedule: LRScheduler) -> Interval:
    """Return when PyTorch's documentation wants a schedule to be stepped."""
    members = getattr(schedule, "_schedulers", ())  # that it steps itself
    by_step = isinstance(schedule, OneCycleLR | CyclicLR)
    if by_step or any(_usual_interval(each) == "step" for each in members):
        return "step"
    return "epoch"
