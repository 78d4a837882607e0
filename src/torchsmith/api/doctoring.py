"""The doctor beside a run: before, during and after training."""

from time import perf_counter
from typing import TYPE_CHECKING

from torchsmith.api.planning import Planned
from torchsmith.core.commands import command
from torchsmith.core.errors import TrainError
from torchsmith.core.files import write_atomic
from torchsmith.core.observer import QUIET, Observer
from torchsmith.core.run_folder import RunFolder
from torchsmith.data.data import Data
from torchsmith.doctor.course import Course, find_in_course
from torchsmith.doctor.diagnosis import Diagnosis, without
from torchsmith.doctor.rank import ranked
from torchsmith.evaluate.evaluation import Evaluation
from torchsmith.inspect.inspection import Finding, Inspection
from torchsmith.plan.plan import Plan

if TYPE_CHECKING:
    from torchsmith.doctor.examine import Examination
    from torchsmith.doctor.watch import Watch
    from torchsmith.train.setup import Setup


def examine_planned(
    planned: Planned, setup: "Setup", observer: Observer
) -> Diagnosis | None:
    """Look at a run that has not begun, and tell what is not only a note.

    Args:
        planned: The plan, with its data, engine and threads.
        setup: Made of it; at step 0, and stays so, bit for bit.
        observer: Is told what was found.

    Returns:
        None where the plan wants no examination.
    """
    if not planned.plan.doctor.examine:
        return None
    diagnosis = examined(planned, setup, observer)
    known = planned.inspection.findings
    for finding in diagnosis.findings:
        if finding.severity != "note" and finding not in known:
            observer.finding(told(finding))
    return diagnosis


def examined(
    planned: Planned, setup: "Setup", observer: Observer, seconds: float | None = None
) -> Diagnosis:
    """Look at a run that has not begun.

    Args:
        planned: The plan, with its data, engine and threads.
        setup: Made of it; at step 0, and stays so, bit for bit.
        observer: Is told what is going on.
        seconds: That all probes may take together; where not given, a share of what
            training will take.
    """
    from torchsmith.api.carrying import torch_threads
    from torchsmith.doctor.examine import examine
    from torchsmith.doctor.subject import Case, Subject

    plan = planned.plan
    case = Case(plan, planned.data, setup, planned.inspection)
    subject = Subject.of(case)
    with torch_threads(plan.training.threads):
        made = examine(subject, seconds, observer)
    return diagnosis_of(made, plan.doctor.ignore)


def told(finding: Finding) -> str:
    """Return a finding as one line that a person should know."""
    where = f" ({finding.where})" if finding.where else ""
    return (
        f"{finding.code} {finding.severity}: {finding.message}{where} "
        f"{finding.remedy}".strip()
    )


