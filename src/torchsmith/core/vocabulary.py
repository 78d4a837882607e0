"""The closed sets of words that several packages share."""

from collections.abc import Iterable, Mapping
from typing import Literal

from torchsmith.core.errors import nearest

Kind = Literal["table", "images", "sequences", "volumes"]
"""Shape of the data: table `(N, C)`, images `(N, C, H, W)`, sequences `(N, C, L)`,
volumes `(N, C, D, H, W)`."""

NOUNS: Mapping[Kind, str] = {
    "table": "row",
    "images": "picture",
    "sequences": "sequence",
    "volumes": "volume",
}
"""What one example is called."""

WORDS: Mapping[Kind, str] = {
    "table": "a table",
    "images": "images",
    "sequences": "sequences",
    "volumes": "volumes",
}
"""What a source holds, in a sentence."""

Task = Literal["binary", "multiclass", "regression"]

Part = Literal["train", "val", "test"]

Ending = Literal["", "epochs", "seconds", "patience", "observer"]
"""What ended a training: all epochs done, the guard `training.seconds`, early stopping,
or an observer such as the doctor; empty while it goes on."""

ColumnKind = Literal["number", "boolean", "date", "text"]
"""What the values of a table column are, as read from the file."""

ColumnRole = Literal[
    "number", "boolean", "date", "category", "text", "picture", "ignore"
]
"""What a table column is used as."""

Precision = Literal["float32", "bfloat16"]
EngineName = Literal["auto", "eager", "captured", "compiled"]

Metric = Literal[
    "accuracy",
    "balanced_accuracy",
    "f1_macro",
    "f1_weighted",
    "precision_macro",
    "recall_macro",
    "f1",
    "precision",
    "recall",
    "roc_auc",
    "average_precision",
    "matthews_corrcoef",
    "cohen_kappa_score",
    "log_loss",
    "brier_score_loss",
    "rmse",
    "mae",
    "r2",
    "median_absolute_error",
    "mean_absolute_percentage_error",
    "max_error",
    "explained_variance",
]
"""Scores by the names that scikit-learn gives them, but for rmse, mae and r2."""

METRIC_TITLES: Mapping[Metric, str] = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1_macro": "macro F1",
    "f1_weighted": "weighted F1",
    "precision_macro": "macro precision",
    "recall_macro": "macro recall",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "matthews_corrcoef": "Matthews correlation",
    "cohen_kappa_score": "Cohen's kappa",
    "log_loss": "log loss",
    "brier_score_loss": "Brier score",
    "rmse": "RMSE",
    "mae": "mean absolute error",
    "r2": "R²",
    "median_absolute_error": "median absolute error",
    "mean_absolute_percentage_error": "mean absolute percentage error",
    "max_error": "largest error",
    "explained_variance": "explained variance",
}
"""What each metric is called in a sentence."""

CALIBRATED_LOSS = "calibrated_loss"
"""The log loss of classes that is left when a temperature has been fitted."""

CALIBRATED = f"val_{CALIBRATED_LOSS}"
"""That of the val part, which chooses the best epoch where the plan says so."""

LOWER_IS_BETTER: frozenset[str] = frozenset(
    {
        "log_loss",
        "brier_score_loss",
        "rmse",
        "mae",
        "median_absolute_error",
        "mean_absolute_percentage_error",
        "max_error",
        "loss",
        CALIBRATED_LOSS,
    }
)


def low_is_good(monitor: str, lower: frozenset[str] = LOWER_IS_BETTER) -> bool:
    """Whether low values of a monitored score are good, as of `val_loss`.

    Args:
        monitor: Its name, with the part that it is of.
        lower: The names, without it, of those scores of which low values are good.
    """
    return monitor.removeprefix("val_").removeprefix("train_") in lower


OTHER_NAMES: Mapping[str, Metric] = {
    "accuracy_score": "accuracy",
    "acc": "accuracy",
    "binary_accuracy": "accuracy",
    "categorical_accuracy": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "f1_micro": "accuracy",
    "precision_micro": "accuracy",
    "recall_micro": "accuracy",
    "balanced_accuracy_score": "balanced_accuracy",
    "f1_score": "f1",
    "precision_score": "precision",
    "recall_score": "recall",
    "roc_auc_score": "roc_auc",
    "auc": "roc_auc",
    "auroc": "roc_auc",
    "roc_auc_ovr": "roc_auc",
    "average_precision_score": "average_precision",
    "mcc": "matthews_corrcoef",
    "cohen_kappa": "cohen_kappa_score",
    "kappa": "cohen_kappa_score",
    "neg_log_loss": "log_loss",
    "brier_score": "brier_score_loss",
    "neg_brier_score": "brier_score_loss",
    "root_mean_squared_error": "rmse",
    "neg_root_mean_squared_error": "rmse",
    "mean_absolute_error": "mae",
    "neg_mean_absolute_error": "mae",
    "r2_score": "r2",
    "neg_median_absolute_error": "median_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "neg_mean_absolute_percentage_error": "mean_absolute_percentage_error",
    "neg_max_error": "max_error",
    "explained_variance_score": "explained_variance",
}
"""What people and scikit-learn also call a metric; plans have one name for each."""

_OF_TWO_CLASSES = frozenset({"f1", "precision", "recall"})
_OF_VALUES: tuple[Metric, ...] = (
    "rmse",
    "mae",
    "r2",
    "median_absolute_error",
    "mean_absolute_percentage_error",
    "max_error",
    "explained_variance",
)


def metrics_for(task: Task) -> tuple[Metric, ...]:
    """Return the metrics that a task has.

    >>> metrics_for("regression")[:3]
    ('rmse', 'mae', 'r2')
    """
    if task == "regression":
        return _OF_VALUES
    return tuple(
        name
        for name in METRIC_TITLES
        if name not in _OF_VALUES and (task == "binary" or name not in _OF_TWO_CLASSES)
    )


def usual_metrics(task: Task) -> tuple[Metric, ...]:
    """Return the few metrics that are shown where nothing else is asked for.

    >>> usual_metrics("regression")
    ('rmse', 'mae', 'r2')
    """
    if task == "regression":
        return ("rmse", "mae", "r2")
    return ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss")


def metric_hint(name: str, allowed: Iterable[str]) -> str:
    """Say which metric a person may have meant, as the end of an error message.

    Args:
        name: That is not among the allowed ones.
        allowed: The names that may be written, with `val_` before them or not.

    >>> metric_hint("r2_score", ["rmse", "r2"])
    "; write 'r2'"
    >>> metric_hint("accuracy_scor", ["accuracy"])
    "; did you mean 'accuracy'?"
    """
    known = list(allowed)
    bare = name.removeprefix("val_")
    other = OTHER_NAMES.get(bare, "")
    ours = next((each for each in (other, f"val_{other}") if each in known), "")
    return f"; write '{ours}'" if ours else nearest(name, known)
