"""What others make of the same parts, each with its own defaults.

Trees have nothing to choose, so they learn from the training and the val part; networks
of pytabkit choose their epoch by the same val part as ours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from benchmarks.quality import rivals_pictures, rivals_sequences, rivals_tables
from benchmarks.quality.rows import Rows


@dataclass(frozen=True)
class Rival:
    """Somebody else's way.

    Attributes:
        title: For the page.
        fit: From the rows to what it says about the test part: `(N,)` values or
            `(N, K)` probabilities.
        package: That must be installed.
        kinds: Of data that it is for.
    """

    title: str
    fit: Callable[[Rows], np.ndarray]
    package: str = "sklearn"

    @property
    def why_not(self) -> str:
        """Say what is missing here, or nothing."""
        if find_spec(self.package) is None:
            return f"not installed: {self.package}"
        return ""


RIVALS: Mapping[str, Rival] = {
    "hgb": Rival("scikit-learn's boosted trees", rivals_tables.fit_hgb),
    "catboost": Rival("CatBoost", rivals_tables.fit_catboost, "catboost"),
    "catboost-stopped": Rival(
        "CatBoost, stopped by val", rivals_tables.fit_catboost_stopped, "catboost"
    ),
    "lightgbm": Rival("LightGBM", rivals_tables.fit_lightgbm, "lightgbm"),
    "realmlp": Rival("RealMLP-TD", rivals_tables.fit_realmlp, "pytabkit"),
    "tabm": Rival("TabM", rivals_tables.fit_tabm, "pytabkit"),
    "hog-svc": Rival("HOG and SVC, tuned", rivals_pictures.fit_hog_svc),
    "resnet18": Rival("plain ResNet-18", rivals_pictures.fit_resnet18, "torch"),
    "dtw": Rival("1-NN with time warping", rivals_sequences.fit_dtw),
    "ngrams": Rival("n-grams, logistic regression", rivals_sequences.fit_ngrams),
}
