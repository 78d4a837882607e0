"""Preparation: fitted on the training rows only, then the same for every row.

A `Preparation` is a record. Beside the weights it is all that prediction needs: how
columns are read, what fills gaps, scales, categories, classes.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import numpy as np

from torchsmith.core.errors import DataError, PlanError
from torchsmith.core.memory import is_large
from torchsmith.core.record import Record
from torchsmith.core.vocabulary import WORDS, ColumnRole, Kind, Task
from torchsmith.data.data import (
    Change,
    ColumnFormat,
    Data,
    Images,
    Sequences,
    Table,
    Volumes,
)
from torchsmith.data.picture_columns import refuse_unreadable
from torchsmith.data.pixels import ImagePreparation, Prepared, fit_images
from torchsmith.data.sequence_fit import SequencePreparation, fit_sequences
from torchsmith.data.steps import StandardizeTarget, Step, step_problems
from torchsmith.data.tabular import TablePreparation
from torchsmith.data.tabular_fit import fit_table
from torchsmith.data.targets import TargetPreparation, fit_target
from torchsmith.data.voxels import VolumePreparation, fit_volumes


class Preparation(Record):
    """How examples become arrays, and outputs become values.

    Attributes:
        task: What kind of problem it is.
        roles: For tables, what each column is used as.
        table: For tables.
        images: For images.
        sequences: For sequences.
        volumes: For volumes.
        target: Classes, or the scale of numbers.
    """

    version: Literal[1] = 1
    task: Task
    roles: dict[str, ColumnRole] = {}
    table: TablePreparation | None = None
    images: ImagePreparation | None = None
    sequences: SequencePreparation | None = None
    volumes: VolumePreparation | None = None
    target: TargetPreparation

    @property
    def kind(self) -> Kind:
        """What the examples are."""
        if self.images:
            return "images"
        if self.sequences:
            return "sequences"
        return "volumes" if self.volumes else "table"

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the order of the network's outputs; empty for regression."""
        return self.target.classes

    @property
    def formats(self) -> tuple[ColumnFormat, ...]:
        """How the columns that are used, and the target, are read from a new file."""
        return (*(self.table.formats if self.table else ()), self.target.format)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """For tables, the names of the numbers in the order of the columns."""
        return self.table.feature_names if self.table else ()

    @property
    def num_numbers(self) -> int:
        """For tables, how many of the first columns are numbers, not codes."""
        return len(self.feature_names)

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """For tables, the number of codes of each last column, code 0 included."""
        return self.table.cardinalities if self.table else ()

    @property
    def pictures(self) -> tuple[tuple[int, int, int], ...]:
        """For tables, `(C, H, W)` of each column of pictures, last of the numbers."""
        return tuple(p.shape for p in self.table.pictures) if self.table else ()

    @property
    def picture_column(self) -> str:
        """For tables, the first column of pictures; empty where there is none."""
        return self.table.pictures[0].name if self.table and self.pictures else ""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example: `(C,)`, `(C, L)`, `(C, H, W)` or `(C, D, H, W)`."""
        if self.images:
            return (self.images.channels, self.images.height, self.images.width)
        if self.sequences:
            return self.sequences.shape
        if self.volumes:
            return self.volumes.shape
        return (self.num_numbers + len(self.cardinalities),)

    @property
    def pixel_scale(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Offset and factor of each channel of images and volumes; otherwise empty.

        The network's input is `(pixels - offset) * factor`: `ToFloat` and `Standardize`
        in one.
        """
        stored = self.images or self.volumes
        return (stored.offset, stored.factor) if stored else ((), ())

    def inputs(self, data: Data, rows: np.ndarray | None = None) -> Prepared:
        """Return the inputs of all rows, or of these; large ones are made when taken.

        Returns:
            Tables: `(N, C)` float32, numbers first, then codes as whole numbers.
            Images, volumes: `(N, C, H, W)` or `(N, C, D, H, W)` uint8 or float32 as
            stored; `pixel_scale` is not applied.
            Sequences: `(N, *shape)` float32.

        Raises:
            DataError: A column is missing or holds what cannot be used; a picture
                cannot be read; a table instead of images, or the reverse.
        """
        inputs = data.inputs if rows is None else data.inputs.take(rows)
        with _named(data):
            if self.table and isinstance(inputs, Table):
                return self.table.apply(inputs)
            if self.images and isinstance(inputs, Images):
                item = np.dtype(self.images.dtype).itemsize
                size = math.prod((len(inputs), *self.input_shape)) * item
                if is_large(size):
                    return self.images.lazily(inputs)
                return self.images.apply(inputs)
            if self.sequences and isinstance(inputs, Sequences):
                return self.sequences.apply(inputs)
            if self.volumes and isinstance(inputs, Volumes):
                return self.volumes.apply(inputs)
        raise wrong_kind(data.source, data.kind, self.kind)

    def unseen(self, data: Data) -> tuple[Change, ...]:
        """Count what the training part did not have, and what is done about it."""
        if self.table and isinstance(data.inputs, Table):
            return self.table.unseen(data.inputs)
        if self.images and isinstance(data.inputs, Images):
            return self.images.unseen(data.inputs)
        if self.sequences and isinstance(data.inputs, Sequences):
            return self.sequences.unseen(data.inputs)
        if self.volumes and isinstance(data.inputs, Volumes):
            return self.volumes.unseen(data.inputs)
        raise wrong_kind(data.source, data.kind, self.kind)

    def targets(self, data: Data, rows: np.ndarray | None = None) -> np.ndarray:
        """Return the targets of all rows, or of these.

        Returns:
            `(N,)` int64 places of classes, or `(N, 1)` float32 for regression, scaled
            where the plan says so.

        Raises:
            DataError: No target, a missing one, or a class that training does not have.
        """
        return self.target.apply(data, rows)

    def predicted_values(self, outputs: np.ndarray) -> np.ndarray:
        """Return `target_values`, within the range that the plan asks for."""
        return self.target.clamped(self.target.values(outputs))

    def target_values(self, outputs: np.ndarray) -> np.ndarray:
        """Turn `(N, 1)` outputs of regression into float64 in the target's units."""
        return self.target.values(outputs)


