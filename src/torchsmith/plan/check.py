"""Combinations that cannot work, known from the plan alone."""

from collections.abc import Iterator

from torchsmith.core.errors import PlanError, nearest
from torchsmith.core.spec import Spec
from torchsmith.core.vocabulary import Kind, metrics_for
from torchsmith.data.split import contradiction
from torchsmith.data.steps import (
    EncodeCategories,
    FillMissing,
    Resize,
    RobustScale,
    ToFloat,
    step_problems,
)
from torchsmith.plan.layers import (
    Dropout,
    Identity,
    Linear,
    LogSoftmax,
    Sigmoid,
    Softmax,
)
from torchsmith.plan.losses import BCEWithLogitsLoss, CrossEntropyLoss
from torchsmith.plan.networks import ConvNet, Sequential, TabularMLP
from torchsmith.plan.optimizers import SGD, RMSprop
from torchsmith.plan.plan import Plan
from torchsmith.plan.schedules import OneCycleLR

Impossible = Iterator[tuple[str, str]]


def check(plan: Plan) -> None:
    """Refuse a plan that cannot work, whatever the data is.

    Raises:
        PlanError: Names every impossible combination by its dotted path.
    """
    lines = [f"{path}: {what}" for path, what in impossible(plan)]
    if len(lines) > 1:
        lines.insert(0, f"the plan has {len(lines)} problems")
    if lines:
        raise PlanError("\n".join(lines))


def impossible(plan: Plan) -> list[tuple[str, str]]:
    """Return dotted path and explanation of everything that cannot work."""
    return [
        *_problem(plan),
        *_data(plan),
        *_prepare(plan),
        *_network(plan),
        *_loss(plan),
        *_learning(plan),
        *_stopping(plan),
    ]


def _problem(plan: Plan) -> Impossible:
    task, classes = plan.problem.task, plan.problem.classes
    if plan.problem.metric not in (fitting := metrics_for(task)):
        yield (
            "problem.metric",
            f"{plan.problem.metric} does not fit {task}; "
            f"it can be {', '.join(fitting)}",
        )
    twice = {name for name in classes if classes.count(name) > 1}
    if twice:
        yield "problem.classes", f"'{min(twice)}' stands twice"
    elif task == "regression" and classes:
        yield "problem.classes", "regression has no classes; remove them"
    elif task == "binary" and len(classes) not in (0, 2):
        yield "problem.classes", f"binary has 2 classes, not {len(classes)}"
    elif task == "multiclass" and len(classes) == 1:
        yield "problem.classes", "one class is nothing to choose from"


def _data(plan: Plan) -> Impossible:
    columns, split = plan.data.columns, plan.split
    if plan.problem.target in columns:
        yield (
            f"data.columns.{plan.problem.target}",
            "this is the target, it cannot be an input; remove the line",
        )
    if split.stratify and plan.problem.task == "regression":
        yield "split.stratify", "regression has no classes to keep the shares of"
    if what := contradiction(split):
        yield "split", what
    for setting, name in (("group", split.group), ("time", split.time)):
        if name is not None and columns and name not in columns:
            yield f"split.{setting}", f"no column '{name}'{nearest(name, columns)}"


def _prepare(plan: Plan) -> Impossible:
    columns = bool(plan.data.columns)
    table = columns or _has(plan, FillMissing, RobustScale, EncodeCategories)
    images = not table and _has(plan, Resize, ToFloat)
    kind: Kind = "images" if images else "table"
    for place, what in step_problems(plan.prepare, kind, plan.problem.task):
        yield f"prepare.{place}", what
    if table:
        for name in ("augment", "robustness"):
            for place, spec in enumerate(getattr(plan, name)):
                yield f"{name}.{place}", f"{spec.spec_name()} is for images"
    if isinstance(plan.network, ConvNet) and table:
        yield "network", "ConvNet is for images; TabularMLP and MLP are for tables"
    if isinstance(plan.network, TabularMLP) and images:
        yield "network", "TabularMLP is for tables; ConvNet and MLP are for images"


def _has(plan: Plan, *kinds: type[Spec]) -> bool:
    return any(isinstance(step, kinds) for step in plan.prepare)


def _loss(plan: Plan) -> Impossible:
    task, loss = plan.problem.task, plan.loss
    name = loss.spec_name()
    if isinstance(loss, BCEWithLogitsLoss) and task != "binary":
        yield "loss", f"{name} is for two classes; the task is {task}"
    elif isinstance(loss, CrossEntropyLoss) and task == "regression":
        yield "loss", f"{name} is for classes; regression takes MSELoss or L1Loss"
    elif (
        not isinstance(loss, CrossEntropyLoss | BCEWithLogitsLoss)
        and task != "regression"
    ):
        yield "loss", f"{name} is for regression; {task} takes CrossEntropyLoss"


def _network(plan: Plan) -> Impossible:
    if not isinstance(plan.network, Sequential):
        return
    layers = list(enumerate(plan.network.layers))
    while layers and isinstance(layers[-1][1], Dropout | Identity):
        layers.pop()
    classifies = isinstance(plan.loss, CrossEntropyLoss | BCEWithLogitsLoss)
    squashing = Softmax | LogSoftmax | Sigmoid
    if layers and isinstance(layers[-1][1], squashing) and classifies:
        place, layer = layers.pop()
        yield (
            f"network.Sequential.{place}",
            f"{plan.loss.spec_name()} takes raw outputs, not those of "
            f"{layer.spec_name()}; remove this layer",
        )
    needed = _num_outputs(plan)
    if layers and isinstance(last := layers[-1][1], Linear) and needed:
        count, reason = needed
        if last.out_features != count:
            yield (
                f"network.Sequential.{layers[-1][0]}",
                f"the last layer has {last.out_features} outputs; {reason} {count}",
            )


def _num_outputs(plan: Plan) -> tuple[int, str] | None:
    """Return how many outputs the network must have, and why, where that is known."""
    if plan.problem.task == "regression":
        return 1, "regression needs"
    if isinstance(plan.loss, BCEWithLogitsLoss):
        return 1, "BCEWithLogitsLoss needs"
    if plan.problem.classes:
        count = len(plan.problem.classes)
        return count, f"{count} classes need"
    return None


def _learning(plan: Plan) -> Impossible:
    optimizer, schedule = plan.optimizer, plan.schedule
    if (
        isinstance(optimizer, SGD)
        and optimizer.nesterov
        and (optimizer.momentum == 0 or optimizer.dampening != 0)
    ):
        yield "optimizer", "nesterov needs a momentum above 0 and dampening 0"
    if (
        isinstance(schedule, OneCycleLR)
        and schedule.cycle_momentum
        and isinstance(optimizer, SGD | RMSprop)
        and optimizer.momentum == 0
    ):
        yield (
            "schedule",
            f"OneCycleLR cycles the momentum, and {optimizer.spec_name()} has none; "
            "set cycle_momentum: false, or give the optimizer a momentum",
        )


def _stopping(plan: Plan) -> Impossible:
    allowed = ["val_loss", *(f"val_{name}" for name in metrics_for(plan.problem.task))]
    monitor = plan.stopping.monitor
    if monitor not in allowed:
        near = nearest(monitor, allowed)
        listed = near or f"; it can be {', '.join(allowed)}"
        yield "stopping.monitor", f"'{monitor}' is not measured{listed}"
