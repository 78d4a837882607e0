"""The sets that scikit-learn ships, which need no network."""

from collections.abc import Sequence

import numpy as np

from torchsmith.data import fingerprint
from torchsmith.data.data import Column, ColumnFormat, Data, Table
from torchsmith.data.labels import label_column, text_column
from torchsmith.data.pixel_arrays import ArrayPart, images_from_parts


def read_digits(target: str | None = None) -> Data:
    """Return 1,797 handwritten digits, 8x8 pixels of 0 to 16."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    part = ArrayPart(None, "digits", bunch.images.astype(np.uint8), bunch.target)
    return images_from_parts(
        "digits", [part], target=target, reading={"format": "built in"}
    )


def read_iris() -> Data:
    """Return 150 flowers of three species, four lengths each."""
    from sklearn.datasets import load_iris

    bunch = load_iris()
    return _table(
        "iris", bunch.data, bunch.feature_names, "species", _names(bunch, bunch.target)
    )


def read_wine() -> Data:
    """Return 178 wines of three growers, 13 measurements each."""
    from sklearn.datasets import load_wine

    bunch = load_wine()
    return _table(
        "wine", bunch.data, bunch.feature_names, "class", _names(bunch, bunch.target)
    )


def read_breast_cancer() -> Data:
    """Return 569 tumours, malignant or benign, 30 measurements each."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    names = _names(bunch, bunch.target)
    return _table("breast_cancer", bunch.data, bunch.feature_names, "diagnosis", names)


def read_diabetes() -> Data:
    """Return 442 patients and how their diabetes went on after a year, in raw units."""
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes(scaled=False)
    return _table(
        "diabetes", bunch.data, bunch.feature_names, "progression", bunch.target
    )


def _names(bunch: dict[str, np.ndarray], labels: np.ndarray) -> list[str]:
    return [str(bunch["target_names"][label]) for label in labels]


def _table(
    source: str,
    values: np.ndarray,
    names: Sequence[str],
    target: str,
    labels: Sequence[str] | np.ndarray,
) -> Data:
    columns = {
        str(name): Column(
            ColumnFormat(name=str(name), kind="number"),
            np.ascontiguousarray(values[:, i], np.float64),
        )
        for i, name in enumerate(names)
    }
    column = (
        label_column(target, labels, source=source)
        if isinstance(labels, np.ndarray)
        else text_column(target, labels)
    )
    return Data(
        source=source,
        inputs=Table(columns, np.arange(1, len(values) + 1)),
        target=column,
        fingerprint=fingerprint.of_arrays(
            np.array(list(columns)), values, column.values, np.array(column.levels, "U")
        ),
        reading={"format": "built in"},
    )
