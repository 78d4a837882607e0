"""How a network stands beside its rivals, on a scale where 1 is perfect."""

import math
from dataclasses import dataclass

from torchsmith.core.vocabulary import LOWER_IS_BETTER, METRIC_TITLES, Metric
from torchsmith.evaluate.evaluation import Calibration, Evaluation, Rival, Score
from torchsmith.metrics.normal import NORMAL, Z95

MISSES_Z = 1.645
"""Standard errors by which a network must do worse on what it learned from than a rival
on new rows (p < 0.05, one side)."""


@dataclass(frozen=True)
class Standing:
    """A network beside its rivals.

    Attributes:
        metric: R² for numbers, the main metric or accuracy for classes.
        test: On the test part.
        train: On rows that it learned from, in eval mode; None where not measured.
        val: None without a val part.
        best: The best rival on the test part, by the same metric; None without rivals.
        ahead: Names of the rivals that are better than the network beyond noise, by the
            main metric, where the best of so many is looked for.
        chance: The score of the constant guess; 0 for numbers.
    """

    metric: Metric
    test: Score
    train: Score | None
    val: Score | None
    best: Rival | None
    ahead: tuple[str, ...]
    chance: float

    @property
    def behind(self) -> bool:
        """Whether the best rival is better than the network beyond noise."""
        return self.best is not None and self.best.name in self.ahead

    @property
    def rival_score(self) -> float | None:
        """That of the best rival."""
        return None if self.best is None else self.best.scores[self.metric].value

    @property
    def misses(self) -> bool:
        """Whether it does worse on what it learned from than a rival on new rows."""
        if self.train is None or self.best is None:
            return False
        theirs = self.best.scores[self.metric]
        noise = math.hypot(sampling_error(self.train), sampling_error(theirs))
        return theirs.value - self.train.value > MISSES_Z * noise

    @property
    def is_generalising(self) -> bool:
        """Whether it does not do better on what it learned from, beyond noise."""
        return self.train is not None and self.train.value <= self.test.high

    @property
    def evidence(self) -> str:
        """The scores, in a few words."""
        title = METRIC_TITLES[self.metric]
        texts = [f"{title} {self.test.value:.3f} on the test part"]
        if self.train is not None:
            texts.append(f"{self.train.value:.3f} on training examples")
        if self.best is not None:
            texts.append(f"{self.best.title}: {self.rival_score:.3f} on the test part")
        return ", ".join(texts)


def standing(evaluation: Evaluation) -> Standing | None:
    """Compare a network with its rivals; None where a score is missing.

    Args:
        evaluation: Of the run.
    """
    metric = evaluation.metric
    if evaluation.task == "regression":
        metric = "r2"
    elif metric in LOWER_IS_BETTER:
        metric = "accuracy"
    test = evaluation.scores.get("test", {}).get(metric)
    if test is None:
        return None
    rivals = [r for r in evaluation.rivals if metric in r.scores]
    asked = [r for r in rivals if r.name != "constant"]
    constant = next((r for r in rivals if r.name == "constant"), None)
    return Standing(
        metric=metric,
        test=test,
        train=evaluation.scores.get("train", {}).get(metric),
        val=evaluation.scores.get("val", {}).get(metric),
        best=max(asked, key=lambda r: r.scores[metric].value, default=None),
        ahead=tuple(r.name for r in asked if _is_ahead(r, len(asked))),
        chance=0.0 if constant is None else max(constant.scores[metric].value, 0.0),
    )


def _is_ahead(rival: Rival, asked: int) -> bool:
    """Whether a rival is better, by an interval that holds for all that were asked."""
    gap = rival.difference
    if gap is None:
        return False
    width = NORMAL.inv_cdf(1 - 0.025 / asked) / Z95
    return gap.value + width * (gap.high - gap.value) < 0


def sureness(calibration: Calibration) -> float:
    """Return by how much probabilities say more than is right; below 0 where less."""
    rows = sum(one.rows for one in calibration.bins)
    gaps = (one.rows * (one.confidence - one.right.value) for one in calibration.bins)
    return sum(gaps) / max(rows, 1)


def sampling_error(score: Score) -> float:
    """Return the standard error behind a 95 % interval."""
    return (score.high - score.low) / (2 * Z95)
