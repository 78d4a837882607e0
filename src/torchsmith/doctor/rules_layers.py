"""What the layers show as a network trains: T2 to T5, C6, C9."""

import math
from collections.abc import Iterator
from itertools import pairwise
from statistics import median

from pydantic import JsonValue

from torchsmith.core.wording import percent
from torchsmith.doctor.facts import Facts, dead, saturated
from torchsmith.doctor.signals import Signals
from torchsmith.inspect.inspection import Finding
from torchsmith.plan.networks import Sequential
from torchsmith.plan.plan import Plan

MANY, MOST = 0.5, 0.9
"""Share of a layer's units that are dead, or saturated: of so many healthy wide layers
fall short (0.48); of most, hardly anything of the layer is left."""

CLEARLY = 3.0
"""Standard errors by which a score is clearly below a rival's."""

VANISHES, VANISHES_WITH_HARM = -2.8, -2.5
"""Logarithm of the first layer's gradient/weight over the last's, before training;
the second where the network ended worse than a rival. Healthy: above -2.4."""

WASTED = 0.97
"""A first epoch whose loss is above so much of chance's was wasted."""

GROWS = 30.0
"""Outputs of the last layer so many times as large as those of the first."""

FROM_AFAR = 3.0
"""An untrained network whose loss is so many times chance's is far off."""

JUMPS, DOUBLES = 20.0, 2.0
"""A gradient's norm so many times the median of others, while the loss doubles."""

DISAGREE = 2.0
"""Eval loss over train-mode loss, of one batch; healthy small batches reach 1.3."""

MATTERS = 0.1
"""Of chance's loss: by so much at least the two must differ."""

SAME = 1e-4
"""Outputs that differ by less of their size from example to example are the same."""


def find_in_layers(facts: Facts) -> Iterator[Finding]:
    """Find T2 to T5, C6 and C9.

    Args:
        facts: Of a course, so far or whole.
    """
    vanishes = list(_vanishes(facts))
    yield from vanishes
    yield from _explodes(facts)
    lost = None if vanishes else lost_units(facts)
    if lost is not None:
        yield lost
    yield from _saturates(facts, vanishes=bool(vanishes))
    yield from _modes_disagree(facts)
    if not vanishes and lost is None:
        yield from _ignores_input(facts)


def _vanishes(facts: Facts) -> Iterator[Finding]:
    ratio, chance, first = facts.depth_ratio, facts.chance, facts.first
    if ratio is None or chance is None or first is None or not facts.losses:
        return
    wasted = ratio < VANISHES and facts.losses[0] >= WASTED * chance
    harmed = ratio < VANISHES_WITH_HARM and (facts.is_stuck or facts.is_behind)
    if not (wasted or harmed) or _all_dead(first):
        return
    layers = facts.depth
    ended = f"the last {facts.end:.3g}" if len(facts.losses) > 1 else "so far"
    yield Finding(
        code="T3",
        severity="error" if harmed else "warning",
        message="Gradients vanish on their way to the first layers.",
        where=layers[0].name,
        evidence=(
            f"Before training, the gradient of {layers[0].name} is 10^{ratio:.1f} "
            f"times that of {layers[-1].name}, each beside its weights; the first "
            f"epoch's loss was {facts.losses[0]:.3g}, {ended}, a constant answer's "
            f"{chance:.3g}."
        ),
        remedy=(
            "Use ReLU or GELU, normalise between layers, initialise for the "
            "activation, or build fewer layers."
        ),
        changes=lets_through(facts.course.plan),
        moment="during",
    )


def _explodes(facts: Facts) -> Iterator[Finding]:
    first, chance, initial = facts.first, facts.chance, facts.initial
    if first is not None and chance is not None and initial is not None:
        outputs = [
            (layer.name, layer.deviation)
            for layer in first.layers
            if layer.weight_rms is not None and layer.deviation
        ]
        grown = outputs[-1][1] / outputs[0][1] if len(outputs) > 1 else 1.0
        harmed = facts.diverged or facts.is_stuck or facts.is_behind
        harmed = harmed or bool(facts.scores_below(CLEARLY))
        if grown > GROWS and initial > FROM_AFAR * chance and harmed:
            yield Finding(
                code="T2",
                severity="error",
                message="Outputs and gradients grow from layer to layer.",
                where=outputs[-1][0],
                evidence=(
                    f"Before training, the outputs of {outputs[-1][0]} are {grown:.3g} "
                    f"times as large as those of {outputs[0][0]}, and the loss is "
                    f"{initial:.3g}, a constant answer's {chance:.3g}."
                ),
                remedy="Initialise smaller, normalise between layers, clip gradients.",
                changes=_own_initial(facts) or _clipped(facts),
                moment="during",
            )
            return
    yield from _jumps(facts)


