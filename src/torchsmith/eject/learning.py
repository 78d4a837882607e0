"""The optimizer and the learning-rate schedule of a script."""

import re
from fnmatch import fnmatchcase
from inspect import Parameter, signature
from typing import Any, assert_never

import torch
from torch.optim import lr_scheduler

from torchsmith.core.errors import PlanError
from torchsmith.eject.averaging import joins_last
from torchsmith.eject.code import Raw, bracketed, call, function, literal
from torchsmith.eject.parameters import SELECT, selection
from torchsmith.eject.subject import Subject
from torchsmith.plan import optimizers, schedules
from torchsmith.plan.optimizers import Optimizer
from torchsmith.plan.schedules import Schedule, interval_of, lr_factor, part_lengths
from torchsmith.train.batches import batch_starts


def own_arguments(made: Any, arguments: dict[str, object]) -> dict[str, object]:  # noqa: ANN401
    """Return the arguments that are not what PyTorch takes by default."""
    defaults = {n: p.default for n, p in signature(made).parameters.items()}
    return {
        name: value
        for name, value in arguments.items()
        if not _same(defaults.get(name, Parameter.empty), value)
    }


def _same(default: object, value: object) -> bool:
    return default == value and isinstance(default, bool) == isinstance(value, bool)


def optimizer_lines(subject: Subject) -> list[str]:
    """Return the statements that make the optimizer."""
    spec = subject.plan.optimizer
    match spec:
        case optimizers.SGD():
            return [_optimizer(subject, spec, torch.optim.SGD, "fused")]
        case optimizers.Adam():
            return [_optimizer(subject, spec, torch.optim.Adam, "fused")]
        case optimizers.AdamW():
            return [_optimizer(subject, spec, torch.optim.AdamW, "fused")]
        case optimizers.RMSprop():
            return [_optimizer(subject, spec, torch.optim.RMSprop, "foreach")]
        case optimizers.Adagrad():
            return [_optimizer(subject, spec, torch.optim.Adagrad, "foreach")]
        case optimizers.Adadelta():
            return [_optimizer(subject, spec, torch.optim.Adadelta, "foreach")]
        case optimizers.NAdam():
            return [_optimizer(subject, spec, torch.optim.NAdam, "foreach")]
        case optimizers.RAdam():
            return [_optimizer(subject, spec, torch.optim.RAdam, "foreach")]
        case optimizers.Muon():
            return _muon(subject, spec)
        case _:
            assert_never(spec)


def optimizer_definitions(subject: Subject) -> list[str]:
    """Return the functions and classes that the optimizer needs."""
    spec = subject.plan.optimizer
    found = []
    if spec.groups or (isinstance(spec, optimizers.Muon) and spec.others.groups):
        found.append(SELECT)
    if isinstance(spec, optimizers.Muon) and spec.groups:
        found.append(_MATRICES)
    if isinstance(spec, optimizers.Muon) and spec.others.groups:
        found.append(_OTHERS)
    if isinstance(spec, optimizers.Muon) and _has_others(subject):
        found.append(_MUON_WITH_ADAMW)
    return found


def _optimizer(subject: Subject, spec: Optimizer, function: Any, fast: str) -> str:  # noqa: ANN401
    parameters = Raw("network.parameters()")
    if spec.groups:
        parameters = _groups(subject, spec)
    return _call(spec, function, parameters, "optimizer = ", fast)


def _call(
    spec: Optimizer,
    function: Any,  # noqa: ANN401
    parameters: Raw,
    before: str,
    fast: str,
) -> str:
    arguments = own_arguments(function, spec.arguments)
    arguments.pop("lr", None)
    rate = Raw("LEARNING_RATE") if before != "adamw = " else spec.lr
    given = {"0": parameters, "lr": rate, **arguments}
    if fast:
        given[fast] = True
    return call(f"torch.optim.{spec.spec_name()}", given, 1, before)


