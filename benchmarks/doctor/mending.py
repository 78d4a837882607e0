"""Whether what the doctor tries and recommends wins back what was lost."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.doctor.one import BUDGET, economical, job_of, measure
from benchmarks.doctor.rows import Case, Row, Told, alarms
from benchmarks.doctor.tasks import TASKS
from benchmarks.doctor.truth import variants

import torchsmith as ts
from torchsmith.api.remedying import fix
from torchsmith.core.errors import TorchsmithError

NO_REMEDY = "no remedy that is likely better"

SECONDS = 30.0
"""That trials of remedies may take; a person's run has a minute at least."""


def mended(case: Case, rows: Mapping[str, Row], commit: str) -> Row | None:
    """Train a faulty plan again, with what `torchsmith doctor --fix` changes.

    Where there is no run that could be fixed, the first remedy is taken as it is told.

    Args:
        case: Of the mended run.
        rows: That are known.
        commit: Of the source.

    Returns:
        None where the fault does not hurt, or where there was no run to mend.
    """
    fault = replace(case, what="fault")
    faulty = rows.get(fault.key)
    name = (case.task, case.fault, case.level)
    hurting = {(v.task, v.fault, v.level) for v in variants(rows) if v.hurts}
    if faulty is None or faulty.refused or name not in hurting:
        return None
    changes = changes_of(fault)
    if changes is None:
        told = first_remedy(faulty)
        changes = {} if told is None else told.changes
    if not changes:
        return replace(faulty, case=case, ended=NO_REMEDY, findings=())
    # What trains the task's network may have no case for another; same bits.
    row = measure(fault, commit, {**changes, "training.engine": "eager"}, case)
    return replace(row, remedy=dict(changes))


def changes_of(case: Case) -> dict[str, Any] | None:
    """Return what fixing a faulty run changes; None where there is no whole run.

    Args:
        case: Of the faulty run.
    """
    job = job_of(case)
    with tempfile.TemporaryDirectory() as folder, economical():
        try:
            run = ts.train(
                job.given.data(), budget=BUDGET, settings=job.settings, runs=folder
            )
        except TorchsmithError:
            found = [path for path in Path(folder).iterdir() if path.is_dir()]
            if not found:
                return None
            run = ts.load_run(found[0])
        try:
            made = fix(run, source=job.given.data(), seconds=SECONDS)
        except TorchsmithError:
            return None
    return dict(made.changes)


def first_remedy(row: Row) -> Told | None:
    """Return the first alarm that says how to change the plan."""
    told = alarms(row, TASKS[row.case.task].known)
    return next((each for each in told if each.changes), None)
