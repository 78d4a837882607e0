"""A run, as the sections of its script look at it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from torchsmith.data.data import Column, Data, Table
from torchsmith.data.prepare import Preparation
from torchsmith.data.split import Parts
from torchsmith.nn.folds import first_network
from torchsmith.nn.precision import sum_dtype
from torchsmith.plan.plan import Plan
from torchsmith.train.conformal import PredictionInterval


@dataclass(frozen=True)
class Subject:
    """What a script is written of.

    Attributes:
        name: Of the run.
        plan: What was asked.
        data: All examples, as they were read for the run.
        parts: The rows of each part.
        preparation: Fitted on the training part.
        network: As it was built for the run.
        device: On which it was trained, such as `"cpu"`.
        temperature: By which the probabilities of classes are calibrated.
        interval: Around the predictions of regression.
        rounding: The mode of MKL in which it was trained; empty for its default.
    """

    name: str
    plan: Plan
    data: Data
    parts: Parts
    preparation: Preparation
    network: nn.Module
    device: str = "cpu"
    temperature: float = 1.0
    interval: PredictionInterval | None = None
    rounding: str = ""

    @property
    def doubled(self) -> str:
        """The call that makes a tensor float64; none where the device has no such."""
        exact = sum_dtype(torch.device(self.device)) == torch.float64
        return ".double()" if exact else ""

    @property
    def to_cpu(self) -> str:
        """The call that brings a tensor from the device; none on the CPU."""
        return "" if self.device == "cpu" else ".cpu()"

    @property
    def one_network(self) -> nn.Module:
        """The network, or with folds the first of those that are side by side."""
        return first_network(self.network)[1]

    @property
    def is_table(self) -> bool:
        """Whether the examples are rows of a table, not pictures."""
        return isinstance(self.data.inputs, Table)

    @property
    def columns(self) -> Mapping[str, Column]:
        """The input columns; empty for pictures."""
        inputs = self.data.inputs
        return inputs.columns if isinstance(inputs, Table) else {}

    @property
    def target(self) -> Column:
        """What is predicted."""
        if self.data.target is None:
            raise AssertionError(self.data.source)
        return self.data.target

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the network's outputs; empty for regression."""
        return self.plan.problem.classes

    @property
    def given(self) -> dict[str, np.ndarray]:
        """The rows that the source itself puts into `test` or `val`, as planned."""
        split, codes = self.plan.split, self.data.given
        if codes is None:
            return {}
        asked = {"test": (split.test, 2), "val": (split.val, 1)}
        return {
            part: np.flatnonzero(codes == code)
            for part, (share, code) in asked.items()
            if share == "given"
        }
