"""Ridge regression on many features of few examples, in closed form.

What it leaves out tells how strong it must be: the error at each training example of a
regression on all the others has a closed form too
([Golub, Heath and Wahba 1979](https://doi.org/10.1080/00401706.1979.10489751); Rifkin
and Lippert 2007). On a few hundred sequences it errs less than a layer that is trained
step by step.
"""

import numpy as np

from torchsmith.core.record import Record
from torchsmith.data.packed import numbers_of, text_of

FIRST, LAST, TRIED = -3.0, 1.5, 10
"""Powers of 10: the strengths that are tried, times the number of features."""


SCALES = 2.0 ** np.arange(0, 6.5, 0.5)
"""Of logits, that are tried; more would be sure of what a few examples show."""


class FittedRidge(Record):
    """A ridge regression of K numbers on F features; of classes, their logits.

    Attributes:
        weights: float32 `(K, F)`, as base64 text.
        intercept: K numbers.
        strength: Of those tried, the one with the least error at left-out examples.
    """

    weights: str
    intercept: tuple[float, ...]
    strength: float

    @property
    def num_outputs(self) -> int:
        """K."""
        return len(self.intercept)

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Return `(N, K)` float32 of `(N, F)` float32, each row by itself."""
        weights = numbers_of(self.weights).reshape(self.num_outputs, -1)
        # A matrix product would round a row by what stands beside it.
        found = np.einsum("nf,kf->nk", features, weights)
        return np.asarray(found + np.array(self.intercept, np.float32))


def fit_ridge(
    features: np.ndarray, targets: np.ndarray, num_classes: int
) -> FittedRidge:
    """Regress targets on features.

    Args:
        features: `(N, F)` float32.
        targets: `(N,)` places of classes, each regressed as 1 and 0; or numbers, which
            are standardised.
        num_classes: K; 0 where targets are numbers.

    Returns:
        Of classes, with outputs scaled so that their softmax has the least log loss at
        left-out examples.
    """
    if num_classes:
        wanted = np.eye(num_classes)[targets.astype(np.int64)]
    else:
        wanted = (targets - targets.mean())[:, None] / (targets.std() or 1.0)
    means, mean = features.mean(axis=0, dtype=np.float64), wanted.mean(axis=0)
    centred = features - means
    values, vectors = np.linalg.eigh(centred @ centred.T)
    values = values.clip(0)
    turned = vectors.T @ (wanted - mean)
    errors, answers = [], []
    strengths = np.logspace(FIRST, LAST, TRIED)
    for strength in strengths:
        kept = values / (values + strength * features.shape[1])
        left = wanted - mean - vectors @ (kept[:, None] * turned)
        own = (vectors**2) @ kept + 1 / len(features)
        left /= np.maximum(1 - own, 1e-9)[:, None]
        errors.append(np.mean(left**2))
        answers.append(wanted - left)
    strength = float(strengths[np.argmin(errors)])
    scale = _scale(answers[np.argmin(errors)], wanted) if num_classes else 1.0
    scaled = turned / (values + strength * features.shape[1])[:, None]
    weights = scale * ((vectors @ scaled).T @ centred)
    return FittedRidge(
        weights=text_of(weights),
        intercept=tuple((scale * mean - weights @ means).tolist()),
        strength=strength,
    )


def _scale(answers: np.ndarray, wanted: np.ndarray) -> float:
    """Return what makes logits of left-out answers `(N, K)` fit the classes best."""
    losses = []
    for scale in SCALES:
        logits = scale * answers
        top = logits.max(axis=1)
        sums = np.exp(logits - top[:, None]).sum(axis=1)
        losses.append(np.mean(top + np.log(sums) - (logits * wanted).sum(axis=1)))
    return float(SCALES[np.argmin(losses)])
