"""The gradients of what the optimizer changes: cleared, clipped, measured."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from torchsmith.plan.plan import Training
from torchsmith.train.state import TrainState


def clear_gradients(state: TrainState) -> None:
    """Forget the gradients of the network, and of what else the optimizer changes."""
    state.optimizer.zero_grad()
    for parameter in state.untrained:
        parameter.grad = None


def clip_gradients(settings: Training, state: TrainState, *, is_last: bool) -> None:
    """Clip as planned, and measure the norm at the last step of an epoch."""
    if not (settings.clip_grad_norm or settings.clip_grad_value or is_last):
        return
    trained = state.trained
    if settings.clip_grad_norm or is_last:
        norm = gradient_norm(trained)
        if settings.clip_grad_norm:
            limit = settings.clip_grad_norm
            torch.nn.utils.clip_grads_with_norm_(trained, limit, norm)
        if is_last:
            state.grad_norm = norm.item()
    if settings.clip_grad_value:
        torch.nn.utils.clip_grad_value_(trained, settings.clip_grad_value)


def gradient_norm(parameters: Iterable[Tensor]) -> Tensor:
    """Return the norm of all gradients, as one vector."""
    found = [p.grad for p in parameters if p.grad is not None]
    return torch.nn.utils.get_total_norm(
        [grad.coalesce().values() if grad.is_sparse else grad for grad in found]
    )


@contextmanager
def with_gradients() -> Iterator[None]:
    """Let autograd record, also where the caller has turned it off."""
    with torch.inference_mode(mode=False), torch.enable_grad():
        yield
