"""The sets that scikit-learn ships, which need no network.

Their files are read without scikit-learn, which takes a second and more to import.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.data import fingerprint
from torchsmith.data.data import Column, ColumnFormat, Data, Table
from torchsmith.data.labels import label_column, text_column
from torchsmith.data.lines import Lines
from torchsmith.data.pixel_arrays import ArrayPart, images_from_parts

_IRIS = (
    "sepal length (cm)",
    "sepal width (cm)",
    "petal length (cm)",
    "petal width (cm)",
)
_WINE = (
    "alcohol",
    "malic_acid",
    "ash",
    "alcalinity_of_ash",
    "magnesium",
    "total_phenols",
    "flavanoids",
    "nonflavanoid_phenols",
    "proanthocyanins",
    "color_intensity",
    "hue",
    "od280/od315_of_diluted_wines",
    "proline",
)
_CELLS = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave points",
    "symmetry",
    "fractal dimension",
)
_TUMOURS = (
    *(f"mean {name}" for name in _CELLS),
    *(f"{name} error" for name in _CELLS),
    *(f"worst {name}" for name in _CELLS),
)
_PATIENTS = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")


def read_digits(target: str | None = None) -> Data:
    """Return 1,797 handwritten digits, 8x8 pixels of 0 to 16."""
    values = np.loadtxt(_file("digits.csv.gz"), np.uint8, delimiter=",")
    labels = values[:, -1].astype(np.int64)
    part = ArrayPart(None, "digits", values[:, :-1].reshape(-1, 8, 8), labels)
    return images_from_parts(
        "digits", [part], target=target, reading={"format": "built in"}
    )


def read_iris() -> Data:
    """Return 150 flowers of three species, four lengths each."""
    return _table("iris", _IRIS, "species", *_classified("iris.csv"))


def read_wine() -> Data:
    """Return 178 wines of three growers, 13 measurements each."""
    return _table("wine", _WINE, "class", *_classified("wine_data.csv"))


def read_breast_cancer() -> Data:
    """Return 569 tumours, malignant or benign, 30 measurements each."""
    found = _classified("breast_cancer.csv")
    return _table("breast_cancer", _TUMOURS, "diagnosis", *found)


def read_diabetes() -> Data:
    """Return 442 patients and how their diabetes went on after a year, in raw units."""
    values = np.loadtxt(_file("diabetes_data_raw.csv.gz"))
    target = np.loadtxt(_file("diabetes_target.csv.gz"))
    return _table("diabetes", _PATIENTS, "progression", values, target)


TABLES: Mapping[str, Callable[[], Data]] = {
    "iris": read_iris,
    "wine": read_wine,
    "breast_cancer": read_breast_cancer,
    "diabetes": read_diabetes,
}
"""What reads each table, by its name in the catalogue."""


def _file(name: str) -> Path:
    """Return where scikit-learn keeps a file of its own.

    Raises:
        DataError: It does not.
    """
    spec = find_spec("sklearn")
    package = Path(spec.origin or "").parent if spec else Path("sklearn")
    path = package / "datasets" / "data" / name
    if not path.is_file():
        raise DataError(
            f"{path}: is not there, where scikit-learn kept this set so far; install "
            "scikit-learn again, in the version that constraints.txt names"
        )
    return path


def _classified(name: str) -> tuple[np.ndarray, list[str]]:
    """Return `(N, D)` numbers and the name of each row's class.

    The first line names the classes after two counts, the last column counts them.
    """
    path = _file(name)
    with path.open(encoding="ascii") as lines:
        classes = next(lines).rstrip().split(",")[2:]
        values = np.loadtxt(lines, delimiter=",")
    return values[:, :-1], [classes[code] for code in values[:, -1].astype(int)]


def _table(
    source: str,
    names: Sequence[str],
    target: str,
    values: np.ndarray,
    labels: Sequence[str] | np.ndarray,
) -> Data:
    columns = {
        name: Column(
            ColumnFormat(name=name, kind="number"),
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
        inputs=Table(columns, Lines.counted(len(values))),
        target=column,
        fingerprint=fingerprint.of_arrays(
            np.array(list(columns)), values, column.values, np.array(column.levels, "U")
        ),
        reading={"format": "built in"},
    )