def _jumps(facts: Facts) -> Iterator[Finding]:
    history = facts.course.history
    norms = [r.grad_norm for r in history if r.grad_norm]
    usual = median(norms) if len(norms) > 4 else math.inf
    for before, record in pairwise(history):
        jumped = record.grad_norm is not None and record.grad_norm > JUMPS * usual
        if not jumped or record.train_loss < DOUBLES * before.train_loss:
            continue
        yield Finding(
            code="T2",
            severity="warning",
            message="Gradients explode now and then, and the loss with them.",
            where=f"epoch {record.epoch}",
            evidence=(
                f"The norm of the gradient was {record.grad_norm:.3g}, usually it is "
                f"{usual:.3g}; the loss went from {before.train_loss:.3g} to "
                f"{record.train_loss:.3g}."
            ),
            remedy="Clip gradients.",
            changes=_clipped(facts),
            moment="during",
        )
        return


def lost_units(facts: Facts) -> Finding | None:
    """Return T4 where so many units are dead that it hurts.

    Args:
        facts: Of a course, so far or whole.
    """
    found = facts.growth(dead)
    if found is None or found[1] <= MANY or facts.is_shrunk:
        return None
    layer, now, before = found
    if facts.is_noisy and before < MANY:
        return None  # dropout switches units off that nothing needs
    stuck = facts.is_stuck and now > MOST
    if not stuck and not facts.is_behind and not facts.gained_nothing:
        return None
    examples = facts.last.examples if facts.last is not None else 0
    return Finding(
        code="T4",
        severity="error" if stuck or facts.is_behind else "warning",
        message=f"{percent(now)} of the units of {layer.name} are dead.",
        where=layer.name,
        evidence=(
            f"They are 0 for each of {examples:,} examples, {percent(before)} were "
            f"before training; {_losses(facts)}."
        ),
        remedy=(
            "Begin with other weights and biases, or use LeakyReLU."
            if before > MANY
            else "Lower the learning rate, or use LeakyReLU."
        ),
        changes=lets_through(facts.course.plan) if before > MANY else _leaky(facts),
        moment="during",
    )


def _saturates(facts: Facts, *, vanishes: bool) -> Iterator[Finding]:
    found = facts.growth(saturated)
    if found is None or found[1] <= MANY:
        return
    layer, now, before = found
    harmed = facts.is_stuck or facts.is_behind or bool(facts.scores_below(CLEARLY))
    # Healthy first weights leave hardly a unit there: the plan's own do it.
    begun = before > MANY and facts.course.plan is not None and facts.course.plan.init
    if not (harmed or begun) or (vanishes and before < MANY):
        return
    yield Finding(
        code="T5",
        severity="error" if now > MOST else "warning",
        message=f"{percent(now)} of the units of {layer.name} are saturated.",
        where=layer.name,
        evidence=(
            f"They are in the outer 5 % of the range of {layer.type} for most "
            f"examples, {percent(before)} were before training; {_losses(facts)}."
        ),
        remedy="Scale the inputs, begin with smaller weights, or normalise.",
        changes=lets_through(facts.course.plan),
        moment="during",
    )


