"""A trained model on other data: predict, evaluate."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from torchsmith.api.kept_columns import kept_columns
from torchsmith.api.planning import Source
from torchsmith.api.predictions import Interval, Predictions
from torchsmith.api.run import Run, load_run
from torchsmith.api.surroundings import as_planned
from torchsmith.core.errors import DataError
from torchsmith.core.observer import QUIET, Observer
from torchsmith.core.vocabulary import NOUNS
from torchsmith.core.wording import amount, in_quotes
from torchsmith.data import load as reading
from torchsmith.data.catalog import set_named
from torchsmith.data.convert import UNLIKE
from torchsmith.data.data import (
    MISSING_TARGET,
    Column,
    ColumnFormat,
    Data,
    Images,
    Sequences,
    Table,
)
from torchsmith.data.memory import sheet_from_rows
from torchsmith.data.npy_files import is_array_file
from torchsmith.data.pixel_arrays import GREY_AXES
from torchsmith.data.pixels import ImagePreparation
from torchsmith.data.prepare import wrong_kind
from torchsmith.data.sequence_using import read_new_sequences
from torchsmith.data.tables import read_with_formats, table_from_rows
from torchsmith.evaluate.evaluation import Evaluation
from torchsmith.inspect.values import COUNTED, counted, left_out

if TYPE_CHECKING:
    from torchsmith.train.model import Model

AnyRun = Run | str | Path

_OF_STEPS = ("jumps here", "are uneven", "are unlike")
"""What reading a table of steps changes where it does not cut it as it stands."""

MOST_NAMES = 20
"""So many columns are named in a message."""


def predict(
    run: AnyRun,
    source: Source,
    *,
    keep: str | Sequence[str] = (),
    observer: Observer = QUIET,
) -> Predictions:
    """Predict for new data with a trained run.

    Args:
        run: A `Run`, its path, its name, or `"last"`.
        source: As for `Run.predict`.
        keep: As for `Run.predict`.
        observer: Is told what is going on.

    Raises:
        DataError: There is no such run, or the data does not fit it.
    """
    return load_run(run).predict(source, keep=keep, observer=observer)


def evaluate(run: AnyRun, source: Source, *, observer: Observer = QUIET) -> Evaluation:
    """Score a trained run on other data with known targets, without rivals.

    Args:
        run: A `Run`, its path, its name, or `"last"`.
        source: As for `Run.evaluate`.
        observer: Is told what is going on.

    Raises:
        DataError: There is no such run, or the data does not fit it.
    """
    return load_run(run).evaluate(source, observer=observer)


@as_planned()
def predict_with(
    model: "Model",
    source: Source,
    observer: Observer,
    keep: str | Sequence[str] = (),
    *,
    skip_damaged: bool = False,
) -> Predictions:
    """Predict for new data with a model, and keep columns of it beside."""
    data = read_for(model, source, observer, scored=False, skip_damaged=skip_damaged)
    kept = kept_columns(model, data, source, keep)
    observer.stage(f"Predicting {amount(len(data), 'example')}", len(data))
    outputs = model.predict(data, observer=observer)
    regression = model.problem.task == "regression"
    ends = model.ends(outputs)
    return Predictions(
        target=model.problem.target,
        classes=model.problem.classes,
        where=tuple(_where(data)),
        probabilities=None if regression else outputs,
        values=outputs if regression else None,
        interval=None
        if model.file.interval is None or ends is None
        else Interval(model.file.interval.coverage, *ends),
        notes=tuple(_notes(model, data, kept)),
        kept=kept,
    )


@as_planned()
def evaluate_with(
    model: "Model", source: Source, observer: Observer, *, skip_damaged: bool = False
) -> Evaluation:
    """Score a model on other data with known targets."""
    from torchsmith.api.evaluating import part_outputs
    from torchsmith.evaluate import evaluate as evaluation

    data = read_for(model, source, observer, scored=True, skip_damaged=skip_damaged)
    needed = model.preparation.kind
    if data.kind != needed:
        raise wrong_kind(data.source, data.kind, needed)
    if data.target is None:
        raise DataError(
            f"{data.source}: has no target {model.problem.target!r} to score against"
        )
    model.preparation.target.require_kind(data)
    data, note = _scorable(data, data.target)
    observer.stage(f"Evaluating on {amount(len(data), 'example')}", len(data))
    outputs = part_outputs(model, data, np.arange(len(data)), observer=observer)
    found = evaluation.evaluate(model.problem, outputs, num_train=0)
    told = (f"{text}." for text in (*_of_lines(data), *_unseen(model, data)))
    notes = (*found.notes, *((note,) if note else ()), *told)
    return found.model_copy(update={"notes": notes})


def _scorable(data: Data, target: Column) -> tuple[Data, str]:
    """Return the examples whose target is known, and say how many are not scored.

    Raises:
        DataError: No target is known.
    """
    rows = np.flatnonzero(target.missing)
    if len(rows) == len(target.values):
        raise DataError(
            f"{data.source}: no value of the target '{target.name}' is known, so there "
            "is nothing to score against"
        )
    count, places = len(rows), [data.inputs.places(rows)] if len(rows) else []
    for change in data.changes:  # windows of which reading found no target
        if change.what == MISSING_TARGET:
            count += change.count
            places.append(change.place)
    if not count:
        return data, ""
    note = (
        f"{amount(count, NOUNS[data.kind])} without a value of '{target.name}' not "
        f"scored ({', '.join(filter(None, places))})."
    )
    return data.take(np.flatnonzero(~target.missing)), note


def read_for(
    model: "Model",
    source: Source,
    observer: Observer,
    *,
    scored: bool,
    skip_damaged: bool = False,
) -> Data:
    """Read new data in the way in which the training data was read.

    Args:
        model: Says what its inputs and its target are.
        source: As for `Run.predict`.
        observer: Is told what is going on.
        scored: Whether the target is needed, too.
        skip_damaged: Leave out damaged pictures and volumes, as the run's plan says.

    Raises:
        DataError: A column is missing, a value does not fit, or it is another kind.
    """
    preparation = model.preparation
    if isinstance(source, Data):
        return source
    if (known := set_named(source)) and known.kind != preparation.kind:
        raise wrong_kind(known.name, known.kind, preparation.kind)
    if preparation.sequences is not None:
        return read_new_sequences(
            preparation.sequences,
            source,
            target=model.problem.target,
            scored=scored,
            observer=observer,
        )
    if preparation.table is None:
        skip = skip_damaged or None  # None: no advice to set what has no --set here
        data = _read_arrays(model, source, observer, scored=scored, skip_damaged=skip)
        if preparation.images is not None and data.target is None:
            _refuse_one_picture(preparation.images, data)
        return data
    formats, target = preparation.table.formats, preparation.target.format
    if not scored:  # whatever stands there, such as "?", is not looked at
        target = target.model_copy(update={"kind": "text"})
    if isinstance(source, (str, Path)):
        path = Path(source)
        if not path.exists() or path.is_dir() or is_array_file(path):
            asked = target.name if scored else None
            data = reading.load(source, target=asked, observer=observer)
            return data if scored else _with_inputs(data, formats, target)
        return read_with_formats(
            path,
            formats,
            target=target,
            columns=preparation.roles,
            observer=observer,
        )
    if scored and isinstance(source, tuple) and len(source) == 2:
        names = [form.name for form in formats]
        source = _with_targets(source[0], source[1], names, target.name)
    return table_from_rows(source, formats=formats, target=target)


def _with_targets(
    inputs: Any,  # noqa: ANN401 -- whatever holds a table
    labels: Any,  # noqa: ANN401 -- the same
    names: Sequence[str],
    target: str,
) -> dict[str, object]:
    """Put the inputs of (X, y) and their targets into one table.

    Raises:
        DataError: The inputs are no table of these columns.
    """
    if not hasattr(inputs, "columns"):
        sheet_from_rows(inputs, "X", names)  # says what does not fit
        if not isinstance(inputs, Mapping):
            inputs = dict(zip(names, np.asarray(inputs).T, strict=True))
    columns = getattr(inputs, "columns", inputs)
    return {
        **{str(name): inputs[name] for name in columns},
        target: np.atleast_1d(labels),
    }


def _with_inputs(
    data: Data, formats: Sequence[ColumnFormat], target: ColumnFormat
) -> Data:
    """Return a set with the columns that training had as inputs and as the target.

    The target may be absent, and the set's own may have been an input.

    Raises:
        DataError: An input is not there.
    """
    if not isinstance(data.inputs, Table):
        return data
    columns = dict(data.inputs.columns)
    if data.target is not None:
        columns[data.target.name] = data.target
    if lacking := [form.name for form in formats if form.name not in columns]:
        listed = ", ".join(f"'{name}'" for name in lacking[:MOST_NAMES])
        raise DataError(
            f"{data.source}: no column{'s' * (len(lacking) > 1)} {listed}; the "
            f"columns are: {', '.join(list(columns)[:MOST_NAMES])}"
        )
    answer = columns.pop(target.name, None)
    return replace(data, inputs=replace(data.inputs, columns=columns), target=answer)


def _read_arrays(
    model: "Model",
    source: Source,
    observer: Observer,
    *,
    scored: bool,
    skip_damaged: bool | None,
) -> Data:
    target, kind = model.problem.target, model.preparation.kind
    data = reading.load(
        source,
        target=target if scored else None,
        kind=kind,
        skip_damaged=skip_damaged,
        labelled=scored,
        observer=observer,
    )
    if isinstance(data.inputs, Table) and target in data.inputs.columns:
        # Pixels as text: only the name of the label tells them from a table.
        return reading.load(source, target=target, kind=kind, observer=observer)
    return data


def _refuse_one_picture(known: ImagePreparation, data: Data) -> None:
    """Refuse `(H, W, C)` and `(C, H, W)`, which read as grey pictures.

    Raises:
        DataError: The network learned colour pictures, and one axis is that of colours.
    """
    grey = data.reading.get("axes", "").startswith(GREY_AXES)
    if not grey or known.channels == 1 or not isinstance(data.inputs, Images):
        return
    height, width = data.inputs.sizes[0].tolist()
    shape = (len(data), height, width)
    last = width in (1, 3) and width != known.width
    # A grey picture by itself is the same whichever way it is read.
    if last or len(data) == 3:
        raise DataError(
            f"{data.source}: shape {shape} reads as {shape[0]} grey pictures of "
            f"{height} x {width}, but training had colour ones; give one picture "
            f"as {(1, *shape)}, grey ones as {(*shape, 1)}"
        )


def _where(data: Data) -> Iterator[str]:
    if isinstance(data.inputs, Table):
        return map(str, data.inputs.lines.numbers.tolist())
    return (data.inputs.name(index) for index in range(len(data)))


def _notes(
    model: "Model", data: Data, kept: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    if ignored := data.reading.get("ignored"):
        by_row = isinstance(data.inputs, Table) and not kept
        how = "; --keep COLUMN copies one beside the predictions" if by_row else ""
        yield f"not used by the network: {ignored}{how}"
    yield from _no_labels(model, data)
    yield from _of_lines(data)
    yield from _unseen(model, data)


def _unseen(model: "Model", data: Data) -> Iterator[str]:
    """Tell what training did not have, and what is done about it."""
    for change in model.preparation.unseen(data):
        noun = "value" if change.column else NOUNS[data.kind]
        subject = f"column '{change.column}': " if change.column else ""
        first = in_quotes(change.example) if change.example else ""
        shown = ", ".join(filter(None, (first, change.place)))
        yield f"{subject}{amount(change.count, noun)}: {change.what} (first: {shown})"


def _of_lines(data: Data) -> Iterator[str]:
    """Tell what gives no prediction, and which steps are not as one would think.

    A table of steps is not always cut from its rows as they stand.
    """
    steps = isinstance(data.inputs, Sequences)
    for change in data.changes:
        what = change.what
        if what.startswith(COUNTED):
            yield f"{counted(change)}: {change.place}"
        elif not change.lines and (told := left_out(change)):
            yield told
        elif steps and any(words in what for words in _OF_STEPS):
            yield f"{what} ({change.place})" if change.place else what
        elif what.startswith(UNLIKE):
            values = amount(change.count, "value")
            told = f"(first: {in_quotes(change.example)}, {change.place})"
            yield f"column '{change.column}': {values}: {what} {told}"


def _no_labels(model: "Model", data: Data) -> Iterator[str]:
    """Doubt labels of new sequences that training did not have.

    Lines of numbers of several lengths do not tell whether the first is a label. Other
    sources do, and predicting does not look at theirs.
    """
    classes = model.problem.classes
    rows = data.reading.get("format", "").startswith("one sequence per line")
    if data.target is None or not classes or not rows:
        return
    known = {*classes, ""}
    odd = [text for text in data.target.texts() if text not in known]
    if odd:
        yield (
            f"{amount(len(odd), 'label')} in {data.source}: none of the classes "
            f"(first: '{odd[0]}'); if these are steps, write a label before them"
        )
