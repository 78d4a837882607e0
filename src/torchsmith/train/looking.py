"""Ctrl-C while the weights of an epoch are averaged and validated."""

import copy
from collections.abc import Callable

import torch

from torchsmith.nn.losses import LossFunction
from torchsmith.train.buffers import remember_buffers
from torchsmith.train.session import Session
from torchsmith.train.state import TrainState


def looking(
    state: TrainState, session: Session, loss: LossFunction, *, many: bool
) -> Callable[[], None]:
    """Return what ends training between batches, where the person has asked to stop.

    Averaging and validation begin anew when it goes on, so the checkpoint holds all as
    it was before them.

    Args:
        state: All steps of the epoch are done.
        session: Knows of the signals, and saves.
        loss: May change its buffers in validation.
        many: Whether validation takes more than a batch.
    """
    average = state.average
    averages = average is not None and average.takes(state.epoch + 1)
    if not averages and not many:
        return lambda: None
    model = None if average is None else average.model
    go_back = remember_buffers(state.network, loss, model)
    weights = {} if model is None else copy.deepcopy(model.state_dict())

    def look() -> None:
        if not session.is_asked_to_stop:
            return
        with torch.inference_mode(mode=False):
            go_back()
            if model is not None:
                model.load_state_dict(weights)
            session.interrupt(state)

    return look