def fit(
    data: Data,
    rows: np.ndarray,
    steps: Sequence[Step],
    *,
    roles: Mapping[str, ColumnRole],
    task: Task,
    classes: Sequence[str],
) -> Preparation:
    """Fit the steps of a plan on the training rows.

    Args:
        data: The whole source; only `rows` are looked at, but for whether the
            pictures that a table names can be read: to be told that after training
            would be late.
        rows: The training rows.
        steps: The plan's `prepare` section.
        roles: For tables, what each column is used as.
        task: What kind of problem it is.
        classes: In the order of the network's outputs; empty for regression.

    Raises:
        DataError: Columns or targets that cannot be used, with lines.
        PlanError: Steps or roles that do not fit the data.
    """
    if problems := step_problems(steps, data.kind, task):
        raise PlanError("; ".join(f"prepare.{i}: {text}" for i, text in problems))
    with _named(data):
        return _fitted(data, rows, steps, roles, task, classes)


@contextmanager
def _named(data: Data) -> Iterator[None]:
    """Name the source in errors of what does not know it, such as a column."""
    try:
        yield
    except DataError as error:
        if str(error).startswith(data.source):
            raise
        raise DataError(f"{data.source}: {error}") from error


def _fitted(
    data: Data,
    rows: np.ndarray,
    steps: Sequence[Step],
    roles: Mapping[str, ColumnRole],
    task: Task,
    classes: Sequence[str],
) -> Preparation:
    if isinstance(data.inputs, Table):
        for name in (name for name, role in roles.items() if role == "picture"):
            refuse_unreadable(data.inputs, data.inputs.columns[name])
    training = data.take(rows)
    standardize = next((s for s in steps if isinstance(s, StandardizeTarget)), None)
    target = fit_target(
        training,
        task,
        classes,
        standardize=standardize is not None,
        clamp=standardize is not None and standardize.clamp,
    )
    inputs = training.inputs
    return Preparation(
        task=task,
        roles=dict(roles),
        table=fit_table(inputs, steps, roles, target.plain(training), classes)
        if isinstance(inputs, Table)
        else None,
        images=fit_images(inputs, steps) if isinstance(inputs, Images) else None,
        sequences=_fit_sequences(data, training, steps, target),
        volumes=fit_volumes(inputs, steps) if isinstance(inputs, Volumes) else None,
        target=target,
    )


def _fit_sequences(
    data: Data, training: Data, steps: Sequence[Step], target: TargetPreparation
) -> SequencePreparation | None:
    """Fit sequences; whether their lengths differ is known of the source."""
    whole, inputs = data.inputs, training.inputs
    if not isinstance(inputs, Sequences) or not isinstance(whole, Sequences):
        return None
    return fit_sequences(
        inputs,
        steps,
        ragged=not whole.same_length,
        targets=target.plain(training),
        num_classes=len(target.classes),
    )


def wrong_kind(source: str, held: Kind, needed: Kind) -> DataError:
    """Return the error that a source holds another kind of examples."""
    return DataError(f"{source} holds {WORDS[held]}; the network needs {WORDS[needed]}")
