"""Why a network has learned less than there is to learn: C10, P2, P3, P7, P11, T6.

All need harm: the network is behind a simple rival on the test part beyond noise, or
does worse on what it learned from than the rival does on rows that it never saw.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from torchsmith.doctor.course import Course
from torchsmith.doctor.facts import Facts
from torchsmith.doctor.standing import Standing, standing
from torchsmith.evaluate.evaluation import Evaluation
from torchsmith.evaluate.outlook import GUARD
from torchsmith.inspect.inspection import Finding
from torchsmith.plan.plan import Plan

LAST_PART = 0.2
"""Of the epochs, in which a score must have improved for training to be too short."""

FEW = 3
"""Epochs of which no curve can be told: being behind is then enough."""

STILL_LEARNING = 0.01
"""What the training loss and the val loss lost in that part, as a share of all that
they lost: more means that training was too short, less that it stood still. Where a
schedule lowers the rate to 0, the training loss alone falls to the end."""

STEEP = 0.05
"""What the val loss lost in that part, as a share of what it lost since the start, from
chance: more is too short whatever rivals reach."""

LEARNED_ON = 0.7
"""The last training loss, in those of the epoch whose weights are kept: where less, the
network can learn more than its scores show."""

MUCH_LOST, MOST_LOST = 0.02, 0.2
"""Of what the best rival is better than chance, the network lacks so much: with a
warning, an error."""

SURE = 2
"""Rivals that are better beyond noise, with an error."""

CLEARLY_LOST = 0.1
"""The same where only the curve of the loss tells why: trees beat good networks on some
tables by less."""

FAR_OFF = 3.0
"""The loss before training, in that of a constant answer: more is far off."""

NARROW = 8
"""Units of a hidden layer, fewer than the classes or than so many, are a bottleneck."""

MUCH_DROPOUT = 0.45
"""Of a layer: half is usual in wide networks, and too much for small ones."""

PATIENT = 10
"""Epochs without improvement after which stopping is usual."""

STOPPED_EARLY = "stopped early"
"""How the reason begins where patience was over."""

ACTIVATIONS = ("LU", "Tanh", "Sigmoid", "Softplus", "Mish", "Softsign", "swish")


def find_underfit(course: Course, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Find a network that learned less than a simple rival, and the likely cause.

    Args:
        course: Whole.
        evaluation: Of the run; without it only a steep curve tells.
    """
    found = None if evaluation is None else standing(evaluation)
    lost = _lost(found)
    if found is not None and found.behind and lost >= MUCH_LOST:
        for cause in _begun_far_off(course):
            yield _finding(found, course, _severity(found, lost), cause)
            return
    learned = found is None or not found.misses or lost < MUCH_LOST
    if found is None or learned or _is_kept_early(course):
        if _is_stopped_for_little(course):
            yield _finding(found, course, "warning", _too_early(course))
        elif _is_steep(course):
            yield from _finish(found, course, "warning")
        return
    causes: list[dict[str, Any]] = []
    if course.plan is not None and evaluation is not None:
        causes = [
            *_regularised(course.plan, found),
            *_too_small(course.plan, evaluation),
        ]
    if causes:
        for cause in causes:
            yield _finding(found, course, _severity(found, lost), cause)
        return
    is_cut = len(course.history) < FEW or GUARD in course.stopped
    clearly = found.behind and (is_cut or lost >= CLEARLY_LOST)
    if _is_steep(course) or (clearly and _is_learning(course)):
        yield from _finish(found, course, _severity(found, lost))
    elif clearly:
        yield _finding(found, course, _severity(found, lost), _standing_still())


def _lost(found: Standing | None) -> float:
    """Return what is lacking of what the best rival is better than chance."""
    if found is None or found.rival_score is None:
        return 0.0
    best = found.rival_score - found.chance
    return (found.rival_score - found.test.value) / best if best > 0 else 0.0


def _severity(found: Standing, lost: float) -> str:
    """Return an error where two rivals say so: one may know rows that are repeated."""
    certain = lost >= MOST_LOST and len(found.ahead) >= SURE
    return "error" if certain else "warning"


