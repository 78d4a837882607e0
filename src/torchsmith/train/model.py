"""A trained network with its fitted preparation: all that prediction needs."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import Field, ValidationError
from safetensors.torch import load_file
from torch import Tensor, nn

from torchsmith.core.errors import DataError, TrainError
from torchsmith.core.files import write_atomic
from torchsmith.core.observer import QUIET, Observer
from torchsmith.core.record import Record
from torchsmith.data.data import Data
from torchsmith.data.pixels import Prepared
from torchsmith.data.prepare import Preparation
from torchsmith.nn.build import InputLayout, build_network
from torchsmith.nn.losses import num_outputs, probabilities
from torchsmith.plan.losses import Loss
from torchsmith.plan.networks import Network
from torchsmith.plan.plan import Problem
from torchsmith.train.batches import PreparedBatches, TensorBatches, at_once, scaled
from torchsmith.train.conformal import PredictionInterval
from torchsmith.train.gpu_memory import moved
from torchsmith.train.state import safetensors_bytes

MODEL_VERSION = 1
BATCH_SIZE = 1024
"""Examples that are predicted at once; fewer where they are large."""


class ModelFile(Record):
    """The content of `model.json`.

    Attributes:
        temperature: Logits of classes are divided by it, as `calibration` fitted it.
        interval: Around values of regression, where `calibration` fitted one.
        folds: How many such networks there are side by side; 0 for one without folds.
    """

    version: int = MODEL_VERSION
    problem: Problem
    network: Network
    folds: int = Field(default=0, exclude_if=lambda folds: not folds)
    loss: Loss
    preparation: Preparation
    temperature: float = Field(default=1.0, gt=0)
    interval: PredictionInterval | None = Field(
        default=None, exclude_if=lambda interval: interval is None
    )


@dataclass(frozen=True)
class Model:
    """A network that is ready to predict.

    Attributes:
        file: What it is: problem, network, loss and fitted preparation.
        network: With its trained weights.
    """

    file: ModelFile
    network: nn.Module

    @property
    def problem(self) -> Problem:
        """What it predicts."""
        return self.file.problem

    @property
    def preparation(self) -> Preparation:
        """The preparation that was fitted on the training part."""
        return self.file.preparation

    def predict(
        self,
        data: Data,
        rows: np.ndarray | None = None,
        observer: Observer = QUIET,
    ) -> np.ndarray:
        """Predict for raw data.

        Args:
            data: As it was read.
            rows: Which examples; all where not given.
            observer: Is told how many are done.

        Returns:
            `(N, K)` probabilities, or `(N,)` values in the target's own units.
        """
        inputs = self.preparation.inputs(data, rows)
        return self.finish(self.raw_outputs(inputs, observer=observer))

    def predict_prepared(
        self, inputs: Prepared, change: Callable[[Tensor], Tensor] | None = None
    ) -> np.ndarray:
        """Predict for inputs that are prepared, as `predict` does.

        Args:
            inputs: From `Preparation.inputs`.
            change: What happens to each batch before the network sees it.
        """
        return self.finish(self.raw_outputs(inputs, change))

    def raw_outputs(
        self,
        inputs: Prepared,
        change: Callable[[Tensor], Tensor] | None = None,
        observer: Observer = QUIET,
    ) -> Tensor:
        """Return what the network itself gives, `(N, K)` or `(N, 1)`, on the CPU.

        Args:
            inputs: From `Preparation.inputs`.
            change: What happens to each batch before the network sees it.
            observer: Is told how many examples are done.

        Raises:
            DataError: There is one example where a layer needs two.
        """
        weight = next(self.network.parameters())
        self.network.eval()
        outputs = []
        with torch.inference_mode():
            step = prediction_batch_size(self.preparation.input_shape)
            for start in range(0, len(inputs), step):
                # Arrays that are read from a file cannot be written, tensors can.
                part = np.require(inputs[start : start + step], requirements=["C", "W"])
                batch = scaled(torch.from_numpy(part), *self.preparation.pixel_scale)
                batch = batch.to(weight.device, weight.dtype)
                batch = batch if change is None else change(batch)
                outputs.append(self._answers(batch).cpu())
                observer.advance(start + len(part))
        return torch.cat(outputs) if outputs else torch.zeros(0, self._num_outputs)

    def _answers(self, batch: Tensor) -> Tensor:
        try:
            answers: Tensor = self.network(batch)
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise DataError(
                "batch normalisation with track_running_stats: false compares the "
                "examples of a batch with each other, and here is one alone; predict "
                "two or more at once, or train with track_running_stats: true"
            ) from error
        return answers

    def finish(self, outputs: Tensor, temperature: float | None = None) -> np.ndarray:
        """Turn raw outputs into probabilities `(N, K)` or values `(N,)`.

        Args:
            outputs: From `raw_outputs`.
            temperature: Another than the model's own; 1 undoes its calibration.
        """
        file = self.file
        own = file.temperature if temperature is None else temperature
        return finish_outputs(file.problem, file.loss, file.preparation, outputs, own)

    def ends(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the ends of the intervals around predicted values; None without.

        Args:
            values: `(N,)`, in the target's own units.
        """
        if self.file.interval is None:
            return None
        return self.file.interval.ends(values, self.preparation.target)

    @property
    def _num_outputs(self) -> int:
        return num_outputs(self.file.loss, len(self.problem.classes))

    def save(self, folder: Path) -> None:
        """Write `network.safetensors` and `model.json` into a folder."""
        weights = safetensors_bytes(self.network.state_dict())
        write_atomic(folder / "network.safetensors", weights)
        write_atomic(folder / "model.json", self.file.model_dump_json(indent=1))

    @classmethod
    def load(cls, folder: Path) -> "Model":
        """Read what `save` wrote.

        Raises:
            TrainError: A file is missing, damaged, or of another version.
        """
        try:
            raw = json.loads((folder / "model.json").read_bytes())
            if raw.get("version") != MODEL_VERSION:
                raise TrainError(
                    f"{folder / 'model.json'}: version {raw.get('version')} is not the "
                    f"version {MODEL_VERSION} that this Torchsmith reads"
                )
            file = ModelFile.model_validate(raw)
            weights = load_file(folder / "network.safetensors")
        except (OSError, ValidationError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise TrainError(
                f"{folder}: the model cannot be read ({reason})"
            ) from error
        outputs = num_outputs(file.loss, len(file.problem.classes))
        network = build_network(
            file.network, layout_of(file.preparation), outputs, 0, file.folds
        )
        network.load_state_dict(weights)
        return cls(file, network.eval())


def prediction_batch_size(shape: Sequence[int]) -> int:
    """Return how many examples of a shape are predicted at once."""
    return at_once(math.prod(shape), BATCH_SIZE)


def finish_outputs(
    problem: Problem,
    loss: Loss,
    preparation: Preparation,
    outputs: Tensor,
    temperature: float = 1.0,
) -> np.ndarray:
    """Turn raw outputs into probabilities `(N, K)` or values `(N,)`.

    Args:
        problem: What is predicted.
        loss: What the network was trained with; says what its outputs are.
        preparation: Turns values back into the target's own units.
        outputs: `(N, K)` or `(N, 1)`.
        temperature: Logits of classes are divided by it.
    """
    outputs = outputs.detach().cpu().double()
    if problem.task == "regression":
        return preparation.predicted_values(outputs.numpy()).reshape(-1)
    return probabilities(loss, outputs, temperature).numpy()


def layout_of(preparation: Preparation) -> InputLayout:
    """Return what the network is fed."""
    return InputLayout(
        shape=preparation.input_shape,
        num_numbers=preparation.num_numbers,
        cardinalities=preparation.cardinalities,
        pictures=preparation.pictures,
        **(preparation.sequences.layout if preparation.sequences else {}),
    )


def batches_of(
    preparation: Preparation, inputs: Prepared, targets: Tensor, num_workers: int = 0
) -> TensorBatches | PreparedBatches:
    """Make batches of prepared inputs; pixels are scaled as they are taken.

    Args:
        preparation: Says how pixels are scaled.
        inputs: On the device where they fit into memory, else made as they are taken.
        targets: On the device.
        num_workers: Processes for inputs that do not fit.

    Raises:
        TrainError: They fit into memory, but not into that of the GPU.
    """
    offset, factor = preparation.pixel_scale
    if isinstance(inputs, np.ndarray):
        tensor = moved(torch.from_numpy(inputs), targets.device)
        return TensorBatches(tensor, targets, offset=offset, factor=factor)
    return PreparedBatches(
        inputs, targets, offset=offset, factor=factor, num_workers=num_workers
    )
