"""The test examples on which the network is worst."""

import base64
import io
from collections.abc import Callable

import numpy as np

from torchsmith.data.data import Images, Inputs, Table
from torchsmith.data.pictures import decode
from torchsmith.evaluate.evaluation import Mistake
from torchsmith.metrics.classification import log_losses
from torchsmith.plan.plan import Problem

MOST_MISTAKES = 24
DIM = 16
"""Bytes of at most so much would look black."""

MOST_SIDE = 96
"""Pictures of mistakes have at most so many pixels a side."""


def worst(
    problem: Problem,
    targets: np.ndarray,
    outputs: np.ndarray,
    *,
    inputs: Inputs | None = None,
    where: Callable[[int], str] | None = None,
) -> tuple[Mistake, ...]:
    """Return up to 24 wrong predictions, the most costly first.

    Args:
        problem: Task and classes.
        targets: `(N,)` class codes or values.
        outputs: `(N, K)` probabilities or `(N,)` values.
        inputs: The N examples, to show them.
        where: What to call a row; by default its line, file name or number (0 = first).
    """
    if problem.task == "regression":
        losses = np.abs(targets.astype(np.float64) - outputs)
        wrong = losses > 0
    else:
        losses = log_losses(targets, outputs)
        wrong = outputs.argmax(axis=1) != targets
    order = np.argsort(-losses, kind="stable")
    rows = order[wrong[order]][:MOST_MISTAKES]
    name = where or (lambda row: _where(inputs, row))
    texts = _row_texts(inputs, rows)
    pictures = _pictures(inputs, rows)
    found = []
    for place, row in enumerate(rows.tolist()):
        target, prediction, probability = _said(problem, targets[row], outputs[row])
        found.append(
            Mistake(
                where=name(row),
                target=target,
                prediction=prediction,
                probability=probability,
                loss=float(losses[row]),
                row=texts[place],
                picture=pictures[place],
            )
        )
    return tuple(found)


def png(pixels: np.ndarray) -> str:
    """Return a picture, stretched where that is needed to see it, as a PNG in base64.

    Args:
        pixels: `(H, W, C)` with 1 or 3 channels.
    """
    return encode_png(visible(pixels))


def visible(pixels: np.ndarray) -> np.ndarray:
    """Return a picture as bytes that can be seen.

    Args:
        pixels: `(H, W, C)`, uint8; floats, and bytes of a small range as of the
            built-in digits, are stretched.
    """
    if pixels.dtype == np.uint8 and pixels.max() > DIM:
        return pixels
    low, high = float(pixels.min()), float(pixels.max())
    scaled = (pixels - low) / (high - low if high > low else 1.0)
    return np.round(255 * scaled).astype(np.uint8)


def encode_png(pixels: np.ndarray) -> str:
    """Return `(H, W, C)` bytes with 1 or 3 channels as a PNG in base64."""
    from PIL import Image

    buffer = io.BytesIO()
    plane = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    Image.fromarray(plane).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _said(
    problem: Problem, target: np.generic, output: np.ndarray
) -> tuple[str, str, float | None]:
    if problem.task == "regression":
        return f"{float(target):.6g}", f"{float(output):.6g}", None
    code = int(output.argmax())
    return problem.classes[int(target)], problem.classes[code], float(output[code])


def _where(inputs: Inputs | None, row: int) -> str:
    if isinstance(inputs, Table):
        return f"line {inputs.lines[row]}"
    return f"row {row}" if inputs is None else inputs.name(row)


def _row_texts(inputs: Inputs | None, rows: np.ndarray) -> list[dict[str, str]]:
    if not isinstance(inputs, Table):
        return [{} for _ in rows]
    columns = {name: column.texts(rows) for name, column in inputs.columns.items()}
    return [
        {name: texts[place] for name, texts in columns.items()}
        for place in range(len(rows))
    ]


def _pictures(inputs: Inputs | None, rows: np.ndarray) -> list[str]:
    if not isinstance(inputs, Images):
        return ["" for _ in rows]
    found = []
    for row in rows.tolist():
        height, width = inputs.sizes[row].tolist()
        shrink = min(1.0, MOST_SIDE / max(height, width))
        size = max(1, round(height * shrink)), max(1, round(width * shrink))
        found.append(png(decode(inputs, np.array([row]), *size)[0]))
    return found
