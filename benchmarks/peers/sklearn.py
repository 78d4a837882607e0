"""scikit-learn's perceptron; `partial_fit` is one epoch."""

import joblib
import numpy as np
from benchmarks.peers.work import LR, Work
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_limits


class Trained:
    """A perceptron that has been trained."""

    def __init__(self, model) -> None:
        self.model = model

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Return predictions, or the logarithms of probabilities."""
        if isinstance(self.model, MLPRegressor):
            return self.model.predict(inputs)
        return self.model.predict_log_proba(inputs)

    def save(self, path: str) -> None:
        """Save the model."""
        joblib.dump(self.model, path)


def train(work: Work) -> Trained:
    """Train."""
    job = work.job
    kind = MLPRegressor if job.is_regression else MLPClassifier
    model = kind(
        hidden_layer_sizes=job.sizes[1:-1],
        batch_size=job.batch,
        learning_rate_init=LR,
        alpha=0,
        random_state=0,
    )
    targets = work.targets.reshape(-1)
    first = {} if job.is_regression else {"classes": np.unique(targets)}
    with threadpool_limits(work.threads):
        for _ in work.epochs():
            model.partial_fit(work.inputs, targets, **first)
    return Trained(model)
