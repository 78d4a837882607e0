"""Combinations that cannot work, known from the plan alone."""

from collections import Counter
from collections.abc import Iterator

from torchsmith.core.errors import PlanError, nearest
from torchsmith.core.spec import Spec
from torchsmith.core.vocabulary import (
    CALIBRATED,
    ColumnRole,
    Kind,
    metric_hint,
    metrics_for,
)
from torchsmith.data.split import contradiction
from torchsmith.data.steps import (
    BagOfWords,
    EncodeCategories,
    EncodeValues,
    FillMissing,
    Interpolate,
    NeighbourTarget,
    NGrams,
    QuantileScale,
    RandomConvolutions,
    Resize,
    RobustScale,
    ToFloat,
    named_columns,
    step_problems,
)
from torchsmith.plan.calibration import SplitConformal
from torchsmith.plan.check_effect import idle_settings
from torchsmith.plan.check_loss import loss_problems
from torchsmith.plan.init import init_problems
from torchsmith.plan.networks import (
    MLP,
    ConvNet,
    ResNet,
    SequenceNet,
    Sequential,
    TabularMLP,
)
from torchsmith.plan.normalisation import BatchNorm1d
from torchsmith.plan.optimizers import SGD, Muon, Optimizer
from torchsmith.plan.plan import Plan
from torchsmith.plan.schedules import OneCycleLR, interval_of, schedule_problems
from torchsmith.plan.sequences import Embedding

Impossible = Iterator[tuple[str, str]]

FOR_TABLES = (
    FillMissing,
    RobustScale,
    QuantileScale,
    EncodeCategories,
    EncodeValues,
    BagOfWords,
)
"""Steps that only tables have."""


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
        *_named_columns(plan),
        *_codes(plan),
        *loss_problems(plan),
        *init_problems(plan.init),
        *_learning(plan),
        *_sharding(plan),
        *_stopping(plan),
        *_calibration(plan),
        *idle_settings(plan),
    ]


def _problem(plan: Plan) -> Impossible:
    task, classes = plan.problem.task, plan.problem.classes
    if plan.problem.metric not in (fitting := metrics_for(task)):
        yield (
            "problem.metric",
            f"{plan.problem.metric} does not fit {task}; "
            f"it can be {', '.join(fitting)}",
        )
    twice = [name for name, count in Counter(classes).items() if count > 1]
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
    if split.num_folds and _has(plan, NeighbourTarget):
        yield (
            "split.val",
            "folds do not go with NeighbourTarget, which shows each row the targets of "
            "its own fold; set a share, such as 0.15",
        )
    if split.num_folds and _normalises(plan):
        yield (
            "split.val",
            "folds do not go with batch normalisation, which shows each network the "
            "fold that it leaves out; set a share, such as 0.15",
        )
    for setting, name in (("group", split.group), ("time", split.time)):
        if name is None or not columns or name in columns:
            continue
        if name == plan.problem.target:
            yield f"split.{setting}", f"'{name}' is the target; name another column"
        else:
            yield f"split.{setting}", f"no column '{name}'{nearest(name, columns)}"


def _prepare(plan: Plan) -> Impossible:
    columns = bool(plan.data.columns)
    sequences = isinstance(plan.network, SequenceNet) or _has(
        plan, Interpolate, NGrams, RandomConvolutions
    )
    table = not sequences and (columns or _has(plan, *FOR_TABLES))
    images = not (table or sequences) and _has(plan, Resize, ToFloat)
    kind: Kind = "images" if images else "sequences" if sequences else "table"
    for place, what in step_problems(plan.prepare, kind, plan.problem.task):
        yield f"prepare.{place}", what
    if table:
        for name in ("augment", "robustness"):
            for place, spec in enumerate(getattr(plan, name)):
                yield f"{name}.{place}", f"{spec.spec_name()} is for images"
    if plan.data.skip_damaged and table:
        yield "data.skip_damaged", "is for images and volumes; remove the line"
    if isinstance(plan.network, ConvNet | ResNet) and table:
        name = plan.network.spec_name()
        yield "network", f"{name} is for images; TabularMLP and MLP are for tables"
    if isinstance(plan.network, TabularMLP) and images:
        yield "network", "TabularMLP is for tables; ConvNet and MLP are for images"


def _named_columns(plan: Plan) -> Impossible:
    """Find steps that name columns which are no numbers."""
    columns = plan.data.columns
    numbers = [name for name, role in columns.items() if role == "number"]
    for place, step in enumerate(plan.prepare if columns else ()):
        for what, name in named_columns(step).items():
            if name in numbers:
                continue
            why = nearest(name, numbers)
            if name == plan.problem.target:
                why = ", which is the target"
            elif name in columns:
                why = f"; its role is {columns[name]}"
            yield (
                f"prepare.{place}",
                f"{step.spec_name()}.{what}: there is no number column '{name}'{why}",
            )


