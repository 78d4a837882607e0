"""What is known before a run begins, and mended where its file is damaged."""

from torchsmith.core.errors import DataError, PlanError, TrainError
from torchsmith.core.files import write_atomic
from torchsmith.core.observer import Observer
from torchsmith.core.run_folder import RunFolder
from torchsmith.data.data import Data
from torchsmith.inspect.examine import inspect
from torchsmith.inspect.inspection import Inspection
from torchsmith.plan.file import read_plan
from torchsmith.plan.plan import Plan


def inspect_planned(data: Data, plan: Plan, observer: Observer) -> Inspection:
    """Inspect data with the task of a plan, and the columns used as it says."""
    task, roles = plan.problem.task, plan.data.columns
    return inspect(data, observer, task=task, roles=roles)


def check_fingerprint(plan: Plan, data: Data, *, resumes: bool = False) -> None:
    """Refuse data that is not what the plan was made for.

    Args:
        plan: Has the fingerprint.
        data: As it is now.
        resumes: Whether training on it has begun, so that no other will do.

    Raises:
        DataError: The fingerprints differ.
    """
    if plan.data.fingerprint and plan.data.fingerprint != data.fingerprint:
        other = (
            "begin a new run"
            if resumes
            else "make a new plan, or set data.fingerprint: ''"
        )
        raise DataError(
            f"{data.source}: the data is not what the plan was made for (fingerprint "
            f"{data.fingerprint[:23]}…, planned {plan.data.fingerprint[:23]}…); bring "
            f"back the old data, or {other}"
        )


def mend_inspection(
    folder: RunFolder, plan: Plan, data: Data, observer: Observer
) -> None:
    """Inspect a run's data again where `inspection.json` is damaged or missing.

    Args:
        folder: Of the run; held by this process.
        plan: What to do.
        data: All examples.
        observer: Is told so.

    Raises:
        TrainError: The data gives other examples than when the run began.
    """
    try:
        known = Inspection.model_validate_json(folder.inspection.read_bytes())
    except (OSError, ValueError):
        observer.note(f"{folder.inspection}: is damaged; the data is inspected again")
        made = inspect_planned(data, plan, observer)
        write_atomic(folder.inspection, made.model_dump_json(indent=1))
        return
    if known.num_examples != len(data):
        began = f"{folder.path}: began with {known.num_examples:,} examples, and"
        again = f"train {folder.plan} again, as a new run"
        if not plan.data.fingerprint:  # it was not seen whether the data is the same
            raise TrainError(
                f"{began} the data gives {len(data):,} now; bring back the old data, "
                f"or {again}"
            )
        raise TrainError(
            f"{began} the same data gives {len(data):,} now, as another version of "
            f"Torchsmith reads it; {again}"
        )


def read_default(folder: RunFolder) -> Plan | None:
    """Return what Torchsmith had chosen for a run; None where it was not changed.

    Raises:
        TrainError: The file is damaged.
    """
    if not folder.default_plan.is_file():
        return None
    try:
        return read_plan(folder.default_plan)
    except PlanError as error:
        raise TrainError(
            f"{folder.default_plan}: is damaged; remove it: only what the report says "
            "of changed settings, and what the doctor tries, is made of it"
        ) from error


def mend_default(folder: RunFolder, observer: Observer) -> None:
    """Remove a run's `default.yaml` where it is damaged: only the report asks for it.

    Args:
        folder: Of the run; held by this process.
        observer: Is told so.
    """
    try:
        read_default(folder)
    except TrainError:
        observer.note(
            f"{folder.default_plan}: is damaged and removed; the report will not say "
            "in what the plan differs from the default"
        )
        folder.default_plan.unlink()
