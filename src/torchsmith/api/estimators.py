"""`Classifier` and `Regressor`: the same job, as scikit-learn estimators."""

from typing import Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets

from torchsmith.api.estimator import Estimator
from torchsmith.api.estimator_inputs import Rows, Targets, checked_pair
from torchsmith.core.errors import DataError
from torchsmith.core.vocabulary import Task
from torchsmith.data.data import Column, ColumnFormat
from torchsmith.data.labels import label_column


class Classifier(ClassifierMixin, Estimator):  # type: ignore[misc]
    """A network that tells classes apart, as a scikit-learn classifier.

    `fit` inspects the data, plans for it and trains, as `ts.train` does, but on all of
    its rows, in memory, without rivals and without a test part: that is the caller's.
    Columns of texts, booleans and dates in a data frame are prepared as in a table
    file; NaN and None are missing values.

    Args:
        hidden: Width of each hidden layer; None, here and below, is decided from the
            data.
        epochs: At most so many passes over the training part.
        batch_size: Examples per optimizer step.
        lr: Learning rate.
        weight_decay: Of the optimizer.
        dropout: Share of the hidden units that are left out in training, 0 to below 1.
        val: Share of the rows that judges each epoch; None or 0 for none. There is
            none either where it would have fewer than 10 rows, or where a class has one
            example.
        patience: Stop after so many epochs without improvement; 0 never stops early.
        random_state: Draws the val part, initial weights, order and dropout; None is 0.
            The same value gives the same weights on the same machine.
        budget: Seconds that a fit may take; None is no limit.
        settings: Values of the plan by dotted path, such as
            `{"optimizer": "SGD", "data.columns.age": "category"}`; the parameters
            above win over them.
        device: `"auto"`, `"cpu"`, `"cuda"` or `"mps"` (not tested), for training.
        verbose: 1 prints a line for each epoch.

    Attributes:
        classes_: `(K,)` the distinct labels, sorted.
        n_features_in_: Columns of X.
        feature_names_in_: Their names, where X was a data frame.
        plan_: The plan that was carried out, with its reasons.
        network_: The trained `torch.nn.Module`, on the CPU, in eval mode.
        history_: A record for each epoch.
        n_iter_: How many epochs were done.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> bool(Classifier(epochs=20).fit(X, y).score(X, y) > 0.9)
    True
    """

    classes_: np.ndarray

    def fit(self, X: Rows, y: Targets) -> Self:
        """Train on all rows.

        Args:
            X: `(N, C)` numbers, or a data frame.
            y: `(N,)` labels: numbers, texts or booleans.

        Raises:
            ValueError: X or y cannot be used (often a `DataError`), or a parameter
                cannot (a `PlanError`).
            TrainError: The loss is no longer finite; lower the learning rate.
        """
        X, y = checked_pair(self, X, y, numeric=False)
        if y.dtype == object and (missing := [label for label in y if label is None]):
            raise DataError(
                f"y is None in {len(missing)} of {len(y)} rows, and labels must be "
                "known; leave these rows out"
            )
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        names = [str(label) for label in self.classes_]
        if len(names) < 2:
            raise DataError(
                f"y holds one class only, {names[0]!r}, so there is nothing to tell "
                "apart; add rows of another class"
            )
        form = ColumnFormat(name="y", kind="text")
        target = Column(form, codes.astype(np.int32), levels=tuple(names))
        task: Task = "binary" if len(names) == 2 else "multiclass"
        self._train(X, target, task)
        order = self._model.problem.classes
        self._places = [order.index(name) for name in names]
        return self

    def predict_proba(self, X: Rows) -> np.ndarray:
        """Return `(N, K)` probabilities, in the order of `classes_`.

        Args:
            X: `(N, C)`, with the columns that `fit` had, in their order.

        Raises:
            ValueError: The columns differ from those that `fit` had.
        """
        probabilities = self._predict(X)
        return np.asarray(probabilities[:, self._places])

    def predict(self, X: Rows) -> np.ndarray:
        """Return `(N,)` the most probable labels.

        Args:
            X: As for `predict_proba`.

        Raises:
            ValueError: As for `predict_proba`.
        """
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])


class Regressor(RegressorMixin, Estimator):  # type: ignore[misc]
    """A network that predicts numbers, as a scikit-learn regressor.

    `fit` inspects the data, plans for it and trains, as `ts.train` does, but on all of
    its rows, in memory; see `Classifier`, which has the same parameters and attributes,
    but for `classes_`.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> bool(Regressor(epochs=20).fit(X, y).score(X, y) > 0.4)
    True
    """

    def fit(self, X: Rows, y: Targets) -> Self:
        """Train on all rows.

        Args:
            X: `(N, C)` numbers, or a data frame.
            y: `(N,)` numbers.

        Raises:
            ValueError: X or y cannot be used (often a `DataError`), or a parameter
                cannot (a `PlanError`).
            TrainError: The loss is no longer finite; lower the learning rate.
        """
        try:
            X, y = checked_pair(self, X, y, numeric=True)
        except ValueError as error:
            if "convert string to float" in str(error):  # of NumPy: what is no number
                raise _texts(str(error).rpartition(": ")[2]) from error
            raise
        target = label_column("y", y, source="y")
        if target.kind == "text" and target.levels:
            raise _texts(repr(target.levels[0]))
        self._train(X, target, "regression")
        return self

    def predict(self, X: Rows) -> np.ndarray:
        """Return `(N,)` float64 values in the units of y.

        Args:
            X: `(N, C)`, with the columns that `fit` had, in their order.

        Raises:
            ValueError: The columns differ from those that `fit` had.
        """
        return self._predict(X)


def _texts(first: str) -> DataError:
    return DataError(
        f"y: holds texts such as {first}, and Regressor predicts numbers; turn the "
        "texts into numbers, or use Classifier"
    )
