"""What is known before a run begins, and mended where its file is damaged."""

from torchsmith.core.errors import TorchsmithError, TrainError
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
        TrainError: The same files are read as other examples than when the run began.
    """
    try:
        known = Inspection.model_validate_json(folder.inspection.read_bytes())
    except (OSError, ValueError):
        observer.note(f"{folder.inspection}: is damaged; the data is inspected again")
        made = inspect_planned(data, plan, observer)
        write_atomic(folder.inspection, made.model_dump_json(indent=1))
        return
    if known.num_examples != len(data):
        raise TrainError(
            f"{folder.path}: began with {known.num_examples:,} examples, and the same "
            f"data gives {len(data):,} now, as another version of Torchsmith reads it; "
            f"train {folder.plan} again, as a new run"
        )


def mend_default(folder: RunFolder, observer: Observer) -> None:
    """Remove a run's `default.yaml` where it is damaged: only the report asks for it.

    Args:
        folder: Of the run; held by this process.
        observer: Is told so.
    """
    if not folder.default_plan.is_file():
        return
    try:
        read_plan(folder.default_plan)
    except TorchsmithError:
        observer.note(
            f"{folder.default_plan}: is damaged and removed; the report will not say "
            "in what the plan differs from the default"
        )
        folder.default_plan.unlink()
