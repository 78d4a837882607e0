"""What a run knows of its data, made again where the file of it is lost."""

from torchsmith.core.files import write_atomic
from torchsmith.core.observer import Observer
from torchsmith.core.run_folder import RunFolder
from torchsmith.data.data import Data
from torchsmith.inspect.examine import inspect as examine
from torchsmith.inspect.inspection import Inspection
from torchsmith.plan.plan import Plan


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
        made = examine(data, observer, task=plan.problem.task)
        write_atomic(folder.inspection, made.model_dump_json(indent=1))
