"""X and y of scikit-learn: checked, and as named columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_X_y
from sklearn.utils.validation import validate_data

from torchsmith.core.errors import DataError, PlanError

Rows = Any
"""An array `(N, C)` of numbers, or a data frame; NaN is a missing value."""

Targets = Any
"""`(N,)`: an array, a sequence, or a column of a data frame."""


def is_frame(rows: Rows) -> bool:
    """Whether rows are a data frame, of pandas, Polars or the like."""
    return hasattr(rows, "columns") and hasattr(rows, "__getitem__")


def checked_pair(
    estimator: BaseEstimator, rows: Rows, targets: Targets, *, numeric: bool
) -> tuple[Rows, np.ndarray]:
    """Check X and y as scikit-learn does; a data frame stays one.

    Args:
        estimator: Learns how many columns there are, and their names.
        rows: X.
        targets: y.
        numeric: Whether y must be numbers.

    Raises:
        ValueError: There are fewer than two rows, or a shape, a length or a value is
            wrong.
        TypeError: X is sparse, or holds no numbers.
    """
    if not is_frame(rows):
        rows, targets = validate_data(
            estimator,
            rows,
            targets,
            ensure_all_finite="allow-nan",
            ensure_min_samples=2,
            y_numeric=numeric,
        )
        return rows, targets
    validate_data(estimator, rows, targets, skip_check_array=True)
    _, targets = check_X_y(
        np.zeros((len(rows), 1)),
        targets,
        ensure_min_samples=2,
        y_numeric=numeric,
        estimator=estimator,
    )
    return rows, targets


def checked_rows(estimator: BaseEstimator, rows: Rows) -> Rows:
    """Check X as scikit-learn does: the columns must be those of `fit`.

    Raises:
        ValueError: They are not, or a shape or a value is wrong.
        TypeError: X is sparse, or holds no numbers.
    """
    if is_frame(rows):
        return validate_data(estimator, rows, reset=False, skip_check_array=True)
    return validate_data(estimator, rows, reset=False, ensure_all_finite="allow-nan")


def column_names(rows: Rows) -> list[str]:
    """Return what to call the columns: as the data frame does, or x0, x1, ….

    Raises:
        DataError: Two columns have one name.
    """
    if not is_frame(rows):
        return [f"x{place}" for place in range(rows.shape[1])]
    names = [str(label) for label in rows.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"X has more than one column '{twice[0]}'; rename them")
    return names


def named_columns(rows: Rows, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the columns by the names that `fit` gave them, in its order."""
    if is_frame(rows):
        values = [rows[label].to_numpy() for label in rows.columns]
    else:
        values = list(rows.T)
    return dict(zip(names, values, strict=True))


def free_name(name: str, taken: Sequence[str]) -> str:
    """Return a name that no column has: with underscores where it is taken."""
    while name in taken:
        name += "_"
    return name


def whole_seed(random_state: object) -> int:
    """Return the seed that `random_state` stands for; None is 0.

    Raises:
        PlanError: It is none of what scikit-learn takes.
    """
    if random_state is None:
        return 0
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if not isinstance(random_state, int | np.integer):
        raise PlanError(
            f"random_state: {random_state!r} is no seed; give a whole number, a "
            "numpy.random.RandomState or None"
        )
    return int(random_state)


def plain_value(value: object) -> object:
    """Turn numbers of NumPy, which searches over parameters draw, into Python's.

    A `torch.device` becomes its name.
    """
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str):
        return [plain_value(item) for item in value]
    return value
