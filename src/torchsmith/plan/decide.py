"""From facts to a plan: every choice with its reason, and evidence from this data.

`decide` is pure: the same inspection, budget and machine give the same plan. The sizes
and rates were chosen by hand on California housing and MNIST.
"""

from collections.abc import Collection, Mapping

from torchsmith.core.errors import DataError
from torchsmith.core.vocabulary import NOUNS, Metric
from torchsmith.core.wording import amount, listed, percent
from torchsmith.data.data import MISSING_TARGET
from torchsmith.data.split import Folds, Split
from torchsmith.inspect.inspection import Inspection, TargetFacts
from torchsmith.inspect.wording import agree
from torchsmith.plan.calibration import (
    FEWEST_ROWS,
    Calibration,
    SplitConformal,
    TemperatureScaling,
)
from torchsmith.plan.design import Case, Design, Pace, Reasons
from torchsmith.plan.design_images import design_images
from torchsmith.plan.design_sequences import design_sequences
from torchsmith.plan.design_tables import design_table
from torchsmith.plan.design_volumes import design_volumes
from torchsmith.plan.losses import Balance, CrossEntropyLoss, MSELoss
from torchsmith.plan.machine import Machine
from torchsmith.plan.plan import Plan, Problem, Sizing, Source, Stopping, Training
from torchsmith.plan.settings import (
    LOW_RATES,
    THE_BEST,
    THE_LAST,
    THIRD,
    patience_for,
)
from torchsmith.plan.usual import usual_reasons

DEFAULT_BUDGET = 180.0

CHANCE = 3
"""Times as many equal rows as chance makes are more than chance; fewer are different
cases that look alike, which may stand in any part."""

BALANCES: Mapping[Metric, Balance] = {
    "balanced_accuracy": "balanced",
    "recall_macro": "balanced",
    "f1_macro": "sqrt_balanced",
}
"""Where a person asks for a metric that weighs all classes alike. F1 asks for precision
too: on names of 18 languages it was .516 with `balanced` and .556 without."""


def decide(
    inspection: Inspection,
    machine: Machine,
    budget: float | None = None,
    pace: Pace | None = None,
    *,
    folds: bool = True,
    metric: Metric | None = None,
    asked: Collection[str] = (),
) -> Plan:
    """Choose a plan for inspected data.

    Args:
        inspection: What is known about the data.
        machine: What it will run on.
        budget: Seconds for the whole run; 180 where not given.
        pace: Measured with the plan that these give; changes the number of epochs, and
            what follows from it.
        folds: Whether a small table may be divided into folds; not where something else
            says what validates.
        metric: What matters to the person, if they said so.
        asked: By what the person divides the rows, as `asked_splits` says.

    Raises:
        DataError: There is no target, or a finding of severity error stands in the way.
    """
    target = _target(inspection)
    budget = DEFAULT_BUDGET if budget is None else budget
    reasons: Reasons = {}
    problem = _problem(target, NOUNS[inspection.kind], reasons)
    split = _split(inspection, target, reasons, asked)
    num_train, num_left = _num_rows(inspection, split)
    case = Case(
        inspection,
        target,
        num_train,
        num_left if folds else 0,
        machine,
        budget,
        reasons,
        pace,
    )
    design = _design(case)
    if design.folds:
        split = split.model_copy(update={"val": Folds(folds=design.folds)})
        reasons["split.val"] = (
            "no row is only for validation: each of so many networks leaves a fold out"
        )
    num_val = num_left if split.num_folds else num_left - num_train
    what = "cores" if machine.device == "cpu" else "this GPU"
    reasons["sized_for"] = (
        f"for these seconds, {what} and billions of operations a second"
    )
    plan = Plan(
        problem=problem,
        data=_source(inspection, reasons),
        split=split,
        prepare=design.prepare,
        augment=design.augment,
        network=design.network,
        loss=_loss(target, metric, reasons),
        optimizer=design.optimizer,
        schedule=design.schedule,
        averaging=design.averaging,
        calibration=_calibration(target, num_val, reasons),
        training=_training(design, budget, pace, reasons),
        stopping=_stopping(design, reasons),
        sized_for=Sizing(
            budget=budget,
            cores=machine.cores,
            gflops=machine.gflops,
            device=machine.device,
            bfloat16=machine.bfloat16,
        ),
    )
    usual = usual_reasons(plan, inspection)
    return plan.model_copy(update={"reasons": usual | reasons})


