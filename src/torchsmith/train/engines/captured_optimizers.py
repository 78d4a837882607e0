"""One call that changes all parameters, on lists that are made once."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer

from torchsmith.train.engines.engine import is_torchs_own


def build_update(optimizer: Optimizer) -> Callable[[], None]:
    """Return what `optimizer.step()` does, with less around it.

    The first call is `optimizer.step()` itself, which makes its state, and tells its
    schedule that it was called. The state stays where it is. May be called in inference
    mode; nothing that stays is made in it.

    Args:
        optimizer: Its parameters have their `.grad`, whose memory must not change.
    """
    is_fused = isinstance(optimizer, SGD | Adam) and _is_fused(optimizer)
    make = _sgd if isinstance(optimizer, SGD) else _adam
    calls: list[Callable[[], None]] = []

    def update() -> None:
        if calls:
            for call in calls:
                call()
            return
        with torch.inference_mode(mode=False), torch.no_grad():
            optimizer.step()
            for group in optimizer.param_groups if is_fused else ():
                trained = [p for p in group["params"] if p.grad is not None]
                if trained:
                    states = [optimizer.state[p] for p in trained]
                    calls.append(make(group, trained, states))

    return update


def _is_fused(optimizer: Optimizer) -> bool:
    """Whether each group is one call of a fused kernel, with nothing around it."""
    if not is_torchs_own(optimizer):
        return False
    hooks = optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks
    return not hooks and all(
        group["fused"]
        and not group["differentiable"]
        and not any(isinstance(value, Tensor) for value in group.values())
        for group in optimizer.param_groups
    )


def _sgd(
    group: dict[str, Any], trained: list[Tensor], states: list[dict[str, Tensor]]
) -> Callable[[], None]:
    gradients = [p.grad for p in trained if p.grad is not None]
    momenta = [state["momentum_buffer"] for state in states if group["momentum"]]

    def call() -> None:
        torch._fused_sgd_(
            trained,
            gradients,
            momenta,
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
            lr=group["lr"],
            dampening=group["dampening"],
            nesterov=group["nesterov"],
            maximize=group["maximize"],
            is_first_step=False,
        )

    return call


def _adam(
    group: dict[str, Any], trained: list[Tensor], states: list[dict[str, Tensor]]
) -> Callable[[], None]:
    gradients = [p.grad for p in trained if p.grad is not None]
    means = [state["exp_avg"] for state in states]
    squares = [state["exp_avg_sq"] for state in states]
    largest = [state["max_exp_avg_sq"] for state in states if group["amsgrad"]]
    # Parts of one tensor, which one operation can count up.
    together = torch.stack([state["step"] for state in states])
    counts = list(together.unbind())
    for state, count in zip(states, counts, strict=True):
        state["step"] = count
    decoupled = group["decoupled_weight_decay"]
    kernel = torch._fused_adamw_ if decoupled else torch._fused_adam_

    def call() -> None:
        beta1, beta2 = group["betas"]
        together.add_(1)
        kernel(
            trained,
            gradients,
            means,
            squares,
            largest,
            counts,
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=group["amsgrad"],
            maximize=group["maximize"],
        )

    return call
