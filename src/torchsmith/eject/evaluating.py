"""The part of a script that scores the network on the test part."""

from torchsmith.eject.augmenting import augment_source, changes_of
from torchsmith.eject.calibrating import (
    is_calibrated,
    temperature_function,
    temperature_steps,
)
from torchsmith.eject.code import (
    Section,
    block,
    comment,
    constant,
    function,
    joined,
    quoted,
)
from torchsmith.eject.conformal import (
    coverage_steps,
    half_width_function,
    half_width_steps,
)
from torchsmith.eject.monitoring import monitored_metric, monitors_calibrated
from torchsmith.eject.scoring import scores_function
from torchsmith.eject.subject import Subject
from torchsmith.eject.targets import unscaling
from torchsmith.plan.augment import Augmentation
from torchsmith.plan.text import flow
from torchsmith.train.model import prediction_batch_size


def evaluate_section(subject: Subject) -> Section:
    """Write how the test part is scored."""
    written = monitored_metric(subject) and not monitors_calibrated(subject)
    scored = "" if written else scores_function(subject)
    changes = subject.plan.robustness
    new = changes_of(subject) if changes and not subject.plan.augment else []
    arguments = ", ".join(score_arguments(subject, "test", "outputs"))
    steps = [
        *temperature_steps(subject),
        *half_width_steps(subject),
        "outputs = predict(network, test_set)",
        f"test_scores = scores({arguments})",
        *coverage_steps(subject),
        *(
            line
            for place, spec in enumerate(changes)
            for line in _changed_lines(subject, place, spec)
        ),
        block(
            "for name, value in test_scores.items():",
            ['print(f"test {name}: {value:.4f}")'],
        ),
    ]
    return Section(
        "Evaluate",
        "The test part is looked at once, when all choices are made.",
        joined(
            [
                *new,
                predict_function(subject),
                scored,
                temperature_function(subject),
                half_width_function(subject),
            ]
        ),
        tuple(steps),
        (constant("COVERAGE", found.coverage, "share of targets within an interval"),)
        if (found := subject.interval)
        else (),
    )


def _changed_lines(subject: Subject, place: int, spec: Augmentation) -> list[str]:
    """Write how the test part is scored once more, under a change."""
    arguments = ", ".join(score_arguments(subject, "test", "outputs"))
    change = augment_source(spec, "pictures", "return ", 2)
    told = flow(spec.model_dump(mode="json")).removeprefix("{").removesuffix("}")
    return [
        comment(f"Once more, each picture changed at random: {told}.", 1),
        block("def change(pictures):", [change]),
        f'torch.manual_seed(seed_for("robustness", {place}))',
        "outputs = predict(network, test_set, change)",
        f"under = {quoted(f' under {told}')}",
        f"for name, value in scores({arguments}).items():",
        "    test_scores[name + under] = value",
    ]


def predict_function(subject: Subject) -> str:
    """Write how the outputs of all examples are computed."""
    taken = "data[rows][0]"
    head = "predict(network, data)"
    about = "Return the outputs for all examples, without dropout or gradients."
    if subject.plan.robustness:
        taken = f"change({taken})"
        head = "predict(network, data, change=lambda pictures: pictures)"
    size = prediction_batch_size(subject.preparation.input_shape)
    body = [
        "network.eval()",
        f"batches = torch.arange(len(data)).split({size})",
        f"return torch.cat([network({taken}) for rows in batches]){subject.to_cpu}",
    ]
    return function(head, about, body, "@torch.inference_mode()")


def score_arguments(subject: Subject, part: str, outputs: str) -> list[str]:
    """Return what the function `scores` is called with."""
    temperature = ["temperature"] if is_calibrated(subject) else []
    return [f"targets[{part}]", outputs, *unscaling(subject), *temperature]
