"""How a network stands beside its rivals, on a scale where 1 is perfect."""

from collections.abc import Sequence
from dataclasses import dataclass

from torchsmith.core.vocabulary import LOWER_IS_BETTER, METRIC_TITLES, Metric
from torchsmith.evaluate.evaluation import Evaluation, Rival, Score
from torchsmith.metrics.normal import Z95


@dataclass(frozen=True)
class Standing:
    """A network beside its rivals.

    Attributes:
        metric: R² for numbers, the main metric or accuracy for classes.
        test: On the test part.
        train: On rows that it learned from, in eval mode; None where not measured.
        val: None without a val part.
        best: The best rival on the test part, by the same metric; None without rivals.
        behind: Whether it is better than the network beyond noise, by the main metric.
        chance: The score of the constant guess; 0 for numbers.
    """

    metric: Metric
    test: Score
    train: Score | None
    val: Score | None
    best: Rival | None
    behind: bool
    chance: float

    @property
    def rival_score(self) -> float | None:
        """That of the best rival."""
        return None if self.best is None else self.best.scores[self.metric].value

    @property
    def misses(self) -> bool:
        """Whether it does worse on what it learned from than a rival on new rows."""
        return (
            self.train is not None
            and self.rival_score is not None
            and self.train.value < self.rival_score
        )

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
    best = _best([r for r in rivals if r.name != "constant"], metric)
    constant = next((r for r in rivals if r.name == "constant"), None)
    gain = None if best is None else best.difference
    return Standing(
        metric=metric,
        test=test,
        train=evaluation.scores.get("train", {}).get(metric),
        val=evaluation.scores.get("val", {}).get(metric),
        best=best,
        behind=gain is not None and gain.high < 0,
        chance=0.0 if constant is None else max(constant.scores[metric].value, 0.0),
    )


def _best(rivals: Sequence[Rival], metric: Metric) -> Rival | None:
    return max(rivals, key=lambda r: r.scores[metric].value, default=None)


def sampling_error(score: Score) -> float:
    """Return the standard error behind a 95 % interval."""
    return (score.high - score.low) / (2 * Z95)
