"""Why a network has learned less than there is to learn: C10, P2, P3, P7, P11, T6.

All need harm: the network is behind a simple rival on the test part beyond noise, or
does worse on what it learned from than the rival does on rows that it never saw.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from torchsmith.core.wording import percent
from torchsmith.doctor.course import Course
from torchsmith.doctor.facts import Facts, dropouts
from torchsmith.doctor.judge_length import (
    FEW,
    PATIENT,
    STEEP,
    STEEPER,
    is_impatient,
    is_learning,
    is_steep,
    is_stopped_by_chance,
    is_stopped_for_little,
    pace_text,
    too_early,
    too_short,
)
from torchsmith.doctor.remedies import scaled_rate
from torchsmith.doctor.rules_loss import FAR, FAST, SLOW, is_faded
from torchsmith.doctor.standing import Standing, standing
from torchsmith.evaluate.evaluation import Evaluation
from torchsmith.inspect.inspection import Finding
from torchsmith.plan.plan import Plan
from torchsmith.train.history import restored_epoch

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

NARROW_MAPS = 6
"""Channels of a convolution, of which fewer are a bottleneck: LeNet-5 begins with 6."""

MOSTLY_LEARNED = 0.5
"""Of what a network gets wrong on the test part, it gets so much wrong on examples that
it learned from: where less, it is data rather than training that is missing."""

FEW_STEPS = 200
"""Optimizer steps that are few for a network."""

FASTER = 10.0
"""By which a rate that is too low is multiplied: where ten times as much is too high,
the trial of remedies tells."""

ACTIVATIONS = ("LU", "Tanh", "Sigmoid", "Softplus", "Mish", "Softsign", "swish")


def find_underfit(course: Course, evaluation: Evaluation | None) -> Iterator[Finding]:
    """Find a network that learned less than a simple rival, and the likely cause.

    Args:
        course: Whole.
        evaluation: Of the run; without it only a steep curve tells.
    """
    found = None if evaluation is None else standing(evaluation)
    lost = _lost(found)
    harmed = found is not None and found.behind and lost >= MUCH_LOST
    severity = _severity(found, lost) if found is not None and harmed else "warning"
    causes = [*_begun_far_off(course)]
    if harmed and not causes:
        causes = [*_short_steps(course)]
    yield from (_finding(found, course, severity, cause) for cause in causes)
    if harmed and causes:
        return
    if found is None or not found.misses or lost < MUCH_LOST or _is_kept_early(course):
        few = bool(course.history) and course.num_steps < FEW_STEPS
        yield from _ended(found, course, few=few and harmed and lost >= CLEARLY_LOST)
    else:
        yield from _missed(found, course, evaluation)


def _ended(found: Standing | None, course: Course, *, few: bool) -> Iterator[Finding]:
    """Yield that training ended too soon, of a network that learned what rivals did."""
    if is_stopped_for_little(course) or is_stopped_by_chance(course):
        yield _finding(found, course, "warning", too_early(course))
    elif few or is_steep(course, STEEPER if _has_mostly_learned(found) else STEEP):
        yield from _finish(found, course, "warning")


def _missed(
    found: Standing, course: Course, evaluation: Evaluation | None
) -> Iterator[Finding]:
    """Yield why a network has not learned what a rival has."""
    lost = _lost(found)
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
    is_cut = len(course.history) < FEW or course.ending == "seconds"
    clearly = found.behind and (is_cut or lost >= CLEARLY_LOST)
    if is_steep(course) or (clearly and is_learning(course)):
        yield from _finish(found, course, _severity(found, lost))
    elif clearly:
        early = is_impatient(course, PATIENT)
        cause = too_early(course) if early else _standing_still()
        yield _finding(found, course, _severity(found, lost), cause)


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
    is_cut = course.ending in ("patience", "seconds")
    if short := [*_short_steps(course)]:
        yield from (_finding(found, course, severity, cause) for cause in short)
    elif course.ending == "patience" and course.plan is not None:
        yield _finding(found, course, severity, too_early(course))
    elif is_cut or len(course.history) >= course.num_epochs:
        yield _finding(found, course, severity, too_short(course))


def _finding(
    found: Standing | None, course: Course, severity: str, cause: dict[str, Any]
) -> Finding:
    scores = "" if found is None else f"{found.evidence}; "
    shared = {
        "severity": severity,
        "evidence": f"{scores}{pace_text(course)}",
        "moment": "after",
    }
    return Finding.model_validate({**shared, **cause})


def _has_mostly_learned(found: Standing | None) -> bool:
    """Whether most of what is wrong on new examples is right on those it learned from.

    More training has less to gain then.
    """
    if found is None or found.train is None:
        return False
    return 1 - found.train.value < MOSTLY_LEARNED * (1 - found.test.value)


def _short_steps(course: Course) -> Iterator[dict[str, Any]]:
    """Find why steps are too short: clipping, or the learning rate."""
    facts, (pace, _) = Facts(course), Facts(course).stride
    if facts.is_clipped:
        yield _clipped(course)
    elif course.history and 10**FAST * course.num_steps < FAR:
        return  # no healthy rate goes far in so few steps
    elif -math.inf < pace <= SLOW and not is_faded(facts) and not facts.is_shrunk:
        changes = {} if course.plan is None else scaled_rate(course.plan, FASTER)
        yield {
            "code": "P2",
            "message": "The learning rate is too low: a simple rival has learned more.",
            "where": "optimizer.lr",
            "evidence": "The fastest sampled step, at the highest rate, changes "
            f"weights by 10^{pace:.1f} of themselves (healthy: 10^-2 to 10^-2.6); "
            f"{pace_text(course)}",
            "remedy": "Raise the learning rate, or train for longer.",
            "changes": changes,
        }


def _clipped(course: Course) -> dict[str, Any]:
    return {
        "code": "P2",
        "message": "Gradients are clipped so far that steps are too short.",
        "where": "training.clip_grad_norm",
        "evidence": f"{Facts(course).clipping}; {pace_text(course)}",
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
    kept = restored_epoch(course.plan, course.history)
    if kept is None:
        return False
    return course.history[-1].train_loss < LEARNED_ON * kept.train_loss


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
    shares = [share for share in dropouts(plan.network) if share > MUCH_DROPOUT]
    if not shares:
        return
    own = getattr(plan.network, "dropout", None)
    path = f"network.{plan.network.spec_name()}.dropout"
    yield {
        "code": "P7",
        "message": f"Dropout of {percent(max(shares))} keeps the network from "
        "learning what its examples say.",
        "where": path if own is not None else "network",
        "remedy": "Lower it: nothing was learned by heart.",
        "changes": {path: 0.1} if own is not None else {},
    }


def _too_small(plan: Plan, evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    network = plan.network
    family = network.spec_name()
    if family == "Sequential" and not _bends(network.model_dump(mode="json")):
        yield {
            "code": "P11",
            "message": "The network has no activation between its layers, so it can "
            "only do what a linear model does.",
            "where": "network.Sequential",
            "remedy": "Put an activation such as ReLU after each layer but the last.",
        }
    units = max(NARROW, len(evaluation.classes))
    for name, what, least, usual in (
        ("hidden", "units", units, 64),
        ("channels", "channels", NARROW_MAPS, 16),
    ):
        widths = getattr(network, name, None)
        if widths and min(widths) < least:
            yield {
                "code": "P11",
                "message": f"A hidden layer of {min(widths)} {what} lets too little "
                "through.",
                "where": f"network.{family}.{name}",
                "remedy": "Make it wider.",
                "changes": {
                    f"network.{family}.{name}": [max(usual, *widths)] * len(widths)
                },
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
