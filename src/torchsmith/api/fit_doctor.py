"""The doctor beside `fit`: before, during and after."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from torchsmith.api.doctoring import (
    diagnosis_of,
    known_diagnosis,
    told,
    watched,
    write_diagnosis,
)
from torchsmith.api.fit_choices import section_settings
from torchsmith.api.fit_values import harm_told
from torchsmith.core.errors import DataError, Diverged
from torchsmith.core.run_folder import RunFolder
from torchsmith.doctor.diagnosis import Diagnosis
from torchsmith.doctor.examine import examine
from torchsmith.doctor.subject import Subject
from torchsmith.doctor.watch import Watch
from torchsmith.plan.doctor import Doctor
from torchsmith.train.batches import Batches, DatasetBatches
from torchsmith.train.loop import Job
from torchsmith.train.session import diverged
from torchsmith.train.state import TrainState
from torchsmith.train.watch import TrainingObserver

MOST_COPIED = 64 * 2**20
"""Bytes of an array or list of a data set that are copied; a larger one is shared."""


def doctor_settings(given: object) -> Doctor:
    """Return what `fit` is told of the doctor, as the plan's key.

    Args:
        given: `Doctor`, a mapping, or None; True and False say whether it examines.

    Raises:
        PlanError: There is no such setting.
    """
    if isinstance(given, bool):
        return Doctor(examine=given)
    return section_settings(Doctor, {} if given is None else given, "doctor")


@dataclass
class FitDoctor:
    """Looks at one fit.

    Attributes:
        subject: What is trained; its data sets are copies.
        settings: What the person asked for.
        diagnosis: So far.
        folder: Of the run; None where there is none.
        watch: Looks on while training goes on.
    """

    subject: Subject
    settings: Doctor
    diagnosis: Diagnosis
    folder: RunFolder | None = None
    watch: Watch = field(init=False)

    @classmethod
    def examining(
        cls, job: Job, state: TrainState, settings: Doctor, observer: TrainingObserver
    ) -> "FitDoctor":
        """Look at a fit that has not begun, and tell what is not only a note.

        Args:
            job: What to train on, and how.
            state: At step 0, and stays so, bit for bit.
            settings: What the person asked for.
            observer: Is told what was found.
        """
        subject = Subject(with_copied_data(job), state)
        diagnosis = diagnosis_of(examine(subject, observer=observer), settings.ignore)
        for finding in diagnosis.findings:
            if finding.severity != "note":
                observer.note(told(finding))
        return cls(subject, settings, diagnosis)

    @classmethod
    def resuming(
        cls,
        job: Job,
        state: TrainState,
        settings: Doctor,
        folder: RunFolder,
        observer: TrainingObserver,
    ) -> "FitDoctor":
        """Go on with what was found before a fit was interrupted."""
        known = known_diagnosis(folder, observer) or Diagnosis()
        return cls(Subject(with_copied_data(job), state), settings, known, folder)

    def begin(self, folder: RunFolder | None = None) -> Watch:
        """Return what looks on while training goes on, from where its state is now.

        Args:
            folder: Of the run; None keeps everything in memory.
        """
        self.folder = folder
        if folder is not None:
            write_diagnosis(folder, self.diagnosis)
        path = None if folder is None else folder.signals
        reference, ignore = self.diagnosis.reference, self.settings.ignore
        self.watch = Watch(self.subject, reference, ignore, path)
        return self.watch

    def conclude(self) -> Diagnosis:
        """Add what training showed, also where it ended in an error, and write it."""
        ignore = self.settings.ignore
        self.diagnosis = watched(self.diagnosis, self.watch, None, ignore)
        if self.folder is not None:
            write_diagnosis(self.folder, self.diagnosis)
        return self.diagnosis


@contextmanager
def telling_of_divergence(
    job: Job, state: TrainState, beside: FitDoctor | None, observer: TrainingObserver
) -> Iterator[None]:
    """Tell why a loss is no number any longer, where one becomes so.

    Args:
        job: What is trained on; its examples may be why.
        state: Where training is.
        beside: Looks at the fit; None where the doctor was not asked.
        observer: Is told what training showed, the likely cause first.
    """
    try:
        yield
    except Diverged as error:
        found = beside.conclude().findings if beside else ()
        for finding in (f for f in found if f.moment == "during"):
            observer.note(told(finding))
        if harm := harm_told(job.train, "train", state.epoch):
            raise diverged(state, harm) from error
        raise


def with_copied_data(job: Job) -> Job:
    """Return a job that reads copies of a person's data sets, in this process.

    A data set may change itself when it is read, or draw from numbers of its own: what
    the doctor reads must not change what training reads.
    """
    kept = [part for part in (job.train, job.val) if isinstance(part, DatasetBatches)]
    sets = copied([part.items.dataset for part in kept])
    made = {id(part): one for part, one in zip(kept, sets, strict=True)}

    def reading(part: Batches) -> Batches:
        if not isinstance(part, DatasetBatches):
            return part
        one, items = made[id(part)], part.items
        with suppress(DataError):
            return DatasetBatches(one, job.device, seed=items.seed, part=items.part)
        return part

    val = None if job.val is None else reading(job.val)
    return replace(job, train=reading(job.train), val=val)


def copied(sets: list[Dataset[Any]]) -> list[Dataset[Any]]:
    """Return copies of data sets that share what is large, or themselves.

    Args:
        sets: One that is there twice is copied once. Those that cannot be copied, such
            as with an open file, are returned as they are.
    """
    shared = {id(each): each for one in sets for each in _large(one)}
    try:
        return copy.deepcopy(sets, shared)
    except Exception:  # noqa: BLE001 -- a person's code may raise any
        return sets


def _large(value: object, depth: int = 4) -> Iterator[object]:
    """Find arrays, and lists of them, that are too large to be copied."""
    if _num_bytes(value) > MOST_COPIED:
        yield value
    elif depth and isinstance(value, list | tuple):
        for each in value[:100]:
            yield from _large(each, depth - 1)
    elif depth and isinstance(value, dict):
        for each in list(value.values())[:100]:
            yield from _large(each, depth - 1)
    elif depth and hasattr(value, "__dict__"):
        yield from _large(vars(value), depth - 1)


def _num_bytes(value: object) -> int:
    """Estimate the size of arrays and of containers, by their first element."""
    if isinstance(value, Tensor | np.ndarray):
        return value.nbytes
    if isinstance(value, list | tuple | dict) and value:
        each = value.values() if isinstance(value, dict) else value
        return len(value) * (64 + _num_bytes(next(iter(each))))
    return 0
