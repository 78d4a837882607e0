"""Step 6 of the flow: scores with intervals, rivals, importance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from torchsmith.api.budget import RIVAL_SECONDS, RIVAL_SHARE
from torchsmith.core.observer import QUIET, Observer
from torchsmith.core.randomness import seeded
from torchsmith.core.seeds import derive_seed, generator
from torchsmith.data.data import Data, Sequences
from torchsmith.data.pixels import Prepared
from torchsmith.data.prepare import Preparation
from torchsmith.data.steps import ToFloat
from torchsmith.data.tabular import TablePreparation
from torchsmith.evaluate.evaluate import PartOutputs, evaluate, part_scores
from torchsmith.evaluate.evaluation import Evaluation, Importance
from torchsmith.evaluate.features import (
    MOST_CUBE,
    Features,
    picture_features,
    side_for,
)
from torchsmith.evaluate.forecasts import last_known
from torchsmith.evaluate.importance import permutation_importance
from torchsmith.evaluate.rivals import RivalOutputs, fit_rivals
from torchsmith.evaluate.samples import choose_samples
from torchsmith.evaluate.sequence_features import sequence_features, text_features
from torchsmith.plan.decide import DEFAULT_BUDGET
from torchsmith.plan.plan import Plan
from torchsmith.plan.text import flow
from torchsmith.train.model import Model
from torchsmith.train.setup import Setup

SIDE_IN_TABLE = 8
"""To so many pixels a side the pictures of a table are shrunk for the rivals."""

IMPORTANCE_SHARE, IMPORTANCE_SECONDS = 0.05, 5.0
"""Of the budget goes to the importance of columns, and no more than so many seconds."""

FEWEST_TRAIN, MOST_TRAIN = 200, 2_000
"""Training rows are scored: enough to tell what was learned by heart from what not."""

MOST_VALUES = 2**25
"""They have at most so many values together, but for the fewest rows."""


def evaluate_run(
    plan: Plan,
    data: Data,
    setup: Setup,
    model: Model,
    observer: Observer,
    *,
    rivals: bool = True,
) -> Evaluation:
    """Score a trained model on its test part, which is read here for the first time.

    Args:
        plan: Of the run.
        data: All examples.
        setup: With the rows of each part, and the prepared inputs of train and val.
        model: With its best weights.
        observer: Is told what is going on.
        rivals: Whether to fit simple rivals, to measure the importance of columns, and
            to choose examples of each class for the report.
    """
    parts, seed = setup.parts, plan.training.seed
    observer.stage("Evaluating on the test part")
    inputs = model.preparation.inputs(data, parts.test)
    test = part_outputs(model, data, parts.test, inputs)
    known = setup.inputs
    val = None
    if len(parts.val):
        val = part_outputs(model, data, parts.val, known["val"])
    found = evaluate(
        plan.problem,
        test,
        num_train=len(parts.train),
        val=val,
        changed=_changed(plan, setup, model, inputs),
        rivals=_rivals(plan, data, setup, inputs, observer) if rivals else (),
        importance=_importance(plan, model, inputs, test.targets, observer)
        if rivals
        else (),
        seed=seed,
    )
    train = part_scores(plan.problem, _learned(model, data, setup, seed), seed)
    found = found.model_copy(update={"scores": {**found.scores, "train": train}})
    if not rivals:
        return found
    rows = parts.train
    targets = true_targets(model.preparation, data, rows)
    pictures = model.preparation.picture_column
    samples = choose_samples(plan.problem, data, rows, targets, seed, pictures)
    notes = (*found.notes, *_left_out(model, len(found.importance)))
    return found.model_copy(update={"samples": samples, "notes": notes})


def _learned(model: Model, data: Data, setup: Setup, seed: int) -> PartOutputs:
    """Predict for some of the rows that the network learned from, not augmented."""
    train, inputs = setup.parts.train, setup.inputs["train"]
    values = max(math.prod(model.preparation.input_shape), 1)
    most = min(MOST_TRAIN, max(FEWEST_TRAIN, MOST_VALUES // values))
    order = generator(seed, "train score").permutation(len(train))
    rows = np.sort(order[:most])
    return part_outputs(model, data, train[rows], inputs[rows])


def _rivals(
    plan: Plan, data: Data, setup: Setup, inputs: Prepared, observer: Observer
) -> Sequence[RivalOutputs]:
    """Fit simple models on the prepared train and val parts."""
    preparation, known = setup.preparation, setup.inputs
    pieces, rows = [known["train"]], [setup.parts.train]
    if setup.parts.folds is None:
        pieces, rows = [*pieces, known["val"]], [*rows, setup.parts.val]
    fitted = np.concatenate(rows)
    if isinstance(data.inputs, Sequences):
        describe = text_features if data.inputs.symbols else sequence_features
        tested = data.inputs.take(setup.parts.test)
        train, test = describe(data.inputs.take(fitted), tested)
        if plan.problem.task == "regression":
            test = replace(test, last=last_known(tested, plan.problem.target))
    else:
        side = side_for(len(fitted) + len(inputs), *inputs.shape[1:2])
        parts = [_features(plan, preparation, piece, side) for piece in pieces]
        numbers = np.concatenate([part.numbers for part in parts])
        codes = np.concatenate([part.codes for part in parts])
        train = replace(parts[0], numbers=numbers, codes=codes)
        test = _features(plan, preparation, inputs, side)
    return fit_rivals(
        metric=plan.problem.metric,
        classes=len(plan.problem.classes),
        train=train,
        targets=true_targets(preparation, data, fitted),
        test=test,
        seed=plan.training.seed,
        seconds=_share(plan, RIVAL_SHARE, RIVAL_SECONDS),
        observer=observer,
    )


def part_outputs(
    model: Model,
    data: Data,
    rows: np.ndarray,
    inputs: Prepared | None = None,
    observer: Observer = QUIET,
) -> PartOutputs:
    """Predict for some rows, and put what is right beside it.

    Args:
        model: Predicts.
        data: All examples.
        rows: Which of them.
        inputs: These, prepared, where that was done.
        observer: Is told how many are done.
    """
    if inputs is None:
        inputs = model.preparation.inputs(data, rows)
    raw = model.raw_outputs(inputs, observer=observer)
    temperature = model.file.temperature
    outputs = model.finish(raw)
    return PartOutputs(
        targets=true_targets(model.preparation, data, rows),
        outputs=outputs,
        inputs=data.inputs.take(rows),
        picture_column=model.preparation.picture_column,
        temperature=temperature,
        uncalibrated=None if temperature == 1 else model.finish(raw, temperature=1.0),
        interval=model.file.interval,
        ends=model.ends(outputs),
    )


def true_targets(preparation: Preparation, data: Data, rows: np.ndarray) -> np.ndarray:
    """Return `(N,)` class codes, or float64 values in the target's own units."""
    if preparation.task == "regression" and data.target is not None:
        return np.asarray(data.target.values[rows], np.float64)
    return preparation.targets(data, rows)