def _design(case: Case) -> Design:
    inspection = case.inspection
    match inspection.kind:
        case "table":
            return design_table(case)
        case "images" if inspection.images is not None:
            return design_images(case, inspection.images)
        case "sequences" if inspection.sequences is not None:
            return design_sequences(case, inspection.sequences)
        case "volumes" if inspection.volumes is not None:
            return design_volumes(case, inspection.volumes)
        case _:
            raise AssertionError(inspection.kind)


def _target(inspection: Inspection) -> TargetFacts:
    if inspection.target is None:
        raise DataError(f"{inspection.source}: {_no_target(inspection)}")
    errors = [f for f in inspection.findings if f.severity == "error"]
    if errors:
        first = errors[0]
        remedy = first.remedy[:1].lower() + first.remedy[1:].removesuffix(".")
        what = "; ".join(filter(None, (first.message.removesuffix("."), remedy)))
        where = ", ".join(filter(None, (first.code, first.where)))
        where = "; ".join(filter(None, (where, first.evidence)))
        more = f"; and {amount(len(errors) - 1, 'more error')}, which inspect shows"
        raise DataError(
            f"{inspection.source}: {what} ({where}{more if errors[1:] else ''})"
        )
    return inspection.target


def _no_target(inspection: Inspection) -> str:
    if inspection.images is not None:
        return (
            "there are no labels to learn from; put the pictures of each class into a "
            "folder of its own, or the labels into an array beside the inputs"
        )
    names = listed([column.name for column in inspection.columns], 20)
    return (
        "which column shall be predicted? name it with --target (target=… in Python); "
        f"there are: {names}"
    )


def _problem(target: TargetFacts, noun: str, reasons: Reasons) -> Problem:
    reasons["problem.task"] = target.evidence
    if target.task == "regression":
        reasons["problem.metric"] = "root mean squared error, in the target's own units"
        return Problem(task="regression", target=target.name, metric="rmse")
    largest = max(target.counts) / max(sum(target.counts), 1)
    classes = target.classes
    if largest <= 0.8:
        reasons["problem.metric"] = (
            f"the largest class has {percent(largest)} of the {noun}s"
        )
        return Problem(
            task=target.task, target=target.name, metric="accuracy", classes=classes
        )
    reasons["problem.metric"] = (
        f"the largest class has {percent(largest)} of the {noun}s: always guessing it "
        f"would have an accuracy of {percent(largest)}"
    )
    return Problem(
        task=target.task,
        target=target.name,
        metric="roc_auc" if target.task == "binary" else "balanced_accuracy",
        classes=classes,
    )


def _source(inspection: Inspection, reasons: Reasons) -> Source:
    for column in inspection.columns:
        reasons[f"data.columns.{column.name}"] = column.reason
    dropped = sum(c.count for c in inspection.changes if c.what == MISSING_TARGET)
    if dropped:
        noun = NOUNS[inspection.kind]
        verb = agree(dropped, "has", "have")
        reasons["data.drop_missing_target"] = (
            f"{amount(dropped, noun)} {verb} no target"
        )
    return Source(
        source=inspection.source,
        fingerprint=inspection.fingerprint,
        columns={column.name: column.role for column in inspection.columns},
        drop_missing_target=dropped > 0,
    )


def _split(
    inspection: Inspection,
    target: TargetFacts,
    reasons: Reasons,
    asked: Collection[str],
) -> Split:
    noun = NOUNS[inspection.kind]
    values = _sizes(inspection, reasons)
    if inspection.time is not None and not asked:
        values["time"] = inspection.time
        reasons["split.time"] = (
            f"the {noun}s are a time series: the latest are held out"
        )
        return Split.model_validate(values)
    cut = not values["test"] == values["val"] == "given"
    if target.task != "regression" and cut:
        values["stratify"] = True
        reasons["split.stratify"] = "the same share of each class in all parts"
    if inspection.group is not None:
        values["group"] = inspection.group
        reasons["split.group"] = f"{noun}s that belong together stay in one part"
        if target.task != "regression" and cut:
            reasons["split.stratify"] += ", as far as whole groups allow"
    elif _are_copies(inspection) and cut:
        values["keep_together"] = True
        reasons["split.keep_together"] = _repeats(inspection, noun)
    if "time" in asked:
        for name in values.keys() & {"stratify", "group", "keep_together"}:
            del values[name]
            reasons[f"split.{name}"] = _gives_way(["time"])
    elif inspection.time is not None:
        reasons["split.time"] = _gives_way(asked)
    return Split.model_validate(values)


