"""The closed sets of words that several packages share."""

from collections.abc import Mapping
from typing import Literal

Kind = Literal["table", "images"]
"""Shape of the data: table `(N, C)`, images `(N, C, H, W)`."""

Task = Literal["binary", "multiclass", "regression"]

Part = Literal["train", "val", "test"]

ColumnKind = Literal["number", "boolean", "date", "text"]
"""What the values of a table column are, as read from the file."""

ColumnRole = Literal["number", "boolean", "date", "category", "ignore"]
"""What a table column is used as."""

Precision = Literal["float32", "bfloat16"]

Metric = Literal[
    "accuracy",
    "balanced_accuracy",
    "f1_macro",
    "roc_auc",
    "log_loss",
    "rmse",
    "mae",
    "r2",
]

METRIC_TITLES: Mapping[Metric, str] = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1_macro": "macro F1",
    "roc_auc": "ROC AUC",
    "log_loss": "log loss",
    "rmse": "RMSE",
    "mae": "mean absolute error",
    "r2": "R²",
}
"""What each metric is called in a sentence."""

LOWER_IS_BETTER: frozenset[str] = frozenset({"log_loss", "rmse", "mae", "loss"})


def metrics_for(task: Task) -> tuple[Metric, ...]:
    """Return the metrics that a task has.

    >>> metrics_for("regression")
    ('rmse', 'mae', 'r2')
    """
    if task == "regression":
        return ("rmse", "mae", "r2")
    return ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss")
