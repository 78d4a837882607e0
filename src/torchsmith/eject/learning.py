"""The optimizer and the learning-rate schedule of a script."""

from inspect import Parameter, signature
from typing import Any, assert_never

import torch
from torch.optim import lr_scheduler

from torchsmith.eject.code import Raw, call
from torchsmith.eject.subject import Subject
from torchsmith.plan import optimizers, schedules
from torchsmith.plan.optimizers import Optimizer
from torchsmith.plan.schedules import Schedule, interval_of, part_lengths

FUSED = "# One fused operation changes all weights at once."


def own_arguments(function: Any, arguments: dict[str, object]) -> dict[str, object]:  # noqa: ANN401
    """Return the arguments that are not what PyTorch takes by default."""
    defaults = {n: p.default for n, p in signature(function).parameters.items()}
    return {
        name: value
        for name, value in arguments.items()
        if defaults.get(name, Parameter.empty) != value
    }


def optimizer_lines(subject: Subject) -> list[str]:
    """Return the statements that make the optimizer."""
    spec = subject.plan.optimizer
    match spec:
        case optimizers.SGD():
            return [_optimizer(spec, torch.optim.SGD, "fused")]
        case optimizers.Adam():
            return [_optimizer(spec, torch.optim.Adam, "fused")]
        case optimizers.AdamW():
            return [_optimizer(spec, torch.optim.AdamW, "fused")]
        case optimizers.RMSprop():
            return [_optimizer(spec, torch.optim.RMSprop, "foreach")]
        case optimizers.Adagrad():
            return [_optimizer(spec, torch.optim.Adagrad, "foreach")]
        case optimizers.Adadelta():
            return [_optimizer(spec, torch.optim.Adadelta, "foreach")]
        case optimizers.NAdam():
            return [_optimizer(spec, torch.optim.NAdam, "foreach")]
        case optimizers.RAdam():
            return [_optimizer(spec, torch.optim.RAdam, "foreach")]
        case optimizers.Muon():
            raise NotImplementedError
        case _:
            assert_never(spec)


def _optimizer(spec: Optimizer, function: Any, fast: str) -> str:  # noqa: ANN401
    arguments = own_arguments(function, spec.arguments)
    arguments.pop("lr", None)
    given = {
        "0": Raw("network.parameters()"),
        "lr": Raw("LEARNING_RATE"),
        **arguments,
        fast: True,
    }
    return call(f"torch.optim.{spec.spec_name()}", given, 1, "optimizer = ")


def schedule_lines(subject: Subject) -> list[str]:
    """Return the statements that make the schedule; none where the rate stays."""
    spec = subject.plan.schedule
    if spec is None:
        return []
    length = Raw("EPOCHS" if interval_of(spec) == "epoch" else "num_steps")
    lines = []
    if _needs_length(spec) and interval_of(spec) == "step":
        lines.append(f"num_steps = EPOCHS * {steps_per_epoch(subject)}")
    return [*lines, _schedule(subject, spec, length, 1, "schedule = ")]


def steps_per_epoch(subject: Subject) -> str:
    """Return the expression of the optimizer steps in an epoch."""
    rows, size = len(subject.parts.train), subject.plan.training.batch_size
    if rows > size and rows % size == 1:
        return "(len(train_set) // BATCH_SIZE)"
    return "math.ceil(len(train_set) / BATCH_SIZE)"


def _needs_length(spec: Schedule) -> bool:
    if isinstance(spec, schedules.CosineAnnealingLR):
        return spec.T_max is None
    if isinstance(spec, schedules.SequentialLR):
        return _needs_length(spec.schedulers[-1])
    return isinstance(spec, schedules.OneCycleLR)


def _schedule(
    subject: Subject, spec: Schedule, length: object, depth: int, before: str = ""
) -> str:
    arguments: dict[str, object] = dict(spec)
    arguments.pop("interval", None)
    match spec:
        case schedules.LambdaLR():
            arguments = {"lr_lambda": Raw(f"lambda epoch: {spec.lr_lambda}")}
        case schedules.CosineAnnealingLR():
            arguments["T_max"] = spec.T_max or length
        case schedules.OneCycleLR():
            arguments["max_lr"] = spec.max_lr or Raw("LEARNING_RATE")
            arguments["total_steps"] = length
        case schedules.SequentialLR():
            return _sequence(subject, spec, length, depth, before)
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


def _sequence(
    subject: Subject,
    spec: schedules.SequentialLR,
    length: object,
    depth: int,
    before: str,
) -> str:
    planned = subject.plan.training.epochs
    parts = part_lengths(spec, planned)
    lasts: list[object] = (
        [*parts[:-1], Raw(f"{length!r} - {spec.milestones[-1]}")]
        if (spec.milestones)
        else [length]
    )
    members = ",\n".join(
        f"    {_schedule(subject, member, last, depth + 2)}"
        for member, last in zip(spec.schedulers, lasts, strict=True)
    )
    given = {
        "0": Raw("optimizer"),
        "1": Raw(f"[\n{members},\n]"),
        "milestones": list(spec.milestones),
    }
    return call("torch.optim.lr_scheduler.SequentialLR", given, depth, before)