def _groups(subject: Subject, spec: Optimizer, of: str = "") -> Raw:
    """Return the parameters by groups: those of no pattern first, as PyTorch has them.

    Args:
        subject: The run.
        spec: With groups.
        of: For Muon, the function that picks its parameters.
    """
    patterns = [group.params for group in spec.groups]
    items = []
    if _rest(subject, patterns, of):
        items.append({"params": Raw(_select(subject, "*", patterns, of))})
    for place, group in enumerate(spec.groups):
        chosen = _select(subject, group.params, patterns[:place], of)
        items.append({"params": Raw(chosen), **group.arguments})
    return Raw(literal(items, 2))


def _select(subject: Subject, pattern: str, but: list[str], of: str) -> str:
    source = selection(subject, pattern, but)
    return bracketed(f"{of}(", [source], ")", 7) if of else source


def _rest(subject: Subject, patterns: list[str], of: str) -> bool:
    """Whether there are parameters that fit no pattern."""
    return any(
        not any(fnmatchcase(name, pattern) for pattern in patterns)
        for name, p in subject.network.named_parameters()
        if not of or (p.ndim == 2) == (of == "matrices")
    )


_MATRICES = function(
    "matrices(parameters)",
    "Return the parameters of two dimensions.",
    ["return [parameter for parameter in parameters if parameter.ndim == 2]"],
)
_OTHERS = function(
    "others(parameters)",
    "Return the parameters that are no matrices.",
    ["return [parameter for parameter in parameters if parameter.ndim != 2]"],
)
_MUON_WITH_ADAMW = '''\
class MuonWithAdamW(torch.optim.Optimizer):
    """Muon for the matrices of a network and AdamW for all else, as one optimizer."""

    def __init__(self, muon, adamw):
        self.both = (muon, adamw)
        groups = [*muon.param_groups, *adamw.param_groups]
        super().__init__(groups, {"momentum": muon.defaults["momentum"]})

    def step(self, closure=None):
        for optimizer in self.both:
            optimizer.step()'''


def _has_others(subject: Subject) -> bool:
    return any(p.ndim != 2 for p in subject.network.parameters())


def _muon(subject: Subject, spec: optimizers.Muon) -> list[str]:
    matrices = Raw("[p for p in network.parameters() if p.ndim == 2]")
    if spec.groups:
        matrices = _groups(subject, spec, "matrices")
    if not _has_others(subject):
        return [_call(spec, torch.optim.Muon, matrices, "optimizer = ", "")]
    others = Raw("[p for p in network.parameters() if p.ndim != 2]")
    if spec.others.groups:
        others = _groups(subject, spec.others, "others")
    return [
        _call(spec, torch.optim.Muon, matrices, "muon = ", ""),
        _call(spec.others, torch.optim.AdamW, others, "adamw = ", "fused"),
        "optimizer = MuonWithAdamW(muon, adamw)",
    ]


def schedule_lines(subject: Subject) -> list[str]:
    """Return the statements that make the schedule; none where the rate stays."""
    spec = subject.plan.schedule
    if spec is None:
        return []
    length, count = Raw("EPOCHS"), subject.plan.training.epochs
    if interval_of(spec) == "step":
        length, count = Raw("num_steps"), _num_steps(subject)
    lines = []
    if _needs_length(spec) and interval_of(spec) == "step":
        lines.append(f"num_steps = EPOCHS * {steps_per_epoch(subject)}")
    return [*lines, _schedule(subject, spec, length, count, 1, "schedule = ")]


