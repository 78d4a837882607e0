"""What a run tells TensorBoard beyond what the loop does."""

import base64
import io
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from torchsmith.core.run_folder import RunFolder
from torchsmith.data.pixels import Prepared
from torchsmith.data.prepare import Preparation
from torchsmith.evaluate.evaluation import Evaluation
from torchsmith.evaluate.shown import Trace, trace, views, visible
from torchsmith.plan.plan import Plan
from torchsmith.train.setup import Setup
from torchsmith.train.tensorboard import PICTURES, Setting, TensorBoardEvents

_CURVE = (160, 96)
"""Width and height of a drawn curve, in pixels."""

_COLOURS = ("#2456c7", "#d1600f", "#0d8a63", "#a8329e", "#8a6a00", "#0b87a8")
"""Of the report's first lines."""


def events_of(folder: RunFolder, setup: Setup) -> TensorBoardEvents:
    """Return what writes a run's events; with pictures of examples, but of tables."""
    samples: list[np.ndarray] = []
    inputs = setup.inputs["train"]
    if len(inputs):
        rows = np.linspace(0, len(inputs) - 1, min(PICTURES, len(inputs))).astype(int)
        samples = list(_samples(setup.preparation, inputs, rows))
    return TensorBoardEvents(folder.tensorboard, setup.state, samples)


def _samples(
    preparation: Preparation, inputs: Prepared, rows: np.ndarray
) -> Iterator[np.ndarray]:
    """Draw prepared examples; of texts and of features alone there is no picture."""
    if preparation.kind == "images":
        for pixels in inputs[rows]:
            yield visible(pixels.transpose(1, 2, 0))
    elif preparation.kind == "volumes":
        for voxels in inputs[rows]:
            yield views(voxels)[..., :3]
    elif (found := preparation.sequences) and found.keep_steps and not found.symbols:
        channels, length = found.sequence
        for prepared in inputs[rows]:
            steps = prepared.ravel()[: channels * length].reshape(channels, length)
            if found.has_mask:
                steps = steps[:-1, steps[-1] > 0]
            values = steps.T / np.array(found.factor) + np.array(found.offset)
            yield drawn(trace(values, found.channels))


def drawn(found: Trace) -> np.ndarray:
    """Return a sequence as a picture of its curves, `(H, W, 3)` bytes.

    Args:
        found: Each channel has a colour; all have one scale.
    """
    from PIL import Image, ImageDraw

    width, height = _CURVE
    sheet = Image.new("RGB", _CURVE, "white")
    pen = ImageDraw.Draw(sheet)
    known = [v for values in found.values for v in values if v is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    scale = (height - 3) / (high - low if high > low else 1.0)
    for values, colour in zip(found.values, _COLOURS, strict=False):
        across = (width - 3) / max(len(values) - 1, 1)
        places = [
            None if v is None else (1 + across * i, height - 2 - scale * (v - low))
            for i, v in enumerate(values)
        ]
        for start, end in pairwise(places):
            if start is not None and end is not None:
                pen.line((start, end), fill=colour)
    return np.asarray(sheet)


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
        if mistake.trace is not None:
            yield drawn(mistake.trace)
        elif mistake.picture:
            with Image.open(io.BytesIO(base64.b64decode(mistake.picture))) as picture:
                yield np.asarray(picture.convert("RGB"))
