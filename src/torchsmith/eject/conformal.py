"""The part of a script that puts intervals around predicted numbers."""

from torchsmith.eject.code import function
from torchsmith.eject.subject import Subject
from torchsmith.eject.targets import (
    has_clamped_target,
    has_scaled_target,
    unscaling,
)

HALF_WIDTH, COVERAGE = "half_width", "coverage"
"""What a script calls them among its scores."""


def values_function(subject: Subject) -> str:
    """Write how outputs become values; empty where nothing but a score needs it."""
    if subject.interval is None:
        return ""
    arguments = ", ".join(["outputs", *unscaling(subject)])
    body = ["values = outputs.double().numpy()[:, 0]"]
    if has_scaled_target(subject):
        body[0] += " * deviation + mean"
    clip = ".clip(low, high)" if has_clamped_target(subject) else ""
    return function(
        f"values_of({arguments})",
        "Turn outputs into values in the target's own units.",
        [*body, f"return values{clip}"],
    )


def half_width_function(subject: Subject) -> str:
    """Write how wide the intervals are; empty where there are none."""
    if subject.interval is None:
        return ""
    arguments, outside = ["targets", "predictions"], []
    percent = f"{100 * subject.interval.coverage:g} %"
    source = (
        "(split-conformal prediction, https://doi.org/10.1080/01621459.2017.1307116)."
    )
    chance = f"with a chance of {percent} {source}"
    if subject.plan.split.num_folds:
        chance = (
            f"with a chance of about {percent}: its prediction is the mean of all "
            "networks, and each of these errors is of the one that had not seen the "
            f"row {source}"
        )
    if has_clamped_target(subject):
        arguments += ["low", "high"]
        outside = [
            "# No width reaches a target outside of the range that predictions keep.",
            "errors[(targets < low) | (targets > high)] = np.inf",
        ]
    return function(
        f"fit_half_width({', '.join(arguments)})",
        "Return how wide an interval around a prediction is, to each side.\n"
        f"One more row that is drawn as these were lies within {chance}",
        [
            "errors = np.abs(targets - predictions)",
            *outside,
            "rank = math.ceil(round((len(errors) + 1) * COVERAGE, 9))",
            "return float(np.sort(errors)[rank - 1])",
        ],
    )


def half_width_steps(subject: Subject) -> list[str]:
    """Write the statements of `main` that find the width on the val part."""
    if subject.interval is None:
        return []
    given = ", ".join(["predict(network, val_set)", *unscaling(subject)])
    bounds = ", low, high" if has_clamped_target(subject) else ""
    return [
        f"predictions = values_of({given})",
        f"half_width = fit_half_width(targets[val], predictions{bounds})",
    ]


def coverage_steps(subject: Subject) -> list[str]:
    """Write the statements of `main` that count the test targets within."""
    if subject.interval is None:
        return []
    given = ", ".join(["outputs", *unscaling(subject)])
    lower, upper = "predictions - half_width", "predictions + half_width"
    if has_clamped_target(subject):
        lower, upper = (f"({end}).clip(low, high)" for end in (lower, upper))
    return [
        f"predictions = values_of({given})",
        f"lower = {lower}",
        f"upper = {upper}",
        "within = (lower <= targets[test]) & (targets[test] <= upper)",
        f'test_scores["{HALF_WIDTH}"] = half_width',
        f'test_scores["{COVERAGE}"] = float(within.mean())',
    ]
