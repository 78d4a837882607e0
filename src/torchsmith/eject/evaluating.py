"""The part of a script that scores the network on the test part."""

from torchsmith.eject.code import Section, block, function, joined
from torchsmith.eject.monitoring import monitored_metric
from torchsmith.eject.scoring import is_unscaled, scores_function
from torchsmith.eject.subject import Subject
from torchsmith.train.model import BATCH_SIZE


def evaluate_section(subject: Subject) -> Section:
    """Write how the test part is scored."""
    scored = [predict_function(), scores_function(subject)]
    arguments = ", ".join(score_arguments(subject, "test", "outputs"))
    steps = [
        "outputs = predict(network, test_set)",
        f"test_scores = scores({arguments})",
        block(
            "for name, value in test_scores.items():",
            ['print(f"test {name}: {value:.4f}")'],
        ),
    ]
    if monitored_metric(subject):
        scored = scored[:1]
    return Section(
        "Evaluate",
        "The test part is looked at once, when all choices are made.",
        joined(scored),
        tuple(steps),
    )


def predict_function() -> str:
    """Write how the outputs of all examples are computed."""
    body = [
        "network.eval()",
        f"batches = torch.arange(len(data)).split({BATCH_SIZE})",
        "return torch.cat([network(data[rows][0]) for rows in batches]).cpu()",
    ]
    about = "Return the outputs for all examples, without dropout or gradients."
    return function("predict(network, data)", about, body, "@torch.inference_mode()")


def score_arguments(subject: Subject, part: str, outputs: str) -> list[str]:
    """Return what the function `scores` is called with."""
    scale = ["mean", "deviation"] if is_unscaled(subject) else []
    return [f"targets[{part}]", outputs, *scale]
