"""Trees and networks of others, for tables; trees also for flattened inputs."""

import tempfile
from typing import Any

import numpy as np
from benchmarks.quality.rows import Rows, flat
from benchmarks.quality.sources import is_table

from torchsmith.data.steps import BagOfWords
from torchsmith.data.text_columns import TextColumn

MOST_LEVELS = 255
"""Of a category in scikit-learn's boosted trees."""

EARLY = {"iterations": 2000, "early_stopping_rounds": 50, "use_best_model": True}
"""As in the published figures of CatBoost on California housing."""


def frame(rows: Rows) -> Any:
    """Return the inputs as a pandas frame: numbers, categories, and words as 0 and 1.

    Words are those that the network is given, of the rows that rivals learn from.
    """
    import pandas as pd

    if not is_table(rows.data):
        values = flat(rows.data)
        return pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])])
    columns = {}
    for name, role in rows.roles.items():
        column = rows.data.inputs.columns[name]
        if role == "category":
            texts = column.texts(slice(None))
            columns[name] = pd.Categorical(["missing" if t == "" else t for t in texts])
        elif role == "text":
            text = TextColumn.fit(column.take(rows.fitted), BagOfWords())
            found = text.features(column).T.astype(float)
            columns |= dict(zip(text.feature_names, found, strict=True))
        elif column.kind == "date":
            columns[name] = column.values.astype("datetime64[D]").astype(float)
        else:
            columns[name] = column.values.astype(float)
    return pd.DataFrame(columns)


def categories(rows: Rows) -> list[str]:
    """Return the names of the columns of categories."""
    return [name for name, role in rows.roles.items() if role == "category"]


def _said(model: Any, rows: Rows, tested: Any) -> np.ndarray:
    if not rows.num_classes:
        return np.asarray(model.predict(tested)).ravel()
    return rows.spread(model.classes_, model.predict_proba(tested))


def fit_hgb(rows: Rows) -> np.ndarray:
    """Fit scikit-learn's histogram gradient boosting."""
    from sklearn.ensemble import (
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
    )

    kind = (
        HistGradientBoostingClassifier
        if rows.num_classes
        else HistGradientBoostingRegressor
    )
    values = _with_few_levels(frame(rows), rows)
    model = kind(categorical_features="from_dtype", random_state=rows.seed)
    model.fit(values.iloc[rows.fitted], rows.targets[rows.fitted])
    return _said(model, rows, values.iloc[rows.parts.test])


def _with_few_levels(values: Any, rows: Rows) -> Any:
    """Let all but the most frequent levels share one: 255 is scikit-learn's limit."""
    for name in categories(rows):
        if len(values[name].cat.categories) > MOST_LEVELS:
            counts = values[name].iloc[rows.fitted].value_counts()
            kept = counts.index[: MOST_LEVELS - 1]
            texts = values[name].astype(str)
            values[name] = texts.where(texts.isin(kept), "other").astype("category")
    return values


def fit_catboost(rows: Rows) -> np.ndarray:
    """Fit CatBoost."""
    return _fit_catboost(rows, rows.fitted)


def fit_catboost_stopped(rows: Rows) -> np.ndarray:
    """Fit CatBoost to the training part, and stop it by the val part."""
    return _fit_catboost(rows, rows.parts.train, **EARLY)


def _fit_catboost(rows: Rows, fitted: np.ndarray, **options: Any) -> np.ndarray:
    from catboost import CatBoostClassifier, CatBoostRegressor

    values = frame(rows).astype(dict.fromkeys(categories(rows), str))
    stopping = options.pop("early_stopping_rounds", None)
    best = options.pop("use_best_model", None)
    kind = CatBoostClassifier if rows.num_classes else CatBoostRegressor
    model = kind(
        random_seed=rows.seed,
        verbose=False,
        allow_writing_files=False,
        cat_features=categories(rows),
        **options,
    )
    val = rows.parts.val
    model.fit(
        values.iloc[fitted],
        rows.targets[fitted],
        eval_set=(values.iloc[val], rows.targets[val]) if stopping else None,
        early_stopping_rounds=stopping,
        use_best_model=best,
    )
    return _said(model, rows, values.iloc[rows.parts.test])


def fit_lightgbm(rows: Rows) -> np.ndarray:
    """Fit LightGBM."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    values = frame(rows)
    # LightGBM refuses names with characters of JSON.
    values.columns = [f"x{place}" for place in range(values.shape[1])]
    kind = LGBMClassifier if rows.num_classes else LGBMRegressor
    model = kind(random_state=rows.seed, verbosity=-1)
    model.fit(values.iloc[rows.fitted], rows.targets[rows.fitted])
    return _said(model, rows, values.iloc[rows.parts.test])


def fit_realmlp(rows: Rows) -> np.ndarray:
    """Fit pytabkit's RealMLP with its tuned defaults."""
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    kind = RealMLP_TD_Classifier if rows.num_classes else RealMLP_TD_Regressor
    return _fit_pytabkit(kind, rows)


def fit_tabm(rows: Rows) -> np.ndarray:
    """Fit pytabkit's TabM with its defaults."""
    from pytabkit import TabM_D_Classifier, TabM_D_Regressor

    return _fit_pytabkit(
        TabM_D_Classifier if rows.num_classes else TabM_D_Regressor, rows
    )


def _fit_pytabkit(kind: Any, rows: Rows) -> np.ndarray:
    values = _filled(frame(rows), rows)
    fitted, folds = rows.fitted, rows.parts.folds
    # Where ours has folds, the first of them chooses: it shares no copies with the
    # rest, as what they would hold out by themselves does.
    chooses = np.isin(fitted, rows.parts.val) if folds is None else folds == 0
    with tempfile.TemporaryDirectory() as folder:
        model = kind(device="cpu", random_state=rows.seed, tmp_folder=folder)
        model.fit(
            values.iloc[fitted].reset_index(drop=True),
            rows.targets[fitted],
            val_idxs=np.flatnonzero(chooses),
            cat_col_names=categories(rows),
        )
        return _said(model, rows, values.iloc[rows.parts.test])


def _filled(values: Any, rows: Rows) -> Any:
    """Fill missing numbers with the training part's median, and say where they were.

    These networks take no missing numbers.
    """
    for name in [c for c in values.columns if c not in categories(rows)]:
        missing = values[name].isna()
        if missing.any():
            middle = values[name].iloc[rows.parts.train].median()
            values[name] = values[name].fillna(middle)
            values[f"{name} missing"] = missing.astype(float)
    return values
