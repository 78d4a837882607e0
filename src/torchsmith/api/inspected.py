"""What is known of the data of a plan."""

from torchsmith.core.files import write_atomic
from torchsmith.core.observer import Observer
from torchsmith.core.run_folder import RunFolder
from torchsmith.data.data import Data
from torchsmith.inspect.examine import inspect
from torchsmith.inspect.inspection import Inspection
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
    """
    try:
        Inspection.model_validate_json(folder.inspection.read_bytes())
    except (OSError, ValueError):
        observer.note(f"{folder.inspection}: is damaged; the data is inspected again")
        made = inspect_planned(data, plan, observer)
        write_atomic(folder.inspection, made.model_dump_json(indent=1))