def read_diagnosis(folder: RunFolder) -> Diagnosis | None:
    """Return what the doctor said of a run so far; None where it was not asked.

    Raises:
        TrainError: The file is damaged.
    """
    try:
        return Diagnosis.model_validate_json(folder.diagnosis.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise TrainError(
            f"{folder.diagnosis}: is damaged; write it anew with: "
            f"{command('doctor', folder.path)}"
        ) from error


def known_diagnosis(folder: RunFolder, observer: Observer = QUIET) -> Diagnosis | None:
    """Return what the doctor said of a run so far; None where it was not asked.

    Args:
        folder: Of the run; a damaged diagnosis is begun anew, and stops nothing.
        observer: Is told so.
    """
    try:
        return read_diagnosis(folder)
    except TrainError:
        observer.note(f"{folder.diagnosis}: is damaged; it is begun anew")
        return Diagnosis()


def write_diagnosis(folder: RunFolder, diagnosis: Diagnosis) -> None:
    """Write what the doctor says of a run."""
    write_atomic(folder.diagnosis, diagnosis.model_dump_json(indent=1))


def diagnosis_of(made: "Examination", ignore: tuple[str, ...]) -> Diagnosis:
    """Return what an examination found as a diagnosis, ranked.

    Args:
        made: Before training.
        ignore: Codes that the person does not want to hear of.
    """
    findings, ignored = without(made.findings, ignore)
    return Diagnosis(
        findings=ranked(findings),
        reference=made.reference,
        left_out=tuple(made.left_out),
        ignored=ignored,
        seconds={"before": round(made.seconds, 3)},
    )


def watch_of(
    folder: RunFolder, plan: Plan, data: Data, setup: "Setup", observer: Observer
) -> "Watch | None":
    """Return what looks at a run while it trains; None where the doctor was not asked.

    Args:
        folder: Of the run; what an earlier session saw is read from it.
        plan: What to do.
        data: All examples.
        setup: Made of them; its state is at the newest good checkpoint.
        observer: Is told of errors as they show.
    """
    from torchsmith.doctor.subject import Case, Subject
    from torchsmith.doctor.watch import Watch

    diagnosis = known_diagnosis(folder, observer)
    if diagnosis is None:
        return None
    inspection = Inspection.model_validate_json(folder.inspection.read_bytes())
    case = Case(plan, data, setup, inspection)
    subject = Subject.of(case)
    return Watch(
        subject,
        diagnosis.reference,
        plan.doctor.ignore,
        folder.signals,
        lambda finding: observer.finding(told(finding)),
    )


def conclude_diagnosis(
    folder: RunFolder, plan: Plan, watch: "Watch", result: Evaluation | None
) -> Diagnosis:
    """Add what training and its result showed, and write it.

    Args:
        folder: Of the run.
        plan: What was done.
        watch: That looked on.
        result: The scores; None where training ended in an error.
    """
    before = known_diagnosis(folder) or Diagnosis()
    diagnosis = watched(before, watch, result, plan.doctor.ignore)
    write_diagnosis(folder, diagnosis)
    return diagnosis


def watched(
    before: Diagnosis,
    watch: "Watch",
    result: Evaluation | None,
    ignore: tuple[str, ...],
) -> Diagnosis:
    """Add what a training and its result showed to what was known before.

    Args:
        before: Of the examination.
        watch: That looked on.
        result: The scores; None where there are none.
        ignore: Codes that the person does not want to hear of.
    """
    diagnosis = concluded(before, watch.course, result, ignore)
    seconds = {**diagnosis.seconds, "during": round(watch.seconds, 3)}
    left_out = tuple(dict.fromkeys((*diagnosis.left_out, *watch.left_out)))
    return diagnosis.model_copy(update={"seconds": seconds, "left_out": left_out})


def diagnose_diverged(
    folder: RunFolder, plan: Plan, watch: "Watch", observer: Observer
) -> None:
    """Write what is known of a run whose loss is no finite number, and tell why.

    Args:
        folder: Of the run.
        plan: What was done.
        watch: That looked on.
        observer: Is told what training showed, the likely cause first.
    """
    found = conclude_diagnosis(folder, plan, watch, None).findings
    for finding in (f for f in found if f.moment == "during"):
        observer.finding(told(finding))


def concluded(
    before: Diagnosis,
    course: Course,
    result: Evaluation | None,
    ignore: tuple[str, ...],
) -> Diagnosis:
    """Add what a training and its result showed to what was known before.

    Args:
        before: Of the examination; the whole course decides what training showed.
        course: So far, or whole.
        result: The scores; None where training did not come to its end.
        ignore: Codes that the person does not want to hear of.
    """
    from torchsmith.doctor.judge import find_in_result

    begin = perf_counter()
    found = [*find_in_course(course), *find_in_result(course, result)]
    if any(f.code == "C10" and f.severity != "note" for f in before.findings):
        # The first weights were found wrong before training, layer by layer.
        found = [f for f in found if f.code != "C10"]
    early = [finding for finding in before.findings if finding.moment == "before"]
    findings, ignored = without([*early, *found], ignore)
    return before.model_copy(
        update={
            "findings": ranked(findings),
            "ignored": tuple(sorted({*before.ignored, *ignored})),
            "seconds": {**before.seconds, "after": round(perf_counter() - begin, 3)},
        }
    )