def _changed(
    plan: Plan, setup: Setup, model: Model, inputs: Prepared
) -> Mapping[str, np.ndarray]:
    """Predict for test examples after each change that `plan.robustness` names."""
    found = {}
    for place, (spec, change) in enumerate(
        zip(plan.robustness, setup.robustness, strict=True)
    ):
        with seeded(derive_seed(plan.training.seed, "robustness", place)):
            outputs = model.predict_prepared(inputs, change)
        found[flow(spec.model_dump(mode="json"))] = outputs
    return found


def _features(
    plan: Plan, preparation: Preparation, inputs: Prepared, side: int
) -> Features:
    if preparation.volumes:
        # Of what range voxels are, the fitted scale says, and no rival minds.
        scale = 1 / max(preparation.volumes.factor)
        return picture_features(inputs, scale, min(side, MOST_CUBE))
    if preparation.kind == "images" or not isinstance(inputs, np.ndarray):
        scales = (step.scale for step in plan.prepare if isinstance(step, ToFloat))
        return picture_features(inputs, next(scales, 255.0), side)
    numbers = preparation.num_numbers
    codes = inputs[:, numbers:].astype(np.int64)
    return Features(_small_pictures(preparation, inputs[:, :numbers]), codes)


def _small_pictures(preparation: Preparation, numbers: np.ndarray) -> np.ndarray:
    """Shrink the pictures of a table, whose pixels are the last of its numbers."""
    if not preparation.pictures:
        return numbers
    sizes = [math.prod(shape) for shape in preparation.pictures]
    place = numbers.shape[1] - sum(sizes)
    parts = [numbers[:, :place]]
    for shape, size in zip(preparation.pictures, sizes, strict=True):
        pixels = numbers[:, place : place + size].reshape(-1, *shape)
        parts.append(picture_features(pixels, 1.0, SIDE_IN_TABLE).numbers)
        place += size
    return np.concatenate(parts, axis=1)


def _share(plan: Plan, share: float, most: float) -> float:
    """Return the seconds of a share of the budget, and no more than so many."""
    budget = DEFAULT_BUDGET if plan.sized_for is None else plan.sized_for.budget
    return min(most, share * budget)


def _importance(
    plan: Plan, model: Model, inputs: Prepared, targets: np.ndarray, observer: Observer
) -> tuple[Importance, ...]:
    table = model.preparation.table
    if table is None or not isinstance(inputs, np.ndarray):
        return ()
    return permutation_importance(
        model.predict_prepared,
        inputs,
        targets,
        feature_places(table),
        metric=model.problem.metric,
        seed=plan.training.seed,
        seconds=_share(plan, IMPORTANCE_SHARE, IMPORTANCE_SECONDS),
        observer=observer,
    )


def _left_out(model: Model, shuffled: int) -> tuple[str, ...]:
    """Say that of some columns it is not known what they are worth."""
    table = model.preparation.table
    if table is None or not shuffled:
        return ()
    columns = sum(bool(places) for places in feature_places(table).values())
    if shuffled == columns:
        return ()
    return (
        f"To save time, {shuffled:,} of {columns:,} columns were shuffled: those that "
        "go most with the network's predictions.",
    )


def feature_places(table: TablePreparation) -> Mapping[str, list[int]]:
    """Return, for each column, which of the prepared features it became."""
    owners: list[tuple[str, ...]] = [
        (column.name,) for column in table.numbers for _ in column.feature_names
    ]
    if table.place is not None:
        both = (table.place.latitude, table.place.longitude)
        owners += [both] * len(table.place.angles)
    if table.neighbours is not None:
        both = (table.neighbours.latitude, table.neighbours.longitude)
        owners += [both] * len(table.neighbours.scalings)
    owners += [(column.name,) for column in table.numbers if column.flag]
    for column in table.categories:
        owners += [(column.name,)] * len(column.levels) if column.one_hot else []
    for text in table.texts:
        owners += [(text.name,)] * len(text.feature_names)
    for picture in table.pictures:
        owners += [(picture.name,)] * math.prod(picture.shape)
    owners += [(name,) for name in table.coded]
    places: dict[str, list[int]] = {}
    for place, names in enumerate(owners):
        for name in names:
            places.setdefault(name, []).append(place)
    return places
