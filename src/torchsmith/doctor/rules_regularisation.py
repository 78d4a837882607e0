"""Dropout and weight decay that leave a network too little: P7.

The thresholds of weight decay separate 12 settings of three optimizers on MNIST,
California and Car: those beyond them cost 1 to 27 points, those below at most one.
"""

from collections.abc import Iterator

import torch
from pydantic import JsonValue
from torch import nn

from torchsmith.core.wording import percent
from torchsmith.doctor.rules_loss import MOST_DECAY
from torchsmith.doctor.rules_schedule import planned_rates
from torchsmith.doctor.rules_step import first_gradients, peak_rate, rms
from torchsmith.doctor.subject import Subject
from torchsmith.inspect.inspection import Finding
from torchsmith.nn.muon import MuonWithAdamW

MUCH_DROPOUT, TOO_MUCH_DROPOUT = 0.55, 0.85
"""Share of a layer that is taken away: above it a warning, an error."""

MUCH_PULL, TOO_MUCH_PULL = 0.05, 0.5
"""The decay's part of the first gradients, as the ratio of root mean squares, where it
is added to them (SGD, Adam): from it on a warning, an error."""

LEAST_DECAY = 5e-3
"""A `weight_decay` below it, as is usual, is never too much where it is added."""

MUCH_SHRINKING, TOO_MUCH_SHRINKING = 2e-3, 8e-3
"""Share of the weights that a step takes away by itself (AdamW): from it on a warning,
an error."""

TURNOVER, MANY_TURNOVERS = 1.0, 3.0
"""Over all steps, the weights are taken away so many times: with a warning, an error.
A short training ends before the decay is felt."""


def find_in_regularisation(subject: Subject) -> Iterator[Finding]:
    """Find dropout and weight decay that are too strong: P7.

    Args:
        subject: At step 0; stays as it is.
    """
    yield from _find_dropout(subject)
    yield from _find_decay(subject)


def _find_dropout(subject: Subject) -> Iterator[Finding]:
    kinds = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
    found = [
        (name, module.p)
        for name, module in subject.state.network.named_modules()
        if isinstance(module, kinds) and module.p > MUCH_DROPOUT
    ]
    if not found:
        return
    where, share = max(found, key=lambda pair: pair[1])
    changes: dict[str, JsonValue] = {}
    network = None if subject.plan is None else subject.plan.network
    if getattr(network, "dropout", 0.0) == share and network is not None:
        where = f"network.{network.spec_name()}.dropout"
        changes = {where: 0.1}
    layers = f"{len(found)} layers have" if len(found) > 1 else "1 layer has"
    yield Finding(
        code="P7",
        severity="error" if share >= TOO_MUCH_DROPOUT else "warning",
        message=f"Dropout takes away {percent(share)} of a layer at each step.",
        where=where,
        evidence=f"{layers} more than {percent(MUCH_DROPOUT)}",
        remedy="Take away half at most; 0.1 to 0.3 is usual.",
        changes=changes,
    )


def _find_decay(subject: Subject) -> Iterator[Finding]:
    optimizer = subject.state.optimizer
    steps = subject.job.training.epochs * subject.job.steps_per_epoch
    for group in optimizer.param_groups:
        decay = float(group.get("weight_decay", 0.0))
        if decay == 0:
            continue
        if _is_decoupled(optimizer, group):
            highest = peak_rate(group)
            if decay * highest < MUCH_SHRINKING:
                continue
            # The planned rates are those of the first group; the others' go alike.
            first = peak_rate(optimizer.param_groups[0])
            rates = planned_rates(subject) if first else []
            mean = sum(rates) / len(rates) / first if rates else 1.0
            shrinking = decay * highest * mean
            turnover = shrinking * steps
            if shrinking < MUCH_SHRINKING or turnover < TURNOVER:
                continue
            certain = shrinking >= TOO_MUCH_SHRINKING and turnover >= MANY_TURNOVERS
            certain = certain and decay > MOST_DECAY
            evidence = (
                f"lr x weight_decay = {shrinking:.2g} of the weights go at each of "
                f"{steps:,} steps, {turnover:,.1f} times all of them"
            )
            usual = 0.01
        else:
            pull = _pull(subject, decay) if decay >= LEAST_DECAY else 0.0
            if pull < MUCH_PULL:
                continue
            certain, usual = pull >= TOO_MUCH_PULL, 1e-4
            evidence = (
                f"at the first batch the decay is {pull:.2g} times the gradient; as "
                "gradients become smaller, it becomes more"
            )
        yield _too_much_decay(subject, decay, usual, evidence, certain=certain)
        return


def _too_much_decay(
    subject: Subject, decay: float, usual: float, evidence: str, *, certain: bool
) -> Finding:
    changes: dict[str, JsonValue] = {}
    own = getattr(subject.plan and subject.plan.optimizer, "weight_decay", None)
    if own == decay:
        changes = {"optimizer.weight_decay": usual}
    return Finding(
        code="P7",
        severity="error" if certain else "warning",
        message=f"A weight decay of {decay:g} pulls the weights to 0 more than "
        "training can hold against it.",
        where="optimizer.weight_decay" if changes else "optimizer",
        evidence=evidence,
        remedy=f"Set a weight_decay such as {usual:g}.",
        changes=changes,
    )


def _is_decoupled(optimizer: torch.optim.Optimizer, group: dict[str, object]) -> bool:
    """Whether the decay is taken from the weights, not added to the gradient."""
    kinds = (torch.optim.AdamW, MuonWithAdamW)
    return isinstance(optimizer, kinds) or bool(group.get("decoupled_weight_decay"))


def _pull(subject: Subject, decay: float) -> float:
    """Return how many times the gradient of the first batch the decay is.

    0 where a person's module cannot be copied, or has no such gradients.
    """
    pairs = [(w, grad) for w, grad in first_gradients(subject) if w.ndim > 1]
    push = rms([grad for _, grad in pairs])
    return rms([weight for weight, _ in pairs]) * decay / push if push > 0 else 0.0
