"""Probing steps on a copy of the network: what its code does, before it trains."""

from collections.abc import Callable, Iterator

from torchsmith.doctor.diagnosis import Reference
from torchsmith.doctor.subject import Allowance, Subject, found_by, tried
from torchsmith.inspect.inspection import Finding


def find_by_probing(
    subject: Subject, reference: Reference, allowance: Allowance, left_out: list[str]
) -> Iterator[Finding]:
    """Find faults of the network, its loss and its optimizer.

    Args:
        subject: At step 0; stays as it is.
        reference: With what to compare.
        allowance: How long the probes may take.
        left_out: Is told what was not looked at, and why.
    """
    # Only here, so that a plan can be made without PyTorch.
    from torchsmith.doctor.probes.behaviour import find_in_behaviour
    from torchsmith.doctor.probes.capacity import NARROW, find_in_capacity, narrowest
    from torchsmith.doctor.probes.gradients import find_in_gradients
    from torchsmith.doctor.probes.head import find_in_head
    from torchsmith.doctor.probes.length import find_in_length
    from torchsmith.doctor.probes.scene import Scene
    from torchsmith.doctor.probes.start import find_in_numbers, find_in_weights
    from torchsmith.doctor.probes.steps import find_in_steps, others_within, try_steps

    scene, trace = Scene.of(subject), None
    probes: dict[str, Callable[[], Iterator[Finding]]] = {
        "what the loss takes": lambda: find_in_head(scene, reference),
        "what gradients reach": lambda: find_in_gradients(scene),
        "the types of numbers": lambda: find_in_numbers(scene),
        "how examples are treated": lambda: find_in_behaviour(scene),
    }
    found: list[Finding] = []
    for what, probe in probes.items():
        found += found_by(what, probe, allowance, left_out)
    if not allowance.is_overdrawn:
        with tried("the first steps", left_out):
            trace = try_steps(subject, allowance, left_out)
    found += found_by(
        "the initial weights",
        lambda: find_in_weights(scene, reference, trace),
        allowance,
        left_out,
    )
    yield from found
    # What is wrong in the code makes any learning rate look wrong.
    if not any(f.severity == "error" for f in found):
        rates: list[Finding] = []
        if trace is not None:
            others = others_within(allowance, left_out)
            rates = found_by(
                "the learning rate",
                lambda: find_in_steps(subject, trace, reference, others),
                allowance,
                left_out,
            )
        found = rates or found_by(
            "the number of steps",
            lambda: find_in_length(subject, trace, reference),
            allowance,
            left_out,
        )
        yield from found
    if not found or narrowest(subject.state.network) < NARROW:
        yield from found_by(
            "learning one batch by heart",
            lambda: find_in_capacity(scene, allowance, left_out),
            allowance,
            left_out,
        )