def _num_steps(subject: Subject) -> int:
    training = subject.plan.training
    batches = len(batch_starts(len(subject.parts.train), training.batch_size))
    return training.epochs * -(-batches // training.accumulate)


def steps_per_epoch(subject: Subject) -> str:
    """Return the expression of the optimizer steps in an epoch."""
    batches = "math.ceil(len(train_set) / BATCH_SIZE)"
    if joins_last(subject):
        batches = "((len(train_set) - 1) // BATCH_SIZE)"
    if subject.plan.training.accumulate == 1:
        return batches
    return f"math.ceil({batches} / ACCUMULATE)"


def _needs_length(spec: Schedule) -> bool:
    if isinstance(spec, schedules.CosineAnnealingLR):
        return spec.T_max is None
    if isinstance(spec, schedules.SequentialLR):
        return _needs_length(spec.schedulers[-1])
    return isinstance(spec, schedules.OneCycleLR)


def _schedule(
    subject: Subject,
    spec: Schedule,
    length: object,
    count: int,
    depth: int,
    before: str = "",
) -> str:
    """Return the call that makes a schedule.

    Args:
        subject: The run.
        spec: Which schedule.
        length: The expression of how often it is stepped.
        count: How often that is in the run.
        depth: How deep the statement is indented.
        before: Such as `"schedule = "`.
    """
    arguments: dict[str, object] = dict(spec)
    arguments.pop("interval", None)
    match spec:
        case schedules.LambdaLR():
            arguments = {"lr_lambda": Raw(f"lambda epoch: {_factor(spec, count)}")}
        case schedules.CosineAnnealingLR():
            arguments["T_max"] = spec.T_max or length
        case schedules.OneCycleLR():
            arguments["max_lr"] = spec.max_lr or _highest_rate(subject)
            cycles = spec.cycle_momentum and _has_momentum(subject)
            arguments["cycle_momentum"] = cycles
            arguments["total_steps"] = length
            arguments["pct_start"] = schedules.rise_of(spec, count)
        case schedules.SequentialLR():
            return _sequence(subject, spec, length, count, depth, before)
        case schedules.MultiStepLR():
            arguments["milestones"] = list(spec.milestones)
        case (
            schedules.StepLR()
            | schedules.ConstantLR()
            | schedules.LinearLR()
            | schedules.ExponentialLR()
            | schedules.PolynomialLR()
            | schedules.CosineAnnealingWarmRestarts()
            | schedules.ReduceLROnPlateau()
        ):
            pass
        case _:
            assert_never(spec)
    function = getattr(lr_scheduler, spec.spec_name())
    given = {"0": Raw("optimizer"), **own_arguments(function, arguments)}
    name = f"torch.optim.lr_scheduler.{spec.spec_name()}"
    return call(name, given, depth, before)


def _highest_rate(subject: Subject) -> Raw:
    """Return the rate of the optimizer, or of each of its groups."""
    spec = subject.plan.optimizer
    if spec.groups or (isinstance(spec, optimizers.Muon) and _has_others(subject)):
        return Raw('[group["lr"] for group in optimizer.param_groups]')
    return Raw("LEARNING_RATE")


def _has_momentum(subject: Subject) -> bool:
    """Whether the optimizer has a momentum that a schedule can cycle."""
    spec = subject.plan.optimizer
    return hasattr(spec, "betas") or getattr(spec, "momentum", 0) > 0


def _factor(spec: schedules.LambdaLR, count: int) -> str:
    """Return the expression of the rate, which PyTorch also asks after the end."""
    try:
        lr_factor(spec.lr_lambda)(count)
    except PlanError:
        return re.sub(r"\bepoch\b", f"min(epoch, {max(count - 1, 0)})", spec.lr_lambda)
    return spec.lr_lambda


def _sequence(
    subject: Subject,
    spec: schedules.SequentialLR,
    length: object,
    count: int,
    depth: int,
    before: str,
) -> str:
    parts = part_lengths(spec, count)
    lasts: list[object] = (
        [*parts[:-1], Raw(f"{length!r} - {spec.milestones[-1]}")]
        if (spec.milestones)
        else [length]
    )
    members = [
        _schedule(subject, member, last, part, depth + 2)
        for member, last, part in zip(spec.schedulers, lasts, parts, strict=True)
    ]
    given = {
        "0": Raw("optimizer"),
        "1": Raw(bracketed("[", members, "]", depth + 1)),
        "milestones": list(spec.milestones),
    }
    return call("torch.optim.lr_scheduler.SequentialLR", given, depth, before)
