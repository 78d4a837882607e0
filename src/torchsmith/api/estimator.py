"""What `Classifier` and `Regressor` do in the same way."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import nn

from torchsmith.api.budget import require_budget
from torchsmith.api.carrying import torch_threads
from torchsmith.api.estimator_inputs import (
    Rows,
    checked_rows,
    column_names,
    free_name,
    named_columns,
    plain_value,
    whole_seed,
)
from torchsmith.api.lines import Lines
from torchsmith.api.memory import train_in_memory
from torchsmith.core.errors import Interrupted, PlanError
from torchsmith.core.vocabulary import Task
from torchsmith.data.data import Column
from torchsmith.data.tables import table_from_rows
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import asked_settings
from torchsmith.train.history import EpochRecord
from torchsmith.train.watch import TrainingObserver

_PATHS = {
    "hidden": "network.hidden",
    "dropout": "network.dropout",
    "lr": "optimizer.lr",
    "weight_decay": "optimizer.weight_decay",
    "epochs": "training.epochs",
    "batch_size": "training.batch_size",
    "patience": "stopping.patience",
}

_FIXED = {
    "problem.task": "choose Classifier or Regressor",
    "problem.target": "it is y",
    "problem.classes": "they are those of y",
    "data.source": "it is X and y",
    "data.fingerprint": "it is that of X and y",
    "split.test": "there is no test part: hold it out yourself",
    "split.val": "use the parameter val",
    "split.seed": "use the parameter random_state",
    "training.seed": "use the parameter random_state",
    "training.device": "use the parameter device",
}


class Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Parameters, training and prediction; a subclass knows its targets."""

    n_features_in_: int
    plan_: Plan
    network_: nn.Module
    history_: tuple[EpochRecord, ...]
    n_iter_: int

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
        device: str | torch.device = "auto",
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

    def _train(self, rows: Rows, target: Column, task: Task) -> None:
        """Train on checked rows, and keep what came out."""
        self._check_parameters()
        self._names = column_names(rows)
        data = table_from_rows(named_columns(rows, self._names), source="X")
        form = target.format.model_copy(update={"name": free_name("y", self._names)})
        data = replace(data, target=replace(target, format=form))
        observer = Lines(print) if self.verbose else TrainingObserver()
        try:
            trained = train_in_memory(
                data,
                task,
                budget=self.budget,
                val=self.val,
                settings=self._settings(),
                observer=observer,
            )
        except Interrupted as error:
            # A search over parameters must stop too, and not go on to the next fit.
            raise KeyboardInterrupt(str(error)) from error
        self._model = trained.model
        self.plan_ = trained.plan
        self.network_ = trained.model.network
        self.history_ = trained.history
        self.n_iter_ = len(trained.history)

    def _check_parameters(self) -> None:
        val: object = self.val
        if val is not None and not (
            isinstance(val, int | float | np.floating) and 0 <= val < 1
        ):
            raise PlanError(f"val: {val!r} is no share; give None, or 0 to below 1")
        require_budget(self.budget)

    def _settings(self) -> dict[str, object]:
        """Return what is asked for, as values by dotted path, in the order to set."""
        found = dict(asked_settings(self.settings))
        for dotted in found:
            fixed = next((p for p in _FIXED if f"{dotted}.".startswith(f"{p}.")), None)
            if fixed is not None:
                raise PlanError(f"settings: {dotted} cannot be set; {_FIXED[fixed]}")
        seed = whole_seed(self.random_state)
        found |= {"split.seed": seed, "training.seed": seed}
        found["training.device"] = plain_value(self.device)
        for name, path in _PATHS.items():
            if getattr(self, name) is not None:
                found[path] = plain_value(getattr(self, name))
        return found

    def _predict(self, rows: Rows) -> np.ndarray:
        """Return `(N, K)` probabilities in the network's order, or `(N,)` values."""
        check_is_fitted(self)
        rows = checked_rows(self, rows)
        table = self._model.preparation.table
        data = table_from_rows(
            named_columns(rows, self._names),
            formats=None if table is None else table.formats,
            source="X",
        )
        # In float32 a prediction changes a little with the rows that stand beside it.
        exact = replace(self._model, network=deepcopy(self.network_).cpu().double())
        with torch_threads(self.plan_.training.threads):
            return exact.predict(data)
