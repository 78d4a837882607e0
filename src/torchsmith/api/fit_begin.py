"""What `fit` looks at before the first step."""

from torch import nn
from torch.nn.parameter import is_lazy

from torchsmith.api.fit_doctor import FitDoctor
from torchsmith.core.wording import amount
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
    if count := _untrained_of_loss(job, state):
        what = "parameter of the loss is", "parameters of the loss are"
        observer.note(
            f"{amount(count, *what)} not trained; give an optimizer that has them, "
            "too, or set their requires_grad to False"
        )
    if saves:
        for attribute, why in forgotten_attributes(job, state).items():
            observer.note(
                f"attribute {attribute} changes in training and {why}, or a resumed "
                "fit ends otherwise"
            )
    return FitDoctor.examining(job, state, care, observer) if care.examine else None


def _untrained_of_loss(job: Job, state: TrainState) -> int:
    """Count the parameters of a loss that would be trained if the optimizer had them.

    An optimizer by its name has those of the module.
    """
    if not isinstance(job.loss, nn.Module):
        return 0
    groups = state.optimizer.param_groups
    trained = {id(p) for group in groups for p in group["params"]}
    return sum(p.requires_grad and id(p) not in trained for p in job.loss.parameters())
