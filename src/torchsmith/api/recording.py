"""What a run tells TensorBoard beyond what the loop does."""

import base64
import io
from collections.abc import Iterator

import numpy as np

from torchsmith.core.run_folder import RunFolder
from torchsmith.evaluate.evaluation import Evaluation
from torchsmith.evaluate.shown import visible
from torchsmith.plan.plan import Plan
from torchsmith.train.setup import Setup
from torchsmith.train.tensorboard import PICTURES, Setting, TensorBoardEvents


def events_of(folder: RunFolder, setup: Setup) -> TensorBoardEvents:
    """Return what writes a run's events; for pictures, with examples of them."""
    samples: list[np.ndarray] = []
    inputs = setup.inputs["train"]
    if setup.preparation.kind == "images" and len(inputs):
        rows = np.linspace(0, len(inputs) - 1, min(PICTURES, len(inputs))).astype(int)
        samples = [visible(pixels.transpose(1, 2, 0)) for pixels in inputs[rows]]
    return TensorBoardEvents(folder.tensorboard, setup.state, samples)


def record_results(
    events: TensorBoardEvents, plan: Plan, evaluation: Evaluation
) -> None:
    """Write the plan's main values with the final scores, and the worst mistakes."""
    scores = {
        f"{metric}/{part}": score.value
        for part, found in evaluation.scores.items()
        for metric, score in found.items()
        if part == "test" or metric == evaluation.metric
    }
    events.on_result(settings_of(plan), scores, list(_mistakes(evaluation)))


def settings_of(plan: Plan) -> dict[str, Setting]:
    """Return the choices that runs are compared by, short names and plain values."""
    settings: dict[str, Setting] = {
        "source": plan.data.source,
        "network": plan.network.spec_name(),
        "loss": plan.loss.spec_name(),
        "optimizer": plan.optimizer.spec_name(),
        "schedule": "" if plan.schedule is None else plan.schedule.spec_name(),
        "epochs": plan.training.epochs,
        "batch_size": plan.training.batch_size,
        "precision": plan.training.precision,
        "seed": plan.training.seed,
    }
    for name in type(plan.optimizer).model_fields:
        value = getattr(plan.optimizer, name)
        if isinstance(value, (str, float, int)):
            settings[name] = value
    return settings


def _mistakes(evaluation: Evaluation) -> Iterator[np.ndarray]:
    from PIL import Image

    for mistake in evaluation.mistakes[:PICTURES]:
        if mistake.picture:
            with Image.open(io.BytesIO(base64.b64decode(mistake.picture))) as picture:
                yield np.asarray(picture.convert("RGB"))
