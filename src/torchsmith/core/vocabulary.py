"""The closed sets of words that several packages share."""

from typing import Literal

Kind = Literal["table", "images"]
"""Shape of the data: table `(N, C)`, images `(N, C, H, W)`."""

Task = Literal["binary", "multiclass", "regression"]

Part = Literal["train", "val", "test"]

ColumnKind = Literal["number", "boolean", "date", "text"]
"""What the values of a table column are, as read from the file."""

ColumnRole = Literal["number", "boolean", "date", "category", "ignore"]
"""What a table column is used as."""

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

LOWER_IS_BETTER: frozenset[str] = frozenset({"log_loss", "rmse", "mae", "loss"})

Precision = Literal["float32", "bfloat16"]
