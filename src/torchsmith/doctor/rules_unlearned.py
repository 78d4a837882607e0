"""What no network and no rival learns: D15."""

from collections.abc import Iterator

from torchsmith.doctor.facts import STUCK, Facts
from torchsmith.doctor.rules_loss import FAR, FAST, SLOW
from torchsmith.inspect.inspection import Finding

NO_SIGNAL, BLURRED = 3.0, 0.04
"""Standard errors above chance that a rival must be for inputs to say something; with
larger errors, of about 150 examples, what they say may be hidden in them."""

CLEAR = 0.9
"""Of chance's, below which a validation loss shows something learned, whatever the
share of right classes says."""

LITTLE = 0.02
"""Share of what a constant answer leaves open; less is nothing learned."""


def find_no_signal(facts: Facts) -> Iterator[Finding]:
    """Find D15: inputs that say nothing about the target, as a whole training shows it.

    Args:
        facts: Of a course, so far or whole.
    """
    reference, chance = facts.reference, facts.chance
    rival, constant = reference.probe_score, reference.chance_score
    if rival is None or constant is None or chance is None or not facts.is_far:
        return
    error = reference.probe_error or 0.0
    if error > BLURRED:
        return
    if min(facts.stride[1], 10**FAST * facts.course.num_steps) < FAR:
        return  # in so few steps a network that reads orders has not learned, either
    losses = [r.val_loss for r in facts.course.history if r.val_loss is not None]
    if rival > constant + NO_SIGNAL * error or not losses or facts.pace < SLOW:
        return
    best = facts.best_score
    learned = best is None or best > constant + LITTLE * (1 - constant)
    if min(losses) < CLEAR * chance:
        return
    if facts.losses[0] < STUCK * chance or (learned and min(losses) < STUCK * chance):
        return
    yield Finding(
        code="D15",
        severity="error",
        message="Inputs say nothing about the target: nothing that is learned holds.",
        where="the pairing of inputs and targets",
        evidence=(
            f"A simple rival scores {rival:.3f} ± {error:.3f}, a constant answer "
            f"{constant:.3f}; the network's validation loss was {min(losses):.3g} at "
            f"best, a constant answer's is {chance:.3g}."
        ),
        remedy="Check that each input stands beside its own target.",
        moment="during",
    )