def _sizes(inspection: Inspection, reasons: Reasons) -> dict[str, object]:
    given = inspection.given
    values: dict[str, object] = {"seed": 0}
    if given.get("test"):
        values["test"] = "given"
        reasons["split.test"] = f"the source comes with {given['test']:,} test examples"
    else:
        values["test"] = 0.2
        reasons["split.test"] = "a fifth is held out and read once, at the end"
    if given.get("val"):
        values["val"] = "given"
        reasons["split.val"] = f"the source comes with {given['val']:,} val examples"
    else:
        values["val"] = 0.1 if inspection.num_examples > 20_000 else 0.15
        reasons["split.val"] = "of the rest; judges each epoch"
    if shared := _shared(inspection):
        values["drop_shared"] = True
        reasons["split.drop_shared"] = shared
    return values


def _gives_way(asked: Collection[str]) -> str:
    verb = agree(len(asked), "is", "are")
    return f"gives way to {' and '.join(asked)}, which {verb} set"


def _are_copies(inspection: Inspection) -> bool:
    return inspection.repeats > CHANCE * inspection.usual_repeats


def _repeats(inspection: Inspection, noun: str) -> str:
    count = inspection.repeats
    verb = agree(count, "has", "have")
    return (
        f"{amount(count, noun)} {verb} the same inputs as an earlier one: in two parts "
        "they would flatter the score"
    )


def _shared(inspection: Inspection) -> str:
    """Say what the given parts share; empty where they share little or nothing.

    Rows of a table may be equal and still be two cases.
    """
    found = [f for f in inspection.findings if f.code == "D8" and f.severity != "note"]
    if inspection.kind == "table" or not found:
        return ""
    first = found[0].message.removesuffix(".")
    return f"{first[:1].lower()}{first[1:]}: they flatter the score"


def _num_rows(inspection: Inspection, split: Split) -> tuple[int, int]:
    """Return how many rows are in the training part, and how many are not tested."""
    given = inspection.given
    left = inspection.num_examples
    if isinstance(split.test, float):
        left = round(left * (1 - split.test))
    else:
        left -= given.get("test", 0)
    train = left
    if isinstance(split.val, float):
        train = round(left * (1 - split.val))
    else:
        train -= given.get("val", 0)
    return max(train, 1), max(left, 1)


def _loss(
    target: TargetFacts, metric: Metric | None, reasons: Reasons
) -> CrossEntropyLoss | MSELoss:
    if target.task == "regression":
        reasons["loss"] = "the mean squared error fits the metric"
        return MSELoss()
    reasons["loss"] = f"{len(target.classes)} classes, one logit each"
    weight = BALANCES.get(metric) if metric else None
    if weight is None:
        return CrossEntropyLoss()
    reasons["loss.CrossEntropyLoss.weight"] = (
        "the metric asks for rare classes as much as for frequent ones"
    )
    return CrossEntropyLoss(weight=weight)


def _calibration(target: TargetFacts, num_val: int, reasons: Reasons) -> Calibration:
    if target.task == "regression":
        reasons["calibration"] = (
            "an interval around each prediction, to hold 90 in 100 targets; no "
            "prediction changes"
        )
        return SplitConformal()
    reasons["calibration"] = (
        "so that of the predictions of 90 %, 90 in 100 are right; no prediction changes"
        if num_val >= FEWEST_ROWS
        else f"to be fitted once there are {FEWEST_ROWS} val rows; until then it is 1"
    )
    return TemperatureScaling()


def _training(
    design: Design, budget: float, pace: Pace | None, reasons: Reasons
) -> Training:
    guard = budget
    reasons["training.seconds"] = (
        f"a guard at the budget of {budget:g} s; the epochs are chosen to end before"
    )
    if pace is not None and design.epochs * pace.epoch_seconds > pace.seconds:
        guard = pace.seconds
        reasons["training.seconds"] = (
            f"a guard: what else a run does takes the rest of the {budget:g} s"
        )
    return Training(
        epochs=design.epochs,
        batch_size=design.batch_size,
        precision=design.precision,
        clip_grad_norm=1.0,
        threads=design.threads,
        seconds=round(guard, 1),
    )


def _stopping(design: Design, reasons: Reasons) -> Stopping:
    patience = 0 if design.to_the_end else patience_for(design.epochs)
    keeps_last = design.to_the_end and design.averaging is not None
    reasons["stopping.patience"] = LOW_RATES if design.to_the_end else THIRD
    reasons["stopping.restore_best"] = THE_LAST if keeps_last else THE_BEST
    reasons.setdefault(
        "stopping.monitor", "the loss says more than the score when both are good"
    )
    return Stopping(
        monitor=design.monitor,
        patience=patience,
        restore_best=not keeps_last,
    )
