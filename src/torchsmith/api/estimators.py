"""`Classifier` and `Regressor`: the same job, as scikit-learn estimators."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from torch import nn

from torchsmith.api.memory import Trained
from torchsmith.plan.plan import Plan
from torchsmith.train.history import EpochRecord

Rows = Any
"""An array `(N, C)` of numbers, or a data frame; NaN is a missing value."""

Targets = Any
"""`(N,)`: an array, a sequence, or a column of a data frame."""

_PATHS = {
    "hidden": "network.hidden",
    "dropout": "network.dropout",
    "lr": "optimizer.lr",
    "weight_decay": "optimizer.weight_decay",
    "epochs": "training.epochs",
    "batch_size": "training.batch_size",
    "patience": "stopping.patience",
    "device": "training.device",
}


class _Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both estimators do in the same way."""

    model_: Trained
    n_features_in_: int

    def __init__(  # noqa: PLR0913 -- an estimator's settings are its parameters
        self,
        *,
        hidden: Sequence[int] | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        weight_decay: float | None = None,
        dropout: float | None = None,
        val: float | None = 0.15,
        patience: int | None = None,
        random_state: int | np.random.RandomState | None = 0,
        budget: float | None = None,
        settings: Mapping[str, object] | None = None,
        device: str = "auto",
        verbose: int = 0,
    ) -> None:
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.val = val
        self.patience = patience
        self.random_state = random_state
        self.budget = budget
        self.settings = settings
        self.device = device
        self.verbose = verbose

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    @property
    def plan_(self) -> Plan:
        """The plan that was carried out, with its reasons."""
        return self.model_.plan

    @property
    def network_(self) -> nn.Module:
        """The trained network, on the CPU, in eval mode."""
        return self.model_.model.network

    @property
    def history_(self) -> tuple[EpochRecord, ...]:
        """A record for each epoch."""
        return self.model_.history

    @property
    def n_iter_(self) -> int:
        """How many epochs were done."""
        return len(self.model_.history)
