"""The loss of a script, and the targets that it wants."""

from typing import assert_never

import torch

from torchsmith.eject.code import Raw, call, function
from torchsmith.eject.subject import Subject
from torchsmith.nn.precision import sum_dtype
from torchsmith.plan import losses
from torchsmith.plan.losses import Loss
from torchsmith.plan.networks import num_members


def loss_source(subject: Subject) -> str:
    """Return the statement that makes the loss function."""
    loss = subject.plan.loss
    arguments: dict[str, object] = {}
    match loss:
        case losses.CrossEntropyLoss():
            arguments = {"weight": _weight(loss.weight)}
            if loss.label_smoothing:
                arguments["label_smoothing"] = loss.label_smoothing
        case losses.NLLLoss():
            arguments = {"weight": _weight(loss.weight)}
        case losses.BCEWithLogitsLoss():
            arguments = {"pos_weight": _pos_weight(loss)}
        case losses.SmoothL1Loss():
            arguments = {"beta": None if loss.beta == 1 else loss.beta}
        case losses.HuberLoss():
            arguments = {"delta": None if loss.delta == 1 else loss.delta}
        case losses.BCELoss() | losses.MSELoss() | losses.L1Loss():
            pass
        case _:
            assert_never(loss)
    if loss.reduction != "mean":
        arguments["reduction"] = loss.reduction
    given = {name: value for name, value in arguments.items() if value is not None}
    to = "" if subject.device == "cpu" else ".to(DEVICE)"
    if _has_several(subject):
        inner = Raw(call(f"nn.{loss.spec_name()}", given, 2))
        return call("MemberLoss", {"0": inner}, 1, "loss_function = ") + to
    return call(f"nn.{loss.spec_name()}", given, 1, "loss_function = ") + to


def member_loss(subject: Subject) -> str:
    """Return the loss of several networks in one; nothing for a single network."""
    if not _has_several(subject):
        return ""
    if subject.plan.loss.reduction == "mean":
        return _MEMBER_LOSS
    lines = _MEMBER_LOSS.splitlines()
    lines.insert(-4, "        members = outputs.shape[1] if outputs.ndim == 3 else 1")
    return "\n".join(lines) + " / members"


_MEMBER_LOSS = '''\
class MemberLoss(nn.Module):
    """The mean of the losses of M networks: each is to be right by itself."""

    def __init__(self, loss):
        super().__init__()
        self.loss = loss

    def forward(self, outputs, targets):
        if outputs.ndim == 3:  # (N, M, K) in training; (N, K) in validation
            targets = targets.repeat_interleave(outputs.shape[1], dim=0)
            outputs = outputs.flatten(0, 1)
        return self.loss(outputs, targets)'''


def _weight(
    weight: losses.Balance | tuple[float, ...] | None,
) -> Raw | None:
    if weight is None:
        return None
    if isinstance(weight, tuple):
        return Raw(f"torch.tensor({list(weight)!r})")
    return Raw("weights(targets[train])")


def _pos_weight(loss: losses.BCEWithLogitsLoss) -> Raw | None:
    if loss.pos_weight is None:
        return None
    if loss.pos_weight == "balanced":
        return _weight("balanced")
    return Raw(f"torch.tensor([{loss.pos_weight!r}])")


def class_weights(subject: Subject) -> str:
    """Return the weights of classes by whose sum a batch's loss is divided, if any."""
    loss = subject.plan.loss
    if getattr(loss, "weight", None) is None or loss.reduction == "sum":
        return ""
    inner = ".loss" if _has_several(subject) else ""
    return f"loss_function{inner}.weight"


def begin_total(subject: Subject) -> list[str]:
    """Return the lines that set to zero what a mean loss is made of."""
    device = "" if subject.device == "cpu" else ", device=DEVICE"
    dtype = sum_dtype(torch.device(subject.device))
    lines = [f"total = torch.zeros((), dtype={dtype}{device})"]
    return [*lines, "total_weight = 0.0"] if class_weights(subject) else lines


def weight_lines(subject: Subject) -> list[str]:
    """Return the line that tells what a batch's mean was divided by, if any."""
    weights = class_weights(subject)
    if not weights:
        return []
    return [f"weight = {weights}{subject.doubled}[targets].sum().item()"]


def add_losses(subject: Subject, loss: str) -> list[str]:
    """Return the lines that add the losses of a batch up."""
    if class_weights(subject):
        return [f"total += {loss} * weight", "total_weight += weight"]
    is_sum = subject.plan.loss.reduction == "sum"
    return [f"total += {loss}" if is_sum else f"total += {loss} * len(rows)"]


def mean_divisor(subject: Subject, examples: str) -> str:
    """Return what the total is divided by for the mean over these examples."""
    return "total_weight" if class_weights(subject) else f"len({examples})"


def _has_several(subject: Subject) -> bool:
    """Whether an example of training has the outputs of several networks."""
    return num_members(subject.plan.network) > 1 or subject.plan.split.num_folds > 0


def weights_function(subject: Subject) -> str:
    """Return the function that balances classes, or an empty string."""
    loss = subject.plan.loss
    balance = _balance(loss)
    counts = "counts = np.bincount(targets, minlength=len(CLASSES))"
    made = ["counts = torch.from_numpy(counts).clamp(min=1).float()"]
    if not balance:
        return ""
    if isinstance(loss, losses.BCEWithLogitsLoss):
        about = "Weigh positive examples by the negatives over the positives."
        result = "(counts.sum() - counts) / counts"
        result = f"({result})[1:]" if len(subject.classes) == 2 else result
    else:
        about = "Weigh each class by 1 / its share, so that rare classes count as much."
        result = "counts.sum() / (len(counts) * counts)"
        if balance == "sqrt_balanced":
            about = "Weigh each class by the root of 1 / its share."
            result = f"({result}).sqrt()"
    return function("weights(targets)", about, [counts, *made, f"return {result}"])


def _balance(loss: Loss) -> str:
    """Return how the classes are balanced, or an empty string."""
    found = getattr(loss, "weight", None) or getattr(loss, "pos_weight", None)
    return found if isinstance(found, str) else ""
