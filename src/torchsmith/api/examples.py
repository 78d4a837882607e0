"""Examples of the test part, seen from inside."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from torchsmith.api.evaluating import feature_places, true_targets
from torchsmith.api.run import Run
from torchsmith.core.errors import DataError
from torchsmith.core.observer import Observer
from torchsmith.core.vocabulary import NOUNS
from torchsmith.core.wording import amount, percent
from torchsmith.data.data import Column, Data, Sequences, Table
from torchsmith.data.split import Parts, split_rows
from torchsmith.evaluate.shown import Shown, show
from torchsmith.explain import attributions
from torchsmith.explain.activations import activations
from torchsmith.explain.attributions import Attribution
from torchsmith.report.explained import Example
from torchsmith.report.text import number
from torchsmith.train.batches import scaled
from torchsmith.train.model import Model

_UNKNOWN = "\uffff"  # stands in no text: Unicode has no such character
MOST_ROWS = 2_000
"""Of the test part are searched for an example; so many make a usual row."""


@dataclass(frozen=True)
class _Asked:
    """A row of the test part, with what is right and what the network said."""

    row: int
    place: int
    target: float
    answer: np.ndarray


def chosen_examples(
    run: Run, data: Data, number: int | None, observer: Observer
) -> tuple[Example, ...]:
    """Look at one row of the test part, or at one that is right and one that is wrong.

    Of regression these are the least and the largest error.

    Args:
        run: With a model.
        data: What the run was made of.
        number: Of the row in the test part, 0 is the first.
        observer: Is told what is going on.

    Raises:
        DataError: There is no such row.
    """
    parts = split_rows(data, run.plan.split, run.plan.data.columns)
    test = parts.test
    if number is not None and not 0 <= number < len(test):
        raise DataError(
            f"example {number}: the test part has "
            f"{amount(len(test), NOUNS[data.kind])}; choose 0 to {len(test) - 1}"
        )
    observer.stage("Choosing examples")
    places = np.arange(min(len(test), MOST_ROWS)) if number is None else [number]
    rows = test[places]
    model = run.model
    answers = model.predict(data, rows)
    targets = true_targets(model.preparation, data, rows)
    found = [
        _Asked(int(rows[i]), int(places[i]), float(targets[i]), answers[i])
        for i in ([0] if number is not None else _right_and_wrong(answers, targets))
    ]
    observer.stage("Looking at examples")
    return tuple(_look(run, model, data, parts, asked) for asked in found)


def _right_and_wrong(answers: np.ndarray, targets: np.ndarray) -> list[int]:
    if answers.ndim == 1:
        errors = np.abs(answers - targets)
        return list(dict.fromkeys([int(errors.argmin()), int(errors.argmax())]))
    right = answers.argmax(axis=1) == targets
    return [int(kind.argmax()) for kind in (right, ~right) if kind.any()]


def _look(run: Run, model: Model, data: Data, parts: Parts, asked: _Asked) -> Example:
    row = np.array([asked.row])
    prepared = model.preparation.inputs(data, row)[:]
    inputs = _as_fed(model, prepared)
    classes = model.problem.classes
    one_output = len(classes) != model.network(inputs).shape[1]
    place = 0 if one_output else int(asked.answer.argmax())
    attribution = None
    if attributions.available():
        attribution = _attribution(run, model, data, parts, row, place)
        if not classes:
            attribution = _in_units(model, attribution)
    title, said = _wording(model, asked)
    if classes:
        towards = f"“{classes[1 if one_output else place]}”"
    else:
        towards = model.problem.target
    return Example(
        title=title,
        said=said,
        **dict(_shown(data, row)),
        answers=dict(zip(classes, asked.answer.tolist(), strict=True))
        if classes
        else {},
        activations=activations(model.network, inputs),
        attribution=attribution,
        towards=towards,
        plain=_plain(data),
    )


def _wording(model: Model, asked: _Asked) -> tuple[str, str]:
    classes, target = model.problem.classes, model.problem.target
    title = f"Example {asked.place} of the test part"
    if not classes:
        answer, known = float(asked.answer), asked.target
        return title, (
            f"{target} is {number(known, 6)}; the network said {number(answer, 6)}, "
            f"{number(abs(answer - known), 3)} away."
        )
    code = int(asked.answer.argmax())
    right = code == int(asked.target)
    verdict = "which is right" if right else f"but it is “{classes[int(asked.target)]}”"
    said = (
        f"The network said “{classes[code]}” with a probability of "
        f"{percent(float(asked.answer[code]), 1)}, {verdict}."
    )
    return f"{title}: {'right' if right else 'wrong'}", said


def _shown(data: Data, row: np.ndarray) -> Shown:
    inputs = data.inputs
    if isinstance(inputs, Table):
        return Shown(row={n: _text(c, row) for n, c in inputs.columns.items()})
    return show(inputs, row)[0]


def _plain(data: Data) -> str:
    """Say with what an example is compared to find out what mattered."""
    match data.inputs:
        case Table():
            return "a usual row (means of numbers, commonest categories)"
        case Sequences() if data.inputs.symbols:
            return "a text of as many unknown characters"
        case Sequences():
            return "a sequence as long whose channels stay at their means"
    return "an all-black picture" if data.kind == "images" else "a volume of zeros"


def _text(column: Column, row: np.ndarray) -> str:
    if column.kind == "number" and not column.missing[row[0]]:
        return f"{column.values[row[0]]:.6g}"
    return column.texts(row)[0]


def _as_fed(model: Model, prepared: np.ndarray) -> Tensor:
    """Return prepared inputs as the network takes them, in its type, on its device."""
    weight = next(model.network.parameters())
    tensor = torch.from_numpy(np.ascontiguousarray(prepared))
    batch = scaled(tensor, *model.preparation.pixel_scale)
    return batch.to(weight.device, weight.dtype)


def _in_units(model: Model, found: Attribution) -> Attribution:
    """Say in the target's own units what the network says in scaled ones."""
    scaled = np.array([[0.0], [1.0], [found.output], [found.baseline]])
    zero, one, output, baseline = model.preparation.target_values(scaled).ravel()
    return replace(
        found,
        values=found.values * float(one - zero),
        output=float(output),
        baseline=float(baseline),
    )


