"""Carrying out one case: train with the doctor, and see what the network is worth."""

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest import mock

import numpy as np
from benchmarks.doctor.examples import Examples
from benchmarks.doctor.faults import FAULTS
from benchmarks.doctor.healthy import configuration
from benchmarks.doctor.observed import observe, observe_ended
from benchmarks.doctor.rivals import alarms_of_rivals
from benchmarks.doctor.rows import Case, Row, Told
from benchmarks.doctor.tasks import TASKS, Task
from benchmarks.quality.scores import calibration_error

import torchsmith as ts
from torchsmith.api import evaluating, reporting
from torchsmith.api.run import Run, read_history
from torchsmith.core.errors import TorchsmithError
from torchsmith.core.run_folder import RunFolder
from torchsmith.doctor.diagnosis import Diagnosis

BUDGET = 10.0
"""Seconds; decides how long the rivals may take, and nothing else: epochs are set."""

CODE = re.compile(r"\b([DPCTQ]\d{1,2})\b")

Change = Callable[[Examples, Any, np.random.Generator], Examples]


@dataclass(frozen=True)
class Job:
    """What a case trains on, with which settings, and what it is asked afterwards."""

    task: Task
    given: Examples
    unseen: Examples
    settings: Mapping[str, Any]


def job_of(case: Case, changes: Mapping[str, Any] | None = None) -> Job:
    """Return what a case trains.

    Args:
        case: Which.
        changes: Settings that a remedy puts over those of the case.
    """
    task = TASKS[case.task]
    given, unseen = task.examples, task.unseen
    settings = task.settings(case.seed)
    if case.what == "config":
        settings |= configuration(task, int(case.fault))
    names = case.fault.split("+") if case.level else []
    for name in names:
        fault = FAULTS[name]
        level = fault.levels[case.level - 1]
        if fault.settings is not None:
            settings |= fault.settings(task, level)
        if fault.examples is not None and fault.unseen is fault.examples:
            # As one, so that both are changed by the same numbers.
            both = fault.examples(given.and_also(unseen), level, _random(case, name))
            mine, theirs = np.split(np.arange(len(both)), [len(given)])
            given = both.take(mine).changed(parts=given.parts)
            unseen = both.take(theirs)
            continue
        if fault.examples is not None:
            given = fault.examples(given, level, _random(case, name))
        if fault.unseen is not None:
            unseen = fault.unseen(unseen, level, _random(case, name))
    if not given.is_table and given.array.dtype != unseen.array.dtype:
        unseen = unseen.changed(unseen.array.astype(given.array.dtype))
    # Later settings stand over earlier ones, as `optimizer` over `optimizer.lr`.
    remedy = dict(changes or {})
    kept = {path: value for path, value in settings.items() if path not in remedy}
    return Job(task, given, unseen, kept | remedy)


def _random(case: Case, name: str) -> np.random.Generator:
    text = f"{case.task}/{name}/{case.level}/{case.seed}"
    return np.random.default_rng(list(hashlib.sha256(text.encode()).digest()))


def measure(
    case: Case,
    commit: str,
    changes: Mapping[str, Any] | None = None,
    named: Case | None = None,
) -> Row:
    """Train a case, and return its row.

    Args:
        case: Which.
        commit: Of the source.
        changes: Of the doctor's remedy.
        named: What to call the row, where that is not the case itself.
    """
    job = job_of(case, changes)
    case = named or case
    begin = perf_counter()
    with tempfile.TemporaryDirectory() as folder, economical():
        try:
            run = ts.train(
                job.given.data(), budget=BUDGET, settings=job.settings, runs=folder
            )
        except TorchsmithError as error:
            return _without_network(case, job, Path(folder), str(error), commit)
        return _row(case, job, run, perf_counter() - begin, commit)