def _finish(found: Standing | None, course: Course, severity: str) -> Iterator[Finding]:
    """Yield why a network ended while it learned: clipping, stopping, or the epochs.

    What the doctor itself has stopped was not too short.
    """
    early = course.stopped.startswith(STOPPED_EARLY)
    if Facts(course).is_clipped:
        yield _finding(found, course, severity, _clipped(course))
    elif early and course.plan is not None:
        yield _finding(found, course, severity, _too_early(course))
    elif early or GUARD in course.stopped or len(course.history) >= course.num_epochs:
        yield _finding(found, course, severity, _too_short(course))


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
    if len(losses) < FEW or GUARD in course.stopped:
        return True
    chance = course.reference.chance_loss
    first = max(losses[0], 0.0 if chance is None else chance)
    gained = first - min(losses)
    late = losses[-1 - _late(course)] - losses[-1]
    if late <= STILL_LEARNING * max(gained, 1e-12):
        return False
    held_out = [r.val_loss for r in course.history if r.val_loss is not None]
    if len(held_out) < len(losses):
        return True
    best = min(held_out[: -_late(course)])
    gained = max(held_out[0], 0.0 if chance is None else chance) - best
    return best - min(held_out) > STILL_LEARNING * max(gained, 1e-12)


def _is_stopped_for_little(course: Course) -> bool:
    """Whether early stopping ended a val loss that fell, but by less than it counts."""
    losses = [r.val_loss for r in course.history if r.val_loss is not None]
    plan, chance = course.plan, course.reference.chance_loss
    early = course.stopped.startswith(STOPPED_EARLY)
    if not early or plan is None or chance is None or not plan.stopping.min_delta:
        return False
    if plan.stopping.monitor != "val_loss" or len(losses) <= plan.stopping.patience:
        return False
    late = losses[-1 - plan.stopping.patience] - losses[-1]
    gained = max(losses[0], chance) - losses[-1]
    return losses[-1] == min(losses) and late > STILL_LEARNING * gained


def _clipped(course: Course) -> dict[str, Any]:
    return {
        "code": "P2",
        "message": "Gradients are clipped so far that steps are too short.",
        "where": "training.clip_grad_norm",
        "evidence": f"{Facts(course).clipping}; {_pace(course)}",
        "remedy": "Clip at a norm that only rare gradients exceed, or not at all.",
        "changes": {"training.clip_grad_norm": 0.0},
    }


def _begun_far_off(course: Course) -> Iterator[dict[str, Any]]:
    """Find first weights, set by the plan, whose outputs training had to undo."""
    facts = Facts(course)
    if course.plan is None or not course.plan.init or facts.initial is None:
        return
    if facts.chance is None or facts.initial <= FAR_OFF * max(facts.chance, 1e-9):
        return
    yield {
        "code": "C10",
        "message": "The first weights give outputs that are far off, and training "
        f"began at a loss of {facts.initial:.3g}; a constant answer has "
        f"{facts.chance:.3g}.",
        "where": "init",
        "remedy": "Leave the first weights as PyTorch draws them.",
        "changes": {"init": []},
    }


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
    # Of the epochs before, one may be high by chance: at a high rate losses swing.
    late = min(losses[: -_late(course)]) - losses[-1]
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


def _too_early(course: Course) -> dict[str, Any]:
    assert course.plan is not None  # noqa: S101 -- of a person's own module not known
    stopping, done = course.plan.stopping, len(course.history)
    changes: dict[str, JsonValue] = {
        "stopping.patience": max(PATIENT, 2 * stopping.patience)
    }
    if stopping.min_delta:
        changes["stopping.min_delta"] = 0.0
    return {
        "code": "P3",
        "message": f"Early stopping ended training after {done} of "
        f"{course.num_epochs} epochs while the network still learned.",
        "where": "stopping.min_delta" if stopping.min_delta else "stopping.patience",
        "remedy": "Be more patient, and count small improvements, too.",
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