def _attribution(
    run: Run, model: Model, data: Data, parts: Parts, row: np.ndarray, place: int
) -> Attribution:
    if isinstance(data.inputs, Sequences):
        return _step_attribution(run, model, data.inputs, parts, row, place)
    table = model.preparation.table
    prepared = model.preparation.inputs(data, row)[:]
    inputs = _as_fed(model, prepared)
    if table is None:
        plain = _as_fed(model, np.zeros_like(prepared))
        return attributions.pixel_attribution(model.network, inputs, plain, place)
    usual = attributions.usual_row(
        model.preparation.inputs(data, parts.train[:MOST_ROWS])[:],
        model.preparation.num_numbers,
    )
    return attributions.column_attribution(
        model.network,
        inputs,
        _as_fed(model, usual),
        place,
        columns=feature_places(table),
        has_codes=bool(model.preparation.cardinalities),
        seed=run.plan.training.seed,
    )


def _step_attribution(
    run: Run,
    model: Model,
    sequences: Sequences,
    parts: Parts,
    row: np.ndarray,
    place: int,
) -> Attribution:
    """Put stretches of a sequence in before it is prepared, whatever it becomes."""
    steps = sequences.at(int(row[0]))
    if sequences.symbols:
        # No character of training: what the network does not know.
        plain = np.array([len(sequences.symbols)], np.float32)
        sequences = replace(sequences, symbols=(*sequences.symbols, _UNKNOWN))
    else:
        usual = sequences.take(parts.train[:MOST_ROWS]).values
        means = np.nanmean(usual, axis=0, dtype=np.float64)
        plain = np.asarray(means, np.float32)

    def answer(kept: np.ndarray) -> Tensor:
        changed = np.where(kept, steps, plain).astype(np.float32)
        many = sequences.take(np.repeat(row, len(kept)))
        many = replace(many, values=changed.reshape(-1, steps.shape[1]))
        preparation = model.preparation.sequences
        assert preparation is not None  # noqa: S101 -- the data are sequences
        return model.raw_outputs(preparation.apply(many))

    return attributions.step_attribution(
        answer,
        num_steps=len(steps),
        num_channels=steps.shape[1],
        place=place,
        seed=run.plan.training.seed,
    )