def _row(case: Case, job: Job, run: Run, seconds: float, commit: str) -> Row:
    said = run.predict(job.unseen.source)
    calibration = None
    scores = run.evaluation.scores["test"]
    if job.task.regression:
        assert said.values is not None
        score = -_error(said.values - job.unseen.targets, job)
        reported = -scores["rmse"].value / float(job.unseen.targets.std())
    else:
        assert said.probabilities is not None
        score = float((np.array(said.texts) == job.unseen.targets).mean())
        reported = scores["accuracy"].value
        calibration = _calibration(said.probabilities, said.classes, job)
    diagnosis = run.diagnosis
    return Row(
        case,
        score=round(score, 5) if np.isfinite(score) else -1.0,
        reported=round(reported, 5),
        calibration=calibration,
        findings=tuple(_told(diagnosis)),
        num_steps=run.history[-1].step,
        share=len(run.history) / run.plan.training.epochs,
        seconds={**dict(run.seconds), "total": round(seconds, 3), **diagnosis.seconds},
        left_out=diagnosis.left_out,
        rivals=alarms_of_rivals(observe(run, job.given.data())),
        commit=commit,
    )


def _error(differences: np.ndarray, job: Job) -> float:
    return float(np.sqrt((differences**2).mean()) / job.unseen.targets.std())


def _calibration(
    probabilities: np.ndarray, classes: tuple[str, ...], job: Job
) -> float | None:
    place = {name: code for code, name in enumerate(classes)}
    codes = np.array([place.get(name, -1) for name in job.unseen.targets.tolist()])
    return round(calibration_error(probabilities, codes), 5)


def _without_network(
    case: Case, job: Job, folder: Path, error: str, commit: str
) -> Row:
    """Return the row of a run that was refused, or that ended without a network."""
    folders = [path for path in folder.iterdir() if path.is_dir()]
    findings: tuple[Told, ...] = ()
    rivals = {}
    steps, share = 0, 0.0
    if folders:
        rivals = alarms_of_rivals(observe_ended(folders[0]))
        kept = RunFolder(folders[0])
        if kept.diagnosis.is_file():
            told = Diagnosis.model_validate_json(kept.diagnosis.read_bytes())
            findings = tuple(_told(told))
        history = read_history(kept.metrics)
        steps = history[-1].step if history else 0
        share = len(history) / job.settings["training.epochs"]
    else:
        codes = list(dict.fromkeys(CODE.findall(error))) or ["refused"]
        findings = tuple(
            Told(code, "error", "before", message=error[:200]) for code in codes
        )
    return Row(
        case,
        score=chance(job),
        findings=findings,
        ended=error[:300],
        refused=not folders,
        num_steps=steps,
        share=share,
        rivals=rivals,
        commit=commit,
    )


def chance(job: Job) -> float:
    """Return what the best constant answer reaches on the unseen examples."""
    if job.task.regression:
        return -1.0
    names, counts = np.unique(job.given.targets, return_counts=True)
    return float((job.unseen.targets == names[counts.argmax()]).mean())


def _told(diagnosis: Diagnosis) -> Iterator[Told]:
    for found in diagnosis.findings:
        if found.severity != "note":
            yield Told(
                found.code,
                found.severity,
                found.moment,
                found.where[:80],
                found.message[:200],
                found.evidence[:300],
                dict(found.changes),
            )


_RIVALS: dict[str, Any] = {}


@contextmanager
def economical() -> Iterator[None]:
    """Fit rivals once for equal data, and write no report: nothing new is in either."""
    fit_rivals = evaluating.fit_rivals

    def once(**asked: Any) -> Any:
        key = hashlib.sha256()
        for name in ("train", "test"):
            key.update(np.ascontiguousarray(asked[name].numbers).tobytes())
            key.update(np.ascontiguousarray(asked[name].codes).tobytes())
        key.update(np.ascontiguousarray(asked["targets"]).tobytes())
        key.update(f"{asked['metric']} {asked['seed']}".encode())
        name = key.hexdigest()
        if name not in _RIVALS:
            _RIVALS[name] = fit_rivals(**asked)
        return _RIVALS[name]

    with (
        mock.patch.object(evaluating, "fit_rivals", once),
        mock.patch.object(reporting, "report_html", return_value=""),
    ):
        yield
