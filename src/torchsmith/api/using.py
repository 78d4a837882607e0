"""A trained model on other data: predict, evaluate."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from torchsmith.api.planning import QUIET, Source
from torchsmith.api.predictions import Predictions
from torchsmith.api.run import Run, load_run
from torchsmith.core.errors import DataError
from torchsmith.core.observer import Observer
from torchsmith.core.vocabulary import NOUNS, Kind
from torchsmith.data import load as reading
from torchsmith.data.data import Data, Sequences, Table
from torchsmith.data.sequence_using import read_new_sequences
from torchsmith.data.tables import read_with_formats, table_from_rows
from torchsmith.evaluate.evaluation import Evaluation
from torchsmith.inspect.wording import amount, at_lines

if TYPE_CHECKING:
    from torchsmith.train.model import Model

AnyRun = Run | str | Path


def predict(run: AnyRun, source: Source, *, observer: Observer = QUIET) -> Predictions:
    """Predict for new data with a trained run.

    Args:
        run: A `Run`, its path, its name, or `"last"`.
        source: As for `Run.predict`.
        observer: Is told what is going on.

    Raises:
        DataError: There is no such run, or the data does not fit it.
    """
    return _opened(run).predict(source, observer=observer)


def evaluate(run: AnyRun, source: Source, *, observer: Observer = QUIET) -> Evaluation:
    """Score a trained run on other data with known targets, without rivals.

    Args:
        run: A `Run`, its path, its name, or `"last"`.
        source: As for `Run.evaluate`.
        observer: Is told what is going on.

    Raises:
        DataError: There is no such run, or the data does not fit it.
    """
    return _opened(run).evaluate(source, observer=observer)


def predict_with(model: "Model", source: Source, observer: Observer) -> Predictions:
    """Predict for new data with a model."""
    data = read_for(model, source, observer, scored=False)
    observer.stage(f"Predicting {amount(len(data), 'example')}")
    outputs = model.predict(data)
    regression = model.problem.task == "regression"
    return Predictions(
        target=model.problem.target,
        classes=model.problem.classes,
        where=tuple(_where(data)),
        probabilities=None if regression else outputs,
        values=outputs if regression else None,
        notes=tuple(_notes(model, data)),
    )


def evaluate_with(model: "Model", source: Source, observer: Observer) -> Evaluation:
    """Score a model on other data with known targets."""
    from torchsmith.api.evaluating import part_outputs
    from torchsmith.evaluate import evaluate as evaluation

    data = read_for(model, source, observer, scored=True)
    if data.target is None:
        raise DataError(
            f"{data.source}: has no target {model.problem.target!r} to score against"
        )
    observer.stage(f"Evaluating on {len(data):,} examples")
    outputs = part_outputs(model, data, np.arange(len(data)))
    return evaluation.evaluate(model.problem, outputs, num_train=0)


def read_for(
    model: "Model", source: Source, observer: Observer, *, scored: bool
) -> Data:
    """Read new data in the way in which the training data was read.

    Args:
        model: Says what its inputs and its target are.
        source: As for `Run.predict`.
        observer: Is told what is going on.
        scored: Whether the target is needed, too.

    Raises:
        DataError: A column is missing, a value does not fit, or it is another kind.
    """
    preparation = model.preparation
    if isinstance(source, Data):
        return source
    if preparation.sequences is not None:
        return read_new_sequences(
            preparation.sequences,
            source,
            target=model.problem.target,
            scored=scored,
            observer=observer,
        )
    if preparation.table is None:
        name, kind = model.problem.target, preparation.kind
        return _read_arrays(source, name, kind, observer, scored=scored)
    formats, target = preparation.table.formats, preparation.target.format
    if isinstance(source, (str, Path)):
        path = Path(source)
        if not path.exists() or path.is_dir():
            return reading.load(source, target=target.name, observer=observer)
        return read_with_formats(path, formats, target=target, observer=observer)
    return table_from_rows(source, formats=formats, target=target)


def _read_arrays(
    source: Source, target: str, kind: Kind, observer: Observer, *, scored: bool
) -> Data:
    asked = target if scored else None
    data = reading.load(source, target=asked, kind=kind, observer=observer)
    if isinstance(data.inputs, Table) and target in data.inputs.columns:
        # Pixels as text: only the name of the label tells them from a table.
        return reading.load(source, target=target, observer=observer)
    return data


def _where(data: Data) -> Iterator[str]:
    if isinstance(data.inputs, Table):
        return (str(line) for line in data.inputs.lines.tolist())
    return (data.inputs.name(index) for index in range(len(data)))


def _notes(model: "Model", data: Data) -> Iterator[str]:
    if ignored := data.reading.get("ignored"):
        yield f"not used by the network: {ignored}"
    yield from _no_labels(model, data)
    for change in model.preparation.unseen(data):
        noun = "value" if change.column else NOUNS[data.kind]
        subject = f"column '{change.column}': " if change.column else ""
        first = f"'{change.example}'" if change.example else ""
        lines = at_lines(change.lines, change.count) if change.lines else ""
        shown = ", ".join(filter(None, (first, lines)))
        yield f"{subject}{amount(change.count, noun)}: {change.what} (first: {shown})"


def _no_labels(model: "Model", data: Data) -> Iterator[str]:
    """Doubt labels of new sequences that training did not have.

    Lines of numbers of several lengths do not tell whether the first is a label.
    """
    classes = model.problem.classes
    if data.target is None or not classes or not isinstance(data.inputs, Sequences):
        return
    known = {*classes, ""}
    odd = [text for text in data.target.texts() if text not in known]
    if odd:
        yield (
            f"{amount(len(odd), 'label')} in {data.source}: none of the classes "
            f"(first: '{odd[0]}'); if these are steps, write a label before them"
        )


def _opened(run: AnyRun) -> Run:
    return run if isinstance(run, Run) else load_run(run)
