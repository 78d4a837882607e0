"""Why a network has learned less than there is to learn: P3, P7, P11, T6.

All need harm: the network is behind a simple rival on the test part beyond noise, or
does worse on what it learned from than the rival does on rows that it never saw.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from torchsmith.doctor.course import Course
from torchsmith.doctor.standing import Standing, standing
from torchsmith.evaluate.evaluation import Evaluation
from torchsmith.evaluate.outlook import GUARD
from torchsmith.inspect.inspection import Finding
from torchsmith.plan.plan import Plan

LAST_PART = 0.2
"""Of the epochs, in which a score must have improved for training to be too short."""

STILL_LEARNING = 0.01
"""What the training loss lost in that part, as a share of all that it lost: more means
that training was too short, less that it stood still."""

STEEP = 0.05
"""What the val loss lost in that part, as a share of what it lost since the start, from
chance: more is too short whatever rivals reach."""

LEARNED_ON = 0.7
"""The last training loss, in those of the epoch whose weights are kept: where less, the
network can learn more than its scores show."""

MUCH_LOST, MOST_LOST = 0.02, 0.2
"""Of what the best rival is better than chance, the network lacks so much: with a
warning, an error."""

NARROW = 8
"""Units of a hidden layer, fewer than the classes or than so many, are a bottleneck."""

MUCH_DROPOUT = 0.45
"""Of a layer: half is usual in wide networks, and too much for small ones."""

ACTIVATIONS = ("LU", "Tanh", "Sigmoid", "Softplus", "Mish", "Softsign", "swish")


def find_underfit(course: Course, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Find a network that learned less than a simple rival, and the likely cause.

    Args:
        course: Whole.
        evaluation: Of the run; without it only a steep curve tells.
    """
    found = None if evaluation is None else standing(evaluation)
    lost = 0.0
    if found is not None and found.rival_score is not None:
        best = found.rival_score - found.chance
        lost = (found.rival_score - found.test.value) / best if best > 0 else 0.0
    learned = found is None or not found.misses or lost < MUCH_LOST
    if found is None or learned or _is_kept_early(course):
        if _is_steep(course):
            yield _finding(found, course, "warning", _too_short(course))
        return
    severity = "error" if lost >= MOST_LOST else "warning"
    causes: list[dict[str, Any]] = []
    if course.plan is not None and evaluation is not None:
        causes = [
            *_regularised(course.plan, found),
            *_too_small(course.plan, evaluation),
        ]
    if not causes and (_is_steep(course) or (found.behind and _is_learning(course))):
        causes = [_too_short(course)]
    if not causes and found.behind:
        causes = [_standing_still()]
    for cause in causes:
        yield _finding(found, course, severity, cause)


def _finding(
    found: Standing | None, course: Course, severity: str, cause: dict[str, Any]
) -> Finding:
    scores = "" if found is None else f"{found.evidence}; "
    shared = {
        "severity": severity,
        "evidence": f"{scores}{_pace(course)}",
        "moment": "after",
    }
    return Finding.model_validate({**shared, **cause})


def _pace(course: Course) -> str:
    """Say what the training loss did at the end, in numbers."""
    losses = [record.train_loss for record in course.history]
    if len(losses) < 2:
        return f"{len(losses)} epoch"
    before = losses[-1 - _late(course)]
    return (
        f"the training loss went from {losses[0]:.3g} to {losses[-1]:.3g}, in the "
        f"last {_late(course)} of {len(losses)} epochs from {before:.3g}"
    )


def _late(course: Course) -> int:
    return max(1, round(LAST_PART * len(course.history)))


def _is_learning(course: Course) -> bool:
    """Whether the training loss still fell at the end, or nobody can know."""
    losses = [record.train_loss for record in course.history]
    if len(losses) < 3 or GUARD in course.stopped:
        return True
    chance = course.reference.chance_loss
    first = max(losses[0], 0.0 if chance is None else chance)
    gained = first - min(losses)
    late = losses[-1 - _late(course)] - losses[-1]
    return late > STILL_LEARNING * max(gained, 1e-12)