def takes_codes(plan: Plan) -> bool:
    """Whether the network has embeddings for codes of categories."""
    network = plan.network
    if isinstance(network, Sequential):
        return isinstance(network.layers[0], Embedding)
    return not isinstance(network, MLP)


def _codes(plan: Plan) -> Impossible:
    """Find roles of a table's columns that its steps and its network do not fit."""
    if plan.data.series is not None or isinstance(plan.network, SequenceNet):
        return
    steps: tuple[tuple[ColumnRole, type[Spec]], ...]
    steps = (("category", EncodeCategories), ("text", BagOfWords))
    for role, step in steps:
        used = [name for name, own in plan.data.columns.items() if own == role]
        if used and not _has(plan, step):
            yield (
                "prepare",
                f"column '{used[0]}' is used as {role}, but there is no "
                f"{step.spec_name()} step; add one",
            )
    if takes_codes(plan):
        return
    coded = any(
        isinstance(step, EncodeCategories) and step.encoding == "codes"
        for step in plan.prepare
    )
    if (coded and "category" in plan.data.columns.values()) or _has(plan, EncodeValues):
        yield (
            "network",
            f"{plan.network.spec_name()} cannot take category codes; use TabularMLP, "
            "or prepare with EncodeCategories: one_hot and without EncodeValues",
        )


def _normalises(plan: Plan) -> bool:
    if isinstance(plan.network, Sequential):
        return any(isinstance(layer, BatchNorm1d) for layer in plan.network.layers)
    return bool(getattr(plan.network, "batch_norm", False))


def _has(plan: Plan, *kinds: type[Spec]) -> bool:
    return any(isinstance(step, kinds) for step in plan.prepare)


def _sharding(plan: Plan) -> Impossible:
    """Find what needs whole weights in each step, which no process then has."""
    if plan.training.sharding == "none":
        return
    what = []
    if plan.averaging is not None:
        what.append("averaging")
    if isinstance(plan.optimizer, Muon):
        what.append("the optimizer Muon")
    if what:
        yield (
            "training.sharding",
            f"full does not go with {' and '.join(what)}, which needs whole weights in "
            "each step; set none",
        )


def _learning(plan: Plan) -> Impossible:
    optimizer, schedule = plan.optimizer, plan.schedule
    if isinstance(optimizer, SGD):
        own = [optimizer.arguments | group.arguments for group in optimizer.groups]
        for place, arguments in enumerate([optimizer.arguments, *own]):
            if arguments["nesterov"] and (
                arguments["momentum"] == 0 or arguments["dampening"] != 0
            ):
                where = f"optimizer.groups.{place - 1}" if place else "optimizer"
                yield where, "nesterov needs a momentum above 0 and dampening 0"
    if isinstance(schedule, OneCycleLR):
        yield from _one_cycle(optimizer, schedule)
    # How many steps an epoch has is known when the data is.
    known = plan.training.epochs if interval_of(schedule) == "epoch" else 0
    yield from schedule_problems(schedule, known)


def _one_cycle(optimizer: Optimizer, schedule: OneCycleLR) -> Impossible:
    if (
        "cycle_momentum" in schedule.model_fields_set
        and schedule.cycle_momentum
        and not optimizer.has_momentum
    ):
        yield (
            "schedule.cycle_momentum",
            f"there is none to cycle, {optimizer.spec_name()} has no momentum here; "
            "remove the line, or give the optimizer a momentum",
        )
    elif schedule.max_lr and any(group.lr for group in optimizer.groups):
        yield (
            "schedule.max_lr",
            "this would be the highest rate of every group of the optimizer, and one "
            "has an lr of its own; remove the line, each group then rises to its lr",
        )


def _stopping(plan: Plan) -> Impossible:
    allowed = ["val_loss", *(f"val_{name}" for name in metrics_for(plan.problem.task))]
    if plan.problem.task != "regression":
        allowed.insert(1, CALIBRATED)
    monitor = plan.stopping.monitor
    if monitor not in allowed:
        near = metric_hint(monitor, allowed)
        listed = near or f"; it can be {', '.join(allowed)}"
        yield "stopping.monitor", f"'{monitor}' is not measured{listed}"


def _calibration(plan: Plan) -> Impossible:
    if plan.calibration is None:
        return
    name = plan.calibration.spec_name()
    if isinstance(plan.calibration, SplitConformal):
        if plan.problem.task != "regression":
            what = "is for numbers; TemperatureScaling is for classes"
            yield "calibration", f"{name} {what}"
    elif plan.problem.task == "regression":
        what = "is for classes; regression has no probabilities but SplitConformal"
        yield "calibration", f"{name} {what}"
