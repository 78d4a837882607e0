"""What `fit` looks at before the first step."""

from torch import nn
from torch.nn.parameter import is_lazy

from torchsmith.api.fit_doctor import FitDoctor
from torchsmith.plan.doctor import Doctor
from torchsmith.train.attributes import forgotten_attributes
from torchsmith.train.loop import Job
from torchsmith.train.rehearsal import check_all_rows, rehearse
from torchsmith.train.state import TrainState
from torchsmith.train.watch import TrainingObserver


def materialise_lazy(job: Job, module: nn.Module) -> None:
    """Let lazy layers make their weights, which cannot be copied or averaged before.

    Raises:
        TrainError: The module or the loss cannot take the examples.
    """
    if any(is_lazy(each) for each in (*module.parameters(), *module.buffers())):
        rehearse(job, module)


def look_before(
    job: Job,
    state: TrainState,
    care: Doctor,
    observer: TrainingObserver,
    *,
    saves: bool,
) -> FitDoctor | None:
    """Refuse what cannot be trained, and tell what the doctor finds.

    Args:
        job: What to train on, and how.
        state: At step 0, and stays so.
        care: What the doctor may do.
        observer: Is told what was found.
        saves: Whether there will be checkpoints.

    Returns:
        The doctor, who looks on; None where he was not asked.

    Raises:
        TrainError: The network or the loss cannot take the examples.
    """
    rehearse(job, state.network)
    check_all_rows(job, state.network)
    if saves:
        for attribute, why in forgotten_attributes(job, state).items():
            observer.note(
                f"attribute {attribute} changes in training and {why}, or a resumed "
                "fit ends otherwise"
            )
    return FitDoctor.examining(job, state, care, observer) if care.examine else None