def _is_kept_early(course: Course) -> bool:
    """Whether the weights that were scored are of an epoch that had learned less."""
    if course.plan is None or not course.plan.stopping.restore_best:
        return False
    kept = [record.train_loss for record in course.history if record.best]
    return bool(kept) and course.history[-1].train_loss < LEARNED_ON * kept[-1]


def _is_steep(course: Course) -> bool:
    """Whether the val loss still fell much in the last part, and is best at the end."""
    losses = [r.val_loss for r in course.history if r.val_loss is not None]
    if len(losses) < 2 or min(losses) != losses[-1]:
        return False
    chance = course.reference.chance_loss
    if chance is None:
        return False
    late = losses[-1 - _late(course)] - losses[-1]
    return late > STEEP * (max(losses[0], chance) - losses[-1])


def _too_short(course: Course) -> dict[str, Any]:
    epochs, plan = course.num_epochs, course.plan
    changes: dict[str, JsonValue] = {"training.epochs": max(2 * epochs, 5)}
    where, why = "training.epochs", f"{len(course.history)} of {epochs} epochs"
    if plan is None:
        changes = {}
    elif GUARD in course.stopped:
        changes, where = {"training.seconds": 4 * plan.training.seconds}, GUARD
    return {
        "code": "P3",
        "message": f"Training ended after {why} while the network still learned.",
        "where": where,
        "remedy": "Train longer, or raise the learning rate.",
        "changes": changes,
    }


def _standing_still() -> dict[str, Any]:
    return {
        "code": "T6",
        "message": "The training loss stands still where a simple rival shows that "
        "there is more to learn.",
        "where": "optimizer.lr",
        "remedy": "Try a learning rate five times lower and five times higher, and a "
        "wider network.",
    }


def _regularised(plan: Plan, found: Standing) -> Iterator[dict[str, Any]]:
    """Find dropout that can be why; too much decay is told before training."""
    if not found.is_generalising:
        return
    network = plan.network.model_dump(mode="json")
    shares = [share for share in _dropouts(network) if share > MUCH_DROPOUT]
    if not shares:
        return
    own = getattr(plan.network, "dropout", None)
    path = f"network.{plan.network.spec_name()}.dropout"
    yield {
        "code": "P7",
        "message": f"Dropout of {max(shares):.0%} keeps the network from learning what "
        "its examples say.",
        "where": path if own is not None else "network",
        "remedy": "Lower it: nothing was learned by heart.",
        "changes": {path: 0.1} if own is not None else {},
    }


def _dropouts(node: object, *, inside: bool = False) -> Iterator[float]:
    """Yield every share of dropout that a network's spec names.

    Args:
        node: Of the spec.
        inside: Whether it belongs to a layer of dropout.
    """
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _dropouts(value, inside=inside or "dropout" in key.lower())
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _dropouts(value, inside=inside)
    elif inside and isinstance(node, float):
        yield node


def _too_small(plan: Plan, evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    network = plan.network
    hidden = getattr(network, "hidden", None)
    family = network.spec_name()
    if family == "Sequential" and not _bends(network.model_dump(mode="json")):
        yield {
            "code": "P11",
            "message": "The network has no activation between its layers, so it can "
            "only do what a linear model does.",
            "where": "network.Sequential",
            "remedy": "Put an activation such as ReLU after each layer but the last.",
        }
    elif hidden and min(hidden) < max(NARROW, len(evaluation.classes)):
        wide = max(64, *hidden)
        yield {
            "code": "P11",
            "message": f"A hidden layer of {min(hidden)} units lets too little "
            "through.",
            "where": f"network.{family}.hidden",
            "remedy": "Make it wider.",
            "changes": {f"network.{family}.hidden": [wide] * len(hidden)},
        }


def _bends(node: object) -> bool:
    """Whether anything in a spec of layers is an activation, or not plain."""
    if isinstance(node, str):
        return node.endswith(ACTIVATIONS)
    if isinstance(node, Mapping):
        return any(_bends(k) or _bends(v) for k, v in node.items())
    if isinstance(node, list | tuple):
        return any(_bends(value) for value in node)
    return False
