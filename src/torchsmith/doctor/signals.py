"""What is sampled while a network trains, one line of `signals.jsonl` each."""

from collections.abc import Iterable
from pathlib import Path

from torchsmith.core.record import Record


class LayerSignals(Record):
    """One layer with weights, or one activation.

    Attributes:
        name: Of the module; of a function that a module calls, such as `F.relu`, the
            module's name and the function's.
        type: The module's class, or the function's name.
        weight_rms: Root mean square of its weights, biases left out; None for
            activations, as the next two.
        update_rms: Of the change of these weights in one step of a copy, made with a
            copy of the optimizer on a batch of the size that is trained on.
        grad_rms: Of the gradient of the loss in that step, before clipping.
        mean, deviation: Of its outputs for the probed examples, in eval mode.
        dead: The share of its units that are 0 for every probed example; for
            activations that can be 0 only.
        saturated: The share of its units that are beyond 95 % of the range for most
            probed examples; for Sigmoid and Tanh only, and not at the network's end.
    """

    name: str
    type: str
    weight_rms: float | None = None
    update_rms: float | None = None
    grad_rms: float | None = None
    mean: float | None = None
    deviation: float | None = None
    dead: float | None = None
    saturated: float | None = None

    @property
    def update_ratio(self) -> float | None:
        """By what share of their size the weights change in one step."""
        if self.update_rms is None or not self.weight_rms:
            return None
        return self.update_rms / self.weight_rms


class Signals(Record):
    """One sample.

    Attributes:
        epoch: Finished epochs; 0 is before training.
        step: Finished optimizer steps.
        lr: Of the step that was tried.
        loss: Mean over the probed examples, in eval mode.
        batch_loss: Mean over the examples of one batch, in eval mode.
        train_mode_loss: The same in train mode, with the batch's own statistics.
        grad_norm: Of the gradient of that loss, before clipping.
        spread: How much the outputs differ from one probed example to another: the root
            mean square of each output's deviation; 0 where the input makes no
            difference.
        examples: How many were probed.
        layers: In the order in which the network computes.
        not_finite: Modules whose weights or outputs are not all finite numbers, in that
            order.
        seconds: That the sample took.
    """

    epoch: int
    step: int
    lr: float = 0.0
    loss: float
    batch_loss: float | None = None
    train_mode_loss: float | None = None
    grad_norm: float | None = None
    spread: float | None = None
    examples: int = 0
    layers: tuple[LayerSignals, ...] = ()
    not_finite: tuple[str, ...] = ()
    seconds: float = 0.0


def read_signals(
    path: Path, last_step: int | None = None, notes: list[str] | None = None
) -> list[Signals]:
    """Return the samples in a file, up to a step; none where there is no file.

    Only what the doctor says is made of them: what follows a damaged line is left out.

    Args:
        path: Of `signals.jsonl`.
        last_step: Later samples are left out; None leaves none out.
        notes: Is told of a damaged line.
    """
    found: list[Signals] = []
    lines = path.read_bytes().splitlines() if path.is_file() else []
    for number, line in enumerate(lines, start=1):
        try:
            sample = Signals.model_validate_json(line)
        except ValueError:
            if notes is not None:
                notes.append(
                    f"{path}, line {number}: is damaged; what the doctor sampled from "
                    "there on is left out"
                )
            break
        if last_step is None or sample.step <= last_step:
            found.append(sample)
    return found


def lines_of(samples: Iterable[Signals]) -> str:
    """Return samples as they stand in a file."""
    return "".join(f"{sample.model_dump_json()}\n" for sample in samples)