def _modes_disagree(facts: Facts) -> Iterator[Finding]:
    samples = [s for s in facts.samples if s.step and s.train_mode_loss is not None]
    chance = facts.chance
    if len(samples) < 2 or chance is None or not facts.is_over:
        return
    gaps = [_gap(sample, chance) for sample in samples[-2:]]
    if min(gaps) <= DISAGREE:
        return
    last = samples[-1]
    worse = facts.probe is not None and (last.batch_loss or 0.0) > facts.probe
    yield Finding(
        code="C6",
        severity="error" if worse else "warning",
        message="The network is far worse in eval mode than in train mode.",
        where="normalisation",
        evidence=(
            f"The loss of one training batch is {last.batch_loss:.3g} in eval mode, "
            f"{last.train_mode_loss:.3g} in train mode; at the sample before they "
            f"differed {gaps[0]:.1f} times."
        ),
        remedy=(
            "Let batch normalisation average faster (momentum 0.1), use larger "
            "batches, or GroupNorm."
        ),
        changes=_usual_momentum(facts),
        moment="during",
    )


def _ignores_input(facts: Facts) -> Iterator[Finding]:
    last, first = facts.last, facts.first
    if last is None or last.spread is None or last.step == 0 or not facts.is_stuck:
        return
    outputs = [layer for layer in last.layers if layer.weight_rms is not None][-1:]
    size = max((math.hypot(x.mean or 0, x.deviation or 0) for x in outputs), default=0)
    if last.spread > SAME * size or facts.diverged or facts.is_shrunk:
        return
    before = "" if first is None else f"; before training by {first.spread or 0:.1g}"
    yield Finding(
        code="C9",
        severity="error",
        message="The network gives the same output for every input.",
        evidence=(
            f"Over {last.examples:,} examples its outputs differ by {last.spread:.1g}"
            f"{before}; {_losses(facts)}."
        ),
        remedy="Check that forward uses its input, and begin with other weights.",
        changes=_own_initial(facts),
        moment="during",
    )


def _gap(sample: Signals, chance: float) -> float:
    ours, theirs = sample.batch_loss, sample.train_mode_loss
    if ours is None or theirs is None or ours - theirs < MATTERS * chance:
        return 1.0
    return ours / max(theirs, 1e-12)


def _all_dead(sample: Signals) -> bool:
    return any((layer.dead or 0.0) > MOST for layer in sample.layers)


def _losses(facts: Facts) -> str:
    rivals = [
        f"{name} {value:.3g}"
        for name, value in (("chance", facts.chance), ("a rival", facts.probe))
        if value is not None
    ]
    return f"the training loss is {facts.end:.3g} ({', '.join(rivals)})"


def _clipped(facts: Facts) -> dict[str, JsonValue]:
    return {} if facts.course.plan is None else {"training.clip_grad_norm": 1.0}


def _own_initial(facts: Facts) -> dict[str, JsonValue]:
    """Return PyTorch's own initial weights, where the plan sets others."""
    plan = facts.course.plan
    return {} if plan is None or not plan.init else {"init": []}


def _leaky(facts: Facts) -> dict[str, JsonValue]:
    plan = facts.course.plan
    if plan is None or not hasattr(plan.network, "activation"):
        return {}
    return {"network.activation": "LeakyReLU"}


def lets_through(plan: Plan | None) -> dict[str, JsonValue]:
    """Return what lets gradients through: other initial weights, or activations.

    Args:
        plan: None where there is none to change.
    """
    if plan is None:
        return {}
    if plan.init:
        return {"init": []}
    network = plan.network
    if not isinstance(network, Sequential):
        return {"network.activation": "ReLU"} if _squashes(network) else {}
    places = [n for n, layer in enumerate(network.layers) if _is_squash(layer)]
    if not places:
        return {"init": [{"kaiming_normal_": {"nonlinearity": "relu"}}]}
    return {f"network.layers.{n}": "ReLU" for n in places}


def _squashes(network: object) -> bool:
    return _is_squash(getattr(network, "activation", None))


def _is_squash(layer: object) -> bool:
    return type(layer).__name__ in {"Sigmoid", "Tanh"}


def _usual_momentum(facts: Facts) -> dict[str, JsonValue]:
    """Return the usual momentum for each layer that has a slower one."""
    plan = facts.course.plan
    if plan is None or not isinstance(plan.network, Sequential):
        return {}
    places = [
        place
        for place, layer in enumerate(plan.network.layers)
        if (momentum := getattr(layer, "momentum", None)) is not None and momentum < 0.1
    ]
    return {f"network.layers.{place}.momentum": 0.1 for place in places}
