"""The doctor, asked: of data, a plan, a run, or a person's own script."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeGuard, assert_never

from torchsmith.api.carrying import make_ready
from torchsmith.api.doctoring import (
    concluded,
    examined,
    known_diagnosis,
    read_diagnosis,
    write_diagnosis,
)
from torchsmith.api.planning import (
    Planned,
    Source,
    inspect,
    is_in_memory,
    load_planned,
)
from torchsmith.api.run import Run, read_history
from torchsmith.api.training import planned_of
from torchsmith.core.errors import DataError, TorchsmithError, TrainError, nearest
from torchsmith.core.run_folder import RunFolder, is_run, run_names, runs_called
from torchsmith.data.catalog import set_named
from torchsmith.data.load import target_name
from torchsmith.doctor.course import Course
from torchsmith.doctor.diagnosis import Diagnosis
from torchsmith.doctor.judge_choice import find_in_choice
from torchsmith.doctor.rank import ranked
from torchsmith.doctor.signals import read_signals
from torchsmith.evaluate.evaluation import Evaluation
from torchsmith.inspect.inspection import Finding
from torchsmith.plan.file import is_plan_file, naming_lines
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import asked_settings
from torchsmith.train.watch import TrainingObserver

LAST = "last"

MOST_OTHERS = 200
"""Runs of one folder, the newest, that a run is compared with."""


def doctor(
    what: Run | Plan | Source,
    *,
    target: str | int | None = None,
    settings: Mapping[str, object] | None = None,
    arguments: Sequence[str] = (),
    runs: str | Path = "runs",
    observer: TrainingObserver | None = None,
) -> Diagnosis:
    """Find out what is wrong, how it shows, and what to do about it.

    Args:
        what: A run, its path, its name, or `"last"`, also one that was interrupted:
            data, plan, how it trained and what came out; its diagnosis and its report
            are written anew. Or a `Plan`, the path of its file, or data as for `load`:
            all that can be known before training. Or the path of a training script,
            `FILE.py`: it is run under watch for its first steps.
        target: For data, the column to predict.
        settings: For data or a plan, values of the plan by dotted path.
        arguments: For a script, as on its command line.
        runs: The folder in which runs are looked for by name.
        observer: Is told what is going on.

    Raises:
        DataError: There is no such run, data or script.
        PlanError: The plan cannot be carried out.
        TrainError: The run folder cannot be read, or nothing of the script was seen.

    >>> doctor("iris", settings={"training.epochs": 2}).errors
    ()
    """
    watcher = observer or TrainingObserver()
    if settings is not None:
        settings = asked_settings(settings)
    target = target_name(target)
    if is_script(what):
        _refuse("a script", target=target, settings=settings)
        from torchsmith.doctor.script import examine_script

        return examine_script(Path(what), arguments, watcher)
    folder = folder_of(what, Path(runs))
    if folder is None:
        _refuse("data or a plan", arguments=arguments)
        try:
            return _before_training(what, target, settings, watcher)
        except DataError as error:
            if hint := _near_run(what, Path(runs)):
                raise DataError(f"no run at {what}{hint}") from error
            raise
    _refuse("a run", target=target, settings=settings, arguments=arguments)
    match folder.kind:
        case "plan":
            return _of_run(Run(folder.path), watcher)
        case "fit":
            return _of_fit(folder)
        case "study" | "lesson":
            Run(folder.path)  # says what to name instead
            raise AssertionError(folder.kind)
        case _:
            assert_never(folder.kind)


def is_script(what: object) -> TypeGuard[str | Path]:
    """Whether a Python script is named."""
    return isinstance(what, str | Path) and Path(what).suffix == ".py"


def _refuse(what: str, **given: object) -> None:
    for name, value in given.items():
        if value:
            raise DataError(f"{name}: has no meaning for {what}; leave it out")


def folder_of(what: object, runs: Path) -> RunFolder | None:
    """Return the folder of a run that is named; None where something else is.

    Raises:
        DataError: The last run is asked for, and there is none; or several are called
            so.
    """
    if isinstance(what, Run):
        return what.folder
    if not isinstance(what, str | Path):
        return None
    named = str(what) == LAST or is_run(Path(what)) or is_run(runs / what)
    if not named and not Path(what).exists() and set_named(str(what)) is None:
        named = bool(runs_called(str(what), runs))
    return RunFolder.find(what, runs) if named else None


def _near_run(what: object, runs: Path) -> str:
    """Return the end of a message that offers a run with nearly that name."""
    if not isinstance(what, str | Path) or Path(what).exists():
        return ""
    return nearest(Path(what).name, run_names(runs))


def _before_training(
    what: Plan | Source,
    target: str | None,
    settings: Mapping[str, object] | None,
    observer: TrainingObserver,
) -> Diagnosis:
    """Examine thoroughly what could be trained; what cannot be is a finding, too."""
    if is_plan_file(what):
        with naming_lines(Path(what), settings or ()):
            planned = planned_of(what, target, None, settings, observer)
            return _examined(planned, observer)
    try:
        planned = planned_of(what, target, None, settings, observer)
    except DataError as error:
        if isinstance(what, Plan):
            raise
        return _unfit(what, target, settings, error)
    return _examined(planned, observer)


def _unfit(
    source: Source,
    target: str | None,
    settings: Mapping[str, object] | None,
    error: DataError,
) -> Diagnosis:
    """Return the findings that stand in the way of a plan, or say what does."""
    reading = {k: v for k, v in (settings or {}).items() if k.startswith("data.")}
    try:
        found = inspect(source, target=target, settings=reading).findings
    except TorchsmithError:
        raise error from None
    if not any(finding.severity == "error" for finding in found):
        raise error
    return Diagnosis(
        findings=found, left_out=("The plan: none can be made of this data.",)
    )


def _examined(planned: Planned, observer: TrainingObserver) -> Diagnosis:
    setup = make_ready(planned.plan, planned.data, observer)
    from torchsmith.doctor.examine import THOROUGH

    return examined(planned, setup, observer, THOROUGH)


def _of_run(run: Run, observer: TrainingObserver) -> Diagnosis:
    """Look at a run again, with the rules of today."""
    folder, plan = run.folder, run.plan
    known = known_diagnosis(folder) or Diagnosis()
    before = _examined_again(run, known, observer)
    seconds = {**known.seconds, **before.seconds}
    before = before.model_copy(update={"seconds": seconds})
    observer.stage("Looking at the run")
    damaged: list[str] = []
    course = Course(
        num_epochs=plan.training.epochs,
        history=read_history(folder.metrics),
        signals=read_signals(folder.signals, notes=damaged),
        reference=before.reference,
        plan=plan,
        ending=run.outcome.ending if folder.outcome.is_file() else "",
    )
    before = before.model_copy(update={"left_out": (*before.left_out, *damaged)})
    result: Evaluation | None = None
    with suppress(TrainError):
        result = run.evaluation
    diagnosis = concluded(before, course, result, plan.doctor.ignore)
    if result is not None and "Q2" not in plan.doctor.ignore:
        chosen = tuple(_in_choice(run, result))
        findings = ranked((*diagnosis.findings, *chosen))
        diagnosis = diagnosis.model_copy(update={"findings": findings})
    _keep(run, diagnosis, observer)
    return diagnosis


def _in_choice(run: Run, result: Evaluation) -> Iterator[Finding]:
    """Compare a run with those beside it that were scored on the same test rows."""
    metric = result.metric
    others = []
    own = result.scores.get("test", {}).get(metric)
    for name in run_names(run.path.parent)[-MOST_OTHERS:]:
        folder = RunFolder(run.path.parent / name)
        text = folder.plan.read_bytes() if folder.plan.is_file() else b""
        if name == run.path.name or run.plan.data.fingerprint.encode() not in text:
            continue
        with suppress(TorchsmithError):
            other = Run(folder.path)
            if other.plan.split == run.plan.split and own is not None:
                scores = other.evaluation.scores["test"]
                others += [scores[metric].value] if metric in scores else []
    if own is not None and run.plan.data.fingerprint:
        yield from find_in_choice(metric, own.value, others)


def _examined_again(
    run: Run, known: Diagnosis, observer: TrainingObserver
) -> Diagnosis:
    """Return what is known before training, from the data if it is still there."""
    plan = run.plan
    try:
        if is_in_memory(plan):
            raise DataError(
                f"the data was {plan.data.source} in memory, and no file or folder is "
                "called so"
            )
        data = load_planned(plan, observer)
        return _examined(Planned(data, run.inspection, plan, plan), observer)
    except TorchsmithError as error:
        left = f"Data and plan were not looked at again: {error}."
        return known.model_copy(update={"left_out": (*known.left_out, left)})


def _of_fit(folder: RunFolder) -> Diagnosis:
    """Return what was said of a person's own module, or judge its course alone."""
    from torchsmith.api.fit_record import FitRecord

    known = read_diagnosis(folder)
    if known is not None:
        return known
    training = FitRecord.read(folder.fit).training
    course = Course(
        num_epochs=training.epochs,
        history=read_history(folder.metrics),
        signals=read_signals(folder.signals),
    )
    left = ("The module and its data: only torchsmith.fit has them.",)
    return concluded(Diagnosis(left_out=left), course, None, ())


def _keep(run: Run, diagnosis: Diagnosis, observer: TrainingObserver) -> None:
    """Write the diagnosis and the report with it, where nobody else is at work."""
    try:
        with run.folder.locked():
            write_diagnosis(run.folder, diagnosis)
            if run.report_path.is_file():
                observer.stage("Writing the report")
                Run(run.path).report()
    except TrainError as error:
        observer.note(f"the diagnosis is not kept in the run folder: {error}")
