"""Why training ends: what is compared with, and the sentence that is shown."""

from typing import TYPE_CHECKING

from torchsmith.core.vocabulary import Ending
from torchsmith.core.wording import amount

if TYPE_CHECKING:
    from torchsmith.train.loop import Job
    from torchsmith.train.session import Session
    from torchsmith.train.state import TrainState


def reason_to_stop(
    job: "Job", state: "TrainState", session: "Session"
) -> tuple[Ending, str]:
    """Return what ends training after this epoch, and say why; both empty if nothing.

    The guard comes last where the epoch is whole: it cut off nothing of a training
    that its plan ends here.
    """
    patience, epochs = job.stopping.patience, job.training.epochs
    is_late = session.out_of_time(state)
    is_cut = is_late and state.step_in_epoch < job.steps_per_epoch
    if state.epoch >= epochs and not is_cut:
        done = f"all {state.epoch} epochs done" if state.epoch > 1 else "1 epoch done"
        return "epochs", done
    if patience and state.bad_epochs >= patience and not is_cut:
        monitor, best = job.stopping.monitor, f"best: epoch {state.best_epoch}"
        if not state.best_epoch:
            best = "it was NaN in every epoch: look for NaN in the val part"
        return "patience", (
            f"stopped early after epoch {state.epoch}: {monitor} has not improved for "
            f"{amount(patience, 'epoch')} ({best})"
        )
    if is_late:
        return "seconds", (
            f"stopped by training.seconds: {job.training.seconds:g} in epoch "
            f"{state.epoch} of {epochs}, at step {state.step}; "
            "another run may stop at another step"
        )
    said = session.reason_to_stop(state.history[-1])
    return ("observer" if said else ""), said


def ending_of(sentence: str) -> Ending:
    """Return what ended a training of which an older version kept the sentence only.

    Its words are those of that version: they stay, whatever is said today.
    """
    if sentence.startswith("stopped by training.seconds:"):
        return "seconds"
    if sentence.startswith("stopped early after epoch"):
        return "patience"
    if sentence.endswith((" epochs done", "1 epoch done")):
        return "epochs"
    return "observer" if sentence else ""
