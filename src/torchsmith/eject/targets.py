"""What the loss of a script is given to compare outputs with."""

from typing import assert_never

from torchsmith.data.steps import StandardizeTarget
from torchsmith.eject.subject import Subject
from torchsmith.nn.losses import num_outputs as wanted
from torchsmith.plan import losses


def target_steps(subject: Subject) -> tuple[str, ...]:
    """Return the statements of `main` that scale the targets of regression."""
    if subject.classes:
        return ()
    if not has_scaled_target(subject):
        return ("scaled = targets.astype(np.float32)[:, None]",)
    bounds = "low, high = targets[train].min(), targets[train].max()"
    return (
        *([bounds] if has_clamped_target(subject) else []),
        "mean, deviation = targets[train].mean(), targets[train].std()",
        "scaled = ((targets - mean) / deviation).astype(np.float32)[:, None]",
    )


def has_scaled_target(subject: Subject) -> bool:
    """Whether the targets of regression are scaled."""
    return any(isinstance(step, StandardizeTarget) for step in subject.plan.prepare)


def has_clamped_target(subject: Subject) -> bool:
    """Whether predictions stay in the range of the training targets."""
    steps = subject.plan.prepare
    return any(isinstance(step, StandardizeTarget) and step.clamp for step in steps)


def unscaling(subject: Subject) -> list[str]:
    """Return the variables that turn outputs back into the target's own units."""
    if subject.classes or not has_scaled_target(subject):
        return []
    return ["mean", "deviation", *["low", "high"] * has_clamped_target(subject)]


def loss_targets(subject: Subject) -> tuple[str, tuple[str, ...]]:
    """Return what the targets of the loss are called, and how `main` makes them."""
    if not subject.classes:
        return "scaled", target_steps(subject)
    match subject.plan.loss:
        case losses.CrossEntropyLoss() | losses.NLLLoss():
            return "targets", ()
        case losses.BCELoss() | losses.BCEWithLogitsLoss() | losses.MSELoss():
            if num_outputs(subject) == 1:
                made = "positive = targets.astype(np.float32)[:, None]"
                return "positive", (made,)
            made = "one_hot = np.eye(len(CLASSES), dtype=np.float32)[targets]"
            return "one_hot", (made,)
        case losses.L1Loss() | losses.SmoothL1Loss() | losses.HuberLoss():
            raise AssertionError(subject.plan.loss)
        case _:
            assert_never(subject.plan.loss)


def num_outputs(subject: Subject) -> int:
    """Return how many outputs the network has."""
    return wanted(subject.plan.loss, len(subject.classes))
